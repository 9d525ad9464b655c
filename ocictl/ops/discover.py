"""discover: the tree of everything that is about an artifact."""

from __future__ import annotations

from functools import partial
from typing import Final

from ocictl.errors import ContentError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform
from ocictl.ops.parallel import Cancellation, run_all
from ocictl.ops.resolve import resolve
from ocictl.target import ReadOnlyTarget

MAX_DEPTH: Final = 100
"""Levels of referrers that are followed when no depth is asked for; real trees have three or four."""
MANY: Final = 8
"""From so many subjects on, a target is asked first which of them have no referrers."""
MAX_NODES: Final = 100_000
"""Referrers that are held in memory at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferrerNode:
    """A document and everything that is about it.

    Attributes:
        descriptor: with artifact type and annotations.
        referrers: in the order the target lists them.
        truncated: there may be more below, beyond the limit of levels.
    """

    descriptor: Descriptor
    referrers: tuple[ReferrerNode, ...]
    truncated: bool = False


@dataclass(slots=True)
class _Branch:
    """A node while the tree grows."""

    descriptor: Descriptor
    children: list[_Branch] = field(default_factory=list)
    truncated: bool = False


def discover(
    target: ReadOnlyTarget,
    reference: str,
    *,
    artifact_type: str | None = None,
    depth: int = 0,
    platform: Platform | None = None,
    concurrency: int = 4,
) -> ReferrerNode:
    """Find the referrers of what a tag or digest names, their referrers, and so on.

    A document that is met twice is shown where it was met first, so a cycle ends (RFT-11).

    Args:
        target: where to look.
        reference: tag or digest of the subject.
        artifact_type: keep referrers of this type, and those on the way to one.
        depth: how many levels; 0 means all.
        platform: start at this platform's manifest of an index.
        concurrency: how many lists are asked for at once.

    Raises:
        NotFoundError: there is no such subject.
        ContentError: `document-too-large`: more referrers than fit.
        OcictlError: what the target raises.
    """
    root = _Branch(resolve(target, reference, platform=platform))
    seen = {root.descriptor.digest}
    level = [root]
    limit = depth or MAX_DEPTH
    # A filter of the target's would hide matches below other types; with one level there is no below.
    wanted = artifact_type if depth == 1 else None
    for _ in range(limit):
        if not level:
            break
        found: dict[Digest, list[Descriptor]] = {}
        subjects = _to_ask_for(target, [branch.descriptor for branch in level])
        tasks = [partial(_list, target, subject, wanted, found) for subject in subjects]
        run_all(tasks, concurrency=concurrency)
        level = _grow(level, found, seen)
    for branch in level:
        branch.truncated = depth == 0
    return _freeze(root, artifact_type)


def _to_ask_for(target: ReadOnlyTarget, subjects: list[Descriptor]) -> list[Descriptor]:
    """Leave out the subjects of which the target knows that they have no referrers."""
    tell = getattr(target, "without_referrers", None)  # as in `KnowsSubjects`; isinstance is slow
    if tell is None or len(subjects) < MANY:
        return subjects
    none = tell(subjects)
    return [subject for subject in subjects if subject.digest not in none]


def _list(
    target: ReadOnlyTarget,
    subject: Descriptor,
    artifact_type: str | None,
    found: dict[Digest, list[Descriptor]],
    stop: Cancellation,
) -> None:
    stop.check()
    found[subject.digest] = list(target.referrers(subject, artifact_type=artifact_type))


def _grow(level: list[_Branch], found: dict[Digest, list[Descriptor]], seen: set[Digest]) -> list[_Branch]:
    grown: list[_Branch] = []
    for branch in level:
        for descriptor in found.get(branch.descriptor.digest, ()):
            if descriptor.digest in seen:
                continue
            seen.add(descriptor.digest)
            if len(seen) > MAX_NODES:
                raise ContentError(
                    f"there are more than {MAX_NODES} referrers",
                    code="document-too-large",
                    hint="limit the search with --depth 1 and --artifact-type",
                    details={"limit": MAX_NODES},
                )
            child = _Branch(descriptor)
            branch.children.append(child)
            grown.append(child)
    return grown


def _freeze(branch: _Branch, artifact_type: str | None) -> ReferrerNode:
    grown = [_freeze(child, artifact_type) for child in branch.children]
    return ReferrerNode(
        descriptor=branch.descriptor,
        referrers=tuple(node for node in grown if node.referrers or _matches(node.descriptor, artifact_type)),
        truncated=branch.truncated,
    )


def _matches(descriptor: Descriptor, artifact_type: str | None) -> bool:
    return artifact_type is None or media_types.same(descriptor.artifact_type, artifact_type)
