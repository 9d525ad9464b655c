"""Writing an image layout into a tar archive, several files of it at once.

The size of every file is known before its bytes come, so each gets its place in the archive when it begins and is
written there, whoever else is writing. Its header comes last, when the bytes are verified. The archive has another
name until all is in it, so there is never half a backup under the name of a whole one.
"""

from __future__ import annotations

import fcntl
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import Final

from ocictl.content import CHUNK, VerifyingReader
from ocictl.errors import ConflictError, StorageError
from ocictl.model.digest import Digest
from ocictl.stores._layout_files import HIDDEN, unwritable
from ocictl.stores._layout_index import EMPTY_INDEX, LAYOUT_FILE
from ocictl.stores._tar_files import Extent, ExtentStream
from ocictl.target import ByteStream

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_BLOCK: Final = tarfile.BLOCKSIZE
_RECORD: Final = tarfile.RECORDSIZE


class TarWriter:
    """The files of a layout archive that is being made. It must be closed; without `commit` nothing is left."""

    def __init__(self, path: str) -> None:
        """
        Args:
            path: the archive; one that is there is replaced in the end.

        Raises:
            ConflictError: `layout-locked`: another process is writing it.
            StorageError: `file-unwritable` or `disk-full`.
        """
        self.path = path
        self._final = Path(os.path.realpath(path))
        if self._final.is_dir():
            raise StorageError(
                f"{path!r} is a directory",
                hint="name a file to write, or a directory without .tar at its end",
            )
        self._temporary = self._final.with_name(f"{HIDDEN}-{self._final.name}.part")
        self._fd = self._open()
        self._lock = RLock()
        self._end = 0
        self._blobs: dict[Digest, Extent] = {}
        self._folders: set[str] = set()
        self._index = EMPTY_INDEX

    def _open(self) -> int:
        """Open the unfinished file and lock it. What a killed run left in it is overwritten."""
        while True:
            try:
                fd = os.open(self._temporary, _FLAGS, 0o666)
            except OSError as error:
                raise unwritable(self.path, error) from error
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Another process may have finished its archive between our open and our lock.
                if os.path.samestat(os.fstat(fd), self._temporary.lstat()):
                    os.ftruncate(fd, 0)
                    return fd
            except BlockingIOError as error:
                os.close(fd)
                raise ConflictError(
                    f"{self.path!r} is being written by another process",
                    code="layout-locked",
                    hint="wait for the other process, or write to another file",
                    details={"path": self.path},
                ) from error
            except FileNotFoundError:
                pass
            except OSError as error:
                os.close(fd)
                raise unwritable(self.path, error) from error
            os.close(fd)

    def read_index(self) -> bytes:
        """`index.json` as it will be."""
        return self._index

    def write_index(self, raw: bytes) -> None:
        """Replace `index.json`."""
        self._index = raw

    def blob_size(self, digest: Digest) -> int | None:
        """The number of bytes of a blob that is stored, or None."""
        extent = self._blobs.get(digest)
        return None if extent is None else extent.size

    def open_blob(self, digest: Digest, start: int) -> ByteStream | None:
        """Open a blob that is stored at this offset, or return None."""
        extent = self._blobs.get(digest)
        return None if extent is None else ExtentStream(self._fd, extent, start, self.path)

    def write_blob(self, digest: Digest, reader: VerifyingReader) -> None:
        """Store a blob, whole and verified (LAY-03).

        Raises:
            ContentError: the bytes are not what they should be. The archive can't be finished then.
            StorageError: `file-unwritable` or `disk-full`.
        """
        folder = f"blobs/{digest.algorithm}"
        self._folder("blobs")
        self._folder(folder)
        header = _header(f"{folder}/{digest.encoded}", reader.size)
        place = self._reserve(len(header) + _padded(reader.size))
        start = at = place + len(header)
        while data := reader.read(CHUNK):
            self._write(data, at)
            at += len(data)
        self._write(header, place)
        with self._lock:
            self._blobs[digest] = Extent(start, reader.size)

    def sync_blobs(self, digest: Digest) -> None:
        """Nothing is there to be seen before `commit`."""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other threads out."""
        with self._lock:
            yield

    def commit(self) -> int:
        """Finish the archive and give it its name; return its size in bytes.

        Raises:
            StorageError: `file-unwritable` or `disk-full`.
        """
        self._folder("blobs")
        for name, data in (("index.json", self._index), ("oci-layout", LAYOUT_FILE)):
            header = _header(name, len(data))
            self._write(header + data, self._reserve(len(header) + _padded(len(data))))
        size = -(-(self._end + 2 * _BLOCK) // _RECORD) * _RECORD
        try:
            os.ftruncate(self._fd, size)
            os.fsync(self._fd)
            self._temporary.replace(self._final)
        except OSError as error:
            raise unwritable(self.path, error) from error
        os.close(self._fd)
        self._fd = -1
        return size

    def close(self) -> None:
        """Leave nothing, unless it is finished."""
        if self._fd >= 0:
            # The name goes first: whoever gets the lock next must not lose a file of its own.
            with suppress(OSError):
                self._temporary.unlink()
            os.close(self._fd)
            self._fd = -1

    def _folder(self, name: str) -> None:
        with self._lock:
            if name in self._folders:
                return
            self._folders.add(name)
            self._write(_header(name, None), self._reserve(_BLOCK))

    def _reserve(self, size: int) -> int:
        """Set so many bytes aside, whole blocks; return where they begin."""
        with self._lock:
            place = self._end
            self._end += size
            return place

    def _write(self, data: bytes, place: int) -> None:
        view = memoryview(data)
        try:
            while view:
                count = os.pwrite(self._fd, view, place)
                view, place = view[count:], place + count
        except OSError as error:
            raise unwritable(self.path, error) from error


def _header(name: str, size: int | None) -> bytes:
    """The header of a file, or of a directory where there is no size; the same on every machine."""
    member = tarfile.TarInfo(name)
    member.mode = 0o644
    if size is None:
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    else:
        member.size = size
    return member.tobuf(tarfile.PAX_FORMAT)


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
