"""Functions of Sprig about lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ocictl.output.gotemplate.data_functions import is_empty
from ocictl.output.gotemplate.formatting import joined, strings_of
from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.numbers import to_integer
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import (
    Budget,
    Ints,
    Lists,
    NilList,
    Strings,
    Value,
    is_list,
    kind_name,
    same,
)


def _entries(budget: Budget, value: Value) -> list[Any]:
    if not is_list(value):
        raise Fault(f"a list is needed, not {kind_name(value)}")
    budget.spend(len(value))
    return value


def _on_list(change: Callable[[list[Any]], Value]) -> Function:
    """A function of one list."""
    return Function(lambda budget, value: change(_entries(budget, value)), ("any",))


def _some(change: Callable[[list[Any]], list[Any]]) -> Function:
    """A function of one list whose result is nil if the list is empty."""
    return _on_list(lambda entries: change(entries) if entries else NilList())


def _contains(budget: Budget, entries: Iterable[Any], wanted: Value) -> bool:
    return any(same(budget, wanted, entry) for entry in entries)


def _has(budget: Budget, wanted: Value, value: Value) -> bool:
    return value is not None and _contains(budget, _entries(budget, value), wanted)


def _uniq(budget: Budget, value: Value) -> list[Any]:
    found: list[Any] = []
    for entry in _entries(budget, value):
        if not _contains(budget, found, entry):
            found.append(entry)
    return found


def _without(budget: Budget, value: Value, *unwanted: Value) -> list[Any]:
    return [entry for entry in _entries(budget, value) if not _contains(budget, unwanted, entry)]


def _slice(budget: Budget, value: Value, *bounds: Value) -> Value:
    entries = _entries(budget, value)
    if not entries:
        return None
    start = to_integer(bounds[0]) if bounds else 0
    end = to_integer(bounds[1]) if len(bounds) > 1 else len(entries)
    if not 0 <= start <= end <= len(entries):
        raise Fault(f"the bounds {start} and {end} are out of range")
    return type(entries)(entries[start:end])


def _chunk(budget: Budget, size: int, value: Value) -> Lists:
    entries = _entries(budget, value)
    if size < 1:
        raise Fault(f"a list can't be cut into pieces of {size}")
    return Lists(entries[start : start + size] for start in range(0, len(entries), size))


def _concat(budget: Budget, *values: Value) -> list[Any]:
    found = [entry for value in values for entry in _entries(budget, value)]
    return found or NilList()


def _sort(budget: Budget, value: Value) -> Strings:
    found = strings_of(budget, value)
    return Strings(sorted(found) if is_list(value) else found or ["<nil>"])


def _join(budget: Budget, separator: str, value: Value) -> str:
    return joined(budget, strings_of(budget, value), separator)


def _range(budget: Budget, start: int, stop: int, step: int) -> Ints:
    if step == 0 or (stop < start) != (step < 0):
        return Ints()
    numbers = range(start, stop, step)
    if start != stop:
        budget.spend((abs(stop - start) + abs(step) - 1) // abs(step))
    return Ints(numbers)


def _until(budget: Budget, count: int) -> Ints:
    return _range(budget, 0, count, -1 if count < 0 else 1)


def _seq(budget: Budget, *bounds: int) -> str:
    match bounds:
        case (end,):
            start, step, down = 1, -1 if end < 1 else 1, end < 1
        case (start, end):
            step, down = -1 if end < start else 1, end < start
        case (start, step, end):
            down = end < start
            if down and step > 0:
                return ""
        case _:
            return ""
    numbers = _range(budget, start, end + (-1 if down else 1), step)
    return joined(budget, [str(number) for number in numbers], " ")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "list": Function(lambda _, *values: list(values), (), "any"),
    "tuple": Function(lambda _, *values: list(values), (), "any"),
    **dict.fromkeys(("first", "mustFirst"), _on_list(lambda entries: entries[0] if entries else None)),
    **dict.fromkeys(("last", "mustLast"), _on_list(lambda entries: entries[-1] if entries else None)),
    **dict.fromkeys(("rest", "mustRest"), _some(lambda entries: list(entries[1:]))),
    **dict.fromkeys(("initial", "mustInitial"), _some(lambda entries: list(entries[:-1]))),
    **dict.fromkeys(("reverse", "mustReverse"), _on_list(lambda entries: list(reversed(entries)))),
    **dict.fromkeys(
        ("compact", "mustCompact"),
        _on_list(lambda entries: [entry for entry in entries if not is_empty(entry)]),
    ),
    **dict.fromkeys(("uniq", "mustUniq"), Function(_uniq, ("any",))),
    **dict.fromkeys(("without", "mustWithout"), Function(_without, ("any",), "any")),
    **dict.fromkeys(("has", "mustHas"), Function(_has, ("any", "any"))),
    **dict.fromkeys(("slice", "mustSlice"), Function(_slice, ("any",), "any")),
    **dict.fromkeys(("chunk", "mustChunk"), Function(_chunk, ("int", "any"))),
    **dict.fromkeys(
        ("append", "push", "mustAppend", "mustPush"),
        Function(lambda budget, value, entry: [*_entries(budget, value), entry], ("any", "any")),
    ),
    **dict.fromkeys(
        ("prepend", "mustPrepend"),
        Function(lambda budget, value, entry: [entry, *_entries(budget, value)], ("any", "any")),
    ),
    "concat": Function(_concat, (), "any"),
    "sortAlpha": Function(_sort, ("any",)),
    "join": Function(_join, ("string", "any")),
    "toStrings": Function(lambda budget, value: Strings(strings_of(budget, value)), ("any",)),
    "until": Function(_until, ("int",)),
    "untilStep": Function(_range, ("int", "int", "int")),
    "seq": Function(_seq, (), "int"),
}
