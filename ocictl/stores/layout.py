"""An OCI image layout in a directory (section LAY)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import Lock
from typing import Final, Protocol

from ocictl.content import DOCUMENT_LIMIT, VerifyingReader, read_document
from ocictl.errors import OcictlError
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest, new_hasher
from ocictl.model.manifest import Document, parse_document
from ocictl.sources import BytesContent
from ocictl.stores._layout_delete import Graph
from ocictl.stores._layout_files import LayoutFiles
from ocictl.stores._layout_index import Snapshot, entry_for
from ocictl.stores._listing import check_ref_name, check_size, is_listed, parse_if_possible
from ocictl.stores.layout_reader import LayoutReader, ReadableFiles
from ocictl.target import Content, Listing, PushReceipt

_GATHERED: Final = 256
"""Entries that are put off at most before `index.json` is written again."""


class WritableFiles(ReadableFiles, Protocol):
    """The files of a layout that grows."""

    def write_index(self, raw: bytes) -> None:
        """Replace `index.json`. Only for the holder of the lock."""
        ...

    def write_blob(self, digest: Digest, reader: VerifyingReader) -> None:
        """Store a blob, whole and verified (LAY-03)."""
        ...

    def sync_blobs(self, digest: Digest) -> None:
        """Let the names of stored blobs reach the disk, before `index.json` speaks of them."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep other writers out."""
        ...


class LayoutWriter(LayoutReader):
    """A `Target` over the files of a layout.

    `index.json` lists every document: once per tag, with the tag as `ref.name`, or once without. It is changed
    under a lock and replaced as a whole, so nobody's entry is lost and readers need no lock.
    """

    _files: WritableFiles

    def __init__(self, files: WritableFiles) -> None:
        super().__init__(files)
        self._writing = Lock()
        self._gathered: list[tuple[Descriptor, str | None]] | None = None

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        """Store content under its digest; list a document, under a tag if one is given.

        Content of the right name and size that is there already is left alone.

        Raises:
            ContentError: the bytes are not what the descriptor says, or a document is malformed or too large;
                nothing is kept.
            ConflictError: `layout-locked`; a document is stored, but not listed.
            StorageError: `file-unwritable` or `disk-full`; nothing half-written is kept.
            InvalidInputError: `tag-invalid`.
        """
        document: Document | None = None
        if descriptor.is_document:
            raw = _read(descriptor, content)
            document, content = parse_document(raw, descriptor.media_type), BytesContent(raw)
        return self._store(descriptor, content, document, tag, listed=is_listed(descriptor))

    def push_document(
        self, descriptor: Descriptor, content: Content, *, tag: str | None = None
    ) -> PushReceipt:
        """Store and list bytes as a document, also where they can't be parsed.

        See `ocictl.target.DocumentWriter`.

        Raises:
            ContentError, ConflictError, StorageError, InvalidInputError: as `push`.
        """
        raw = _read(descriptor, content)
        document = parse_if_possible(raw, descriptor.media_type)
        return self._store(descriptor, BytesContent(raw), document, tag, listed=True)

    def _store(
        self,
        descriptor: Descriptor,
        content: Content,
        document: Document | None,
        tag: str | None,
        *,
        listed: bool,
    ) -> PushReceipt:
        new_hasher(descriptor.digest.algorithm)
        if tag is not None:
            check_ref_name(tag)
        if not self.exists(descriptor):
            with VerifyingReader(content.open(), descriptor) as reader:
                self._files.write_blob(descriptor.digest, reader)
        if not listed and tag is None:
            return PushReceipt(descriptor=descriptor)
        listing = self._list(entry_for(descriptor, document), tag)
        has_subject = document is not None and document.subject is not None
        return PushReceipt(descriptor=descriptor, listing=listing if has_subject else None)

    def tag(self, descriptor: Descriptor, tag: str) -> None:
        """Let a tag point to a document that is there.

        Raises:
            NotFoundError: the document is not there.
            ContentError: the stored document is damaged.
            ConflictError: `layout-locked`.
            StorageError: `file-unwritable` or `disk-full`.
            InvalidInputError: `tag-invalid`.
        """
        check_ref_name(tag)
        if not self.exists(descriptor):
            raise self._missing(f"has no content {descriptor.digest}", str(descriptor.digest))
        document = read_document(self, descriptor) if descriptor.is_document else None
        self._list(entry_for(descriptor, document), tag)

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """As in `ocictl.target.Gatherer`."""
        with self._writing:
            outermost = self._gathered is None
            if outermost:
                self._gathered = []
        if not outermost:
            yield
            return
        try:
            yield
        except BaseException:
            # What was stored whole is listed as far as that goes; what went wrong first is what counts.
            with suppress(OcictlError):
                self._end_gathering()
            raise
        self._end_gathering()

    def _end_gathering(self) -> None:
        with self._writing:
            gathered, self._gathered = self._gathered or [], None
            self._write_gathered(gathered)

    def _write_gathered(self, gathered: list[tuple[Descriptor, str | None]]) -> None:
        if not gathered:
            return
        with self._files.locked():
            snapshot = self._read()
            changed = snapshot.with_entries(gathered)
            if changed is not snapshot:
                for digest in {entry.digest.algorithm: entry.digest for entry, _tag in gathered}.values():
                    self._files.sync_blobs(digest)
                self._change(changed)

    def _list(self, entry: Descriptor, tag: str | None) -> Listing:
        # Threads queue at their own lock, which wakes them at once; the lock between processes is polled.
        with self._writing:
            if self._gathered is not None:
                self._gathered.append((entry, tag))
                if len(self._gathered) >= _GATHERED:
                    gathered, self._gathered = self._gathered, []
                    self._write_gathered(gathered)
                return "added"
            with self._files.locked():
                snapshot = self._read()
                changed, listing = snapshot.with_entry(entry, tag)
                if changed is not snapshot:
                    self._files.sync_blobs(entry.digest)
                    self._change(changed)
        return listing

    def _change(self, snapshot: Snapshot) -> None:
        """Write the list anew. Only for the holder of the locks."""
        self._files.write_index(snapshot.raw)
        with self._lock:
            self._snapshot = snapshot


