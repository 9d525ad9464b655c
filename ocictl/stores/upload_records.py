"""Uploads that were cut, remembered on disk so that a later run can go on with them.

There is one small file per blob on its way. Whoever sends the blob holds a lock on the file, so two processes
never write into one session. It is removed when the blob is stored; one that is found without a lock tells of a
run that was cut. What it says is never trusted: the registry is asked how far the session is, and the digest of
the whole decides (PUSH-12). A directory that can't be used is no reason for a push to fail.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from ocictl.closing import Closing
from ocictl.model.digest import Digest

KEPT_SECONDS: Final = 7 * 24 * 3600
"""Records older than this are removed: registries give up sessions long before."""
KEPT_RECORDS: Final = 256
"""More records than this are not kept; the oldest go first."""
_LARGEST: Final = 32 * 1024
"""Most bytes of a record; a Location may carry a long signed state."""
_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CUT: Final = b"{}\n"
"""What the record of a blob on its way says as long as there is no session to go on with."""
_SUFFIX: Final = ".upload"


class UploadRecords:
    """The directory of records. May be used by several threads and processes."""

    def __init__(self, directory: Path | None) -> None:
        """`directory`: made when it is needed, for this user only; None: nothing is remembered."""
        self._directory = directory
        self._pruned = False

    def claim(self, origin: str, repository: str, digest: Digest) -> UploadRecord:
        """The record of a blob, locked for this caller; an empty one that keeps nothing if that can't be had.

        Args:
            origin: the registry's base URL.
            repository: where the blob goes.
            digest: of the blob.
        """
        if self._directory is None:
            return UploadRecord(None, None)
        key = hashlib.sha256(f"{origin}\n{repository}\n{digest}".encode()).hexdigest()
        path = self._directory / f"{key}{_SUFFIX}"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._pruned:
                self._pruned = True
                _prune(self._directory)
            return UploadRecord(path, _open_locked(path))
        except OSError:
            return UploadRecord(None, None)


class UploadRecord(Closing):
    """What is known of one blob on its way. A context manager: leaving it gives up the lock.

    Attributes:
        location: of a session that may still live; None if none is known.
        was_cut: an earlier run did not get to the end of this blob.
    """

    def __init__(self, path: Path | None, fd: int | None) -> None:
        self._path = path
        self._fd = fd
        self.location: str | None = None
        self.was_cut = False
        if fd is not None:
            with suppress(OSError):
                self._load(os.pread(fd, _LARGEST, 0))
                if not self.was_cut:
                    _write(fd, _CUT)

    @property
    def is_kept(self) -> bool:
        """Whether what is saved will be found again."""
        return self._fd is not None

    def save(self, location: str) -> None:
        """Remember the newest location of the session."""
        if self._fd is None:
            return
        data = json.dumps({"location": location}).encode() + b"\n"
        if len(data) > _LARGEST:
            return
        with suppress(OSError):
            # Not a new file and a rename, because the lock belongs to this one. A record that is torn by a
            # power failure can't be parsed, and then the blob is sent from its beginning.
            _write(self._fd, data)
            self.location = location

    def clear(self) -> None:
        """Forget the session, but not that the blob was on its way."""
        self.location = None
        if self._fd is not None:
            with suppress(OSError):
                _write(self._fd, _CUT)

    def remove(self) -> None:
        """There is nothing to go on with any more. Doing so twice is no error."""
        self.location = None
        if self._path is not None and self._fd is not None:
            with suppress(OSError):
                self._path.unlink()

    def close(self) -> None:
        """Give up the lock. Doing so twice is no error."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _load(self, data: bytes) -> None:
        self.was_cut = bool(data)
        with suppress(ValueError):
            found = json.loads(data)
            location = found.get("location") if isinstance(found, dict) else None
            self.location = location if isinstance(location, str) else None


def _write(fd: int, data: bytes) -> None:
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def _open_locked(path: Path, *, create: bool = True) -> int | None:
    """Open and lock a record; None if another process has it."""
    try:
        import fcntl
    except ImportError:  # no such locks on this system: nothing is remembered
        return None
    while True:
        fd = os.open(path, _FLAGS | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            own = os.fstat(fd)
            now = path.lstat()
        except FileNotFoundError:
            os.close(fd)
            continue  # the other process was done with it between our open and our lock
        except OSError:
            os.close(fd)
            return None
        if (own.st_dev, own.st_ino) == (now.st_dev, now.st_ino):
            return fd
        os.close(fd)


def _prune(directory: Path) -> None:
    """Remove records that are too old or too many, unless somebody is using them."""
    found = []
    for path in directory.glob(f"*{_SUFFIX}"):
        with suppress(OSError):
            found.append((path.lstat().st_mtime, path))
    found.sort(key=lambda entry: entry[0], reverse=True)
    limit = time.time() - KEPT_SECONDS
    for number, (modified, path) in enumerate(found):
        if number < KEPT_RECORDS - 1 and modified >= limit:
            continue
        with suppress(OSError):
            fd = _open_locked(path, create=False)
            if fd is not None:
                path.unlink()
                os.close(fd)
