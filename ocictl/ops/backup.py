"""backup and restore: copy many tags of one target to another under the same names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ocictl.errors import NotFoundError
from ocictl.events import EventSink, TagCopied, discard
from ocictl.lazy_dataclass import dataclass
from ocictl.lazy_pattern import pattern
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.ops.copy_graph import GraphCopy, gathering
from ocictl.ops.parallel import Concurrency
from ocictl.ops.sides import speaking
from ocictl.target import ByteStream, Content, PushReceipt, ReadOnlyTarget, Target, TargetKind

_REFERRERS_TAG: Final = pattern(r"sha256-[0-9a-f]{64}|sha512-[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedRoot:
    """A tag of the source and the document it points to."""

    tag: str
    descriptor: Descriptor


def find_tags(source: ReadOnlyTarget, tags: Sequence[str] = ()) -> tuple[TaggedRoot, ...]:
    """Find what to copy: these tags, or all that there are.

    Without names, the tags that lists of referrers stand under (the tag schema) are left out: they are made anew
    where they are needed, and would be wrong elsewhere (RFT-14). Signatures under tags such as `sha256-….sig` are
    tags like any other.

    Raises:
        NotFoundError: one of the tags is not there, or there are none at all.
    """
    with speaking("source"):
        names = tuple(dict.fromkeys(tags)) or tuple(source.tags())
        found = [TaggedRoot(tag=name, descriptor=source.resolve(name)) for name in names]
    if not tags:
        found = [root for root in found if not _is_list_of_referrers(root)]
    if not found:
        raise NotFoundError(
            f"{source.path!r} has no tags",
            hint="name what to copy by a tag; content without one can be copied with: ocictl cp",
            details={"path": source.path, "side": "source"},
        )
    return tuple(found)


def _is_list_of_referrers(root: TaggedRoot) -> bool:
    if _REFERRERS_TAG.fullmatch(root.tag) is None:
        return False
    # A document under a tag made of its own digest is no list; GitLab shows the subject itself there (RFT-10).
    itself = root.tag == f"{root.descriptor.digest.algorithm}-{root.descriptor.digest.encoded[:64]}"
    return not itself and root.descriptor.media_type == media_types.OCI_INDEX


def copy_tags(
    source: ReadOnlyTarget,
    destination: Target,
    roots: Sequence[TaggedRoot],
    *,
    referrers: bool,
    concurrency: int | Concurrency | None,
    on_event: EventSink = discard,
) -> tuple[TagCopied, ...]:
    """Copy each document and everything below it, and tag it with the same name.

    Args:
        source: where from.
        destination: where to.
        roots: from `find_tags`. A tag that moves meanwhile does not matter.
        referrers: also copy what is about any of it.
        concurrency: how many blobs move at once; None: 3, and up to 12 while they are small.
        on_event: told what happens, and of each tag that is done.

    Raises:
        OcictlError: what the targets raise; tags before the failing one are done. `details["side"]` says which
            target it was.
    """
    work = GraphCopy(source, destination, referrers=referrers, concurrency=concurrency, on_event=on_event)
    done = []
    with speaking("destination"), gathering(destination):
        for root in roots:
            try:
                count = work.copy(root.descriptor, tags=[root.tag])
            except Exception as error:
                error.add_note(f"this was about the tag {root.tag!r}")
                raise
            event = TagCopied(tag=root.tag, descriptor=root.descriptor, referrers=count)
            on_event(event)
            done.append(event)
    return tuple(done)


class Rehearsal:
    """A `Target` that keeps nothing: for finding out what a copy would do, and whether the source has it all."""

    def __init__(self, source: ReadOnlyTarget) -> None:
        self._source = source

    @property
    def kind(self) -> TargetKind:
        return "memory"

    @property
    def path(self) -> str:
        return "nowhere"

    def resolve(self, reference: str) -> Descriptor:
        raise NotFoundError("nothing is kept in a rehearsal", details={"reference": reference})

    def resolve_blob(self, digest: Digest) -> Descriptor:
        raise NotFoundError("nothing is kept in a rehearsal", details={"digest": str(digest)})

    def exists(self, descriptor: Descriptor) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:  # noqa: ARG002 - the protocol's
        raise NotFoundError("nothing is kept in a rehearsal", details={"digest": str(descriptor.digest)})

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:  # noqa: ARG002
        yield from ()

    def tags(self, *, last: str | None = None) -> Iterator[str]:  # noqa: ARG002 - the protocol's
        yield from ()

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:  # noqa: ARG002
        """Look whether the source has the content.

        Raises:
            NotFoundError: it has not, or of another size.
        """
        with speaking("source"):
            if descriptor.data is None and not self._source.exists(descriptor):
                raise NotFoundError(
                    f"{self._source.path!r} has no content {descriptor.digest} of {descriptor.size} bytes",
                    details={"digest": str(descriptor.digest), "size": descriptor.size},
                )
        return PushReceipt(descriptor=descriptor)

    def tag(self, descriptor: Descriptor, tag: str) -> None:
        """Do nothing."""
