"""Verified, bounded reading of any target, and content to push.

Only this module calls `fetch`: nobody else can forget the check of size and digest (DIG-05, DIG-06).
"""

from __future__ import annotations

import io
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from ocictl.errors import ContentError, StorageError, TransportError
from ocictl.events import EventSink, Retrying, discard
from ocictl.hashing import BackgroundHasher
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest, Hasher, new_hasher
from ocictl.model.manifest import Document, parse_document
from ocictl.target import ByteStream, Content, ReadOnlyTarget

if TYPE_CHECKING:
    from ocictl.ranges import Source

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


class VerifyingReader:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_into(stream: ByteStream, buffer: memoryview) -> int:
    """Read into memory that is there already, if the stream can; return the number of bytes."""
    into = getattr(stream, "readinto", None)
    if into is not None:
        count: int = into(buffer)
        return count
    data = stream.read(len(buffer))
    buffer[: len(data)] = data
    return len(data)


class _ResumingStream:
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
        delay = random.uniform(0, min(RESUME_PAUSE_MAX, 0.5 * 2**self._failures))  # noqa: S311 - jitter
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_verified(target: ReadOnlyTarget, descriptor: Descriptor) -> VerifyingReader:
    """Open content for reading; the reader checks it (DIG-07) and goes on after a lost connection.

    Raises:
        NotFoundError: the target has no such content.
        ContentError: `digest-unverifiable`.
    """
    new_hasher(descriptor.digest.algorithm)
    if descriptor.data is not None:
        return VerifyingReader(_DataStream(descriptor.data), descriptor)
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
    algorithm = descriptor.digest.algorithm
    in_background = descriptor.size >= BACKGROUND_FROM
    hasher = BackgroundHasher(algorithm) if in_background else new_hasher(algorithm)
    try:
        if kept:
            output.seek(0)
            for count in _steps(kept):
                hasher.update(output.read(count))
        count = kept
        with VerifyingReader(opened(), descriptor, kept=kept, hasher=hasher) as reader:
            while (
                data := reader.pass_on(hasher) if isinstance(hasher, BackgroundHasher) else reader.read(CHUNK)
            ):
                output.write(data)
                count += len(data)
                if on_bytes is not None:
                    on_bytes(count)
    finally:
        if isinstance(hasher, BackgroundHasher):
            hasher.close()


def _rest(target: ReadOnlyTarget, descriptor: Descriptor, start: int) -> ByteStream:
    """What follows the first `start` bytes of content; nothing is fetched for nothing."""
    if descriptor.data is not None:
        return _DataStream(descriptor.data[start:])
    if start and start == descriptor.size:
        return _DataStream(b"")
    return _fetched(target, descriptor, start)


def _fetched(target: ReadOnlyTarget, descriptor: Descriptor, start: int) -> ByteStream:
    """Content from an offset on, over as many connections as that gains from."""
    if descriptor.size - start >= PARALLEL_FROM and getattr(target, "lines", None) is not None:
        from ocictl.ranges import ParallelStream

        return ParallelStream(target, descriptor, start, _ResumingStream)  # type: ignore[arg-type]  # it `HasRanges`
    return _ResumingStream(target, descriptor, start)


def _steps(size: int) -> Iterator[int]:
    """The sizes of the reads that make up so many bytes."""
    while size > 0:
        yield min(size, CHUNK)
        size -= CHUNK


class _DataStream(io.BytesIO):
    """Bytes in memory as a `ByteStream`."""


