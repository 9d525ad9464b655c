"""Compression of archives as they are written: the same bytes on every machine (docs/adr/0011).

What comes out depends on the archive, the name of the compression and the level: not on the processor, the number
of threads, the system or the Python version. So each compression is done by one library in versions that are known
to agree, never by what happens to be installed.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, TypeAlias, cast, get_args

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass
from ocictl.model import media_types

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["BLOCK", "COMPRESSIONS", "Compression", "CompressionName", "Compressor", "new_compressor"]

CompressionName: TypeAlias = Literal["gzip", "zstd", "none"]
COMPRESSIONS: Final[tuple[CompressionName, ...]] = get_args(CompressionName)
BLOCK: Final = 1024 * 1024
"""Bytes that are compressed at a time. Changing it changes what is written."""

# Deflate, no flags, no time, no extra flags, unknown system: the same bytes on every machine (RFC 1952).
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_DEFLATE_BLOCK: Final = b"\x03\x00"
"""A last block with nothing in it."""
_MOST_THREADS: Final = 8


class _Facts(NamedTuple):
    media_type: str
    level: int
    levels: range


_FACTS: Final[dict[str, _Facts]] = {
    "gzip": _Facts(media_type=media_types.LAYER_TAR_GZIP, level=2, levels=range(1, 10)),
    # Above 19 a reader needs more memory than every reader has to offer (RFC 8878 section 3.1.1.1.2).
    "zstd": _Facts(media_type=media_types.LAYER_TAR_ZSTD, level=3, levels=range(1, 20)),
    "none": _Facts(media_type=media_types.LAYER_TAR, level=0, levels=range(1)),
}


@dataclass(frozen=True, slots=True)
class Compression:
    """How archives are compressed.

    Attributes:
        name: `gzip`, `zstd` or `none`.
        level: 1 to 9 for gzip, 1 to 19 for zstd; None for the default of 2 and 3.
    """

    name: CompressionName = "gzip"
    level: int | None = None

    def __post_init__(self) -> None:
        """
        Raises:
            InvalidInputError: there is no such compression, or it has no such level.
        """
        facts = _FACTS.get(self.name)
        if facts is None:
            raise InvalidInputError(
                f"there is no compression {self.name!r}", hint=f"use one of: {', '.join(COMPRESSIONS)}"
            )
        if self.level is None or self.level in facts.levels:
            return
        if self.name == "none":
            raise InvalidInputError(
                "a compression level without compression means nothing", hint="leave out one of the two"
            )
        raise InvalidInputError(
            f"{self.name} has no compression level {self.level}",
            hint=f"use {facts.levels[0]} (fast) to {facts.levels[-1]} (small)",
        )

    @property
    def effective_level(self) -> int:
        """The level, or the default one."""
        return _FACTS[self.name].level if self.level is None else self.level

    @property
    def media_type(self) -> str:
        """The media type of an archive that is compressed like this."""
        return _FACTS[self.name].media_type


class Compressor(Protocol):
    """Blocks in, compressed bytes out, perhaps later. It must be closed."""

    def compress(self, block: bytes | memoryview, /) -> bytes | memoryview:
        """Take `BLOCK` bytes, less only if they are the last. The block must not change afterwards."""
        ...

    def flush(self) -> bytes:
        """Return what has not come out yet. Nothing can be added any more."""
        ...

    def close(self) -> None:
        """End the threads. Doing so twice is no error."""
        ...


def new_compressor(compression: Compression) -> Compressor:
    """Return a fresh compressor."""
    if compression.name == "gzip":
        return _GzipCompressor(compression.effective_level)
    if compression.name == "zstd":
        return _ZstdCompressor(compression.effective_level)
    return _NoCompressor()


class _NoCompressor:
    def compress(self, block: bytes | memoryview, /) -> bytes | memoryview:
        return block

    def flush(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


class _GzipCompressor:
    """One gzip member without name and time. Each block is compressed by itself, several at once.

    A block ends at the boundary of a byte (a flush), so the pieces stand one after the other in a single
    deflate stream, which every reader takes.
    """

    def __init__(self, level: int) -> None:
        from concurrent.futures import ThreadPoolExecutor

        from zlib_ng import zlib_ng

        threads = _threads()
        self._zlib = zlib_ng
        self._level = level
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="gzip")
        self._waiting: deque[Future[bytes]] = deque()
        self._most_waiting = threads + 2
        self._head = _GZIP_HEADER
        self._checksum = 0
        self._count = 0

    def compress(self, block: bytes | memoryview, /) -> bytes:
        self._checksum = self._zlib.crc32(block, self._checksum)
        self._count += len(block)
        self._waiting.append(self._pool.submit(self._deflate, block))
        head, self._head = self._head, b""
        return head + self._done(self._most_waiting)

    def flush(self) -> bytes:
        rest = self._done(0)
        self.close()
        trailer = struct.pack("<II", self._checksum, self._count & 0xFFFFFFFF)
        return self._head + rest + _LAST_DEFLATE_BLOCK + trailer

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _done(self, most_waiting: int) -> bytes:
        """What is ready, in order; at most so many blocks are left."""
        ready = []
        while self._waiting and (len(self._waiting) > most_waiting or self._waiting[0].done()):
            ready.append(self._waiting.popleft().result())
        return b"".join(ready)

    def _deflate(self, block: bytes | memoryview) -> bytes:
        zlib = self._zlib
        deflate = zlib.compressobj(self._level, zlib.DEFLATED, -zlib.MAX_WBITS)
        return cast("bytes", deflate.compress(block) + deflate.flush(zlib.Z_SYNC_FLUSH))


class _ZstdCompressor:
    """One zstd frame with a checksum. The library's own threads: what they write does not depend on their number."""

    def __init__(self, level: int) -> None:
        import zstandard

        parameters = zstandard.ZstdCompressionParameters.from_level(
            level, threads=_threads(), job_size=BLOCK, write_checksum=True
        )
        self._object = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    def compress(self, block: bytes | memoryview, /) -> bytes:
        return self._object.compress(block)

    def flush(self) -> bytes:
        return self._object.flush()

    def close(self) -> None:
        pass


def _threads() -> int:
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        count = os.cpu_count() or 1
    return max(1, min(count, _MOST_THREADS))
