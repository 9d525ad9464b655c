"""Graphs of documents to copy, and targets that tell what was done to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ocictl.content import read_all
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import Index, Manifest, build_index, build_manifest, read_links
from ocictl.model.media_types import MANIFEST_ENDPOINT_TYPES
from ocictl.model.platform import Platform
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore
from ocictl.target import Content, PushReceipt, Target

__all__ = [
    "PLATFORMS",
    "Repository",
    "Watched",
    "everything",
    "put_artifact",
    "put_blob",
    "put_document",
    "put_index",
    "put_repository",
    "tree",
    "walk",
]

PLATFORMS = ("amd64", "arm64", "s390x")


def put_blob(target: Target, data: bytes, title: str | None = None) -> Descriptor:
    """Store a blob; return its descriptor, with this title."""
    annotations = {"org.opencontainers.image.title": title} if title else {}
    blob = Descriptor.of(data, "application/octet-stream", annotations=annotations)
    target.push(blob, BytesContent(data))
    return blob


def put_document(target: Target, document: Manifest | Index, tag: str | None = None) -> Descriptor:
    """Store a document; return its plain descriptor."""
    plain = document.descriptor().plain()
    target.push(plain, BytesContent(document.raw), tag=tag)
    return plain


def put_artifact(
    target: Target, *contents: bytes, tag: str | None = None, artifact_type: str = "a/b", **more: Any
) -> Descriptor:
    """Store an artifact with these layers; return its plain descriptor."""
    target.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
    layers = [put_blob(target, data) for data in contents] or [EMPTY_DESCRIPTOR]
    options = {"config": EMPTY_DESCRIPTOR, "layers": layers, "artifact_type": artifact_type, **more}
    return put_document(target, build_manifest(**options), tag)


def put_index(
    target: Target, entries: Sequence[Descriptor], *, tag: str | None = None, **more: Any
) -> Descriptor:
    """Store an index; return its plain descriptor."""
    return put_document(target, build_index(manifests=entries, **more), tag)


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What `put_repository` has put."""

    index: Descriptor
    platforms: Mapping[str, Descriptor]
    referrers: Mapping[str, Descriptor]


def put_repository(target: Target) -> Repository:
    """An index of three platforms, an artifact, referrers on several levels, and a signature as cosign tags it.

    Tags: `index`, `plain`, and the signature's. `index` has four referrers in all: one of its own and one about
    that, one of a platform and one about that.
    """
    platforms: dict[str, Descriptor] = {}
    for name in PLATFORMS:
        found = put_artifact(target, f"program for {name}".encode(), b"shared by all platforms")
        platform = Platform(os="linux", architecture=name)
        platforms[name] = Descriptor(
            media_type=found.media_type, digest=found.digest, size=found.size, platform=platform
        )
    index = put_index(target, list(platforms.values()), tag="index")
    sbom = put_artifact(target, b"sbom", artifact_type="a/sbom", subject=index)
    signature = put_artifact(target, b"signature", artifact_type="a/signature", subject=sbom)
    of_arm = put_artifact(target, b"arm sbom", artifact_type="a/sbom", subject=platforms["arm64"].plain())
    note = put_artifact(target, artifact_type="a/note", subject=of_arm, annotations={"note": "on arm"})
    put_artifact(target, b"hello", b"shared by all platforms", tag="plain")
    put_artifact(target, b"cosign", tag=f"sha256-{index.digest.encoded}.sig")
    return Repository(
        index=index,
        platforms=platforms,
        referrers={"sbom": sbom, "signature": signature, "of_arm": of_arm, "note": note},
    )


@dataclass
class Watched(MemoryStore):
    """A store that notes what is pushed, and insists that what is pointed to is there before."""

    pushes: list[tuple[str, str | None]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        MemoryStore.__init__(self)
        self._guard = threading.Lock()

    def exists(self, descriptor: Descriptor) -> bool:
        with self._guard:
            self.asked.append(str(descriptor.digest))
        return MemoryStore.exists(self, descriptor)

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        if descriptor.media_type in MANIFEST_ENDPOINT_TYPES:
            with content.open() as stream:
                raw = stream.read()
            for link in read_links(raw, descriptor.media_type)[1]:
                if not MemoryStore.exists(self, link):
                    self.broken.append(f"{descriptor.digest} before {link.digest}")
        with self._guard:
            self.pushes.append((str(descriptor.digest), tag))
        return MemoryStore.push(self, descriptor, content, tag=tag)

    @property
    def pushed(self) -> list[str]:
        """The digests that were pushed, in order."""
        return [digest for digest, _tag in self.pushes]

    def forget(self, descriptor: Descriptor) -> None:
        """Lose a piece of content, without a trace in what points to it."""
        self._blobs.pop(descriptor.digest)
        self._documents.pop(descriptor.digest, None)
        self._facts.pop(descriptor.digest, None)


def everything(target: MemoryStore) -> dict[str, bytes]:
    """All content by digest."""
    return {str(digest): data for digest, data in target._blobs.items()}


def tree(target: Target, subject: Descriptor) -> dict[str, Any]:
    """The referrers of a document, with theirs, by digest."""
    return {str(entry.digest): tree(target, entry) for entry in target.referrers(subject)}


def walk(target: Target, root: Descriptor) -> Iterator[Descriptor]:
    """A document and everything below it."""
    yield root
    if root.media_type in MANIFEST_ENDPOINT_TYPES:
        for link in read_links(read_all(target, root), root.media_type)[1]:
            yield from walk(target, link)
