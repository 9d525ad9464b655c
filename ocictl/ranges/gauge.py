"""How many connections a transfer is worth, judged by what they bring (ADR 0013)."""

from __future__ import annotations

from typing import Final

__all__ = ["Gauge"]


class Gauge:
    """Tells how many connections a transfer is worth. It only computes: times and counts are given to it.

    Attributes:
        connections: the advice so far.
        settled: the advice will not change any more.
    """

    WARM_UP: Final = 1.0
    """Seconds that a new connection gets before it is measured."""
    WINDOW: Final = 2.0
    """Seconds that are measured."""
    WORTH: Final = 5.0
    """Another connection is tried only if the rest would take so many seconds without it."""
    GAIN: Final = 0.4
    """What another connection must add, as a share of what one of those before it brings."""
    WAITING: Final = 0.5
    """Share of the time that must be spent waiting for bytes; else something other than the link is slow."""

    def __init__(self, now: float, most: int) -> None:
        """
        Args:
            now: seconds.
            most: connections to advise at most.
        """
        self.connections = 1
        self.settled = most <= 1
        self._most = most
        self._before: float | None = None
        self._measured_from = now + self.WARM_UP
        self._mark: tuple[float, int, float] | None = None

    def advise(self, now: float, received: int, waited: float, rest: int) -> int:
        """Return how many connections to use from now on; it changes by one at a time.

        Args:
            now: seconds.
            received: bytes that came so far, over all connections.
            waited: seconds that the reader has spent waiting for bytes so far.
            rest: bytes to come.
        """
        if self.settled or now < self._measured_from:
            return self.connections
        if self._mark is None:
            self._mark = (now, received, waited)
        begun, count, idle = self._mark
        if now - begun < self.WINDOW:
            return self.connections
        rate = (received - count) / (now - begun)
        used = self.connections
        if self._before is not None and rate < self._before * (1 + self.GAIN / (used - 1)):
            self.connections -= 1
            self.settled = True
        elif (
            used >= self._most
            or rate <= 0
            or rest < rate * self.WORTH
            or (waited - idle) < self.WAITING * (now - begun)
        ):
            self.settled = True
        else:
            self.connections += 1
            self._before = rate
            self._measured_from = now + self.WARM_UP
            self._mark = None
        return self.connections
