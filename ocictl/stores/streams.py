"""Opening bytes in a registry, at an offset, as they were stored (PULL-06, PULL-08)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ocictl.content import CHUNK
from ocictl.errors import RegistryError
from ocictl.model.descriptor import Descriptor
from ocictl.sources import BytesContent
from ocictl.target import ByteStream
from ocictl.transport.headers import content_range
from ocictl.transport.session import Headers, RegistryClient, Response
from ocictl.transport.url_policy import shown

HEAD_REFUSED: Final = frozenset({400, 403, 405, 501})
"""Answers to HEAD that don't mean the content is missing; GET decides, and its errors have a body (PULL-07)."""
PARTIAL: Final = 206
UNSATISFIABLE: Final = 416


def open_at(
    client: RegistryClient,
    url: str,
    descriptor: Descriptor,
    *,
    start: int,
    scopes: Sequence[str],
    headers: Mapping[str, str] | None = None,
) -> ByteStream:
    """Open content from an offset on. The stream's first byte is the one at `start`, always.

    Where the registry ignores ranges and sends the whole content, the bytes before `start` are read and
    thrown away here: a caller that has them saves disk and hashing, not traffic. The stream may end early
    or late; only a verifying reader knows.

    Raises:
        NotFoundError: there is no such content.
        RegistryError: `registry-protocol`: the answer is for another range, or is encoded;
            `registry-error`: the registry has no such range (416).
    """
    if start and start >= descriptor.size:
        return BytesContent(b"").open()
    # With its end: go-containerregistry's server takes `bytes=N-` for an error.
    wanted = {**(headers or {}), **({"Range": f"bytes={start}-{descriptor.size - 1}"} if start else {})}
    expected = {200, PARTIAL, UNSATISFIABLE} if start else {200}
    response = client.request("GET", url, expected=expected, scopes=scopes, headers=wanted)
    try:
        check_encoding(response)
        if response.status == UNSATISFIABLE:
            # Its body is never read: Distribution promises bytes there that it does not send (PULL-08).
            raise _broken(response, f"has no bytes of {descriptor.digest} from {start} on", "registry-error")
        if response.status == PARTIAL:
            _check_range(response, descriptor, start)
        elif start:
            _skip(response, start)
    except BaseException:
        response.close()
        raise
    return response


def check_encoding(response: Response) -> None:
    """Refuse bytes that are not as they were stored: digests cover those (DIG-08, PY-04).

    Raises:
        RegistryError: `registry-protocol`.
    """
    encoding = (response.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise _broken(
            response, f"sent Content-Encoding {encoding!r} that nobody asked for", "registry-protocol"
        )


def content_length(headers: Headers) -> int | None:
    """The Content-Length, or None if there is none that is a number."""
    value = (headers.get("Content-Length") or "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else None


def _check_range(response: Response, descriptor: Descriptor, start: int) -> None:
    value = response.headers.get("Content-Range")
    got = content_range(value)
    if (
        got is None
        or got.first != start
        or got.last is None
        or got.last >= descriptor.size
        or got.total not in (None, descriptor.size)
    ):
        raise _broken(
            response,
            f"answered with the range {value!r} where bytes {start} to {descriptor.size - 1} were asked for",
            "registry-protocol",
        )


def _skip(stream: ByteStream, count: int) -> None:
    while count > 0:
        data = stream.read(min(CHUNK, count))
        if not data:
            return
        count -= len(data)


def _broken(
    response: Response, what: str, code: str, hint: str = "start the transfer again from the first byte"
) -> RegistryError:
    return RegistryError(
        f"the registry {what}",
        code=code,
        hint=hint,
        status=response.status,
        method="GET",
        url=shown(response.url),
    )
