"""Working below a directory by file descriptor, without following links; and what went wrong, as our errors."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ocictl.content import CHUNK
from ocictl.errors import OcictlError, PathError, StorageError
from ocictl.lazy_pattern import pattern

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = [
    "THROUGH",
    "CheckedFile",
    "claim",
    "copy_bytes",
    "exists",
    "lstat",
    "occupied",
    "open_directory",
    "remove_tree",
    "sweep",
    "temporary_name",
    "write_error",
    "writing",
]

# To pass through a directory it need not be readable, where the system knows this way of opening.
THROUGH: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_READABLE: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


_TEMPORARY: Final = pattern(r"\.ocictl-[0-9a-f]{16}\.tmp", re.ASCII)
_SETTLED: Final = 60.0


_NOT_OURS: Final = "choose another directory, or make this one writable"
_WAYS_OUT: Final[dict[int | None, str]] = {
    errno.EACCES: _NOT_OURS,
    errno.EPERM: _NOT_OURS,
    errno.EROFS: _NOT_OURS,
    errno.ENOENT: "see whether something removes or renames the directory, then run the command again",
    errno.EIO: "the disk may be failing; choose a directory on another one",
}


class CheckedFile(io.FileIO):
    """A file, unbuffered, that writes all or raises one of our errors."""

    def __init__(self, fd: int, shown: str) -> None:
        super().__init__(fd, "r+")
        self._shown = shown

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all of these bytes.

        Raises:
            StorageError: `disk-full` or `file-unwritable`.
        """
        view = memoryview(data).cast("B")
        count = 0
        with writing(self._shown):
            while count < len(view):
                count += super().write(view[count:])
        return count


def temporary_name() -> str:
    """Return a hidden name that nothing has yet."""
    return f".ocictl-{os.urandom(8).hex()}.tmp"


def claim(fd: int) -> bool:
    """Lock a temporary file or directory as long as it is open; tell whether nobody else had.

    True as well where there are no such locks.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def copy_bytes(source: BinaryIO, output: BinaryIO) -> None:
    """Copy what follows in one open file to another."""
    while data := source.read(CHUNK):
        output.write(data)


def remove_tree(path: str | Path, *, dir_fd: int | None = None) -> None:
    """Remove a directory and all that is in it, as far as that is possible."""
    from shutil import rmtree

    rmtree(path, ignore_errors=True, dir_fd=dir_fd)


def sweep(directory: Path) -> None:
    """Remove what killed runs left in a directory: temporary names of ours that nobody holds.

    Names younger than a minute stay: whoever makes one needs a moment to claim it.
    """
    try:
        for path in [path for path in directory.iterdir() if _TEMPORARY.fullmatch(path.name)]:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(fd)
                if time.time() - status.st_ctime < _SETTLED or not claim(fd):
                    continue
                if stat.S_ISDIR(status.st_mode):
                    remove_tree(path)
                elif stat.S_ISREG(status.st_mode):
                    path.unlink()
            finally:
                os.close(fd)
    except OSError:
        return  # tidying is a courtesy; what matters will fail for itself


def open_directory(name: str | bytes, *, dir_fd: int, follow: bool = False, readable: bool = False) -> int:
    """Open a directory that is an entry of an open one.

    Args:
        name: one name, or `.` or `..`.
        dir_fd: descriptor of the open directory.
        follow: pass through a link.
        readable: so that it can be listed; else only for reaching what is below.

    Raises:
        OSError: `ENOTDIR` or `ELOOP` for a link that is not followed, and as `open` does.
    """
    flags = _READABLE if readable else THROUGH
    return os.open(name, flags if follow else flags | os.O_NOFOLLOW, dir_fd=dir_fd)


def lstat(name: str | bytes, *, dir_fd: int) -> os.stat_result | None:
    """Return the facts of an entry itself, not of what a link points to; None if there is none.

    Raises:
        OSError: as `stat` does.
    """
    try:
        return os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextmanager
def writing(shown: str) -> Iterator[None]:
    """Turn what the system says inside of this block into our errors about this path."""
    try:
        yield
    except OSError as error:
        raise write_error(shown, error) from error


def write_error(shown: str, error: OSError) -> OcictlError:
    """The error for a path that can't be written."""
    details = {"path": shown}
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"no space is left to write {shown!r}",
            code="disk-full",
            hint="free some space, then run the command again",
            details=details,
        )
    if error.errno in (errno.ENAMETOOLONG, errno.EILSEQ):
        return PathError(f"{shown!r} can't be a file name here: {error.strerror}", details=details)
    return StorageError(
        f"{shown!r} can't be written: {error.strerror or error}",
        hint=_WAYS_OUT.get(error.errno),
        details=details,
    )


def exists(shown: str) -> PathError:
    """The error for something that stands where nothing may be replaced."""
    return PathError(
        f"{shown!r} is already there, and existing files are kept",
        code="path-exists",
        hint="move it away, choose another output directory, or leave out --keep-old-files",
        details={"path": shown},
    )


def occupied(shown: str) -> PathError:
    """The error for a directory that stands where a file should go."""
    return PathError(
        f"{shown!r} is already there and is a directory",
        code="path-exists",
        hint="move it away, or choose another output directory",
        details={"path": shown},
    )
