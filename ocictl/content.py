"""Verified, bounded reading of any target.

Only this module calls `fetch`: nobody else can forget the check of size and digest (DIG-05, DIG-06).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from ocictl.closing import Closing
from ocictl.errors import ContentError, TransportError
from ocictl.events import EventSink, Retrying, discard
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest, Hasher, new_hasher
from ocictl.model.manifest import Document, parse_document
from ocictl.target import ByteStream, ReadOnlyTarget

if TYPE_CHECKING:
    from ocictl.hashing import BackgroundHasher
    from ocictl.ranges.stream import Source

CHUNK: Final = 256 * 1024
"""Bytes per read in every loop over content."""
RESUME_PAUSE_MAX: Final = 10.0
"""Longest pause in seconds before a lost connection is opened again."""
_BROKEN_OFF: Final = frozenset({"connection-failed", "timeout", "response-truncated"})
pause = time.sleep
BACKGROUND_FROM: Final = 4 * 1024 * 1024
"""Content of this size in bytes is hashed on a thread of its own."""
PARALLEL_FROM: Final = 64 * 1024 * 1024
"""With so many bytes to come it may pay to fetch them over several connections."""
DOCUMENT_LIMIT: Final = 4 * 1024 * 1024
"""Most bytes of a manifest, index or config that are read into memory (PULL-11)."""


class VerifyingReader(Closing):
    """A stream that raises instead of ending when size or digest are not the descriptor's.

    It never hands out more than `descriptor.size` bytes. The check happens on the read that meets the end,
    so whoever reads until `b""` has verified content, and whoever does not has no claim to it.
    """

    def __init__(
        self,
        stream: ByteStream,
        descriptor: Descriptor,
        *,
        kept: int = 0,
        hasher: Hasher | BackgroundHasher | None = None,
    ) -> None:
        """
        Args:
            stream: the content, from byte `kept` on.
            descriptor: what it should be.
            kept: bytes that the caller has already.
            hasher: has hashed those.

        Raises:
            ContentError: `digest-unverifiable`.
        """
        self._hasher = hasher or new_hasher(descriptor.digest.algorithm)
        self._stream = stream
        self._descriptor = descriptor
        self._count = kept
        self._done = False

    @property
    def size(self) -> int:
        """Number of bytes that the content should have."""
        return self._descriptor.size

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes.

        Raises:
            ContentError: `size-mismatch` or `digest-mismatch`.
        """
        if self._done:
            return b""
        wanted = self._descriptor.size - self._count
        if size < 0:
            parts = []
            while part := self.read(CHUNK):
                parts.append(part)
            return b"".join(parts)
        if size == 0:
            return b""
        if wanted == 0:
            self._finish()
            return b""
        data = self._stream.read(min(size, wanted))
        if not data:
            raise self._wrong_size(f"ended after {self._count} bytes")
        self._count += len(data)
        self._hasher.update(data)
        return data

    def pass_on(self, hasher: BackgroundHasher) -> memoryview:
        """Read into a buffer of the hasher that this reader has; the bytes are good until the next call.

        Returns:
            What was read; nothing at the end, which is verified then.

        Raises:
            ContentError: as `read`.
        """
        wanted = self._descriptor.size - self._count
        buffer = hasher.buffer()
        if wanted == 0:
            if not self._done:
                self._finish()
            return buffer[:0]
        count = read_into(self._stream, buffer[:wanted] if wanted < len(buffer) else buffer)
        if not count:
            raise self._wrong_size(f"ended after {self._count} bytes")
        self._count += count
        hasher.take(buffer, count)
        return buffer[:count]

    def _finish(self) -> None:
        if self._stream.read(1):
            raise self._wrong_size("has more")
        actual = Digest(self._descriptor.digest.algorithm, self._hasher.hexdigest())
        if actual != self._descriptor.digest:
            raise ContentError(
                f"content does not match its digest: expected {self._descriptor.digest}, got {actual}",
                code="digest-mismatch",
                hint="the source or something on the way changed the bytes; nothing of them was kept",
                details={"expected": str(self._descriptor.digest), "actual": str(actual), "rule": "DIG-05"},
            )
        self._done = True

    def _wrong_size(self, what: str) -> ContentError:
        return ContentError(
            f"content of {self._descriptor.digest} should have {self._descriptor.size} bytes, but {what}",
            code="size-mismatch",
            hint="the source or something on the way changed the bytes; nothing of them was kept",
            details={"expected": self._descriptor.size, "rule": "DIG-06"},
        )

    def close(self) -> None:
        self._stream.close()


