"""Verified, bounded reading."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, Self

import pytest

from ocictl import content
from ocictl.content import VerifyingReader, copy_verified, open_verified, read_all, read_document
from ocictl.errors import ContentError, NotFoundError
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import build_index
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore

HELLO = Descriptor.of(b"hello\n", "text/plain")


class Dribble(io.BytesIO):
    """A stream that gives one byte at a time, as a slow connection may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1 if size else 0)


class Endless:
    """A stream that never ends, and remembers how much was taken."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed = False

    def read(self, size: int = -1, /) -> bytes:
        assert size >= 0, "an unbounded read of an endless stream"
        self.taken += size
        return b"x" * size

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()


def whole(reader: VerifyingReader) -> bytes:
    return reader.read()


def by_pieces(reader: VerifyingReader) -> bytes:
    parts = []
    while part := reader.read(4):
        parts.append(part)
    return b"".join(parts)


WAYS: list[Callable[[VerifyingReader], bytes]] = [whole, by_pieces]


@pytest.fixture
def store() -> MemoryStore:
    """A store that has HELLO."""
    store = MemoryStore()
    store.push(HELLO, BytesContent(b"hello\n"))
    return store


class Liar(MemoryStore):
    """A store whose content is something else than it should be."""

    def __init__(self, actual: bytes) -> None:
        super().__init__()
        self.actual = actual

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
        return io.BytesIO(self.actual[start:])


class TestVerifyingReader:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("stream", [io.BytesIO, Dribble])
    @pytest.mark.parametrize("data", [b"hello\n", b"", b"x" * 1000])
    def test_right_content(self, way: Callable[[VerifyingReader], bytes], stream: Any, data: bytes) -> None:
        """Right content comes out unchanged, however it arrives."""
        reader = VerifyingReader(stream(data), Descriptor.of(data, "a/b"))
        assert way(reader) == data
        assert reader.read() == b""
        assert reader.read(1) == b""

    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("stream", [io.BytesIO, Dribble])
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"jello\n", "digest-mismatch"),
            (b"hello", "size-mismatch"),
            (b"", "size-mismatch"),
            (b"hello\n\n", "size-mismatch"),
        ],
    )
    def test_wrong_content(
        self, way: Callable[[VerifyingReader], bytes], stream: Any, data: bytes, code: str
    ) -> None:
        """DIG-05, DIG-06: whoever reads to the end gets an error instead of the end."""
        with pytest.raises(ContentError) as caught:
            way(VerifyingReader(stream(data), HELLO))
        assert caught.value.code == code
        assert caught.value.hint

    def test_the_error_comes_again(self) -> None:
        """A caller that ignores the error still never meets a clean end."""
        reader = VerifyingReader(io.BytesIO(b"jello\n"), HELLO)
        assert reader.read(6) == b"jello\n"
        for _ in range(2):
            with pytest.raises(ContentError):
                reader.read(1)

    def test_an_endless_stream_is_left_at_the_size(self) -> None:
        """DIG-06: not more than one byte beyond the size is taken."""
        stream = Endless()
        with pytest.raises(ContentError) as caught, VerifyingReader(stream, HELLO) as reader:
            reader.read()
        assert caught.value.code == "size-mismatch"
        assert stream.taken == HELLO.size + 1
        assert stream.closed

    def test_a_size_beyond_memory_is_not_allocated(self) -> None:
        """A descriptor may claim 2^62 bytes; only what comes is held."""
        claimed = Descriptor(media_type="a/b", digest=HELLO.digest, size=2**62)
        with pytest.raises(ContentError, match="ended after 6 bytes"):
            VerifyingReader(io.BytesIO(b"hello\n"), claimed).read()

    def test_reading_nothing_is_not_the_end(self) -> None:
        """`read(0)` gives nothing and checks nothing."""
        reader = VerifyingReader(io.BytesIO(b"jello\n"), HELLO)
        assert reader.read(0) == b""
        with pytest.raises(ContentError):
            reader.read()

    def test_sha512(self) -> None:
        """DIG-04: the algorithm is the descriptor's."""
        descriptor = Descriptor.of(b"hello\n", "a/b", algorithm="sha512")
        assert VerifyingReader(io.BytesIO(b"hello\n"), descriptor).read() == b"hello\n"

    def test_unverifiable(self) -> None:
        """DIG-03: refused before anything is read."""
        descriptor = Descriptor(media_type="a/b", digest=Digest("blake3", "0" * 64), size=6)
        with pytest.raises(ContentError) as caught:
            VerifyingReader(io.BytesIO(b"hello\n"), descriptor)
        assert caught.value.code == "digest-unverifiable"


class TestReading:
    def test_read_all(self, store: MemoryStore) -> None:
        """Small content comes whole."""
        assert read_all(store, HELLO) == b"hello\n"
        assert read_all(store, HELLO, limit=6) == b"hello\n"

    def test_the_limit_is_checked_before_the_request(self) -> None:
        """PULL-11: nothing is fetched that is too large to keep."""

        class Untouched(MemoryStore):
            def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
                pytest.fail("the content was fetched")

        with pytest.raises(ContentError) as caught:
            read_all(Untouched(), HELLO, limit=5)
        assert caught.value.code == "document-too-large"
        assert caught.value.details["limit"] == 5

    def test_missing(self) -> None:
        """The store's own error comes through."""
        with pytest.raises(NotFoundError):
            read_all(MemoryStore(), HELLO)

    def test_inline_data_needs_no_request(self) -> None:
        """DESC-08: checked data stands for the content."""
        assert read_all(MemoryStore(), EMPTY_DESCRIPTOR) == b"{}"

    def test_inline_data_is_checked_all_the_same(self) -> None:
        """DESC-08: a descriptor that was built by hand can't smuggle content in."""
        lying = Descriptor(media_type="a/b", digest=HELLO.digest, size=6, data=b"jello\n")
        with pytest.raises(ContentError, match="does not match its digest"):
            read_all(MemoryStore(), lying)

    def test_unverifiable_content_is_not_fetched(self) -> None:
        """DIG-03: inline data doesn't help either."""
        descriptor = Descriptor(media_type="a/b", digest=Digest("blake3", "0" * 64), size=1, data=b"x")
        with pytest.raises(ContentError) as caught:
            open_verified(MemoryStore(), descriptor)
        assert caught.value.code == "digest-unverifiable"

    def test_read_document(self, store: MemoryStore) -> None:
        """A document is verified and parsed, and has to be of its descriptor's type."""
        index = build_index()
        store.push(index.descriptor(), BytesContent(index.raw))
        assert read_document(store, index.descriptor()) == index
        with pytest.raises(ContentError, match="differs from the type"):
            read_document(store, Descriptor.of(index.raw, media_types.OCI_MANIFEST))

    def test_copy_verified(self, monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
        """Bytes go to a file, with absolute progress."""
        monkeypatch.setattr(content, "CHUNK", 4)
        output, seen = io.BytesIO(), list[int]()
        copy_verified(store, HELLO, output, seen.append)
        assert output.getvalue() == b"hello\n"
        assert seen == [4, 6]

    def test_copy_of_wrong_content_fails(self) -> None:
        """The error comes before the caller can take the file for good."""
        with pytest.raises(ContentError):
            copy_verified(Liar(b"jello\n"), HELLO, io.BytesIO())
