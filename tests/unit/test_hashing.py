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
