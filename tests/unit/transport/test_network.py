"""Failures of the network in our words."""

from __future__ import annotations

import socket
import ssl

import pytest
from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from ocictl.errors import TransportError
from ocictl.transport.network import TemporaryError, reading_failed, sending_failed

URL = "https://u:SECRET@registry.example.com/v2/?sig=SECRET"


def sending(error: BaseException) -> TransportError:
    """The error for a request that failed so."""
    return sending_failed(error, "GET", URL, connect_timeout=15)


def caused(outer: BaseException, inner: BaseException) -> BaseException:
    """An exception that was raised from another."""
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "code", "words", "temporary"),
    [
        (requests_errors.ConnectTimeout(), "timeout", "within 15 seconds", True),
        (requests_errors.ReadTimeout(), "timeout", "for too long", True),
        (
            requests_errors.ConnectionError(ConnectionResetError(104, "Connection reset by peer")),
            "connection-failed",
            "connection reset by peer",
            True,
        ),
        (requests_errors.ConnectionError("SECRET"), "connection-failed", "connection lost", True),
        (
            requests_errors.ConnectionError(socket.gaierror(socket.EAI_AGAIN, "Try again")),
            "connection-failed",
            "can't be resolved",
            True,
        ),
        (
            requests_errors.ConnectionError(socket.gaierror(socket.EAI_NONAME, "Unknown")),
            "connection-failed",
            "can't be resolved",
            False,
        ),
        (
            requests_errors.InvalidSchema("Missing dependencies for SOCKS support."),
            "connection-failed",
            "the proxy",
            False,
        ),
        (requests_errors.InvalidProxyURL("SECRET"), "connection-failed", "the proxy", False),
        (requests_errors.InvalidURL("SECRET"), "url-refused", "can't be requested", False),
        (UnicodeEncodeError("ascii", "SECRET", 0, 1, "SECRET"), "url-refused", "can't be requested", False),
        (
            requests_errors.SSLError(ssl.SSLEOFError(8, "EOF occurred in violation of protocol")),
            "connection-failed",
            "closed the connection while TLS was spoken",
            True,
        ),
        (
            requests_errors.ProxyError(urllib3_errors.ProxyError("SECRET", OSError(111, "Refused"))),
            "connection-failed",
            "through the proxy: refused",
            True,
        ),
    ],
)
def test_sending(error: BaseException, code: str, words: str, temporary: bool) -> None:
    """Each failure has its code and words, tells whether to try again, and shows nothing secret."""
    failure = sending(error)
    assert failure.code == code
    assert words in failure.message
    assert isinstance(failure, TemporaryError) is temporary
    assert "SECRET" not in repr((failure.message, failure.hint, failure.details))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (urllib3_errors.ReadTimeoutError(None, None, "SECRET"), "timeout"),  # type: ignore[arg-type]
        (TimeoutError(), "timeout"),
        (
            urllib3_errors.ProtocolError("SECRET", ConnectionResetError(104, "Connection reset by peer")),
            "connection-failed",
        ),
        (caused(urllib3_errors.ProtocolError("SECRET"), ConnectionAbortedError()), "connection-failed"),
        (urllib3_errors.IncompleteRead(5, 5), "response-truncated"),
        (urllib3_errors.ProtocolError("SECRET"), "response-truncated"),
    ],
)
def test_reading(error: BaseException, code: str) -> None:
    """A body that breaks off says how; all of it may be over at the next attempt."""
    failure = reading_failed(error, "GET", URL)
    assert failure.code == code
    assert isinstance(failure, TemporaryError)
    assert "SECRET" not in failure.message


def test_exceptions_in_a_circle() -> None:
    """An exception that is its own cause does no harm."""
    error = requests_errors.ConnectionError()
    error.args = (error,)
    error.__cause__ = error
    assert sending(error).code == "connection-failed"


@pytest.mark.parametrize(
    ("status", "temporary"), [(401, False), (403, False), (407, False), (502, True), (503, True)]
)
def test_proxies_that_refuse(status: int, temporary: bool) -> None:
    """A proxy's own status is named; what it forbids stays forbidden, what it can't do now may work later."""
    refusal = OSError(f"Tunnel connection failed: {status} SECRET")
    failure = sending(requests_errors.ProxyError(urllib3_errors.ProxyError("SECRET", refusal)))
    assert f"the proxy answered {status}" in failure.message
    assert isinstance(failure, TemporaryError) is temporary
    assert ("USER:PASSWORD" in (failure.hint or "")) is (status in (401, 407))


def test_a_plain_connection_that_breaks() -> None:
    """The other protocol may be the reason, which only the user can know."""
    error = requests_errors.ConnectionError(ConnectionResetError(104, "Connection reset by peer"))
    plain = sending_failed(error, "GET", "http://127.0.0.1:5000/v2/", connect_timeout=15)
    assert "--plain-http=false" in (plain.hint or "")
    assert sending(error).hint is None
