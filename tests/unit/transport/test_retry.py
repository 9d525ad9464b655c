"""Sending again (HTTP-06, LIM-01)."""

from __future__ import annotations

from typing import Any

import pytest

from ocictl.errors import TransportError
from ocictl.events import Event, Retrying
from ocictl.transport.config import Limits
from ocictl.transport.network import TemporaryError
from ocictl.transport.response import Response
from ocictl.transport.retry import Retrier
from ocictl.transport.url_policy import Origin
from ocictl.transport.wire import Exchange
from tests.unit.transport.clients import answer

EXCHANGE = Exchange(method="GET", url="https://h/v2/?secret", home=Origin("https", "h", 443))


class Script:
    """A wire that plays answers and failures in order."""

    def __init__(self, *steps: Response | Exception) -> None:
        self.steps = list(steps)
        self.sent = 0

    def send(self, exchange: Exchange) -> Response:
        self.sent += 1
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def retrier(script: Script, **limits: Any) -> tuple[Retrier, list[Event], list[float]]:
    """A retrier with its events and waits; the jitter is one half."""
    events: list[Event] = []
    waits: list[float] = []
    wire: Any = script
    made = Retrier(wire, Limits(**limits), events.append, sleep=waits.append, jitter=lambda: 0.5)
    return made, events, waits


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_temporary_statuses(status: int) -> None:
    """A temporary status is tried again, after a wait that is announced."""
    script = Script(answer(status), answer(200))
    made, events, waits = retrier(script)
    assert made.send(EXCHANGE, repeatable=True).status == 200
    assert waits == [0.25]
    assert events == [
        Retrying(method="GET", url="https://h/v2/", reason=f"status {status}", attempt=1, delay=0.25)
    ]


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 416, 501])
def test_final_statuses(status: int) -> None:
    """All other answers are final."""
    script = Script(answer(status))
    made, events, _ = retrier(script)
    assert made.send(EXCHANGE, repeatable=True).status == status
    assert events == []


def test_temporary_failures() -> None:
    """A lost connection is tried again."""
    script = Script(TemporaryError("lost"), TemporaryError("lost"), answer(200))
    made, events, waits = retrier(script)
    assert made.send(EXCHANGE, repeatable=True).status == 200
    assert waits == [0.25, 0.5]
    assert [event.reason for event in events if isinstance(event, Retrying)] == ["lost", "lost"]


def test_final_failures() -> None:
    """A failure that will stay, such as a certificate, is not tried again."""
    script = Script(TransportError("no trust", code="tls-failed"))
    made, _, waits = retrier(script)
    with pytest.raises(TransportError, match="no trust"):
        made.send(EXCHANGE, repeatable=True)
    assert (script.sent, waits) == (1, [])


@pytest.mark.parametrize("step", [answer(503), TemporaryError("lost")])
def test_what_is_not_repeatable(step: Response | Exception) -> None:
    """A request that may do harm twice is sent once."""
    script = Script(step)
    made, events, _ = retrier(script)
    if isinstance(step, Exception):
        with pytest.raises(TemporaryError):
            made.send(EXCHANGE, repeatable=False)
    else:
        assert made.send(EXCHANGE, repeatable=False).status == 503
    assert (script.sent, events) == (1, [])


def test_attempts_end() -> None:
    """The last answer is the caller's, after as many attempts as allowed."""
    script = Script(answer(503), answer(502), answer(500))
    made, events, _ = retrier(script, attempts=3)
    assert made.send(EXCHANGE, repeatable=True).status == 500
    assert (script.sent, len(events)) == (3, 2)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.25),
        ("0", 0.25),
        ("999999", 60.0),
        ("-5", 0.25),
        ("soon", 0.25),
        ("Tue, 02 Jan 2024 03:05:05 GMT", 0.25),
    ],
)
def test_retry_after(header: str, wait: float) -> None:
    """What the registry asks for is waited, with some jitter, up to the cap; nonsense is ignored."""
    script = Script(answer(429, headers=[("Retry-After", header)]), answer(200))
    made, _, waits = retrier(script)
    made.send(EXCHANGE, repeatable=True)
    assert waits == [wait]


def test_waits_grow_to_a_bound() -> None:
    """Without a wish of the registry waits double up to a bound, and are random within."""
    made, _, _ = retrier(Script(), retry_base=1, retry_max=5)
    assert [made.delay(attempt, None) for attempt in (1, 2, 3, 4, 40)] == [0.5, 1, 2, 2.5, 2.5]


def test_tokens_that_break_off() -> None:
    """The answer of a token service is read as a whole, so one that breaks off is asked for again."""

    class Cut:
        def read(self, *_args: Any, **_options: Any) -> bytes:
            raise ConnectionResetError(104, "Connection reset by peer")

        def close(self) -> None:
            pass

    broken = answer(200)
    broken._raw = Cut()
    exchange = Exchange(method="GET", url="https://h/token", home=Origin("https", "h", 443), secret=True)
    made, events, _ = retrier(Script(broken, answer(200, b"whole")))
    assert made.send(exchange, repeatable=True).read() == b"whole"
    assert [event.attempt for event in events if isinstance(event, Retrying)] == [1]


def test_what_was_read_ahead_comes_first() -> None:
    """Reading ahead loses nothing, and changes nothing for whoever reads then."""
    response = answer(200, b"abcdefgh")
    response.preload(5)
    assert [response.read(2), response.read(100), response.read(100), response.read(1)] == [
        b"ab",
        b"cde",
        b"fgh",
        b"",
    ]
