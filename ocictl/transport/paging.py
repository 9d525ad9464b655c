"""Lists that come in pages (TAG-06, TAG-07)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ocictl.transport.response import Response
from ocictl.transport.session import RegistryClient


def pages(
    client: RegistryClient,
    url: str,
    *,
    scopes: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    first: Response | None = None,
) -> Iterator[tuple[Response, bytes]]:
    """SKELETON: each page (status 200) with its bounded body (limits.list_bytes); follows Link rel=next,
    same origin only, never a URL twice, at most limits.pages.
    first: an already received 200 answer of `url`, to go on from (for referrers: judge the first yourself)."""
    raise NotImplementedError


def next_page(response: Response, visited: set[str], *, pages: int) -> str | None:
    """SKELETON: absolute URL of the next page or None; raises on malformed/foreign/repeated."""
    raise NotImplementedError


def parse_tags(raw: bytes) -> list[str]:
    """SKELETON."""
    raise NotImplementedError


def parse_catalog(raw: bytes) -> list[str]:
    """SKELETON."""
    raise NotImplementedError
