"""Upload sessions of one repository: opened, taken over from another repository, given back (PUSH)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ocictl.errors import (
    CredentialError,
    DeniedError,
    NotFoundError,
    OcictlError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ocictl.events import EventSink, Retrying
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.stores.chunks import Session, chunk_minimum
from ocictl.stores.manifests import check_stated_digest
from ocictl.transport import endpoints, url_policy
from ocictl.transport.session import RegistryClient

Backoff = Callable[[int, OcictlError], float]
"""Seconds to wait after the attempt of this number ended in this error."""


class UploadSessions:
    """Opens upload sessions, and remembers what the registry taught about them. May be used by several threads.

    Attributes:
        client: the registry's.
        name: the repository's.
        scopes: what uploads need.
        exists: asks whether a blob is there.
        on_event: told about what is tried again, and what is kept.
        refused: repositories that nothing could be taken over from.
        largest: most bytes in one request, as the user wants it or a 413 has taught; None: any number.
    """

    def __init__(
        self,
        client: RegistryClient,
        name: str,
        *,
        exists: Callable[[Digest], bool],
        on_event: EventSink,
        sleep: Callable[[float], None],
        backoff: Backoff,
    ) -> None:
        self.client = client
        self.scopes = (endpoints.push_scope(name),)
        self.exists = exists
        self.on_event = on_event
        self.largest: int | None = client.config.chunk_size
        self.refused: set[str] = set()
        self.name = name
        self._sleep = sleep
        self._backoff = backoff

    def begin(self, descriptor: Descriptor) -> Session | None:
        """Open an upload session, or None if the registry says the blob is there already."""
        with self.client.request(
            "POST",
            endpoints.uploads(self.name, algorithm=descriptor.digest.algorithm),
            expected={201, 202},
            scopes=self.scopes,
            repeatable=True,
        ) as response:
            status, answered = response.status, response.url
        if status == 202:
            location = url_policy.upload_location(
                response.headers.get("Location"), answered, self.client.base_url
            )
            return Session(location, least=chunk_minimum(response.headers))
        if not self.exists(descriptor.digest):
            raise lacks(descriptor, "POST", status, answered)
        return None

    def pause(self, location: str, method: str, attempt: int, error: OcictlError) -> None:
        """Announce that something is tried again, and wait."""
        delay = self._backoff(attempt, error)
        url = url_policy.shown(location)
        self.on_event(Retrying(method=method, url=url, reason=error.message, attempt=attempt, delay=delay))
        self._sleep(delay)

    def mount(self, descriptor: Descriptor, source: str) -> tuple[bool, Session | None]:
        """Ask to take a blob over; tell whether it was, and which upload began instead if one did.

        Who may write here need not be allowed to read there, and some registries refuse where they should begin
        an upload (PUSH-17). A refusal is no failure: the bytes are sent then, and this is not tried again.
        """
        try:
            with self.client.request(
                "POST",
                endpoints.mount(self.name, descriptor.digest, source),
                expected={201, 202},
                scopes=(*self.scopes, endpoints.pull_scope(source)),
                repeatable=True,
            ) as response:
                status, answered = response.status, response.url
        except (UnauthorizedError, DeniedError, NotFoundError, UnsupportedError, CredentialError):
            self.refused.add(source)
            return False, None
        if status == 202:
            location = url_policy.upload_location(
                response.headers.get("Location"), answered, self.client.base_url
            )
            return False, Session(location, least=chunk_minimum(response.headers))
        check_stated_digest(response.headers, descriptor.digest, "the mounted blob")
        return True, None

    def cancel(self, session: Session) -> None:
        """Give a session back that is not needed; whether that works does not matter (PUSH-14)."""
        with (
            suppress(OcictlError),
            self.client.request("DELETE", session.location, expected={200, 202, 204}, scopes=self.scopes),
        ):
            pass


def lacks(descriptor: Descriptor, method: str, status: int, url: str) -> RegistryError:
    """The error for an upload that is said to be done, while the blob is not there."""
    return RegistryError(
        f"the registry answered the upload of {descriptor.digest} with {status}, but does not have the blob",
        code="registry-protocol",
        hint="run the command again; if it happens again, ask whoever runs the registry",
        status=status,
        method=method,
        url=url_policy.shown(url),
    )
