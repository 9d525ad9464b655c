"""Uploads that need no digest beforehand: one PATCH, while the digest is computed, and then the closing PUT.

The file is read once instead of twice. This is known to work with CNCF Distribution and what is built on it; other
registries refuse a large PATCH or cut it (docs/adr/0016-one-read.md).
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import Final

from ocictl.errors import ContentError, NotFoundError, OcictlError, StorageError
from ocictl.model.digest import Digest
from ocictl.sources import HashedContent
from ocictl.stores.chunks import OCTETS, has_signed_state
from ocictl.stores.manifests import check_stated_digest
from ocictl.target import Content
from ocictl.transport import endpoints, url_policy
from ocictl.transport.session import RegistryClient

_ALGORITHM: Final = "sha256"


class OneRead:
    """Sends blobs to one repository that was new at the first of them. May be used by several threads."""

    def __init__(self, client: RegistryClient, name: str) -> None:
        self._client = client
        self._name = name
        self._scopes = (endpoints.push_scope(name),)
        self._works: bool | None = None
        self._lock = Lock()

    def push(self, content: Content) -> Digest | None:
        """Send a blob; None if it has to be done in the usual way, and perhaps a part was sent for nothing.

        Raises:
            ContentError, StorageError: the content can't be read, or changed.
        """
        with self._lock:
            if self._works is None:
                self._works = self._is_new()
        if not self._works:
            return None
        try:
            return self._push(content)
        except (ContentError, StorageError):
            raise
        except OcictlError:
            # Whatever it is, the usual way meets it again and knows what to do about it.
            self._works = False
            return None

    def _push(self, content: Content) -> Digest | None:
        location = self._begin()
        if location is None:
            self._works = False
            return None
        with HashedContent(content, _ALGORITHM) as hashed:
            try:
                with self._client.request(
                    "PATCH",
                    location,
                    expected={202},
                    scopes=self._scopes,
                    headers={**OCTETS, "Content-Range": f"0-{content.size - 1}"},
                    content=hashed,
                ) as response:
                    location = self._next(response.headers.get("Location"), response.url)
                digest = hashed.digest
                with self._client.request(
                    "PUT",
                    endpoints.finish_upload(location, digest),
                    expected={201},
                    scopes=self._scopes,
                    headers=OCTETS,
                ) as response:
                    check_stated_digest(response.headers, digest, "the blob")
            except OcictlError:
                self._cancel(location)
                raise
        return digest

    def _is_new(self) -> bool:
        """Whether the registry says that there is no such repository, so that nothing of it can be there."""
        try:
            with self._client.request(
                "GET", endpoints.tags(self._name, count=1), expected={200}, scopes=self._scopes
            ):
                return False
        except NotFoundError as error:
            return error.code == "repository-not-found"
        except OcictlError:
            return False

    def _begin(self) -> str | None:
        """Open a session; its location if it is one of a registry that is known to take this."""
        with self._client.request(
            "POST",
            endpoints.uploads(self._name, algorithm=_ALGORITHM),
            expected={202},
            scopes=self._scopes,
            repeatable=True,
        ) as response:
            location = self._next(response.headers.get("Location"), response.url)
        if has_signed_state(location):
            return location
        self._cancel(location)
        return None

    def _next(self, location: str | None, answered: str) -> str:
        return url_policy.upload_location(location, answered, self._client.base_url)

    def _cancel(self, location: str) -> None:
        """Give a session back; whether that works does not matter (PUSH-14)."""
        with (
            suppress(OcictlError),
            self._client.request("DELETE", location, expected={200, 202, 204}, scopes=self._scopes),
        ):
            pass
