"""Sending again what may be sent again (HTTP-06, LIM-01)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from ocictl.events import EventSink, Retrying
from ocictl.transport.config import Limits
from ocictl.transport.headers import retry_after
from ocictl.transport.network import TemporaryError
from ocictl.transport.response import Response
from ocictl.transport.url_policy import shown
from ocictl.transport.wire import Exchange, Wire

TEMPORARY: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that may be over at the next attempt."""


def _jitter() -> float:
    from random import random

    return random()  # noqa: S311 - it spreads waits


class Retrier:
    """Sends exchanges, again after temporary failures if they are repeatable."""

    def __init__(
        self,
        wire: Wire,
        limits: Limits,
        on_event: EventSink,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = _jitter,
    ) -> None:
        """
        Args:
            wire: sends.
            limits: attempts and waits.
            on_event: receives `Retrying` before each wait.
            sleep, jitter: the wait itself, and a random number in [0, 1).
        """
        self._wire = wire
        self._limits = limits
        self._on_event = on_event
        self._sleep = sleep
        self._jitter = jitter

    def send(self, exchange: Exchange, *, repeatable: bool) -> Response:
        """Send; the last attempt's answer or failure is what the caller gets.

        Args:
            exchange: its content is opened anew for each attempt.
            repeatable: sending it twice does no harm. If not, there is one attempt.

        Raises:
            TransportError, RegistryError: as `Wire.send`.
        """
        last = self._limits.attempts if repeatable else 1
        for attempt in range(1, last):
            asked = None
            try:
                response = self._once(exchange)
            except TemporaryError as error:
                reason = error.message
            else:
                if response.status not in TEMPORARY:
                    return response
                asked = retry_after(response.headers.get("Retry-After"), time.time())
                reason = f"status {response.status}"
                response.close()
            self.pause(exchange.method, exchange.url, reason, attempt, asked)
        return self._once(exchange)

    def _once(self, exchange: Exchange) -> Response:
        response = self._wire.send(exchange)
        if exchange.secret and response.status == 200:
            # A token that breaks off is asked for again; it is small, and read as a whole anyway.
            response.preload(self._limits.token_bytes + 1)
        return response

    def pause(self, method: str, url: str, reason: str, attempt: int, asked: float | None = None) -> None:
        """Announce that a request will be sent again, and wait.

        Args:
            method, url: of the request.
            reason: why.
            attempt: the number of the one that failed, 1 for the first.
            asked: the Retry-After in seconds, or None.
        """
        delay = self.delay(attempt, asked)
        self._on_event(Retrying(method=method, url=shown(url), reason=reason, attempt=attempt, delay=delay))
        self._sleep(delay)

    def delay(self, attempt: int, asked: float | None) -> float:
        """Seconds to wait after this attempt: what the registry asks for, capped, else random and growing.

        Args:
            attempt: 1 for the first.
            asked: the Retry-After in seconds, or None.
        """
        limits = self._limits
        bound: float = min(limits.retry_max, limits.retry_base * 2 ** (attempt - 1))
        if asked is None:
            return self._jitter() * bound
        # A little more than asked for, so that clients sent away together don't come back together.
        return min(asked + self._jitter() * limits.retry_base, limits.retry_after_max)
