"""delete: what is asked and answered before something is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocictl.errors import NotFoundError, UnsupportedError
from ocictl.model.descriptor import Descriptor
from ocictl.ops.delete import DeleteResult, delete_blob, delete_manifest
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from ocictl.target import ReadOnlyTarget
from tests.support.layouts import HELLO, manifest


@pytest.fixture(params=["memory", "layout"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryStore | Layout:
    """Holds one artifact under the tag v1."""
    store = MemoryStore() if request.param == "memory" else Layout(tmp_path / "layout", create=True)
    store.push(HELLO, BytesContent(b"hello\n"))
    document = manifest()
    store.push(document.descriptor().plain(), BytesContent(document.raw), tag="v1")
    return store


def never(descriptor: Descriptor) -> bool:
    return False


def test_by_tag_and_by_digest(target: MemoryStore | Layout) -> None:
    """The result tells what it was."""
    found = target.resolve("v1")
    assert delete_manifest(target, "v1") == DeleteResult(outcome="deleted", descriptor=found)
    with pytest.raises(NotFoundError):
        delete_manifest(target, str(found.digest))


def test_missing_is_an_error_unless_that_is_asked_for(target: MemoryStore | Layout) -> None:
    """DEL-08."""
    other = Descriptor.of(b"other", "a/b").digest
    with pytest.raises(NotFoundError):
        delete_manifest(target, "v2")
    with pytest.raises(NotFoundError):
        delete_blob(target, other)
    assert delete_manifest(target, "v2", missing_ok=True) == DeleteResult(outcome="missing")
    assert delete_blob(target, other, missing_ok=True) == DeleteResult(outcome="missing")


def test_nothing_happens_without_a_yes(target: MemoryStore | Layout) -> None:
    """The question comes when it is known what would go."""
    asked: list[Descriptor] = []

    def refuse(descriptor: Descriptor) -> bool:
        asked.append(descriptor)
        return False

    assert delete_manifest(target, "v1", confirm=refuse).outcome == "declined"
    assert delete_blob(target, HELLO.digest, confirm=refuse).outcome == "declined"
    assert [each.digest for each in asked] == [target.resolve("v1").digest, HELLO.digest]
    assert target.exists(HELLO)


def test_nobody_is_asked_about_what_is_missing(target: MemoryStore | Layout) -> None:
    """There would be nothing to decide."""
    assert delete_manifest(target, "v2", missing_ok=True, confirm=never).outcome == "missing"


def test_a_blob(target: MemoryStore | Layout) -> None:
    """Its media type is not known to a store."""
    result = delete_blob(target, HELLO.digest)
    assert result.descriptor is not None
    assert (result.outcome, result.descriptor.media_type) == ("deleted", "application/octet-stream")
    assert not target.exists(HELLO)


class Lossy(MemoryStore):
    """Deletes, and then says that there was nothing to delete, as if the answer to a first attempt were lost."""

    def __init__(self, *, really: bool) -> None:
        super().__init__()
        self.really = really

    def delete(self, descriptor: Descriptor) -> None:
        if self.really:
            super().delete(descriptor)
        raise NotFoundError("gone")


@pytest.mark.parametrize("really", [True, False])
def test_gone_by_another_hand(really: bool) -> None:
    """What is gone is deleted; what is still there is not reported as deleted."""
    store = Lossy(really=really)
    document = manifest()
    store.push(document.descriptor().plain(), BytesContent(document.raw), tag="v1")
    if really:
        assert delete_manifest(store, "v1").outcome == "deleted"
    else:
        with pytest.raises(NotFoundError):
            delete_manifest(store, "v1")


def test_a_place_that_deletes_nothing(target: MemoryStore | Layout) -> None:
    """An archive for example."""

    class Reading:
        """A target without the optional abilities."""

        kind, path = "oci-layout", "x.tar"
        resolve, resolve_blob, exists = target.resolve, target.resolve_blob, target.exists
        fetch, referrers, tags = target.fetch, target.referrers, target.tags

    reading: ReadOnlyTarget = Reading()  # type: ignore[assignment]
    with pytest.raises(UnsupportedError) as caught:
        delete_manifest(reading, "v1")
    assert "unpacked" in (caught.value.hint or "")
