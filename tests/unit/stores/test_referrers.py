"""The rules for lists of referrers, as pure functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.errors import ContentError
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index, Manifest, build_index, build_manifest
from ocictl.model.reference import check_tag
from ocictl.stores import referrers
from tests.support.shared import present, spec_path, spec_rows

SUBJECT = Descriptor.of(b"subject", media_types.OCI_MANIFEST)
SBOM = "application/vnd.example.sbom.v1"


def referrer(
    name: str = "a", artifact_type: str | None = SBOM, config: Descriptor = EMPTY_DESCRIPTOR
) -> Manifest:
    return build_manifest(
        config=config,
        layers=[EMPTY_DESCRIPTOR],
        artifact_type=artifact_type,
        subject=SUBJECT,
        annotations={"name": name},
    )


def listing(*entries: dict[str, Any], **members: Any) -> Index:
    document = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": list(entries), **members}
    return referrers.read_list(json.dumps(document).encode())


def entries_of(index: Index) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(index.raw)["manifests"]
    return value


class TestFallbackTag:
    @pytest.mark.parametrize("row", spec_rows("referrers_tags.json", "tags"))
    def test_every_row_of_the_table(self, row: dict[str, Any] | None) -> None:
        """RFT-01: both parts are cut, and what a tag may not hold becomes a dash."""
        row = present(row)
        assert referrers.fallback_tag(Digest.parse(row["digest"])) == row["tag"]

    @pytest.mark.parametrize(
        "text", ["sha256:" + "a" * 64, "sha512:" + "b" * 128, "x+y+" + "z" * 40 + ":a=b_c-d"]
    )
    def test_result_is_always_a_tag(self, text: str) -> None:
        """RFT-01, REF-03: the result is a legal tag, for sha512 too."""
        tag = referrers.fallback_tag(Digest.parse(text))
        assert check_tag(tag) == tag


class TestEntry:
    def test_artifact_type_and_all_annotations_are_copied(self) -> None:
        """RFT-05: an entry has the manifest's own artifact type and every annotation."""
        manifest = referrer("x")
        entry = referrers.entry_for(manifest)
        assert entry.artifact_type == SBOM
        assert entry.annotations == {"name": "x"}
        assert (entry.media_type, entry.digest, entry.size) == (
            media_types.OCI_MANIFEST,
            Digest.of(manifest.raw),
            len(manifest.raw),
        )

    def test_config_media_type_where_there_is_no_artifact_type(self) -> None:
        """RFT-05: without an artifact type a manifest's entry has its config's media type."""
        config = Descriptor.of(b"{}", "application/vnd.example.config.v1+json")
        entry = referrers.entry_for(referrer(artifact_type=None, config=config))
        assert entry.artifact_type == "application/vnd.example.config.v1+json"

    def test_index_without_artifact_type_has_none(self) -> None:
        """RFT-05: an index without an artifact type is listed without one."""
        entry = referrers.entry_for(build_index(subject=SUBJECT))
        assert entry.artifact_type is None
        assert "artifactType" not in entry.to_json()

    def test_digest_under_which_it_was_pushed(self) -> None:
        """RFT-05: the entry names the digest of the push, also when that is not sha256."""
        manifest = referrer()
        pushed = Descriptor.of(manifest.raw, media_types.OCI_MANIFEST, algorithm="sha512")
        assert referrers.entry_for(manifest, pushed).digest == pushed.digest


