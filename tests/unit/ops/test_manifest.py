"""Storing documents that somebody else made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.content import read_all
from ocictl.errors import ContentError, InvalidInputError, UnsupportedError
from ocictl.events import Event, FileWarning, TagWritten, TransferSkipped
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.ops.manifest import push_manifest
from ocictl.stores.memory import MemoryStore
from ocictl.target import Content, PushReceipt
from tests.support.layouts import manifest


class Counting(MemoryStore):
    """Counts what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.pushed: list[str | None] = []

    def push_document(
        self, descriptor: Descriptor, content: Content, *, tag: str | None = None
    ) -> PushReceipt:
        self.pushed.append(tag)
        return super().push_document(descriptor, content, tag=tag)


@pytest.fixture
def store() -> Counting:
    return Counting()


def dump(**members: Any) -> bytes:
    return json.dumps(members).encode()


def test_bytes_stay_as_they_are(store: Counting) -> None:
    """MPUT-04: blanks, order and unknown members too."""
    raw = json.dumps({"x": 1, **json.loads(manifest().raw)}, indent=3).encode()
    result = push_manifest(store, raw, tags=["v1", "v2", "v1"])
    assert read_all(store, store.resolve("v2")) == raw
    assert result.descriptor == Descriptor.of(raw, media_types.OCI_MANIFEST)
    assert (result.tags, result.existed) == (("v1", "v2", "v1"), False)
    assert store.pushed == ["v1"]


def test_nothing_is_sent_that_is_there(store: Counting) -> None:
    """Under the first tag, or without a tag under its digest; the other tags are written all the same."""
    events: list[Event] = []
    push_manifest(store, manifest().raw, tags=["v1"])
    result = push_manifest(store, manifest().raw, tags=["v1", "v2"], on_event=events.append)
    assert result.existed
    assert push_manifest(store, manifest().raw).existed
    assert store.pushed == ["v1"]
    assert [type(event) for event in events] == [TransferSkipped, TagWritten]
    assert not push_manifest(store, manifest().raw, tags=["v3"]).existed
    assert store.pushed == ["v1", "v3"]


def test_a_referrer_is_sent_again(store: Counting) -> None:
    """RFT-02: only the answer to a push tells whether it is listed."""
    push_manifest(store, manifest().raw, tags=["v1"])
    referrer = manifest(subject=store.resolve("v1"), annotations={"n": "1"})
    push_manifest(store, referrer.raw)
    push_manifest(store, referrer.raw)
    assert store.pushed == ["v1", None, None]
    assert len(list(store.referrers(store.resolve("v1")))) == 1


@pytest.mark.parametrize(
    ("raw", "given", "expected"),
    [
        (dump(mediaType="a/b"), None, "a/b"),
        (dump(), "a/b", "a/b"),
        (dump(mediaType="a/b"), "A/B", "A/B"),
        (dump(mediaType=7), "a/b", "a/b"),
        (dump(mediaType=""), "a/b", "a/b"),
    ],
)
def test_the_media_type(store: Counting, raw: bytes, given: str | None, expected: str) -> None:
    """As it is given, else the document's own."""
    assert push_manifest(store, raw, media_type=given).descriptor.media_type == expected


@pytest.mark.parametrize(
    ("raw", "given"),
    [
        (dump(), None),
        (dump(mediaType=None), None),
        (dump(mediaType="a/b"), "a/c"),
        (dump(mediaType="bad"), None),
    ],
)
def test_media_types_that_can_t_be(store: Counting, raw: bytes, given: str | None) -> None:
    """MPUT-02: none, two, or one that is none."""
    with pytest.raises(InvalidInputError) as caught:
        push_manifest(store, raw, media_type=given)
    assert caught.value.code == "media-type-invalid"
    assert store.pushed == []


@pytest.mark.parametrize(
    "raw", [b"", b"{broken", b"[]", b'"text"', b'{"a":1,"a":2}', b"\xff", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_object_is_refused(store: Counting, raw: bytes) -> None:
    """JSON-01, JSON-02: whatever media type is given."""
    with pytest.raises(ContentError) as caught:
        push_manifest(store, raw, media_type="a/b")
    assert caught.value.code == "document-malformed"
    assert store.pushed == []


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (dump(mediaType="a/b"), "does not know 'a/b'"),
        (dump(schemaVersion=2, mediaType=media_types.OCI_MANIFEST), "breaks the specification"),
        (dump(schemaVersion=2, mediaType=media_types.OCI_INDEX, manifests=None), "breaks the specification"),
    ],
)
def test_what_is_strange_is_stored_with_a_warning(store: Counting, raw: bytes, words: str) -> None:
    """Registries decide what they take."""
    events: list[Event] = []
    push_manifest(store, raw, tags=["v1"], name="m.json", on_event=events.append)
    assert read_all(store, store.resolve("v1")) == raw
    (warning,) = [event for event in events if isinstance(event, FileWarning)]
    assert warning.name == "m.json"
    assert words in warning.text


def test_a_malformed_referrer_is_refused(store: Counting) -> None:
    """It could not be listed, so it would be lost."""
    raw = dump(schemaVersion=2, mediaType=media_types.OCI_MANIFEST, subject={})
    with pytest.raises(ContentError):
        push_manifest(store, raw)
    assert store.pushed == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_that_the_bytes_must_have(store: Counting, algorithm: str) -> None:
    """Another document is refused before anything is sent."""
    raw = manifest().raw
    digest = Digest.of(raw, algorithm)
    assert push_manifest(store, raw, digest=digest).descriptor.digest == digest
    with pytest.raises(ContentError) as caught:
        push_manifest(store, manifest(annotations={"a": "b"}).raw, digest=digest)
    assert caught.value.code == "digest-mismatch"


def test_a_place_that_takes_no_documents(store: Counting) -> None:
    """The optional ability is asked for."""

    class Plain:
        """A target without it."""

        kind, path = "memory", "x"
        resolve, resolve_blob, exists = store.resolve, store.resolve_blob, store.exists
        fetch, referrers, tags, push, tag = store.fetch, store.referrers, store.tags, store.push, store.tag

    with pytest.raises(UnsupportedError):
        push_manifest(Plain(), manifest().raw)  # type: ignore[arg-type]
