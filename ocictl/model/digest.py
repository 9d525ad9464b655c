"""Digests: `algorithm:encoded`, of exact bytes (section DIG)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, TypeAlias

from ocictl.errors import ContentError, InvalidInputError
from ocictl.lazy_dataclass import dataclass
from ocictl.lazy_pattern import pattern

if TYPE_CHECKING:
    from hashlib import _Hash

_GRAMMAR = pattern(r"([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)", re.ASCII)
_HEX = pattern(r"[a-f0-9]+", re.ASCII)
REGISTERED: Final = {"sha256": 64, "sha512": 128, "blake3": 64}
"""Algorithms of the image specification and the number of their hex digits (DIG-02)."""
VERIFIABLE: Final = frozenset({"sha256", "sha512"})
"""Algorithms this package can compute (DIG-04)."""


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """The name of exact bytes.

    Attributes:
        algorithm: for example `sha256`.
        encoded: for registered algorithms lower-case hex of the registered length.
    """

    algorithm: str
    encoded: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `algorithm:encoded`.

        An unknown algorithm that fits the grammar is accepted and can be carried along (DIG-03).

        Raises:
            InvalidInputError: `digest-invalid` (DIG-01, DIG-02).
        """
        match = _GRAMMAR.fullmatch(text)
        if match is None:
            raise _invalid(text, "it is not algorithm:encoded", "DIG-01")
        algorithm, encoded = match.groups()
        length = REGISTERED.get(algorithm)
        if length is not None:
            if len(encoded) != length:
                raise _invalid(text, f"{algorithm} has {length} hex digits, not {len(encoded)}", "DIG-02")
            if _HEX.fullmatch(encoded) is None:
                raise _invalid(text, f"{algorithm} is written in lower-case hex digits", "DIG-02")
        return cls(algorithm, encoded)

    @classmethod
    def of(cls, data: bytes, algorithm: str = "sha256") -> Digest:
        """Compute the digest of these bytes.

        Raises:
            ContentError: `digest-unverifiable` for an algorithm that is not implemented.
        """
        hasher = new_hasher(algorithm)
        hasher.update(data)
        return cls(algorithm, hasher.hexdigest())

    @property
    def verifiable(self) -> bool:
        """Whether content can be checked against this digest here."""
        return self.algorithm in VERIFIABLE

    @property
    def short(self) -> str:
        """The first twelve characters of the encoded part, for display."""
        return self.encoded[:12]

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.encoded}"


Hasher: TypeAlias = "_Hash"
"""A running computation of a digest."""


def new_hasher(algorithm: str) -> Hasher:
    """Return a fresh hash object.

    Raises:
        ContentError: `digest-unverifiable` (DIG-03: such a digest never counts as verified).
    """
    if algorithm not in VERIFIABLE:
        raise ContentError(
            f"content named by the algorithm {algorithm!r} can't be verified",
            code="digest-unverifiable",
            hint="ocictl verifies sha256 and sha512 only",
            details={"algorithm": algorithm, "rule": "DIG-03"},
        )
    return hashlib.new(algorithm)


def _invalid(text: str, why: str, rule: str) -> InvalidInputError:
    shown = text if len(text) <= 160 else text[:157] + "..."
    return InvalidInputError(
        f"digest {shown!r} is not valid: {why}",
        code="digest-invalid",
        hint="a digest looks like sha256: followed by 64 of 0-9 and a-f",
        details={"value": shown, "rule": rule},
    )
