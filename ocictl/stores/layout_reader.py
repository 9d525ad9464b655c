"""Reading an OCI image layout, wherever its files are (section LAY)."""

from __future__ import annotations

import shlex
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from threading import RLock
from typing import Protocol

from ocictl.content import DOCUMENT_LIMIT, read_all
from ocictl.errors import ContentError, NotFoundError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import parse_document
from ocictl.stores._layout_index import Snapshot
from ocictl.stores._listing import DocumentFacts, digest_of
from ocictl.stores.referrers import matches, read_list
from ocictl.target import ByteStream, TargetKind


class ReadableFiles(Protocol):
    """The files of a layout: in a directory, or in an archive."""

    @property
    def path(self) -> str:
        """Where they are, as the user wrote it."""
        ...

    def read_index(self) -> bytes:
        """Read `index.json`."""
        ...

    def blob_size(self, digest: Digest) -> int | None:
        """The number of bytes of a blob, or None if there is none."""
        ...

    def open_blob(self, digest: Digest, start: int) -> ByteStream | None:
        """Open a blob at this offset, or return None if there is none."""
        ...


class LayoutReader:
    """A `ReadOnlyTarget` over the files of a layout. May be used from several threads at once."""

    def __init__(self, files: ReadableFiles) -> None:
        self._files = files
        self._lock = RLock()
        self._snapshot: Snapshot | None = None
        self._facts: dict[Digest, DocumentFacts | None] = {}
        self._scanned: tuple[Snapshot, dict[Digest, list[Descriptor]]] | None = None

    @property
    def kind(self) -> TargetKind:
        """`oci-layout`."""
        return "oci-layout"

    @property
    def path(self) -> str:
        """The directory as the user wrote it."""
        return self._files.path

    def resolve(self, reference: str) -> Descriptor:
        """Find the document under a tag or digest.

        A tag is compared with `ref.name` as a whole; it may be a full reference (LAY-06). A digest finds
        listed documents, and stored ones that say by themselves what they are.

        Raises:
            NotFoundError: there is none.
            ContentError: `digest-unverifiable` (DIG-03), or the stored bytes are not what the digest names.
            InvalidInputError: `digest-invalid`.
        """
        digest = digest_of(reference)
        snapshot = self._read()
        if digest is None:
            entry = snapshot.by_tag.get(reference)
            if entry is None:
                raise self._missing(f"has no tag {reference!r}", reference)
            return entry.plain()
        entry = snapshot.by_digest.get(digest)
        return entry.plain() if entry is not None else self._resolve_unlisted(digest)

    def _resolve_unlisted(self, digest: Digest) -> Descriptor:
        blob = self.resolve_blob(digest)
        if blob.size <= DOCUMENT_LIMIT:
            raw = read_all(self, blob)
            try:
                document = parse_document(raw)
            except ContentError as error:
                raise self._no_document(digest) from error
            return Descriptor(media_type=document.media_type, digest=digest, size=blob.size)
        raise self._no_document(digest)

    def resolve_blob(self, digest: Digest) -> Descriptor:
        """Find the blob of this digest; the media type is `application/octet-stream`.

        Raises:
            NotFoundError: there is none.
        """
        size = self._files.blob_size(digest)
        if size is None:
            raise self._missing(f"has no content {digest}", str(digest))
        return Descriptor(media_type=media_types.OCTET_STREAM, digest=digest, size=size)

    def exists(self, descriptor: Descriptor) -> bool:
        """Tell whether content of this name and size is there. Its bytes are checked when they are read."""
        return self._files.blob_size(descriptor.digest) == descriptor.size

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        """Open content from this offset on.

        Raises:
            NotFoundError: there is none.
        """
        stream = self._files.open_blob(descriptor.digest, start)
        if stream is None:
            raise self._missing(f"has no content {descriptor.digest}", str(descriptor.digest))
        return stream

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """List the documents whose subject this is, in the order of `index.json` (LAY-10).

        What counts is the stored document, not what an entry says about it: artifact type and annotations
        are the document's (RFT-05, RFT-09), and only its own `subject` makes it a referrer (RFT-11).
        Documents in listed indexes are found too, and with them those of a fallback-tag index. Documents
        that are listed but not stored, or malformed, are left out.

        Raises:
            ContentError: `digest-mismatch`: a stored document is damaged, so the list can't be trusted.
        """
        found = self._by_subject().get(subject.digest, ())
        yield from [entry for entry in found if matches(entry, artifact_type)]

    def tags(self, *, last: str | None = None) -> Iterator[str]:
        """List the tags, sorted; only those after `last` if given."""
        yield from sorted(name for name in self._read().by_tag if last is None or name > last)

    def _read(self) -> Snapshot:
        """`index.json` as it is now; parsed again only if it changed."""
        raw = self._files.read_index()
        with self._lock:
            if self._snapshot is None or self._snapshot.raw != raw:
                self._snapshot = Snapshot.parse(raw, self.path)
            return self._snapshot

    def _by_subject(self) -> dict[Digest, list[Descriptor]]:
        """All referrers by the digest of their subject.

        Every stored document is read once in the life of this object, so the work is bounded by what is on
        the disk, however indexes nest.
        """
        snapshot = self._read()
        with self._lock:
            if self._scanned is not None and self._scanned[0] is snapshot:
                return self._scanned[1]
            found: dict[Digest, list[Descriptor]] = {}
            pending = deque(snapshot.entries)
            seen: set[Digest] = set()
            complete = True
            while pending:
                entry = pending.popleft()
                if entry.digest in seen or not entry.is_document or not entry.digest.verifiable:
                    continue
                seen.add(entry.digest)
                size = self._files.blob_size(entry.digest)
                if size is None:
                    complete = False
                    continue
                facts = self._examine(entry, size)
                if facts is not None:
                    pending.extend(facts.children)
                    if facts.subject is not None:
                        found.setdefault(facts.subject, []).append(facts.descriptor)
            # What is missing now may be stored later without a change of index.json.
            self._scanned = (snapshot, found) if complete else None
            return found

    def _examine(self, entry: Descriptor, size: int) -> DocumentFacts | None:
        """The facts of a stored document, or None if it is malformed or too large to be read."""
        if entry.digest not in self._facts:
            facts = None
            if size <= DOCUMENT_LIMIT:
                stored = Descriptor(media_type=entry.media_type, digest=entry.digest, size=size)
                raw = read_all(self, stored)
                is_index = entry.media_type == media_types.OCI_INDEX
                with suppress(ContentError):
                    document = (read_list if is_index else parse_document)(raw, entry.media_type)
                    facts = DocumentFacts.of(document, stored)
            self._facts[entry.digest] = facts
        return self._facts[entry.digest]

    def _missing(self, what: str, reference: str) -> NotFoundError:
        return NotFoundError(
            f"layout {self.path!r} {what}",
            hint=f"list its tags with: ocictl repo tags --oci-layout {shlex.quote(self.path)}",
            details={"path": self.path, "reference": reference},
        )

    def _no_document(self, digest: Digest) -> NotFoundError:
        return NotFoundError(
            f"{digest} in layout {self.path!r} is not a manifest or index",
            hint="read it as a blob with: ocictl blob fetch --oci-layout "
            f"{shlex.quote(f'{self.path}@{digest}')} --output FILE",
            details={"path": self.path, "reference": str(digest)},
        )
