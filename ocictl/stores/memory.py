"""A store in memory: for tests, for dry runs and for building something before it goes elsewhere."""

from __future__ import annotations

import io
from collections.abc import Iterator
from threading import RLock

from ocictl.content import DOCUMENT_LIMIT, VerifyingReader
from ocictl.errors import NotFoundError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, parse_document
from ocictl.stores._listing import (
    DocumentFacts,
    check_ref_name,
    check_size,
    digest_of,
    is_listed,
    parse_if_possible,
)
from ocictl.stores.referrers import matches
from ocictl.target import ByteStream, Content, PushReceipt, TargetKind


class MemoryStore:
    """A `Target` in memory. It may be used from several threads at once."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._blobs: dict[Digest, bytes] = {}
        self._documents: dict[Digest, Descriptor] = {}
        self._facts: dict[Digest, DocumentFacts] = {}
        self._tags: dict[str, Digest] = {}

    @property
    def kind(self) -> TargetKind:
        """`memory`."""
        return "memory"

    @property
    def path(self) -> str:
        """`memory`: there is nothing else to say about the place."""
        return "memory"

    def resolve(self, reference: str) -> Descriptor:
        """Find the document under a tag or digest.

        Raises:
            NotFoundError: there is none.
            ContentError: `digest-unverifiable` (DIG-03).
        """
        digest = digest_of(reference)
        with self._lock:
            if digest is None:
                digest = self._tags.get(reference)
            if digest is not None and digest in self._documents:
                return self._documents[digest]
        raise NotFoundError(f"there is no document {reference!r} in memory", details={"reference": reference})

    def resolve_blob(self, digest: Digest) -> Descriptor:
        """Find the blob of this digest; the media type is `application/octet-stream`.

        Raises:
            NotFoundError: there is none.
        """
        return Descriptor(media_type=media_types.OCTET_STREAM, digest=digest, size=len(self._content(digest)))

    def exists(self, descriptor: Descriptor) -> bool:
        """Tell whether the content is there."""
        with self._lock:
            content = self._blobs.get(descriptor.digest)
        return content is not None and len(content) == descriptor.size

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        """Open content from this offset on.

        Raises:
            NotFoundError: there is none.
        """
        stream = io.BytesIO(self._content(descriptor.digest))
        stream.seek(start)
        return stream

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """List the documents whose subject this is, in the order in which they were pushed (RFT-05)."""
        with self._lock:
            found = [
                facts.descriptor
                for facts in self._facts.values()
                if facts.subject == subject.digest and matches(facts.descriptor, artifact_type)
            ]
        yield from found

    def tags(self, *, last: str | None = None) -> Iterator[str]:
        """List the tags, sorted; only those after `last` if given."""
        with self._lock:
            names = sorted(self._tags)
        yield from (name for name in names if last is None or name > last)

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        """Keep content under its digest and, for a document, under a tag.

        Raises:
            ContentError: the bytes are not what the descriptor says, or a document is malformed or too
                large; nothing is kept.
            InvalidInputError: `tag-invalid`.
        """
        data = _read(descriptor, content)
        document = parse_document(data, descriptor.media_type) if descriptor.is_document else None
        return self._keep(descriptor, data, document, tag, listed=is_listed(descriptor))

    def push_document(
        self, descriptor: Descriptor, content: Content, *, tag: str | None = None
    ) -> PushReceipt:
        """Keep bytes as a document, also where they can't be parsed; see `ocictl.target.DocumentWriter`.

        Raises:
            ContentError, InvalidInputError: as `push`.
        """
        data = _read(descriptor, content)
        document = parse_if_possible(data, descriptor.media_type)
        return self._keep(descriptor, data, document, tag, listed=True)

    def _keep(
        self, descriptor: Descriptor, data: bytes, document: Document | None, tag: str | None, *, listed: bool
    ) -> PushReceipt:
        if tag is not None:
            check_ref_name(tag)
        facts = None if document is None else DocumentFacts.of(document, descriptor)
        with self._lock:
            known = descriptor.digest in self._facts
            self._blobs.setdefault(descriptor.digest, data)
            if facts is not None:
                self._facts.setdefault(descriptor.digest, facts)
            if listed or tag is not None:
                self._documents[descriptor.digest] = descriptor.plain()
            if tag is not None:
                self._tags[tag] = descriptor.digest
        if facts is None or facts.subject is None:
            return PushReceipt(descriptor=descriptor)
        return PushReceipt(descriptor=descriptor, listing="present" if known else "added")

    def tag(self, descriptor: Descriptor, tag: str) -> None:
        """Let a tag point to a document that is there.

        Raises:
            NotFoundError: the document is not there.
            InvalidInputError: `tag-invalid`.
        """
        check_ref_name(tag)
        with self._lock:
            if descriptor.digest not in self._documents:
                raise _missing(descriptor.digest)
            self._tags[tag] = descriptor.digest

    def delete(self, descriptor: Descriptor) -> None:
        """Forget a document and its tags. What it points to stays.

        Raises:
            NotFoundError: it is not there.
        """
        digest = descriptor.digest
        with self._lock:
            if digest not in self._documents:
                raise _missing(digest)
            del self._documents[digest], self._blobs[digest]
            self._facts.pop(digest, None)
            self._tags = {tag: target for tag, target in self._tags.items() if target != digest}

    def delete_blob(self, descriptor: Descriptor) -> None:
        """Forget a blob.

        Raises:
            NotFoundError: it is not there, or is a document.
        """
        with self._lock:
            if descriptor.digest not in self._blobs or descriptor.digest in self._documents:
                raise _missing(descriptor.digest)
            del self._blobs[descriptor.digest]

    def untag(self, tag: str) -> None:
        """Forget a tag.

        Raises:
            NotFoundError: there is no such tag.
        """
        with self._lock:
            if tag not in self._tags:
                raise NotFoundError(f"there is no tag {tag!r} in memory", details={"reference": tag})
            del self._tags[tag]

    def _content(self, digest: Digest) -> bytes:
        with self._lock:
            content = self._blobs.get(digest)
        if content is None:
            raise _missing(digest)
        return content


def _read(descriptor: Descriptor, content: Content) -> bytes:
    if descriptor.is_document:
        check_size(descriptor, DOCUMENT_LIMIT)
    with VerifyingReader(content.open(), descriptor) as reader:
        return reader.read()


def _missing(digest: Digest) -> NotFoundError:
    return NotFoundError(f"there is no content {digest} in memory", details={"digest": str(digest)})
