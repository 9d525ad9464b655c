"""Walking from a document to what it points to, each document once, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from ocictl.content import read_document
from ocictl.errors import ContentError
from ocictl.events import EventSink, TransferFinished, TransferStarted
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index
from ocictl.target import ReadOnlyTarget

MAX_DOCUMENTS: Final = 10_000
"""Manifests and indexes that one walk reads at most (IDX-04)."""


def walk(
    target: ReadOnlyTarget, root: Descriptor, *, include_subject: bool, on_event: EventSink
) -> Iterator[tuple[Descriptor, Document]]:
    """Read the root and every document below it, in the order they are listed.

    Args:
        target: where to read.
        root: a manifest or index.
        include_subject: go on to the subject of each document as well.
        on_event: told of each document that is read.

    Raises:
        ContentError: a document is not what it should be, or there are too many of them.
        NotFoundError: a document is missing.
    """
    waiting = deque([root])
    seen: set[Digest] = set()
    while waiting:
        descriptor = waiting.popleft()
        if descriptor.digest in seen:
            continue
        seen.add(descriptor.digest)
        if len(seen) > MAX_DOCUMENTS:
            raise ContentError(
                f"{root.digest} leads to more than {MAX_DOCUMENTS} manifests",
                code="document-too-large",
                hint="choose one of them with --platform or by its digest",
                details={"limit": MAX_DOCUMENTS, "rule": "IDX-04"},
            )
        on_event(TransferStarted(descriptor=descriptor, direction="pull"))
        document = read_document(target, descriptor)
        on_event(TransferFinished(descriptor=descriptor, direction="pull", action="processed"))
        yield descriptor, document
        if isinstance(document, Index):
            waiting.extend(entry for entry in document.manifests if entry.is_document)
        if include_subject and document.subject is not None and document.subject.is_document:
            waiting.append(document.subject)
