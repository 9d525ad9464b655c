"""The closing lines of the commands, as oras ends them."""

from __future__ import annotations

from dataclasses import replace

from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform
from ocictl.output import render
from ocictl.output.records import DescriptorRecord, PullRecord, TaggedRecord

DIGEST = "sha256:" + "0" * 64
_MEMBERS = {"reference": f"r/x@{DIGEST}", "media_type": "a/b", "digest": DIGEST, "size": 7}


def test_push_ends_with_tags_type_and_digest() -> None:
    """One `Tagged` per tag after the first."""
    record = TaggedRecord(**_MEMBERS, artifact_type="a/t")  # type: ignore[arg-type]
    assert render.pushed(record, "[registry] r/x:v1", ["v2", "v3"]) == [
        "Pushed [registry] r/x:v1",
        "Tagged v2",
        "Tagged v3",
        "ArtifactType: a/t",
        f"Digest: {DIGEST}",
    ]


def test_attach_says_when_nothing_was_new() -> None:
    """What was attached before is told from what is attached now."""
    record = DescriptorRecord(**_MEMBERS)  # type: ignore[arg-type]
    assert render.attached(record, "[registry] r/x@s", already=False)[0] == "Attached to [registry] r/x@s"
    assert (
        render.attached(record, "[registry] r/x@s", already=True)[0] == "Already attached to [registry] r/x@s"
    )


def test_pull_ends_with_a_hint_where_layers_were_skipped() -> None:
    """The hint is a command to copy."""
    record = PullRecord(reference=f"r/x@{DIGEST}", files=())
    assert render.pulled(record, "[registry] r/x:v1") == ["Pulled [registry] r/x:v1", f"Digest: {DIGEST}"]
    assert render.pulled(record, "[registry] r/x:v1", "ocictl copy r/x:v1 --to-oci-layout <layout-dir>") == [
        'Skipped pulling layers without file name in "org.opencontainers.image.title"',
        "Use 'ocictl copy r/x:v1 --to-oci-layout <layout-dir>' to pull all layers.",
    ]


def test_bare_descriptors() -> None:
    """Compact without a newline, or indented with one; platform and artifact type are shown where they are known."""
    descriptor = Descriptor(media_type="a/b", digest=Digest.parse(DIGEST), size=7)
    compact = f'{{"mediaType":"a/b","digest":"{DIGEST}","size":7}}'
    assert render.bare_descriptor(descriptor, pretty=False) == compact
    assert render.bare_descriptor(descriptor, pretty=True).startswith('{\n  "mediaType": "a/b",\n')
    assert render.bare_descriptor(descriptor, pretty=True).endswith('"size": 7\n}\n')
    more = replace(descriptor, platform=Platform(os="linux", architecture="arm64"), artifact_type="c/d")
    assert render.bare_descriptor(more, pretty=False) == compact[:-1] + (
        ',"platform":{"architecture":"arm64","os":"linux"},"artifactType":"c/d"}'
    )


def test_pretty_json_keeps_order_and_spares_what_is_not_json() -> None:
    """--pretty is for people; bytes that are no JSON come out as they are."""
    assert render.pretty_json('{"b":1,"a":"ü"}'.encode()) == '{\n  "b": 1,\n  "a": "ü"\n}\n'.encode()
    assert render.pretty_json(b"\xff{") == b"\xff{"
