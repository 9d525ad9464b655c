"""Packing a directory into an archive, the same bytes for the same tree (docs/adr/0003).

The uncompressed archive is what oras writes for a tree whose times are all `mtime`: see `tar_header` for
the layout of a header, `_walk` for the order of the entries.
"""

# Millions of files: plain strings and os, not pathlib.
# ruff: noqa: PTH115, PTH116, PTH118, PTH123, PTH208

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from ocictl.content import CHUNK, unreadable
from ocictl.errors import PathError, StorageError
from ocictl.model.digest import Digest, new_hasher
from ocictl.ops.codec import new_compressor
from ocictl.ops.files import writing
from ocictl.ops.links import Links
from ocictl.ops.titles import clean_title

__all__ = ["PackedArchive", "pack_directory", "tar_header"]

BLOCK: Final = 512
_NAME: Final = 100
_PREFIX: Final = 155
_TYPES: Final = {
    stat.S_IFREG: b"0",
    stat.S_IFLNK: b"2",
    stat.S_IFCHR: b"3",
    stat.S_IFBLK: b"4",
    stat.S_IFDIR: b"5",
    stat.S_IFIFO: b"6",
}


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
    source: Path, name: str, output: BinaryIO, *, mtime: int = 0, compression: str = "gzip"
) -> PackedArchive:
    """Write the archive of a directory, in one pass and in constant memory.

    Entries are in the order of their bytes, owned by nobody, with the given time, so only names, types,
    permissions, link targets and contents count. Symbolic links are kept as links, except that `source`
    itself may be one. Devices and FIFOs are noted, as oras does; a pull skips them.

    Args:
        source: the directory.
        name: what every name in the archive begins with: the title.
        output: open for writing.
        mtime: seconds since the epoch, for every entry.
        compression: name of a codec.

    Raises:
        StorageError: `file-not-found`, `file-unreadable`, `file-changed`, `disk-full`.
        PathError: `path-unsafe`: a name is not valid UTF-8.
    """
    sink = _Sink(output, compression)
    prefix = clean_title(name)
    links = Links(os.fsencode(prefix))
    for path, relative, facts in _walk(os.fspath(source)):
        member = relative if relative and prefix == "." else posixpath.join(prefix, relative).rstrip("/")
        target = _target(path) if stat.S_ISLNK(facts.st_mode) else ""
        _add(sink, path, member or "/", facts, target, mtime)
        if target:
            links.add(os.fsencode(relative), os.fsencode(target))
    sink.write(bytes(2 * BLOCK))
    sink.finish()
    leading_out = links.leading_out(lambda path: _is_directory(os.path.join(os.fsencode(source), path)))
    return PackedArchive(
        digest=Digest("sha256", sink.packed.hexdigest()),
        size=sink.size,
        unpacked_digest=Digest("sha256", sink.unpacked.hexdigest()),
        leading_out=tuple(posixpath.join(prefix, os.fsdecode(path)) for path in leading_out),
    )


class _Sink:
    """Takes the archive; hashes it before and after compressing."""

    def __init__(self, output: BinaryIO, compression: str) -> None:
        self._output = output
        self._compressor = new_compressor(compression)
        self.unpacked = new_hasher("sha256")
        self.packed = new_hasher("sha256")
        self.size = 0

    def write(self, data: bytes) -> None:
        self.unpacked.update(data)
        self._out(self._compressor.compress(data))

    def finish(self) -> None:
        self._out(self._compressor.flush())

    def _out(self, data: bytes) -> None:
        if data:
            self.packed.update(data)
            self.size += len(data)
            with writing(getattr(self._output, "name", "the temporary archive")):
                self._output.write(data)


def _walk(source: str) -> Iterator[tuple[str, str, os.stat_result]]:
    """Yield path, name below the source, facts: each directory before its entries, those sorted by bytes."""
    pending = [""]
    while pending:
        relative = pending.pop()
        path = os.path.join(source, relative) if relative else source
        try:
            # Only the source itself may be a link to a directory.
            facts = os.lstat(path) if relative else os.stat(path)
        except OSError as error:
            raise unreadable(path, error) from error
        yield path, relative, facts
        if not stat.S_ISDIR(facts.st_mode):
            continue
        try:
            names = sorted(os.listdir(path), key=os.fsencode, reverse=True)
        except OSError as error:
            raise unreadable(path, error) from error
        pending.extend(f"{relative}/{name}" if relative else name for name in names)


