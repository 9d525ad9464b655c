"""Reading goes on after a lost connection, within bounds, and the whole is still verified (PULL-08)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest

from ocictl import content
from ocictl.content import open_verified
from ocictl.errors import ContentError, TransportError
from ocictl.events import Event, EventSink, Retrying, discard
from ocictl.model.descriptor import Descriptor
from ocictl.stores.memory import MemoryStore

DATA = bytes(range(256)) * 8
BLOB = Descriptor.of(DATA, "application/octet-stream")


class Breaking(MemoryStore):
    """A store whose streams break off after so many bytes each."""

    resume_attempts = 5

    def __init__(self, *breaks: int, code: str = "response-truncated", data: bytes = DATA) -> None:
        super().__init__()
        self.breaks = iter(breaks)
        self.code = code
        self.data = data
        self.starts: list[int] = []
        self.on_event: EventSink = discard

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
        self.starts.append(start)
        limit = next(self.breaks, None)
        outer = self

        class Stream(io.BytesIO):
            count = 0

            def read(self, size: int | None = -1, /) -> bytes:
                if limit is not None and self.count >= limit:
                    raise TransportError("lost", code=outer.code)
                wanted = -1 if size is None or size < 0 else size
                data = super().read(wanted if limit is None else min(wanted, limit - self.count))
                self.count += len(data)
                return data

        return Stream(self.data[start:])


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Collect the pauses instead of making them."""
    made: list[float] = []
    monkeypatch.setattr(content, "pause", made.append)
    yield made
    assert all(0 <= pause <= content.RESUME_PAUSE_MAX for pause in made)


def test_goes_on_where_it_broke_off(pauses: list[float]) -> None:
    """After each break reading goes on at the next byte, and says so."""
    target = Breaking(100, 0, 300)
    events: list[Event] = []
    target.on_event = events.append
    with open_verified(target, BLOB) as reader:
        assert reader.read() == DATA
    assert target.starts == [0, 100, 100, 400]
    assert [event.attempt for event in events if isinstance(event, Retrying)] == [1, 2, 1]
    assert len(pauses) == 3


def test_gives_up_without_progress(pauses: list[float]) -> None:
    """Breaks in a row without a byte between them end in the error itself."""
    target = Breaking(*[0] * 50)
    with open_verified(target, BLOB) as reader, pytest.raises(TransportError):
        reader.read()
    assert len(target.starts) == target.resume_attempts


def test_other_failures_are_not_repeated() -> None:
    """A refused URL or broken TLS is no lost connection."""
    target = Breaking(100, code="tls-failed")
    with open_verified(target, BLOB) as reader, pytest.raises(TransportError):
        reader.read()
    assert target.starts == [0]


def test_change_between_attempts_is_found() -> None:
    """T7: bytes of another content after the break fail the digest."""
    target = Breaking(100)
    with open_verified(target, BLOB) as reader:
        assert reader.read(100) == DATA[:100]
        target.data = bytes(len(DATA))
        with pytest.raises(ContentError) as caught:
            reader.read()
    assert caught.value.code == "digest-mismatch"
