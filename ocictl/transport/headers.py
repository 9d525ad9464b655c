"""Reading the header fields of registries: small pure functions, one per field.

Each takes the field as it came (or its lines, where a field may be repeated) and never raises on nonsense
unless it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ocictl.errors import RegistryError
from ocictl.lazy_dataclass import dataclass
from ocictl.lazy_pattern import pattern
from ocictl.model.text import shorten

_CONTENT_RANGE = pattern(r"bytes (?:(\d{1,19})-(\d{1,19})|\*)/(\d{1,19}|\*)", re.ASCII | re.IGNORECASE)
_UPLOAD_RANGE = pattern(r"(?:bytes=)?0-(\d{1,19})", re.ASCII)
_WARNING = pattern(r'(\d{3}) ([^ ",]+) "((?:[^"\\]|\\.)*)"( "[^"]*")?', re.ASCII | re.DOTALL)
_PAIR = pattern(r"\\(.)", re.DOTALL)
_CONTROL = pattern("[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class ContentRange:
    """The `Content-Range` of an answer.

    Attributes:
        first, last: offsets, both inclusive; None in the form `*/total` of a 416.
        total: size of the whole, or None if unknown.
    """

    first: int | None
    last: int | None
    total: int | None


def content_range(value: str | None) -> ContentRange | None:
    """Read the `Content-Range` of a 206 or 416; None if it is missing or malformed (PULL-08)."""
    match = _CONTENT_RANGE.fullmatch((value or "").strip())
    if match is None:
        return None
    total = None if match[3] == "*" else int(match[3])
    if match[1] is None:
        return None if total is None else ContentRange(None, None, total)
    first, last = int(match[1]), int(match[2])
    if last < first or (total is not None and last >= total):
        return None
    return ContentRange(first, last, total)


def upload_offset(value: str | None, *, acknowledged: int) -> int:
    """Read the `Range` of an upload session: the offset of the next byte to send (PUSH-10, PUSH-12).

    Args:
        value: the field, or None.
        acknowledged: how many bytes the registry has confirmed before. `0-0` means one byte or none at all, and
            is taken as none as long as nothing was confirmed.

    Raises:
        RegistryError: `registry-protocol`, the field does not begin at 0 or is malformed.
    """
    text = (value or "").strip()
    if text in ("", "0--1"):
        return 0
    match = _UPLOAD_RANGE.fullmatch(text)
    if match is None:
        raise RegistryError(
            f"the registry reports the state of an upload as {shorten(text, 80)!r}, not as 0-LAST",
            code="registry-protocol",
            details={"value": shorten(text, 80), "rule": "PUSH-12"},
        )
    last = int(match[1])
    return 0 if last == 0 and acknowledged == 0 else last + 1


def retry_after(value: str | None, now: float) -> float | None:
    """Read `Retry-After`: seconds to wait from now on, or None if it is missing or malformed (LIM-01).

    Args:
        value: delay in seconds, or an HTTP date.
        now: POSIX time stamp.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), 1e9)
    if not text[:1].isalpha():
        return None
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        from datetime import UTC

        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now)


def filter_applied(values: Iterable[str], name: str = "artifactType") -> bool:
    """Tell whether `OCI-Filters-Applied` lists this filter, exactly as spelled (RFR-08)."""
    return name in _items(values)


def tags_written(values: Iterable[str]) -> list[str]:
    """The tags that `OCI-Tag` says were written (MPUT-06)."""
    return _items(values)


def media_type(value: str | None) -> str | None:
    """The media type of a `Content-Type`, lower case and without parameters; None if missing (PULL-02)."""
    return (value or "").partition(";")[0].strip().lower() or None


def warning_texts(values: Iterable[str]) -> list[str]:
    """The texts of `Warning: 299 - "text"`, each once, without control characters; other forms are ignored.

    Rules WRN-01, WRN-03, WRN-04.
    """
    texts: dict[str, None] = {}
    for value in values:
        for code, agent, text in _warnings(value):
            if code == "299" and agent == "-" and text:
                texts.setdefault(text)
    return list(texts)


def _warnings(value: str) -> Iterable[tuple[str, str, str]]:
    """Code, agent and text of each warning of one line; those with a date are left out."""
    position = 0
    while match := _WARNING.match(value, position):
        if match[4] is None:
            yield match[1], match[2], _CONTROL.sub("", _PAIR.sub(r"\1", match[3]))
        rest = value[match.end() :].lstrip(" \t")
        if not rest.startswith(","):
            return
        position = len(value) - len(rest.lstrip(", \t"))


def _items(values: Iterable[str]) -> list[str]:
    return [item for value in values for part in value.split(",") if (item := part.strip())]
