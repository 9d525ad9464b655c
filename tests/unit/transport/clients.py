"""Clients and answers for the tests of the transport."""

from __future__ import annotations

import io
from typing import Any

from ocictl.events import Event
from ocictl.model.reference import Reference
from ocictl.transport.answers import BrokenAnswer, Headers
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.response import Response
from ocictl.transport.session import RegistryClient

QUICK = Limits(attempts=1, connect_timeout=5, idle_timeout=5)
"""No second attempts, so that a failure shows at once."""


def client(
    registry: str = "registry.example.com", *, events: list[Event] | None = None, **config: Any
) -> RegistryClient:
    """A client for `REGISTRY/a/b` that does not retry, unless `limits` says otherwise."""
    config.setdefault("limits", QUICK)
    sink = [] if events is None else events
    return RegistryClient(Reference.parse(f"{registry}/a/b:v1"), TransportConfig(**config), sink.append)


def answer(
    status: int = 200,
    body: bytes = b"",
    headers: list[tuple[str, str]] | None = None,
    *,
    method: str = "GET",
    url: str = "https://registry.example.com/v2/a/b/manifests/v1",
    at_home: bool = True,
) -> Response:
    """An answer as if it had come from a registry."""
    raw = InMemory(status, Headers(headers or []), body)
    return Response(raw, method=method, url=url, at_home=at_home, drain=65536)


class InMemory:
    """A `RawAnswer` whose body is there already."""

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self._body = io.BytesIO(body)
        self._size = int(headers.get("Content-Length") or len(body))

    @property
    def left(self) -> int | None:
        return self._size - self._body.tell()

    def read(self, size: int, /) -> bytes:
        data = self._body.read(size)
        if not data and self.left:
            raise BrokenAnswer
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        return self._body.readinto(buffer)

    def close(self) -> None:
        pass
