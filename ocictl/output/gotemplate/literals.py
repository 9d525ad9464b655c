"""Constants of Go's syntax: quoted strings, characters, numbers."""

from __future__ import annotations

import re
from typing import Final

from ocictl.output.gotemplate.nodes import Number
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.values import from_bytes, to_bytes

_ESCAPES: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_PART: Final = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|([^\\])", re.DOTALL
)
_INTEGER: Final = re.compile(
    r"([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|([1-9](?:_?[0-9])*|0))"
)
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_HEX_FLOAT: Final = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+")
_BAD_UNDERSCORE: Final = re.compile(
    r"^[+-]?(?:0[xX](?:[^_]|_(?=[0-9a-fA-F]))*_(?![0-9a-fA-F])|(?!0[xX]).*?(?:(?<![0-9])_|_(?![0-9])))"
)
"""An underscore that does not stand between two digits; the prefix of a hexadecimal number counts as one."""
_LONGEST: Final = 400
"""Characters of a number; more than any number that fits needs."""


def unquote(quoted: str) -> str:
    """Return what a string constant stands for: in double quotes with escapes, in back quotes as it is.

    Raises:
        Fault: an escape does not exist.
    """
    inside = quoted[1:-1]
    if quoted[0] == "`":
        return inside.replace("\r", "")
    if "\\" not in inside:
        return inside
    parts: list[bytes] = []
    position = 0
    while position < len(inside):
        position = _unescape(inside, position, '"', parts)
    return from_bytes(b"".join(parts))


def character(quoted: str) -> int:
    """Return the number of a character constant, quotes included in `quoted`.

    Raises:
        Fault: there is not exactly one character in it.
    """
    inside = quoted[1:-1]
    match = _PART.match(inside)
    if match is None or match.end() != len(inside):
        raise Fault(f"malformed character constant {quoted}")
    parts: list[bytes] = []
    _unescape(inside, 0, "'", parts)
    byte = match[1] or match[2]
    if byte:
        return parts[0][0]
    return ord(parts[0].decode("utf-8", "replace")[0])


def _unescape(text: str, position: int, quote: str, parts: list[bytes]) -> int:
    match = _PART.match(text, position)
    if match is None:
        raise Fault("a backslash stands at the end of a constant")
    hexadecimal, octal, short, long, single, plain = match.groups()
    if plain:
        parts.append(to_bytes(plain))
    elif single:
        if single not in _ESCAPES and single != quote:
            raise Fault(f"unknown escape \\{single} in a constant")
        parts.append(to_bytes(_ESCAPES.get(single, single)))
    elif hexadecimal or octal:
        number = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
        if number > 255:
            raise Fault(f"\\{octal} in a constant is more than a byte")
        parts.append(bytes([number]))
    else:
        number = int(short or long, 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise Fault(f"{match[0]} in a constant is no character")
        parts.append(chr(number).encode())
    return match.end()


def parse_integer(text: str) -> int | None:
    """Read an integer as Go does when the prefix tells the base; None when it is none, or has more than 64 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        return None
    sign, hexadecimal, binary, octal, decimal = match.groups()
    digits, base = next(
        (digits, base)
        for digits, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10))
        if digits is not None
    )
    number = int(digits.replace("_", ""), base) * (-1 if sign == "-" else 1)
    return number if -(2**63) <= number < 2**63 else None


def parse_float(text: str) -> float | None:
    """Read a number as Go does, hexadecimal ones too; None when it is none, or too large."""
    if len(text) > _LONGEST or _BAD_UNDERSCORE.search(text):
        return None
    text = text.replace("_", "")
    if _DECIMAL.fullmatch(text):
        number = float(text)
    elif _HEX_FLOAT.fullmatch(text):
        try:
            number = float.fromhex(text)
        except OverflowError:
            return None
    else:
        return None
    return None if number in (float("inf"), float("-inf")) else number


def number(offset: int, text: str) -> Number:
    """Read a number constant.

    Raises:
        Fault: it is none, or not one that fits into 64 bits.
    """
    if text.endswith("i"):
        raise Fault(f"complex numbers like {text} are not supported")
    integer = parse_integer(text)
    if integer is not None:
        return Number(offset, text, integer, float(integer), integer)
    real = parse_float(text)
    is_whole = not re.search(r"[.eEpP]", text)
    if real is None or (is_whole and abs(real) < 2.0**63):
        raise Fault(f"illegal number syntax {text!r}")
    if is_whole:
        raise Fault(f"{text} is too large for an integer")
    whole = int(real) if real.is_integer() and -(2**63) <= real < 2**63 else None
    return Number(offset, text, whole, real, real)
