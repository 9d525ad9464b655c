"""What an archive may ask for when it is unpacked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ocictl.errors import ContentError, InvalidInputError
from ocictl.lazy_dataclass import dataclass, replace

__all__ = ["LIMITS", "UnpackLimits", "too_much"]

LIMITS: Final = {"entries": "entries", "bytes": "total_bytes", "ratio": "ratio"}
"""Names of limits that a user may change, and the fields that they are."""
_NUMBER: Final = re.compile(r"([0-9]{1,15})([kmgt]?)", re.ASCII)
_LARGEST: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """What an archive may ask for.

    Attributes:
        entries: most entries.
        total_bytes: most uncompressed bytes.
        ratio: most bytes written to disk for one compressed byte, once `ratio_from` bytes are written.
            Runs of zeros are not written, so an empty disk image passes, and a bomb fills no disk.
        ratio_from: see `ratio`.
        name_bytes: most bytes of a name and of the text of a link.
        depth: most directories above an entry.
        memory_bytes: most bytes of names of directories and links, which have to be remembered.
    """

    entries: int = 1_000_000
    total_bytes: int = 1 << 40
    ratio: int = 1000
    ratio_from: int = 100 << 20
    name_bytes: int = 4096
    depth: int = 255
    memory_bytes: int = 64 << 20

    @classmethod
    def parse(cls, texts: Iterable[str]) -> UnpackLimits:
        """Read limits like `entries=5000000`, `bytes=4T` or `ratio=10000`; what is not named keeps its default.

        Raises:
            InvalidInputError: `argument-invalid`.
        """
        limits = cls()
        for text in texts:
            name, _, value = text.partition("=")
            number = _NUMBER.fullmatch(value.lower())
            field = LIMITS.get(name)
            if field is None or number is None:
                raise InvalidInputError(
                    f"{text!r} is not a limit for unpacking",
                    hint=f"write NAME=NUMBER, as in entries=5000000 or bytes=4T; names are {', '.join(LIMITS)}",
                    details={"value": text},
                )
            count = int(number[1]) * 1024 ** " kmgt".index(number[2] or " ")
            limits = replace(limits, **{field: min(count, _LARGEST)})
            if field == "entries":
                # Names of directories and links have to be kept in memory: more entries, more of them.
                limits = replace(limits, memory_bytes=max(cls().memory_bytes, 64 * limits.entries))
        return limits


def too_much(why: str, limit: str = "") -> ContentError:
    """The error for an archive that asks for more than it may.

    Args:
        why: what it asks for.
        limit: the name of the limit, if the user may change it.
    """
    hint = "if you trust it, fetch the blob with 'ocictl blob fetch --output FILE' and unpack it with tar"
    if limit:
        hint = f"if you trust it, allow more with --unpack-limit {limit}=NUMBER"
    from ocictl.tar_reader import malformed

    return malformed(why, hint)
