"""A client that knows nothing of registries: one request, the answer as it came."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.support.registry import HttpServer

__all__ = ["Answer", "call"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer: status, headers, body as transferred."""

    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The registry's error codes."""
        return [entry["code"] for entry in self.json["errors"]]


def call(
    server: HttpServer,
    method: str,
    target: str,
    body: bytes | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request on a connection of its own and read the answer to its end.

    Args:
        target: path and query, or a full URL on this server.
    """
    parts = urlsplit(target)
    if parts.netloc:
        target = parts._replace(scheme="", netloc="").geturl()
    kind = (
        http.client.HTTPSConnection("127.0.0.1", server.port, timeout=20, context=tls)
        if tls is not None
        else http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    )
    try:
        kind.request(method, target, body=body, headers=dict(headers or {}))
        response = kind.getresponse()
        return Answer(status=response.status, headers=response.headers, body=response.read())
    finally:
        kind.close()
