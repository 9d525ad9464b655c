"""Single blobs, from files and pipes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from ocictl.content import CHUNK, read_all
from ocictl.errors import ContentError, InvalidInputError, StorageError
from ocictl.events import Event, TransferFinished, TransferSkipped, TransferStarted
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.ops.blob import push_blob, received
from ocictl.sources import BytesContent, FileContent
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore


def test_what_is_stored_and_told() -> None:
    """Events carry the media type that was asked for; a second time nothing is sent."""
    store, events = MemoryStore(), list[Event]()
    result = push_blob(store, BytesContent(b"data"), media_type="a/b", on_event=events.append)
    expected = Descriptor(media_type="a/b", digest=Digest.of(b"data"), size=4)
    assert (result.descriptor, result.existed) == (expected, False)
    assert [type(event) for event in events if not hasattr(event, "offset")] == [TransferFinished]
    assert isinstance(events[0], TransferStarted)
    assert {event.descriptor for event in events} == {expected}  # type: ignore[union-attr]
    events.clear()
    assert push_blob(store, BytesContent(b"data"), media_type="a/b", on_event=events.append).existed
    assert events == [TransferSkipped(descriptor=expected, direction="push", reason="exists")]


def test_a_manifest_s_media_type_makes_no_manifest(tmp_path: Path) -> None:
    """What is pushed as a blob is one, and is not parsed."""
    layout = Layout(tmp_path / "layout", create=True)
    result = push_blob(layout, BytesContent(b"no manifest"), media_type=media_types.OCI_MANIFEST)
    assert result.descriptor.media_type == media_types.OCI_MANIFEST
    assert read_all(layout, layout.resolve_blob(result.descriptor.digest)) == b"no manifest"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_digest_is_checked_first(algorithm: str) -> None:
    """Other content is refused before anything is sent, also where the blob is there already."""
    store = MemoryStore()
    wanted = Digest.of(b"data", algorithm)
    assert push_blob(store, BytesContent(b"data"), digest=wanted).descriptor.digest == wanted
    with pytest.raises(ContentError) as caught:
        push_blob(store, BytesContent(b"other"), digest=wanted)
    assert caught.value.code == "digest-mismatch"


def test_media_types_are_checked() -> None:
    """A descriptor with another text would break the specification."""
    with pytest.raises(InvalidInputError):
        push_blob(MemoryStore(), BytesContent(b""), media_type="bad type")


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_pipe_can_be_read_again(size: int) -> None:
    """However often a transfer has to begin anew."""
    data = bytes(size)
    with received(io.BytesIO(data), size) as content:
        assert content.size == size
        for _ in range(2):
            with content.open() as stream:
                assert stream.read() == data


@pytest.mark.parametrize("size", [0, 3, 5, CHUNK, 10 * CHUNK])
def test_a_pipe_of_another_length(size: int) -> None:
    """Too short and too long are told, and no more is read than is needed to know."""
    stream = io.BytesIO(b"four")
    with pytest.raises(ContentError) as caught, received(stream, size):
        raise AssertionError("unreachable")
    assert caught.value.code == "size-mismatch"


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A directory can be opened, but not read."""
    with pytest.raises(StorageError):
        push_blob(MemoryStore(), FileContent(tmp_path))