def read_into(stream: ByteStream, buffer: memoryview) -> int:
    """Read into memory that is there already, if the stream can; return the number of bytes."""
    into = getattr(stream, "readinto", None)
    if into is not None:
        count: int = into(buffer)
        return count
    data = stream.read(len(buffer))
    buffer[: len(data)] = data
    return len(data)


class _ResumingStream(Closing):
    """Content of a target that goes on where it broke off when a connection is lost (PULL-08).

    The reader behind it hashes what came before and after the break as one, so a source that changed
    meanwhile is found out.
    """

    def __init__(self, target: Source, descriptor: Descriptor, start: int) -> None:
        self._target = target
        self._descriptor = descriptor
        self._on_event: EventSink = getattr(target, "on_event", discard)
        self._stream = target.fetch(descriptor, start=start)
        self._offset = start
        self._failures = 0
        self._attempts: int = getattr(target, "resume_attempts", 1)  # as in `Resumable`; isinstance is slow

    def read(self, size: int = -1, /) -> bytes:
        while True:
            try:
                data = self._stream.read(size)
            except TransportError as error:
                self._reopen(error)
                continue
            if data:
                self._offset += len(data)
                self._failures = 0
            return data

    def readinto(self, buffer: memoryview, /) -> int:
        while True:
            try:
                count = read_into(self._stream, buffer)
            except TransportError as error:
                self._reopen(error)
                continue
            if count:
                self._offset += count
                self._failures = 0
            return count

    def _reopen(self, error: TransportError) -> None:
        """Open the rest, unless breaks without a byte between them have been too many."""
        self._stream.close()
        self._failures += 1
        if error.code not in _BROKEN_OFF or self._failures >= self._attempts:
            raise error
        from random import uniform

        delay = uniform(0, min(RESUME_PAUSE_MAX, 0.5 * 2**self._failures))  # noqa: S311 - jitter
        self._on_event(
            Retrying(
                method="GET",
                url=str(self._descriptor.digest),
                reason=f"{error.message}; going on at byte {self._offset}",
                attempt=self._failures,
                delay=delay,
            )
        )
        pause(delay)
        self._stream = self._target.fetch(self._descriptor, start=self._offset)

    def close(self) -> None:
        self._stream.close()


def open_verified(target: ReadOnlyTarget, descriptor: Descriptor) -> VerifyingReader:
    """Open content for reading; the reader checks it (DIG-07) and goes on after a lost connection.

    Raises:
        NotFoundError: the target has no such content.
        ContentError: `digest-unverifiable`.
    """
    new_hasher(descriptor.digest.algorithm)
    if descriptor.data is not None:
        return VerifyingReader(DataStream(descriptor.data), descriptor)
    return VerifyingReader(_fetched(target, descriptor, 0), descriptor)


def read_all(target: ReadOnlyTarget, descriptor: Descriptor, *, limit: int = DOCUMENT_LIMIT) -> bytes:
    """Read a small piece of content into memory, verified.

    Args:
        target: where it is.
        descriptor: what it is. Inline data is used without a request (DESC-08).
        limit: most bytes to accept.

    Raises:
        ContentError: `document-too-large`, `size-mismatch`, `digest-mismatch` or `digest-unverifiable`.
        NotFoundError: the target has no such content.
    """
    if descriptor.size > limit:
        raise ContentError(
            f"{descriptor.media_type} {descriptor.digest} has {descriptor.size} bytes; "
            f"at most {limit} are read into memory",
            code="document-too-large",
            hint="fetch it to a file with: ocictl blob fetch",
            details={"size": descriptor.size, "limit": limit, "rule": "PULL-11"},
        )
    with open_verified(target, descriptor) as reader:
        return reader.read()


