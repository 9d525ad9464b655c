"""Bytes that wait on disk for their transfer, in a file without a name: nothing of it is left however a run ends."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from ocictl.closing import Closing
from ocictl.errors import OcictlError, StorageError
from ocictl.ops.files import write_error
from ocictl.target import ByteStream

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["Spool"]


class Spool(Closing):
    """A temporary file to write once and read as often as a transfer needs: it is `Content`.

    It lives where the environment variable TMPDIR says, else in the system's place for such files.
    """

    def __init__(self) -> None:
        """
        Raises:
            StorageError: it can't be created.
        """
        self._size = 0
        try:
            self._file = tempfile.TemporaryFile(prefix="ocictl-", buffering=0)  # noqa: SIM115 - a member
        except OSError as error:
            raise _failed(error) from error

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: ReadableBuffer, /) -> int:
        """Add all of these bytes.

        Raises:
            StorageError: `disk-full` or `file-unwritable`.
        """
        view = memoryview(data).cast("B")
        count = 0
        try:
            while count < len(view):
                count += os.write(self._file.fileno(), view[count:])
        except OSError as error:
            raise _failed(error) from error
        self._size += count
        return count

    def open(self) -> ByteStream:
        """Start again at the first byte; several may read at once."""
        return _Reader(self._file.fileno(), self._size)

    def close(self) -> None:
        """Give the bytes up."""
        self._file.close()


class _Reader(Closing):
    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._left = size
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        parts = []
        while wanted:
            data = os.pread(self._fd, wanted, self._at)
            if not data:
                break
            parts.append(data)
            self._at += len(data)
            self._left -= len(data)
            wanted -= len(data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        pass


def _failed(error: OSError) -> OcictlError:
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:  # what Python says when it can write nowhere at all
        place = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - only shown
    failure = write_error(place, error)
    if isinstance(failure, StorageError):
        failure.hint = "free some space, or set TMPDIR to a directory on another disk"
        if failure.code != "disk-full":
            failure.hint = "set TMPDIR to a directory that can be written"
    return failure
