"""The blobs endpoint of one repository: find, read and upload (PULL, PUSH)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ocictl.errors import RegistryError
from ocictl.events import EventSink
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest, new_hasher
from ocictl.stores.manifests import delete
from ocictl.stores.streams import HEAD_REFUSED, content_length, open_at
from ocictl.target import ByteStream, Content
from ocictl.transport import endpoints
from ocictl.transport.session import RegistryClient

if TYPE_CHECKING:
    from ocictl.stores.upload_sessions import Backoff
    from ocictl.stores.uploads import Uploads


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
        self._pull = (endpoints.pull_scope(name),)
        self._scopes_to_delete = (endpoints.delete_scope(name),)
        self._on_event = on_event
        self._sleep = sleep
        self._backoff = backoff

    @cached_property
    def _uploads(self) -> Uploads:
        from ocictl.stores.upload_sessions import UploadSessions
        from ocictl.stores.uploads import Uploads

        sessions = UploadSessions(
            self._client,
            self._name,
            exists=self.exists,
            on_event=self._on_event,
            sleep=self._sleep,
            backoff=self._backoff,
        )
        return Uploads(sessions)

    @property
    def may_send_at_once(self) -> bool:
        """Whether nothing stands against sending a blob of any size in one request."""
        return self._uploads.largest is None

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

    def push(self, descriptor: Descriptor, content: Content, *, mount_from: Sequence[str] = ()) -> bool:
        """Upload a blob; see `Uploads.push`."""
        return self._uploads.push(descriptor, content, mount_from=mount_from)

    def delete(self, digest: Digest) -> None:
        """Take a blob away (DEL-03).

        Raises:
            NotFoundError: there is no such blob.
            UnsupportedError: the registry does not delete blobs.
        """
        delete(self._client, self._url(digest), self._scopes_to_delete)

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
