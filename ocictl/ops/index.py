"""Putting indexes together: from manifests that are there, or from another index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ocictl.content import read_all, read_document
from ocictl.errors import ContentError, InvalidInputError, NotFoundError
from ocictl.events import EventSink, IndexStep, discard
from ocictl.lazy_dataclass import dataclass, field
from ocictl.model import _fields, media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index, Manifest, build_index
from ocictl.model.platform import Platform
from ocictl.ops.tag import write_tags
from ocictl.sources import BytesContent
from ocictl.target import ReadOnlyTarget, Target

_NO_ARTIFACT: Final = media_types.IMAGE_CONFIG_TYPES | {media_types.EMPTY}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexChanges:
    """What to change in an index.

    Attributes:
        add: tags or digests of manifests to list.
        merge: tags or digests of indexes whose entries to list.
        remove: digests to list no longer.
        artifact_type: the new artifact type; "" for none, None for no change.
    """

    add: Sequence[str] = ()
    merge: Sequence[str] = ()
    remove: Sequence[Digest] = ()
    artifact_type: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be changed."""
        return not (self.add or self.merge or self.remove) and self.artifact_type is None


def create_index(
    target: ReadOnlyTarget,
    sources: Sequence[str],
    *,
    artifact_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
    on_event: EventSink = discard,
) -> Index:
    """Build an index of documents that are in the target. It is not stored; see `push_index`.

    Args:
        target: where they are.
        sources: their tags or digests; each document is listed once.
        artifact_type: of the index.
        annotations: of the index.
        on_event: told of each step.

    Raises:
        InvalidInputError: `media-type-invalid`.
        NotFoundError: there is no such document, or the config of one is missing.
        ContentError: a document is not what it should be.
    """
    if artifact_type:
        media_types.check_media_type(artifact_type, "artifact type")
    entries = _Entries()
    for source in sources:
        entries.add(_entry(target, source, on_event))
    return build_index(
        manifests=entries.listed.values(), artifact_type=artifact_type or None, annotations=annotations
    )


def update_index(
    target: ReadOnlyTarget, reference: str, changes: IndexChanges, *, on_event: EventSink = discard
) -> Index:
    """Build an index from one in the target: remove, then add, then merge. It is not stored; see `push_index`.

    Each document is listed once; members that are not changed stay, also those that ocictl does not know (JSON-04).

    Args:
        target: where it is.
        reference: its tag or digest.
        changes: what to change.
        on_event: told of each step.

    Raises:
        InvalidInputError: `media-type-invalid`, or something is an index or none where the other is wanted.
        NotFoundError: there is no such document, or none of this digest to remove.
        ContentError: a document is not what it should be.
    """
    if changes.artifact_type:
        media_types.check_media_type(changes.artifact_type, "artifact type")
    index = _read_index(target, reference, on_event)
    entries = _Entries({entry.digest: entry for entry in index.manifests})
    _remove(entries, changes.remove, reference, on_event)
    for source in changes.add:
        entry = _entry(target, source, on_event)
        added = entries.add(entry)
        on_event(IndexStep("added" if added else "exists", source, entry.digest))
    for source in changes.merge:
        other = _read_index(target, source, on_event)
        for entry in other.manifests:
            entries.add(entry)
        on_event(IndexStep("merged", source, Digest.of(other.raw)))
    return _rewritten(index, entries, changes.artifact_type)


def push_index(
    target: Target,
    index: Index,
    *,
    tag: str | None = None,
    more_tags: Sequence[str] = (),
    concurrency: int = 5,
    on_event: EventSink = discard,
) -> Descriptor:
    """Store an index, under a tag if one is given, and let more tags point to it.

    Returns:
        Its descriptor, with artifact type and annotations.

    Raises:
        OcictlError: what the target raises.
    """
    descriptor = index.descriptor()
    target.push(descriptor.plain(), BytesContent(index.raw), tag=tag)
    write_tags(target, descriptor.plain(), more_tags, concurrency=concurrency, on_event=on_event)
    return descriptor


