"""Archives made by hand, byte by byte, so that they can hold what no packer would write."""

from __future__ import annotations

import gzip

__all__ = ["archive", "device", "directory", "entry", "file", "hard_link", "long_name", "pax", "symlink"]

END = bytes(1024)


def entry(
    name: bytes | str,
    kind: bytes,
    *,
    data: bytes = b"",
    link: bytes | str = b"",
    mode: int = 0o644,
    mtime: int = 0,
    size: int | bytes | None = None,
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
    checksum: bytes | None = None,
) -> bytes:
    """A header and its data. `size` may lie; bytes for it stand there as they are."""
    name = name.encode() if isinstance(name, str) else name
    link = link.encode() if isinstance(link, str) else link
    length = len(data) if size is None else size
    block = bytearray(
        name[:100].ljust(100, b"\0")
        + b"%07o\0" % mode
        + b"0000000\0" * 2
        + (length if isinstance(length, bytes) else b"%011o\0" % length)
        + b"%011o\0" % mtime
        + b" " * 8
        + kind
        + link[:100].ljust(100, b"\0")
        + magic
        + bytes(80)
        + prefix.ljust(155, b"\0")
        + bytes(12)
    )
    assert len(block) == 512
    block[148:156] = (b"%06o\0 " % sum(block)) if checksum is None else checksum
    return bytes(block) + data + bytes(-len(data) % 512)


def file(name: bytes | str, data: bytes = b"data\n", *, mode: int = 0o644, mtime: int = 0) -> bytes:
    return entry(name, b"0", data=data, mode=mode, mtime=mtime)


def directory(name: bytes | str, *, mode: int = 0o755, mtime: int = 0) -> bytes:
    return entry(name, b"5", mode=mode, mtime=mtime)


def symlink(name: bytes | str, target: bytes | str, *, mtime: int = 0) -> bytes:
    return entry(name, b"2", link=target, mode=0o777, mtime=mtime)


def hard_link(name: bytes | str, target: bytes | str) -> bytes:
    return entry(name, b"1", link=target)


def device(name: bytes | str, kind: bytes = b"3") -> bytes:
    return entry(name, kind)


def pax(records: dict[str, str | bytes], *, kind: bytes = b"x") -> bytes:
    """A PAX header for the entry after it (kind `g`: for all entries after it)."""
    payload = b""
    for key, value in records.items():
        rest = b" " + key.encode() + b"=" + (value.encode() if isinstance(value, str) else value) + b"\n"
        length = len(rest) + 1
        while length != len(rest) + len(str(length)):
            length = len(rest) + len(str(length))
        payload += str(length).encode() + rest
    return entry(b"PaxHeaders.0/x", kind, data=payload)


def long_name(name: bytes | str, *, kind: bytes = b"L") -> bytes:
    """GNU tar's header for a long name (kind `K`: the long text of a link)."""
    text = name.encode() if isinstance(name, str) else name
    return entry(b"././@LongLink", kind, data=text + b"\0", magic=b"ustar  \0")


def archive(*parts: bytes, compressed: bool = True, end: bytes = END) -> bytes:
    """The parts one after the other, ended and compressed."""
    raw = b"".join(parts) + end
    return gzip.compress(raw, 1, mtime=0) if compressed else raw
