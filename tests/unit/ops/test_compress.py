"""What compression writes: the same bytes on every machine, and nothing a reader might not take."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from typing import Any

import pytest
import zstandard

from ocictl.errors import InvalidInputError
from ocictl.ops import compress
from ocictl.ops.compress import BLOCK, COMPRESSIONS, Compression, new_compressor
from tests.support.corpus import mixed_bytes


def compressed(data: bytes, compression: Compression) -> bytes:
    compressor = new_compressor(compression)
    try:
        parts = [compressor.compress(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]
        return b"".join(parts) + compressor.flush()
    finally:
        compressor.close()


# What these libraries write on x86-64 with and without each vector extension, on 64-bit ARM, and with Python 3.11
# to 3.13. Digests of all artifacts with directories hang on it: change it only with a new major version.
GOLDEN: dict[tuple[Any, int], str] = {
    ("gzip", 1): "2ed1763dfafc798c",
    ("gzip", 2): "9be3cd26c1eaab07",
    ("gzip", 3): "b83a797274a2dcc3",
    ("gzip", 4): "ae7eb75b4381e9f5",
    ("gzip", 5): "d21be9d84e8a823d",
    ("gzip", 6): "80460680a11918d5",
    ("gzip", 7): "7adbefed2d30cfaa",
    ("gzip", 8): "d893254074be85da",
    ("gzip", 9): "a0db133147b84e56",
    ("zstd", 1): "f9ca12d26b54ad52",
    ("zstd", 3): "5d0a096ed55d623a",
    ("zstd", 6): "d9cee55e03134890",
    ("zstd", 9): "79c51c9a7f27189a",
    ("zstd", 12): "96a2e6113ebc0793",
    ("zstd", 19): "71ffa64d86f9ea34",
}


@pytest.fixture(scope="module")
def corpus() -> bytes:
    return mixed_bytes()


def test_corpus(corpus: bytes) -> None:
    """The input of the golden digests is what it was."""
    assert hashlib.sha256(corpus).hexdigest()[:16] == "0f314d1184b23e14"


@pytest.mark.parametrize(("name", "level"), GOLDEN)
def test_golden_digests(corpus: bytes, name: Any, level: int) -> None:
    """Every level writes the same bytes on every machine and Python version (docs/adr/0011)."""
    data = compressed(corpus, Compression(name, level))
    assert hashlib.sha256(data).hexdigest()[:16] == GOLDEN[name, level]


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(compress, "_threads", lambda: request.param)
    return request.param


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_threads_do_not_show(corpus: bytes, threads: int, name: Any) -> None:
    """The number of threads changes nothing."""
    level = Compression(name).effective_level
    assert hashlib.sha256(compressed(corpus, Compression(name))).hexdigest()[:16] == GOLDEN[name, level]


@pytest.mark.parametrize("size", [0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
@pytest.mark.parametrize("level", [1, 2, 6, 9])
def test_gzip_is_one_member(level: int, size: int) -> None:
    """Readers that stop after the first gzip member get everything."""
    data = mixed_bytes(size)
    packed = compressed(data, Compression("gzip", level))
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert inflate.decompress(packed) == data
    assert (inflate.eof, inflate.unused_data) == (True, b"")
    assert packed[:10] == bytes.fromhex("1f8b08000000000000ff")
    assert packed[-8:] == struct.pack("<II", zlib.crc32(data), size)


@pytest.mark.parametrize("size", [0, 1, BLOCK, 3 * BLOCK + 1])
def test_zstd_is_one_frame_with_a_checksum(size: int) -> None:
    """A zstd archive is one frame, and damage to it shows."""
    data = mixed_bytes(size)
    packed = compressed(data, Compression("zstd"))
    reader = zstandard.ZstdDecompressor().decompressobj()
    assert reader.decompress(packed) == data
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert zstandard.get_frame_parameters(packed).has_checksum


@pytest.mark.parametrize("level", range(1, 20))
def test_every_reader_has_the_memory_for_zstd(level: int) -> None:
    """No level needs a window of more than the 8 MiB that every reader has to offer."""
    assert zstandard.ZstdCompressionParameters.from_level(level).window_log <= 23


def test_noise_grows_by_next_to_nothing() -> None:
    """What can't be compressed is not made much larger."""
    data = os.urandom(2 * BLOCK)
    for name in COMPRESSIONS:
        assert len(compressed(data, Compression(name))) < len(data) * 1.001 + 100


def test_other_programs_read_it(corpus: bytes) -> None:
    """Python's own gzip reads it."""
    assert gzip.decompress(compressed(corpus, Compression())) == corpus


def test_media_types() -> None:
    """Each compression has its media type of the image specification."""
    assert [Compression(name).media_type for name in COMPRESSIONS] == [
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.oci.image.layer.v1.tar",
    ]


@pytest.mark.parametrize(
    ("name", "level", "message"),
    [
        ("brotli", None, "no compression 'brotli'"),
        ("gzip", 0, "gzip has no compression level 0"),
        ("gzip", 10, "gzip has no compression level 10"),
        ("zstd", 20, "zstd has no compression level 20"),
        ("zstd", -1, "zstd has no compression level -1"),
        ("none", 1, "means nothing"),
    ],
)
def test_what_there_is_not(name: Any, level: int | None, message: str) -> None:
    """A compression or level that does not exist is refused, with what there is."""
    with pytest.raises(InvalidInputError, match=message) as caught:
        Compression(name, level)
    assert caught.value.hint
