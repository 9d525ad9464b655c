"""Reading JSON strictly, and saying where it is wrong (section JSON, PY-06, PY-07, PY-10)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from ocictl.errors import ContentError

T = TypeVar("T")
INT64_MAX = 2**63 - 1
LONGEST = 300
"""Most characters of a place or a reason in a message."""


def malformed(place: str, why: str, rule: str) -> ContentError:
    """The error for a document that breaks a rule, at a place such as `$.layers[2].size`.

    Place and reason may quote the document, which may be hostile: both are cut.
    """
    place, why = (text if len(text) <= LONGEST else text[: LONGEST - 3] + "..." for text in (place, why))
    return ContentError(f"{place}: {why}", code="document-malformed", details={"place": place, "rule": rule})


def load(raw: bytes, what: str = "document") -> Any:
    """Parse strict I-JSON: UTF-8 without a byte order mark, no duplicate names, no NaN (JSON-01, JSON-02).

    Raises:
        ContentError: `document-malformed`.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed("$", f"the {what} is not UTF-8 (byte {error.start})", "JSON-01") from error
    if text.startswith("\ufeff"):
        raise malformed("$", f"the {what} begins with a byte order mark", "JSON-01")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ContentError:
        raise
    except RecursionError as error:
        raise malformed("$", f"the {what} is nested too deeply", "JSON-01") from error
    except ValueError as error:
        raise malformed("$", f"the {what} is not JSON ({error})", "JSON-01") from error
    if "\\ud" in text or "\\uD" in text:
        _no_lone_surrogates(value, what)
    return value


def dump(value: Any) -> bytes:
    """Serialise compactly, byte for byte as Go's `encoding/json` does.

    Go escapes `<`, `>`, `&` and the two line separators inside strings; digests of documents that both
    tools write for the same input agree only if we do so too.

    Raises:
        ContentError: `document-malformed`: the value has a number or string that JSON in UTF-8 can't hold.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        for character in "<>&\u2028\u2029":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text.encode("utf-8")
    except ValueError as error:
        raise malformed("$", f"can't be written as JSON ({error})", "JSON-01") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _value in pairs:
            if name in seen:
                raise malformed("$", f"the member {name!r} appears twice in one object", "JSON-02")
            seen.add(name)
    return members


def _no_lone_surrogates(value: Any, what: str) -> None:
    """Refuse half of an escaped pair, which I-JSON forbids: such a string can't be shown or written."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise malformed("$", f"the {what} has a string with half a surrogate pair", "JSON-01") from error


def _no_constant(name: str) -> NoReturn:
    raise malformed("$", f"{name} is not JSON", "JSON-01")


class Members:
    """The members of one JSON object: each is taken once, what is left over is `rest()`."""

    __slots__ = ("_left", "_place", "_rule")

    def __init__(self, value: object, place: str, *, rule: str) -> None:
        if not isinstance(value, dict):
            raise malformed(place, f"must be an object, not {kind(value)}", rule)
        self._left: dict[str, Any] = dict(value)
        self._place = place
        self._rule = rule

    def place(self, name: str) -> str:
        return f"{self._place}.{name}"

    def fail(self, name: str, why: str, rule: str | None = None) -> NoReturn:
        raise malformed(self.place(name), why, rule or self._rule)

    def has(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str) -> Any:
        """The value of a required member."""
        if name not in self._left:
            self.fail(name, "is required")
        return self._left.pop(name)

    def string(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            self.fail(name, f"must be a string, not {kind(value)}")
        return value

    def optional_string(self, name: str) -> str | None:
        return self.string(name) if self.has(name) else None

    def optional_strings(self, name: str, rule: str | None = None) -> tuple[str, ...]:
        if not self.has(name):
            return ()
        value = self.take(name)
        if not isinstance(value, list):
            self.fail(name, f"must be an array, not {kind(value)}", rule)
        for position, entry in enumerate(value):
            if not isinstance(entry, str):
                self.fail(f"{name}[{position}]", f"must be a string, not {kind(entry)}", rule)
        return tuple(value)

    def integer(self, name: str) -> int:
        """A non-negative int64; a boolean and 7.0 are none (DESC-04, PY-10)."""
        value = self.take(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(name, f"must be an integer, not {kind(value)}", "DESC-04")
        if not 0 <= value <= INT64_MAX:
            self.fail(name, "must be between 0 and 2^63-1", "DESC-04")
        return value

    def annotations(self) -> dict[str, str] | None:
        """The `annotations` member: a map of strings, never null (ANN-01, ANN-02)."""
        if not self.has("annotations"):
            return None
        value = self.take("annotations")
        if not isinstance(value, dict):
            self.fail("annotations", f"must be an object, not {kind(value)}", "ANN-02")
        for key, entry in value.items():
            if not isinstance(entry, str):
                self.fail(f"annotations[{key!r}]", f"must be a string, not {kind(entry)}", "ANN-01")
        return value

    def array(self, name: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
        """A required array, each entry read with its place."""
        value = self.take(name)
        if not isinstance(value, list):
            self.fail(name, f"must be an array, not {kind(value)}")
        return tuple(read(entry, f"{self.place(name)}[{position}]") for position, entry in enumerate(value))

    def rest(self) -> dict[str, Any]:
        """The members nobody took."""
        return self._left


def kind(value: object) -> str:
    """What JSON calls this value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"


def sorted_map(value: Mapping[str, str] | Iterable[tuple[str, str]]) -> dict[str, str]:
    """A map in the order of its keys' UTF-8 bytes, which is how Go writes maps."""
    return dict(sorted(dict(value).items(), key=lambda item: item[0].encode("utf-8")))
