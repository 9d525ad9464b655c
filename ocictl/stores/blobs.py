"""The blobs endpoint of one repository: find, read and upload (PULL, PUSH)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ocictl.errors import (
    ContentError,
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
from ocictl.model.digest import Digest, new_hasher
from ocictl.stores.manifests import check_stated_digest, delete
from ocictl.stores.streams import HEAD_REFUSED, content_length, open_at
from ocictl.target import ByteStream, Content
from ocictl.transport import endpoints, url_policy
from ocictl.transport.network import TemporaryError
from ocictl.transport.retry import TEMPORARY
from ocictl.transport.session import RegistryClient

_CLOSED: Final = frozenset({200, 201, 202, 204})
"""Answers to the closing PUT that may mean the blob is stored; 201 by the book, the others by HEAD (PUSH-19)."""

_MOUNTED: Final = "mounted"
"""Stands for the location of an upload that is not needed."""

Backoff = Callable[[int, OcictlError], float]
"""Seconds to wait after the attempt of this number ended in this error."""


class Blobs:
    """The blobs endpoint of one repository."""

    def __init__(
        self,
        client: RegistryClient,
        name: str,
        *,
        on_event: EventSink,
        sleep: Callable[[float], None],
        backoff: Backoff,
    ) -> None:
        self._client = client
        self._name = name
        self._on_event = on_event
        self._sleep = sleep
        self._backoff = backoff
        self._pull = (endpoints.pull_scope(name),)
        self._push = (endpoints.push_scope(name),)
        self._scopes_to_delete = (endpoints.delete_scope(name),)
        self._may_mount = True

    def size(self, digest: Digest) -> int:
        """The blob's size in bytes: by HEAD, or by the head of GET where HEAD is refused (PULL-07).

        Raises:
            NotFoundError: there is no such blob.
            RegistryError: `registry-protocol`: neither answer tells the size.
        """
        size = self._length("HEAD", digest, {200} | HEAD_REFUSED)
        if size is None:
            size = self._length("GET", digest, {200})
        if size is None:
            raise RegistryError(
                f"the registry does not tell the size of blob {digest}",
                code="registry-protocol",
                hint="take the size from the manifest that lists the blob",
            )
        return size

    def exists(self, digest: Digest) -> bool:
        """Tell whether the blob is there (PUSH-02)."""
        with self._client.request(
            "HEAD", self._url(digest), expected={200, 404} | HEAD_REFUSED, scopes=self._pull
        ) as response:
            status = response.status
        if status in HEAD_REFUSED:
            # The body is not read; closing the answer gives up the connection instead.
            with self._client.request(
                "GET", self._url(digest), expected={200, 404}, scopes=self._pull
            ) as response:
                status = response.status
        return status != 404

    def open(self, descriptor: Descriptor, start: int) -> ByteStream:
        """Open a blob's bytes, unverified. See `open_at`."""
        return open_at(self._client, self._url(descriptor.digest), descriptor, start=start, scopes=self._pull)

    def push(self, descriptor: Descriptor, content: Content, *, mount_from: str | None = None) -> bool:
        """Upload a blob by POST and one PUT, in a new session as often as the limits allow (PUSH-03, PUSH-15).

        Args:
            descriptor: the blob.
            content: its bytes.
            mount_from: another repository of the registry that has it; the POST asks to take it over from there.

        Returns:
            Whether the registry took it over; then nothing was read of the content (PUSH-17).

        Raises:
            ContentError: `digest-mismatch`: the registry received other bytes than the digest names.
            RegistryError: `registry-protocol`, or what the registry answered.
        """
        location = self._mount(descriptor, mount_from) if mount_from and self._may_mount else None
        if location is _MOUNTED:
            return True
        attempts = self._client.config.limits.attempts
        for attempt in range(1, attempts + 1):
            location = location or self._begin(descriptor)
            if location is None:
                return False
            try:
                self._send(descriptor, content, location)
            except OcictlError as error:
                if not _is_worth_another(error) or attempt == attempts:
                    if _is_wrong_digest(error, descriptor):
                        raise _other_bytes(error, descriptor) from error
                    raise
                # The answer may have been lost after the blob was stored.
                with suppress(OcictlError):
                    if self.exists(descriptor.digest):
                        return False
                self._wait(location, attempt, error)
                location = None
            else:
                return False
        return False

    def delete(self, digest: Digest) -> None:
        """Take a blob away (DEL-03).

        Raises:
            NotFoundError: there is no such blob.
            UnsupportedError: the registry does not delete blobs.
        """
        delete(self._client, self._url(digest), self._scopes_to_delete)

    def _mount(self, descriptor: Descriptor, source: str) -> str | None:
        """Ask to take a blob over: `_MOUNTED`, or the location of the upload that began instead, or None.

        Who may write here need not be allowed to read there, and some registries refuse where they should begin
        an upload (PUSH-17). A refusal is no failure: the bytes are sent then, and mounting is not tried again.
        """
        try:
            with self._client.request(
                "POST",
                endpoints.mount(self._name, descriptor.digest, source),
                expected={201, 202},
                scopes=(*self._push, endpoints.pull_scope(source)),
                repeatable=True,
            ) as response:
                status = response.status
                location, answered = response.headers.get("Location"), response.url
        except (UnauthorizedError, DeniedError, NotFoundError, UnsupportedError, CredentialError):
            self._may_mount = False
            return None
        if status == 202:
            return url_policy.upload_location(location, answered, self._client.base_url)
        check_stated_digest(response.headers, descriptor.digest, "the mounted blob")
        return _MOUNTED

    def _begin(self, descriptor: Descriptor) -> str | None:
        """Open an upload session; its location, or None if the registry says the blob is there already."""
        url = endpoints.uploads(self._name, algorithm=descriptor.digest.algorithm)
        with self._client.request(
            "POST",
            url,
            expected={201, 202},
            scopes=self._push,
            repeatable=True,
        ) as response:
            status = response.status
            location, answered = response.headers.get("Location"), response.url
        if status == 202:
            return url_policy.upload_location(location, answered, self._client.base_url)
        if not self.exists(descriptor.digest):
            raise self._lacks(descriptor, "POST", status, answered)
        return None

    def _send(self, descriptor: Descriptor, content: Content, location: str) -> None:
        with self._client.request(
            "PUT",
            endpoints.finish_upload(location, descriptor.digest),
            expected=_CLOSED,
            scopes=self._push,
            headers={"Content-Type": "application/octet-stream"},
            content=content,
        ) as response:
            status = response.status
            check_stated_digest(response.headers, descriptor.digest, "the blob")
        if status != 201 and not self.exists(descriptor.digest):
            raise self._lacks(descriptor, "PUT", status, location)

    def _lacks(self, descriptor: Descriptor, method: str, status: int, url: str) -> RegistryError:
        return RegistryError(
            f"the registry answered the upload of {descriptor.digest} with {status}, but does not have the blob",
            code="registry-protocol",
            hint="run the command again; if it happens again, ask whoever runs the registry",
            status=status,
            method=method,
            url=url_policy.shown(url),
        )

    def _wait(self, location: str, attempt: int, error: OcictlError) -> None:
        delay = self._backoff(attempt, error)
        self._on_event(
            Retrying(
                method="PUT",
                url=url_policy.shown(location),
                reason=error.message,
                attempt=attempt,
                delay=delay,
            )
        )
        self._sleep(delay)

    def _length(self, method: str, digest: Digest, expected: set[int] | frozenset[int]) -> int | None:
        with self._client.request(
            method, self._url(digest), expected=expected, scopes=self._pull
        ) as response:
            size = content_length(response.headers) if response.status == 200 else None
        # Some answers to HEAD say 0 where they mean "not told".
        return None if size == 0 and not _is_empty(digest) else size

    def _url(self, digest: Digest) -> str:
        return endpoints.blob(self._name, digest)


def _is_empty(digest: Digest) -> bool:
    return digest.verifiable and digest.encoded == new_hasher(digest.algorithm).hexdigest()


def _is_worth_another(error: OcictlError) -> bool:
    """Whether a new upload session may succeed where this one failed (HTTP-06, PUSH-15)."""
    if isinstance(error, TemporaryError):
        return True
    if isinstance(error, NotFoundError):
        # The session is gone, unless it was the source of the bytes that could not find something.
        return error.details.get("method") == "PUT"
    return isinstance(error, RegistryError) and (
        error.status in TEMPORARY or error.has_code("BLOB_UPLOAD_UNKNOWN")
    )


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
