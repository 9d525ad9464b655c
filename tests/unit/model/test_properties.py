"""Properties that hold for whatever is thrown at the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ocictl.errors import CODES, OcictlError
from ocictl.model import _fields
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.image_config import ImageConfig
from ocictl.model.manifest import Index, Manifest, parse_document
from ocictl.model.media_types import check_media_type
from ocictl.model.platform import Platform
from ocictl.model.reference import Reference, check_registry

short = settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

texts = st.text(st.characters(codec="utf-8"), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
KNOWN = {
    "mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType",
    "schemaVersion", "manifests", "subject", "config", "layers",
}  # fmt: skip
extras = st.dictionaries(texts.filter(lambda name: name not in KNOWN), values, max_size=3)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,8}", fullmatch=True)
media_type_texts = st.builds("{}/{}".format, names, names)
digests = st.binary(max_size=8).map(Digest.of) | st.binary(max_size=8).map(
    lambda data: Digest.of(data, "sha512")
)
annotation_maps = st.dictionaries(texts, texts, max_size=3)


@st.composite
def descriptor_values(draw: st.DrawFn) -> dict[str, Any]:
    value: dict[str, Any] = {
        **draw(extras),
        "mediaType": draw(media_type_texts),
        "digest": str(draw(digests)),
        "size": draw(st.integers(0, 2**63 - 1)),
    }
    if draw(st.booleans()):
        value["annotations"] = draw(annotation_maps)
    if draw(st.booleans()):
        value["artifactType"] = draw(media_type_texts)
    if draw(st.booleans()):
        value["platform"] = {**draw(extras), "architecture": draw(texts), "os": draw(texts)}
    return value


@short
@given(descriptor_values())
def test_descriptors_round_trip(value: dict[str, Any]) -> None:
    """JSON-04: reading and writing a descriptor loses nothing, except that no annotations are written as none."""
    descriptor = Descriptor.from_json(_fields.load(_fields.dump(value)))
    if value.get("annotations") == {}:
        del value["annotations"]
    assert descriptor.to_json() == value
    assert Descriptor.from_json(descriptor.to_json()) == descriptor


@short
@given(st.lists(descriptor_values(), max_size=3), extras, annotation_maps, st.booleans())
def test_indexes_keep_raw_and_unknown_members(
    entries: list[dict[str, Any]], extra: dict[str, Any], annotations: dict[str, str], indent: bool
) -> None:
    """JSON-05, RFT-07: the raw bytes are the digest's, and a rewrite changes nothing but the list."""
    value = {**extra, "schemaVersion": 2, "manifests": entries, "annotations": annotations}
    raw = json.dumps(value, indent=2 if indent else None).encode()
    index = Index.parse(raw)
    assert index.raw == raw
    assert index.descriptor().digest == Digest.of(raw)
    assert index.extra == extra
    rewritten = index.with_manifests(index.manifests[:1])
    assert {**json.loads(rewritten.raw), "manifests": None} == {**value, "manifests": None}
    assert list(json.loads(rewritten.raw)) == list(value)
    assert rewritten.manifests == index.manifests[:1]


@short
@given(values)
def test_dump_and_load_are_inverse(value: Any) -> None:
    """What is written is read as the same value, and written again as the same bytes."""
    raw = _fields.dump(value)
    assert _fields.load(raw) == value
    assert _fields.dump(_fields.load(raw)) == raw


components = st.from_regex(r"[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,3})?", fullmatch=True)
hosts = st.sampled_from(["example.com", "localhost", "127.0.0.1", "[::1]", "docker.io", "host_x", "x:"])
ports = st.none() | st.integers(1, 65535)


@st.composite
def references(draw: st.DrawFn) -> Reference:
    host, port = draw(hosts), draw(ports)
    assume(not (host.endswith(":") and port))
    return Reference(
        registry=f"{host}:{port}" if port else host,
        repository="/".join(draw(st.lists(components, min_size=1, max_size=3))),
        tag=draw(st.none() | st.from_regex(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,9}", fullmatch=True)),
        digest=draw(st.none() | digests),
    )


@short
@given(references())
def test_references_round_trip(reference: Reference) -> None:
    """A reference is read back from what it shows as."""
    assert Reference.parse(str(reference)) == reference


@short
@given(
    st.builds(
        "{}{}/{}{}".format,
        st.sampled_from(["", "oci://", "http://", "https://"]),
        st.text("ab.:5", min_size=1, max_size=4),
        st.text("ab5/.", min_size=1, max_size=4),
        st.sampled_from(["", ":", ":A_b", ":5@"]),
    )
)
def test_what_parses_as_a_reference_round_trips(text: str) -> None:
    """Whatever is accepted is accepted again in its own spelling, and means the same."""
    assume(refusal(Reference.parse, text) is None)
    reference = Reference.parse(text)
    assert Reference.parse(str(reference)) == reference


def refusal(parser: Callable[[Any], Any], value: Any) -> OcictlError | None:
    """The error of ours that parsing ends in, or None. Any other exception fails the test."""
    try:
        parser(value)
    except OcictlError as error:
        return error
    return None


BYTE_PARSERS = [parse_document, Manifest.parse, Index.parse, ImageConfig.parse, _fields.load]
TEXT_PARSERS = [Reference.parse, Digest.parse, Platform.parse, check_media_type, check_registry]


@pytest.mark.parametrize(
    "parser", BYTE_PARSERS, ids=lambda parser: getattr(parser, "__qualname__", str(parser))
)
@short
@given(
    raw=st.binary(max_size=60)
    | st.text('{}[]":,\\ud8e1290.\n', max_size=40).map(lambda text: text.encode())
    | values.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(st.sampled_from(sorted(KNOWN)), values | descriptor_values(), max_size=6).map(
        lambda value: json.dumps({"schemaVersion": 2, **value}).encode()
    )
)
def test_no_bytes_raise_anything_but_our_errors(parser: Any, raw: bytes) -> None:
    """Hostile bytes end in an `OcictlError` or in a value, never in another exception."""
    error = refusal(parser, raw)
    assert error is None or error.code in CODES


@pytest.mark.parametrize("parser", TEXT_PARSERS, ids=lambda parser: parser.__qualname__)
@short
@given(text=st.text(max_size=60) | st.text("a:/@.[]-_%50\n", max_size=30))
def test_no_text_raises_anything_but_our_errors(parser: Any, text: str) -> None:
    """Hostile text ends in an `OcictlError` with a hint or in a value, never in another exception."""
    error = refusal(parser, text)
    assert error is None or error.hint


@short
@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), values, max_size=8))
def test_no_json_value_breaks_a_descriptor(value: dict[str, Any]) -> None:
    """Wrong types in known members end in an `OcictlError` that names the place."""
    error = refusal(Descriptor.from_json, value)
    assert error is None or error.details["place"].startswith("$")
