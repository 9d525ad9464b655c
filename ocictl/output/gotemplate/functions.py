"""What a function of templates is, and all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

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


def all_functions() -> Mapping[str, Function]:
    """Every function by name. Sprig's replace those of Go that have the same name, as in oras."""
    from ocictl.output.gotemplate import (
        builtin_functions,
        data_functions,
        list_functions,
        map_functions,
        number_functions,
        regex_functions,
        text_functions,
        time_functions,
    )

    return {
        **builtin_functions.FUNCTIONS,
        **data_functions.FUNCTIONS,
        **list_functions.FUNCTIONS,
        **map_functions.FUNCTIONS,
        **number_functions.FUNCTIONS,
        **regex_functions.FUNCTIONS,
        **text_functions.FUNCTIONS,
        **time_functions.FUNCTIONS,
    }


UNSUPPORTED: Final = frozenset(
    """
    bcrypt buildCustomCert camelcase decryptAES derivePassword encryptAES env expandenv genCA genCAWithKey
    genPrivateKey genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey getHostByName htpasswd
    kebabcase randAlpha randAlphaNum randAscii randBytes randInt randNumeric semver semverCompare shuffle snakecase
    urlJoin urlParse uuidv4
    """.split()
)
"""Functions of Sprig that are left out: they make secrets, look around, or are rare."""


def missing_function(name: str) -> str:
    """What to say about a name that is no function."""
    if name in UNSUPPORTED:
        return f"the function {name!r} of Sprig is not supported"
    return f"function {name!r} is not defined"
