"""What is particular to the store in memory; its contract is tested in test_local_stores.py."""

from __future__ import annotations

from ocictl.model.descriptor import Descriptor
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore


def test_identity() -> None:
    """Kind and path as they are shown."""
    assert (MemoryStore().kind, MemoryStore().path) == ("memory", "memory")


def test_stores_share_nothing() -> None:
    """Each store is its own."""
    one, two = MemoryStore(), MemoryStore()
    descriptor = Descriptor.of(b"x", "a/b")
    one.push(descriptor, BytesContent(b"x"))
    assert one.exists(descriptor)
    assert not two.exists(descriptor)


def test_listing_is_a_snapshot() -> None:
    """Tags that are added while somebody reads the list don't disturb the reader."""
    store = MemoryStore()
    descriptor = Descriptor.of(b"x", "a/b")
    store.push(descriptor, BytesContent(b"x"), tag="a")
    store.tag(descriptor, "c")
    seen = []
    for tag in store.tags():
        seen.append(tag)
        store.tag(descriptor, "b")
    assert seen == ["a", "c"]
