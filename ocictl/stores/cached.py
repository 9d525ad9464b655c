"""A target that is read through a cache."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from typing import BinaryIO

from ocictl.closing import Closing
from ocictl.errors import TransportError
from ocictl.events import EventSink, discard
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.stores._cache_fill import Fill
from ocictl.stores.cache import Cache
from ocictl.target import ByteStream, ReadOnlyTarget, TargetKind


class CachedTarget:
    """A `ReadOnlyTarget` that fetches content once and has it from a cache from then on.

    What can change is always asked of the source: which document a tag points to, what is there, what refers to
    what. Content under its digest can't change. It is kept while it passes through; a reader that stops early or
    meets an error leaves nothing. It must be closed, and may be used from several threads.
    """

    def __init__(self, source: ReadOnlyTarget, cache: Cache) -> None:
        """
        Args:
            source: where content comes from; it stays the caller's.
            cache: what keeps it; it is closed with this object.
        """
        self._source = source
        self._cache = cache
        self._lock = Lock()
        self._broken: dict[Digest, Fill] = {}

    @property
    def kind(self) -> TargetKind:
        """The source's."""
        return self._source.kind

    @property
    def path(self) -> str:
        """The source's."""
        return self._source.path

    @property
    def on_event(self) -> EventSink:
        """The source's own sink: told when a broken stream is opened again."""
        sink: EventSink = getattr(self._source, "on_event", discard)
        return sink

    @property
    def resume_attempts(self) -> int:
        """As in `ocictl.target.Resumable`: the source's."""
        attempts: int = getattr(self._source, "resume_attempts", 1)
        return attempts

    def close(self) -> None:
        """Forget what is unfinished and close the cache. Doing so twice is no error."""
        self._cache.close()
        self._broken.clear()

    def resolve(self, reference: str) -> Descriptor:
        """Ask the source."""
        return self._source.resolve(reference)

    def resolve_blob(self, digest: Digest) -> Descriptor:
        """Ask the source."""
        return self._source.resolve_blob(digest)

    def exists(self, descriptor: Descriptor) -> bool:
        """Ask the source."""
        return self._source.exists(descriptor)

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """Ask the source."""
        return self._source.referrers(subject, artifact_type=artifact_type)

    def tags(self, *, last: str | None = None) -> Iterator[str]:
        """Ask the source."""
        return self._source.tags(last=last)

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        """Open content from an offset on: from the cache, else from the source and into the cache.

        A transfer that was broken off goes on into the cache as well. One whose beginning was never here can't.

        Raises:
            NotFoundError: the source has no such content, nor has the cache.
        """
        if not descriptor.digest.verifiable:
            return self._source.fetch(descriptor, start=start)
        if start and self._is_broken_at(descriptor.digest, start):
            stream = self._source.fetch(descriptor, start=start)
            fill = self._take(descriptor.digest, start)
        else:
            found = self._cache.open(descriptor, start)
            if found is not None:
                return _EntryStream(found, self._source, self._cache, descriptor, start)
            stream = self._source.fetch(descriptor, start=start)
            fill = None if start else self._cache.begin(descriptor)
        return stream if fill is None else _FillingStream(stream, fill, self, descriptor.digest)

    def local_copy(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream | None:
        """As in `ocictl.target.HasLocalCopies`: a large entry of the cache, not verified."""
        found = self._cache.open_unverified(descriptor, start) if descriptor.digest.verifiable else None
        return found and _EntryStream(found, self._source, self._cache, descriptor, start)

    def _is_broken_at(self, digest: Digest, start: int) -> bool:
        with self._lock:
            fill = self._broken.get(digest)
            return fill is not None and fill.count == start

    def _take(self, digest: Digest, start: int) -> Fill | None:
        with self._lock:
            fill = self._broken.get(digest)
            return self._broken.pop(digest) if fill is not None and fill.count == start else None

    def put_aside(self, digest: Digest, fill: Fill) -> None:
        """Keep what a broken transfer has brought, for the reader that goes on from there."""
        with self._lock:
            before = self._broken.get(digest)
            self._broken[digest] = fill
        if before is not None:
            before.discard()


class _FillingStream(Closing):
    """Content on its way from the source, which goes into the cache too."""

    def __init__(self, stream: ByteStream, fill: Fill, target: CachedTarget, digest: Digest) -> None:
        self._stream = stream
        self._fill = fill
        self._target = target
        self._digest = digest
        self._broken = False

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._stream.read(size)
        except TransportError:
            self._broken = True
            raise
        if data:
            self._fill.write(data)
        elif size != 0:
            self._fill.commit()
        return data

    def close(self) -> None:
        self._stream.close()
        if self._broken:
            self._broken = False
            self._target.put_aside(self._digest, self._fill)
        else:
            self._fill.discard()


class _EntryStream(Closing):
    """An entry of the cache; should it become unreadable, the rest comes from the source."""

    def __init__(
        self, file: BinaryIO, source: ReadOnlyTarget, cache: Cache, descriptor: Descriptor, start: int
    ) -> None:
        self._stream: BinaryIO | ByteStream = file
        self._source = source
        self._cache = cache
        self._descriptor = descriptor
        self._offset = start
        self._is_cached = True

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._stream.read(size)
        except OSError as error:
            if not self._is_cached:
                raise
            self._cache.warn(
                f"an entry of the cache {self._cache.path!r} can't be read: {error.strerror or error}"
            )
            self._stream.close()
            self._stream = self._source.fetch(self._descriptor, start=self._offset)
            self._is_cached = False
            return self.read(size)
        self._offset += len(data)
        return data

    def close(self) -> None:
        self._stream.close()
