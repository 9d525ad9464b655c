"""One large blob over several connections: the bytes come in their order, whatever happens to the parts."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ocictl import content
from ocictl.content import open_verified
from ocictl.errors import ContentError, OcictlError, RateLimitedError, RegistryError, TransportError
from ocictl.events import Event, EventSink, Retrying, discard
from ocictl.model.descriptor import Descriptor
from ocictl.ranges import stream
from ocictl.ranges.gauge import Gauge
from ocictl.stores.memory import MemoryStore
from ocictl.stores.range_requests import SharedLines
from tests.support.environment import wait_for

KIB = 1024
SEGMENT = 64 * KIB
BLOCK = 16 * KIB
DATA = os.urandom(4096 * KIB + 12_345)
BLOB = Descriptor.of(DATA, "application/octet-stream")


def no_threads_left() -> None:
    """Wait for the end of every connection's thread."""
    wait_for(lambda: None if any(thread.name == "range" for thread in threading.enumerate()) else True, "end")


class Ranged(MemoryStore):
    """A store that serves parts.

    Attributes:
        starts: where whole streams began.
        parts: begin and end of each part that was asked for.
        broken: what to do in place of serving a part.
    """

    resume_attempts = 3

    def __init__(self, most: int = 4) -> None:
        super().__init__()
        self.lines = SharedLines(most)
        self.starts: list[int] = []
        self.parts: list[tuple[int, int]] = []
        self.broken: Callable[[int, int], Any] = lambda start, end: None
        self.on_event: EventSink = discard

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
        self.starts.append(start)
        return io.BytesIO(DATA[start:])

    def fetch_range(self, descriptor: Descriptor, *, start: int, end: int) -> Any:
        self.parts.append((start, end))
        return self.broken(start, end) or io.BytesIO(DATA[start:end])

    @property
    def free(self) -> int:
        """Lines that nobody has."""
        count = 0
        while self.lines.try_another():
            count += 1
        for _ in range(count):
            self.lines.end()
        return count


class Eager(Gauge):
    """Wants another connection at every look."""

    def advise(self, now: float, received: int, waited: float, rest: int) -> int:
        if not self.settled and self.connections < self._most:
            self.connections += 1
        return self.connections


class Simulated(Gauge):
    """Judges as always, by a clock that goes as if the link were a certain one."""

    each = 64 * KIB
    shared = False
    made: Simulated

    def __init__(self, now: float, most: int) -> None:
        super().__init__(0.0, most)
        self._now = 0.0
        self._seen = 0
        type(self).made = self

    def advise(self, now: float, received: int, waited: float, rest: int) -> int:
        rate = self.each * (1 if self.shared else self.connections)
        self._now += (received - self._seen) / rate
        self._seen = received
        return super().advise(self._now, received, self._now, rest)


class SharedLink(Simulated):
    """The connections share what the link can carry."""

    shared = True


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small parts; and in the end no thread is left over."""
    monkeypatch.setattr(content, "PARALLEL_FROM", SEGMENT)
    monkeypatch.setattr(content, "pause", lambda seconds: None)
    monkeypatch.setattr(stream, "SEGMENT", SEGMENT)
    monkeypatch.setattr(stream, "CHUNK", BLOCK)
    monkeypatch.setattr(stream, "Gauge", Eager)
    yield
    no_threads_left()


def read(target: Ranged) -> bytes:
    """Read the blob in small blocks."""
    with open_verified(target, BLOB) as reader:
        return b"".join(iter(lambda: reader.read(BLOCK), b""))


def test_parts_are_put_together() -> None:
    """Up to four connections fetch the blob; nothing is fetched twice, and no part but the last is short."""
    target = Ranged()
    assert read(target) == DATA
    assert target.starts == [0]
    parts = sorted(target.parts)
    assert [end for _, end in parts] == [start for start, _ in parts][1:] + [BLOB.size]
    assert all(end - start == SEGMENT for start, end in parts[:-1])
    assert target.free == 4


def test_more_connections_where_each_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that limits every connection gets as many as are allowed."""
    monkeypatch.setattr(stream, "Gauge", Simulated)
    target = Ranged()
    assert read(target) == DATA
    assert Simulated.made.connections == 4
    assert target.starts == [0]


