"""One blob on its way: whole by one PUT, in chunks where that is needed, gone on with after a cut (PUSH).

Why it is done this way: docs/adr/0012-uploads.md.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ocictl.errors import (
    ContentError,
    NotFoundError,
    OcictlError,
    RegistryError,
    StorageError,
    TransportError,
)
from ocictl.events import TransferKept
from ocictl.model.descriptor import Descriptor
from ocictl.stores.chunks import OCTETS, Chunks, ChunksRefusedError, Session, has_signed_state, is_passing
from ocictl.stores.manifests import check_stated_digest
from ocictl.stores.upload_records import UploadRecord
from ocictl.stores.upload_sessions import UploadSessions, lacks
from ocictl.stores.upload_source import Source
from ocictl.target import Content
from ocictl.transport import endpoints, url_policy

_CLOSED: Final = frozenset({200, 201, 202, 204})
"""Answers to the closing PUT that may mean the blob is stored; 201 by the book, the others by HEAD (PUSH-19)."""


class Upload:
    """One blob on its way."""

    def __init__(
        self, sessions: UploadSessions, descriptor: Descriptor, content: Content, record: UploadRecord
    ) -> None:
        self._sessions = sessions
        self._client = sessions.client
        self._limits = sessions.client.config.limits
        self._descriptor = descriptor
        self._content = content
        self._record = record
        self._chunk = sessions.largest
        self._only_chunks = False
        self._only_whole = False
        self._began_anew = False
        self._session: Session | None = None

    def run(self, session: Session | None) -> None:
        """Send it. What an interruption leaves behind is told of and remembered."""
        self._session = self._remembered() or session
        try:
            self._run()
        except (ContentError, StorageError):
            self._record.remove()
            raise
        except BaseException as error:
            self._keep(error)
            raise
        self._record.remove()

    def _run(self) -> None:
        failures = 0
        while True:
            session = self._session = self._session or self._sessions.begin(self._descriptor)
            if session is None:
                return
            try:
                self._send(session)
            except OcictlError as error:
                if not self._goes_another_way(error, session):
                    failures += 1
                    if self._is_stored(error, session, last=failures >= self._limits.attempts):
                        return
                    self._sessions.pause(session.location, _method(error), failures, error)
                    self._prefer_chunks(error, session)
                self._session = None
                self._record.clear()
            else:
                return

    def _remembered(self) -> Session | None:
        """The session that an earlier run left, if it still lives; it says how far it is."""
        if self._record.was_cut and self._record.location is None:
            self._chunk = self._chunk or self._limits.chunk_bytes
        if self._record.location is None:
            return None
        try:
            base = self._client.base_url
            session = Session(url_policy.upload_location(self._record.location, base, base), is_doubtful=True)
            self._chunk = self._chunk or self._limits.chunk_bytes
            with Source(self._content) as source:
                self._chunks(session, source).ask(NotFoundError("the session is gone"))
        except TransportError:
            return None
        except (RegistryError, NotFoundError):
            self._record.clear()
            return None
        return session

    def _send(self, session: Session) -> None:
        descriptor = self._descriptor
        size = descriptor.size
        in_chunks = self._chunk is not None and not self._only_whole
        if not session.offset and in_chunks and not self._only_chunks and self._sessions.largest is None:
            # Chunks were only chosen for the sake of going on, and here that is not possible.
            in_chunks = not has_signed_state(session.location)
        if not session.offset and (not in_chunks or size <= (self._chunk or 0)):
            self._close(session, self._content)
            return
        if not session.offset:
            self._record.save(session.location)
        with Source(self._content) as source:
            chunks = self._chunks(session, source)
            try:
                chunks.send()
            finally:
                self._chunk = chunks.size
            for attempt in range(1, self._limits.attempts + 1):
                try:
                    self._close(session, None)
                except OcictlError as error:
                    if attempt == self._limits.attempts or not is_passing(error):
                        raise
                    self._sessions.pause(session.location, "PUT", attempt, error)
                    if self._exists():
                        return
                    chunks.ask(error)
                    chunks.send()
                else:
                    return

    def _chunks(self, session: Session, source: Source) -> Chunks:
        def remember() -> None:
            if session.offset and session.survives_cuts:
                self._record.save(session.location)

        def pause(method: str, attempt: int, error: OcictlError) -> None:
            self._sessions.pause(session.location, method, attempt, error)

        return Chunks(
            self._client,
            session,
            source,
            self._chunk or self._limits.chunk_bytes,
            scopes=self._sessions.scopes,
            on_progress=remember,
            pause=pause,
        )

    def _close(self, session: Session, content: Content | None) -> None:
        """The closing PUT, with the whole blob or with nothing (PUSH-13)."""
        with self._client.request(
            "PUT",
            endpoints.finish_upload(session.location, self._descriptor.digest),
            expected=_CLOSED,
            scopes=self._sessions.scopes,
            headers=OCTETS,
            content=content,
        ) as response:
            status = response.status
            check_stated_digest(response.headers, self._descriptor.digest, "the blob")
        if status != 201 and not self._sessions.exists(self._descriptor.digest):
            raise lacks(self._descriptor, "PUT", status, session.location)

    def _goes_another_way(self, error: OcictlError, session: Session) -> bool:
        """Choose another way to send the blob where the error asks for one; each choice is made at most once."""
        if isinstance(error, ChunksRefusedError) and not self._only_chunks:
            self._only_whole = True
            return True
        if session.is_doubtful and not self._began_anew and _is_wrong_digest(error, self._descriptor):
            # What was there from before the break was not what was thought (U3): once from the first byte.
            self._began_anew = True
            return True
        if not isinstance(error, RegistryError) or error.status != 413 or error.method == "POST":
            return False
        size = self._descriptor.size
        smaller = min(min(self._chunk or size, size) // 2, self._limits.chunk_bytes)
        if self._only_whole or smaller < max(self._limits.chunk_floor, session.least):
            return False
        self._only_chunks = True
        self._chunk = self._sessions.largest = smaller
        return True

    def _is_stored(self, error: OcictlError, session: Session, *, last: bool) -> bool:
        """After a failure: whether the blob is there all the same; its answer may have been lost (PUSH-19).

        Raises:
            OcictlError: the error, if it is final.
        """
        if session.offset and not session.is_lost and is_passing(error):
            # The session holds what was sent, so patience ends here and a later run goes on.
            last = True
        if last or not (session.is_lost or _is_worth_another(error)):
            if _is_wrong_digest(error, self._descriptor):
                raise _other_bytes(error, self._descriptor) from error
            raise error
        return self._exists()

    def _exists(self) -> bool:
        with suppress(OcictlError):
            return self._sessions.exists(self._descriptor.digest)
        return False

    def _prefer_chunks(self, error: OcictlError, session: Session) -> None:
        """After a big blob broke off: send it in a way that can be gone on with, where there is one."""
        large = self._descriptor.size >= self._limits.resume_bytes
        if isinstance(error, TransportError) and large and not has_signed_state(session.location):
            self._chunk = self._chunk or self._limits.chunk_bytes

    def _keep(self, error: BaseException) -> None:
        """After a failure: see to it that the record says no more than is true, and tell what a later run has of it."""
        session = self._session
        if session is None:
            return
        if not session.survives_cuts:
            self._record.clear()
        if not session.offset and isinstance(error, RegistryError) and not is_passing(error):
            self._record.remove()
        elif session.offset and self._record.location is not None:
            self._sessions.on_event(
                TransferKept(descriptor=self._descriptor, direction="push", offset=session.offset)
            )


def _method(error: OcictlError) -> str:
    return str(error.details.get("method") or "PUT")


def _is_worth_another(error: OcictlError) -> bool:
    """Whether a new upload session may succeed where this one failed (HTTP-06, PUSH-15)."""
    if isinstance(error, NotFoundError):
        # The session is gone, unless it was the source of the bytes that could not find something.
        return error.details.get("method") in ("PUT", "PATCH")
    if isinstance(error, RegistryError) and error.has_code("BLOB_UPLOAD_UNKNOWN"):
        return True
    return is_passing(error)


def _is_wrong_digest(error: OcictlError, descriptor: Descriptor) -> bool:
    """Whether this is the registry's word that the bytes are not what the descriptor says (PUSH-16).

    For algorithms that registries need not know the same code means "unknown algorithm".
    """
    return (
        isinstance(error, RegistryError)
        and error.has_code("DIGEST_INVALID")
        and descriptor.digest.algorithm == "sha256"
    )


def _other_bytes(error: OcictlError, descriptor: Descriptor) -> ContentError:
    return ContentError(
        f"the registry received other bytes than {descriptor.digest} names",
        code="digest-mismatch",
        hint="check that the source does not change while it is sent, then run the command again",
        details={**error.details, "expected": str(descriptor.digest), "rule": "PUSH-16"},
    )
