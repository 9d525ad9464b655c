"""Manifests and indexes: reading, building, rewriting (sections MAN, ART, IDX)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.errors import ContentError
from ocictl.model import _fields, media_types
from ocictl.model.annotations import CREATED
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import (
    Index,
    Manifest,
    build_index,
    build_manifest,
    check_for_writing,
    check_referrers_for_writing,
    parse_document,
)

LAYER = Descriptor.of(b"hello\n", "text/plain", annotations={"org.opencontainers.image.title": "hello.txt"})
CONFIG = Descriptor.of(b"{}", "application/vnd.example.config.v1+json")
SUBJECT = Descriptor.of(b"subject", media_types.OCI_MANIFEST)


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def test_built_manifest_has_the_bytes_of_oras() -> None:
    """JSON-03: the same input gives the bytes that oras 1.3.6 wrote, and so the same digest."""
    layer = Descriptor(
        media_type="application/vnd.oci.image.layer.v1.tar",
        digest=Digest.of(b"hello\n"),
        size=6,
        annotations={"org.opencontainers.image.title": "hello.txt"},
    )
    manifest = build_manifest(
        config=EMPTY_DESCRIPTOR,
        layers=[layer],
        artifact_type="application/x.test",
        annotations={CREATED: "2020-01-01T00:00:00Z"},
    )
    assert str(Digest.of(manifest.raw)) == (
        "sha256:23b31fde8ac67762b6c4c458836eeb5db8c154fba3129a381e98601b6aa537a9"
    )
    assert len(manifest.raw) == 570


def test_member_order_of_a_built_manifest() -> None:
    """The order of Go's types, with the subject before the annotations."""
    manifest = build_manifest(
        config=CONFIG, layers=[], artifact_type="a/b", subject=SUBJECT, annotations={"k": "v"}
    )
    assert list(json.loads(manifest.raw)) == [
        "schemaVersion", "mediaType", "artifactType", "config", "layers", "subject", "annotations",
    ]  # fmt: skip
    assert manifest.subject == SUBJECT
    assert manifest.successors() == (CONFIG,)


def test_built_index_round_trips() -> None:
    """An index keeps its entries, its type and its subject."""
    index = build_index(manifests=[SUBJECT], artifact_type="a/b", subject=SUBJECT, annotations={"k": "v"})
    assert Index.parse(index.raw) == index
    assert index.successors() == (SUBJECT,)
    assert list(json.loads(index.raw)) == [
        "schemaVersion", "mediaType", "artifactType", "manifests", "subject", "annotations",
    ]  # fmt: skip
    assert list(json.loads(build_index().raw)) == ["schemaVersion", "mediaType", "manifests"]


def test_rewriting_an_index_keeps_everything_else() -> None:
    """RFT-07: unknown members, annotations and their order survive a new list."""
    before = Index.parse(
        b'{"x":{"deep":[1,null]},"manifests":[],"schemaVersion":2,"annotations":{"b":"1","a":"2"}}'
    )
    after = before.with_manifests([SUBJECT])
    assert list(json.loads(after.raw)) == ["x", "manifests", "schemaVersion", "annotations"]
    assert json.loads(after.raw)["x"] == {"deep": [1, None]}
    assert list(json.loads(after.raw)["annotations"]) == ["b", "a"]
    assert after.manifests == (SUBJECT,)
    assert after.descriptor().digest == Digest.of(after.raw)


def test_type_of_artifact_falls_back_to_the_config() -> None:
    """ART-08, RFR-06: a manifest always has a type, an index need not have one."""
    assert build_manifest(config=CONFIG, layers=[LAYER]).type_of_artifact == CONFIG.media_type
    assert build_manifest(config=CONFIG, layers=[LAYER], artifact_type="a/b").type_of_artifact == "a/b"
    assert build_index().type_of_artifact is None


def test_described_as_in_a_list_of_referrers() -> None:
    """RFT-05: artifact type and all annotations of the document."""
    manifest = build_manifest(config=CONFIG, layers=[LAYER], subject=SUBJECT, annotations={"k": "v"})
    described = manifest.descriptor()
    assert described.artifact_type == CONFIG.media_type
    assert described.annotations == {"k": "v"}
    assert (described.digest, described.size) == (Digest.of(manifest.raw), len(manifest.raw))
    assert build_index(annotations={"k": "v"}).descriptor().artifact_type is None


