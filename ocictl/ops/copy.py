"""Moving content into a target: each blob once, with events, and the document after what it points to."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final

from ocictl.errors import OcictlError
from ocictl.events import (
    Direction,
    EventSink,
    TagWritten,
    TransferAdvanced,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
)
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document
from ocictl.ops.parallel import Cancellation, Concurrency, CountingStream, run_all, transfer
from ocictl.sources import BytesContent
from ocictl.target import ByteStream, Content, PushReceipt, Target

SMALL: Final = 64 * 1024
"""Blobs of at most so many bytes may be sent without asking whether they are there."""
ENOUGH_MISSES: Final = 8
"""So many blobs that were not there, and none that was, make a repository new."""
_MISSING_CONTENT: Final = frozenset({"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Content and where its bytes come from."""

    descriptor: Descriptor
    content: Content


class Knowledge:
    """What a push has learned about which blobs the target holds. For several threads.

    Asking for each blob costs a request; sending a small one that is there already costs hardly more. So after
    some answers that were all no, the repository counts as new and small blobs are sent without asking.
    """

    def __init__(self) -> None:
        self._hits = 0
        self._misses = 0

    def worth_asking(self, descriptor: Descriptor) -> bool:
        """Tell whether to ask before sending."""
        return descriptor.size > SMALL or self._hits > 0 or self._misses < ENOUGH_MISSES

    def learn(self, *, found: bool) -> None:
        """Count an answer. A lost count between threads only means one question more."""
        if found:
            self._hits += 1
        else:
            self._misses += 1


class _Counted:
    """Content whose readers report progress."""

    def __init__(
        self, node: Node, on_event: EventSink, stop: Cancellation, begin: Callable[[int], None]
    ) -> None:
        """`begin` is called with the offset of the first byte before that is read."""
        self._node = node
        self._on_event = on_event
        self._stop = stop
        self._begin = begin

    @property
    def size(self) -> int:
        return self._node.content.size

    def open(self) -> ByteStream:
        def advance(offset: int) -> None:
            self._on_event(TransferAdvanced(descriptor=self._node.descriptor, offset=offset))

        return _Announced(self._node.content.open(), advance, self._stop, self._begin)


class _Announced(CountingStream):
    """A stream that says where it begins: elsewhere than at 0 if an earlier run has sent what is before."""

    def __init__(
        self,
        stream: ByteStream,
        advance: Callable[[int], None],
        stop: Cancellation,
        begin: Callable[[int], None],
    ) -> None:
        super().__init__(stream, advance, stop)
        self._begin: Callable[[int], None] | None = begin

    def read(self, size: int = -1, /) -> bytes:
        self._announce(0)
        return super().read(size)

    def skip(self, count: int) -> bool:
        skipped = super().skip(count)
        if skipped:
            self._announce(count)
        return skipped

    def _announce(self, offset: int) -> None:
        begin, self._begin = self._begin, None
        if begin is not None:
            begin(offset)


def push_blobs(
    target: Target,
    nodes: Iterable[Node],
    *,
    concurrency: Concurrency,
    on_event: EventSink,
    check_exists: bool = True,
    sent: Container[Digest] = (),
) -> None:
    """Store each blob that the target lacks; equal blobs once (PUSH-02), and none of those just sent.

    Raises:
        OcictlError: the first failure; the other transfers are stopped.
    """
    unique: dict[Digest, Node] = {}
    repeated: list[Node] = []
    for node in nodes:
        if node.descriptor.digest in unique:
            repeated.append(node)
        else:
            unique[node.descriptor.digest] = node
    knowledge = Knowledge() if check_exists else None
    tasks = [
        transfer(
            node.descriptor.size,
            send_blob,
            target,
            node,
            direction="push",
            on_event=on_event,
            knowledge=knowledge,
        )
        for node in unique.values()
        if node.descriptor.digest not in sent
    ]
    run_all(tasks, concurrency=concurrency)
    for node in unique.values():
        if node.descriptor.digest in sent:
            on_event(TransferStarted(descriptor=node.descriptor, direction="push"))
            on_event(TransferFinished(descriptor=node.descriptor, direction="push"))
    for node in repeated:
        on_event(TransferSkipped(descriptor=node.descriptor, direction="push", reason="duplicate"))