def test_one_connection_where_all_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a link that is full with one connection a second one is tried, then one goes on alone to the end."""
    monkeypatch.setattr(stream, "Gauge", SharedLink)
    target = Ranged()
    assert read(target) == DATA
    assert SharedLink.made.connections == 1
    assert target.starts == [0, max(end for _, end in target.parts)]
    assert target.starts[1] < BLOB.size // 2
    assert target.free == 4


@pytest.mark.parametrize("start", [1, 100_001])
def test_behind_what_is_kept(start: int) -> None:
    """A file that has its beginning already is completed by parts as well."""
    target = Ranged()
    file = io.BytesIO(DATA[:start])
    file.seek(start)
    content.copy_verified(target, BLOB, file, kept=start)
    assert file.getvalue() == DATA
    assert target.starts == [start]
    assert target.parts


@pytest.mark.parametrize("healthy", [0, 1, 7])
@pytest.mark.parametrize(
    "error",
    [
        RegistryError("another range", code="registry-protocol"),
        RegistryError("no such range", status=416),
        RateLimitedError("too many requests", status=429),
        TransportError("no connection", code="connection-failed"),
    ],
    ids=lambda error: str(error.code),
)
def test_refused_parts(healthy: int, error: OcictlError) -> None:
    """Whenever a part is refused, one plain stream goes on from where the reader is, and nothing else is tried."""
    target = Ranged()

    def refuse(start: int, end: int) -> None:
        if len(target.parts) > healthy:
            raise error

    target.broken = refuse
    assert read(target) == DATA
    assert len(target.parts) <= healthy + 4
    assert len(target.starts) in {0: {1}, 1: {1, 2}, 7: {2}}[healthy]
    assert target.free == 4


def test_a_part_that_ends_early() -> None:
    """A part that is too short is not used beyond what there is of it."""
    target = Ranged()
    target.broken = lambda start, end: io.BytesIO(DATA[start : end - 100]) if len(target.parts) == 9 else None
    assert read(target) == DATA
    assert len(target.starts) == 2


def test_more_bytes_than_asked_for() -> None:
    """What follows a part in its answer is not taken for the next one."""
    target = Ranged()
    target.broken = lambda start, end: io.BytesIO(DATA[start:end] + b"more")
    assert read(target) == DATA


def test_wrong_bytes_are_found() -> None:
    """Bytes of other content in a part fail the digest: they are never taken for content."""
    target = Ranged()
    target.broken = lambda start, end: io.BytesIO(bytes(end - start)) if len(target.parts) == 5 else None
    with pytest.raises(ContentError) as caught:
        read(target)
    assert caught.value.code == "digest-mismatch"
    assert target.free == 4


class Cut(io.BytesIO):
    """A stream that breaks off."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise TransportError("lost", code="response-truncated")
        return data


def test_a_part_that_breaks_off_is_resumed() -> None:
    """A lost connection of a part is opened again at the next byte, and said so, as that of a whole stream is."""
    target = Ranged()
    events: list[Event] = []
    target.on_event = events.append
    target.broken = lambda start, end: Cut(DATA[start : start + 5000]) if len(target.parts) == 2 else None
    assert read(target) == DATA
    assert target.starts == [0]
    begun, end = target.parts[1]
    assert (begun + 5000, end) in target.parts
    assert len([event for event in events if isinstance(event, Retrying)]) == 1


def test_a_part_that_breaks_off_for_ever() -> None:
    """When the attempts of a part are used up, the plain stream goes on, with attempts of its own."""
    target = Ranged()
    target.broken = lambda start, end: Cut(b"") if len(target.parts) > 8 else None
    assert read(target) == DATA
    assert len(target.starts) == 2


def test_no_place_for_a_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be put aside, one connection does it all."""

    def refuse(**_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    target = Ranged()
    assert read(target) == DATA
    assert (target.starts, target.parts, target.free) == ([0], [], 4)


@pytest.mark.parametrize("call", ["pwrite", "pread"])
def test_the_temporary_file_fails(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A disk that fills up under what is put aside is no error."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, call, refuse)
    target = Ranged()
    assert read(target) == DATA
    assert target.parts
    assert target.free == 4


def test_one_connection_allowed() -> None:
    """With one line there are no parts."""
    target = Ranged(most=1)
    assert read(target) == DATA
    assert (target.starts, target.parts) == ([0], [])


def test_blobs_share_the_lines() -> None:
    """Two blobs at once have no more connections than one; each may always have its first."""
    target = Ranged(most=2)
    with open_verified(target, BLOB) as one, open_verified(target, BLOB) as other:
        assert one.read(BLOCK) + one.read(BLOCK) == DATA[: 2 * BLOCK]
        assert other.read(BLOCK) == DATA[:BLOCK]
        assert target.parts == []
    assert target.free == 2


def test_little_is_left() -> None:
    """What is not bigger than a part or two is not divided."""
    target = Ranged()
    short = Descriptor.of(DATA[: 2 * SEGMENT], "application/octet-stream")
    with open_verified(target, short) as reader:
        reader.read(BLOCK)
    assert target.parts == []


def test_what_waits_is_bounded() -> None:
    """Connections wait for a reader that is slow: no more than a few parts are ahead of it."""
    target = Ranged()
    with open_verified(target, BLOB) as reader:
        for _ in range(12):
            reader.read(BLOCK)
        wait_for(lambda: len(target.parts) >= 4 + stream.SLACK or None, "parts ahead")
        held = 12 * BLOCK
        furthest = max(end for _, end in target.parts)
        assert furthest <= held + (4 + stream.SLACK + 1) * SEGMENT
    assert target.free == 4


def test_giving_up() -> None:
    """A reader that stops ends all connections."""
    target = Ranged()
    with open_verified(target, BLOB) as reader:
        for _ in range(20):
            reader.read(BLOCK)
    assert target.free == 4
    no_threads_left()


def test_not_for_small_blobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the limit nothing of this is looked at."""
    monkeypatch.setattr(content, "PARALLEL_FROM", BLOB.size + 1)
    target = Ranged()
    target.lines = property(lambda self: pytest.fail("asked"))  # type: ignore[assignment]
    assert read(target) == DATA
    assert target.parts == []
