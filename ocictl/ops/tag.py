"""tag: let more tags point to what is there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ocictl.events import EventSink, TagWritten, discard
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.ops.parallel import Cancellation, run_all
from ocictl.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class TagResult:
    """The document, and the tags that point to it now, in the order given."""

    descriptor: Descriptor
    tags: tuple[str, ...]


def tag(
    target: Target,
    reference: str,
    tags: Sequence[str],
    *,
    concurrency: int = 5,
    on_event: EventSink = discard,
) -> TagResult:
    """Add tags to the document that a tag or digest names.

    Args:
        target: where it is.
        reference: tag or digest.
        tags: to be written.
        concurrency: how many are written at once.
        on_event: told of each tag that is written.

    Raises:
        NotFoundError: there is no such document.
        OcictlError: what the target raises; other tags may be written.
    """
    descriptor = target.resolve(reference)
    write_tags(target, descriptor, tags, concurrency=concurrency, on_event=on_event)
    return TagResult(descriptor=descriptor, tags=tuple(tags))


def write_tags(
    target: Target, descriptor: Descriptor, tags: Sequence[str], *, concurrency: int, on_event: EventSink
) -> None:
    """Let every tag point to a document; the first alone, because a target may have to read the document for it.

    Raises:
        OcictlError: what the target raises; other tags may be written.
    """

    def write(name: str, stop: Cancellation) -> None:
        stop.check()
        target.tag(descriptor, name)
        on_event(TagWritten(tag=name, descriptor=descriptor))

    unique = list(dict.fromkeys(tags))
    tasks = [partial(write, name) for name in unique]
    run_all(tasks[:1], concurrency=1)
    run_all(tasks[1:], concurrency=concurrency)
