"""A source that counts what is fetched from it and breaks on demand, and a look into a cache's directory."""

from __future__ import annotations

import io
from pathlib import Path

from ocictl.errors import TransportError
from ocictl.events import CacheWarning, Event, EventSink, discard
from ocictl.model.descriptor import Descriptor
from ocictl.sources import BytesContent
from ocictl.stores.cache import Cache
from ocictl.stores.cached import CachedTarget
from ocictl.stores.memory import MemoryStore
from ocictl.target import ByteStream

__all__ = ["LARGE", "SMALL", "Source", "Warnings", "blob_path", "cached", "entries", "everything"]

SMALL = b"small\n"
LARGE = bytes(range(256)) * 4096 + b"more than fits into memory at once"


class Source(MemoryStore):
    """A store in memory that notes each fetch.

    Attributes:
        resume_attempts, on_event: as of a registry.
        fetched: digest and offset of each fetch.
        cut: break the connection after so many bytes, in each fetch until this list is empty.
        replaced: send these bytes instead.
    """

    def __init__(self, *contents: bytes) -> None:
        super().__init__()
        self.fetched: list[tuple[str, int]] = []
        self.resume_attempts = 3
        self.on_event: EventSink = discard
        self.cut: list[int] = []
        self.replaced: bytes | None = None
        for data in contents:
            self.push(Descriptor.of(data, "a/b"), BytesContent(data))

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        self.fetched.append((str(descriptor.digest), start))
        if self.replaced is not None:
            return io.BytesIO(self.replaced[start:])
        stream = super().fetch(descriptor, start=start)
        return _Cut(stream, self.cut.pop(0)) if self.cut else stream


class _Cut(io.BytesIO):
    """A connection that is lost after some bytes."""

    def __init__(self, stream: ByteStream, length: int) -> None:
        super().__init__(stream.read(length))

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if data or size == 0:
            return data
        raise TransportError("the connection was lost", code="connection-failed")


class Warnings(list[str]):
    """A sink that keeps the texts of warnings about the cache."""

    def __call__(self, event: Event) -> None:
        assert isinstance(event, CacheWarning)
        self.append(event.text)


def cached(
    source: Source, path: Path, warnings: Warnings | None = None, max_size: int | None = None
) -> CachedTarget:
    """Read a source through a cache at this path, which is made."""
    sink = Warnings() if warnings is None else warnings
    return CachedTarget(source, Cache(path, create=True, max_size=max_size, on_event=sink))


def blob_path(path: Path, data: bytes) -> Path:
    """Where a cache keeps these bytes."""
    digest = Descriptor.of(data, "a/b").digest
    return path / "blobs" / digest.algorithm / digest.encoded


def entries(path: Path) -> set[bytes]:
    """The contents of all entries."""
    return {file.read_bytes() for file in (path / "blobs").glob("*/*")}


def everything(path: Path) -> set[str]:
    """The path of everything in a cache's `blobs`, unfinished files too."""
    return {str(file.relative_to(path)) for file in (path / "blobs").rglob("*")}