class BytesContent:
    """Content in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> ByteStream:
        return _DataStream(self.data)


class FileContent:
    """Content of a file that must not change while it is in use.

    Size and modification time are remembered; a reader that meets the end compares them.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """
        Raises:
            StorageError: `file-not-found` or `file-unreadable`.
        """
        self.path = Path(path)
        self._facts = _facts(self.path)

    @property
    def size(self) -> int:
        return self._facts[0]

    @property
    def facts(self) -> tuple[int, int]:
        """Size and time of the last change, by which a file is known to be the same."""
        return self._facts

    def open(self) -> ByteStream:
        try:
            return _FileStream(self.path, self.path.open("rb", buffering=0), self._facts)
        except FileNotFoundError as error:
            raise StorageError(
                f"{str(self.path)!r} was there when this began, and is gone",
                code="file-not-found",
                hint="put it back, then run the command again",
                details={"path": str(self.path)},
            ) from error
        except OSError as error:
            raise unreadable(self.path, error) from error


class TargetContent:
    """Content that is read from another target each time it is opened, verified."""

    def __init__(self, target: ReadOnlyTarget, descriptor: Descriptor) -> None:
        self.target = target
        self.descriptor = descriptor

    @property
    def size(self) -> int:
        return self.descriptor.size

    def open(self) -> ByteStream:
        return open_verified(self.target, self.descriptor)


class _FileStream:
    def __init__(self, path: Path, file: BinaryIO | io.FileIO, facts: tuple[int, int]) -> None:
        self._path = path
        self._file = file
        self._facts = facts
        self._count = 0

    def read(self, size: int = -1, /) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._count += len(data)
        if self._count > self._facts[0] or (not data and self._now() != (self._count, self._facts[1])):
            raise changed(self._path)
        return data

    def skip(self, count: int) -> bool:
        """Leave out so many bytes at the beginning, without reading them; tell whether that was possible."""
        try:
            self._file.seek(count)
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._count = count
        return True

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def changed(path: Path) -> StorageError:
    """The error for a file that was written to while it was in use."""
    return StorageError(
        f"{str(path)!r} changed while it was read",
        code="file-changed",
        hint="wait until whatever writes it is done, then run the command again",
        details={"path": str(path)},
    )


def _facts(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    return status.st_size, status.st_mtime_ns


def unreadable(path: str | os.PathLike[str], error: OSError) -> StorageError:
    """The error for a local file that can't be read."""
    shown = os.fspath(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return StorageError(
            f"{shown!r} does not exist",
            code="file-not-found",
            hint="check the name and the directory you are in",
            details={"path": shown},
        )
    return StorageError(
        f"{shown!r} can't be read: {error.strerror or error}", code="file-unreadable", details={"path": shown}
    )


class HashedContent:
    """Content whose digest is known once it has been read to its end. A context manager."""

    def __init__(self, content: Content, algorithm: str) -> None:
        self._content = content
        self._algorithm = algorithm
        self._hasher: BackgroundHasher | None = None
        self._digest: Digest | None = None

    @property
    def size(self) -> int:
        return self._content.size

    @property
    def digest(self) -> Digest:
        """Of what was read last, from beginning to end."""
        if self._digest is None:
            assert self._hasher is not None  # noqa: S101 - it was read
            self._digest = Digest(self._algorithm, self._hasher.hexdigest())
        return self._digest

    def open(self) -> ByteStream:
        self.close()
        self._digest = None
        self._hasher = BackgroundHasher(self._algorithm)
        return _HashingStream(self._content.open(), self._hasher)

    def close(self) -> None:
        """End the thread that hashes."""
        if self._hasher is not None:
            self._hasher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _HashingStream:
    def __init__(self, stream: ByteStream, hasher: BackgroundHasher) -> None:
        self._stream = stream
        self._hasher = hasher

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        if data:
            self._hasher.update(data)
        return data

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def digest_content(content: Content, algorithm: str = "sha256") -> tuple[Digest, int]:
    """Compute digest and size of content by reading it once.

    Raises:
        StorageError: the file can't be read or changed.
    """
    hasher = new_hasher(algorithm)
    count = 0
    with content.open() as stream:
        while data := stream.read(CHUNK):
            hasher.update(data)
            count += len(data)
    return Digest(algorithm, hasher.hexdigest()), count
