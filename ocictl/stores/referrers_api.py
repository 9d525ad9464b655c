"""The referrers endpoint of one repository, and whether there is one (section RFR)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from ocictl.errors import ContentError, NotFoundError, RegistryError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Index
from ocictl.stores import referrers
from ocictl.transport import endpoints, paging
from ocictl.transport.headers import media_type as base_type
from ocictl.transport.session import RegistryClient, Response
from ocictl.transport.url_policy import shown

Support: TypeAlias = Literal["unknown", "yes", "no"]

_REDIRECTS: Final = frozenset({300, 301, 302, 303, 304, 305, 306, 307, 308})
_NOT_THERE: Final = frozenset({400, 405, 406, 501}) | _REDIRECTS
"""Answers that mean "no such endpoint", beside 404 and a 200 that is no list; a redirect that would leave the
registry is one of them (RFR-10). 401, 403, 429 and 5xx are errors: "no referrers" would be a lie."""


class ReferrersApi:
    """Asks the referrers endpoint, and remembers whether it is there (RFR-12).

    Attributes:
        support: `unknown` until an answer proves something. It is never taken back from `yes`.
    """

    def __init__(self, client: RegistryClient, name: str) -> None:
        self._client = client
        self._name = name
        self._pull = (endpoints.pull_scope(name),)
        self.support: Support = "unknown"

    def confirm(self) -> None:
        """Note that the registry has listed a referrer by itself (RFT-02)."""
        self.support = "yes"

    def pages(self, subject: Descriptor, artifact_type: str | None = None) -> Iterator[Index] | None:
        """Ask for the referrers of a subject, page by page; None if the endpoint is not there.

        The first answer is judged before this returns, later pages are fetched on demand (RFR-07).

        Args:
            subject: whose referrers.
            artifact_type: what to ask the registry to filter by; it may not do so (RFR-08).

        Raises:
            NotFoundError: `repository-not-found`, which proves nothing about the endpoint (RFR-11).
            RegistryError: the registry refused for a reason that proves nothing about the endpoint.
        """
        url = endpoints.referrers(self._name, subject.digest, artifact_type=artifact_type)
        try:
            response = self._client.request(
                "GET",
                url,
                expected={200} | _NOT_THERE,
                scopes=self._pull,
                headers={"Accept": media_types.OCI_INDEX},
                redirects="own-origin",
            )
        except NotFoundError as error:
            if error.code == "repository-not-found":
                raise
            self._absent(subject)
            return None
        if response.status != 200 or base_type(response.headers.get("Content-Type")) != media_types.OCI_INDEX:
            response.close()
            self._absent(subject)
            return None
        bodies = paging.pages(
            self._client,
            url,
            scopes=self._pull,
            headers={"Accept": media_types.OCI_INDEX},
            first=response,
            redirects="own-origin",
        )
        return self._lists(subject, bodies)

    def _lists(self, subject: Descriptor, bodies: Iterator[tuple[Response, bytes]]) -> Iterator[Index] | None:
        _response, raw = next(bodies)
        try:
            first = referrers.read_list(raw, media_types.OCI_INDEX)
        except ContentError:
            self._absent(subject)
            return None
        self.support = "yes"
        return self._rest(first, bodies)

    def _rest(self, first: Index, bodies: Iterator[tuple[Response, bytes]]) -> Iterator[Index]:
        yield first
        for response, raw in bodies:
            try:
                yield referrers.read_list(raw)
            except ContentError as error:
                raise RegistryError(
                    f"a page of referrers is not an image index: {error.message}",
                    code="registry-protocol",
                    hint="list without the referrers API: --distribution-spec v1.1-referrers-tag",
                    status=200,
                    method="GET",
                    url=shown(response.url),
                ) from error

    def _absent(self, subject: Descriptor) -> None:
        """Note that the endpoint is not there.

        A 400 or 404 for a digest that registries need not know is no evidence.
        """
        if self.support == "unknown" and subject.digest.algorithm == "sha256":
            self.support = "no"
