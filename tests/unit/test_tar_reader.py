"""Headers of archives: the quick way to read them and the careful one agree."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocictl.errors import ContentError
from ocictl.tar_reader import Member, TarReader
from tests.support.archives import archive, directory, entry, file, hard_link, long_name, pax, symlink


class Careful(TarReader):
    """Never takes the quick way."""

    def _plain(self, block: bytes) -> Member | None:
        return None


def read(reader_type: type[TarReader], data: bytes) -> Any:
    """The members with their content, or the message of the error."""
    reader = reader_type(io.BytesIO(data).read, longest_name=300)
    found = []
    try:
        for member in reader:
            content = b""
            while part := reader.read(1000):
                content += part
            found.append((member, content))
    except ContentError as error:
        return [*found, error.message]
    return found


MEMBERS = st.sampled_from(
    [
        file("d/f", b"1" * 700),
        file("d/" + "x" * 90, b""),
        file("täglich", b"1"),
        file("d/f/", b""),
        directory("d", mode=0o1777),
        symlink("d/l", "x" * 99),
        hard_link("d/h", "d/f"),
        entry("d/f", b"0", data=b"1", mtime=8**11 - 1, mode=0o7777),
        entry("d/f", b"0", data=b"1", prefix=b"p" * 155),
        entry("d/f", b"\0", data=b"1"),
        entry("d/f", b"7", data=b"12"),
        entry("d/c", b"3"),
        entry("d/x", b"Z", data=b"data of a kind that nobody knows"),
        entry("d/f", b"0", data=b"1", size=b"\x80" + bytes(10) + b"\1"),
        entry("d/f", b"0", data=b"1", size=b"          1 "),
        entry("d/f", b"0", data=b"1", magic=b"ustar  \0"),
        entry("d/f", b"0", data=b"1", magic=bytes(8)),
        entry("d/l", b"2", link="x", size=600),
        entry("d/f", b"0", checksum=b"0000000\0"),
        pax({"path": "d/other", "size": "3"}),
        pax({"comment": "x"}, kind=b"g"),
        long_name("d/" + "y" * 150),
        bytes(512),
    ]
)
CHANGES = st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=12)), max_size=3)


def with_checksum(block: bytes) -> bytes:
    fields = block[:148] + b" " * 8 + block[156:512]
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]


@settings(max_examples=400, deadline=None)
@given(st.lists(MEMBERS, max_size=5), CHANGES, st.booleans())
def test_both_ways_agree(members: list[bytes], changes: list[tuple[int, bytes]], mended: bool) -> None:
    """Whatever stands in an archive, both ways find the same in it."""
    data = bytearray(archive(*members, compressed=False))
    for at, new in changes:
        data[at : at + len(new)] = new
    if mended and len(data) >= 512:
        data[:512] = with_checksum(bytes(data[:512]))
    quick, careful = read(TarReader, bytes(data)), read(Careful, bytes(data))
    assert [same_where_it_counts(each) for each in quick] == [same_where_it_counts(each) for each in careful]


def same_where_it_counts(found: Any) -> Any:
    """The link text of what is no link means nothing."""
    if isinstance(found, str):
        return found
    member, content = found
    return (member if member.kind in ("symlink", "hardlink") else member._replace(link=b"")), content


@pytest.mark.parametrize("reader_type", [TarReader, Careful])
def test_everything_is_found(reader_type: type[TarReader]) -> None:
    """Names, kinds, modes, times, sizes and links come out as they were written."""
    data = archive(
        directory("d", mode=0o1777, mtime=7),
        file("d/f", b"1", mode=0o6755),
        symlink("d/l", "f"),
        compressed=False,
    )
    assert [tuple(member) for member, _ in read(reader_type, data)] == [
        (b"d", "directory", 0o1777, 7 * 10**9, 0, b""),
        (b"d/f", "file", 0o6755, 0, 1, b""),
        (b"d/l", "symlink", 0o777, 0, 0, b"f"),
    ]