@dataclass(slots=True)
class _Entries:
    """The entries of an index in their order, each digest once."""

    listed: dict[Digest, Descriptor] = field(default_factory=dict)

    def add(self, entry: Descriptor) -> bool:
        """List a document; tell whether it was not listed before."""
        return self.listed.setdefault(entry.digest, entry) is entry


def _remove(entries: _Entries, digests: Sequence[Digest], reference: str, on_event: EventSink) -> None:
    for digest in dict.fromkeys(digests):
        if entries.listed.pop(digest, None) is None:
            raise NotFoundError(
                f"{digest} is not in the index {reference!r}",
                hint="see what is in it with: ocictl manifest fetch --pretty",
                details={"digest": str(digest)},
            )
        on_event(IndexStep("removed", str(digest), digest))


def _fetch(target: ReadOnlyTarget, source: str, on_event: EventSink) -> tuple[Descriptor, Document]:
    on_event(IndexStep("fetching", source))
    descriptor = target.resolve(source)
    if not descriptor.is_document:
        raise InvalidInputError(
            f"{source!r} is {descriptor.media_type!r}, and no manifest or index that ocictl knows",
            hint="name a manifest or an index",
            details={"mediaType": descriptor.media_type},
        )
    return descriptor, read_document(target, descriptor)


def _read_index(target: ReadOnlyTarget, source: str, on_event: EventSink) -> Index:
    descriptor, document = _fetch(target, source, on_event)
    if not isinstance(document, Index):
        raise InvalidInputError(
            f"{source!r} is a manifest, not an index",
            hint="list manifests with --add; make an index with: ocictl manifest index create",
            details={"mediaType": descriptor.media_type},
        )
    on_event(IndexStep("fetched", source, descriptor.digest))
    return document


def _entry(target: ReadOnlyTarget, source: str, on_event: EventSink) -> Descriptor:
    """Describe a document as an index should: with platform and artifact type (IDX-05, DESC-07)."""
    descriptor, document = _fetch(target, source, on_event)
    on_event(IndexStep("fetched", source, descriptor.digest))
    platform = None
    artifact_type = document.artifact_type
    if isinstance(document, Manifest):
        platform = _platform(target, document)
        if not artifact_type and document.config.media_type not in _NO_ARTIFACT:
            artifact_type = document.config.media_type
    return Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        platform=platform,
        artifact_type=artifact_type or None,
    )


def _platform(target: ReadOnlyTarget, manifest: Manifest) -> Platform | None:
    """What the image config says; None where it says nothing that can be used."""
    if manifest.config.media_type not in media_types.IMAGE_CONFIG_TYPES:
        return None
    try:
        members: Any = _fields.load(read_all(target, manifest.config), "image config")
        named = {name: members.get(name) for name in _PLATFORM} if isinstance(members, dict) else {}
        return Platform.from_json({name: value for name, value in named.items() if value}, "$")
    except ContentError as error:
        if error.code != "document-malformed":
            raise
        return None


_PLATFORM: Final = ("architecture", "os", "os.version", "os.features", "variant")


def _rewritten(index: Index, entries: _Entries, artifact_type: str | None) -> Index:
    """The index with other entries, members in the order of the Go types (JSON-03, RFT-07)."""
    before: dict[str, Any] = _fields.load(index.raw, "index")
    kind = index.artifact_type if artifact_type is None else artifact_type
    members: dict[str, Any] = {"schemaVersion": 2, "mediaType": index.media_type}
    if kind:
        members["artifactType"] = kind
    members["manifests"] = [entry.to_json() for entry in entries.listed.values()]
    for name in ("subject", "annotations"):
        if name in before:
            members[name] = before[name]
    members |= {
        name: value for name, value in before.items() if name not in members and name != "artifactType"
    }
    return Index.parse(_fields.dump(members), index.media_type)
