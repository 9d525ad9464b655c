"""Every shared test document, judged as a producer must judge it and as a reader should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ocictl.errors import ContentError
from ocictl.model import _fields
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.image_config import ImageConfig
from ocictl.model.manifest import (
    Index,
    Manifest,
    check_for_writing,
    check_referrers_for_writing,
    parse_document,
)
from tests.support.shared import present, spec_json, spec_path, vector_rows

KINDS = ("descriptor", "manifest", "index", "referrers", "config")


def read_descriptor(raw: bytes) -> Descriptor:
    return Descriptor.from_json(_fields.load(raw))


def write_manifest(raw: bytes) -> None:
    check_for_writing(Manifest.parse(raw))


def write_index(raw: bytes) -> None:
    check_for_writing(Index.parse(raw))


def write_referrers(raw: bytes) -> None:
    check_referrers_for_writing(Index.parse(raw))


READERS: dict[str, Callable[[bytes], Any]] = {
    "descriptor": read_descriptor,
    "manifest": Manifest.parse,
    "index": Index.parse,
    "referrers": Index.parse,
    "config": ImageConfig.parse,
}
STRICT: dict[str, Callable[[bytes], Any]] = {
    **READERS,
    "manifest": write_manifest,
    "index": write_index,
    "referrers": write_referrers,
}
REFUSED_LATER = {
    # ECO-18: a manifest like any other; it is the title that no pull writes to.
    "vectors/manifest/74-title-path-traversal.json",
}


def refused(judge: Callable[[bytes], Any], raw: bytes) -> ContentError | None:
    try:
        judge(raw)
    except ContentError as error:
        return error
    return None


@pytest.mark.parametrize("vector", vector_rows(*KINDS))
def test_strict_verdict(vector: dict[str, Any] | None) -> None:
    """What may be written is exactly what the specification's prose allows, less what policy refuses."""
    vector = present(vector)
    raw = spec_path(vector["file"]).read_bytes()
    error = refused(STRICT[vector["kind"]], raw)
    if vector["valid"] and (vector.get("policy") != "reject" or vector["file"] in REFUSED_LATER):
        assert error is None, f"{vector['why']} ({', '.join(vector['rules'])}), but: {error}"
    else:
        assert error is not None, f"{vector['why']} ({', '.join(vector['rules'])}), but it was accepted"
        assert error.code == "document-malformed"
        assert error.details["place"].startswith("$")
        assert error.message.startswith(error.details["place"])


@pytest.mark.parametrize("vector", vector_rows(*KINDS, where=lambda row: row["valid"] or "policy" in row))
def test_reading_verdict(vector: dict[str, Any] | None) -> None:
    """What is valid can be read; what policy wants refused is refused on reading already."""
    vector = present(vector)
    error = refused(READERS[vector["kind"]], spec_path(vector["file"]).read_bytes())
    if vector.get("policy") == "reject" and vector["file"] not in REFUSED_LATER:
        assert error is not None
        assert error.details["rule"] in vector["rules"]
    else:
        assert error is None


@pytest.mark.parametrize("vector", vector_rows(*KINDS, where=lambda row: "digest" in row))
def test_bytes_are_exact(vector: dict[str, Any] | None) -> None:
    """Where a vector names its digest the bytes have it (DIG-08), so nothing has rewritten the file."""
    vector = present(vector)
    raw = spec_path(vector["file"]).read_bytes()
    assert Digest.of(raw) == Digest.parse(vector["digest"])


@pytest.mark.parametrize(
    "vector", vector_rows("manifest", "index", where=lambda row: row["valid"] and "policy" not in row)
)
def test_raw_bytes_are_kept(vector: dict[str, Any] | None) -> None:
    """JSON-05: a parsed document still has its exact bytes, and is described by their digest and size."""
    raw = spec_path(present(vector)["file"]).read_bytes()
    document = parse_document(raw)
    assert document.raw == raw
    assert (document.descriptor().digest, document.descriptor().size) == (Digest.of(raw), len(raw))


FORGIVEN = {
    "vectors/manifest/18-docker-schema2-exact-bytes.json": "IDX-07",
    "vectors/manifest/19-empty-config-no-artifacttype.json": "ART-02",
    "vectors/manifest/48-annotations-created-not-rfc3339.json": "ANN-06",
    "vectors/index/16-docker-manifest-list-exact-bytes.json": "IDX-07",
    "vectors/referrers/05-image-manifest-without-artifacttype.json": "RFT-09",
}
"""Documents that must not be written, and that a reader takes from others, with the rule that says so."""


def test_reading_forgives_these_and_no_others() -> None:
    """Of all invalid documents exactly the listed ones can be read."""
    rows = [row for row in spec_json("vectors.json")["vectors"] if row["kind"] in KINDS and not row["valid"]]
    readable = {
        row["file"]
        for row in rows
        if refused(READERS[row["kind"]], spec_path(row["file"]).read_bytes()) is None
    }
    assert readable == set(FORGIVEN)
