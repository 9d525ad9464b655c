"""Reading compressed archives: every kind that tools write, in pieces of bounded size, and damage to them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import threading
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ocictl.content import CHUNK
from ocictl.errors import ContentError
from ocictl.ops.codec import Decompressed
from ocictl.ops.read_ahead import ReadAhead
from ocictl.ops.zstd_frames import ZstdFrame
from tests.support.corpus import mixed_bytes

Packer = Callable[[bytes], bytes]
zstd: Packer = zstandard.ZstdCompressor(level=3).compress
SKIPPABLE = b"\x5a\x2a\x4d\x18\x05\0\0\0hello"


def unsized(data: bytes) -> bytes:
    """A zstd frame that does not tell its size, with a checksum."""
    packer = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True)
    return packer.compress(data)


def streamed(data: bytes) -> bytes:
    """A zstd frame of many flushed blocks."""
    packer = zstandard.ZstdCompressor().compressobj()
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    parts = [packer.compress(data[at : at + 5000]) + packer.flush(flush) for at in range(0, len(data), 5000)]
    return b"".join(parts) + packer.flush()


PACKERS: dict[str, Packer] = {
    "gzip": gzip.compress,
    "zstd": zstd,
    "zstd without size": unsized,
    "zstd in blocks": streamed,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def unpacked(data: bytes, size: int = CHUNK) -> bytes:
    stream = Decompressed(io.BytesIO(data))
    parts = []
    while part := stream.read(size):
        assert len(part) <= size
        parts.append(part)
    assert stream.read(size) == b""
    assert stream.consumed == len(data)
    return b"".join(parts)


@pytest.fixture(scope="module")
def corpus() -> bytes:
    return mixed_bytes(700_000)


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("size", [512, 1 << 20])
def test_whole(corpus: bytes, packer: Packer, size: int) -> None:
    """What was compressed comes out."""
    for data in (corpus, b"", b"x", bytes(300_000)):
        assert unpacked(packer(data), size) == data


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_one_after_the_other(corpus: bytes, packer: Packer) -> None:
    """Members, frames or streams follow each other, with zeros between and after them."""
    parts = [corpus[:100_000], b"", corpus[100_000:100_001], corpus[100_001:]]
    assert unpacked(bytes(7).join(packer(part) for part in parts) + bytes(100_000)) == corpus


def test_skippable_frames(corpus: bytes) -> None:
    """Frames of zstd that hold no content are passed over, wherever they are."""
    empty = SKIPPABLE[:4] + bytes(4)
    long = SKIPPABLE[:4] + (200_000).to_bytes(4, "little") + bytes(200_000)
    data = (
        SKIPPABLE + empty + zstd(corpus[:1000]) + long + SKIPPABLE + zstd(corpus[1000:]) + empty + SKIPPABLE
    )
    assert unpacked(data) == corpus
    assert unpacked(SKIPPABLE) == b""


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_cut_anywhere(corpus: bytes, packer: Packer) -> None:
    """Data that ends too early is an error, never a shorter archive."""
    data = packer(corpus[:3000])
    for end in [*range(6, 40), *range(40, len(data), 97), len(data) - 1]:
        with pytest.raises(ContentError) as caught:
            unpacked(data[:end])
        assert caught.value.code == "archive-malformed"


@pytest.mark.parametrize("packer", [PACKERS[name] for name in PACKERS if name != "zstd"])
def test_damaged(corpus: bytes, packer: Packer) -> None:
    """A changed byte is found by the checksum, if not before."""
    data = bytearray(packer(corpus[:50_000]))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(ContentError) as caught:
        unpacked(bytes(data))
    assert caught.value.code == "archive-malformed"


def test_something_else_follows() -> None:
    """What follows compressed data must be more of the same kind."""
    with pytest.raises(ContentError, match="something else follows"):
        unpacked(gzip.compress(b"a") + zstd(b"b"))
    with pytest.raises(ContentError, match="something else follows"):
        unpacked(zstd(b"a") + b"junk")


@pytest.mark.parametrize(
    "block",
    [
        b"\x06\x00\x00",  # a reserved type
        (200_000 << 3).to_bytes(3, "little") + bytes(200_000),  # more than a block may have
        (200_000 << 3 | 2).to_bytes(3, "little") + b"x",  # a run that is longer than that
    ],
)
def test_zstd_blocks_that_are_none(block: bytes) -> None:
    """Lengths of blocks that the format forbids are an error."""
    header = b"\x28\xb5\x2f\xfd\x00\x58"
    with pytest.raises(ContentError) as caught:
        unpacked(header + block + b"\x01\x00\x00")
    assert caught.value.code == "archive-malformed"


def test_zstd_window_that_is_too_large() -> None:
    """A frame that wants gigabytes of memory is refused before it gets them."""
    with pytest.raises(ContentError, match="damaged"):
        unpacked(b"\x28\xb5\x2f\xfd\x00\xa0" + b"\x01\x00\x00")


def test_xz_that_wants_too_much_memory() -> None:
    """A file of xz with a dictionary of a gigabyte is refused."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
    data = bytearray(lzma.compress(b"x", filters=filters))
    # The size of the dictionary is a byte of the block header, which ends with its checksum (xz format, 5.3.1).
    at = data.index(b"\x21\x01", 12) + 2
    data[at] = 36
    end = 12 + (data[12] + 1) * 4 - 4
    data[end : end + 4] = zlib.crc32(bytes(data[12:end])).to_bytes(4, "little")
    with pytest.raises(ContentError, match=r"damaged.*(?i:memory)"):
        unpacked(bytes(data))


