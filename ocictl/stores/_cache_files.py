"""The files of a cache: entries under their digests, and unfinished ones that their writers hold locks on.

Everything happens below the open directory `blobs` and without following a link, so nothing outside of it can be
read, changed or removed, whatever somebody puts there. What the system says of a failure leaves this module as
it is: `ocictl.stores.cache` decides what it means.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import stat
import time
import weakref
from collections.abc import Iterator
from typing import Final, NamedTuple

from ocictl.closing import Closing
from ocictl.errors import InvalidInputError
from ocictl.model.digest import REGISTERED, Digest

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_UNFINISHED: Final = re.compile(r"\.ocictl-[0-9a-f]{16}\.part", re.ASCII)
_ABANDONED: Final = 24 * 3600
"""Seconds after which an unfinished file counts as left behind where the file system has no locks."""
MARKER: Final = "CACHEDIR.TAG"
"""The file that says of a directory that it is a cache; programs for backups know it as well."""
_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
_MARKER_TEXT: Final = _SIGNATURE + b"\n# A cache of ocictl: `ocictl cache prune` may remove what is in it.\n"


class Entry(NamedTuple):
    """A file that is named by a digest.

    Attributes:
        digest: its name.
        size: in bytes.
        used: when it was last used, in nanoseconds since 1970.
        inode: to know it again.
    """

    digest: Digest
    size: int
    used: int
    inode: int


class CacheFiles:
    """A cache directory, seen as files. Its descriptors are closed when nobody refers to this object any more.

    So a thread that goes on after everybody else can't meet a number that stands for something else by then.
    """

    def __init__(self, root: str) -> None:
        """
        Raises:
            OSError: there is no such directory, or `blobs` in it is none or a link.
        """
        self._root = os.open(root, _DIRECTORY)
        try:
            self._blobs = os.open("blobs", _DIRECTORY | os.O_NOFOLLOW, dir_fd=self._root)
        except BaseException:
            os.close(self._root)
            raise
        weakref.finalize(self, _close, self._blobs, self._root)

    def free(self) -> int | None:
        """Free bytes of the file system; None if it does not tell."""
        try:
            facts = os.fstatvfs(self._blobs)
        except OSError:
            return None
        return facts.f_bavail * facts.f_frsize if facts.f_blocks else None

    def open_entry(self, digest: Digest) -> io.FileIO | None:
        """Open an entry for reading; None if there is none."""
        try:
            with self._algorithm(digest) as folder:
                fd = os.open(digest.encoded, _READ, dir_fd=folder.fd)
        except OSError:
            return None
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return io.FileIO(fd, "rb")
        os.close(fd)
        return None

    def drop(self, digest: Digest, file: io.FileIO) -> None:
        """Remove an entry, unless another file has taken its name since it was opened."""
        with self._algorithm(digest) as folder:
            if _is_named(digest.encoded, folder.fd, file.fileno()):
                os.unlink(digest.encoded, dir_fd=folder.fd)

    def create(self) -> tuple[str, int]:
        """Make an unfinished file; return its name and a descriptor that holds its lock."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            name = f".ocictl-{secrets.token_hex(8)}.part"
            fd = os.open(name, flags, 0o444, dir_fd=self._blobs)
            # Between these two lines somebody may have taken it for left behind: then there is another name.
            if _lock(fd) is not False and _is_named(name, self._blobs, fd):
                return name, fd
            os.close(fd)

    def finish(self, name: str, digest: Digest) -> None:
        """Make an unfinished file an entry, in place of one that is there."""
        try:
            os.mkdir(digest.algorithm, 0o777, dir_fd=self._blobs)
        except FileExistsError:
            pass
        with self._algorithm(digest) as folder:
            os.rename(name, digest.encoded, src_dir_fd=self._blobs, dst_dir_fd=folder.fd)

    def discard(self, name: str) -> None:
        """Remove an unfinished file."""
        os.unlink(name, dir_fd=self._blobs)

    def entries(self) -> Iterator[Entry]:
        """List the entries. Whatever is not a plain file under a registered digest is none of ours."""
        for algorithm in REGISTERED:
            try:
                folder = _Directory(algorithm, self._blobs)
            except OSError:
                continue  # not there, or a link
            with folder:
                yield from folder.entries(algorithm)

    def remove(self, entry: Entry, *, even_if_used: bool) -> bool:
        """Remove an entry; tell whether it was done.

        Args:
            entry: as it was listed.
            even_if_used: also if somebody has used it since.
        """
        with self._algorithm(entry.digest) as folder:
            try:
                now = os.stat(entry.digest.encoded, dir_fd=folder.fd, follow_symlinks=False)
                if now.st_ino != entry.inode or (now.st_mtime_ns > entry.used and not even_if_used):
                    return False
                os.unlink(entry.digest.encoded, dir_fd=folder.fd)
            except FileNotFoundError:
                return False
        return True

    def unfinished(self) -> int:
        """How many unfinished files there are, being written or left behind."""
        return sum(_UNFINISHED.fullmatch(name) is not None for name in os.listdir(self._blobs))  # noqa: PTH208

    def sweep(self) -> None:
        """Remove unfinished files that nobody is writing any more."""
        for name in os.listdir(self._blobs):  # noqa: PTH208
            if _UNFINISHED.fullmatch(name):
                try:
                    self._remove_abandoned(name)
                except OSError:
                    pass  # another process was faster, or may do so

    def _remove_abandoned(self, name: str) -> None:
        fd = os.open(name, _READ, dir_fd=self._blobs)
        try:
            facts = os.fstat(fd)
            locked = _lock(fd)
            old = time.time() - facts.st_mtime > _ABANDONED
            if stat.S_ISREG(facts.st_mode) and (locked or (locked is None and old)):
                if _is_named(name, self._blobs, fd):
                    os.unlink(name, dir_fd=self._blobs)
        finally:
            os.close(fd)

    def is_marked(self) -> bool:
        """Whether the directory says that it is a cache."""
        try:
            fd = os.open(MARKER, _READ, dir_fd=self._root)
        except OSError:
            return False
        try:
            return stat.S_ISREG(os.fstat(fd).st_mode) and os.read(fd, len(_SIGNATURE)) == _SIGNATURE
        finally:
            os.close(fd)

    def mark(self) -> None:
        """Let the directory say that it is a cache, unless something else has that name."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(MARKER, flags, 0o666, dir_fd=self._root)
        try:
            os.write(fd, _MARKER_TEXT)
        finally:
            os.close(fd)

    def _algorithm(self, digest: Digest) -> _Directory:
        # Digests come from documents too. Only what the grammar lets through may become a path (LAY-03).
        return _Directory(Digest.parse(str(digest)).algorithm, self._blobs)


class _Directory(Closing):
    """An open directory below `blobs`, not reached through a link."""

    def __init__(self, name: str, parent: int) -> None:
        self.fd = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)

    def entries(self, algorithm: str) -> Iterator[Entry]:
        with os.scandir(self.fd) as found:
            for file in found:
                try:
                    digest = Digest.parse(f"{algorithm}:{file.name}")
                    facts = file.stat(follow_symlinks=False)
                except (InvalidInputError, FileNotFoundError):
                    continue
                if stat.S_ISREG(facts.st_mode):
                    yield Entry(digest, facts.st_size, facts.st_mtime_ns, facts.st_ino)

    def close(self) -> None:
        os.close(self.fd)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def touch(file: io.FileIO) -> None:
    """Note that an entry is used: what was used longest ago is removed first.

    The time of the last access would say so by itself, but most systems don't keep it.
    """
    try:
        os.utime(file.fileno())
    except OSError:
        pass  # a cache of somebody else's, or read-only


def _is_named(name: str, folder: int, fd: int) -> bool:
    """Whether an open file still has this name."""
    own = os.fstat(fd)
    try:
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (own.st_dev, own.st_ino) == (now.st_dev, now.st_ino)


def _lock(fd: int) -> bool | None:
    """Lock an open file; False if somebody else has it, None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
