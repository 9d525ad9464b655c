"""tag: let more tags point to what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocictl.events import EventSink, TagWritten, discard
from ocictl.model.descriptor import Descriptor
from ocictl.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class TagResult:
    """The document, and the tags that point to it now, in the order given."""

    descriptor: Descriptor
    tags: tuple[str, ...]


def tag(target: Target, reference: str, tags: Sequence[str], *, on_event: EventSink = discard) -> TagResult:
    """Add tags to the document that a tag or digest names.

    Raises:
        NotFoundError: there is no such document.
        OcictlError: what the target raises; tags before the failing one are written.
    """
    descriptor = target.resolve(reference)
    for name in tags:
        target.tag(descriptor, name)
        on_event(TagWritten(tag=name, descriptor=descriptor))
    return TagResult(descriptor=descriptor, tags=tuple(tags))