def _add(sink: _Sink, path: str, member: str, facts: os.stat_result, target: str, mtime: int) -> None:
    kind = stat.S_IFMT(facts.st_mode)
    if kind not in _TYPES:
        raise StorageError(
            f"{path!r} is a socket, which can't be packed",
            code="file-unreadable",
            hint="remove it, or move it out of the directory",
            details={"path": path},
        )
    try:
        name = member.encode()
        link = target.encode()
    except UnicodeEncodeError as error:
        raise PathError(
            f"{path!r} can't be packed: its name, or the text of the link, is not valid UTF-8",
            hint="rename it; archives carry names in UTF-8",
        ) from error
    if kind == stat.S_IFREG:
        _add_file(sink, path, name, mtime)
        return
    device = facts.st_rdev if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
    sink.write(
        tar_header(name, _TYPES[kind], stat.S_IMODE(facts.st_mode), mtime=mtime, link=link, device=device)
    )


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _is_directory(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _add_file(sink: _Sink, path: str, name: bytes, mtime: int) -> None:
    try:
        # Should it have become a FIFO or a link by now: don't hang, don't follow.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise _changed(path)
            mode = stat.S_IMODE(before.st_mode)
            sink.write(tar_header(name, b"0", mode, mtime=mtime, size=before.st_size))
            left = before.st_size
            while left and (data := file.read(min(left, CHUNK))):
                sink.write(data)
                left -= len(data)
            after = os.fstat(fd)
    except OSError as error:
        raise unreadable(path, error) from error
    if left or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _changed(path)
    sink.write(bytes(-before.st_size % BLOCK))


def _changed(path: str) -> StorageError:
    return StorageError(
        f"{path!r} changed while it was packed",
        code="file-changed",
        hint="wait until whatever writes it is done, then run the command again",
        details={"path": path},
    )


def tar_header(
    name: bytes,
    kind: bytes,
    mode: int,
    *,
    mtime: int = 0,
    size: int = 0,
    link: bytes = b"",
    device: int = 0,
) -> bytes:
    """Return the header of an entry, laid out as Go's archive/tar does it.

    That is ustar where all values fit. Else a PAX header comes first with the values that do not fit, and
    the fields hold what is left of them without the other letters, cut off.
    """
    records = {}
    split = _split(name)
    if not name.isascii() or len(name) > _NAME:
        records[b"path"] = name
    if not link.isascii() or len(link) > _NAME:
        records[b"linkpath"] = link
    if size >= 8**11:
        records[b"size"] = b"%d" % size
    if not 0 <= mtime < 8**11:
        records[b"mtime"] = b"%d" % mtime
    fields = _Fields(kind, mode, mtime, size, device)
    if not records or (split is not None and records.keys() == {b"path"}):
        prefix, base = split or (b"", name)
        return fields.block(base, link, prefix)
    payload = b"".join(_record(key, records[key]) for key in sorted(records))
    directory, base = posixpath.split(name)
    extended = posixpath.normpath(posixpath.join(directory, b"PaxHeaders.0", base))
    head = _Fields(b"x", 0, 0, len(payload), 0, bare=True).block(_ascii(extended)[:_NAME].rstrip(b"/"))
    return head + payload + bytes(-len(payload) % BLOCK) + fields.block(_cut(name), _cut(link))


@dataclass(frozen=True, slots=True)
class _Fields:
    """What a header holds besides names. `bare` leaves the device fields empty."""

    kind: bytes
    mode: int
    mtime: int
    size: int
    device: int
    bare: bool = False

    def block(self, name: bytes, link: bytes = b"", prefix: bytes = b"") -> bytes:
        block = bytearray(
            name.ljust(_NAME, b"\0")
            + _octal(self.mode, 8)
            + _octal(0, 8)
            + _octal(0, 8)
            + _octal(self.size, 12)
            + _octal(self.mtime, 12)
            + b" " * 8
            + self.kind
            + link.ljust(_NAME, b"\0")
            + b"ustar\0" + b"00"
            + bytes(64)
            + (bytes(16) if self.bare else _octal(os.major(self.device), 8) + _octal(os.minor(self.device), 8))
            + prefix.ljust(_PREFIX, b"\0")
            + bytes(12)
        )  # fmt: skip
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block)


def _octal(value: int, width: int) -> bytes:
    # A value that does not fit stands in the PAX header; the field holds zero then.
    if not 0 <= value < 8 ** (width - 1):
        value = 0
    return b"%0*o\0" % (width - 1, value)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Divide a long name into prefix and name at a slash; None where that is not possible or not needed."""
    if len(name) <= _NAME or not name.isascii():
        return None
    slash = name[: _PREFIX + 1].rfind(b"/")
    if slash <= 0 or not 0 < len(name) - slash - 1 <= _NAME:
        return None
    return name[:slash], name[slash + 1 :]


def _record(key: bytes, value: bytes) -> bytes:
    """One PAX record; its length counts its own digits."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest


def _ascii(text: bytes) -> bytes:
    return bytes(byte for byte in text if byte < 0x80)


def _cut(text: bytes) -> bytes:
    short = _ascii(text)
    return short if len(short) <= _NAME else short[:_NAME].rstrip(b"/")
