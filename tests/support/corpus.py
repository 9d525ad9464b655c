"""Bytes to compress: the same ones everywhere, with something of everything that archives are made of."""

from __future__ import annotations

import hashlib
import struct

__all__ = ["mixed_bytes"]

_WORDS = [
    "the",
    "of",
    "and",
    "blob",
    "layer",
    "digest",
    "manifest",
    "registry",
    "import",
    "return",
    "self",
    "def",
    "class",
    "0",
    "1",
    "2",
    "=",
    "(",
    ")",
    ":",
    "\n\t",
]


def mixed_bytes(size: int = 3_500_000) -> bytes:
    """Text, tables of numbers, runs of zeros and noise in turn, each a few thousand bytes or more."""
    parts: list[bytes] = []
    count = round_number = 0
    while count < size:
        seed = hashlib.sha256(b"%d" % round_number).digest()
        noise = b"".join(hashlib.sha256(seed + b"%d" % each).digest() for each in range(40 + seed[0]))
        match round_number % 5:
            case 0 | 1:
                part = b" ".join(_WORDS[byte % len(_WORDS)].encode() for byte in noise)
            case 2:
                part = b"".join(
                    struct.pack("<IHxB", at * 7, byte, 255 - byte) for at, byte in enumerate(noise)
                )
            case 3:
                part = bytes(seed[1] * 512) + noise[:100] * seed[2]
            case _:
                part = noise
        parts.append(part)
        count += len(part)
        round_number += 1
    return b"".join(parts)[:size]
