"""What requests says of the way through a proxy, in the words of the transport."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import responses
from requests import exceptions as requests_errors
from urllib3 import HTTPHeaderDict
from urllib3 import exceptions as urllib3_errors

from ocictl.errors import TransportError
from ocictl.transport.answers import BrokenAnswer
from ocictl.transport.network import TemporaryError, Unreached
from ocictl.transport.proxied import RequestsAnswer, _translated
from tests.unit.transport.clients import client

POOL: Any = None


def refused() -> requests.ConnectionError:
    """What requests makes of a proxy that is not there."""
    reason = urllib3_errors.ProxyError("SECRET", OSError(111, "Connection refused"))
    return requests_errors.ProxyError(urllib3_errors.MaxRetryError(POOL, "/", reason))


@pytest.mark.parametrize(
    ("error", "kind", "through_proxy"),
    [
        (refused(), Unreached, True),
        (
            requests_errors.ConnectionError(
                urllib3_errors.MaxRetryError(POOL, "/", urllib3_errors.NewConnectionError(POOL, "SECRET"))
            ),
            Unreached,
            False,
        ),
        (
            requests_errors.ConnectTimeout(
                urllib3_errors.MaxRetryError(POOL, "/", urllib3_errors.ConnectTimeoutError("SECRET"))
            ),
            Unreached,
            False,
        ),
        (requests_errors.ReadTimeout("SECRET"), TimeoutError, None),
        (requests_errors.InvalidSchema("Missing dependencies for SOCKS support."), TransportError, None),
        (requests_errors.InvalidProxyURL("SECRET"), TransportError, None),
        (requests_errors.InvalidURL("SECRET"), ValueError, None),
        (requests_errors.InvalidHeader("SECRET"), ValueError, None),
        (requests_errors.ConnectionError("SECRET"), ConnectionError, None),
        (urllib3_errors.ProtocolError("SECRET"), ConnectionError, None),
    ],
)
def test_failures(error: Any, kind: type[Exception], through_proxy: bool | None) -> None:
    """Each has its place among those of a direct connection, and shows nothing."""
    found = _translated(error)
    assert type(found) is kind
    assert getattr(found, "through_proxy", None) is through_proxy
    assert "SECRET" not in str(found)


@pytest.mark.usefixtures("through_requests")
@responses.activate
def test_a_proxy_that_is_not_there() -> None:
    """The message names the proxy as the reason, and whether it is worth trying again."""
    responses.get("https://registry.example.com/v2/", body=refused())
    with client() as registry, pytest.raises(TemporaryError, match="through the proxy: connection refused"):
        registry.request("GET", "/v2/", expected=(200,))


class Raw:
    """An answer of urllib3 that fails while it is read."""

    status = 200
    headers = HTTPHeaderDict()
    length_remaining = 5

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, *_args: Any, **_options: Any) -> bytes:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (urllib3_errors.ReadTimeoutError(POOL, "", "SECRET"), TimeoutError),
        (urllib3_errors.IncompleteRead(5, 5), BrokenAnswer),
        (urllib3_errors.ProtocolError("SECRET", ConnectionResetError()), BrokenAnswer),
        (ConnectionResetError(), ConnectionResetError),
    ],
)
def test_bodies_that_break_off(error: Exception, kind: type[Exception]) -> None:
    """The same for bodies."""
    answer = RequestsAnswer(Raw(error))
    with pytest.raises(kind):
        answer.read(10)
    with pytest.raises(kind):
        answer.readinto(memoryview(bytearray(10)))
