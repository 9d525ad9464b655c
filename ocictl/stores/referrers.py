"""Rules for lists of referrers, without any I/O (sections RFR and RFT).

A list of referrers is an image index: the answer of the referrers API, or the document under the referrers
tag. Every store reads, extends and filters such lists by these functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from ocictl.errors import ContentError
from ocictl.lazy_dataclass import replace
from ocictl.lazy_pattern import pattern
from ocictl.model import _fields, media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index, Manifest, build_index

MergeAction: TypeAlias = Literal["added", "repaired", "present"]

_ALGORITHM_LENGTH: Final = 32
_ENCODED_LENGTH: Final = 64
_NOT_IN_A_TAG = pattern(r"[^A-Za-z0-9._-]", re.ASCII)
_VAGUE_TYPES: Final = frozenset(
    {media_types.EMPTY, media_types.UNKNOWN_CONFIG} | media_types.IMAGE_CONFIG_TYPES
)


def fallback_tag(digest: Digest) -> str:
    """The referrers tag of this subject: both parts cut, foreign characters replaced (RFT-01)."""
    parts = (digest.algorithm[:_ALGORITHM_LENGTH], digest.encoded[:_ENCODED_LENGTH])
    return "-".join(_NOT_IN_A_TAG.sub("-", part) for part in parts)


def entry_for(document: Document, descriptor: Descriptor | None = None) -> Descriptor:
    """Describe a referrer as its subject's list must show it (RFT-05).

    Args:
        document: the referrer.
        descriptor: under which digest it was pushed; None for sha256.
    """
    described = document.descriptor()
    if descriptor is None:
        return described
    return replace(
        described, media_type=descriptor.media_type, digest=descriptor.digest, size=descriptor.size
    )


def is_stale(listed: Descriptor, wanted: Descriptor) -> bool:
    """Tell whether an entry says less or other than it should (RFT-09).

    Annotations that only the entry has are somebody's addition and no fault.
    """
    return (
        listed.size != wanted.size
        or not media_types.same(listed.media_type, wanted.media_type)
        or not media_types.same(listed.artifact_type or None, wanted.artifact_type or None)
        or any(listed.annotations.get(key) != value for key, value in wanted.annotations.items())
    )


def is_vague(entry: Descriptor) -> bool:
    """Tell whether the artifact type of an entry has to be looked up in its manifest (RFT-09).

    It may be missing or be the type of a config that says nothing about the artifact. An index without an
    artifact type is normal (RFR-06), and what this package can't parse can't be looked up.
    """
    if entry.media_type in media_types.MANIFEST_TYPES:
        return not entry.artifact_type or entry.artifact_type.lower() in _VAGUE_TYPES
    return entry.media_type in media_types.INDEX_TYPES and (entry.artifact_type or "") in _VAGUE_TYPES


def is_own_type_evidence(document: Document) -> bool:
    """Tell whether this manifest shows by which rule a registry lists artifact types (RFR-05).

    It does if it has an artifact type that differs from its config's media type. A registry that lists the
    latter, or nothing, is caught by it.
    """
    return (
        isinstance(document, Manifest)
        and bool(document.artifact_type)
        and not media_types.same(document.artifact_type, document.config.media_type)
    )


def matches(entry: Descriptor, artifact_type: str | None) -> bool:
    """Tell whether an entry passes the filter; None lets everything pass (RFR-08)."""
    return artifact_type is None or media_types.same(entry.artifact_type, artifact_type)


def unique(entries: Iterable[Descriptor]) -> Iterator[Descriptor]:
    """Leave out entries whose digest was there before (RFR-07)."""
    seen: set[Digest] = set()
    for entry in entries:
        if entry.digest not in seen:
            seen.add(entry.digest)
            yield entry


def read_list(raw: bytes, media_type: str | None = None) -> Index:
    """Read a list of referrers, forgiving what one entry does wrong.

    A list mixes entries of many writers, and one careless entry must not hide the others: members that are
    null or broken are left out of what is read (not of `raw`), an entry without a usable media type, digest
    and size is left out altogether, and artifact types need not be media types (older bundles have
    parameters, ECO-06). `manifests: null` is an empty list.

    Args:
        raw: the bytes as fetched.
        media_type: from the Content-Type header, or None.

    Raises:
        ContentError: `document-malformed`: this is not an OCI image index at all (RFR-03, RFT-03).
    """
    try:
        index = Index.parse(raw, media_type)
    except ContentError:
        index = _read_leniently(raw, media_type)
    if index.media_type != media_types.OCI_INDEX:
        raise _fields.malformed("$.mediaType", f"{index.media_type!r} is not an OCI image index", "RFT-03")
    return index


def empty_list() -> Index:
    """A list of no referrers, to begin with (RFT-04)."""
    return build_index()


def merge_entry(index: Index, entry: Descriptor) -> tuple[Index, MergeAction]:
    """Put a referrer into a list: append it, repair it, or leave it as it is (RFT-05, RFT-06, RFT-09).

    All other entries, their order and every other member stay as they are, readable to us or not (RFT-07).

    Returns:
        The list, the same object when nothing had to change, and what was done.

    Raises:
        ContentError: `document-malformed`: the list can't be written as JSON again.
    """
    members = _fields.load(index.raw, "referrers index")
    entries = members.get("manifests") or []
    places = [position for position, value in enumerate(entries) if _names(value, entry.digest)]
    stale = [position for position in places if _is_stale_json(entries[position], entry)]
    if places and not stale:
        return index, "present"
    for position in stale:
        entries[position] = _repair(entries[position], entry)
    if not places:
        entries = [*entries, entry.to_json()]
    members["manifests"] = entries
    members.setdefault("mediaType", media_types.OCI_INDEX)
    return read_list(_fields.dump(members), media_types.OCI_INDEX), "repaired" if places else "added"


def without_entry(index: Index, digest: Digest) -> Index:
    """Take a referrer out of a list; all else stays (DEL-04). The same object if it was not in it.

    Raises:
        ContentError: `document-malformed`: the list can't be written as JSON again.
    """
    members = _fields.load(index.raw, "referrers index")
    entries = members.get("manifests") or []
    kept = [value for value in entries if not _names(value, digest)]
    if len(kept) == len(entries):
        return index
    members["manifests"] = kept
    return read_list(_fields.dump(members), media_types.OCI_INDEX)


def lists(index: Index, digest: Digest) -> bool:
    """Tell whether the list has an entry of this digest."""
    return any(entry.digest == digest for entry in index.manifests)


def _names(value: object, digest: Digest) -> bool:
    return isinstance(value, dict) and value.get("digest") == str(digest)


def _is_stale_json(value: dict[str, Any], wanted: Descriptor) -> bool:
    listed = _read_entry(value)
    return listed is None or is_stale(listed, wanted)


def _repair(value: Mapping[str, Any], wanted: Descriptor) -> dict[str, Any]:
    right = wanted.to_json()
    annotations = value.get("annotations")
    if isinstance(annotations, dict) and annotations:
        right["annotations"] = {**annotations, **right.get("annotations", {})}
    repaired = {**value, **right}
    if not wanted.artifact_type:
        repaired.pop("artifactType", None)
    if "annotations" not in right:
        repaired.pop("annotations", None)
    return repaired


def _read_leniently(raw: bytes, media_type: str | None) -> Index:
    members = _fields.load(raw, "referrers index")
    if not isinstance(members, dict) or "manifests" not in members:
        raise _fields.malformed("$", "is not an image index", "RFR-03")
    entries = [] if members["manifests"] is None else members["manifests"]
    if not isinstance(entries, list):
        raise _fields.malformed("$.manifests", f"must be an array, not {_fields.kind(entries)}", "IDX-03")
    known = {name: value for name, value in members.items() if value is not None}
    frame = Index.parse(_fields.dump({**known, "manifests": []}), media_type)
    readable = [entry for entry in map(_read_entry, entries) if entry is not None]
    return replace(frame, raw=raw, manifests=tuple(readable))


def _read_entry(value: object) -> Descriptor | None:
    """One entry without what is broken in it, or None if nothing can be fetched by it."""
    if not isinstance(value, dict):
        return None
    members = {name: member for name, member in value.items() if member is not None}
    artifact_type = members.pop("artifactType", None)
    try:
        entry = Descriptor.from_json(members)
    except ContentError:
        core = {name: members[name] for name in ("mediaType", "digest", "size") if name in members}
        try:
            entry = Descriptor.from_json(core)
        except ContentError:
            return None
        entry = entry.with_annotations(_strings(members.get("annotations")))
    named = artifact_type if isinstance(artifact_type, str) and artifact_type else None
    return replace(entry, artifact_type=named)


def _strings(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: text for key, text in value.items() if isinstance(text, str)}
