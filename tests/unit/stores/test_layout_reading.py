"""Layouts that others wrote, and referrers in layouts (LAY-05, LAY-06, LAY-10)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import read_all
from ocictl.errors import ContentError, InvalidInputError, NotFoundError, StorageError
from ocictl.model import media_types
from ocictl.model.annotations import REF_NAME
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import build_index
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout
from ocictl.stores.referrers import fallback_tag
from tests.support.layouts import (
    EMPTY_INDEX,
    HELLO,
    entries,
    manifest,
    names,
    put,
    write_blob,
    write_layout,
)
from tests.support.shared import spec_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the layout is, or will be."""
    return tmp_path / "layout"


@pytest.fixture
def layout(path: Path) -> Layout:
    """A new, empty layout."""
    return Layout(path, create=True)


class TestForeignLayouts:
    def test_the_specifications_example(self, path: Path) -> None:
        """LAY-05, LAY-06: tags are read; an entry of another type is no error."""
        write_layout(path, index=spec_path("vectors", "index", "15-spec-layout-index-json.json").read_bytes())
        layout = Layout(path)
        assert list(layout.tags()) == ["stable-release", "v1.0"]
        assert layout.resolve("v1.0").media_type == media_types.OCI_MANIFEST
        assert layout.resolve("stable-release").media_type == media_types.OCI_INDEX
        xml = "sha256:b3d63d132d21c3ff4c35a061adf23cf43da8ae054247e32faa95494d904a007e"
        assert layout.resolve(xml).media_type == "application/xml"

    def test_nothing_foreign_is_lost(self, path: Path) -> None:
        """LAY-05, LAY-07: unknown members, files and entries survive a push, in their order."""
        raw = spec_path("vectors", "index", "15-spec-layout-index-json.json").read_bytes()
        write_layout(path, index=raw)
        (path / "manifest.json").write_text("[]")
        before = json.loads(raw)
        put(Layout(path), manifest(), "new")
        after = json.loads((path / "index.json").read_bytes())
        added = after["manifests"].pop()
        assert after == before
        assert list(after) == list(before)
        assert added["annotations"] == {REF_NAME: "new"}
        assert (path / "manifest.json").read_text() == "[]"

    def test_broken_entries_hide_no_others(self, path: Path) -> None:
        """A careless writer's entry is neither read nor lost."""
        good = {**HELLO.to_json(), "mediaType": media_types.OCI_MANIFEST, "annotations": {REF_NAME: "v1"}}
        broken: list[Any] = [
            None,
            7,
            {},
            {"digest": []},
            {**good, "digest": "sha256:00"},
            {**good, "size": -1},
        ]
        write_layout(path, *broken, good)
        layout = Layout(path)
        assert list(layout.tags()) == ["v1"]
        put(layout, manifest(), "v2")
        assert entries(path)[:-1] == [*broken, good]

    @pytest.mark.parametrize(
        "index",
        [
            b"{}",
            b"[]",
            b"x",
            b'{"schemaVersion":2,"config":{},"layers":[]}',
            EMPTY_INDEX.replace(b"index", b"manifest"),
        ],
    )
    def test_a_broken_index_is_refused(self, path: Path, index: bytes) -> None:
        """LAY-05: index.json is an image index, and nothing is written over one that is not."""
        write_layout(path, index=index)
        layout = Layout(path)
        with pytest.raises(StorageError) as caught:
            layout.resolve("v1")
        assert caught.value.code == "layout-invalid"
        with pytest.raises(StorageError):
            put(layout, manifest())
        assert (path / "index.json").read_bytes() == index

    def test_the_last_of_equal_names_counts(self, path: Path) -> None:
        """LAY-06: as oras reads it. Giving the name anew leaves one holder."""
        one, two = (
            Descriptor.of(each, media_types.OCI_MANIFEST, annotations={REF_NAME: "v1"})
            for each in (b"1", b"2")
        )
        write_layout(path, one.to_json(), two.to_json())
        layout = Layout(path)
        assert layout.resolve("v1").digest == two.digest
        put(layout, manifest(), "v1")
        assert names(path) == [None, None, "v1"]

    def test_a_name_never_stands_for_a_digest(self, path: Path) -> None:
        """A layout can't give other content to somebody who asks by digest."""
        wanted = manifest()
        decoy = Descriptor.of(
            b"decoy", media_types.OCI_MANIFEST, annotations={REF_NAME: str(wanted.descriptor().digest)}
        )
        write_layout(path, decoy.to_json())
        with pytest.raises(NotFoundError):
            Layout(path).resolve(str(wanted.descriptor().digest))

    def test_referenced_content_may_be_missing(self, path: Path) -> None:
        """LAY-04: it can be resolved, and is missed only when it is read."""
        entry = Descriptor.of(b"1", media_types.OCI_MANIFEST, annotations={REF_NAME: "v1"})
        write_layout(path, entry.to_json())
        layout = Layout(path)
        descriptor = layout.resolve("v1")
        assert not layout.exists(descriptor)
        with pytest.raises(NotFoundError):
            layout.fetch(descriptor)
        assert list(layout.referrers(descriptor)) == []

    def test_unlisted_documents_are_found_by_digest(self, path: Path) -> None:
        """A child of an index need not be listed; the document says what it is, by member or by shape."""
        write_layout(path)
        typed = write_blob(path, manifest().raw)
        shaped = write_blob(path, b'{"schemaVersion":2,"manifests":[]}')
        layout = Layout(path)
        assert layout.resolve(str(typed)).media_type == media_types.OCI_MANIFEST
        assert layout.resolve(str(shaped)).media_type == media_types.OCI_INDEX

    def test_a_large_blob_is_no_document(self, path: Path) -> None:
        """PULL-11: what is too large for a document is not read to find out."""
        write_layout(path)
        digest = write_blob(path, b"x")
        os.truncate(path / "blobs" / "sha256" / digest.encoded, 4 * 1024 * 1024 + 1)
        with pytest.raises(NotFoundError, match="not a manifest") as caught:
            Layout(path).resolve(str(digest))
        assert "blob fetch" in (caught.value.hint or "")

    def test_damaged_content_is_noticed(self, layout: Layout, path: Path) -> None:
        """LAY-03: stored bytes are checked when they are read, by every way."""
        descriptor = put(layout, manifest(), "v1")
        blob = path / "blobs" / "sha256" / descriptor.digest.encoded
        blob.write_bytes(blob.read_bytes().replace(b"a/b", b"a/c"))
        with pytest.raises(ContentError, match="does not match its digest"):
            read_all(layout, descriptor)
        with pytest.raises(ContentError, match="does not match its digest"):
            layout.tag(descriptor, "v2")
        for _ in range(2):
            with pytest.raises(ContentError, match="does not match its digest"):
                list(layout.referrers(HELLO))

    def test_unchecked_digests_never_become_paths(self, layout: Layout, path: Path) -> None:
        """LAY-03: even a digest that was built by hand can't lead out of the layout."""
        (path.parent / "secret").write_bytes(b"hello\n")
        for digest in (
            Digest("sha256", "../../../secret"),
            Digest("..", "secret"),
            Digest("sha256", "/etc/passwd"),
        ):
            with pytest.raises(InvalidInputError):
                layout.resolve_blob(digest)


