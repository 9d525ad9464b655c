"""Numbers as Go reads, converts and writes them."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from ocictl.output.gotemplate.literals import parse_float, parse_integer
from ocictl.output.gotemplate.values import Value, is_integer

_WITH_POINT: Final = re.compile(r"([-+]?[0-9]*)(\.[0-9]*)?")
_SPECIAL: Final = re.compile(r"[+-]?(?:inf|infinity)|nan", re.IGNORECASE)
_SHORTEST_EXPONENT: Final = 6
"""From this exponent on `%v` writes `1e+06`."""


def to_integer(value: Value) -> int:
    """Convert anything to an integer, as the functions of Sprig do: 0 where there is nothing to convert."""
    if isinstance(value, bool) or is_integer(value):
        return int(value)
    if isinstance(value, float):
        fits = math.isfinite(value) and -(2.0**63) <= value < 2.0**63
        return int(value) if fits else -(2**63)
    if isinstance(value, str):
        match = _WITH_POINT.fullmatch(value) if "." in value else None
        whole = match[1] if match else value
        return parse_integer(f"{whole}0" if match and whole in {"", "-", "+"} else whole) or 0
    return 0


def to_real(value: Value) -> float:
    """Convert anything to a number with a fraction: 0 where there is nothing to convert."""
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, str):
        return float(value) if _SPECIAL.fullmatch(value) else parse_float(value) or 0.0
    return 0.0


def digits_of(number: int, base: int) -> str:
    """Write a number that is not negative in base 2, 8, 10 or 16."""
    return format(number, {2: "b", 8: "o", 10: "d", 16: "x"}[base])


def float_text(value: float, letter: str, precision: int) -> str:
    """Write a number.

    Args:
        value: the number.
        letter: `e`, `E`, `f`, `g` or `G`.
        precision: digits after the point, or with `g` altogether; -1 for as few as tell it from all others.
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if precision >= 0:
        return format(value, f".{precision}{letter}")
    if letter == "f":
        return _plain(value)
    mantissa, exponent = _parts(value)
    if letter in "gG" and -4 <= exponent < _SHORTEST_EXPONENT:
        return _plain(value)
    return f"{mantissa}{'E' if letter in 'EG' else 'e'}{exponent:+03d}"


def json_number(value: float) -> str | None:
    """Write a number as Go's JSON does; None for what JSON has no number for."""
    if not math.isfinite(value):
        return None
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        return _plain(value)
    mantissa, exponent = _parts(value)
    return f"{mantissa}e{exponent:+03d}" if exponent > 0 else f"{mantissa}e{exponent:d}"


def _plain(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _parts(value: float) -> tuple[str, int]:
    """The shortest digits, with a point after the first, and the exponent."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits))
    short = text.rstrip("0") or "0"
    power = int(exponent) + len(text) - 1 if value else 0
    return ("-" if sign else "") + short[0] + ("." + short[1:] if len(short) > 1 else ""), power
