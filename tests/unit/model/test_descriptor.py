"""Descriptors: reading, writing, and what is derived from them (section DESC)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ocictl.errors import ContentError
from ocictl.model import _fields, media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform

DIGEST = Digest.of(b"hello\n")


def members(**more: Any) -> dict[str, Any]:
    return {"mediaType": "a/b", "digest": str(DIGEST), "size": 6, **more}


def test_of_describes_bytes() -> None:
    """Digest and size are those of the bytes."""
    descriptor = Descriptor.of(b"hello\n", "text/plain", annotations={"k": "v"})
    assert (descriptor.digest, descriptor.size) == (DIGEST, 6)
    assert descriptor.annotations == {"k": "v"}
    assert Descriptor.of(b"", "a/b", algorithm="sha512").digest.algorithm == "sha512"


def test_every_member_survives() -> None:
    """JSON-04: what is read is written again, known or not, the known members in Go's order."""
    value = members(
        urls=["https://example.com/x"],
        annotations={"a": "1", "b": "2"},
        data=base64.b64encode(b"hello\n").decode(),
        platform={"architecture": "arm", "os": "linux", "variant": "v7", "x": [1]},
        artifactType="x/y",
        other={"deep": [None, True]},
    )
    descriptor = Descriptor.from_json(value)
    assert descriptor.to_json() == value
    assert list(descriptor.to_json()) == list(value)
    assert descriptor.data == b"hello\n"
    assert descriptor.extra == {"other": {"deep": [None, True]}}


def test_known_order_is_written_whatever_was_read() -> None:
    """JSON-03: equal content gives equal bytes."""
    value = members(artifactType="x/y", annotations={"b": "2", "a": "1"})
    backwards = dict(reversed(value.items()))
    first, second = (json.dumps(Descriptor.from_json(each).to_json()) for each in (value, backwards))
    assert first == second
    assert list(json.loads(first)["annotations"]) == ["a", "b"]


def test_empty_descriptor_is_the_well_known_one() -> None:
    """ART-05: digest, size and inline data belong together."""
    assert Descriptor.of(b"{}", media_types.EMPTY).digest == EMPTY_DESCRIPTOR.digest
    assert EMPTY_DESCRIPTOR.to_json() == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2,
        "data": "e30=",
    }


@pytest.mark.parametrize(
    ("value", "place", "rule"),
    [
        (members(size=True), "$.config.size", "DESC-04"),
        (members(mediaType="a/b; v=1"), "$.config.mediaType", "DESC-02"),
        (members(digest="sha256:00"), "$.config.digest", "DIG-02"),
        (members(urls=["x"]), "$.config.urls[0]", "DESC-05"),
        (members(urls=[1]), "$.config.urls[0]", "DESC-05"),
        (members(annotations={"k": 1}), "$.config.annotations['k']", "ANN-01"),
        (members(data="aGVsbG8K="), "$.config.data", "DESC-08"),
        (members(data="aGVsbG8K===="), "$.config.data", "DESC-08"),
        (members(data="aGVsbG8h"), "$.config.data", "DESC-08"),
        (members(artifactType=""), "$.config.artifactType", "DESC-07"),
        (members(platform={"os": "linux"}), "$.config.platform.architecture", "IDX-05"),
        (
            members(platform={"os": "linux", "architecture": "a", "os.features": "x"}),
            "$.config.platform.os.features",
            "IDX-05",
        ),
        ([], "$.config", "DESC-01"),
    ],
)
def test_errors_name_place_and_rule(value: Any, place: str, rule: str) -> None:
    """A wrong descriptor is refused with the place inside the document."""
    with pytest.raises(ContentError) as caught:
        Descriptor.from_json(value, "$.config")
    assert caught.value.details == {"place": place, "rule": rule}


def test_inline_data_of_an_unverifiable_digest_is_not_trusted() -> None:
    """DIG-03: it is carried along; only its length could be compared."""
    value = members(digest="sha384:" + "0" * 96, data=base64.b64encode(b"hello\n").decode())
    assert not Descriptor.from_json(value).digest.verifiable


def test_derived_facts() -> None:
    """Title, kind of document, and the short form for a subject."""
    descriptor = Descriptor.from_json(
        members(annotations={"org.opencontainers.image.title": "a.txt"}, artifactType="x/y", z=1)
    )
    assert descriptor.title == "a.txt"
    assert descriptor.with_annotations({"org.opencontainers.image.title": ""}).title is None
    assert not descriptor.is_document
    assert Descriptor.of(b"", media_types.DOCKER_LIST).is_document
    assert descriptor.plain().to_json() == {"mediaType": "a/b", "digest": str(DIGEST), "size": 6}


def test_descriptors_can_be_members_of_a_set() -> None:
    """Equal descriptors count once, although they hold maps."""
    platform = Platform(os="linux", architecture="amd64")
    one = Descriptor(media_type="a/b", digest=DIGEST, size=6, annotations={"k": "v"}, platform=platform)
    same = Descriptor.from_json(_fields.load(_fields.dump(one.to_json())))
    assert len({one, same, one.plain()}) == 2
