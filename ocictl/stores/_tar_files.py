"""The files of an image layout in a tar archive: nothing is unpacked, every read goes to its place in the archive.

What is in an archive comes from strangers (LAY-08): names that are absolute or lead upwards and links are refused,
headers are read with bounds, and content is checked against its digest like any other.
"""

from __future__ import annotations

import os
import stat
from typing import Final, NamedTuple

from ocictl.closing import Closing
from ocictl.errors import ContentError, InvalidInputError, NotFoundError, StorageError
from ocictl.model.digest import Digest
from ocictl.model.text import escape
from ocictl.sources import unreadable
from ocictl.stores._layout_files import INDEX_LIMIT, LAYOUT_FILE_LIMIT
from ocictl.stores._layout_index import check_layout_file, invalid
from ocictl.tar_reader import Member, TarReader
from ocictl.target import ByteStream

_LONGEST_NAME: Final = 4096
_COMPRESSED: Final = {
    b"\x1f\x8b": "gunzip",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"\xfd7zX": "unxz",
    b"BZh": "bunzip2",
}


class Extent(NamedTuple):
    """Where the bytes of a file are in the archive."""

    start: int
    size: int


class TarFiles:
    """A layout archive, seen as the files in it. It must be closed."""

    def __init__(self, path: str) -> None:
        """
        Raises:
            NotFoundError: there is nothing at this path.
            StorageError: `layout-invalid` (LAY-01, LAY-02, LAY-08), or `file-unreadable`.
        """
        self.path = path
        self._fd = _open(path)
        self._blobs: dict[Digest, Extent] = {}
        self._others: dict[str, Extent] = {}
        try:
            self._end = os.fstat(self._fd).st_size
            self._scan()
            check_layout_file(self._read("oci-layout", LAYOUT_FILE_LIMIT), path)
            if "index.json" not in self._others:
                raise invalid(path, "it has no index.json", "LAY-01")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the archive. Doing so twice is no error."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read_index(self) -> bytes:
        """Read `index.json`.

        Raises:
            StorageError: `file-unreadable`, or `layout-invalid` if it is too large.
        """
        return self._read("index.json", INDEX_LIMIT)

    def blob_size(self, digest: Digest) -> int | None:
        """The number of bytes of a blob, or None if there is none."""
        extent = self._blobs.get(digest)
        return None if extent is None else extent.size

    def open_blob(self, digest: Digest, start: int) -> ByteStream | None:
        """Open a blob at this offset, or return None if there is none."""
        extent = self._blobs.get(digest)
        return None if extent is None else ExtentStream(self._fd, extent, start, self.path)

    def _scan(self) -> None:
        place = 0

        def read(size: int) -> bytes:
            nonlocal place
            data = read_at(self._fd, size, place, self.path)
            place += len(data)
            return data

        def skip(size: int) -> None:
            nonlocal place
            place += size

        try:
            for member in TarReader(read, longest_name=_LONGEST_NAME, skip=skip):
                self._note(member, Extent(place, member.size))
        except ContentError as error:
            raise self._unreadable(error) from error

    def _note(self, member: Member, extent: Extent) -> None:
        name = os.fsdecode(member.name)
        parts = name.split("/")
        if name.startswith("/") or ".." in parts:
            raise self._refused(name, "leads out of it")
        if member.kind in ("symlink", "hardlink"):
            raise self._refused(name, "is a link")
        if extent.start + extent.size > self._end:
            raise invalid(self.path, f"the archive ends in the middle of {escape(name)!r}", "LAY-08")
        if member.kind != "file":
            return
        # Whatever else is in there is none of our business (LAY-07). A later member replaces an earlier one.
        match [part for part in parts if part not in ("", ".")]:
            case ["blobs", algorithm, encoded]:
                try:
                    self._blobs[Digest.parse(f"{algorithm}:{encoded}")] = extent
                except InvalidInputError:
                    return
            case [("oci-layout" | "index.json") as place]:
                self._others[place] = extent

    def _read(self, name: str, limit: int) -> bytes:
        extent = self._others.get(name)
        if extent is None:
            raise invalid(self.path, f"it has no {name}", "LAY-01")
        if extent.size > limit:
            raise invalid(self.path, f"{name} has more than {limit} bytes", "LAY-01")
        with ExtentStream(self._fd, extent, 0, self.path) as stream:
            return stream.read()

    def _refused(self, name: str, what: str) -> StorageError:
        return invalid(
            self.path,
            f"the archive holds {escape(name)!r}, which {what}",
            "LAY-08",
            "make the archive anew from the files of a layout, without links: tar -C DIRECTORY -cf LAYOUT.tar .",
        )

    def _unreadable(self, error: ContentError) -> StorageError:
        head = read_at(self._fd, 4, 0, self.path)
        program = next((program for magic, program in _COMPRESSED.items() if head.startswith(magic)), None)
        if program is not None:
            return invalid(
                self.path, "it is compressed", "LAY-08", f"decompress it first, for example with {program}"
            )
        why = error.message.partition(": ")[2]
        return invalid(self.path, f"it can't be read as a tar archive: {why}", "LAY-08")


class ExtentStream(Closing):
    """The bytes of one file in the archive, from an offset on. Many may read at once."""

    def __init__(self, fd: int, extent: Extent, start: int, path: str) -> None:
        self._fd = fd
        self._place = extent.start + min(start, extent.size)
        self._end = extent.start + extent.size
        self._path = path

    def read(self, size: int = -1, /) -> bytes:
        left = self._end - self._place
        data = read_at(self._fd, left if size < 0 else min(size, left), self._place, self._path)
        self._place += len(data)
        return data

    def close(self) -> None:
        """Nothing is held."""


def read_at(fd: int, size: int, place: int, path: str) -> bytes:
    """Read at most so many bytes at a place.

    Raises:
        StorageError: `file-unreadable`.
    """
    try:
        return os.pread(fd, size, place) if size else b""
    except OSError as error:
        raise unreadable(path, error) from error


def _open(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no layout {path!r}", details={"path": path}) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise invalid(path, "it is neither a directory nor a tar archive", "LAY-01")
    return fd