def send_blob(
    target: Target,
    node: Node,
    stop: Cancellation,
    *,
    direction: Direction,
    on_event: EventSink,
    knowledge: Knowledge | None,
    mount: Callable[[Descriptor, Content], bool] | None = None,
) -> None:
    """Store a blob unless the target has it.

    Args:
        target: where to.
        node: the blob.
        stop: tells when to give up.
        direction: for the events.
        on_event: told what happens.
        knowledge: what was learned so far; None: send it without asking.
        mount: takes it over from elsewhere or else stores it; tells whether nothing had to move.
    """
    stop.check()
    descriptor = node.descriptor
    if knowledge is not None and knowledge.worth_asking(descriptor):
        found = target.exists(descriptor)
        knowledge.learn(found=found)
        if found:
            on_event(TransferSkipped(descriptor=descriptor, direction=direction, reason="exists"))
            return

    begun = False

    def begin(offset: int) -> None:
        nonlocal begun
        if not begun:
            begun = True
            on_event(TransferStarted(descriptor=descriptor, direction=direction, offset=offset))

    content = _Counted(node, on_event, stop, begin)
    if mount is not None:
        mounted = mount(descriptor, content)
    else:
        mounted = target.push(descriptor, content).mounted
    if mounted:
        on_event(TransferSkipped(descriptor=descriptor, direction=direction, reason="mounted"))
        return
    begin(0)
    on_event(TransferFinished(descriptor=descriptor, direction=direction))


def push_artifact(
    target: Target,
    document: Document,
    blobs: Sequence[Node],
    *,
    tags: Sequence[str],
    concurrency: Concurrency,
    on_event: EventSink,
    force: bool = False,
    sent: Container[Digest] = (),
) -> tuple[PushReceipt, bool]:
    """Store a document and its blobs, the document last, and put it under every tag.

    A document that is there already proves that its blobs are, so they are skipped, unless `force` says that the
    target may be damaged. The document itself is sent again if it has a subject or a tag: only the answer tells
    that it is listed (RFT-02). `sent` are blobs that this run has stored already.

    Returns:
        The receipt of the (first) push of the document, and whether the document was there before.
    """
    descriptor = document.descriptor()
    existed = not force and target.exists(descriptor)
    if not existed:
        push_blobs(target, blobs, concurrency=concurrency, on_event=on_event, sent=sent)
    content = BytesContent(document.raw)

    def put(tag: str | None) -> PushReceipt:
        return target.push(descriptor, content, tag=tag)

    if existed:
        on_event(TransferSkipped(descriptor=descriptor, direction="push", reason="exists"))
        if document.subject is None and not tags:
            return PushReceipt(descriptor=descriptor), True
    else:
        on_event(TransferStarted(descriptor=descriptor, direction="push"))
    first, *others = tags or (None,)
    try:
        receipt = put(first)
    except OcictlError as error:
        if not lacks_content(error):
            raise
        # MPUT-08: the registry knows better than its own answer to HEAD; send everything and try once more.
        push_blobs(target, blobs, concurrency=concurrency, on_event=on_event, check_exists=False)
        receipt = put(first)
    if not existed:
        on_event(TransferFinished(descriptor=descriptor, direction="push"))
    if first:
        on_event(TagWritten(tag=first, descriptor=descriptor))
    for tag in others:
        put(tag)
        on_event(TagWritten(tag=str(tag), descriptor=descriptor))
    return receipt, existed


def lacks_content(error: OcictlError) -> bool:
    """Tell whether a registry refused a document because it lacks what that points to (MPUT-08)."""
    entries = error.details.get("errors") or ()
    return any(isinstance(entry, dict) and entry.get("code") in _MISSING_CONTENT for entry in entries)
