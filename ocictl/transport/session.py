"""The client of one registry."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Literal

from ocictl.events import EventSink, discard
from ocictl.model.reference import Reference
from ocictl.target import Content
from ocictl.transport.config import TransportConfig
from ocictl.transport.response import Headers, Response

__all__ = ["Headers", "RegistryClient", "Response"]


class RegistryClient:
    base_url: str
    registry: str
    config: TransportConfig

    def __init__(
        self, reference: Reference, config: TransportConfig, on_event: EventSink = discard
    ) -> None: ...

    def request(
        self,
        method: str,
        url: str,
        *,
        expected: Container[int],
        scopes: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        repeatable: bool | None = None,
        redirects: Literal["anywhere", "own-origin"] = "anywhere",
    ) -> Response:
        """SKELETON.

        repeatable: may be sent again after a lost connection, 408, 429, 5xx. None: yes for GET and HEAD.
            Say True for the PUT of a manifest and the POST that opens an upload.
        redirects: "own-origin" does not follow a redirect that leaves the registry's origin: the 3xx is the
            answer then (returned if expected, else an error). Use for referrers.
        """
        raise NotImplementedError

    def close(self) -> None: ...
