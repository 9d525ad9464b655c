"""The background hasher gives the same digest, bounds what waits, and ends its thread."""

from __future__ import annotations

import hashlib
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
