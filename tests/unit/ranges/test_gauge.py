"""The advice how many connections to use follows what they bring; times are made up here."""

from __future__ import annotations

import pytest

from ocictl.ranges.gauge import Gauge

MIB = 1024 * 1024
SIZE = 1024 * MIB


class Link:
    """A link with a clock of its own: each connection brings `each` bytes a second, all together at most `total`."""

    def __init__(
        self, *, each: int = 2 * MIB, total: int = SIZE, waiting: float = 1.0, most: int = 4
    ) -> None:
        self.each = each
        self.total = total
        self.waiting = waiting
        self.now = 100.0
        self.received = 0
        self.waited = 0.0
        self.gauge = Gauge(self.now, most)
        self.history = [1]

    def run(self, seconds: float, size: int = SIZE) -> list[int]:
        """Let time pass; return the advice whenever it was another one than before."""
        for _ in range(int(seconds * 10)):
            self.now += 0.1
            self.received += int(min(self.each * self.gauge.connections, self.total) * 0.1)
            self.waited += 0.1 * self.waiting
            advice = self.gauge.advise(self.now, self.received, self.waited, size - self.received)
            if advice != self.history[-1]:
                self.history.append(advice)
        return self.history


def test_each_connection_is_limited() -> None:
    """Where every connection brings as much as the first, all that are allowed are used, one after the other."""
    link = Link()
    assert link.run(60) == [1, 2, 3, 4]
    assert link.gauge.settled


def test_all_together_are_limited() -> None:
    """Where a second connection brings nothing, it goes and is not tried again."""
    link = Link(each=10 * MIB, total=10 * MIB)
    assert link.run(60) == [1, 2, 1]
    assert link.gauge.settled


@pytest.mark.parametrize(("total", "history"), [(4.5, [1, 2, 3, 2]), (6, [1, 2, 3, 4, 3])])
def test_the_link_is_full_after_some(total: float, history: list[int]) -> None:
    """A connection that adds little beside the others goes again; the others stay."""
    assert Link(total=int(total * MIB)).run(60) == history


def test_a_small_gain_is_none() -> None:
    """A third more than one connection brought is not clearly more."""
    link = Link(each=3 * MIB, total=4 * MIB)
    assert link.run(60) == [1, 2, 1]


def test_little_is_left() -> None:
    """What ends soon anyway is left to one connection."""
    link = Link(each=10 * MIB)
    assert link.run(20, size=70 * MIB) == [1]
    assert link.gauge.settled


def test_the_reader_is_slow() -> None:
    """Where the time is not spent waiting for bytes, more connections are not tried."""
    assert Link(waiting=0.3).run(60) == [1]


@pytest.mark.parametrize(("most", "history"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3])])
def test_no_more_than_allowed(most: int, history: list[int]) -> None:
    """The limit is a limit."""
    assert Link(most=most).run(60) == history


def test_nothing_comes() -> None:
    """A link that brings nothing at all gives no reason for more connections."""
    assert Link(each=0).run(60) == [1]


def test_nothing_is_judged_before_it_is_measured() -> None:
    """The first seconds of a connection, when it is still gaining speed, count for nothing."""
    assert Link().run(Gauge.WARM_UP + Gauge.WINDOW - 0.2) == [1]
