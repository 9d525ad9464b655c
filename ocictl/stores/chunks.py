"""A blob in chunks: PATCH after PATCH into one session, and going on after a break (PUSH-06 to PUSH-13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ocictl.errors import NotFoundError, OcictlError, RegistryError, UnsupportedError
from ocictl.stores.upload_source import Source
from ocictl.transport import url_policy
from ocictl.transport.network import TemporaryError
from ocictl.transport.retry import TEMPORARY
from ocictl.transport.session import Headers, RegistryClient

OCTETS: Final[Mapping[str, str]] = {"Content-Type": "application/octet-stream"}
_TAKEN: Final = frozenset({200, 201, 202, 204})
"""Answers to PATCH; 202 by the book. Range and the digest of the whole tell what they mean (PUSH-19)."""
_RANGE: Final = re.compile(r"(?:bytes[= ] *)?0-([0-9]{1,18})", re.ASCII)
_MOST_JUMPS: Final = 20
"""How often a registry may answer 416 in one session."""


class ChunksRefusedError(RegistryError):
    """The registry does not take this blob in chunks."""


class Session:
    """An upload session of a registry.

    Attributes:
        location: newest URL of it (PUSH-10).
        least: bytes that every chunk but the last has to have (PUSH-08).
        offset: bytes that the registry has said it has.
        is_doubtful: the session was gone on with after a break, so it may hold bytes twice.
        is_lost: it can't be gone on with.
        is_sending: a request with bytes is under way, or was cut.
    """

    def __init__(self, location: str, *, least: int = 0, is_doubtful: bool = False) -> None:
        self.location = location
        self.least = least
        self.offset = 0
        self.is_doubtful = is_doubtful
        self.is_lost = False
        self.is_sending = False

    @property
    def survives_cuts(self) -> bool:
        """Whether the session may live on after a cut in the middle of a request.

        Distribution signs the offset into `_state`, writes what it gets of a broken request, and from then on
        answers every request 404 because the two differ.
        """
        return not self.is_lost and not (self.is_sending and has_signed_state(self.location))


def has_signed_state(location: str) -> bool:
    """Whether this is the upload location of a CNCF Distribution registry."""
    return "_state=" in location.partition("?")[2]


def chunk_minimum(headers: Headers) -> int:
    """What `OCI-Chunk-Min-Length` asks for, 0 if nothing that makes sense (PUSH-08)."""
    text = (headers.get("OCI-Chunk-Min-Length") or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


class Chunks:
    """Sends the bytes that a session lacks. The caller closes the session afterwards."""

    def __init__(
        self,
        client: RegistryClient,
        session: Session,
        source: Source,
        size: int,
        *,
        scopes: tuple[str, ...],
        on_progress: Callable[[], None],
        pause: Callable[[str, int, OcictlError], None],
    ) -> None:
        """
        Args:
            client: sends.
            session: goes along.
            source: the blob.
            size: of a chunk in bytes; the session's minimum counts more.
            scopes: what the requests need.
            on_progress: called when location or offset are new.
            pause: waits after the failure of a request: its method, how many there were in a row, what failed.
        """
        self.size = max(size, session.least)
        self._client = client
        self._session = session
        self._source = source
        self._scopes = scopes
        self._on_progress = on_progress
        self._pause = pause
        self._sent = source.size if session.is_doubtful else session.offset
        self._jumps = 0

    def send(self) -> None:
        """Send everything.

        Raises:
            ChunksRefusedError: the registry does not take chunks, or none of this size.
            OcictlError: what the last of several failures was; the session says whether it is lost.
        """
        session, failures, stuck, best = self._session, 0, 0, self._session.offset
        broken: OcictlError | None = None
        while session.offset < self._source.size:
            try:
                if broken is not None:
                    self.ask(broken)
                    broken = None
                stuck += self._patch()
            except OcictlError as error:
                failures += 1
                out_of_patience = failures >= self._client.config.limits.attempts
                if session.is_lost or out_of_patience or not is_passing(error):
                    raise
                self._pause("PATCH", failures, error)
                broken = error
            if stuck > 1:
                raise self._refused("takes chunks and drops them")
            if session.offset > best:
                best, failures, stuck = session.offset, 0, 0

    def ask(self, reason: OcictlError) -> None:
        """Let the registry say how far the session is (PUSH-12).

        Args:
            reason: what led to the question; it is raised if there is no answer to go on with.
        """
        session = self._session
        session.is_doubtful = True
        try:
            with self._client.request(
                "GET", session.location, expected={200, 202, 204}, scopes=self._scopes
            ) as response:
                known = acknowledged(response.headers, session.offset, self._sent)
                location, answered = response.headers.get("Location"), response.url
        except (NotFoundError, UnsupportedError, RegistryError) as error:
            session.is_lost = True
            raise reason from error
        if known is None or known > self._sent:
            session.is_lost = True
            raise reason
        self._moved(location, answered, known)

    def _patch(self) -> bool:
        """Send one chunk; tell whether it was taken and nothing of it kept."""
        session = self._session
        start = session.offset
        count = min(self.size, self._source.size - start)
        stop = start + count
        session.is_sending = True
        self._sent = max(self._sent, stop)
        try:
            with self._client.request(
                "PATCH",
                session.location,
                expected=_TAKEN,
                scopes=self._scopes,
                headers={**OCTETS, "Content-Range": f"{start}-{stop - 1}"},
                content=self._source.piece(start, count),
            ) as response:
                stated = response.headers.get("Range")
                known = acknowledged(response.headers, start, stop)
                location, answered = response.headers.get("Location"), response.url
        except RegistryError as error:
            if error.status == 416 and self._jumps < _MOST_JUMPS:
                self._jumps += 1
                self._jump(error, start)
                return False
            if not start and _refuses_chunks(error):
                raise self._refused(f"answered a chunk with {error.status}") from error
            raise
        if stated is None:
            known = stop
        if known is None or known > stop:
            session.is_lost = True
            raise self._nonsense(stated)
        self._moved(location, answered, known)
        return known <= start

    def _jump(self, error: RegistryError, start: int) -> None:
        """After 416: go on where the registry is; where that is where we were, the chunk was too large."""
        self.ask(error)
        if self._session.offset != start:
            return
        smaller = self.size // 2
        if smaller < max(self._session.least, self._client.config.limits.chunk_floor):
            raise self._refused("answered every size of a chunk with 416") from error
        self.size = smaller

    def _moved(self, location: str | None, answered: str, known: int) -> None:
        session = self._session
        if location is not None:
            session.location = url_policy.upload_location(location, answered, self._client.base_url)
        session.offset = known
        session.is_sending = False
        self._on_progress()

    def _refused(self, what: str) -> ChunksRefusedError:
        return ChunksRefusedError(
            f"the registry {what}",
            code="registry-protocol",
            hint="leave out --chunk-size",
            method="PATCH",
            url=url_policy.shown(self._session.location),
        )

    def _nonsense(self, stated: str | None) -> RegistryError:
        return RegistryError(
            "the registry says it has bytes of the upload that it was not sent",
            code="registry-protocol",
            hint="run the command again; if it happens again, ask whoever runs the registry",
            method="PATCH",
            url=url_policy.shown(self._session.location),
            details={"range": (stated or "")[:80], "rule": "PUSH-12"},
        )


def acknowledged(headers: Headers, before: int, sent: int) -> int | None:
    """How many bytes the registry says it has, or None if it does not say so (PUSH-10, PUSH-12, GAP-04).

    "None at all" can't be said by a range; `0-0` is taken for it unless there must be a byte.
    """
    match = _RANGE.fullmatch((headers.get("Range") or "").strip())
    if match is None:
        return None
    last = int(match[1])
    return 0 if last == 0 and before == 0 and sent != 1 else last + 1


def is_passing(error: OcictlError) -> bool:
    """Whether the same request may succeed later (HTTP-06)."""
    return isinstance(error, TemporaryError) or (
        isinstance(error, RegistryError) and error.status in TEMPORARY
    )


def _refuses_chunks(error: RegistryError) -> bool:
    return error.status in (400, 405, 411, 415, 422, 501)
