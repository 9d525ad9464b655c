"""What every local store has to know about documents: how one is selected and how one is listed."""

from __future__ import annotations

from ocictl.errors import ContentError, InvalidInputError
from ocictl.lazy_dataclass import dataclass
from ocictl.model import _fields, media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import REGISTERED, Digest, new_hasher
from ocictl.model.manifest import Document, Index, Manifest, parse_document
from ocictl.stores.referrers import entry_for


def digest_of(reference: str) -> Digest | None:
    """Return the digest if this selects by digest, or None if it is a tag.

    Only a digest that can be verified selects by digest, and nothing that looks like one is ever a tag: a
    name in a foreign layout could otherwise stand for other content. Strings such as `host:5000/a:b` fit the
    digest grammar in part or whole and are tags, because a tag may be a whole reference here (LAY-06).

    Raises:
        ContentError: `digest-unverifiable` (DIG-03).
        InvalidInputError: `digest-invalid`.
    """
    algorithm, colon, _encoded = reference.partition(":")
    if not colon or algorithm not in REGISTERED:
        return None
    digest = Digest.parse(reference)
    new_hasher(digest.algorithm)
    return digest


def check_ref_name(tag: str) -> str:
    """Return the tag unchanged if a store without a grammar of its own can take it.

    Raises:
        InvalidInputError: `tag-invalid`: empty, with blanks or control characters, or the form of a digest.
    """
    problem = None
    if not tag:
        problem = "it is empty"
    elif not tag.isprintable() or " " in tag:
        problem = "it has a blank or a control character"
    elif ":" in tag and tag.partition(":")[0] in REGISTERED:
        problem = "it would be taken for a digest"
    if problem is None:
        return tag
    raise InvalidInputError(
        f"tag {tag!r} is not valid: {problem}",
        code="tag-invalid",
        hint="use letters, digits and '-', '.', '_', ':', '@', '/' or '+'",
        details={"value": tag, "rule": "LAY-06"},
    )


def listed_type(document: Document) -> str | None:
    """The artifact type in a list of all documents of a store.

    A referrer carries it as in RFT-05. Of the others an artifact carries its type, which for one without
    `artifactType` is its config's, and an ordinary image carries none.
    """
    if document.subject is None and isinstance(document, Manifest) and not document.artifact_type:
        if document.config.media_type in media_types.IMAGE_CONFIG_TYPES:
            return None
    return document.type_of_artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """What a search for referrers needs of one document. Content never changes, so neither does this.

    Attributes:
        descriptor: with artifact type and annotations as in a referrers list (RFT-05).
        subject: the digest of its subject, or None.
        children: what it lists, for an index.
    """

    descriptor: Descriptor
    subject: Digest | None
    children: tuple[Descriptor, ...] = ()

    @classmethod
    def of(cls, document: Document, descriptor: Descriptor) -> DocumentFacts:
        """Take the facts of a document that is stored under this descriptor's digest."""
        return cls(
            descriptor=entry_for(document, descriptor),
            subject=document.subject.digest if document.subject else None,
            children=document.manifests if isinstance(document, Index) else (),
        )


def is_listed(descriptor: Descriptor) -> bool:
    """Whether a store lists this among its documents even without a tag."""
    return descriptor.media_type in media_types.MANIFEST_ENDPOINT_TYPES


def parse_if_possible(raw: bytes, media_type: str) -> Document | None:
    """Parse a document that a person made, or return None for one that only others can read.

    Raises:
        ContentError: `document-malformed`: it names a subject, but can't be put in its list (MPUT-10), or it is
            not even a JSON object.
    """
    try:
        if media_type in media_types.DOCUMENT_TYPES:
            return parse_document(raw, media_type)
    except ContentError:
        if _fields.Members(_fields.load(raw, "manifest"), "$", rule="MAN-01").has("subject"):
            raise
    return None


def check_size(descriptor: Descriptor, limit: int) -> None:
    """Refuse a document that is too large to be read into memory (PULL-11).

    Raises:
        ContentError: `document-too-large`.
    """
    if descriptor.size > limit:
        raise ContentError(
            f"document {descriptor.digest} has {descriptor.size} bytes; at most {limit} are accepted",
            code="document-too-large",
            hint="keep annotations and inline data small; registries refuse large documents too (MPUT-07)",
            details={"size": descriptor.size, "limit": limit, "rule": "PULL-11"},
        )