class Layout(LayoutWriter):
    """A layout in a directory, readable by every tool that knows image layouts.

    The lock works between processes too. Symbolic links are followed for reading, never for writing.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, create: bool = False, lock_timeout: float = 30.0
    ) -> None:
        """
        Args:
            path: the directory; shown to users as it is given here.
            create: make the directory a layout if it is missing or empty.
            lock_timeout: seconds to wait while another process changes the layout.

        Raises:
            NotFoundError: there is no such directory (and `create` is off).
            StorageError: `layout-invalid` (LAY-01, LAY-02), `file-unreadable`, `file-unwritable`, `disk-full`.
        """
        files = LayoutFiles(os.fspath(path), lock_timeout=lock_timeout)
        if create:
            files.create()
        else:
            files.check()
        super().__init__(files)
        self._directory = files

    def delete(self, descriptor: Descriptor) -> None:
        """Delete a document with its tags, what is about it, and what nothing else in the layout leads to.

        What has a tag stays, and so does the document's own subject. Where a document can't be read, nobody knows
        what it leads to, and only the documents go.

        Raises:
            NotFoundError: it is not listed.
            ConflictError: `layout-locked`.
            StorageError: `file-unwritable` or `disk-full`.
        """
        with self._writing, self._files.locked():
            snapshot = self._read()
            if descriptor.digest not in snapshot.by_digest:
                raise self._missing(f"lists no document {descriptor.digest}", str(descriptor.digest))
            tagged = {entry.digest for entry in snapshot.by_tag.values()}
            doomed = Graph.read(self, snapshot.entries).doomed_with(descriptor, tagged)
            self._change(snapshot.without([each.digest for each in doomed]))
            # The list was changed first: whoever is interrupted here leaves blobs too many, never too few.
            for each in doomed:
                self._directory.remove_blob(each.digest)

    def delete_blob(self, descriptor: Descriptor) -> None:
        """Delete a blob, whoever points to it. A document is none.

        Raises:
            NotFoundError: it is not there, or is listed as a document.
            ConflictError: `layout-locked`.
            StorageError: `file-unwritable`.
        """
        digest = descriptor.digest
        with self._writing, self._files.locked():
            if digest in self._read().by_digest:
                error = self._missing(f"has a document {digest}, not a blob", str(digest))
                error.hint = f"delete it with: ocictl manifest delete --oci-layout {shlex.quote(f'{self.path}@{digest}')}"
                raise error
            if self._files.blob_size(digest) is None:
                raise self._missing(f"has no content {digest}", str(digest))
            self._directory.remove_blob(digest)

    def untag(self, tag: str) -> None:
        """Take a tag away; the document stays listed.

        Raises:
            NotFoundError: there is no such tag.
            ConflictError: `layout-locked`.
            StorageError: `file-unwritable` or `disk-full`.
        """
        with self._writing, self._files.locked():
            snapshot = self._read()
            if tag not in snapshot.by_tag:
                raise self._missing(f"has no tag {tag!r}", tag)
            self._change(snapshot.without_tag(tag))


def _read(descriptor: Descriptor, content: Content) -> bytes:
    """The bytes of a document to store, verified."""
    new_hasher(descriptor.digest.algorithm)
    check_size(descriptor, DOCUMENT_LIMIT)
    with VerifyingReader(content.open(), descriptor) as reader:
        return reader.read()
