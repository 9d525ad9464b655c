"""Manifests and indexes: parsed once, kept as raw bytes, serialised only when we build them (MAN, IDX)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from ocictl.lazy_dataclass import dataclass, field
from ocictl.model import _fields, media_types
from ocictl.model.annotations import CREATED, is_rfc3339
from ocictl.model.descriptor import Descriptor, read_artifact_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One artifact: an OCI image manifest or its Docker counterpart.

    Attributes:
        raw: the exact bytes; the digest is theirs.
        media_type: of the document.
        artifact_type: the member, or None; see `type_of_artifact`.
        annotations: never None.
        extra: members this package does not know.
    """

    raw: bytes
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes, media_type: str | None = None) -> Manifest:
        """Read a manifest.

        Args:
            raw: the bytes as fetched.
            media_type: what the descriptor or the Content-Type header said, or None (PULL-05).

        Raises:
            ContentError: `document-malformed`.
        """
        document = parse_document(raw, media_type)
        if not isinstance(document, cls):
            raise _fields.malformed("$", "is an index where a manifest is wanted", "MAN-02")
        return document

    @property
    def type_of_artifact(self) -> str:
        """The artifact type; without one, the config's media type (ART-08)."""
        return self.artifact_type or self.config.media_type

    def descriptor(self) -> Descriptor:
        """Describe this document, with its artifact type and annotations as in a referrers list (RFT-05)."""
        return Descriptor.of(
            self.raw, self.media_type, artifact_type=self.type_of_artifact, annotations=self.annotations
        )

    def successors(self) -> tuple[Descriptor, ...]:
        """What the document points to, without the subject."""
        return (self.config, *self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A list of manifests: an OCI image index or its Docker counterpart.

    Attributes: as for `Manifest`.
    """

    raw: bytes
    media_type: str
    manifests: tuple[Descriptor, ...]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes, media_type: str | None = None) -> Index:
        """Read an index.

        Raises:
            ContentError: `document-malformed`.
        """
        document = parse_document(raw, media_type)
        if not isinstance(document, cls):
            raise _fields.malformed("$", "is a manifest where an index is wanted", "IDX-02")
        return document

    @property
    def type_of_artifact(self) -> str | None:
        """The artifact type; an index without one has none (RFR-06)."""
        return self.artifact_type

    def descriptor(self) -> Descriptor:
        """Describe this document as in a referrers list (RFT-05)."""
        return Descriptor.of(
            self.raw, self.media_type, artifact_type=self.artifact_type, annotations=self.annotations
        )

    def successors(self) -> tuple[Descriptor, ...]:
        """What the document points to, without the subject."""
        return self.manifests

    def with_manifests(self, manifests: Iterable[Descriptor]) -> Index:
        """The same index with another list; all other members and their order stay (RFT-07)."""
        members = _fields.load(self.raw, "index")
        members["manifests"] = [entry.to_json() for entry in manifests]
        return Index.parse(_fields.dump(members), self.media_type)


Document: TypeAlias = Manifest | Index


def parse_document(raw: bytes, media_type: str | None = None) -> Document:
    """Read a manifest or an index.

    Args:
        raw: the bytes as fetched.
        media_type: what the descriptor or the Content-Type header said, or None to go by the document.

    Raises:
        ContentError: `document-malformed`: not strict JSON, a rule broken, both kinds at once (MAN-11),
            or a `mediaType` that differs from the one given (PULL-05).
    """
    value = _fields.load(raw, "manifest")
    known = _fields.Members(value, "$", rule="MAN-01")
    if known.has("manifests") and (known.has("layers") or known.has("config")):
        raise _fields.malformed("$", "has manifests together with layers or config", "MAN-11")
    looks_like_index = known.has("manifests")
    own_type = known.optional_string("mediaType")
    if own_type is not None and media_type is not None and not media_types.same(own_type, media_type):
        known.fail(
            "mediaType", f"{own_type!r} differs from the type it was fetched as, {media_type!r}", "PULL-05"
        )
    effective = own_type or media_type
    if effective is None:
        effective = media_types.OCI_INDEX if looks_like_index else media_types.OCI_MANIFEST
    schema_version = known.take("schemaVersion")
    if schema_version != 2 or isinstance(schema_version, bool | float):
        known.fail("schemaVersion", f"must be the integer 2, not {schema_version!r}", "MAN-01")
    if effective in media_types.INDEX_TYPES:
        return _read_index(raw, effective, known)
    if effective in media_types.MANIFEST_TYPES:
        return _read_manifest(raw, effective, known)
    known.fail("mediaType", f"{effective!r} is not a manifest or index type that ocictl reads", "MAN-02")


def _read_manifest(raw: bytes, media_type: str, known: _fields.Members) -> Manifest:
    config = Descriptor.from_json(known.take("config"), known.place("config"))
    return Manifest(
        raw=raw,
        media_type=media_type,
        config=config,
        layers=known.array("layers", Descriptor.from_json),
        artifact_type=read_artifact_type(known),
        subject=_read_subject(known),
        annotations=known.annotations() or {},
        extra=known.rest(),
    )


def _read_index(raw: bytes, media_type: str, known: _fields.Members) -> Index:
    return Index(
        raw=raw,
        media_type=media_type,
        manifests=known.array("manifests", Descriptor.from_json),
        artifact_type=read_artifact_type(known),
        subject=_read_subject(known),
        annotations=known.annotations() or {},
        extra=known.rest(),
    )


def _read_subject(known: _fields.Members) -> Descriptor | None:
    return (
        Descriptor.from_json(known.take("subject"), known.place("subject")) if known.has("subject") else None
    )


def read_links(raw: bytes, media_type: str) -> tuple[Descriptor | None, tuple[Descriptor, ...]]:
    """Read what a document points to: its subject, if any, and everything else in order.

    The withdrawn artifact manifest is read too: registries still keep some, and copies must be whole (MAN-10).

    Raises:
        ContentError: `document-malformed`.
    """
    if media_type != media_types.WITHDRAWN_ARTIFACT_MANIFEST:
        document = parse_document(raw, media_type)
        return document.subject, document.successors()
    known = _fields.Members(_fields.load(raw, "manifest"), "$", rule="MAN-10")
    blobs = known.array("blobs", Descriptor.from_json) if known.has("blobs") else ()
    return _read_subject(known), blobs


def check_for_writing(document: Document) -> None:
    """Hold a document to what a producer must keep and a reader forgives.

    Raises:
        ContentError: `document-malformed` for a Docker type (MAN-02, IDX-02), a missing artifactType beside
            the empty config (ART-02), or a `created` annotation that is not RFC 3339 (ANN-06).
    """
    if document.media_type not in media_types.HAVE_SUBJECT:
        raise _fields.malformed("$.mediaType", f"{document.media_type!r} is not an OCI type", "MAN-02")
    if isinstance(document, Manifest) and not document.artifact_type:
        if document.config.media_type == media_types.EMPTY:
            raise _fields.malformed("$.artifactType", "is required when the config is empty", "ART-02")
    created = document.annotations.get(CREATED)
    if created is not None and not is_rfc3339(created):
        raise _fields.malformed(f"$.annotations[{CREATED!r}]", f"{created!r} is not RFC 3339", "ANN-06")


def check_referrers_for_writing(index: Index) -> None:
    """Hold a list of referrers to what its producer must keep and a reader forgives.

    Raises:
        ContentError: `document-malformed` for what `check_for_writing` refuses, or an image manifest listed
            without an artifact type (RFR-05). An index may have none (RFR-06).
    """
    check_for_writing(index)
    for position, entry in enumerate(index.manifests):
        if entry.media_type in media_types.MANIFEST_TYPES and not entry.artifact_type:
            raise _fields.malformed(
                f"$.manifests[{position}].artifactType", "is required for an image manifest", "RFR-05"
            )


def build_manifest(
    *,
    config: Descriptor,
    layers: Iterable[Descriptor],
    artifact_type: str | None = None,
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Write an OCI image manifest: compact JSON, members in the order of the Go types (JSON-03)."""
    members: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST}
    if artifact_type:
        members["artifactType"] = artifact_type
    members["config"] = config.to_json()
    members["layers"] = [layer.to_json() for layer in layers]
    if subject is not None:
        members["subject"] = subject.to_json()
    if annotations:
        members["annotations"] = _fields.sorted_map(annotations)
    return Manifest.parse(_fields.dump(members), media_types.OCI_MANIFEST)


def build_index(
    *,
    manifests: Iterable[Descriptor] = (),
    artifact_type: str | None = None,
    subject: Descriptor | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Index:
    """Write an OCI image index: compact JSON, members in the order of the Go types (JSON-03)."""
    members: dict[str, Any] = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX}
    if artifact_type:
        members["artifactType"] = artifact_type
    members["manifests"] = [entry.to_json() for entry in manifests]
    if subject is not None:
        members["subject"] = subject.to_json()
    if annotations:
        members["annotations"] = _fields.sorted_map(annotations)
    return Index.parse(_fields.dump(members), media_types.OCI_INDEX)
