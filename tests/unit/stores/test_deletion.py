"""Taking documents, blobs and tags away from local stores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocictl.errors import ConflictError, NotFoundError, StorageError
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import Index, Manifest, build_index
from ocictl.sources import BytesContent
from ocictl.stores._layout_delete import Graph
from ocictl.stores._layout_files import LayoutFiles
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from ocictl.target import Deleter
from tests.support.layouts import HELLO, entries, files, manifest, names, write_layout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "layout"


@pytest.fixture
def layout(path: Path) -> Layout:
    return Layout(path, create=True)


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, path: Path) -> MemoryStore | Layout:
    """The same behaviour is promised for each of these."""
    return MemoryStore() if request.param == "memory" else Layout(path, create=True)


def put_blob(store: MemoryStore | Layout, data: bytes) -> Descriptor:
    descriptor = Descriptor.of(data, "text/plain")
    store.push(descriptor, BytesContent(data))
    return descriptor


def put_document(
    store: MemoryStore | Layout, document: Manifest | Index, *tags: str, blobs: bool = True
) -> Descriptor:
    """Push a document and the two blobs that `manifest()` points to; return its plain descriptor."""
    if blobs:
        store.push(HELLO, BytesContent(b"hello\n"))
        store.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
    descriptor = document.descriptor().plain()
    for tag in tags or (None,):
        store.push(descriptor, BytesContent(document.raw), tag=tag)
    return descriptor


class TestAnyStore:
    def test_can_delete(self, store: MemoryStore | Layout) -> None:
        """The protocol that commands ask for."""
        assert isinstance(store, Deleter)

    def test_a_document_goes_with_its_tags(self, store: MemoryStore | Layout) -> None:
        """DEL-02: every tag that pointed to it is gone, and no other."""
        gone = put_document(store, manifest(), "v1", "v2")
        kept = put_document(store, manifest(annotations={"a": "b"}), "v3")
        store.delete(gone)
        assert list(store.tags()) == ["v3"]
        assert not store.exists(gone)
        assert store.resolve("v3") == kept
        for reference in ("v1", str(gone.digest)):
            with pytest.raises(NotFoundError):
                store.resolve(reference)

    def test_a_referrer_leaves_the_list_of_its_subject(self, store: MemoryStore | Layout) -> None:
        """RFT-13: the subject stays, and so do the other referrers."""
        subject = put_document(store, manifest(), "v1")
        first = put_document(store, manifest(subject=subject, annotations={"n": "1"}))
        second = put_document(store, manifest(subject=subject, annotations={"n": "2"}))
        store.delete(first)
        assert [entry.digest for entry in store.referrers(subject)] == [second.digest]
        assert store.resolve("v1") == subject

    def test_what_is_not_there_is_not_found(self, store: MemoryStore | Layout) -> None:
        """Document, blob and tag."""
        missing = manifest(annotations={"no": "where"}).descriptor().plain()
        with pytest.raises(NotFoundError):
            store.delete(missing)
        with pytest.raises(NotFoundError):
            store.delete_blob(missing)
        with pytest.raises(NotFoundError):
            store.untag("v1")

    def test_a_blob_goes_alone(self, store: MemoryStore | Layout) -> None:
        """DEL-03: whoever points to it is not asked."""
        document = put_document(store, manifest(), "v1")
        store.delete_blob(HELLO)
        assert not store.exists(HELLO)
        assert store.exists(document)

    def test_a_document_is_no_blob(self, store: MemoryStore | Layout) -> None:
        """As in a registry, where documents have an endpoint of their own."""
        document = put_document(store, manifest(), "v1")
        with pytest.raises(NotFoundError):
            store.delete_blob(document)
        assert store.resolve("v1") == document

    def test_a_tag_goes_alone(self, store: MemoryStore | Layout) -> None:
        """DEL-01: the document stays, under its other tags and its digest."""
        document = put_document(store, manifest(), "v1", "v2")
        store.untag("v1")
        assert list(store.tags()) == ["v2"]
        store.untag("v2")
        assert list(store.tags()) == []
        assert store.resolve(str(document.digest)) == document


class TestLayout:
    def test_nothing_of_it_is_left(self, layout: Layout, path: Path) -> None:
        """Nobody sweeps a layout later, so blobs that nothing else needs go along."""
        document = put_document(layout, manifest(), "v1")
        layout.delete(document)
        assert files(path) == ["blobs", "blobs/sha256", "index.json", "oci-layout"]
        assert json.loads((path / "index.json").read_bytes())["manifests"] == []

    def test_what_others_need_stays(self, layout: Layout) -> None:
        """Also what only an untagged document needs."""
        gone = put_document(layout, manifest(), "v1")
        kept = put_document(layout, manifest(annotations={"a": "b"}))
        layout.delete(gone)
        assert layout.exists(HELLO)
        assert layout.exists(EMPTY_DESCRIPTOR)
        assert layout.exists(kept)

    def test_a_blob_that_was_pushed_alone_stays(self, layout: Layout) -> None:
        """Only what the document led to is looked at."""
        alone = put_blob(layout, b"alone")
        layout.delete(put_document(layout, manifest(), "v1"))
        assert layout.exists(alone)

    def test_an_index_takes_its_manifests_along(self, layout: Layout) -> None:
        """Those that nothing else lists and no tag points to; indexes may nest."""
        untagged = put_document(layout, manifest(annotations={"n": "1"}))
        tagged = put_document(layout, manifest(annotations={"n": "2"}), "arm")
        shared = put_document(layout, manifest(annotations={"n": "3"}))
        inner = put_document(layout, build_index(manifests=[untagged]), blobs=False)
        outer = put_document(layout, build_index(manifests=[inner, tagged, shared]), "all", blobs=False)
        other = put_document(layout, build_index(manifests=[shared]), "other", blobs=False)
        layout.delete(outer)
        assert [layout.exists(each) for each in (inner, untagged)] == [False, False]
        assert [layout.exists(each) for each in (tagged, shared, other, HELLO)] == [True] * 4
        assert list(layout.tags()) == ["arm", "other"]

    def test_what_is_attached_goes_along(self, layout: Layout) -> None:
        """The referrers of what goes, and theirs; not those with a tag."""
        subject = put_document(layout, manifest(), "v1")
        sbom = put_document(layout, manifest(subject=subject, annotations={"n": "1"}))
        signature = put_document(layout, manifest(subject=sbom, annotations={"n": "2"}))
        tagged = put_document(layout, manifest(subject=subject, annotations={"n": "3"}), "mine")
        layout.delete(subject)
        assert [layout.exists(each) for each in (subject, sbom, signature, tagged)] == [
            False,
            False,
            False,
            True,
        ]
        assert list(layout.tags()) == ["mine"]

    def test_an_untagged_subject_stays(self, layout: Layout) -> None:
        """A signature that goes does not take along what it was about."""
        subject = put_document(layout, manifest())
        layout.delete(put_document(layout, manifest(subject=subject)))
        assert layout.exists(subject)

    def test_where_something_can_t_be_read_only_documents_go(self, layout: Layout, path: Path) -> None:
        """A document of a kind that ocictl does not know may need any of the blobs."""
        raw = b'{"mediaType":"a/unknown"}'
        layout.push_document(Descriptor.of(raw, "a/unknown"), BytesContent(raw), tag="odd")
        document = put_document(layout, manifest(), "v1")
        layout.delete(document)
        assert not layout.exists(document)
        assert layout.exists(HELLO)

    def test_a_listed_document_that_is_missing_can_be_deleted(self, path: Path) -> None:
        """An entry that leads nowhere goes, and what is there stays."""
        lost = manifest().descriptor().plain()
        write_layout(path, lost.to_json())
        layout = Layout(path)
        layout.delete(lost)
        assert entries(path) == []

    def test_entries_of_others_stay_as_they_are(self, layout: Layout, path: Path) -> None:
        """RFT-07: members that ocictl does not know, and entries that it can't read."""
        document = put_document(layout, manifest(), "v1")
        index = json.loads((path / "index.json").read_bytes())
        index["manifests"].append({"odd": True})
        index["x"] = 1
        (path / "index.json").write_text(json.dumps(index))
        layout.delete(document)
        left = json.loads((path / "index.json").read_bytes())
        assert (left["manifests"], left["x"]) == ([{"odd": True}], 1)

    def test_two_names_of_one_document(self, layout: Layout, path: Path) -> None:
        """Without a tag the document is listed once."""
        put_document(layout, manifest(), "v1", "v2")
        layout.untag("v1")
        assert names(path) == ["v2"]
        layout.untag("v2")
        assert names(path) == [None]

    def test_nothing_is_removed_through_a_link(self, layout: Layout, path: Path, tmp_path: Path) -> None:
        """A shared blob store belongs to others too."""
        document = put_document(layout, manifest(), "v1")
        (path / "blobs").rename(tmp_path / "shared")
        (path / "blobs").symlink_to(tmp_path / "shared")
        with pytest.raises(StorageError) as caught:
            layout.delete(document)
        assert caught.value.code == "file-unwritable"
        assert layout.exists(HELLO)

    def test_waits_for_other_writers(self, layout: Layout, path: Path) -> None:
        """And gives up after a while, with nothing changed."""
        document = put_document(layout, manifest(), "v1")
        hasty = Layout(path, lock_timeout=0.0)
        with LayoutFiles(str(path), lock_timeout=1.0).locked(), pytest.raises(ConflictError):
            hasty.delete(document)
        assert layout.resolve("v1") == document

    def test_removing_a_blob_twice_is_no_error(self, layout: Layout, path: Path) -> None:
        """Somebody else may have been faster."""
        blob = put_blob(layout, b"x")
        found = LayoutFiles(str(path), lock_timeout=1.0)
        found.remove_blob(blob.digest)
        found.remove_blob(blob.digest)
        assert not layout.exists(blob)


