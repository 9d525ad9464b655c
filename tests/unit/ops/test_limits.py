"""Limits for archives, as a user writes them."""

from __future__ import annotations

import pytest

from ocictl.errors import InvalidInputError
from ocictl.ops.limits import UnpackLimits


def test_defaults() -> None:
    """Without a word everything keeps its default."""
    assert UnpackLimits.parse([]) == UnpackLimits()


def test_values() -> None:
    """Each limit can be set; units are powers of 1024; the last one counts."""
    limits = UnpackLimits.parse(["entries=5", "bytes=2T", "ratio=7", "ratio=9"])
    assert (limits.entries, limits.total_bytes, limits.ratio) == (5, 2 << 40, 9)
    assert UnpackLimits.parse(["bytes=10k"]).total_bytes == 10 << 10
    assert UnpackLimits.parse(["bytes=999999999999999T"]).total_bytes == 1 << 62


def test_memory_follows_the_entries() -> None:
    """More entries may have more names, less do not make room for less than usual."""
    assert UnpackLimits.parse(["entries=10"]).memory_bytes == UnpackLimits().memory_bytes
    assert UnpackLimits.parse(["entries=10000000"]).memory_bytes == 640_000_000


@pytest.mark.parametrize(
    "text",
    ["", "entries", "entries=", "entries=-1", "size=1", "ratio=1.5", "bytes=1X", "depth=9", "entries=١"],
)
def test_what_is_no_limit(text: str) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(InvalidInputError) as caught:
        UnpackLimits.parse([text])
    assert "bytes=4T" in str(caught.value.hint)
