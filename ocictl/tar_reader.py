"""Reading an archive's headers: ustar, PAX and GNU names, in one pass, with bounded memory.

Written here, and not taken from `tarfile`, because extension headers come from strangers: that module reads
them into memory whatever their size, keeps every member it has seen, and differs between Python versions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from ocictl.errors import ContentError

__all__ = ["Kind", "Member", "TarReader", "malformed"]

Kind: TypeAlias = Literal["file", "directory", "symlink", "hardlink", "device", "other"]

BLOCK: Final = 512
_LONGEST_EXTENSION: Final = 1024 * 1024
"""Most bytes of an extension header, as in Go's archive/tar."""
_MOST_EXTENSIONS: Final = 16
"""Most extension headers before one member."""
_KINDS: Final[dict[bytes, Kind]] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"5": "directory",
    b"6": "device",
}
_TIME: Final = re.compile(rb"(-?\d{1,18})(?:\.(\d*))?")
_DIGITS: Final = re.compile(rb"\d{1,19}")
_OCTAL: Final = re.compile(rb"[0-7]+")
# Mode, owners, size, time, checksum and type as nearly every program writes them.
_PLAIN: Final = re.compile(
    rb"([0-7]{7})\0[0-7]{7}\0[0-7]{7}\0([0-7]{11})\0([0-7]{11})\0([0-7]{6})\0 ([0-57])"
)


class Member(NamedTuple):
    """An entry as its headers describe it; nothing of it is checked yet.

    Attributes:
        name: as it stands there.
        kind: `device` are devices and FIFOs, `other` is what this reader does not know.
        mode: permissions and the setuid, setgid and sticky bits.
        mtime: nanoseconds since the epoch; 0 for none.
        size: bytes of data that follow.
        link: the text of a link.
    """

    name: bytes
    kind: Kind
    mode: int
    mtime: int
    size: int
    link: bytes


class TarReader:
    """Walks an archive once. Between two members it skips what was not read of the first."""

    def __init__(
        self,
        read: Callable[[int], bytes],
        *,
        longest_name: int,
        skip: Callable[[int], None] | None = None,
    ) -> None:
        """
        Args:
            read: returns at most so many bytes, `b""` only at the end.
            longest_name: most bytes of a name or of the text of a link.
            skip: passes over so many bytes, for a source that need not be read for that; whether they were there
                is then left to the caller.
        """
        self._read = read
        self._longest_name = longest_name
        self._seek = skip
        self._left = 0
        self._padding = 0

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes of the current member's data, `b""` at its end.

        Raises:
            ContentError: `archive-malformed`: the archive ends before.
        """
        if self._left == 0:
            return b""
        data = self._read(min(size, self._left))
        if not data:
            raise malformed("it ends in the middle of a file")
        self._left -= len(data)
        return data

    def __iter__(self) -> Iterator[Member]:
        """
        Raises:
            ContentError: `archive-malformed`.
        """
        records: dict[bytes, bytes] = {}
        extensions = 0
        while block := self._block():
            if not records and (plain := self._plain(block)) is not None:
                extensions = 0
                yield plain
                self._skip()
                continue
            if self._is_end(block):
                break
            kind = block[156:157]
            size = _number(block[124:136], "size")
            if size < 0:
                raise malformed("a size is negative")
            if kind not in b"xgLKX":
                member = self._member(block, kind, size, records)
                records, extensions = {}, 0
                yield member
                self._skip()
                continue
            extensions += 1
            if extensions > _MOST_EXTENSIONS:
                raise malformed("there are too many extension headers before one entry")
            records |= self._extension(kind, size)
        if records:
            raise malformed("it ends after an extension header")

    def _plain(self, block: bytes) -> Member | None:
        """The member of a header without surprises; None for every one that needs a closer look."""
        match = _PLAIN.match(block, 100)
        if match is None:
            return None
        mode, size, time, checksum, flag = match.groups()
        kind, name = _KINDS[flag], _name(block)
        if int(checksum, 8) != sum(block) - sum(block[148:156]) + 256 or len(name) > self._longest_name:
            return None
        if kind == "file" and name.endswith(b"/"):
            return None
        length = int(size, 8) if kind == "file" else 0
        link = _text(block[157:257]) if kind in ("symlink", "hardlink") else b""
        self._data_follows(length)
        return Member(name, kind, int(mode, 8) & 0o7777, int(time, 8) * 10**9, length, link)

    def _is_end(self, block: bytes) -> bool:
        """Tell whether this is the end, two blocks of zeros or just one; else check the checksum."""
        if not any(block):
            if not any(self._block()):
                return True
            raise malformed("something follows a block of zeros")
        stored = _number(block[148:156], "checksum")
        fields = block[:148] + b" " * 8 + block[156:]
        # Some old writers added up signed bytes.
        if stored != sum(fields) and stored != sum(byte - 256 if byte > 127 else byte for byte in fields):
            raise malformed("a header has a wrong checksum, or there is none where one should be")
        return False

    def _block(self) -> bytes:
        block = self._exactly(BLOCK)
        if 0 < len(block) < BLOCK:
            raise malformed("it ends in the middle of a header")
        return block

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) == size or not data:
            return data
        parts = [data]
        left = size - len(data)
        while left and (data := self._read(left)):
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def _skip(self) -> None:
        if not self._left and not self._padding:
            return
        if self._seek is not None:
            self._seek(self._left + self._padding)
            self._left = self._padding = 0
        while self.read(64 * BLOCK):
            pass
        if len(self._exactly(self._padding)) < self._padding:
            raise malformed("it ends in the middle of a file")
        self._padding = 0

    def _data_follows(self, size: int) -> None:
        self._left = size
        self._padding = -size % BLOCK

    def _extension(self, kind: bytes, size: int) -> dict[bytes, bytes]:
        """Read an extension header; return what it says about the next member."""
        if size > _LONGEST_EXTENSION:
            raise malformed(f"an extension header has {size} bytes; at most {_LONGEST_EXTENSION} are read")
        self._data_follows(size)
        data = self._exactly(size)
        if len(data) < size:
            raise malformed("it ends in the middle of an extension header")
        self._left = 0
        self._skip()
        if kind == b"L":
            return {b"path": data.split(b"\0", 1)[0]}
        if kind == b"K":
            return {b"linkpath": data.split(b"\0", 1)[0]}
        records = _records(data)
        if any(key.startswith(b"GNU.sparse.") for key in records):
            raise _sparse()
        if kind != b"g":
            return records
        # For all members to come: readers do not agree on it, so it must not say anything that matters.
        if records.keys() & {b"path", b"linkpath", b"size"}:
            raise malformed("a global header sets names or sizes")
        return {}

    def _member(self, block: bytes, flag: bytes, size: int, records: dict[bytes, bytes]) -> Member:
        if flag == b"S":
            raise _sparse()
        kind = _KINDS.get(flag, "other")
        if b"size" in records:
            if _DIGITS.fullmatch(records[b"size"]) is None:
                raise malformed("a size is not a number")
            size = int(records[b"size"])
        if kind not in ("file", "other"):
            size = 0
        name = records.get(b"path") or _name(block)
        link = records.get(b"linkpath") or _text(block[157:257])
        for text in (name, link):
            if b"\0" in text:
                raise malformed("a name contains a NUL")
            if len(text) > self._longest_name:
                raise malformed(f"a name has {len(text)} bytes; at most {self._longest_name} are allowed")
        if kind == "file" and name.endswith(b"/"):
            if size:
                raise malformed("the name of a file ends in a slash")
            kind = "directory"  # as the first archives wrote them
        self._data_follows(size)
        return Member(
            name=name,
            kind=kind,
            mode=_number(block[100:108], "mode") & 0o7777,
            mtime=_time(records[b"mtime"])
            if b"mtime" in records
            else _number(block[136:148], "time") * 10**9,
            size=size,
            link=link,
        )


def malformed(why: str, hint: str | None = None) -> ContentError:
    """The error for an archive that can't be read."""
    return ContentError(
        f"the archive can't be read: {why}",
        code="archive-malformed",
        hint=hint or "fetch the blob by its digest with 'ocictl blob fetch --output FILE' to look at it",
    )


