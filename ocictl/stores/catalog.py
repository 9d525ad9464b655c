"""The repositories of a registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ocictl.events import EventSink, discard
from ocictl.model.reference import Reference, check_registry
from ocictl.transport import endpoints, paging
from ocictl.transport.config import TransportConfig
from ocictl.transport.session import RegistryClient

_DEFAULTS: Final = TransportConfig()


class RegistryCatalog:
    """What a registry says it has; implements `ocictl.target.Catalog`.

    No specification covers this list. Many registries refuse it, and others leave out what the user may not see:
    what is not listed may be there all the same (CAT-03).
    """

    def __init__(
        self, registry: str, config: TransportConfig = _DEFAULTS, *, on_event: EventSink = discard
    ) -> None:
        """
        Args:
            registry: host and perhaps port.
            config: how to reach it.
            on_event: told about warnings and retries.

        Raises:
            InvalidInputError: `reference-invalid`.
        """
        self._registry = check_registry(registry)
        self._client = RegistryClient(Reference(registry=registry, repository=""), config, on_event)

    @property
    def registry(self) -> str:
        """As the user wrote it."""
        return self._registry

    def close(self) -> None:
        """Give up all connections."""
        self._client.close()

    def repositories(self, *, last: str | None = None) -> Iterator[str]:
        """List the names of repositories, sorted; only those after `last` if given (CAT-01, CAT-02).

        Raises:
            RegistryError, NotFoundError: the registry does not list its repositories (CAT-03).
        """
        found: set[str] = set()
        url = endpoints.catalog(last=last)
        for _response, raw in paging.pages(self._client, url, scopes=(endpoints.CATALOG_SCOPE,)):
            found.update(paging.parse_catalog(raw))
        yield from sorted(name for name in found if last is None or name > last)