@pytest.mark.parametrize("packer", PACKERS.values(), ids=PACKERS)
def test_bombs_take_no_memory(packer: Packer) -> None:
    """Zeros that were compressed to nearly nothing come out in small pieces (F3)."""
    data = packer(bytes(64 << 20))
    tracemalloc.start()
    try:
        stream = Decompressed(io.BytesIO(data))
        count = 0
        while part := stream.read(CHUNK):
            count += len(part)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 64 << 20
    # The dictionary of xz has 8 MiB.
    assert peak < 12 << 20


def test_run_length_bomb() -> None:
    """The densest zstd there is, 128 KiB for each four bytes, comes out piece by piece."""
    block = (128 * 1024 << 3 | 2).to_bytes(3, "little") + b"\0"
    frame = ZstdFrame()
    data = frame.decompress(b"\x28\xb5\x2f\xfd\x00\x58" + block * 10_000, CHUNK)
    assert 0 < len(data) <= CHUNK
    assert not frame.needs_input


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=300) | st.just(bytes(200_000)), max_size=4),
    st.lists(st.integers(1, 200), min_size=1, max_size=8),
    st.sampled_from([zstd, unsized, streamed]),
)
def test_zstd_input_in_any_pieces(parts: list[bytes], sizes: list[int], packer: Packer) -> None:
    """However the input is cut, the output is the same."""
    data = SKIPPABLE.join(packer(part) for part in parts)
    out = []
    frame, at, turn = ZstdFrame(), 0, 0
    while at < len(data) or frame.unused_data:
        piece = data[at : at + sizes[turn % len(sizes)]] if frame.needs_input else b""
        at += len(piece)
        turn += 1
        out.append(frame.decompress(piece, CHUNK))
        if frame.eof:
            rest, frame = frame.unused_data, ZstdFrame()
            out.append(frame.decompress(rest, CHUNK))
            while frame.eof:
                rest, frame = frame.unused_data, ZstdFrame()
                out.append(frame.decompress(rest, CHUNK))
    assert b"".join(out) == b"".join(parts)


# Reading ahead


def test_read_ahead_keeps_the_order() -> None:
    """Pieces come in the order in which they were made, then the end, again and again."""
    pieces = iter([b"a", b"bb", b"c"] * 50 + [b""])
    ahead = ReadAhead(lambda: next(pieces))
    try:
        found = [ahead.read() for _ in range(150)]
        assert found == [b"a", b"bb", b"c"] * 50
        assert [ahead.read(), ahead.read()] == [b"", b""]
    finally:
        ahead.close()


def test_read_ahead_passes_errors_on() -> None:
    """An error comes in its place, after what was read before it."""

    def produce() -> bytes:
        if made:
            raise ContentError("broken")
        made.append(1)
        return b"a"

    made: list[int] = []
    ahead = ReadAhead(produce)
    try:
        assert ahead.read() == b"a"
        with pytest.raises(ContentError, match="broken"):
            ahead.read()
    finally:
        ahead.close()


def test_read_ahead_ends_when_nobody_reads() -> None:
    """Closing ends the thread, whether there is more or not, and does not wait for a reader."""
    before = threading.active_count()
    for count in (0, 1, 5):
        ahead = ReadAhead(lambda: b"more")
        for _ in range(count):
            ahead.read()
        ahead.close()
        ahead.close()
    assert threading.active_count() == before


def test_read_ahead_is_bounded() -> None:
    """It does not run far ahead of its reader."""
    made: list[int] = []

    def produce() -> bytes:
        made.append(1)
        return b"x"

    ahead = ReadAhead(produce)
    try:
        for count in range(1, 30):
            ahead.read()
            assert len(made) <= count + 10
    finally:
        ahead.close()
