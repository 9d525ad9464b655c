"""What a place for artifacts can do: protocols only.

A registry's repository, an OCI layout and a store in memory are equal peers behind `Target`.
Optional abilities are protocols of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Literal, Protocol, Self, TypeAlias, runtime_checkable

from ocictl.events import EventSink
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest

__all__ = [
    "ByteStream",
    "Catalog",
    "Content",
    "Deleter",
    "DocumentWriter",
    "Gatherer",
    "HasLocalCopies",
    "HasRanges",
    "KnowsSubjects",
    "Lines",
    "Listing",
    "Mounter",
    "PushReceipt",
    "ReadOnlyTarget",
    "ReferrersMode",
    "Resumable",
    "TakesUnnamed",
    "Target",
    "TargetKind",
]

TargetKind: TypeAlias = Literal["registry", "oci-layout", "memory"]
ReferrersMode: TypeAlias = Literal["auto", "api", "tag"]
"""How a registry is asked for referrers: by the API, by the referrers tags, or as it turns out."""
Listing: TypeAlias = Literal["registry", "added", "repaired", "present"]
"""How a pushed referrer got into the list of its subject:

`registry`: the registry listed it (OCI-Subject, RFT-02); `added`: we wrote a new entry;
`repaired`: an entry was there but incomplete, and is whole now; `present`: it was listed already.
"""


class ByteStream(Protocol):
    """Bytes to read once, front to back. A context manager; leaving it frees the connection or file."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes; `b""` at the end."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class Content(Protocol):
    """Bytes that can be read as often as a transfer needs (PUSH-22)."""

    @property
    def size(self) -> int:
        """Number of bytes."""
        ...

    def open(self) -> ByteStream:
        """Start again at the first byte."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReceipt:
    """What a push left behind.

    Attributes:
        descriptor: what was pushed.
        listing: for a document with a subject, how it got into the subject's list; else None.
        fallback_tag: the referrers tag that was read or written, or None.
        mounted: a blob was taken over from elsewhere, and nothing of its content was read (PUSH-17).
    """

    descriptor: Descriptor
    listing: Listing | None = None
    fallback_tag: str | None = None
    mounted: bool = False


@runtime_checkable
class ReadOnlyTarget(Protocol):
    """A place to read artifacts from."""

    @property
    def kind(self) -> TargetKind:
        """What kind of place this is, as shown to users."""
        ...

    @property
    def path(self) -> str:
        """The place without tag and digest: `registry/repository`, or the layout's directory."""
        ...

    def resolve(self, reference: str) -> Descriptor:
        """Find the document under a tag or digest. Media type, digest and size are set.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def resolve_blob(self, digest: Digest) -> Descriptor:
        """Find the blob of this digest; the media type is `application/octet-stream`.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def exists(self, descriptor: Descriptor) -> bool:
        """Tell whether the content is there."""
        ...

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        """Open content, from this offset on, as it comes: unverified. Only `ocictl.content` calls this.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """List the documents whose subject this is, each with artifact type and annotations, once.

        Args:
            subject: the document they are about.
            artifact_type: list only these. A document of another type is never yielded.
        """
        ...

    def tags(self, *, last: str | None = None) -> Iterator[str]:
        """List the tags, sorted; only those after `last` if given."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A target whose streams may break off because they come over a network."""

    @property
    def resume_attempts(self) -> int:
        """Broken streams in a row, without a byte between them, after which reading gives up."""
        ...

    @property
    def on_event(self) -> EventSink:
        """Told when a broken stream is opened again."""
        ...