class TestMerge:
    def test_first_entry_of_an_empty_list(self) -> None:
        """RFT-04, RFT-05: an empty list with one entry added is an OCI index with that entry."""
        entry = referrers.entry_for(referrer())
        index, action = referrers.merge_entry(referrers.empty_list(), entry)
        assert action == "added"
        assert json.loads(index.raw) == {
            "schemaVersion": 2,
            "mediaType": media_types.OCI_INDEX,
            "manifests": [entry.to_json()],
        }

    def test_everything_else_stays(self) -> None:
        """RFT-07: other entries, their order, unknown members and annotations stay; no subject is added."""
        others = [
            {
                "mediaType": "application/xml",
                "digest": "sha256:" + "1" * 64,
                "size": 1,
                "x-custom": {"deep": [1, None]},
            },
            {
                "mediaType": media_types.OCI_MANIFEST,
                "digest": "sha256:" + "0" * 64,
                "size": 2,
                "artifactType": "a;b=c",
            },
            {"mediaType": "nonsense", "size": "7"},
        ]
        before = listing(*others, annotations={"k": "v"}, vendor={"n": 1})
        after, action = referrers.merge_entry(before, referrers.entry_for(referrer()))
        assert action == "added"
        assert entries_of(after)[:3] == others
        document = json.loads(after.raw)
        assert document["annotations"] == {"k": "v"}
        assert document["vendor"] == {"n": 1}
        assert "subject" not in document

    def test_present_entry_changes_nothing(self) -> None:
        """RFT-06: a complete entry is left alone, byte for byte."""
        entry = referrers.entry_for(referrer())
        before = listing(entry.to_json())
        after, action = referrers.merge_entry(before, entry)
        assert action == "present"
        assert after is before

    def test_additional_annotations_are_no_fault(self) -> None:
        """RFT-09: an entry that says more than its manifest is not stale."""
        entry = referrers.entry_for(referrer())
        value = entry.to_json()
        value["annotations"]["added.by"] = "somebody"
        assert referrers.merge_entry(listing(value), entry)[1] == "present"

    @pytest.mark.parametrize(
        ("change", "remove"),
        [
            ({}, ["artifactType"]),
            ({}, ["annotations"]),
            ({"artifactType": media_types.EMPTY}, []),
            ({"artifactType": None}, []),
            ({"annotations": {"name": "wrong", "kept": "yes"}}, []),
            ({"annotations": None}, []),
            ({"size": 1}, []),
        ],
    )
    def test_stale_entry_is_repaired_in_place(self, change: dict[str, Any], remove: list[str]) -> None:
        """RFT-09: an entry of an older writer gets its artifact type and annotations, at its old place."""
        entry = referrers.entry_for(referrer())
        value: dict[str, Any] = {**entry.to_json(), "vendor": "kept", **change}
        for name in remove:
            del value[name]
        other = {"mediaType": media_types.OCI_MANIFEST, "digest": "sha256:" + "2" * 64, "size": 9}
        after, action = referrers.merge_entry(listing(value, other), entry)
        assert action == "repaired"
        repaired, untouched = entries_of(after)
        assert untouched == other
        assert repaired["artifactType"] == SBOM
        assert repaired["annotations"]["name"] == "a"
        assert repaired["size"] == entry.size
        assert repaired["vendor"] == "kept"
        assert repaired["annotations"].get("kept", "yes") == "yes"

    def test_wrong_type_of_an_index_is_removed(self) -> None:
        """RFT-05, RFT-09: an index without artifact type loses one that somebody gave its entry."""
        entry = referrers.entry_for(build_index(subject=SUBJECT))
        after, action = referrers.merge_entry(listing({**entry.to_json(), "artifactType": "a/b"}), entry)
        assert action == "repaired"
        assert entries_of(after) == [entry.to_json()]

    def test_null_annotations_are_removed_where_there_are_none(self) -> None:
        """ANN-02, RFT-09: a repaired entry has no `annotations: null`."""
        entry = referrers.entry_for(build_index(subject=SUBJECT))
        after, _ = referrers.merge_entry(listing({**entry.to_json(), "size": 1, "annotations": None}), entry)
        assert entries_of(after) == [entry.to_json()]

    def test_duplicates_are_kept_but_not_added_to(self) -> None:
        """RFT-06: a list that has an entry twice keeps both and gets no third."""
        value = referrers.entry_for(referrer()).to_json()
        after, action = referrers.merge_entry(listing(value, value), referrers.entry_for(referrer()))
        assert action == "present"
        assert len(entries_of(after)) == 2

    def test_media_type_is_completed(self) -> None:
        """MPUT-03: a list without the mediaType member gets it when it is written."""
        before = referrers.read_list(b'{"schemaVersion":2,"manifests":[]}', media_types.OCI_INDEX)
        after, _ = referrers.merge_entry(before, referrers.entry_for(referrer()))
        assert json.loads(after.raw)["mediaType"] == media_types.OCI_INDEX

    def test_what_can_not_be_written_again_is_an_error_of_ours(self) -> None:
        """JSON-03: a list with a number beyond the doubles stops the update, it is not mangled."""
        raw = b'{"schemaVersion":2,"manifests":[],"x":1e999}'
        index = referrers.read_list(raw, media_types.OCI_INDEX)
        with pytest.raises(ContentError, match="written as JSON"):
            referrers.merge_entry(index, referrers.entry_for(referrer()))


