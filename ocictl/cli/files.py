"""Files that the user names for output: complete under their name, or not touched."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

from ocictl.errors import StorageError
from ocictl.ops.files import CheckedFile, temporary_name, writing

_DEVICES: Final = ("/dev/", "/proc/")


@contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a file to write; it gets its name when the block ends well.

    A link is followed, as the shell's `>` does. A device or a pipe is written to directly.

    Raises:
        StorageError: `disk-full` or `file-unwritable`.
    """
    facts = _facts(path)
    if facts is not None and stat.S_ISDIR(facts.st_mode):
        raise StorageError(
            f"{path!r} is a directory",
            hint="name the file to write, with the directory before it",
            details={"path": path},
        )
    direct = os.path.abspath(path).startswith(_DEVICES)  # noqa: PTH100 - links stay: /dev/stdout is one
    if direct or (facts is not None and not stat.S_ISREG(facts.st_mode)):
        with writing(path):
            opened = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        with CheckedFile(opened, path) as file:
            yield _as_binary(file)
        return
    final = os.path.realpath(path)
    temporary = os.path.join(os.path.dirname(final), temporary_name())  # noqa: PTH118, PTH120 - plain strings
    try:
        # Inside: a signal that comes right after the file is made must find somebody who removes it.
        with writing(path):
            opened = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with CheckedFile(opened, path) as file:
            yield _as_binary(file)
            with writing(path):
                if facts is not None:
                    os.fchmod(file.fileno(), stat.S_IMODE(facts.st_mode))
                os.fsync(file.fileno())
        with writing(path):
            os.replace(temporary, final)  # noqa: PTH105 - plain strings
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - plain strings
        raise


def write_file(path: str, data: bytes) -> None:
    """Write these bytes to a file.

    Raises:
        StorageError: as `replacing`.
    """
    with replacing(path) as file:
        file.write(data)


def read_file(path: str) -> bytes:
    """Read a document from a file, or from standard input for `-`; at most one byte more than is allowed.

    Raises:
        StorageError: `file-not-found` or `file-unreadable`.
    """
    from ocictl.content import DOCUMENT_LIMIT
    from ocictl.sources import unreadable

    try:
        if path == "-":
            return sys.stdin.buffer.read(DOCUMENT_LIMIT + 1) if sys.stdin is not None else b""
        with open(path, "rb") as file:  # noqa: PTH123 - plain strings
            return file.read(DOCUMENT_LIMIT + 1)
    except OSError as error:
        raise unreadable(path, error) from error


def _facts(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - plain strings
    except FileNotFoundError:
        return None
    except OSError as error:
        from ocictl.ops.files import write_error

        raise write_error(path, error) from error


def _as_binary(file: CheckedFile) -> BinaryIO:
    from typing import cast

    return cast("BinaryIO", file)
