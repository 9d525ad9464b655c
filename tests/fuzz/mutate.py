"""Turning good input into bad: changes of bytes, and of the tokens that a format is made of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

__all__ = ["mend_checksums", "mutated"]

_NUMBERS: Final = [0, 1, 0x7F, 0x80, 0xFF, 0x30, 0x37, 0x2F, 0x2E, 0x20, 0x0A]
_LONGEST: Final = 64 * 1024


def mutated(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], chance: random.Random) -> bytes:
    """Return the data with one to eight changes."""
    result = bytearray(data)
    for _ in range(1 + chance.randrange(8) * chance.randrange(2)):
        _change(result, others, tokens, chance)
    return bytes(result[:_LONGEST])


def _change(data: bytearray, others: Sequence[bytes], tokens: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    length = min(chance.choice([1, 1, 2, 4, 12, 100, 512]), len(data) - at)
    match chance.randrange(9):
        case 0:
            del data[at : at + length]
        case 1:
            data[at:at] = data[at : at + length] * chance.choice([1, 1, 2, 20])
        case 2:
            data[at : at + length] = bytes([chance.choice(_NUMBERS)]) * length
        case 3:
            data[at : at + length] = chance.randbytes(length)
        case 4 if data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        case 5:
            other = chance.choice(others)
            start = chance.randrange(len(other) + 1)
            data[at:at] = other[start : start + chance.choice([16, 512, 2048])]
        case 6:
            del data[at:]
        case _:
            token = chance.choice(tokens)
            data[at : at + len(token) * chance.randrange(2)] = token


def mend_checksums(data: bytes, chance: random.Random) -> bytes:
    """Return an archive whose headers, most of them, have the right checksum: else no change would be seen."""
    result = bytearray(data)
    for at in range(0, len(data) - 511, 512):
        if any(result[at : at + 100]) and chance.randrange(8):
            result[at + 148 : at + 156] = b" " * 8
            result[at + 148 : at + 156] = b"%06o\0 " % sum(result[at : at + 512])
    return bytes(result)
