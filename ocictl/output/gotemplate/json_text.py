"""JSON as Go writes and reads it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final, NoReturn

from ocictl.output.gotemplate.formatting import joined
from ocictl.output.gotemplate.numbers import json_number
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.time_layout import format_time
from ocictl.output.gotemplate.values import (
    Budget,
    Moment,
    NilList,
    NilMap,
    Value,
    from_json,
    is_integer,
)

_SPECIAL: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\udc80-\udcff]')
_HTML: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\udc80-\udcff<>&]')
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


def to_json(budget: Budget, value: Value, *, indent: str = "", html: bool = True) -> str | None:
    """Write a value as JSON; None if a number in it has no JSON.

    Args:
        budget: what may be spent.
        value: what to write.
        indent: of one level; without one everything is on one line.
        html: escape `<`, `>` and `&`.
    """
    pattern = _HTML if html else _SPECIAL

    def string(text: str) -> str:
        budget.text(len(text) * 6)
        return '"' + pattern.sub(lambda match: _escape(match[0]), text) + '"'

    return _write(budget, value, string, indent, 0)


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    number = ord(character)
    return "\\ufffd" if number >= 0xDC80 else f"\\u{number:04x}"


def _write(budget: Budget, value: Value, string: Callable[[str], str], indent: str, depth: int) -> str | None:
    budget.spend()
    budget.level(depth)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_integer(value):
        return str(int(value))
    if isinstance(value, float):
        return json_number(value)
    if isinstance(value, Moment):
        return string(format_time(value, "2006-01-02T15:04:05.999999999Z07:00"))
    if isinstance(value, list) and not isinstance(value, NilList):
        entries = [_write(budget, entry, string, indent, depth + 1) for entry in value]
        return _enclosed(budget, entries, "[]", indent, depth)
    if isinstance(value, dict) and not isinstance(value, NilMap):
        colon = ": " if indent else ":"
        entries = []
        for key in sorted(value):
            entry = _write(budget, value[key], string, indent, depth + 1)
            entries.append(None if entry is None else string(key) + colon + entry)
        return _enclosed(budget, entries, "{}", indent, depth)
    return "null"


def _enclosed(
    budget: Budget, entries: list[str | None], brackets: str, indent: str, depth: int
) -> str | None:
    written = [entry for entry in entries if entry is not None]
    if len(written) < len(entries):
        return None
    if not indent or not written:
        return brackets[0] + joined(budget, written, ",") + brackets[1]
    inner = "\n" + indent * (depth + 1)
    return brackets[0] + inner + joined(budget, written, "," + inner) + "\n" + indent * depth + brackets[1]


def read_json(budget: Budget, text: str) -> Value:
    """Read JSON.

    Raises:
        Fault: it is none.
    """

    def no_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    budget.spend(len(text) // 16)
    try:
        found = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise Fault("the text is not JSON") from error
    return from_json(budget, found)
