"""Partial files: what has come of a blob so far, kept under its digest for a later run.

A partial file lives in the output directory under a hidden name made of the digest. Whoever writes it holds a
lock on it, so two runs into one directory never write the same one; the second gets a private file instead.
What is found in one is never trusted: it is hashed again before it is used (PULL-08).
"""

from __future__ import annotations

import os
import stat
from types import TracebackType
from typing import Final, Self

from ocictl.content import CHUNK
from ocictl.model.descriptor import Descriptor
from ocictl.ops.files import CheckedFile, claim, lstat, temporary_name, writing

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def partial_name(descriptor: Descriptor) -> str:
    """The hidden name under which the bytes of this content are gathered."""
    return f".ocictl-{descriptor.digest.algorithm}-{descriptor.digest.encoded}.part"


class PartialFile:
    """The bytes of one blob on their way, below an open directory.

    A context manager: leaving it keeps what is worth keeping, unless it was `discard`ed or moved away.


    Attributes:
        file: open for reading and writing, at its end; its failures are ours already.
        name: its name in the directory.
        kept: bytes that were there already.
        shared: it is found again by a later run; False for a private file.
    """

    def __init__(self, directory: int, descriptor: Descriptor, *, shown: str) -> None:
        """
        Args:
            directory: descriptor of the output directory; it stays the caller's.
            descriptor: what is gathered.
            shown: the output directory for messages.

        Raises:
            StorageError: it can't be created.
        """
        self._directory = directory
        self.name = partial_name(descriptor)
        with writing(shown):
            found = _open_locked(directory, self.name)
            self.shared = found is not None
            if found is None:
                self.name = temporary_name()
                found = os.open(self.name, _FLAGS | os.O_EXCL, 0o666, dir_fd=directory)
                claim(found)
            self.file = CheckedFile(found, shown)
            self.kept = os.fstat(found).st_size
            if self.kept > descriptor.size:
                self.restart()
            self.file.seek(self.kept)

    def restart(self) -> None:
        """Forget what was there."""
        self.file.seek(0)
        self.file.truncate(0)
        self.kept = 0

    @property
    def worth_keeping(self) -> bool:
        """Whether a later run would find it and save anything by it."""
        return self.shared and os.fstat(self.file.fileno()).st_size >= CHUNK

    def moved(self) -> None:
        """The file has its final name now; nothing is left to keep."""
        self.name = ""

    def discard(self) -> None:
        """Remove the file: it is done with, or what it holds is worth nothing. Doing so twice is no error."""
        if self.name:
            try:
                os.unlink(self.name, dir_fd=self._directory)
            except FileNotFoundError:
                pass
            self.name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.worth_keeping:
            self.discard()
        self.file.close()


def _open_locked(directory: int, name: str) -> int | None:
    """Open and lock the partial file; None if another run has it or it is nothing to write into.

    A file of several names, a link or a pipe under this name was not put there by us, and is left alone.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on this system: private files only
        return None
    while True:
        try:
            fd = os.open(name, _FLAGS, 0o666, dir_fd=directory)
        except OSError:
            if lstat(name, dir_fd=directory) is None:
                raise
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        own, now = os.fstat(fd), lstat(name, dir_fd=directory)
        if now is not None and (own.st_dev, own.st_ino) == (now.st_dev, now.st_ino):
            if stat.S_ISREG(own.st_mode) and own.st_nlink == 1:
                return fd
            os.close(fd)
            return None
        # Another run gave the file its final name between our open and our lock.
        os.close(fd)