def read_document(target: ReadOnlyTarget, descriptor: Descriptor) -> Document:
    """Read a manifest or index, verified and parsed.

    Raises:
        ContentError: as `read_all`, or `document-malformed`.
        NotFoundError: the target has no such document.
    """
    return parse_document(read_all(target, descriptor), descriptor.media_type)


def copy_verified(
    target: ReadOnlyTarget,
    descriptor: Descriptor,
    output: BinaryIO,
    on_bytes: Callable[[int], None] | None = None,
    *,
    kept: int = 0,
) -> None:
    """Write content to an open file, verified by the time this returns.

    Args:
        target: where it is.
        descriptor: what it is.
        output: open for writing; on an exception its bytes are worth nothing.
        on_bytes: called with the number of bytes written so far.
        kept: bytes of the content that stand at the beginning of the file already, from an earlier
            attempt. They are hashed again and not fetched.

    Raises:
        ContentError: `size-mismatch`, `digest-mismatch` or `digest-unverifiable`.
        NotFoundError: the target has no such content.
    """
    local_copy = getattr(target, "local_copy", None)  # as in `HasLocalCopies`; isinstance is slow
    local = local_copy(descriptor, start=kept) if local_copy is not None and output.seekable() else None
    if local is not None:
        with local:
            try:
                _copy(lambda: local, descriptor, output, kept, on_bytes)
            except ContentError:
                output.seek(kept)
                output.truncate()
            else:
                return
    _copy(lambda: _rest(target, descriptor, kept), descriptor, output, kept, on_bytes)


def _copy(
    opened: Callable[[], ByteStream],
    descriptor: Descriptor,
    output: BinaryIO,
    kept: int,
    on_bytes: Callable[[int], None] | None,
) -> None:
    """Write what `opened` returns behind what is kept, and check both. It is opened late, and closed."""
    background: BackgroundHasher | None = None
    if descriptor.size >= BACKGROUND_FROM:
        from ocictl.hashing import BackgroundHasher

        background = BackgroundHasher(descriptor.digest.algorithm)
    hasher = background or new_hasher(descriptor.digest.algorithm)
    try:
        if kept:
            output.seek(0)
            for count in _steps(kept):
                hasher.update(output.read(count))
        count = kept
        with VerifyingReader(opened(), descriptor, kept=kept, hasher=hasher) as reader:
            while data := reader.read(CHUNK) if background is None else reader.pass_on(background):
                output.write(data)
                count += len(data)
                if on_bytes is not None:
                    on_bytes(count)
    finally:
        if background is not None:
            background.close()


def _rest(target: ReadOnlyTarget, descriptor: Descriptor, start: int) -> ByteStream:
    """What follows the first `start` bytes of content; nothing is fetched for nothing."""
    if descriptor.data is not None:
        return DataStream(descriptor.data[start:])
    if start and start == descriptor.size:
        return DataStream(b"")
    return _fetched(target, descriptor, start)


def _fetched(target: ReadOnlyTarget, descriptor: Descriptor, start: int) -> ByteStream:
    """Content from an offset on, over as many connections as that gains from."""
    if descriptor.size - start >= PARALLEL_FROM and getattr(target, "lines", None) is not None:
        from ocictl.ranges.stream import ParallelStream

        return ParallelStream(target, descriptor, start, _ResumingStream)  # type: ignore[arg-type]  # it `HasRanges`
    return _ResumingStream(target, descriptor, start)


def _steps(size: int) -> Iterator[int]:
    """The sizes of the reads that make up so many bytes."""
    while size > 0:
        yield min(size, CHUNK)
        size -= CHUNK


class DataStream(io.BytesIO):
    """Bytes in memory as a `ByteStream`."""
