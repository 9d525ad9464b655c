"""Copying everything that can be reached from a document, each thing once, what is pointed to before what points.

One walk serves cp, backup and restore. Blobs stream through; of documents little more than their digests is held.
Lists of referrers under a tag are never copied: pushing a referrer lists it anew at the destination (RFT-14).

A document that is there already:

    a manifest    is trusted to be complete, because everything was there before it was pushed
    an index      is looked into, because caches and other clients store indexes whose manifests are missing
    a referrer    is pushed again, because only the answer tells that it is listed (RFT-02)
    any, forced   is sent again, and its blobs are asked for

Where a registry says that a document points to something it lacks, whatever it said before, all of that is sent again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final

from ocictl.content import read_all
from ocictl.errors import ContentError, NotFoundError, OcictlError
from ocictl.events import (
    EventSink,
    ReferrerMissing,
    TagWritten,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
    discard,
)
from ocictl.lazy_dataclass import replace
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import read_links
from ocictl.ops._copied_document import CopiedDocument
from ocictl.ops.copy import Knowledge, Node, lacks_content, send_blob
from ocictl.ops.parallel import Cancellation, Concurrency, Task, Work, run_all, transfer
from ocictl.ops.sides import INCOMPLETE, FromSource, speaking
from ocictl.sources import BytesContent, TargetContent
from ocictl.target import Gatherer, Mounter, ReadOnlyTarget, Target

__all__ = ["GraphCopy", "gathering"]

MAX_DOCUMENTS: Final = 100_000
"""Manifests and indexes that one copy deals with at most."""
RAW_BUDGET: Final = 32 * 1024 * 1024
"""Bytes of documents that are held while they wait for what they point to; beyond that they are read twice."""
MEND_DEPTH: Final = 20
"""Levels of documents that are sent again when a registry lacks what it said it had."""


class GraphCopy:
    """Copies graphs from one target to another, and remembers from one to the next what it has dealt with."""

    def __init__(
        self,
        source: ReadOnlyTarget,
        destination: Target,
        *,
        referrers: bool = False,
        force: bool = False,
        concurrency: int | Concurrency | None = None,
        on_event: EventSink = discard,
    ) -> None:
        """
        Args:
            source: where from.
            destination: where to.
            referrers: also copy what is about the root, about anything below it, and about that in turn.
            force: take no document that is there as proof of anything.
            concurrency: how many things move at once; None: 3, and up to 12 while they are small.
            on_event: told what happens.
        """
        self._source = source
        self._destination = destination
        self._referrers = referrers
        self._force = force
        self._concurrency = Concurrency.of(concurrency, 3)
        self._on_event = on_event
        self._lock = threading.Lock()
        self._documents: dict[Digest, CopiedDocument] = {}
        self._blobs: dict[Digest, list[CopiedDocument] | None] = {}
        self._held = 0
        self._given: dict[Digest, bytes] = {}
        self._knowledge = Knowledge()
        self._mount = None
        if isinstance(destination, Mounter) and destination.can_mount_from(source):
            self._mount = partial(destination.mount, source=source)

    def copy(self, root: Descriptor, *, tags: Sequence[str] = (), raw: bytes | None = None) -> int:
        """Copy a document and everything below it, then let tags point to it.

        Args:
            root: where to begin.
            tags: for the root, at the destination.
            raw: the bytes of the root, if the source does not have it.

        Returns:
            How many documents are about the root, about anything below it, or about those; 0 unless wanted.

        Raises:
            NotFoundError: the source lacks something.
            ContentError: bytes are not what they should be, or there are too many documents.
            OcictlError: what the targets raise. `details["side"]` says which one it was.
        """
        if raw is not None:
            self._given[root.digest] = raw
        with speaking("destination"), gathering(self._destination):
            self._copy(root, tags)
        return self._count_referrers(root.digest)

    def _copy(self, root: Descriptor, tags: Sequence[str]) -> None:
        with self._lock:
            document, tasks = self._join(root, expands=self._referrers, root=True)
            # With referrers the tag comes last: whoever finds it finds all of them.
            document.tag = tags[0] if tags and not self._referrers else None
            document.pushed = False
        run_all(tasks, concurrency=self._concurrency, growing=True)
        written = (document.tag,) if document.pushed and document.tag is not None else ()
        left = [tag for tag in tags if tag not in written]
        content = self._read(root) if left else b""
        for tag in tags:
            if tag in left:
                self._push(root, content, tag, Cancellation())
            self._on_event(TagWritten(tag=tag, descriptor=root))

    def _join(
        self,
        descriptor: Descriptor,
        *,
        expands: bool,
        root: bool = False,
        required: bool = True,
        about: Digest | None = None,
    ) -> tuple[CopiedDocument, list[Task]]:
        """Note that a document is wanted; return it and what is to be done for that. The lock is held."""
        document = self._documents.get(descriptor.digest)
        if document is None:
            if len(self._documents) >= MAX_DOCUMENTS:
                raise _too_many()
            document = CopiedDocument(
                replace(descriptor, annotations={}, extra={}), expands, root, required, about
            )
            self._documents[descriptor.digest] = document
            return document, [partial(self._visit, document)]
        document.required |= required
        if not expands or document.expands:
            return document, []
        document.expands = True
        return document, [partial(self._find_referrers, document)] if document.done else []

    def _visit(self, document: CopiedDocument, work: Work) -> None:
        """Look at a document: is it there, what does it point to, what has to be done first."""
        work.check()
        descriptor = document.descriptor
        if not self._force:
            with speaking("destination"):
                document.existed = self._destination.exists(descriptor)
        if document.existed:
            self._on_event(TransferSkipped(descriptor=descriptor, direction="copy", reason="exists"))
            if not (document.root or document.about or _is_index(descriptor)):
                self._finish(document, work)
                return
        try:
            raw = self._read(descriptor)
        except NotFoundError as error:
            if not self._leave_out(document, work):
                error.hint = error.hint if document.root else INCOMPLETE
                raise
            if document.about is not None:
                self._on_event(ReferrerMissing(descriptor=descriptor, subject=document.about))
            return
        with speaking("source"):
            subject, successors = read_links(raw, descriptor.media_type)
        if document.about is not None and (subject is None or subject.digest != document.about):
            # The list is wrong (RFT-11), unless something else asks for the same document.
            if self._leave_out(document, work, unless_awaited=True):
                return
        document.sends = not document.existed or subject is not None or document.tag is not None
        if document.existed:
            subject = None
            successors = tuple(filter(_is_document, successors)) if _is_index(descriptor) else ()
        self._hold(document, raw)
        work.add(self._require(document, subject, successors))
        self._release([document], work)

    def _require(
        self, document: CopiedDocument, subject: Descriptor | None, successors: Sequence[Descriptor]
    ) -> list[Task]:
        """Let a document wait for what it points to; return what nobody deals with yet."""
        tasks: list[Task] = []
        with self._lock:
            if subject is not None and _is_document(subject):
                tasks += self._await(document, subject, expands=False, required=False)
            for link in successors:
                if _is_document(link):
                    document.below.append(link.digest)
                    tasks += self._await(document, link, expands=document.expands, required=True)
                elif link.media_type in media_types.FOREIGN_LAYERS:
                    document.skipped.append((link, "foreign"))
                elif link.digest not in self._blobs:
                    self._blobs[link.digest] = [document]
                    document.open += 1
                    tasks.append(transfer(link.size, self._send, link))
                else:
                    document.skipped.append((link, "duplicate"))
                    waiting = self._blobs[link.digest]
                    if waiting is not None:
                        waiting.append(document)
                        document.open += 1
        return tasks

    def _await(
        self, document: CopiedDocument, link: Descriptor, *, expands: bool, required: bool
    ) -> Sequence[Task]:
        other, tasks = self._join(link, expands=expands, required=required)
        if not other.done:
            other.waiting.append(document)
            document.open += 1
        return tasks

    def _send(self, blob: Descriptor, work: Work) -> None:
        with speaking("destination"):
            send_blob(
                self._destination,
                self._node(blob),
                work,
                direction="copy",
                on_event=self._on_event,
                knowledge=self._knowledge,
                mount=self._mount,
            )
        with self._lock:
            waiting, self._blobs[blob.digest] = self._blobs[blob.digest] or [], None
        self._release(waiting, work)

    def _release(self, documents: Sequence[CopiedDocument], work: Work) -> None:
        """One thing less that these wait for. Those that wait no more are closed by tasks, so nothing nests."""
        ready: list[Task] = []
        with self._lock:
            for document in documents:
                document.open -= 1
                if document.open == 0:
                    ready.append(partial(self._close, document))
        work.add(ready)

    def _close(self, document: CopiedDocument, work: Work) -> None:
        """Everything a document points to is there: push it."""
        work.check()
        descriptor = document.descriptor
        if document.sends:
            raw = document.raw if document.raw is not None else self._read(descriptor)
            if not document.existed:
                self._on_event(TransferStarted(descriptor=descriptor, direction="copy"))
            self._push(descriptor, raw, document.tag, work)
            document.pushed = True
            for link, reason in document.skipped:
                self._on_event(TransferSkipped(descriptor=link, direction="copy", reason=reason))
            if not document.existed:
                self._on_event(TransferFinished(descriptor=descriptor, direction="copy"))
        self._let_go(document)
        self._finish(document, work)

    def _finish(self, document: CopiedDocument, work: Work) -> None:
        with self._lock:
            document.done = True
            document.descriptor = document.descriptor.plain()
            waiting, document.waiting = document.waiting, []
            expands = document.expands
        self._release(waiting, work)
        if expands:
            self._find_referrers(document, work)

    def _leave_out(self, document: CopiedDocument, work: Work, *, unless_awaited: bool = False) -> bool:
        """Go on without a document, if that is possible; tell whether it is."""
        with self._lock:
            if document.required or (unless_awaited and document.waiting):
                return False
            del self._documents[document.descriptor.digest]
            waiting, document.waiting = document.waiting, []
        self._release(waiting, work)
        return True

    def _find_referrers(self, document: CopiedDocument, work: Work) -> None:
        subject = document.descriptor
        with speaking("source"):
            found = [entry for entry in self._source.referrers(subject) if _is_document(entry)]
        tasks: list[Task] = []
        with self._lock:
            for entry in found:
                document.referrers.append(entry.digest)
                tasks += self._join(entry, expands=True, required=False, about=subject.digest)[1]
        work.add(tasks)

    def _push(
        self, descriptor: Descriptor, raw: bytes, tag: str | None, stop: Cancellation, depth: int = 0
    ) -> None:
        with speaking("destination"):
            try:
                self._destination.push(descriptor, BytesContent(raw), tag=tag)
            except OcictlError as error:
                if depth >= MEND_DEPTH or not lacks_content(error):
                    raise
                self._send_again(descriptor, raw, stop, depth)
                self._destination.push(descriptor, BytesContent(raw), tag=tag)

    def _send_again(self, descriptor: Descriptor, raw: bytes, stop: Cancellation, depth: int) -> None:
        """Send everything a document points to, whatever the registry says it has (MPUT-08)."""
        for link in read_links(raw, descriptor.media_type)[1]:
            if _is_document(link):
                self._push(link, self._read(link), None, stop, depth + 1)
            elif link.media_type not in media_types.FOREIGN_LAYERS or self._source.exists(link):
                send_blob(
                    self._destination,
                    self._node(link),
                    stop,
                    direction="copy",
                    on_event=self._on_event,
                    knowledge=None,
                )

    def _node(self, blob: Descriptor) -> Node:
        return Node(descriptor=blob, content=FromSource(TargetContent(self._source, blob)))

    def _read(self, descriptor: Descriptor) -> bytes:
        given = self._given.get(descriptor.digest)
        if given is not None:
            return given
        with speaking("source"):
            return read_all(self._source, descriptor)

    def _hold(self, document: CopiedDocument, raw: bytes) -> None:
        with self._lock:
            if document.sends and self._held + len(raw) <= RAW_BUDGET:
                document.raw = raw
                self._held += len(raw)

    def _let_go(self, document: CopiedDocument) -> None:
        with self._lock:
            self._held -= len(document.raw or b"")
            document.raw = None
            document.skipped = []

    def _count_referrers(self, root: Digest) -> int:
        seen, counted = {root}, set[Digest]()
        waiting = [root]
        while waiting:
            document = self._documents.get(waiting.pop())
            if document is None:
                continue
            known = [digest for digest in document.referrers if digest in self._documents]
            counted.update(known)
            for digest in (*document.below, *known):
                if digest not in seen:
                    seen.add(digest)
                    waiting.append(digest)
        return len(counted - {root})


def gathering(target: Target) -> AbstractContextManager[None]:
    """Let a target list documents at once that are pushed while the context lasts, if it likes that."""
    return target.gathering() if isinstance(target, Gatherer) else nullcontext()


def _is_document(descriptor: Descriptor) -> bool:
    """Whether this may point to more: everything that registries keep as a manifest (MAN-10)."""
    return descriptor.media_type in media_types.MANIFEST_ENDPOINT_TYPES


def _is_index(descriptor: Descriptor) -> bool:
    return descriptor.media_type in media_types.INDEX_TYPES


def _too_many() -> ContentError:
    return ContentError(
        f"there are more than {MAX_DOCUMENTS} manifests to copy",
        code="document-too-large",
        hint="copy fewer tags at once, or leave the referrers out",
        details={"limit": MAX_DOCUMENTS, "side": "source"},
    )
