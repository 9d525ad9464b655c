"""A registry's repository as a target.

Which method asks which endpoint of the distribution specification:

    resolve        HEAD manifests/<reference>, and GET where HEAD is not enough          end-3
    resolve_blob   HEAD blobs/<digest>, and GET where HEAD is refused                    end-2
    exists         HEAD manifests/<digest> or blobs/<digest>                             end-2, end-3
    fetch          GET manifests/<digest> or blobs/<digest>, with Range                  end-2, end-3
    tags           GET tags/list                                                         end-8
    referrers      GET referrers/<digest>, or GET manifests/<referrers tag>              end-12, end-3
    push           POST and PUT blobs/uploads/, or PUT manifests/<tag or digest>;
                   then GET and PUT manifests/<referrers tag> where that is our duty     end-4, end-6, end-7
    mount          POST blobs/uploads/?mount=<digest>&from=<name>, and as push           end-11
    push_document  as push of a document
    tag            GET manifests/<digest>, PUT manifests/<tag>                           end-3, end-7
    delete         GET manifests/<digest>; GET referrers/<digest of the subject>, or GET
                   and PUT manifests/<referrers tag>; then DELETE manifests/<digest>     end-3, end-7, end-9, end-12
    delete_blob    DELETE blobs/<digest>                                                 end-10
    untag          DELETE manifests/<tag>                                                end-9
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ocictl.content import VerifyingReader, read_all
from ocictl.errors import NotFoundError, OcictlError, RegistryError
from ocictl.events import EventSink, discard
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, parse_document
from ocictl.model.reference import Reference, check_tag
from ocictl.stores.manifests import Manifests, check_document_size
from ocictl.target import ByteStream, Content, Lines, PushReceipt, ReadOnlyTarget, ReferrersMode, TargetKind
from ocictl.transport import endpoints
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.session import RegistryClient

if TYPE_CHECKING:
    from ocictl.stores.blobs import Blobs
    from ocictl.stores.one_read import OneRead
    from ocictl.stores.referrers_api import ReferrersApi
    from ocictl.stores.referrers_reader import ReferrersReader
    from ocictl.stores.referrers_tag import ReferrersTag
    from ocictl.stores.referrers_writer import ReferrersWriter

__all__ = ["ReferrersMode", "Repository"]

_DEFAULTS: Final = TransportConfig()
_UNKNOWN: Final[Any] = object()


class Repository:
    """One repository of a registry; implements `ocictl.target.Target`. May be used by several threads."""

    def __init__(
        self,
        reference: Reference,
        config: TransportConfig = _DEFAULTS,
        *,
        referrers_mode: ReferrersMode = "auto",
        for_writing: bool = False,
        accept: Sequence[str] = (),
        mount_from: Sequence[str] = (),
        on_event: EventSink = discard,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            reference: registry and repository; tag and digest are not looked at.
            config: how to reach the registry.
            referrers_mode: `api`: the referrers API or an error; `tag`: the referrers tags alone;
                `auto`: the API, and the tags where the registry shows that it has no API (RFR-09, RFT-02).
            for_writing: it is known that something will be written, so the right to do so is asked for at once:
                one token serves everything, and a login that does not work is found first of all (AUTH-15).
            accept: media types of documents to ask for; all that are known if empty (PULL-01). A registry may
                answer with another one all the same.
            mount_from: names of other repositories of the registry; a blob that is pushed is taken over from one of
                them if it has it (PUSH-17).
            on_event: told about warnings, retries, uses of a referrers tag, and what a later push can go on with.
            sleep: waits so many seconds between attempts.
        """
        self._reference = reference
        self._mode: ReferrersMode = referrers_mode
        self._limits = config.limits
        self._mount_from = tuple(source for source in mount_from if source != reference.repository)
        name = reference.repository
        always = (endpoints.push_scope(name),) if for_writing else ()
        self._on_event = on_event
        self._client = RegistryClient(reference, config, on_event, always=always)
        self._manifests = Manifests(self._client, name, accept=accept)
        self._sleep = sleep
        self._lines: Lines | None = _UNKNOWN
        self._lock = threading.Lock()
        self._resolved: set[tuple[Digest, str]] = set()
        self._last_document: tuple[Digest, bytes] | None = None

    # The parts that a run may not need are made when it does, and their modules loaded then.

    @cached_property
    def _blobs(self) -> Blobs:
        from ocictl.stores.blobs import Blobs

        return Blobs(
            self._client,
            self._reference.repository,
            on_event=self._on_event,
            sleep=self._sleep,
            backoff=_backoff(self._limits),
        )

    @cached_property
    def _one_read(self) -> OneRead:
        from ocictl.stores.one_read import OneRead

        return OneRead(self._client, self._reference.repository)

    @cached_property
    def _api(self) -> ReferrersApi:
        from ocictl.stores.referrers_api import ReferrersApi

        return ReferrersApi(self._client, self._reference.repository)

    @cached_property
    def _tag(self) -> ReferrersTag:
        from ocictl.stores.referrers_tag import ReferrersTag

        return ReferrersTag(
            self._manifests, self.path, limits=self._limits, on_event=self._on_event, sleep=self._sleep
        )

    @cached_property
    def _reader(self) -> ReferrersReader:
        from ocictl.stores.referrers_reader import ReferrersReader

        return ReferrersReader(self, self._api, self._tag, self._mode)

    @cached_property
    def _writer(self) -> ReferrersWriter:
        from ocictl.stores.referrers_writer import ReferrersWriter

        return ReferrersWriter(self, self._api, self._tag, self._mode)

    @property
    def kind(self) -> TargetKind:
        return "registry"

    @property
    def on_event(self) -> EventSink:
        """Told about warnings, repeated requests and uses of a referrers tag."""
        return self._on_event

    @property
    def resume_attempts(self) -> int:
        """Broken streams in a row, without a byte between them, after which reading gives up (HTTP-06)."""
        return self._client.config.limits.attempts

    @property
    def lines(self) -> Lines | None:
        """As in `ocictl.target.HasRanges`: None for a registry on this machine."""
        with self._lock:
            if self._lines is _UNKNOWN:
                from ocictl.stores.range_requests import shared_lines

                self._lines = shared_lines(self._client)
            return self._lines

    @property
    def path(self) -> str:
        return self._reference.path

    def close(self) -> None:
        """Give up all connections."""
        self._client.close()

    def resolve(self, reference: str) -> Descriptor:
        """Find the document under a tag or digest. Work by its digest from then on (PULL-10).

        Raises:
            NotFoundError: there is none.
            ContentError: `digest-mismatch`: the bytes are not what a digest says (PULL-03).
        """
        found = self._manifests.resolve(reference)
        # Its media type may be unknown to us, but it is known now under which endpoint it is.
        self._resolved.add((found.digest, found.media_type))
        return found

    def resolve_blob(self, digest: Digest) -> Descriptor:
        """Find the blob of this digest (PULL-07).

        Raises:
            NotFoundError: there is none.
        """
        return Descriptor(media_type=media_types.OCTET_STREAM, digest=digest, size=self._blobs.size(digest))

    def exists(self, descriptor: Descriptor) -> bool:
        """Tell whether the content is there (PUSH-02)."""
        if self._is_document(descriptor):
            return self._manifests.exists(descriptor)
        return self._blobs.exists(descriptor.digest)

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        """Open content, unverified. The first byte is the one at offset `start`, always.

        A registry that ignores the range sends everything, and what lies before `start` is thrown away.
        The stream may end early or late: only a verifying reader knows.

        Raises:
            NotFoundError: there is no such content.
            RegistryError: `registry-protocol`: the answer does not fit the question (PULL-08).
        """
        if self._is_document(descriptor):
            return self._manifests.open(descriptor, start)
        return self._blobs.open(descriptor, start)

    def fetch_range(self, descriptor: Descriptor, *, start: int, end: int) -> ByteStream:
        """Open a part of a blob, unverified: exactly these bytes, without `end`, or an error (PULL-08).

        Raises:
            RegistryError: `registry-protocol`: the registry serves no ranges, or another one.
        """
        from ocictl.stores.range_requests import open_range

        name = self._reference.repository
        url = endpoints.blob(name, descriptor.digest)
        scopes = (endpoints.pull_scope(name),)
        return open_range(self._client, url, descriptor, start=start, end=end, scopes=scopes)

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:
        """List the documents whose subject this is (RFR, RFT).

        Raises:
            UnsupportedError: only the referrers API may be used, and there is none.
            RegistryError: the registry refused; that is never taken for "no referrers" (RFR-10).
        """
        return self._reader.find(subject, artifact_type)

    def without_referrers(self, subjects: Sequence[Descriptor]) -> frozenset[Digest]:
        """Those of these documents that have no referrers for sure; see `ocictl.target.KnowsSubjects`."""
        return self._reader.without(subjects, self._tag_pages())

    def tags(self, *, last: str | None = None) -> Iterator[str]:
        """List the tags in the order of their characters' codes; only those after `last` if given (TAG-03).

        Raises:
            NotFoundError: there is no such repository.
        """
        found: set[str] = set()
        for page in self._tag_pages(last):
            found.update(page)
        for tag in sorted(found):
            # Some registries ignore `last`; and some sort without regard to case, which may be right too.
            if last is None or tag > last or tag.lower() > last.lower():
                yield tag

    def _tag_pages(self, last: str | None = None) -> Iterator[Sequence[str]]:
        from ocictl.transport import paging

        name = self._reference.repository
        url = endpoints.tags(name, last=last)
        for _response, raw in paging.pages(self._client, url, scopes=(endpoints.pull_scope(name),)):
            yield paging.parse_tags(raw)

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        """Store content: a document under its digest or a tag, anything else as a blob.

        A document with a subject is sent even if it is there, because only the answer tells whether the
        registry lists it (RFT-02, MPUT-10).

        Raises:
            ContentError: the bytes are not what the descriptor says, or a document breaks a rule.
            ConflictError: the document is stored, but its listing is not confirmed.
            UnsupportedError: the document is stored, but only the referrers API may be used and there is none.
        """
        from ocictl.stores._pushing import check_size

        check_size(descriptor, content)
        if tag is None and descriptor.media_type not in media_types.MANIFEST_ENDPOINT_TYPES:
            mounted = self._blobs.push(descriptor, content, mount_from=self._mount_from)
            return PushReceipt(descriptor=descriptor, mounted=mounted)
        raw = self._read(descriptor, content)
        document = parse_document(raw, descriptor.media_type) if descriptor.is_document else None
        return self._push_document(descriptor, raw, document, tag)

    def push_unnamed(self, content: Content) -> Digest | None:
        """Store a blob while its digest is computed, where that is known to work; see `ocictl.target.TakesUnnamed`.

        Only in a repository that is new: elsewhere the registry is asked first whether it has the blob.
        """
        if self._mount_from or not self._blobs.may_send_at_once:
            return None
        return self._one_read.push(content)

    def push_document(
        self, descriptor: Descriptor, content: Content, *, tag: str | None = None
    ) -> PushReceipt:
        """Store bytes as a document, also where they can't be parsed; see `ocictl.target.DocumentWriter`.

        Raises:
            ContentError, ConflictError, UnsupportedError: as `push`.
        """
        from ocictl.stores._listing import parse_if_possible
        from ocictl.stores._pushing import check_size

        check_size(descriptor, content)
        raw = self._read(descriptor, content)
        return self._push_document(descriptor, raw, parse_if_possible(raw, descriptor.media_type), tag)

    def can_mount_from(self, source: ReadOnlyTarget) -> bool:
        """Tell whether the other target is another repository of the same registry."""
        return (
            isinstance(source, Repository)
            and source._client.base_url == self._client.base_url  # noqa: SLF001 - another one of the same class
            and source._reference.repository != self._reference.repository  # noqa: SLF001
        )

    def mount(self, descriptor: Descriptor, content: Content, source: ReadOnlyTarget) -> bool:
        """Take a blob over from another repository, or upload it where the registry does not do that (PUSH-17).

        Raises:
            ContentError: the bytes are not what the descriptor says.
        """
        name = source._reference.repository if isinstance(source, Repository) else None  # noqa: SLF001
        return self._blobs.push(descriptor, content, mount_from=(name,) if name else ())

    def tag(self, descriptor: Descriptor, tag: str) -> None:
        """Let a tag point to a document that is there.

        Raises:
            NotFoundError: the document is not there.
        """
        check_tag(tag)
        last = self._last_document
        if last is not None and last[0] == descriptor.digest:
            raw = last[1]
        else:
            raw = read_all(self, descriptor, limit=self._limits.manifest_bytes)
            self._last_document = (descriptor.digest, raw)
        self._manifests.put(tag, raw, descriptor)

    def delete(self, descriptor: Descriptor) -> None:
        """Delete a document with its tags; first it leaves its subject's list, where that is our duty (DEL-04).

        A document that can't be deleted is put back into the list.

        Raises:
            NotFoundError: it is not there.
            ConflictError: the list could not be changed for sure, and nothing was deleted.
            UnsupportedError: the registry does not delete documents.
        """
        unlisted = self._writer.remove(descriptor)
        try:
            self._manifests.delete(str(descriptor.digest))
        except NotFoundError:
            raise
        except OcictlError as error:
            if unlisted is not None:
                self._writer.put_back(unlisted, descriptor)
                error.add_note("it was taken out of its subject's list and put back")
            raise

    def delete_blob(self, descriptor: Descriptor) -> None:
        """Delete a blob.

        Raises:
            NotFoundError: it is not there.
            UnsupportedError: the registry does not delete blobs.
        """
        self._blobs.delete(descriptor.digest)

    def untag(self, tag: str) -> None:
        """Delete a tag. Registries from before OCI refuse that, and a few delete the document with it (DEL-01).

        Raises:
            NotFoundError: there is no such tag.
            UnsupportedError: the registry does not delete tags.
        """
        self._manifests.delete(check_tag(tag))

    def _is_document(self, descriptor: Descriptor) -> bool:
        return (
            descriptor.media_type in media_types.MANIFEST_ENDPOINT_TYPES
            or (descriptor.digest, descriptor.media_type) in self._resolved
        )

    def _read(self, descriptor: Descriptor, content: Content) -> bytes:
        """The bytes of a document to push, verified."""
        check_document_size(descriptor.size, self._limits.manifest_bytes, f"document {descriptor.digest}")
        with VerifyingReader(content.open(), descriptor) as reader:
            return reader.read()

    def _push_document(
        self, descriptor: Descriptor, raw: bytes, document: Document | None, tag: str | None
    ) -> PushReceipt:
        from ocictl.stores._pushing import explain_refusal

        place = check_tag(tag) if tag is not None else str(descriptor.digest)
        try:
            if tag is not None and descriptor.digest.algorithm != "sha256":
                # Under a tag alone a registry knows it by the digest of its own choice (MPUT-06).
                self._manifests.put(str(descriptor.digest), raw, descriptor)
            headers = self._manifests.put(place, raw, descriptor)
        except RegistryError as error:
            explain_refusal(error, document)
            raise
        self._resolved.add((descriptor.digest, descriptor.media_type))
        self._last_document = (descriptor.digest, raw)
        subject = document.subject if document and document.media_type in media_types.HAVE_SUBJECT else None
        if document is None or subject is None or headers is None:
            return PushReceipt(descriptor=descriptor)
        return self._writer.add(descriptor, document, subject, headers.get("OCI-Subject"))


def _backoff(limits: Limits) -> Callable[[int, OcictlError], float]:
    """Random waits that grow, unless the registry asked for a certain one (LIM-01)."""

    def seconds(attempt: int, error: OcictlError) -> float:
        asked = error.details.get("retry_after")
        if isinstance(asked, int | float):
            return min(float(asked), limits.retry_after_max)
        from random import SystemRandom

        return SystemRandom().uniform(0, min(limits.retry_base * 2 ** (attempt - 1), limits.retry_max))

    return seconds
