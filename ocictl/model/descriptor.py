"""Descriptors: media type, digest, size and more, pointing to content (section DESC)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass, field, replace
from ocictl.model import _fields, media_types
from ocictl.model.annotations import TITLE
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What is needed to fetch content and to check it.

    Attributes:
        media_type: RFC 6838 name, as given (DESC-02, DESC-03).
        digest: of the exact bytes.
        size: in bytes.
        annotations: never None; `{}` when absent.
        artifact_type: or None (DESC-07).
        platform: or None.
        urls: other places of the content; never fetched unless asked for (DESC-12).
        data: the content itself, already checked against digest and size (DESC-08), or None.
        extra: members this package does not know, kept for a rewrite (JSON-04).
    """

    media_type: str
    digest: Digest
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    data: bytes | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.digest, self.size, self.media_type))

    @classmethod
    def of(
        cls,
        content: bytes,
        media_type: str,
        *,
        artifact_type: str | None = None,
        annotations: Mapping[str, str] | None = None,
        algorithm: str = "sha256",
    ) -> Descriptor:
        """Describe these bytes."""
        return cls(
            media_type=media_type,
            digest=Digest.of(content, algorithm),
            size=len(content),
            artifact_type=artifact_type,
            annotations=dict(annotations or {}),
        )

    @classmethod
    def from_json(cls, value: object, place: str = "$") -> Descriptor:
        """Read a descriptor.

        Raises:
            ContentError: `document-malformed`, naming the place and the rule.
        """
        known = _fields.Members(value, place, rule="DESC-01")
        media_type = known.string("mediaType")
        if not media_types.is_media_type(media_type):
            known.fail("mediaType", f"{media_type!r} is not type/subtype as in RFC 6838", "DESC-02")
        digest = read_digest(known.string("digest"), known.place("digest"))
        size = known.integer("size")
        urls = known.optional_strings("urls", "DESC-05")
        for position, url in enumerate(urls):
            if not _is_uri(url):
                known.fail(f"urls[{position}]", f"{url!r} is not a URI", "DESC-05")
        annotations = known.annotations()
        data = _read_data(known, digest, size) if known.has("data") else None
        platform = (
            Platform.from_json(known.take("platform"), known.place("platform"))
            if known.has("platform")
            else None
        )
        return cls(
            media_type=media_type,
            digest=digest,
            size=size,
            urls=urls,
            annotations=annotations or {},
            data=data,
            platform=platform,
            artifact_type=read_artifact_type(known),
            extra=known.rest(),
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON members, known ones in the order of the Go types."""
        members: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.urls:
            members["urls"] = list(self.urls)
        if self.annotations:
            members["annotations"] = _fields.sorted_map(self.annotations)
        if self.data is not None:
            members["data"] = base64.b64encode(self.data).decode("ascii")
        if self.platform is not None:
            members["platform"] = self.platform.to_json()
        if self.artifact_type:
            members["artifactType"] = self.artifact_type
        return {**members, **self.extra}

    @property
    def title(self) -> str | None:
        """The file name to restore, or None (ECO-18). It is untrusted."""
        return self.annotations.get(TITLE) or None

    @property
    def is_document(self) -> bool:
        """Whether this points to a manifest or index that this package parses."""
        return self.media_type in media_types.DOCUMENT_TYPES

    def plain(self) -> Descriptor:
        """Media type, digest and size alone: as it stands in a `subject`."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=self.size)

    def with_annotations(self, annotations: Mapping[str, str]) -> Descriptor:
        """The same with these annotations instead."""
        return replace(self, annotations=dict(annotations))


EMPTY_DESCRIPTOR: Final = Descriptor(
    media_type=media_types.EMPTY,
    digest=Digest("sha256", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    size=2,
    data=b"{}",
)
"""The well-known empty descriptor, with its content inline (ART-05)."""


def read_digest(text: str, place: str) -> Digest:
    """Read a digest inside a document.

    Raises:
        ContentError: `document-malformed`, naming the place.
    """
    try:
        return Digest.parse(text)
    except InvalidInputError as error:
        raise _fields.malformed(place, error.message, str(error.details["rule"])) from error


def read_artifact_type(known: _fields.Members) -> str | None:
    """Take the `artifactType` member (DESC-07)."""
    if not known.has("artifactType"):
        return None
    artifact_type = known.string("artifactType")
    if not media_types.is_media_type(artifact_type):
        known.fail("artifactType", f"{artifact_type!r} is not type/subtype as in RFC 6838", "DESC-07")
    return artifact_type


def _read_data(known: _fields.Members, digest: Digest, size: int) -> bytes:
    text = known.string("data")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _fields.malformed(known.place("data"), f"is not padded base64 ({error})", "DESC-08") from error
    if base64.b64encode(data).decode("ascii") != text:
        # The decoder tolerates surplus padding and stray bits in the last character.
        known.fail("data", "is not padded base64 in its only right spelling", "DESC-08")
    if len(data) != size:
        known.fail("data", f"has {len(data)} bytes where size says {size}", "DESC-08")
    if digest.verifiable and Digest.of(data, digest.algorithm) != digest:
        known.fail("data", "is not the content that digest names", "DESC-08")
    return data


def _is_uri(text: str) -> bool:
    scheme, colon, rest = text.partition(":")
    return bool(
        colon
        and rest
        and scheme[:1].isalpha()
        and text.isascii()
        and text.isprintable()
        and not any(character in text for character in ' <>"{}|\\^`')
        and all(character.isalnum() or character in "+-." for character in scheme)
    )