class TestGraph:
    def test_a_cycle_of_referrers_ends(self) -> None:
        """Content addressing forbids it; a table made by hand need not."""
        one, two = (Descriptor.of(text, media_types.OCI_MANIFEST) for text in (b"1", b"2"))
        graph = Graph()
        graph.referrers[one.digest].append(two)
        graph.referrers[two.digest].append(one)
        assert graph.doomed_with(one, set()) == [one, two]

    def test_withdrawn_artifact_manifests_are_read(self, layout: Layout) -> None:
        """MAN-10: their blobs go along."""
        blob = put_blob(layout, b"old")
        raw = json.dumps(
            {"mediaType": media_types.WITHDRAWN_ARTIFACT_MANIFEST, "blobs": [blob.to_json()]}
        ).encode()
        old = Descriptor.of(raw, media_types.WITHDRAWN_ARTIFACT_MANIFEST)
        layout.push(old, BytesContent(raw), tag="old")
        layout.delete(old)
        assert not layout.exists(blob)


class TestPushDocument:
    @pytest.mark.parametrize(
        ("raw", "media_type"),
        [
            (b'{"mediaType":"a/unknown","x":1}', "a/unknown"),
            (b'{"schemaVersion":2,"layers":"none"}', media_types.OCI_MANIFEST),
        ],
    )
    @pytest.mark.parametrize("tag", ["v1", None])
    def test_what_can_t_be_parsed_is_kept(
        self, store: MemoryStore | Layout, raw: bytes, media_type: str, tag: str | None
    ) -> None:
        """By digest and under a tag."""
        descriptor = Descriptor.of(raw, media_type)
        store.push_document(descriptor, BytesContent(raw), tag=tag)
        assert store.resolve(str(descriptor.digest)) == descriptor
        assert list(store.tags()) == ([tag] if tag else [])

    def test_what_can_be_parsed_is_listed_as_ever(self, store: MemoryStore | Layout) -> None:
        """A referrer is in its subject's list."""
        subject = put_document(store, manifest(), "v1")
        referrer = manifest(subject=subject)
        receipt = store.push_document(referrer.descriptor().plain(), BytesContent(referrer.raw))
        assert receipt.listing == "added"
        assert [entry.digest for entry in store.referrers(subject)] == [referrer.descriptor().digest]
