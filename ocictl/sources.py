"""Content to push: bytes, a file, what another target has; and what a file's failures are called.

Each kind is a `Content`: it knows its size, and opens as often as a transfer needs, always at the first byte
(PUSH-22). A file that changes meanwhile is an error, never another upload.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ocictl.closing import Closing
from ocictl.content import CHUNK, DataStream, open_verified
from ocictl.errors import StorageError
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest, new_hasher
from ocictl.target import ByteStream, Content, ReadOnlyTarget

if TYPE_CHECKING:
    from ocictl.hashing import BackgroundHasher


class BytesContent:
    """Content in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    def open(self) -> ByteStream:
        return DataStream(self.data)


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


class _FileStream(Closing):
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


class HashedContent(Closing):
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
        from ocictl.hashing import BackgroundHasher

        self._hasher = BackgroundHasher(self._algorithm)
        return _HashingStream(self._content.open(), self._hasher)

    def close(self) -> None:
        """End the thread that hashes."""
        if self._hasher is not None:
            self._hasher.close()


class _HashingStream(Closing):
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
