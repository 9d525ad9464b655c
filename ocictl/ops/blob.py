"""Single blobs: storing one, and content that comes through a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ocictl.content import CHUNK
from ocictl.errors import ContentError
from ocictl.events import (
    Event,
    EventSink,
    TransferAdvanced,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
    discard,
)
from ocictl.lazy_dataclass import dataclass, replace
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.ops.copy import Knowledge, Node, send_blob
from ocictl.ops.parallel import Cancellation
from ocictl.ops.spool import Spool
from ocictl.sources import digest_content
from ocictl.target import Content, Target


class Readable(Protocol):
    """Bytes that can be read once, such as standard input."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; `b""` at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobResult:
    """What was stored.

    Attributes:
        descriptor: with the media type that was asked for.
        existed: it was there before, and nothing was sent.
    """

    descriptor: Descriptor
    existed: bool


def push_blob(
    target: Target,
    content: Content,
    *,
    digest: Digest | None = None,
    media_type: str = media_types.LAYER_TAR,
    on_event: EventSink = discard,
) -> BlobResult:
    """Store content as a blob, unless it is there.

    Args:
        target: where to.
        content: its bytes; they are read twice, the first time for their digest.
        digest: which digest they must have; its algorithm is used. None: they get their sha256 digest.
        media_type: for the descriptor; a store keeps no media types of blobs.
        on_event: told what happens.

    Raises:
        InvalidInputError: `media-type-invalid`.
        ContentError: `digest-mismatch`: the content has another digest, and nothing was sent;
            `digest-unverifiable`.
        StorageError: the content can't be read, or changes.
    """
    media_types.check_media_type(media_type)
    actual, size = digest_content(content, digest.algorithm if digest else "sha256")
    if digest is not None and actual != digest:
        raise ContentError(
            f"the content has the digest {actual}, not {digest}",
            code="digest-mismatch",
            hint="check the file and the digest; nothing was sent",
            details={"expected": str(digest), "actual": str(actual), "rule": "DIG-05"},
        )
    shown = Descriptor(media_type=media_type, digest=actual, size=size)
    # Under its own media type a manifest would be stored as one, and this is the way to store blobs.
    stored = replace(shown, media_type=media_types.OCTET_STREAM)
    existed = False

    def tell(event: Event) -> None:
        nonlocal existed
        existed = existed or isinstance(event, TransferSkipped)
        on_event(_renamed(event, shown))

    send_blob(
        target,
        Node(descriptor=stored, content=content),
        Cancellation(),
        direction="push",
        on_event=tell,
        knowledge=Knowledge(),
    )
    return BlobResult(descriptor=shown, existed=existed)


def _renamed(event: Event, descriptor: Descriptor) -> Event:
    """The same event about the blob as the user called it."""
    if isinstance(event, TransferStarted | TransferAdvanced | TransferFinished | TransferSkipped):
        return replace(event, descriptor=descriptor)
    return event


@contextmanager
def received(stream: Readable, size: int) -> Iterator[Content]:
    """Keep what comes through a pipe on disk, so that it can be read as often as a transfer needs.

    Args:
        stream: read to its end.
        size: how many bytes there must be.

    Raises:
        ContentError: `size-mismatch`.
        StorageError: `disk-full` or `file-unwritable`.
    """
    with Spool() as spool:
        while spool.size <= size and (data := stream.read(min(CHUNK, size + 1 - spool.size))):
            spool.write(data)
        if spool.size != size:
            raise ContentError(
                f"there should be {size} bytes on standard input, but there are "
                + (f"only {spool.size}" if spool.size < size else "more"),
                code="size-mismatch",
                hint="give the number of bytes with --size",
                details={"expected": size, "rule": "DIG-06"},
            )
        yield spool
