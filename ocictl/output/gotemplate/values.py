"""The values of Go that templates meet, as values of Python.

| Go | Python |
| --- | --- |
| no value at all (a missing key) | `MISSING` |
| nil in a list or map | `None` |
| `bool`, `float64`, `string` | `bool`, `float`, `str` |
| `int`, `int64`, `uint8` | `int`, `Int64`, `Uint8` |
| `[]any`, `[]string`, `[]int`, `[][]any` | `list`, `Strings`, `Ints`, `Lists` |
| `map[string]any`, `map[string]string` | `dict`, `StringMap` |
| nil of a list or map type | `NilList`, `NilMap` |
| `time.Time` | `Moment` |

Nothing else gets in, so a template never sees an object of the program. A string of Go is bytes: bytes that are
not UTF-8 are lone surrogates here, as Python itself does it for file names (`surrogateescape`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final, TypeAlias, TypeGuard

from ocictl.lazy_dataclass import dataclass
from ocictl.output.gotemplate.problems import Fault

Value: TypeAlias = Any
"""One of the types above."""


class Missing(Enum):
    """The type of `MISSING`, which stands for no value at all."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class Int64(int):
    """Go's int64."""


class Uint8(int):
    """Go's uint8: a byte of a string."""


class Strings(list[Any]):
    """Go's []string."""


class Ints(list[Any]):
    """Go's []int."""


class Lists(list[Any]):
    """Go's [][]interface {}."""


class NilList(list[Any]):
    """A nil of Go's []interface {}."""


class StringMap(dict[str, Any]):
    """Go's map[string]string."""


class NilMap(dict[str, Any]):
    """A nil of Go's map[string]interface {}."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Go's time.Time; the zone is always known."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one evaluation may do. Whoever needs more than this has made a mistake.

    Attributes:
        steps: parts of the template that are evaluated, and values that are made or looked at; some seconds.
        text: characters in one string.
        output: characters that are written.
        depth: levels of lists and maps in a value, and of templates that call each other.
    """

    steps: int = 5_000_000
    text: int = 16 * 1024 * 1024
    output: int = 64 * 1024 * 1024
    depth: int = 100


class Budget:
    """What is left of the limits during one evaluation. It makes every evaluation end."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._steps = limits.steps

    def spend(self, steps: int = 1) -> None:
        """Count steps before they are made."""
        self._steps -= steps
        if self._steps < 0:
            raise Fault(f"the template takes more than {self.limits.steps} steps")

    def text(self, size: int) -> None:
        """Count characters before a string of them is made."""
        if size > self.limits.text:
            raise Fault(f"a text would be longer than {self.limits.text} characters")
        self.spend(size // 16)

    def level(self, depth: int) -> None:
        """Check how deep something is nested."""
        if depth > self.limits.depth:
            raise Fault(f"something is nested more than {self.limits.depth} levels deep")


def from_json(budget: Budget, value: object, depth: int = 0) -> Value:
    """Take a JSON value in as oras does it: every number is a float64."""
    budget.spend()
    budget.level(depth)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float):
        return _float(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): from_json(budget, entry, depth + 1) for key, entry in value.items()}
    if isinstance(value, Sequence):
        return [from_json(budget, entry, depth + 1) for entry in value]
    raise Fault(f"the result holds a {type(value).__name__}, which is not JSON")


def _float(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Fault("the result holds a number that is too large for a template")
    return number


def clean(text: str) -> str:
    """Replace lone surrogates, which JSON allows and Go does not."""
    if text.isascii():
        return text
    return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


def to_bytes(text: str) -> bytes:
    """The bytes of a string of Go."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """The string of Go with these bytes."""
    return data.decode("utf-8", "surrogateescape")


def size_of(text: str) -> int:
    """The number of bytes of a string."""
    return len(text) if text.isascii() else len(to_bytes(text))


def is_integer(value: Value) -> TypeGuard[int]:
    """Tell whether this is an integer of any size; bool is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_list(value: Value) -> TypeGuard[list[Any]]:
    """Tell whether this is a list of any type."""
    return isinstance(value, list)


def is_map(value: Value) -> TypeGuard[dict[str, Any]]:
    """Tell whether this is a map[string]interface {}."""
    return isinstance(value, dict) and not isinstance(value, StringMap)


def truth(value: Value) -> bool:
    """Tell whether a condition holds: what is empty or zero does not."""
    if value is None or value is MISSING:
        return False
    if isinstance(value, Moment):
        return True
    return bool(value)


_TYPES: Final[tuple[tuple[type, str, str], ...]] = (
    (bool, "bool", "bool"),
    (Int64, "int64", "int64"),
    (Uint8, "uint8", "uint8"),
    (int, "int", "int"),
    (float, "float64", "float64"),
    (str, "string", "string"),
    (Strings, "[]string", "slice"),
    (Ints, "[]int", "slice"),
    (Lists, "[][]interface {}", "slice"),
    (list, "[]interface {}", "slice"),
    (StringMap, "map[string]string", "map"),
    (dict, "map[string]interface {}", "map"),
    (Moment, "time.Time", "struct"),
)


def type_name(value: Value) -> str:
    """The name of a value's type in Go."""
    return next((name for kind, name, _ in _TYPES if isinstance(value, kind)), "<nil>")


def kind_name(value: Value) -> str:
    """The name of the kind of a value's type in Go."""
    return next((name for kind, _, name in _TYPES if isinstance(value, kind)), "invalid")


def same(budget: Budget, one: Value, other: Value, depth: int = 0) -> bool:
    """Tell whether two values have the same type and the same contents."""
    budget.spend()
    budget.level(depth)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(
            same(budget, left, right, depth + 1) for left, right in zip(one, other, strict=True)
        )
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            same(budget, entry, other[key], depth + 1) for key, entry in one.items()
        )
    return bool(one == other)


def wrapped(number: int) -> int:
    """Keep an integer within 64 bits, as the arithmetic of Go does."""
    return (number + 2**63) % 2**64 - 2**63
