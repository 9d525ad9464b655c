"""`oci-layout` and `index.json`, without any input or output: reading them, and the rules for entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from ocictl.errors import ContentError, StorageError
from ocictl.model import _fields
from ocictl.model.annotations import REF_NAME
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index, build_index
from ocictl.stores._listing import listed_type
from ocictl.stores.referrers import read_list
from ocictl.target import Listing

VERSION: Final = "1.0.0"
"""The only layout version that is defined (LAY-02)."""
LAYOUT_FILE: Final = b'{"imageLayoutVersion":"1.0.0"}'
"""The content of a new `oci-layout`."""
EMPTY_INDEX: Final = build_index().raw
"""The content of a new `index.json`."""


def check_layout_file(raw: bytes, path: str) -> None:
    """Check the content of `oci-layout` (LAY-02).

    Args:
        raw: its bytes.
        path: the layout's directory as the user wrote it, for messages.

    Raises:
        StorageError: `layout-invalid`; another version is named.
    """
    try:
        version = _fields.Members(_fields.load(raw, "file"), "$", rule="LAY-02").string("imageLayoutVersion")
    except ContentError as error:
        raise invalid(path, f"oci-layout: {error.message}", "LAY-02") from error
    if version != VERSION:
        raise invalid(path, f"its version is {version!r}, and only {VERSION!r} is supported", "LAY-02")


def invalid(path: str, why: str, rule: str, hint: str | None = None) -> StorageError:
    """The error for a directory that is no image layout."""
    return StorageError(
        f"{path!r} is not an OCI image layout: {why}",
        code="layout-invalid",
        hint=hint or "name a directory that ocictl, oras or another OCI tool wrote as an image layout",
        details={"path": path, "rule": rule},
    )


@dataclass(frozen=True)
class Snapshot:
    """`index.json` at one moment, and what can be looked up in it.

    Attributes:
        raw: the bytes of the file.
        members: the same as a JSON object. It must not be changed.
        parsed: the same as a document, if it is known already.
    """

    raw: bytes
    members: dict[str, Any]
    parsed: Index | None = None

    @classmethod
    def parse(cls, raw: bytes, path: str) -> Snapshot:
        """Read `index.json` (LAY-05). An entry that is broken hides none of the others.

        Raises:
            StorageError: `layout-invalid`.
        """
        try:
            index = read_list(raw)
            return cls(raw, _fields.load(raw, "index.json"), index)
        except ContentError as error:
            raise invalid(path, f"index.json: {error.message}", "LAY-05") from error

    @cached_property
    def entries(self) -> tuple[Descriptor, ...]:
        """Everything that is listed and can be read, in order.

        What we wrote ourselves is parsed only when somebody asks: many pushes in a row need no descriptors.
        """
        return (self.parsed or read_list(self.raw)).manifests

    def with_entry(self, entry: Descriptor, tag: str | None) -> tuple[Snapshot, Listing]:
        """List a document, under a tag if one is given (see `put_entry`).

        Returns:
            The new state, or this one if nothing had to change; and what happened.

        Raises:
            ContentError: `document-malformed`: the file can't be written as JSON again.
        """
        before = self.members.get("manifests") or []
        after, listing = put_entry(before, entry, tag)
        if after == before:
            return self, listing
        return self._listing(after), listing

    def without(self, digests: Collection[Digest]) -> Snapshot:
        """List these documents no longer."""
        names = {str(digest) for digest in digests}
        before = self.members.get("manifests") or []
        return self._listing([entry for entry in before if _digest(entry) not in names])

    def without_tag(self, tag: str) -> Snapshot:
        """Take a tag away; its document stays listed."""
        return self._listing(_release_tag(self.members.get("manifests") or [], tag, keeper=""))

    def _listing(self, entries: list[Any]) -> Snapshot:
        members = {**self.members, "manifests": entries}
        return Snapshot(_fields.dump(members), members)

    def with_entries(self, entries: Iterable[tuple[Descriptor, str | None]]) -> Snapshot:
        """List many documents, each under a tag if there is one: as `with_entry` for one after the other.

        What is new in every respect is just appended, so that many cost little more than one.

        Raises:
            ContentError: `document-malformed`: the file can't be written as JSON again.
        """
        before = self.members.get("manifests") or []
        after = list(before)
        digests = {_digest(old) for old in after}
        tags = {_ref_name(old) for old in after}
        for entry, tag in entries:
            name = str(entry.digest)
            if name in digests or (tag is not None and tag in tags):
                after, _listing = put_entry(after, entry, tag)
            else:
                right = entry.to_json()
                after.append(right if tag is None else _tagged(right, tag))
            digests.add(name)
            tags.add(tag)
        if after == before:
            return self
        members = {**self.members, "manifests": after}
        return Snapshot(_fields.dump(members), members)

    @cached_property
    def by_tag(self) -> dict[str, Descriptor]:
        """Entries by `ref.name`; where several share one, the last, as oras reads it (LAY-06)."""
        return {name: entry for entry in self.entries if (name := ref_name(entry)) is not None}

    @cached_property
    def by_digest(self) -> dict[Digest, Descriptor]:
        """Entries by digest."""
        return {entry.digest: entry for entry in self.entries}


def ref_name(entry: Descriptor) -> str | None:
    """The tag of an entry, or None (LAY-06)."""
    return entry.annotations.get(REF_NAME) or None


def entry_for(descriptor: Descriptor, document: Document | None) -> Descriptor:
    """The entry for a document: artifact type and annotations of the document, as oras writes it (LAY-10).

    Args:
        descriptor: as it was pushed; its platform is kept.
        document: parsed, or None for one that ocictl does not parse.

    A `ref.name` among the document's own annotations is left out: in an entry it would be a tag.
    """
    plain = replace(descriptor.plain(), platform=descriptor.platform)
    if document is None:
        return plain
    return replace(
        plain,
        artifact_type=listed_type(document),
        annotations={key: value for key, value in document.annotations.items() if key != REF_NAME},
    )


def put_entry(entries: list[Any], entry: Descriptor, tag: str | None) -> tuple[list[Any], Listing]:
    """List a document, under a tag if one is given (LAY-05, LAY-06).

    A tag moves to the document. One entry carries one tag, so a document is listed once per tag, or once
    without a tag; whoever loses the last tag stays listed. All other entries and members stay as they are, in
    their order, readable or not, which is why this works on JSON values.

    Args:
        entries: the values of `manifests`; not changed.
        entry: without a tag.
        tag: or None to list the document only.

    Returns:
        The new values, and what happened: `added`, `repaired` (it was there, but incomplete) or `present`.
    """
    right = entry.to_json()
    name = right["digest"]
    result = [_complete(old, right) if _digest(old) == name else old for old in entries]
    listing: Listing = "added"
    if any(_digest(old) == name for old in entries):
        listing = "present" if result == entries else "repaired"
    if tag is None:
        return (result if listing != "added" else [*result, right]), listing
    result = _release_tag(result, tag, name)
    places = [place for place, old in enumerate(result) if _digest(old) == name]
    untagged = [place for place in places if _ref_name(result[place]) is None]
    if any(_ref_name(result[place]) == tag for place in places):
        return result, listing
    if untagged:
        result[untagged[0]] = _tagged(result[untagged[0]], tag)
    else:
        result.append(_tagged(result[places[0]] if places else right, tag))
    return result, listing


def _complete(old: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    """An entry that other tools may have written, with what it should say; nothing else is lost (RFT-09)."""
    new = {**old, **right}
    if "platform" in old:
        new["platform"] = old["platform"]
    annotations = {**_annotations(old), **_annotations(right)}
    if annotations:
        new["annotations"] = _fields.sorted_map(annotations)
    return new


def _release_tag(entries: list[Any], tag: str, keeper: str) -> list[Any]:
    """Take a tag from all documents but one."""
    listed = Counter(_digest(entry) for entry in entries)
    result = []
    for entry in entries:
        digest = _digest(entry)
        if _ref_name(entry) != tag or digest == keeper:
            result.append(entry)
        elif listed[digest] > 1:
            listed[digest] -= 1
        else:
            result.append(_tagged(entry, None))
    return result


def _tagged(entry: dict[str, Any], tag: str | None) -> dict[str, Any]:
    annotations = {key: value for key, value in _annotations(entry).items() if key != REF_NAME}
    if tag is not None:
        annotations[REF_NAME] = tag
    new = dict(entry)
    if annotations:
        new["annotations"] = _fields.sorted_map(annotations)
    else:
        new.pop("annotations", None)
    return new


def _digest(entry: Any) -> str | None:
    digest = entry.get("digest") if isinstance(entry, dict) else None
    return digest if isinstance(digest, str) else None


def _annotations(entry: Any) -> dict[str, Any]:
    annotations = entry.get("annotations") if isinstance(entry, dict) else None
    return annotations if isinstance(annotations, dict) else {}


def _ref_name(entry: Any) -> str | None:
    return _annotations(entry).get(REF_NAME) or None