class TestReferrers:
    def test_a_fallback_index_is_honoured(self, path: Path) -> None:
        """LAY-10, RFT-09, RFT-11: tools that keep a referrers tag in a layout are understood.

        Only stored documents that name the subject count, whatever the list says about them.
        """
        write_layout(path)
        subject = Descriptor.of(b"subject", media_types.OCI_MANIFEST)
        real = manifest(subject=subject, artifact_type="sbom/x", annotations={"k": "v"})
        stranger = manifest(subject=HELLO)
        write_blob(path, real.raw)
        write_blob(path, stranger.raw)
        gone = Descriptor.of(b"gone", media_types.OCI_MANIFEST, artifact_type="sbom/x")
        listed = [real.descriptor().plain(), stranger.descriptor(), gone]
        index = build_index(manifests=listed)
        write_blob(path, index.raw)
        entry = index.descriptor().with_annotations({REF_NAME: fallback_tag(subject.digest)})
        (path / "index.json").write_bytes(build_index(manifests=[entry]).raw)
        layout = Layout(path)
        assert list(layout.referrers(subject)) == [real.descriptor()]
        assert list(layout.referrers(subject, artifact_type="sbom/x")) == [real.descriptor()]

    def test_children_of_indexes_are_searched(self, path: Path) -> None:
        """LAY-10: at any depth, and in an index with a careless entry."""
        write_layout(path)
        referrer = manifest(subject=HELLO)
        write_blob(path, referrer.raw)
        index = build_index(manifests=[referrer.descriptor()])
        for _ in range(50):
            write_blob(path, index.raw)
            index = build_index(manifests=[index.descriptor()])
        careless = json.loads(index.raw)
        careless["manifests"].append({"mediaType": "no media type"})
        raw = json.dumps(careless).encode()
        entry = Descriptor(media_type=media_types.OCI_INDEX, digest=write_blob(path, raw), size=len(raw))
        (path / "index.json").write_bytes(build_index(manifests=[entry]).raw)
        assert list(Layout(path).referrers(HELLO)) == [referrer.descriptor()]

    def test_malformed_documents_are_left_out(self, path: Path) -> None:
        """One unreadable document doesn't hide the referrers of others."""
        referrer = manifest(subject=HELLO)
        bad = Descriptor.of(b"{}", media_types.OCI_MANIFEST)
        lying = Descriptor.of(build_index().raw, media_types.OCI_MANIFEST)
        huge = Descriptor.of(b"huge", media_types.OCI_MANIFEST)
        foreign = Descriptor(media_type=media_types.OCI_MANIFEST, digest=Digest("blake3", "0" * 64), size=1)
        write_layout(path, *(each.to_json() for each in (bad, lying, huge, foreign, referrer.descriptor())))
        for content in (b"{}", build_index().raw, b"huge", referrer.raw):
            write_blob(path, content)
        os.truncate(path / "blobs" / "sha256" / huge.digest.encoded, 4 * 1024 * 1024 + 1)
        assert list(Layout(path).referrers(HELLO)) == [referrer.descriptor()]

    def test_changes_by_others_are_seen(self, layout: Layout, path: Path) -> None:
        """What is remembered follows index.json, and content that was missing may come later."""
        first = manifest(subject=HELLO, annotations={"n": "1"})
        second = manifest(subject=HELLO, annotations={"n": "2"})
        put(layout, first)
        assert len(list(layout.referrers(HELLO))) == 1
        put(Layout(path), second)
        assert list(layout.referrers(HELLO)) == [first.descriptor(), second.descriptor()]
        third = manifest(subject=HELLO, annotations={"n": "3"})
        index = build_index(manifests=[third.descriptor()])
        put(layout, index)
        assert len(list(layout.referrers(HELLO))) == 2
        write_blob(path, third.raw)
        assert len(list(layout.referrers(HELLO))) == 3

    def test_each_document_is_read_once(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        """A walk over a tree of referrers costs one read per document, not one per question."""
        subject = put(layout, manifest())
        pushed = [put(layout, manifest(subject=subject, annotations={"n": str(n)})) for n in range(5)]
        opened: list[Digest] = []
        fetch = Layout.fetch

        def counted(self: Layout, descriptor: Descriptor, *, start: int = 0) -> Any:
            opened.append(descriptor.digest)
            return fetch(self, descriptor, start=start)

        monkeypatch.setattr(Layout, "fetch", counted)
        for descriptor in [subject, *pushed]:
            list(layout.referrers(descriptor))
        put(layout, manifest(subject=subject, annotations={"n": "new"}))
        assert len(list(layout.referrers(subject))) == 6
        assert len(opened) == len(set(opened)) == 7

    def test_incomplete_entries_are_repaired(self, path: Path) -> None:
        """RFT-09: an entry without type and annotations gets both; what others added stays."""
        referrer = manifest(subject=HELLO, annotations={"k": "v"})
        bare = {**referrer.descriptor().plain().to_json(), "annotations": {"other": "x"}, "future": 1}
        write_layout(path, bare)
        layout = Layout(path)
        receipt = layout.push(referrer.descriptor(), BytesContent(referrer.raw))
        assert receipt.listing == "repaired"
        assert entries(path) == [{**bare, "annotations": {"k": "v", "other": "x"}, "artifactType": "a/b"}]
        assert layout.push(referrer.descriptor(), BytesContent(referrer.raw)).listing == "present"
