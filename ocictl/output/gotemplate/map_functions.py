"""Functions of Sprig about maps. Those that change a map change the one they are given, as Sprig's do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ocictl.output.gotemplate.data_functions import is_empty
from ocictl.output.gotemplate.formatting import show
from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import Budget, NilMap, Strings, Value, is_map


def _dict(budget: Budget, *values: Value) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for position in range(0, len(values), 2):
        key = values[position]
        name = "<nil>" if key is None else show(budget, key)
        found[name] = values[position + 1] if position + 1 < len(values) else ""
    return found


def _set(_: Budget, target: dict[str, Any], key: str, value: Value) -> dict[str, Any]:
    if isinstance(target, NilMap):
        raise Fault("nothing can be set in nil")
    target[key] = value
    return target


def _unset(_: Budget, target: dict[str, Any], key: str) -> dict[str, Any]:
    target.pop(key, None)
    return target


def _keys(budget: Budget, *maps: dict[str, Any]) -> Strings:
    """Sprig gives them in any order; here they are sorted, map by map."""
    budget.spend(sum(map(len, maps)))
    return Strings(key for entries in maps for key in sorted(entries))


def _values(budget: Budget, entries: dict[str, Any]) -> list[Any]:
    """Sprig gives them in any order; here they are in the order of their keys."""
    budget.spend(len(entries))
    return [entries[key] for key in sorted(entries)]


def _pluck(_: Budget, key: str, *maps: dict[str, Any]) -> list[Any]:
    return [entries[key] for entries in maps if key in entries]


def _pick(_: Budget, entries: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: entries[key] for key in keys if key in entries}


def _omit(budget: Budget, entries: dict[str, Any], *keys: str) -> dict[str, Any]:
    budget.spend(len(entries))
    return {key: value for key, value in entries.items() if key not in keys}


def _merge(budget: Budget, target: dict[str, Any], *sources: dict[str, Any]) -> dict[str, Any]:
    """Fill in what is missing or empty in the first map."""
    return _merge_all(budget, target, sources, overwrite=False)


def _merge_overwrite(budget: Budget, target: dict[str, Any], *sources: dict[str, Any]) -> dict[str, Any]:
    """Put everything from the other maps into the first; maps in it are merged, too."""
    return _merge_all(budget, target, sources, overwrite=True)


def _merge_all(
    budget: Budget, target: dict[str, Any], sources: Sequence[dict[str, Any]], *, overwrite: bool
) -> dict[str, Any]:
    found = {} if isinstance(target, NilMap) else target
    for source in sources:
        _merge_one(budget, found, source, 0, overwrite=overwrite)
    return found


def _merge_one(
    budget: Budget, target: dict[str, Any], source: dict[str, Any], depth: int, *, overwrite: bool
) -> None:
    budget.level(depth)
    for key, value in list(source.items()):
        budget.spend()
        before = target.get(key)
        if is_map(before) and is_map(value):
            _merge_one(budget, before, value, depth + 1, overwrite=overwrite)
        elif overwrite or (is_empty(before) and value is not None):
            target[key] = value


def _dig(_: Budget, *arguments: Value) -> Value:
    if len(arguments) < 3:
        raise Fault("at least a key, a default and a map are needed")
    *keys, default, found = arguments
    for key in keys:
        if not is_map(found):
            raise Fault("what is searched is no map")
        if not isinstance(key, str):
            raise Fault("a key is no string")
        if key not in found:
            return default
        found = found[key]
    return found


def _get(_: Budget, entries: dict[str, Any], key: str) -> Value:
    return entries.get(key, "")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "dict": Function(_dict, (), "any"),
    "get": Function(_get, ("map", "string")),
    "set": Function(_set, ("map", "string", "any")),
    "unset": Function(_unset, ("map", "string")),
    "hasKey": Function(lambda _, entries, key: key in entries, ("map", "string")),
    "pluck": Function(_pluck, ("string",), "map"),
    "keys": Function(_keys, (), "map"),
    "values": Function(_values, ("map",)),
    "pick": Function(_pick, ("map",), "string"),
    "omit": Function(_omit, ("map",), "string"),
    **dict.fromkeys(("merge", "mustMerge"), Function(_merge, ("map",), "map")),
    **dict.fromkeys(("mergeOverwrite", "mustMergeOverwrite"), Function(_merge_overwrite, ("map",), "map")),
    "dig": Function(_dig, (), "any"),
}
