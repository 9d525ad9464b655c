"""Compression of archives: writing by a codec chosen by name, reading by what the bytes say.

What is written depends on the name alone, never on what happens to be installed.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from ocictl.content import CHUNK
from ocictl.errors import InvalidInputError
from ocictl.tar_reader import malformed

__all__ = ["Compressor", "Decompressed", "new_compressor"]

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
    """What decompressors of zlib (wrapped) and zstd have in common. It reads one member or frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipDecompressor:
    """One gzip member; keeps the input whose output did not fit yet."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


@dataclass(frozen=True, slots=True)
class _Format:
    """How a member begins, what reads it, and what that raises."""

    magics: tuple[bytes, ...]
    new: Callable[[], _Decompressor]
    failures: tuple[type[Exception], ...]


class Decompressed:
    """The uncompressed bytes of a gzip, zstd or plain archive, in pieces of bounded size.

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
        self._input = b""
        self._output = b""
        self._at = 0
        self._fill(len(_ZSTD_MAGICS[0]))
        self._format = _format_of(self._input)
        self._current: _Decompressor | None = None

    def read(self, size: int) -> bytes:
        """Return at least one and at most `size` bytes, `b""` only at the end.

        Raises:
            ContentError: `archive-malformed`.
            OSError: it can't be read.
        """
        if self._at == len(self._output):
            # Always whole pieces: asking the decompressor for a header at a time copies its input each time.
            self._output, self._at = self._produce(), 0
        data = self._output[self._at : self._at + size]
        self._at += len(data)
        return data

    def _produce(self) -> bytes:
        if self._format is None:
            self._fill(1)
            data, self._input = self._input, b""
            return data
        while True:
            if self._current is None:
                if not self._at_member(self._format):
                    return b""
                self._current = self._format.new()
            data = self._step(self._current, self._format)
            if self._current.eof:
                self._input = self._current.unused_data
                self._current = None
            if data:
                return data

    def _at_member(self, kind: _Format) -> bool:
        """Tell whether another member follows. Zeros may, as padding."""
        while True:
            self._input = self._input.lstrip(b"\0")
            if self._input:
                break
            if not self._fill(1):
                return False
        self._fill(len(_ZSTD_MAGICS[0]))
        if not self._input.startswith(kind.magics):
            raise malformed("something else follows its compressed data")
        return True

    def _step(self, current: _Decompressor, kind: _Format) -> bytes:
        data = b""
        if current.needs_input:
            if not self._fill(1):
                raise malformed("it ends in the middle of its compressed data")
            data, self._input = self._input, b""
        try:
            return current.decompress(data, CHUNK)
        except kind.failures as error:
            raise malformed(f"its compressed data is damaged ({error})") from error

    def _fill(self, least: int) -> bool:
        """Have so many bytes of input ready, if there are."""
        while len(self._input) < least:
            data = self._source.read(CHUNK)
            if not data:
                return False
            self.consumed += len(data)
            self._input += data
        return True


def _format_of(head: bytes) -> _Format | None:
    """Recognise the compression by its first bytes; None for a plain archive."""
    if head.startswith(_GZIP_MAGIC):
        return _Format((_GZIP_MAGIC,), _GzipDecompressor, (zlib.error,))
    if not head.startswith(_ZSTD_MAGICS):
        return None
    for name in _ZSTD_MODULES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return _Format(_ZSTD_MAGICS, module.ZstdDecompressor, (module.ZstdError,))
    raise malformed(
        "it is compressed with zstd, which this Python can't read",
        "use Python 3.14 or newer, or install the package backports.zstd",
    )