@pytest.mark.parametrize("kind", ["manifest", "index"])
def test_type_given_and_type_inside_must_agree(kind: str) -> None:
    """PULL-05: a document that says it is something else than it was fetched as is refused."""
    document = build_index() if kind == "index" else build_manifest(config=CONFIG, layers=[LAYER])
    other = media_types.OCI_MANIFEST if kind == "index" else media_types.OCI_INDEX
    with pytest.raises(ContentError) as caught:
        parse_document(document.raw, other)
    assert caught.value.details["rule"] == "PULL-05"
    assert parse_document(document.raw, document.media_type.upper()) == document


def test_type_comes_from_the_header_or_the_shape() -> None:
    """PULL-05: without the member the given type counts, without both the shape."""
    body = raw({"schemaVersion": 2, "config": CONFIG.to_json(), "layers": []})
    assert parse_document(body, media_types.DOCKER_MANIFEST).media_type == media_types.DOCKER_MANIFEST
    assert parse_document(body).media_type == media_types.OCI_MANIFEST
    assert parse_document(raw({"schemaVersion": 2, "manifests": []})).media_type == media_types.OCI_INDEX


@pytest.mark.parametrize("also", ["config", "layers"])
@pytest.mark.parametrize("media_type", [None, media_types.OCI_MANIFEST, media_types.OCI_INDEX])
def test_a_document_of_both_kinds_is_refused(also: str, media_type: str | None) -> None:
    """MAN-11: whatever the header says, so two readers can't take it for different things."""
    with pytest.raises(ContentError) as caught:
        parse_document(raw({"schemaVersion": 2, "manifests": [], also: None}), media_type)
    assert caught.value.details["rule"] == "MAN-11"


@pytest.mark.parametrize("version", [1, "2", 2.0, True, None, [2]])
def test_schema_version_is_the_integer_two(version: Any) -> None:
    """MAN-01, IDX-01."""
    with pytest.raises(ContentError) as caught:
        parse_document(raw({"schemaVersion": version, "manifests": []}))
    assert caught.value.details["place"] == "$.schemaVersion"


def test_other_document_types_are_not_parsed() -> None:
    """MAN-10: the withdrawn artifact manifest is content of an unknown type."""
    with pytest.raises(ContentError, match=r"artifact\.manifest"):
        parse_document(raw({"schemaVersion": 2, "mediaType": media_types.WITHDRAWN_ARTIFACT_MANIFEST}))


def test_the_wrong_kind_is_refused() -> None:
    """Who wants a manifest gets no index, and the reverse."""
    with pytest.raises(ContentError, match="is an index"):
        Manifest.parse(build_index().raw)
    with pytest.raises(ContentError, match="is a manifest"):
        Index.parse(build_manifest(config=CONFIG, layers=[]).raw)


def test_places_inside_lists_are_named() -> None:
    """An error says which of many layers is wrong."""
    value = {
        "schemaVersion": 2,
        "config": CONFIG.to_json(),
        "layers": [LAYER.to_json(), {**LAYER.to_json(), "size": -1}],
    }
    with pytest.raises(ContentError) as caught:
        parse_document(raw(value))
    assert caught.value.details["place"] == "$.layers[1].size"


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        (build_manifest(config=EMPTY_DESCRIPTOR, layers=[LAYER]), "ART-02"),
        (build_manifest(config=CONFIG, layers=[], annotations={CREATED: "yesterday"}), "ANN-06"),
        (build_index(annotations={CREATED: "2020-01-01"}), "ANN-06"),
        (parse_document(raw({"schemaVersion": 2, "manifests": []}), media_types.DOCKER_LIST), "MAN-02"),
    ],
)
def test_what_a_producer_must_keep(document: Manifest | Index, rule: str) -> None:
    """What a reader forgives is refused before it is written."""
    with pytest.raises(ContentError) as caught:
        check_for_writing(document)
    assert caught.value.details["rule"] == rule


def test_a_list_of_referrers_types_its_manifests() -> None:
    """RFR-05, RFR-06: an image manifest is listed with a type, an index may have none."""
    index_entry = Descriptor.of(b"x", media_types.OCI_INDEX)
    check_referrers_for_writing(build_index(manifests=[index_entry]))
    with pytest.raises(ContentError) as caught:
        check_referrers_for_writing(build_index(manifests=[index_entry, SUBJECT]))
    assert caught.value.details == {"place": "$.manifests[1].artifactType", "rule": "RFR-05"}


def test_a_number_that_was_read_but_cannot_be_written_is_our_error() -> None:
    """A rewrite that would change a document stops instead."""
    index = Index.parse(b'{"schemaVersion":2,"manifests":[],"x":1e999}')
    with pytest.raises(ContentError):
        index.with_manifests([])
    assert _fields.load(index.raw)["x"] == float("inf")