class TestRead:
    @pytest.mark.parametrize(
        ("name", "count"),
        [
            ("02-three-kinds.json", 3),
            ("03-filtered.json", 1),
            ("04-empty.json", 0),
            ("05-image-manifest-without-artifacttype.json", 1),
            ("06-artifacttype-is-empty-media-type.json", 1),
            ("07-no-mediatype.json", 1),
        ],
    )
    def test_answers_of_registries(self, name: str, count: int) -> None:
        """RFR-03 to RFR-06: lists as registries send them are read."""
        raw = spec_path("vectors", "referrers", name).read_bytes()
        assert len(referrers.read_list(raw, media_types.OCI_INDEX).manifests) == count

    @pytest.mark.parametrize(
        "name",
        [
            "01-as-printed-unfiltered.json",
            "08-image-manifest-body.json",
            "09-html-false-200.json",
            "10-oras-artifacts-spec-shape.json",
        ],
    )
    def test_what_is_not_a_list(self, name: str) -> None:
        """RFR-03: anything else is refused, whatever Content-Type said."""
        raw = spec_path("vectors", "referrers", name).read_bytes()
        with pytest.raises(ContentError):
            referrers.read_list(raw, media_types.OCI_INDEX)

    @pytest.mark.parametrize(
        "raw",
        [
            b"[]",
            b"{}",
            b"",
            b'{"schemaVersion":2,"manifests":{}}',
            b'{"schemaVersion":1,"manifests":null}',
            b'{"schemaVersion":2,"manifests":null,"layers":[]}',
            b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":null}',
            b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json","manifests":[]}',
            b'{"schemaVersion":2,"manifests":null,"x":1e999}',
        ],
    )
    def test_broken_frames_are_refused(self, raw: bytes) -> None:
        """RFT-03: what is not an OCI image index is not taken for one, however lenient entries are read."""
        with pytest.raises(ContentError) as caught:
            referrers.read_list(raw)
        assert caught.value.code == "document-malformed"

    def test_null_is_an_empty_list(self) -> None:
        """RFR-04: `manifests: null`, as a nil slice of Go is written, means no referrers."""
        index = referrers.read_list(b'{"schemaVersion":2,"manifests":null,"annotations":null}')
        assert index.manifests == ()

    def test_one_bad_entry_does_not_hide_the_others(self) -> None:
        """RFT-09: members that are broken are left out, and only what can't be fetched is dropped."""
        good = referrers.entry_for(referrer()).to_json()
        digest = "sha256:" + "3" * 64
        index = listing(
            {
                "mediaType": media_types.OCI_MANIFEST,
                "digest": digest,
                "size": 1,
                "annotations": {"a": "b", "n": 1},
            },
            {
                "mediaType": media_types.OCI_MANIFEST,
                "digest": digest,
                "size": 1,
                "artifactType": "",
                "annotations": None,
            },
            {"mediaType": media_types.OCI_MANIFEST, "digest": digest, "size": 1, "artifactType": 7},
            {"mediaType": media_types.OCI_MANIFEST, "digest": "sha256:short", "size": 1},
            "not an object",
            good,
        )
        assert [entry.artifact_type for entry in index.manifests] == [None, None, None, SBOM]
        assert index.manifests[0].annotations == {"a": "b"}
        assert index.manifests[3].to_json() == good

    def test_type_with_a_parameter_is_kept(self) -> None:
        """ECO-06: older bundles have an artifact type that is no media type; it is shown as it is."""
        bundle = "application/vnd.dev.sigstore.bundle+json;version=0.1"
        value = {**referrers.entry_for(referrer()).to_json(), "artifactType": bundle}
        assert listing(value).manifests[0].artifact_type == bundle


class TestSelection:
    @pytest.mark.parametrize(
        ("media_type", "artifact_type", "vague"),
        [
            (media_types.OCI_MANIFEST, None, True),
            (media_types.OCI_MANIFEST, media_types.EMPTY, True),
            (media_types.OCI_MANIFEST, "Application/Vnd.OCI.Empty.v1+json", True),
            (media_types.OCI_MANIFEST, media_types.IMAGE_CONFIG, True),
            (media_types.DOCKER_MANIFEST, media_types.DOCKER_CONFIG, True),
            (media_types.OCI_MANIFEST, SBOM, False),
            (media_types.OCI_INDEX, None, False),
            (media_types.OCI_INDEX, media_types.EMPTY, True),
            ("application/vnd.example.unknown", None, False),
        ],
    )
    def test_which_types_are_looked_up(
        self, media_type: str, artifact_type: str | None, *, vague: bool
    ) -> None:
        """RFT-09, RFR-06: a missing or meaningless type is looked up; an index without one is normal."""
        entry = Descriptor.of(b"x", media_type, artifact_type=artifact_type)
        assert referrers.is_vague(entry) is vague

    def test_filter_ignores_case(self) -> None:
        """RFR-08, DESC-03: the filter compares media types as media types."""
        entry = Descriptor.of(b"x", media_types.OCI_MANIFEST, artifact_type="Application/X")
        assert referrers.matches(entry, "application/x")
        assert referrers.matches(entry, None)
        assert not referrers.matches(entry, "application/y")

    def test_duplicates_are_dropped_by_digest(self) -> None:
        """RFR-07: each referrer is listed once, where it came first."""
        first = Descriptor.of(b"x", media_types.OCI_MANIFEST, artifact_type="a/b")
        again = Descriptor.of(b"x", media_types.OCI_MANIFEST, artifact_type="c/d")
        other = Descriptor.of(b"y", media_types.OCI_MANIFEST)
        assert list(referrers.unique([first, again, other])) == [first, other]

    def test_which_manifest_proves_the_rule_of_a_registry(self) -> None:
        """RFR-05: only a manifest whose own type differs from its config's shows what a registry lists."""
        config = Descriptor.of(b"{}", SBOM)
        assert referrers.is_own_type_evidence(referrer())
        assert not referrers.is_own_type_evidence(referrer(config=config))
        assert not referrers.is_own_type_evidence(referrer(artifact_type=None, config=config))
        assert not referrers.is_own_type_evidence(build_index(artifact_type=SBOM))