@runtime_checkable
class HasLocalCopies(Protocol):
    """A target that keeps copies on this machine, which may have been damaged since."""

    def local_copy(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream | None:
        """Open a copy from this offset on as it is, for a reader that can begin again; None if there is none.

        Who finds it damaged reads by `fetch`, which hands out no damaged copy and mends it.
        """
        ...


class KnowsSubjects(Protocol):
    """A target that can tell about many documents at once that nothing is about them."""

    def without_referrers(self, subjects: Sequence[Descriptor]) -> frozenset[Digest]:
        """Those of these documents that have no referrers for sure; the others have to be asked for one by one."""
        ...


class TakesUnnamed(Protocol):
    """A target that may take a blob before anybody knows its digest."""

    def push_unnamed(self, content: Content) -> Digest | None:
        """Store a blob and return its digest; None if it has to be pushed in the usual way.

        Raises:
            ContentError, StorageError: the content can't be read, or changed.
        """
        ...


class Lines(Protocol):
    """The connections that the large blobs of a target share."""

    @property
    def most(self) -> int:
        """How many there may be."""
        ...

    def begin(self) -> None:
        """Count the one connection that every transfer has."""
        ...

    def try_another(self) -> bool:
        """Count one more, if that is not too many; tell whether it is not."""
        ...

    def end(self) -> None:
        """One less is used."""
        ...


@runtime_checkable
class HasRanges(Protocol):
    """A target that serves any part of a blob, over a link that may gain from several connections."""

    @property
    def lines(self) -> Lines | None:
        """What to share them by; None if there is nothing to gain."""
        ...

    def fetch_range(self, descriptor: Descriptor, *, start: int, end: int) -> ByteStream:
        """Open the bytes from `start` up to and without `end`, unverified: these or an error."""
        ...


@runtime_checkable
class Mounter(Protocol):
    """A target that may take over blobs from its neighbours without their bytes being sent."""

    def can_mount_from(self, source: ReadOnlyTarget) -> bool:
        """Tell whether it is worth trying to mount blobs of this target."""
        ...

    def mount(self, descriptor: Descriptor, content: Content, source: ReadOnlyTarget) -> bool:
        """Store a blob: take it over from `source`, or store `content` where that can't be done (PUSH-17).

        Returns:
            Whether it was taken over; then nothing of the content was read.

        Raises:
            ContentError: the bytes are not what the descriptor says; nothing is kept.
        """
        ...


@runtime_checkable
class Gatherer(Protocol):
    """A target where listing many documents at once is cheaper than one after the other."""

    def gathering(self) -> AbstractContextManager[None]:
        """While the context lasts, documents and tags are stored but may be listed later, at its end at the latest.

        Whoever is killed meanwhile finds the content stored, and has to push documents again to have them listed.
        """
        ...


@runtime_checkable
class Target(ReadOnlyTarget, Protocol):
    """A place to read artifacts from and write them to."""

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        """Store content under its digest and, for a document, under a tag.

        What is already there may be sent again. A document that has a subject is also put into the list of
        its subject (RFT-02), whether or not the document was there before.

        Raises:
            ContentError: the bytes are not what the descriptor says; nothing is kept.
            ConflictError: the document is stored, but its listing is not confirmed.
        """
        ...

    def tag(self, descriptor: Descriptor, tag: str) -> None:
        """Let a tag point to a document that is there.

        Raises:
            NotFoundError: the document is not there.
        """
        ...


@runtime_checkable
class DocumentWriter(Protocol):
    """A target that stores documents which this package can't parse."""

    def push_document(
        self, descriptor: Descriptor, content: Content, *, tag: str | None = None
    ) -> PushReceipt:
        """Store bytes as a document, by digest or under a tag, whatever their media type and members are.

        A document that can be parsed is stored as by `push`. One that can't is stored unless it names a
        subject, in whose list it could not be put.

        Raises:
            ContentError: as `push`, or a malformed document with a subject.
            ConflictError: as `push`.
        """
        ...


@runtime_checkable
class Deleter(Protocol):
    """A target from which something can be taken away."""

    def delete(self, descriptor: Descriptor) -> None:
        """Take a document away with all tags that point to it, and out of its subject's list first (DEL-02, DEL-04).

        In a store that nobody else cleans, what only this document leads to goes along.

        Raises:
            NotFoundError: it is not there.
            ConflictError: its subject's list could not be changed for sure, and nothing was deleted.
            UnsupportedError: nothing can be deleted here.
        """
        ...

    def delete_blob(self, descriptor: Descriptor) -> None:
        """Take a blob away, whoever points to it (DEL-03).

        Raises:
            NotFoundError: it is not there.
            UnsupportedError: nothing can be deleted here.
        """
        ...

    def untag(self, tag: str) -> None:
        """Take a tag away and leave the document (DEL-01).

        Raises:
            NotFoundError: there is no such tag.
            UnsupportedError: tags can't be deleted here.
        """
        ...


@runtime_checkable
class Catalog(Protocol):
    """A place that knows which repositories it has."""

    @property
    def registry(self) -> str:
        """Its name."""
        ...

    def repositories(self, *, last: str | None = None) -> Iterator[str]:
        """List their names, sorted; only those after `last` if given (CAT-01)."""
        ...
