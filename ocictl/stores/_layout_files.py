"""The files of an image layout: read with bounds, written whole or not at all.

Every file comes into being under a hidden name and is renamed when all of it is on the disk. Writing through
a symbolic link is refused, because the link may lead out of the layout. Reading through one is not: content
is checked against its digest, wherever it lies (shared blob stores are built so).
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from ocictl.closing import Closing
from ocictl.content import CHUNK, VerifyingReader
from ocictl.errors import ConflictError, InvalidInputError, NotFoundError, StorageError
from ocictl.model.digest import Digest
from ocictl.sources import unreadable
from ocictl.stores._layout_index import EMPTY_INDEX, LAYOUT_FILE, check_layout_file, invalid
from ocictl.target import ByteStream

INDEX_LIMIT: Final = 64 * 1024 * 1024
"""Most bytes of `index.json` that are read; it lists every document, so it may outgrow a manifest."""
LAYOUT_FILE_LIMIT: Final = 64 * 1024
"""Most bytes of `oci-layout` that are read."""
ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""What the system says of a path where nothing can be found."""
HIDDEN: Final = ".ocictl"
"""What the names of the lock file and of unfinished files begin with."""


class LayoutFiles:
    """A layout directory, seen as files."""

    def __init__(self, path: str, *, lock_timeout: float) -> None:
        """
        Args:
            path: the directory as the user wrote it.
            lock_timeout: seconds to wait for other writers.

        Raises:
            InvalidInputError: this can't be a path.
        """
        if not path or "\0" in path:
            raise InvalidInputError(
                f"{path!r} can't be the path of a layout", hint="name a directory", details={"value": path}
            )
        self.path = path
        self.root = Path(path)
        self._lock_timeout = lock_timeout

    def check(self) -> None:
        """Check that this is a layout that can be read (LAY-01, LAY-02).

        Raises:
            NotFoundError: there is nothing at this path.
            StorageError: `layout-invalid` or `file-unreadable`.
        """
        if not _is_there(self.root):
            raise NotFoundError(
                f"there is no layout {self.path!r}",
                hint="check the name; push and cp create a layout that does not exist",
                details={"path": self.path},
            )
        if not stat.S_ISDIR(self.root.stat().st_mode):
            raise invalid(
                self.path,
                "it is not a directory",
                "LAY-01",
                "a layout in an archive can be read; unpack it to change it",
            )
        self._check_version()
        if not _is_there(self.root / "index.json"):
            raise invalid(self.path, "it has no index.json", "LAY-01")

    def create(self) -> None:
        """Make the directory a layout, unless it is one. An existing directory must be empty (LAY-01).

        Raises:
            StorageError: `layout-invalid` for a directory that holds something else, and nothing is written;
                `file-unwritable` or `disk-full`.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise invalid(self.path, "it is not a directory", "LAY-01") from error
        except OSError as error:
            raise unwritable(self.path, error) from error
        if self._is_whole():
            return
        with self.locked():
            # Another process may have been faster: look again now that none can be.
            if self._is_whole():
                return
            if not _is_there(self.root / "oci-layout"):
                self._replace("oci-layout", [LAYOUT_FILE])
            self._directory("blobs")
            if not _is_there(self.root / "index.json"):
                self._replace("index.json", [EMPTY_INDEX])
            _sync(self.root)

    def _is_whole(self) -> bool:
        """Whether nothing is missing of a layout. A directory of something else is refused."""
        if _is_there(self.root / "oci-layout"):
            self._check_version()
            return _is_there(self.root / "index.json") and _is_there(self.root / "blobs")
        try:
            others = sorted(entry.name for entry in self.root.iterdir() if not entry.name.startswith(HIDDEN))
        except OSError as error:
            raise unreadable(self.path, error) from error
        if others:
            raise invalid(
                self.path,
                f"it has no oci-layout, and holds other things ({others[0]!r})",
                "LAY-01",
                "name a new or empty directory, or an existing layout",
            )
        return False

    def _check_version(self) -> None:
        if not _is_there(self.root / "oci-layout"):
            raise invalid(self.path, "it has no oci-layout", "LAY-01")
        check_layout_file(self._read("oci-layout", LAYOUT_FILE_LIMIT), self.path)

    def read_index(self) -> bytes:
        """Read `index.json`.

        Raises:
            StorageError: `file-not-found`, `file-unreadable`, or `layout-invalid` if it is too large.
        """
        return self._read("index.json", INDEX_LIMIT)

    def write_index(self, raw: bytes) -> None:
        """Replace `index.json`. Only for the holder of the lock.

        Raises:
            StorageError: `file-unwritable`, `disk-full`, or `layout-invalid` if it would be too large.
        """
        if len(raw) > INDEX_LIMIT:
            raise invalid(self.path, f"index.json would have more than {INDEX_LIMIT} bytes", "LAY-05")
        self._replace("index.json", [raw])
        _sync(self.root)

    def blob_size(self, digest: Digest) -> int | None:
        """The number of bytes of a blob, or None if there is none.

        Raises:
            StorageError: `file-unreadable`.
        """
        path = self._blob(digest)
        try:
            facts = path.stat()
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise unreadable(path, error) from error
        # Nothing else is content; opening a named pipe would even wait for a writer.
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def open_blob(self, digest: Digest, start: int) -> ByteStream | None:
        """Open a blob at this offset, or return None if there is none.

        Raises:
            StorageError: `file-unreadable`.
        """
        if self.blob_size(digest) is None:
            return None
        path = self._blob(digest)
        try:
            file = path.open("rb", buffering=0)
            file.seek(start)
        except OSError as error:
            raise unreadable(path, error) from error
        return _BlobStream(path, file)

    def write_blob(self, digest: Digest, reader: VerifyingReader) -> None:
        """Store a blob, whole and verified (LAY-03).

        Raises:
            ContentError: the bytes are not what they should be; nothing is kept.
            StorageError: `file-unwritable` or `disk-full`; nothing is kept.
        """
        self._directory("blobs")
        self._directory(f"blobs/{digest.algorithm}")
        self._replace(str(self._blob(digest).relative_to(self.root)), iter(lambda: reader.read(CHUNK), b""))

    def remove_blob(self, digest: Digest) -> None:
        """Remove a blob; that it is gone already is no error.

        Raises:
            StorageError: `file-unwritable`.
        """
        self._refuse_link(self.root / "blobs")
        self._refuse_link(self.root / "blobs" / digest.algorithm)
        path = self._blob(digest)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(str(path), error) from error

    def sync_blobs(self, digest: Digest) -> None:
        """Let the names of stored blobs reach the disk, before `index.json` speaks of them."""
        _sync(self.root / "blobs" / digest.algorithm)

    def _blob(self, digest: Digest) -> Path:
        # Digests come from documents too. Only what the grammar lets through may become a path (LAY-03).
        checked = Digest.parse(str(digest))
        return self.root / "blobs" / checked.algorithm / checked.encoded

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers of this layout out, in this process and in others.

        Raises:
            ConflictError: `layout-locked`.
            StorageError: `file-unwritable` or `disk-full`.
        """
        from filelock import FileLock, Timeout

        path = self.root / f"{HIDDEN}.lock"
        self._refuse_link(path)
        lock = FileLock(str(path))
        try:
            lock.acquire(timeout=self._lock_timeout)
        except Timeout as error:
            raise ConflictError(
                f"layout {self.path!r} is locked by another process",
                code="layout-locked",
                hint=f"wait for the other process, then run the command again; it holds {str(path)!r}",
                details={"path": self.path, "seconds": self._lock_timeout},
            ) from error
        except NotImplementedError as error:
            raise unwritable(str(path), OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))) from error
        except OSError as error:
            raise unwritable(str(path), error) from error
        try:
            yield
        finally:
            lock.release()

    def _read(self, name: str, limit: int) -> bytes:
        path = self.root / name
        try:
            # A named pipe must not be opened, it would wait; everything else that is no file fails below.
            if stat.S_ISFIFO(path.stat().st_mode):
                raise invalid(self.path, f"{name} is not a file", "LAY-01")
            with path.open("rb") as file:
                raw = file.read(limit + 1)
        except OSError as error:
            raise unreadable(path, error) from error
        if len(raw) > limit:
            raise invalid(self.path, f"{name} has more than {limit} bytes", "LAY-01")
        return raw

    def _directory(self, name: str) -> None:
        path = self.root / name
        self._refuse_link(path)
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(str(path), error) from error

    def _replace(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file under a hidden name and rename it when it is whole."""
        final = self.root / name
        if name in ("index.json", "oci-layout"):
            self._refuse_link(final)
        temporary = self.root / f"{HIDDEN}-{secrets.token_hex(8)}.part"
        try:
            with temporary.open("xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(final)
        except OSError as error:
            raise unwritable(str(final), error) from error
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _refuse_link(self, path: Path) -> None:
        if path.is_symlink():
            raise StorageError(
                f"{str(path)!r} is a symbolic link, and nothing is written through it",
                code="file-unwritable",
                hint="copy the layout to a directory without such links, then write there",
                details={"path": str(path)},
            )


class _BlobStream(Closing):
    """An open blob whose read errors are ours."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise unreadable(self._path, error) from error

    def close(self) -> None:
        self._file.close()


def unwritable(shown: str, error: OSError) -> StorageError:
    """The error for a local file that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"there is no space left to write {shown!r}",
            code="disk-full",
            hint="free some space or use another directory, then run the command again; nothing half-written is left",
            details={"path": shown},
        )
    return StorageError(
        f"{shown!r} can't be written: {error.strerror or error}",
        code="file-unwritable",
        hint="check the permissions of the directory and whether its file system is writable",
        details={"path": shown},
    )


def _is_there(path: Path) -> bool:
    """Whether something is at this path, links followed.

    Raises:
        StorageError: `file-unreadable`: it can't be known.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise unreadable(path, error) from error
    return True


def _sync(directory: Path) -> None:
    """Let changed names in a directory reach the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
