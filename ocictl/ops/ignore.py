"""What of a directory is left out of its archive: the patterns in its `.ociignore`, written as in a `.gitignore`.

One file counts, that at the top of the directory that is packed. It is packed as well, unless it names itself.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from ocictl.errors import InvalidInputError
from ocictl.ops.git_patterns import GitPattern, parse_patterns
from ocictl.sources import unreadable

__all__ = ["IGNORE_FILE", "Ignore"]

IGNORE_FILE: Final = ".ociignore"
_LONGEST: Final = 1024 * 1024


class Ignore:
    """The patterns of a directory."""

    def __init__(self, patterns: list[GitPattern]) -> None:
        self._patterns = patterns[::-1]

    @classmethod
    def of(cls, directory: str) -> Ignore | None:
        """Read the patterns of a directory; None if it has none.

        Raises:
            InvalidInputError: `argument-invalid`: they are not text, or too long.
            StorageError: `file-unreadable`.
        """
        path = os.path.join(directory, IGNORE_FILE)  # noqa: PTH118 - as its caller
        try:
            text = _read(path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise unreadable(path, error) from error
        if text is None:
            return None
        if len(text) > _LONGEST:
            raise _invalid(path, f"it has more than {_LONGEST} bytes")
        if b"\0" in text:
            raise _invalid(path, "it is not text")
        return cls(parse_patterns(text))

    def excludes(self, relative: str, *, is_directory: bool) -> bool:
        """Tell whether an entry is left out, if the directories above it are not.

        Args:
            relative: its path below the directory.
            is_directory: a directory that is left out takes along everything in it, as in Git.
        """
        path = os.fsencode(relative)
        name = path[path.rfind(b"/") + 1 :]
        for pattern in self._patterns:
            if is_directory or not pattern.directories_only:
                if pattern.regex.fullmatch(name if pattern.name_only else path):
                    return not pattern.negated
        return False

    def hides(self, relative: str) -> bool:
        """Tell whether a directory, or one above it, is left out."""
        parts = relative.split("/")
        return any(
            self.excludes("/".join(parts[:count]), is_directory=True) for count in range(1, len(parts) + 1)
        )


def _read(path: str) -> bytes | None:
    """The first bytes of a file, one more than is allowed; None if it is not a regular file."""
    # A FIFO of this name is an entry like any other: don't hang on it.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        text = b""
        while len(text) <= _LONGEST and (data := os.read(fd, _LONGEST + 1)):
            text += data
        return text
    finally:
        os.close(fd)


def _invalid(path: str, reason: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path!r} can't be used: {reason}",
        hint="write one pattern a line, as in a .gitignore",
        details={"path": path},
    )
