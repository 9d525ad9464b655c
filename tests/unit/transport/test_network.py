"""Failures of the network in our words."""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected

import pytest

from ocictl.errors import TransportError
from ocictl.transport.answers import BrokenAnswer
from ocictl.transport.network import TemporaryError, Unreached, reading_failed, sending_failed

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
        (caused(Unreached(), TimeoutError()), "timeout", "within 15 seconds", True),
        (TimeoutError(), "timeout", "for too long", True),
        (
            ConnectionResetError(104, "Connection reset by peer"),
            "connection-failed",
            "the connection broke during GET 'https://registry.example.com/v2/': connection reset by peer",
            True,
        ),
        (
            caused(Unreached(), ConnectionRefusedError(111, "Connection refused")),
            "connection-failed",
            "no connection to 'registry.example.com': connection refused",
            True,
        ),
        (OSError("SECRET"), "connection-failed", "connection lost", True),
        (
            caused(BrokenAnswer(), BadStatusLine("SECRET")),
            "connection-failed",
            "the answer is not HTTP",
            True,
        ),
        (
            caused(BrokenAnswer(), RemoteDisconnected("SECRET")),
            "connection-failed",
            "closed without an answer",
            True,
        ),
        (
            caused(Unreached(), socket.gaierror(socket.EAI_AGAIN, "Try again")),
            "connection-failed",
            "can't be resolved",
            True,
        ),
        (
            caused(Unreached(), socket.gaierror(socket.EAI_NONAME, "Unknown")),
            "connection-failed",
            "can't be resolved",
            False,
        ),
        (ValueError("SECRET"), "url-refused", "can't be requested", False),
        (UnicodeEncodeError("ascii", "SECRET", 0, 1, "SECRET"), "url-refused", "can't be requested", False),
        (
            caused(Unreached(), ssl.SSLEOFError(8, "EOF occurred in violation of protocol")),
            "connection-failed",
            "closed the connection while TLS was spoken",
            True,
        ),
        (
            caused(Unreached(through_proxy=True), OSError(111, "Refused")),
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
        (TimeoutError(), "timeout"),
        (ConnectionResetError(104, "Connection reset by peer"), "connection-failed"),
        (caused(BrokenAnswer("SECRET"), ConnectionAbortedError()), "connection-failed"),
        (caused(BrokenAnswer(), IncompleteRead(b"SECRET", 5)), "response-truncated"),
        (BrokenAnswer("SECRET"), "response-truncated"),
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
    error = ConnectionError()
    error.args = (error,)
    error.__cause__ = error
    assert sending(error).code == "connection-failed"


@pytest.mark.parametrize(
    ("status", "temporary"), [(401, False), (403, False), (407, False), (502, True), (503, True)]
)
def test_proxies_that_refuse(status: int, temporary: bool) -> None:
    """A proxy's own status is named; what it forbids stays forbidden, what it can't do now may work later."""
    refusal = OSError(f"Tunnel connection failed: {status} SECRET")
    failure = sending(caused(Unreached(through_proxy=True), refusal))
    assert f"the proxy answered {status}" in failure.message
    assert isinstance(failure, TemporaryError) is temporary
    assert ("USER:PASSWORD" in (failure.hint or "")) is (status in (401, 407))


def test_a_plain_connection_that_breaks() -> None:
    """The other protocol may be the reason, which only the user can know."""
    error = ConnectionResetError(104, "Connection reset by peer")
    plain = sending_failed(error, "GET", "http://127.0.0.1:5000/v2/", connect_timeout=15)
    assert "--plain-http=false" in (plain.hint or "")
    assert sending(error).hint is None
