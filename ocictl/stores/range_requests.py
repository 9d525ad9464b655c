"""Parts of a blob in a registry, each by a request of its own, and how many such requests run at once (ADR 0013)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

from ocictl.errors import RegistryError
from ocictl.model.descriptor import Descriptor
from ocictl.stores.streams import PARTIAL, UNSATISFIABLE, check_encoding
from ocictl.target import ByteStream
from ocictl.transport.headers import content_range
from ocictl.transport.session import RegistryClient, Response
from ocictl.transport.url_policy import is_loopback, origin_of, shown

__all__ = ["SharedLines", "open_range", "shared_lines"]

_ANSWERS: Final = frozenset({200, PARTIAL, UNSATISFIABLE})


class SharedLines:
    """The connections that all large blobs of a repository have together; implements `ocictl.target.Lines`.

    Attributes:
        most: for all of them.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._used = 0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Count the one connection that every transfer has."""
        with self._lock:
            self._used += 1

    def try_another(self) -> bool:
        """Count one more, if that is not too many; tell whether it is not."""
        with self._lock:
            free = self._used < self.most
            self._used += free
            return free

    def end(self) -> None:
        """One less is used."""
        with self._lock:
            self._used -= 1


def shared_lines(client: RegistryClient) -> SharedLines | None:
    """The lines of a repository; None where more than one would gain nothing: none are allowed, or it is near."""
    config = client.config
    if config.range_connections <= 1 or not (config.range_on_loopback or _is_far(client)):
        return None
    return SharedLines(config.range_connections)


def open_range(
    client: RegistryClient, url: str, descriptor: Descriptor, *, start: int, end: int, scopes: Sequence[str]
) -> ByteStream:
    """Open the bytes of a blob from `start` up to and without `end`: these or none.

    It is asked for once. A registry that is overloaded or limits requests is left alone by further connections.

    Raises:
        RegistryError: `registry-protocol`: the answer is not this range, or is encoded.
        OcictlError: what the request raises.
    """
    wanted = {"Range": f"bytes={start}-{end - 1}"}
    response = client.request("GET", url, expected=_ANSWERS, scopes=scopes, headers=wanted, repeatable=False)
    try:
        check_encoding(response)
        got = content_range(response.headers.get("Content-Range"))
        if (
            response.status != PARTIAL
            or got is None
            or (got.first, got.last) != (start, end - 1)
            or got.total not in (None, descriptor.size)
        ):
            raise _other_range(response)
    except BaseException:
        response.close()
        raise
    return response


def _is_far(client: RegistryClient) -> bool:
    """Whether the registry is on another machine, as far as names and given addresses tell."""
    origin = origin_of(client.base_url)
    given = [known.address for known in client.config.resolve if known.host == origin.host]
    return not any(map(is_loopback, [origin.host, *given]))


def _other_range(response: Response) -> RegistryError:
    return RegistryError(
        "the registry did not answer with the range that was asked for",
        code="registry-protocol",
        hint="use one connection: --concurrency 1",
        status=response.status,
        method="GET",
        url=shown(response.url),
    )
