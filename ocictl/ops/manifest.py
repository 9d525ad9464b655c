"""Storing a document that somebody else made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ocictl.content import DOCUMENT_LIMIT
from ocictl.errors import ContentError, InvalidInputError, NotFoundError, UnsupportedError
from ocictl.events import (
    EventSink,
    FileWarning,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
    discard,
)
from ocictl.lazy_dataclass import dataclass
from ocictl.model import _fields, media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, parse_document
from ocictl.ops.tag import write_tags
from ocictl.sources import BytesContent
from ocictl.target import DocumentWriter, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestResult:
    """What was stored.

    Attributes:
        descriptor: media type, digest and size.
        tags: the tags that point to it now, in the order given.
        existed: it was there under the first tag (or, without tags, its digest) before.
    """

    descriptor: Descriptor
    tags: tuple[str, ...]
    existed: bool


def push_manifest(
    target: Target,
    raw: bytes,
    *,
    media_type: str | None = None,
    digest: Digest | None = None,
    tags: Sequence[str] = (),
    name: str | None = None,
    concurrency: int = 5,
    on_event: EventSink = discard,
) -> ManifestResult:
    """Store a document, byte for byte, and put it under every tag.

    What ocictl does not know is stored all the same, with a warning: other media types, and documents that break
    a rule of theirs. What is no JSON object is refused, and so is a document that names a subject in a way that
    can't be read.

    Args:
        target: where to.
        raw: its bytes.
        media_type: of the document; None takes its own `mediaType`.
        digest: which digest the bytes must have; its algorithm is used.
        tags: to point at it.
        name: of the file it comes from, for messages.
        concurrency: how many tags are written at once.
        on_event: told what happens.

    Raises:
        ContentError: `document-malformed`, `document-too-large` or `digest-mismatch`; nothing was sent.
        InvalidInputError: `media-type-invalid`: there is none, or it is not the document's own.
        OcictlError: what the target raises.
    """
    shown = "the manifest" if name is None else repr(name)
    if len(raw) > DOCUMENT_LIMIT:
        raise ContentError(
            f"{shown} has more than {DOCUMENT_LIMIT} bytes; registries take at most so many",
            code="document-too-large",
            hint="keep annotations and inline data small",
            details={"limit": DOCUMENT_LIMIT, "rule": "MPUT-07"},
        )
    kind = _media_type(raw, media_type, shown)
    descriptor = Descriptor.of(raw, kind, algorithm=digest.algorithm if digest else "sha256")
    if digest is not None and descriptor.digest != digest:
        raise ContentError(
            f"{shown} has the digest {descriptor.digest}, not {digest}",
            code="digest-mismatch",
            hint="check the file and the digest; nothing was sent",
            details={"expected": str(digest), "actual": str(descriptor.digest), "rule": "DIG-05"},
        )
    document = _parse(raw, descriptor, name or "manifest", on_event)
    first, *others = tags or (None,)
    existed = _points_to(target, first or str(descriptor.digest), descriptor.digest)
    if existed:
        on_event(TransferSkipped(descriptor=descriptor, direction="push", reason="exists"))
    else:
        on_event(TransferStarted(descriptor=descriptor, direction="push"))
    if not existed or (document is not None and document.subject is not None):
        # Only the answer to a push tells whether a referrer is listed (RFT-02).
        _writer(target).push_document(descriptor, BytesContent(raw), tag=first)
    if not existed:
        on_event(TransferFinished(descriptor=descriptor, direction="push"))
    write_tags(target, descriptor, [tag for tag in others if tag], concurrency=concurrency, on_event=on_event)
    return ManifestResult(descriptor=descriptor, tags=tuple(tags), existed=existed)


def _media_type(raw: bytes, given: str | None, shown: str) -> str:
    """The media type of a document: as given, or its own (MPUT-02)."""
    members: Any = _fields.load(raw, "manifest")
    if not isinstance(members, dict):
        raise _fields.malformed("$", f"must be an object, not {_fields.kind(members)}", "MAN-01")
    own = members.get("mediaType")
    own = own if isinstance(own, str) and own else None
    kind = given or own
    if kind is None:
        raise InvalidInputError(
            f"{shown} does not say its media type",
            code="media-type-invalid",
            hint=f"add --media-type, for example --media-type {media_types.OCI_MANIFEST}",
            details={"rule": "MPUT-03"},
        )
    if own is not None and not media_types.same(own, kind):
        raise InvalidInputError(
            f"{shown} says that it is {own!r}, and can't be stored as {kind!r}",
            code="media-type-invalid",
            hint="leave out --media-type, or change the member mediaType",
            details={"value": kind, "rule": "MPUT-02"},
        )
    return media_types.check_media_type(kind)


def _parse(raw: bytes, descriptor: Descriptor, name: str, on_event: EventSink) -> Document | None:
    if not descriptor.is_document:
        text = f"ocictl does not know {descriptor.media_type!r}, and stores it as it is"
        on_event(FileWarning(name=name, text=text))
        return None
    try:
        return parse_document(raw, descriptor.media_type)
    except ContentError as error:
        if "subject" in _fields.load(raw, "manifest"):
            raise
        text = f"it breaks the specification, and not every program will read it: {error.message}"
        on_event(FileWarning(name=name, text=text))
        return None


def _points_to(target: Target, reference: str, digest: Digest) -> bool:
    try:
        return target.resolve(reference).digest == digest
    except NotFoundError:
        return False


def _writer(target: Target) -> DocumentWriter:
    if isinstance(target, DocumentWriter):
        return cast("DocumentWriter", target)
    raise UnsupportedError(f"{target.path!r} takes no documents")
