"""What an operation reports while it runs: plain data, handed to a function of the caller's.

An event says what happened, never how to show it. Sinks may be called from worker threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest

__all__ = [
    "CacheWarning",
    "CredentialWarning",
    "Event",
    "EventSink",
    "FallbackUsed",
    "FileAdvanced",
    "FilePrepared",
    "FilePreparing",
    "FileWarning",
    "IndexStep",
    "ReferrerMissing",
    "RegistryWarning",
    "Retrying",
    "TagCopied",
    "TagWritten",
    "TransferAdvanced",
    "TransferFinished",
    "TransferKept",
    "TransferSkipped",
    "TransferStarted",
    "discard",
]

Direction: TypeAlias = Literal["push", "pull", "copy"]
SkipReason: TypeAlias = Literal["exists", "duplicate", "untitled", "mounted", "foreign"]
"""`duplicate`: the same bytes were dealt with under another name; `foreign`: a layer that others distribute."""


@dataclass(frozen=True, slots=True)
class FilePreparing:
    """A local file or directory is about to be read (hashed, or packed into an archive)."""

    name: str


@dataclass(frozen=True, slots=True)
class FileAdvanced:
    """So many bytes of a local file have been hashed and sent in one pass; its descriptor is not known yet."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class FilePrepared:
    """A local file or directory has been read and has a descriptor now."""

    name: str
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class FileWarning:
    """Whoever pulls this file or directory will have trouble with it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class TransferStarted:
    """Bytes of this content begin to move; with an offset, from there on."""

    descriptor: Descriptor
    direction: Direction
    offset: int = 0


@dataclass(frozen=True, slots=True)
class TransferAdvanced:
    """So many bytes have moved. `offset` is absolute: a retry just reports a smaller one."""

    descriptor: Descriptor
    offset: int


@dataclass(frozen=True, slots=True)
class TransferFinished:
    """All bytes have moved and are verified.

    `action` is "processed" for a document that was read and is now being worked through,
    "restored" for a file written from content that came with another name.
    """

    descriptor: Descriptor
    direction: Direction
    action: Literal["moved", "processed", "restored"] = "moved"


@dataclass(frozen=True, slots=True)
class TransferKept:
    """The transfer was broken off; its first `offset` bytes are kept and a later run goes on from there."""

    descriptor: Descriptor
    direction: Direction
    offset: int


@dataclass(frozen=True, slots=True)
class TransferSkipped:
    """Nothing had to move."""

    descriptor: Descriptor
    direction: Direction
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class TagWritten:
    """A tag now points to this manifest."""

    tag: str
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class TagCopied:
    """A tag and everything below it has been copied, with so many documents that are about any of it."""

    tag: str
    descriptor: Descriptor
    referrers: int


@dataclass(frozen=True, slots=True)
class IndexStep:
    """A step in putting an index together.

    `exists`: what was to be added is listed already. The digest is None while it is not known.
    """

    action: Literal["fetching", "fetched", "added", "exists", "merged", "removed"]
    name: str
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class ReferrerMissing:
    """The source lists this as a referrer of the subject, but does not have it. The copy goes on without it."""

    descriptor: Descriptor
    subject: Digest


@dataclass(frozen=True, slots=True)
class FallbackUsed:
    """The registry has no referrers API here; the referrers tag schema is used instead."""

    tag: str
    action: Literal["read", "added", "repaired", "present", "removed"]


@dataclass(frozen=True, slots=True)
class RegistryWarning:
    """The registry sent a Warning header (WRN-01). Text is free of control characters."""

    host: str
    text: str


@dataclass(frozen=True, slots=True)
class CredentialWarning:
    """Something about stored credentials that the user should know, while the work goes on. Never a secret."""

    text: str


@dataclass(frozen=True, slots=True)
class CacheWarning:
    """Something about the cache of content is wrong; the work goes on without it."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request failed and is sent again after `delay` seconds."""

    method: str
    url: str
    reason: str
    attempt: int
    delay: float


Event: TypeAlias = (
    FilePreparing
    | FileAdvanced
    | FilePrepared
    | FileWarning
    | TransferStarted
    | TransferAdvanced
    | TransferFinished
    | TransferKept
    | TransferSkipped
    | TagWritten
    | TagCopied
    | ReferrerMissing
    | IndexStep
    | FallbackUsed
    | RegistryWarning
    | CredentialWarning
    | CacheWarning
    | Retrying
)
EventSink: TypeAlias = Callable[[Event], None]


def discard(event: Event) -> None:
    """Ignore the event: the default sink."""
