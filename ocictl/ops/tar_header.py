"""Headers of an archive as Go's archive/tar lays them out, so that archives equal those of oras byte by byte.

That is ustar where all values fit. Else a PAX header comes first with the values that do not fit, and the fields
hold what is left of them without the other letters, cut off.
"""

from __future__ import annotations

import os
import posixpath
from functools import lru_cache
from typing import Final

from ocictl.lazy_dataclass import dataclass

__all__ = ["BLOCK", "tar_header"]

BLOCK: Final = 512
_NAME: Final = 100
_PREFIX: Final = 155
_SIZE: Final = 8**11
"""From here on a number does not fit into its field of eleven octal digits."""
_BLANKS: Final = sum(b" " * 8)
"""What the checksum counts in place of itself."""


def tar_header(
    name: bytes,
    kind: bytes,
    mode: int,
    *,
    mtime: int = 0,
    size: int = 0,
    link: bytes = b"",
    device: int = 0,
) -> bytes:
    """Return the header of an entry: 512 bytes, or more where some value does not fit into them."""
    if not link and not device and len(name) <= _NAME and size < _SIZE and name.isascii():
        if 0 <= mtime < _SIZE:
            return _usual(name, kind, mode, mtime, size)
    records = {}
    split = _split(name)
    if not name.isascii() or len(name) > _NAME:
        records[b"path"] = name
    if not link.isascii() or len(link) > _NAME:
        records[b"linkpath"] = link
    if size >= _SIZE:
        records[b"size"] = b"%d" % size
    if not 0 <= mtime < _SIZE:
        records[b"mtime"] = b"%d" % mtime
    fields = _Fields(kind, mode, mtime, size, device)
    if not records or (split is not None and records.keys() == {b"path"}):
        prefix, base = split or (b"", name)
        return fields.block(base, link, prefix)
    payload = b"".join(_record(key, records[key]) for key in sorted(records))
    directory, base = posixpath.split(name)
    extended = posixpath.normpath(posixpath.join(directory, b"PaxHeaders.0", base))
    head = _Fields(b"x", 0, 0, len(payload), 0, bare=True).block(_ascii(extended)[:_NAME].rstrip(b"/"))
    return head + payload + bytes(-len(payload) % BLOCK) + fields.block(_cut(name), _cut(link))


def _usual(name: bytes, kind: bytes, mode: int, mtime: int, size: int) -> bytes:
    """The header of an entry in which everything fits; only name, size and checksum differ from the last."""
    before, between, after, rest = _frame(kind, mode, mtime)
    digits = b"%011o\0" % size
    checksum = rest + sum(name) + sum(digits)
    return b"%b%b%b%b%06o\0 %b" % (name.ljust(_NAME, b"\0"), before, digits, between, checksum, after)


@lru_cache(maxsize=64)
def _frame(kind: bytes, mode: int, mtime: int) -> tuple[bytes, bytes, bytes, int]:
    """The parts of a header before the size, up to the checksum and behind it, and what they add to that."""
    block = _Fields(kind, mode, mtime, 0, 0).block(b"")
    before, between, after = block[_NAME:124], block[136:148], block[156:]
    return before, between, after, sum(before) + sum(between) + sum(after) + _BLANKS


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a header holds besides names. `bare` leaves the device fields empty."""

    kind: bytes
    mode: int
    mtime: int
    size: int
    device: int
    bare: bool = False

    def block(self, name: bytes, link: bytes = b"", prefix: bytes = b"") -> bytes:
        block = bytearray(
            name.ljust(_NAME, b"\0")
            + _octal(self.mode, 8)
            + _octal(0, 8)
            + _octal(0, 8)
            + _octal(self.size, 12)
            + _octal(self.mtime, 12)
            + b" " * 8
            + self.kind
            + link.ljust(_NAME, b"\0")
            + b"ustar\0" + b"00"
            + bytes(64)
            + (bytes(16) if self.bare else _octal(os.major(self.device), 8) + _octal(os.minor(self.device), 8))
            + prefix.ljust(_PREFIX, b"\0")
            + bytes(12)
        )  # fmt: skip
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block)


def _octal(value: int, width: int) -> bytes:
    # A value that does not fit stands in the PAX header; the field holds zero then.
    if not 0 <= value < 8 ** (width - 1):
        value = 0
    return b"%0*o\0" % (width - 1, value)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Divide a long name into prefix and name at a slash; None where that is not possible or not needed."""
    if len(name) <= _NAME or not name.isascii():
        return None
    slash = name[: _PREFIX + 1].rfind(b"/")
    if slash <= 0 or not 0 < len(name) - slash - 1 <= _NAME:
        return None
    return name[:slash], name[slash + 1 :]


def _record(key: bytes, value: bytes) -> bytes:
    """One PAX record; its length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def _ascii(text: bytes) -> bytes:
    return bytes(byte for byte in text if byte < 0x80)


def _cut(text: bytes) -> bytes:
    short = _ascii(text)
    return short if len(short) <= _NAME else short[:_NAME].rstrip(b"/")