def _records(data: bytes) -> dict[bytes, bytes]:
    """Parse PAX records: `LENGTH KEY=VALUE` and a line feed, LENGTH counting all of that.

    An empty value takes back what the header says; for our purposes the record is just not there.
    """
    records = {}
    at = 0
    while at < len(data):
        digits, blank, _ = data[at : at + 20].partition(b" ")
        if not blank or _DIGITS.fullmatch(digits) is None:
            raise malformed("an extension header has a record without length")
        end = at + int(digits)
        key, equals, value = data[at + len(digits) + 1 : end].partition(b"=")
        if end > len(data) or not equals or not key or not value.endswith(b"\n"):
            raise malformed("an extension header has a record of a wrong length")
        if value != b"\n":
            records[key] = value[:-1]
        at = end
    return records


def _name(block: bytes) -> bytes:
    name = _text(block[:100])
    if block[257:263] != b"ustar\0":
        return name
    prefix = _text(block[345:476] if block[508:512] == b"tar\0" else block[345:500])
    return prefix + b"/" + name if prefix else name


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _number(field: bytes, what: str) -> int:
    """Read an octal number, or a binary one as GNU tar writes them for values that don't fit."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        # The second bit is the sign; a number that needs more than 63 bits is none that anyone means.
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if abs(value) >= 1 << 63:
            raise malformed(f"a {what} is too large")
        return value
    digits = field.lstrip(b" \0").split(b"\0", 1)[0].rstrip(b" ")
    if not digits:
        return 0
    if _OCTAL.fullmatch(digits) is None:
        raise malformed(f"a {what} is not a number")
    return int(digits, 8)


def _time(text: bytes) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise malformed("a time is not a number")
    seconds, fraction = match.groups()
    nanoseconds = int((fraction or b"")[:9].ljust(9, b"0"))
    return int(seconds) * 10**9 + (-nanoseconds if seconds.startswith(b"-") else nanoseconds)


def _sparse() -> ContentError:
    return malformed("it contains a sparse file, a format of GNU tar that is not read here")
