"""The functions of Go's text/template itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NoReturn
from urllib.parse import quote_plus

from ocictl.output.gotemplate.formatting import show, show_all, show_line
from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.printf import sprintf
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import (
    MISSING,
    Budget,
    NilList,
    NilMap,
    StringMap,
    Uint8,
    Value,
    is_integer,
    size_of,
    to_bytes,
    truth,
    type_name,
)

_HTML: Final = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS: Final = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "<": "\\u003C",
    ">": "\\u003E",
    "&": "\\u0026",
    "=": "\\u003D",
}


def _basic(value: Value) -> str:
    """The kind by which values are compared; empty for values that can only be compared with nil."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    return "string" if isinstance(value, str) else ""


def _is_nil(value: Value) -> bool:
    return value is None or value is MISSING or isinstance(value, NilList | NilMap)


def _equal(_: Budget, one: Value, *others: Value) -> bool:
    if not others:
        raise Fault("an argument to compare with is missing")
    return any(_same(one, other) for other in others)


def _same(one: Value, other: Value) -> bool:
    if one in (None, MISSING) or other in (None, MISSING):
        return _is_nil(one) and _is_nil(other)
    kind = _basic(one)
    if kind != _basic(other):
        raise Fault(f"incompatible types for comparison: {type_name(one)} and {type_name(other)}")
    if not kind:
        raise Fault(f"values of the type {type_name(one)} can't be compared")
    return bool(one == other)


def _less(_: Budget, one: Value, other: Value) -> bool:
    kinds = _basic(one), _basic(other)
    if "" in kinds or ("bool" in kinds and kinds[0] == kinds[1]):
        raise Fault("values of this type have no order")
    if kinds[0] != kinds[1]:
        raise Fault(f"incompatible types for comparison: {type_name(one)} and {type_name(other)}")
    return bool(one < other)


def _less_or_equal(budget: Budget, one: Value, other: Value) -> bool:
    return _less(budget, one, other) or _same(one, other)


def _position(value: Value, end: int) -> int:
    if not is_integer(value):
        raise Fault(f"a list or string can't be indexed with {type_name(value)}")
    if not 0 <= value < end:
        raise Fault(f"index {value} is out of range")
    return int(value)


def _index(budget: Budget, item: Value, *indexes: Value) -> Value:
    if _is_nil(item):
        raise Fault("nil can't be indexed")
    for index in indexes:
        budget.spend()
        if isinstance(item, list):
            item = item[_position(index, len(item))]
        elif isinstance(item, str):
            budget.text(len(item))
            data = to_bytes(item)
            item = Uint8(data[_position(index, len(data))])
        elif isinstance(item, dict):
            if not isinstance(index, str):
                raise Fault(f"the index of a map must be a string, not {type_name(index)}")
            item = item.get(index, "" if isinstance(item, StringMap) else None)
        else:
            raise Fault(f"a value of the type {type_name(item)} can't be indexed")
    return item


def _length(_: Budget, item: Value) -> int:
    if isinstance(item, str):
        return size_of(item)
    if isinstance(item, list | dict):
        return len(item)
    raise Fault(f"a value of the type {type_name(item)} has no length")


def _text(budget: Budget, values: tuple[Value, ...]) -> str:
    """Arguments as one text, for the functions that escape."""
    if len(values) == 1:
        return "<no value>" if _is_nil(values[0]) else show(budget, values[0])
    return show_all(budget, ["<no value>" if _is_nil(value) else value for value in values])


def _html(budget: Budget, *values: Value) -> str:
    text = _text(budget, values)
    budget.text(len(text) * 5)
    return re.sub("[\0\"'&<>]", lambda match: _HTML[match[0]], text)


def _js(budget: Budget, *values: Value) -> str:
    text = _text(budget, values)
    budget.text(len(text) * 6)
    return "".join(map(_js_character, text))


def _js_character(character: str) -> str:
    if character in _JS:
        return _JS[character]
    number = ord(character)
    if number < 0x20:
        return f"\\u{number:04X}"
    if character.isprintable() or number == 0x7F:
        return character
    return "\\uFFFD" if 0xDC80 <= number <= 0xDCFF else f"\\u{number:04X}"


def _urlquery(budget: Budget, *values: Value) -> str:
    text = _text(budget, values)
    budget.text(len(text) * 12)
    return quote_plus(to_bytes(text), safe="~")


def _call(_: Budget, *_values: Value) -> NoReturn:
    raise Fault("there are no functions to call in the data")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": Function(
        lambda _, *values: values[-1], ("value",), "value"
    ),  # these two are evaluated piece by piece
    "or": Function(lambda _, *values: values[-1], ("value",), "value"),
    "not": Function(lambda _, value: not truth(value), ("value",)),
    "eq": Function(_equal, ("value",), "value"),
    "ne": Function(lambda budget, one, other: not _equal(budget, one, other), ("value", "value")),
    "lt": Function(_less, ("value", "value")),
    "le": Function(_less_or_equal, ("value", "value")),
    "gt": Function(lambda budget, one, other: not _less_or_equal(budget, one, other), ("value", "value")),
    "ge": Function(lambda budget, one, other: not _less(budget, one, other), ("value", "value")),
    "index": Function(_index, ("value",), "value"),
    "len": Function(_length, ("value",)),
    "print": Function(lambda budget, *values: show_all(budget, values), (), "any"),
    "printf": Function(lambda budget, text, *values: sprintf(budget, text, values), ("string",), "any"),
    "println": Function(lambda budget, *values: show_line(budget, values), (), "any"),
    "html": Function(_html, (), "any"),
    "js": Function(_js, (), "any"),
    "urlquery": Function(_urlquery, (), "any"),
    "call": Function(_call, ("value",), "value"),
}
