"""Records are the contract with scripts: members, their order, and what is left out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ocictl.model.descriptor import Descriptor
from ocictl.ops.discover import ReferrerNode
from ocictl.output.records import (
    DescriptorRecord,
    FileRecord,
    ManifestRecord,
    ReferrersRecord,
    TaggedRecord,
    absolute,
)

BARE = Descriptor.of(b"{}", "text/plain")
FULL = Descriptor.of(b"{}", "text/plain", artifact_type="a/b", annotations={"z": "1", "a": "2"})
DIGEST = str(BARE.digest)


def test_members_come_in_the_order_of_oras() -> None:
    """reference, mediaType, digest, size, then annotations (sorted) and artifactType."""
    members = DescriptorRecord.of("r/x", FULL).to_json()
    assert list(members) == ["reference", "mediaType", "digest", "size", "annotations", "artifactType"]
    assert members["reference"] == f"r/x@{DIGEST}"
    assert list(members["annotations"]) == ["a", "z"]


def test_empty_members_are_left_out() -> None:
    """No null and no empty map."""
    assert list(DescriptorRecord.of("r/x", BARE).to_json()) == ["reference", "mediaType", "digest", "size"]


def test_tags_are_sorted_and_each_once() -> None:
    """referenceAsTags is a list in every case, also when nothing was tagged."""
    tagged = TaggedRecord.tagged("r/x", BARE, ["v2", "v1", "v2"]).to_json()
    assert tagged["referenceAsTags"] == ["r/x:v1", "r/x:v2"]
    assert TaggedRecord.tagged("r/x", BARE, []).to_json()["referenceAsTags"] == []


def test_the_path_of_a_file_comes_first() -> None:
    """As in oras; without a file there is no path."""
    assert next(iter(FileRecord.written("r/x", BARE, "/f").to_json().items())) == ("path", "/f")
    assert "path" not in FileRecord.written("r/x", BARE, None).to_json()


def test_referrers_are_nested() -> None:
    """Every level has its list, and `digests` walks all of them."""
    leaf = ReferrerNode(descriptor=FULL, referrers=())
    record = ReferrersRecord.tree("r/x", ReferrerNode(descriptor=BARE, referrers=(leaf, leaf)))
    assert [entry["referrers"] for entry in record.to_json()["referrers"]] == [[], []]
    assert list(record.digests()) == [DIGEST, DIGEST]


@pytest.mark.parametrize(
    "raw",
    [b"not json", b"\xff", b'{"a": NaN}', b'{"a": 1e999}', b"[" * 300 + b"]" * 300, b"[" * 100_000],
    ids=["text", "bytes", "nan", "infinite", "deep", "deeper"],
)
def test_content_that_is_not_json_is_null(raw: bytes) -> None:
    """Whatever is stored, the record can be written as JSON."""
    record = ManifestRecord.fetched("r/x", BARE, raw).to_json()
    assert record["content"] is None
    assert "null" in json.dumps(record, allow_nan=False)


def test_content_members_are_sorted() -> None:
    """As oras prints them, at every depth."""
    record = ManifestRecord.fetched("r/x", BARE, b'{"b": [{"d": 1, "c": 2}], "a": 1.5}').to_json()
    assert json.dumps(record["content"]) == '{"a": 1.5, "b": [{"c": 2, "d": 1}]}'


def test_absolute_paths_follow_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is what the user wrote, made absolute; a directory ends in the separator."""
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("elsewhere")
    assert absolute(Path("link/../link/a")) == str(tmp_path / "link" / "a")
    assert absolute(Path("d"), directory=True) == str(tmp_path / "d") + os.sep
