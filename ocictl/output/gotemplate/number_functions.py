"""Functions of Sprig about numbers. Whole numbers are int64, as in Sprig."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from functools import reduce
from typing import Final

from ocictl.output.gotemplate.formatting import show
from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.literals import parse_integer
from ocictl.output.gotemplate.numbers import to_integer, to_real
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import Budget, Int64, Value, wrapped

_EXACT: Final = Context(prec=1500, rounding=ROUND_HALF_UP, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])
_PLACES: Final = Decimal("1e-16")
"""Where a quotient is rounded."""


def _fold(calculate: Callable[[int, int], int], start: int | None = None) -> Callable[..., Int64]:
    def call(_: Budget, *values: Value) -> Int64:
        numbers = [to_integer(value) for value in values]
        folded = reduce(
            lambda one, other: wrapped(calculate(one, other)), numbers if start is None else [start, *numbers]
        )
        return Int64(folded)

    return call


def _quotient(one: int, other: int) -> int:
    """Go rounds toward zero."""
    if other == 0:
        raise Fault("division by zero")
    return abs(one) // abs(other) * (1 if (one < 0) == (other < 0) else -1)


def _remainder(one: int, other: int) -> int:
    return one - other * _quotient(one, other)


def _fold_real(
    calculate: Callable[[Decimal, Decimal], Decimal], start: float | None = None
) -> Callable[..., float]:
    def call(_: Budget, *values: Value) -> float:
        given = [to_real(value) for value in values]
        numbers = [_decimal(number) for number in (given if start is None else [start, *given])]
        return float(reduce(calculate, numbers))

    return call


def _decimal(number: float) -> Decimal:
    if not math.isfinite(number):
        raise Fault("there is no calculating with infinity")
    return Decimal(repr(number))


def _divided(one: Decimal, other: Decimal) -> Decimal:
    if other == 0:
        raise Fault("division by zero")
    return _EXACT.quantize(_EXACT.divide(one, other), _PLACES)


def _extreme(choose: Callable[[list[float]], float]) -> Callable[..., float]:
    def call(_: Budget, *values: Value) -> float:
        return choose([to_real(value) for value in values])

    return call


def _whole(change: Callable[[float], int]) -> Callable[..., float]:
    def call(_: Budget, value: Value) -> float:
        number = to_real(value)
        return float(change(number)) if math.isfinite(number) else number

    return call


def _round(_: Budget, value: Value, places: int, *at: float) -> float:
    number = to_real(value)
    if not math.isfinite(number):
        return number
    if abs(places) > 300:
        return math.nan
    power = 10.0**places
    moved = power * number
    if not math.isfinite(moved):
        return number
    fraction = math.modf(moved)[0]
    return (math.ceil(moved) if fraction >= (at[0] if at else 0.5) else math.floor(moved)) / power


def _to_decimal(budget: Budget, value: Value) -> Int64:
    """Read a number in base 8, which is what this function of Sprig is for."""
    text = show(budget, value) if value is not None else ""
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text.removeprefix("+"))
    return Int64(parse_integer(f"{sign}0o{digits}") or 0 if digits.isdecimal() else 0)


def _atoi(_: Budget, text: str) -> int:
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not (digits.isascii() and digits.isdecimal()):
        return 0
    number = parse_integer(text[: len(text) - len(digits)] + (digits.lstrip("0") or "0"))
    return number or 0


FUNCTIONS: Final[Mapping[str, Function]] = {
    "int": Function(lambda _, value: to_integer(value), ("any",)),
    "int64": Function(lambda _, value: Int64(to_integer(value)), ("any",)),
    "float64": Function(lambda _, value: to_real(value), ("any",)),
    "atoi": Function(_atoi, ("string",)),
    "toDecimal": Function(_to_decimal, ("any",)),
    "add": Function(_fold(operator.add, 0), (), "any"),
    "add1": Function(_fold(operator.add, 1), ("any",)),
    "sub": Function(_fold(operator.sub), ("any", "any")),
    "mul": Function(_fold(operator.mul), ("any",), "any"),
    "div": Function(_fold(_quotient), ("any", "any")),
    "mod": Function(_fold(_remainder), ("any", "any")),
    **dict.fromkeys(("max", "biggest"), Function(_fold(max), ("any",), "any")),
    "min": Function(_fold(min), ("any",), "any"),
    "addf": Function(_fold_real(_EXACT.add, 0.0), (), "any"),
    "add1f": Function(_fold_real(_EXACT.add, 1.0), ("any",)),
    "subf": Function(_fold_real(_EXACT.subtract), ("any",), "any"),
    "mulf": Function(_fold_real(_EXACT.multiply), ("any",), "any"),
    "divf": Function(_fold_real(_divided), ("any",), "any"),
    "maxf": Function(_extreme(max), ("any",), "any"),
    "minf": Function(_extreme(min), ("any",), "any"),
    "floor": Function(_whole(math.floor), ("any",)),
    "ceil": Function(_whole(math.ceil), ("any",)),
    "round": Function(_round, ("any", "int"), "float64"),
}
