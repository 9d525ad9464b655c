"""Decompressing zstd in steps of bounded size (RFC 8878).

A few bytes may stand for 128 KiB, and the library hands out all that an input makes. So the input is handed to it
block by block. Only the lengths of blocks are read here; everything else is checked by the library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zstandard import ZstdDecompressionObj

__all__ = ["MAGICS", "ZstdFrame"]

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = tuple(bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16))
MAGICS: Final = (_MAGIC, *_SKIPPABLE)
"""How a frame begins. All have four bytes."""
_LARGEST_BLOCK: Final = 128 * 1024
_LARGEST_WINDOW: Final = 1 << 27
"""Most memory that a frame may ask for, as in the zstd program."""
_RLE: Final = 1
_RESERVED: Final = 3


class ZstdFrame:
    """One frame, with data or skippable. Input is kept until the block that it belongs to is complete."""

    def __init__(self) -> None:
        self.eof = False
        self._input = b""
        self._at = 0
        self._skip = -1
        self._object: ZstdDecompressionObj | None = None
        self._has_checksum = False
        self._last = False

    @property
    def needs_input(self) -> bool:
        """Tell whether nothing can come out without more input."""
        return not self.eof and self._step() is None

    @property
    def unused_data(self) -> bytes:
        """What follows the frame."""
        return self._input[self._at :]

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Add input; return at most `max_length` bytes (128 KiB or more), perhaps none yet.

        Raises:
            ValueError: this is not a frame.
            zstandard.ZstdError: the frame is damaged.
        """
        if data:
            self._input, self._at = self._input[self._at :] + data, 0
        parts = []
        room = max_length
        while not self.eof and room >= _LARGEST_BLOCK:
            length = self._step()
            if length is None:
                break
            part = self._feed(length)
            room -= len(part)
            parts.append(part)
        return b"".join(parts)

    def _step(self) -> int | None:
        """The length of the next step's input; None if it is not all there."""
        left = len(self._input) - self._at
        if self._skip >= 0:
            length = min(self._skip, left) or 1
        elif self._object is None:
            length = self._header()
        elif self._last:
            length = 4
        else:
            length = self._block()
        return length if 0 < length <= left else None

    def _header(self) -> int:
        """The length of the frame header; 0 if it can't be told yet."""
        if self._input.startswith(_SKIPPABLE, self._at):
            return 8
        if len(self._input) < self._at + 5:
            return 0
        flags = self._input[self._at + 4]
        single_segment = flags & 0x20
        size_bytes = (1 if single_segment else 0, 2, 4, 8)[flags >> 6]
        return 5 + (0 if single_segment else 1) + (0, 1, 2, 4)[flags & 3] + size_bytes

    def _block(self) -> int:
        if len(self._input) < self._at + 3:
            return 0
        head = int.from_bytes(self._input[self._at : self._at + 3], "little")
        kind, size = head >> 1 & 3, head >> 3
        if kind == _RESERVED or size > _LARGEST_BLOCK:
            raise ValueError("a block has no valid length")
        return 3 + (1 if kind == _RLE else size)

    def _feed(self, length: int) -> bytes:
        piece = self._input[self._at : self._at + length]
        self._at += length
        if self._skip >= 0:
            self._skip -= length
            self.eof = self._skip <= 0
            return b""
        if self._object is None:
            return self._begin(piece)
        out = self._object.decompress(piece)
        if not self._last:
            self._last = bool(piece[0] & 1)
            if not self._last or self._has_checksum:
                return out
        if not self._object.eof:
            raise ValueError("it does not end where it should")
        self.eof = True
        return out

    def _begin(self, header: bytes) -> bytes:
        if header.startswith(_SKIPPABLE):
            self._skip = int.from_bytes(header[4:8], "little")
            self.eof = self._skip == 0
            return b""
        import zstandard

        self._has_checksum = bool(header[4] & 4)
        self._object = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()
        return self._object.decompress(header)
