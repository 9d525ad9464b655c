"""Packing a directory into an archive, the same bytes for the same tree (docs/adr/0003, 0011).

The uncompressed archive is what oras writes for a tree whose times are all `mtime`: see `tar_header` for the layout
of a header, `_walk` for the order of the entries.
"""

# Millions of files: plain strings and os, not pathlib.
# ruff: noqa: PTH115, PTH116, PTH118

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol

from ocictl.closing import Closing
from ocictl.errors import PathError, StorageError
from ocictl.hashing import BackgroundHasher
from ocictl.lazy_dataclass import dataclass
from ocictl.model.digest import Digest, new_hasher
from ocictl.ops.compress import BLOCK, Compression, new_compressor
from ocictl.ops.files import writing
from ocictl.ops.ignore import Ignore
from ocictl.ops.links import Links
from ocictl.ops.tar_header import BLOCK as TAR_BLOCK
from ocictl.ops.tar_header import tar_header
from ocictl.ops.titles import clean_title
from ocictl.sources import unreadable
from ocictl.target import ByteStream

__all__ = ["DirectoryContent", "PackedArchive", "pack_directory"]

_TYPES: Final = {
    stat.S_IFREG: b"0",
    stat.S_IFLNK: b"2",
    stat.S_IFCHR: b"3",
    stat.S_IFBLK: b"4",
    stat.S_IFDIR: b"5",
    stat.S_IFIFO: b"6",
}
# Should a file have become a FIFO or a link by now: don't hang, don't follow.
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | os.O_CLOEXEC


