"""What the tests of the repository store share: repositories without real waits, and documents to push."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ocictl.events import Event, FallbackUsed, Retrying
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index, Manifest, build_index, build_manifest
from ocictl.model.reference import Reference
from ocictl.sources import BytesContent
from ocictl.stores.referrers import fallback_tag
from ocictl.stores.repository import ReferrersMode, Repository
from ocictl.target import PushReceipt
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.credentials import CredentialSource
from tests.support.registry import Registry

NAME = "team/app"
SBOM = "application/vnd.example.sbom.v1"
SIGNATURE = "application/vnd.example.signature.v1"
QUICK = Limits(retry_base=0.0, retry_max=0.0)
"""Limits without waits between the transport's own attempts."""


@dataclass
class Recorded:
    """Everything a repository told, and how long it would have slept."""

    events: list[Event] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_sleep()

    @property
    def fallbacks(self) -> list[tuple[str, str]]:
        """Tag and action of each use of a referrers tag."""
        return [(event.tag, event.action) for event in self.events if isinstance(event, FallbackUsed)]

    @property
    def retries(self) -> list[Retrying]:
        return [event for event in self.events if isinstance(event, Retrying)]


def open_repository(
    registry: Registry,
    *,
    mode: ReferrersMode = "auto",
    limits: Limits = QUICK,
    recorded: Recorded | None = None,
    credentials: CredentialSource | None = None,
) -> Repository:
    """A repository object on the simulator that never really sleeps."""
    record = recorded or Recorded()
    return Repository(
        Reference(registry=registry.host, repository=NAME),
        TransportConfig(limits=limits, credentials=credentials),
        referrers_mode=mode,
        on_event=record.events.append,
        sleep=record.sleep,
    )


def put_subject(registry: Registry, tag: str | None = "v1") -> Descriptor:
    """Store a small artifact to be the subject."""
    return Descriptor.from_json(registry.put_artifact(NAME, {"a.txt": b"content"}, tag=tag))


def make_referrer(
    subject: Descriptor,
    name: str = "a",
    *,
    artifact_type: str | None = SBOM,
    config: Descriptor = EMPTY_DESCRIPTOR,
) -> Manifest:
    """A manifest about the subject; `name` makes it another one."""
    return build_manifest(
        config=config,
        layers=[EMPTY_DESCRIPTOR],
        artifact_type=artifact_type,
        subject=subject.plain(),
        annotations={"name": name},
    )


def config_of(media_type: str) -> Descriptor:
    """The two bytes `{}` as a config of this type; the simulator always has them."""
    return Descriptor.of(b"{}", media_type)


def store(registry: Registry, document: Manifest | Index) -> Descriptor:
    """Put a document into the simulator without HTTP; plain descriptor."""
    registry.put_blob(NAME, b"{}")
    registry.put_manifest(NAME, document.raw, media_type=document.media_type)
    return document.descriptor().plain()


def push(repository: Repository, document: Manifest | Index, tag: str | None = None) -> PushReceipt:
    """Push a document by its bytes."""
    return repository.push(document.descriptor(), BytesContent(document.raw), tag=tag)


def listed_under_tag(registry: Registry, subject: Descriptor) -> list[dict[str, Any]]:
    """The entries under the subject's referrers tag, as JSON."""
    index = registry.manifest(NAME, fallback_tag(subject.digest)).document
    entries: list[dict[str, Any]] = index["manifests"]
    return entries


def put_list(registry: Registry, subject: Descriptor, *entries: dict[str, Any], **members: Any) -> str:
    """Store a list of referrers under the subject's referrers tag."""
    document = {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": list(entries), **members}
    return registry.put_manifest(NAME, json.dumps(document).encode(), tag=fallback_tag(subject.digest))


def digests(entries: list[dict[str, Any]]) -> list[str]:
    return [str(entry["digest"]) for entry in entries]


def empty_index(subject: Descriptor) -> Index:
    """An index about the subject."""
    return build_index(subject=subject.plain())


def digest(letter: str) -> Digest:
    """A digest of nothing in particular."""
    return Digest("sha256", letter * 64)
