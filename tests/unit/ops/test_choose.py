"""Choosing platforms of an index: what stays, byte for byte, and what is said of what is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.errors import NotFoundError
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Index
from ocictl.model.platform import Platform
from ocictl.ops.choose import ATTESTED, choose_platforms

INDEX = "application/vnd.oci.image.index.v1+json"


def entry(name: str, platform: str | None = None, **more: Any) -> dict[str, Any]:
    """An entry of an index, as JSON."""
    described = Descriptor.of(name.encode(), "application/vnd.oci.image.manifest.v1+json").to_json()
    if platform is not None:
        described["platform"] = Platform.parse(platform).to_json()
    return {**described, **more}


def choose(text: str, *platforms: str) -> Index:
    index = Index.parse(text.encode(), INDEX)
    return choose_platforms(index, index.descriptor(), [Platform.parse(each) for each in platforms])


def index_of(*entries: dict[str, Any], **more: Any) -> str:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, **more})


def names(index: Index, *known: str) -> list[str]:
    by_digest = {str(Descriptor.of(name.encode(), "a/b").digest): name for name in known}
    return [by_digest[str(each.digest)] for each in index.manifests]


def test_the_chosen_stay_in_their_order() -> None:
    """However the platforms are ordered on the command line."""
    text = index_of(entry("a", "linux/amd64"), entry("b", "linux/arm64"), entry("c", "linux/s390x"))
    assert names(choose(text, "linux/s390x", "linux/amd64"), "a", "b", "c") == ["a", "c"]


def test_a_variant_is_asked_for_or_not() -> None:
    """Without one all variants match."""
    text = index_of(entry("a", "linux/arm/v6"), entry("b", "linux/arm/v7"), entry("c", "linux/amd64"))
    assert names(choose(text, "linux/arm", "linux/amd64"), "a", "b", "c") == ["a", "b", "c"]
    assert names(choose(text, "linux/arm/v7", "linux/amd64"), "a", "b", "c") == ["b", "c"]


def test_every_byte_of_what_stays_is_as_it_was() -> None:
    """Odd spacing and order, escapes and unknown members: only what is left out is gone, and blanks between."""
    first = json.dumps(entry("a", "linux/amd64", odd={"z": 1.50, "a": [1, 2]}), indent=3)
    last = json.dumps(entry("c", "linux/s390x", note="\u00e4 \u003c")).replace(": ", "  :\t")
    middle = json.dumps(entry("b", "linux/arm64"))
    text = (
        f' {{ "mediaType" : "{INDEX}",\n"x-unknown": [ 1.0e3 , {{ "é": "\\u00e9" }} ],'
        f' "manifests": [ {first} ,\n\n{middle},{last}\t], "schemaVersion": 2 }}\n'
    )
    chosen = choose(text, "linux/amd64", "linux/s390x")
    assert chosen.raw.decode() == (
        f'{{"mediaType":"{INDEX}","x-unknown":[ 1.0e3 , {{ "é": "\\u00e9" }} ],'
        f'"manifests":[{first},{last}],"schemaVersion":2}}'
    )


def test_if_everything_stays_it_is_the_same_index() -> None:
    """Its digest and its referrers are kept."""
    text = index_of(entry("a", "linux/amd64"), entry("b", "linux/arm64"))
    assert choose(text, "linux/amd64", "linux/arm64").raw == text.encode()


def test_attestations_go_with_their_manifest() -> None:
    """BuildKit marks which manifest an attestation is about; its own platform says nothing."""
    digests = {name: entry(name)["digest"] for name in "ab"}
    text = index_of(
        entry("a", "linux/amd64"),
        entry("b", "linux/arm64"),
        entry("c", "linux/s390x"),
        entry("of-a", "unknown/unknown", annotations={ATTESTED: digests["a"]}),
        entry("of-b", annotations={ATTESTED: digests["b"]}),
    )
    chosen = choose(text, "linux/amd64", "linux/s390x")
    assert names(chosen, "a", "b", "c", "of-a", "of-b") == ["a", "c", "of-a"]


def test_entries_without_a_platform_stay() -> None:
    """Unless they name a manifest that was left out."""
    text = index_of(entry("a", "linux/amd64"), entry("b", "linux/arm64"), entry("x"), entry("b"))
    assert names(choose(text, "linux/amd64", "linux/amd64"), "a", "b", "x") == ["a", "x"]


def test_the_same_manifest_for_two_platforms() -> None:
    """Each entry counts for itself."""
    text = index_of(entry("a", "linux/amd64"), entry("a", "linux/arm64"), entry("b", "linux/s390x"))
    chosen = choose(text, "linux/arm64", "linux/s390x")
    assert [str(each.platform) for each in chosen.manifests] == ["linux/arm64", "linux/s390x"]


def test_a_platform_that_is_not_there() -> None:
    """It is named, with what there is; an attestation is none."""
    text = index_of(
        entry("a", "linux/amd64"), entry("x", "unknown/unknown", annotations={ATTESTED: entry("a")["digest"]})
    )
    with pytest.raises(NotFoundError, match="no manifest for the platform 'linux/mips'") as caught:
        choose(text, "linux/amd64", "linux/mips")
    assert caught.value.code == "platform-not-found"
    assert caught.value.hint == "it offers: linux/amd64"
    with pytest.raises(NotFoundError):
        choose(text, "unknown/unknown", "linux/amd64")
