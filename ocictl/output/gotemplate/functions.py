"""What a function of templates is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias

from ocictl.lazy_dataclass import dataclass
from ocictl.output.gotemplate.values import MISSING, Moment, NilMap, Value, is_integer, is_map, type_name

Kind: TypeAlias = Literal["any", "value", "string", "int", "float64", "bool", "map", "time"]
"""What a parameter takes: `any` does not tell a missing value from nil, `value` does."""

GO_NAMES: Final[Mapping[Kind, str]] = {
    "any": "interface {}",
    "value": "reflect.Value",
    "map": "map[string]interface {}",
    "time": "time.Time",
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function that templates may call.

    Attributes:
        call: takes the budget and the arguments; raises `Fault` for what is wrong with them.
        parameters: what it takes.
        variadic: what it takes after that, any number of times; None for nothing.
    """

    call: Callable[..., Value]
    parameters: tuple[Kind, ...] = ()
    variadic: Kind | None = None

    def parameter(self, position: int) -> Kind:
        """What the function takes at a position that it has."""
        return self.parameters[position] if position < len(self.parameters) else self.variadic or "any"

    def takes(self, count: int) -> bool:
        """Tell whether the function can be called with this many arguments."""
        if self.variadic is None:
            return count == len(self.parameters)
        return count >= len(self.parameters)


def fit(value: Value, kind: Kind) -> tuple[bool, Value]:
    """Tell whether a value is what a parameter takes, and return it as the function gets it."""
    if kind == "value":
        return True, value
    if kind == "any":
        return True, None if value is MISSING else value
    if kind == "map" and value is MISSING:
        return True, NilMap()
    matches: dict[Kind, Callable[[Any], bool]] = {
        "string": lambda given: isinstance(given, str),
        "int": lambda given: is_integer(given) and type_name(given) == "int",
        "float64": lambda given: isinstance(given, float),
        "bool": lambda given: isinstance(given, bool),
        "map": is_map,
        "time": lambda given: isinstance(given, Moment),
    }
    return matches[kind](value), value
