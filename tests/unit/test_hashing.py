"""The background hasher gives the same digest, bounds what waits, and ends its thread."""

from __future__ import annotations

import hashlib
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocictl import hashing
from ocictl.errors import ContentError
from ocictl.hashing import BackgroundHasher


@given(st.lists(st.binary(max_size=5000), max_size=40), st.sampled_from(["sha256", "sha512"]))
@settings(max_examples=50, deadline=None)
def test_same_digest(blocks: list[bytes], algorithm: str) -> None:
    """However the bytes are cut, the digest is theirs."""
    hasher = BackgroundHasher(algorithm)
    for block in blocks:
        hasher.update(block)
    assert hasher.hexdigest() == hashlib.new(algorithm, b"".join(blocks)).hexdigest()


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.binary(min_size=1, max_size=3000)),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=50, deadline=None)
def test_by_whom_it_is_done_does_not_matter(steps: list[tuple[bool, bool, bytes]]) -> None:
    """Blocks are hashed in their order, wherever that happens, and however processors come and go."""
    with pytest.MonkeyPatch.context() as patch:
        hasher = BackgroundHasher("sha256")
        for crowded, lent, block in steps:
            patch.setattr(hashing, "_PROCESSORS", 1 if crowded else 1000)
            if lent:
                buffer = hasher.buffer()
                buffer[: len(block)] = block
                hasher.take(buffer, len(block))
            else:
                hasher.update(block)
        found = hasher.hexdigest()
    assert found == hashlib.sha256(b"".join(block for _crowded, _lent, block in steps)).hexdigest()


def test_who_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many at work as there are processors: each does it in its own thread. Else beside it."""
    monkeypatch.setattr(hashing, "_PROCESSORS", len(hashing._running) + 2)
    with BackgroundHasher("sha256") as first:
        assert not first._hashes_here()
        with BackgroundHasher("sha256") as second:
            assert first._hashes_here()
            assert second._hashes_here()
        assert not first._hashes_here()


def test_memory_is_used_again() -> None:
    """The next hasher borrows the buffers of the one before."""
    hashing._spare.clear()
    with BackgroundHasher("sha256") as hasher:
        hasher.take(hasher.buffer(), 5)
    assert len(hashing._spare) == 4
    with BackgroundHasher("sha256") as hasher:
        assert hasher.buffer() is not None
        assert not hashing._spare


def test_thread_ends() -> None:
    """Closing twice is no error, and no thread stays."""
    before = threading.active_count()
    hasher = BackgroundHasher("sha256")
    hasher.update(b"x")
    hasher.close()
    hasher.close()
    assert threading.active_count() == before


def test_unknown_algorithm() -> None:
    """DIG-03: what can't be verified is refused before any byte is read."""
    with pytest.raises(ContentError):
        BackgroundHasher("md5")


def test_lent_buffers_are_hashed_before_they_are_lent_again() -> None:
    """What a reader writes into a buffer is hashed as it was when it was taken."""
    hasher = BackgroundHasher("sha256")
    expected = hashlib.sha256()
    for number in range(200):
        buffer = hasher.buffer()
        count = 1 + number * 37 % 5000
        buffer[:count] = bytes([number % 256]) * count
        expected.update(buffer[:count])
        hasher.take(buffer, count)
        if number % 7 == 0:
            hasher.update(b"between")
            expected.update(b"between")
    assert hasher.hexdigest() == expected.hexdigest()
