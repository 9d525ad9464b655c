"""Reading compressed archives: which compression it is, the first bytes say.

Media types and names are not asked: every tool writes other ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Final, Protocol, cast

from ocictl.content import CHUNK
from ocictl.lazy_dataclass import dataclass
from ocictl.ops.zstd_frames import MAGICS as ZSTD_MAGICS
from ocictl.ops.zstd_frames import ZstdFrame
from ocictl.tar_reader import malformed

__all__ = ["Decompressed"]

_GZIP_MAGIC: Final = b"\x1f\x8b"
_XZ_MAGIC: Final = b"\xfd7zXZ\0"
_BZIP2_MAGIC: Final = b"BZh"
_LONGEST_MAGIC: Final = 6
_INPUT: Final = 64 * 1024
"""Compressed bytes at a time; what a member leaves of them is copied, so more would only cost."""
_XZ_MEMORY: Final = 128 << 20
"""Most bytes that xz may use; its program writes files that need 65 MiB at most unless told otherwise."""


class _Decompressor(Protocol):
    """What all decompressors have in common. One reads one member or frame."""

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
        from zlib_ng import zlib_ng

        # Twice as fast as zlib; what comes out is the same by definition.
        self._inflate = zlib_ng.decompressobj(16 + zlib_ng.MAX_WBITS)

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
    """The uncompressed bytes of a gzip, zstd, xz, bzip2 or plain archive, in pieces of bounded size.

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
        self._fill(_LONGEST_MAGIC)
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
        self._fill(_LONGEST_MAGIC)
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
            data = self._source.read(_INPUT)
            if not data:
                return False
            self.consumed += len(data)
            self._input += data
        return True


def _format_of(head: bytes) -> _Format | None:
    """Recognise the compression by its first bytes; None for a plain archive."""
    if head.startswith(_GZIP_MAGIC):
        from zlib_ng import zlib_ng

        return _Format((_GZIP_MAGIC,), _GzipDecompressor, (cast("type[Exception]", zlib_ng.error),))
    if head.startswith(ZSTD_MAGICS):
        from zstandard import ZstdError

        return _Format(ZSTD_MAGICS, ZstdFrame, (ZstdError, ValueError))
    try:
        if head.startswith(_XZ_MAGIC):
            from lzma import LZMADecompressor, LZMAError

            return _Format((_XZ_MAGIC,), lambda: LZMADecompressor(memlimit=_XZ_MEMORY), (LZMAError,))
        if head.startswith(_BZIP2_MAGIC):
            from bz2 import BZ2Decompressor

            return _Format((_BZIP2_MAGIC,), BZ2Decompressor, (OSError,))
    except ImportError as error:
        raise malformed(
            f"it is compressed with something that this Python was built without ({error})"
        ) from error
    return None