class Writable(Protocol):
    """Something that takes all bytes of a write."""

    def write(self, data: bytes | memoryview, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedArchive:
    """What an archive turned out to be.

    Attributes:
        digest: of the compressed bytes.
        size: their number.
        unpacked_digest: of the uncompressed archive.
        leading_out: symbolic links in it that lead out of the directory, named as in the archive. A pull
            refuses to unpack such an archive.
    """

    digest: Digest
    size: int
    unpacked_digest: Digest
    leading_out: tuple[str, ...] = ()


def pack_directory(
    source: Path,
    name: str,
    output: Writable | None,
    *,
    mtime: int = 0,
    compression: Compression | None = None,
) -> PackedArchive:
    """Write the archive of a directory, in one pass and in constant memory.

    Entries are in the order of their bytes, owned by nobody, with the given time, so only names, types,
    permissions, link targets and contents count. Symbolic links are kept as links, except that `source`
    itself may be one. Devices and FIFOs are noted, as oras does; a pull skips them. What `.ociignore` names is
    left out.

    Args:
        source: the directory.
        name: what every name in the archive begins with: the title.
        output: takes the archive; None to learn only what would be written.
        mtime: seconds since the epoch, for every entry.
        compression: how to compress; None for gzip.

    Raises:
        StorageError: `file-not-found`, `file-unreadable`, `file-changed`, `disk-full`.
        PathError: `path-unsafe`: a name is not valid UTF-8.
        InvalidInputError: `.ociignore` can't be used.
    """
    tree = _Tree(source, name, mtime)
    with closing(_Line(output, compression or Compression())) as line:
        for piece in tree.pieces():
            line.write(piece)
        digest, unpacked_digest = line.finish()
    return PackedArchive(
        digest=digest, size=line.size, unpacked_digest=unpacked_digest, leading_out=tree.leading_out()
    )


class DirectoryContent:
    """The uncompressed archive of a directory, made anew each time it is read: no copy of it is kept."""

    def __init__(self, source: Path, name: str, packed: PackedArchive, *, mtime: int = 0) -> None:
        """
        Args:
            source: the directory.
            name: the title.
            packed: what `pack_directory` found out, without compression.
            mtime: seconds since the epoch, for every entry.
        """
        self._packed = packed
        self._arguments = (source, name, mtime)

    @property
    def size(self) -> int:
        return self._packed.size

    def open(self) -> ByteStream:
        return _PiecesStream(_Tree(*self._arguments), self._packed)


class _PiecesStream(Closing):
    """An archive as a stream. Its last bytes are not handed out if it is not what it was."""

    def __init__(self, tree: _Tree, expected: PackedArchive) -> None:
        self._tree = tree
        self._pieces = tree.pieces()
        self._rest = memoryview(b"")
        self._left = expected.size
        self._expected = expected.unpacked_digest
        self._hasher = new_hasher("sha256")

    def read(self, size: int = -1, /) -> bytes:
        parts = []
        wanted = size if size >= 0 else self._left + 1
        while wanted:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
                continue
            part, self._rest = self._rest[:wanted], self._rest[wanted:]
            wanted -= len(part)
            parts.append(part)
        data = b"".join(parts)
        self._left -= len(data)
        self._hasher.update(data)
        if self._left < 0 or (wanted and self._left):
            raise _changed(self._tree.path)
        if not self._left and self._hasher.hexdigest() != self._expected.encoded:
            raise _changed(self._tree.path)
        return data

    def close(self) -> None:
        self._pieces.close()


class _Line:
    """Takes the archive in pieces of any size; hashes it before and after compressing. It must be closed."""

    def __init__(self, output: Writable | None, compression: Compression) -> None:
        self._output = output
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._unpacked = BackgroundHasher("sha256")
        self._packed = self._unpacked if compression.name == "none" else BackgroundHasher("sha256")
        self._compressor = new_compressor(compression)
        self.size = 0

    def write(self, data: bytes) -> None:
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= BLOCK:
            self._cut()

    def finish(self) -> tuple[Digest, Digest]:
        """Write the rest; return the digests of the written and of the uncompressed archive."""
        self._compress(b"".join(self._pieces))
        self._out(self._compressor.flush())
        return Digest("sha256", self._packed.hexdigest()), Digest("sha256", self._unpacked.hexdigest())

    def close(self) -> None:
        self._compressor.close()
        self._unpacked.close()
        self._packed.close()

    def _cut(self) -> None:
        """Pass on blocks of one size: what is written must not depend on the sizes of the pieces."""
        data = b"".join(self._pieces)
        end = len(data) - len(data) % BLOCK
        view = memoryview(data)
        for at in range(0, end, BLOCK):
            self._compress(view[at : at + BLOCK])
        self._pieces = [data[end:]]
        self._waiting = len(data) - end

    def _compress(self, block: bytes | memoryview) -> None:
        self._unpacked.update(block)
        self._out(self._compressor.compress(block))

    def _out(self, data: bytes | memoryview) -> None:
        self.size += len(data)
        if self._packed is not self._unpacked:
            self._packed.update(data)
        if self._output is not None and data:
            with writing("the archive"):
                self._output.write(data)


class _Tree:
    """A directory on its way into an archive."""

    def __init__(self, source: Path, name: str, mtime: int) -> None:
        self.path = os.fspath(source)
        self._title = clean_title(name)
        self._base = {".": "", "/": "/"}.get(self._title, f"{self._title}/")
        self._mtime = mtime
        self._links = Links(os.fsencode(self._title))
        self._ignore: Ignore | None = None

    def leading_out(self) -> tuple[str, ...]:
        """The links that lead out, once the archive has been read to its end."""
        return tuple(self._base + os.fsdecode(path) for path in self._links.leading_out(self._is_directory))

    def pieces(self) -> Generator[bytes]:
        """Yield the archive in pieces.

        Raises:
            StorageError, PathError, InvalidInputError: as `pack_directory`.
        """
        self._ignore = Ignore.of(self.path)
        for path, relative, is_file in _walk(self.path, self._ignore):
            name = _encoded(self._base + relative if relative else self._title, path)
            if is_file:
                yield from _file(path, name, self._mtime)
            else:
                yield from self._entry(path, relative, name)
        yield bytes(2 * TAR_BLOCK)

    def _entry(self, path: str, relative: str, name: bytes) -> Iterator[bytes]:
        target = b""
        try:
            # Only the top itself may be a link to a directory.
            facts = os.lstat(path) if relative else os.stat(path)
            if stat.S_ISLNK(facts.st_mode):
                target = _encoded(os.readlink(path), path)
        except OSError as error:
            raise unreadable(path, error) from error
        kind = stat.S_IFMT(facts.st_mode)
        if kind == stat.S_IFREG:
            yield from _file(path, name, self._mtime)
            return
        if kind not in _TYPES:
            raise StorageError(
                f"{path!r} is a socket, which can't be packed",
                code="file-unreadable",
                hint="remove it, move it out of the directory, or name it in a file .ociignore",
                details={"path": path},
            )
        device = facts.st_rdev if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
        mode = stat.S_IMODE(facts.st_mode)
        yield tar_header(name, _TYPES[kind], mode, mtime=self._mtime, link=target, device=device)
        if target:
            self._links.add(os.fsencode(relative), target)

    def _is_directory(self, path: bytes) -> bool:
        relative = os.fsdecode(path)
        try:
            facts = os.lstat(os.path.join(self.path, relative))
        except OSError:
            return False
        return stat.S_ISDIR(facts.st_mode) and not (self._ignore and self._ignore.hides(relative))


def _walk(source: str, ignore: Ignore | None) -> Iterator[tuple[str, str, bool]]:
    """Yield path, name below the source, whether it is a regular file.

    Each directory comes before its entries, those sorted by bytes.
    """
    pending = [(source, "", True, False)]
    while pending:
        path, relative, is_directory, is_file = pending.pop()
        yield path, relative, is_file
        if not is_directory:
            continue
        entries = []
        try:
            with os.scandir(path) as found:
                for entry in found:
                    below = f"{relative}/{entry.name}" if relative else entry.name
                    deeper = entry.is_dir(follow_symlinks=False)
                    if ignore is None or not ignore.excludes(below, is_directory=deeper):
                        entries.append((entry.path, below, deeper, entry.is_file(follow_symlinks=False)))
        except OSError as error:
            raise unreadable(path, error) from error
        entries.sort(key=lambda each: os.fsencode(each[1]), reverse=True)
        pending.extend(entries)


def _file(path: str, name: bytes, mtime: int) -> Iterator[bytes]:
    try:
        fd = os.open(path, _READ)
        try:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise _changed(path)
            left = size = before.st_size
            yield tar_header(name, b"0", before.st_mode & 0o7777, mtime=mtime, size=size)
            while left and (data := os.read(fd, min(left, BLOCK))):
                yield data
                left -= len(data)
            after = os.fstat(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise unreadable(path, error) from error
    if left or after.st_size != size or after.st_mtime_ns != before.st_mtime_ns:
        raise _changed(path)
    if size % TAR_BLOCK:
        yield bytes(-size % TAR_BLOCK)


def _encoded(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise PathError(
            f"{path!r} can't be packed: its name, or the text of the link, is not valid UTF-8",
            hint="rename it; archives carry names in UTF-8",
        ) from error


def _changed(path: str) -> StorageError:
    return StorageError(
        f"{path!r} changed while it was packed",
        code="file-changed",
        hint="wait until whatever writes it is done, then run the command again",
        details={"path": path},
    )
