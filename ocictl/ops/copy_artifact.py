"""cp: copy an artifact from one target to another, with everything below it."""

from __future__ import annotations

from collections.abc import Sequence

from ocictl.content import read_document
from ocictl.errors import InvalidInputError
from ocictl.events import EventSink, discard
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index
from ocictl.model.platform import Platform
from ocictl.ops.choose import choose_platforms
from ocictl.ops.copy_graph import GraphCopy
from ocictl.ops.resolve import resolve
from ocictl.ops.sides import speaking
from ocictl.target import ReadOnlyTarget, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyResult:
    """What was copied.

    Attributes:
        source: the document that was found in the source.
        descriptor: the one at the destination; another only where some platforms of an index were chosen.
        tags: that point to it there now, in the order given.
        referrers: how many documents about it, or about anything below it, were copied or are there.
        left_behind: the source has referrers of the index that were not copied, because only some platforms were.
    """

    source: Descriptor
    descriptor: Descriptor
    tags: tuple[str, ...]
    referrers: int
    left_behind: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Root:
    """Where to begin; `raw` for an index that the source does not have."""

    descriptor: Descriptor
    raw: bytes | None = None
    original: Descriptor | None = None


def copy_artifact(
    source: ReadOnlyTarget,
    reference: str,
    destination: Target,
    *,
    tags: Sequence[str] = (),
    digest: Digest | None = None,
    platforms: Sequence[Platform] = (),
    recursive: bool = False,
    force: bool = False,
    concurrency: int | None = None,
    on_event: EventSink = discard,
) -> CopyResult:
    """Copy what a tag or digest names, and everything below it. What is there is not sent again.

    Args:
        source: where from.
        reference: tag or digest there.
        destination: where to.
        tags: for the copy; none leaves it reachable by digest only.
        digest: what the copy must be.
        platforms: of an index copy these; one is copied as the manifest it is, several as an index of them.
        recursive: copy the referrers as well, those of everything below an index too.
        force: look at everything that is there, and send documents again.
        concurrency: how many blobs move at once; None: 3, and up to 12 while they are small.
        on_event: told what happens.

    Raises:
        NotFoundError: there is no such artifact, or a part of it is missing.
        InvalidInputError: the copy would have another digest, or several platforms are asked of no index.
        OcictlError: what the targets raise. `details["side"]` says which one it was.
    """
    with speaking("source"):
        root = _find(source, reference, platforms)
    if digest is not None and root.descriptor.digest != digest:
        raise InvalidInputError(
            f"the copy has the digest {root.descriptor.digest}, not {digest}",
            code="reference-invalid",
            hint="name the destination with a tag, or without a digest",
            details={"expected": str(digest), "actual": str(root.descriptor.digest)},
        )
    work = GraphCopy(
        source, destination, referrers=recursive, force=force, concurrency=concurrency, on_event=on_event
    )
    count = work.copy(root.descriptor, tags=tags, raw=root.raw)
    left_behind = False
    if recursive and root.original is not None:
        with speaking("source"):
            left_behind = any(True for _ in source.referrers(root.original))
    return CopyResult(
        source=root.original or root.descriptor,
        descriptor=root.descriptor,
        tags=tuple(tags),
        referrers=count,
        left_behind=left_behind,
    )


def _find(source: ReadOnlyTarget, reference: str, platforms: Sequence[Platform]) -> _Root:
    if len(platforms) < 2:
        return _Root(descriptor=resolve(source, reference, platform=platforms[0] if platforms else None))
    found = source.resolve(reference)
    document = read_document(source, found)
    if not isinstance(document, Index):
        raise InvalidInputError(
            f"{found.digest} is no index, so there is nothing to choose several platforms from",
            hint="name one platform, or leave out --platform",
            details={"mediaType": found.media_type},
        )
    chosen = choose_platforms(document, found, platforms)
    if chosen is document:
        return _Root(descriptor=found)
    if len(chosen.manifests) == 1 and chosen.manifests[0].platform is not None:
        return _Root(descriptor=chosen.manifests[0])
    return _Root(descriptor=chosen.descriptor().plain(), raw=chosen.raw, original=found)
