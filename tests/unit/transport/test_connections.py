"""How slowly an answer may come (T5)."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ocictl.errors import TransportError
from ocictl.transport.config import Limits
from ocictl.transport.connections import PacedReader
from tests.unit.transport.clients import client


class Slow(io.RawIOBase):
    """Gives some bytes per read, each after some seconds on a clock of its own."""

    def __init__(self, *steps: tuple[float, int]) -> None:
        super().__init__()
        self._steps = list(steps)
        self.now = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:
        seconds, count = self._steps.pop(0) if self._steps else (0.0, 0)
        self.now += seconds
        buffer[:count] = b"x" * count
        return count


def read(*steps: tuple[float, int]) -> int:
    """How many bytes come, with a time-out of 60 seconds and 1024 bytes in it."""
    slow = Slow(*steps)
    reader = PacedReader(slow, 60.0, 1024, clock=lambda: slow.now)
    return len(io.BufferedReader(reader).read())


@pytest.mark.parametrize(
    "steps",
    [
        [(0.0, 10)],
        [(59.0, 300), (59.0, 300)],
        [(50.0, 1024)] * 100,
        [(0.01, 1)] * 5000,
        [(60.0, 4096)] * 50,
    ],
)
def test_slow_is_not_too_slow(steps: list[tuple[float, int]]) -> None:
    """Long waits, small pieces, and both, as long as something comes."""
    assert read(*steps) == sum(count for _, count in steps)


@pytest.mark.parametrize("step", [(1.0, 1), (30.0, 1), (10.0, 20), (59.0, 500)])
def test_a_trickle_ends(step: tuple[float, int]) -> None:
    """Whoever sends next to nothing is given up after a while, however often a byte comes."""
    with pytest.raises(TimeoutError):
        read(*[step] * 10_000)


def test_the_budget_has_a_bound() -> None:
    """A fast beginning does not buy a trickle for ever."""
    with pytest.raises(TimeoutError):
        read(*[(0.0, 8192)] * 1000, *[(1.0, 1)] * 10_000)


class Resetting(io.RawIOBase):
    """Gives some bytes and then an error."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._left = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:
        count = min(self._left, len(buffer), 10_000)
        if not count:
            raise ConnectionResetError("gone")
        self._left -= count
        buffer[:count] = b"x" * count
        return count


def test_what_came_before_an_error_is_handed_out() -> None:
    """A reset throws nothing away: the read ends with what has come, and the next one says what happened."""
    reader = io.BufferedReader(PacedReader(Resetting(300_000), 60.0, 1024))
    assert reader.readline(5) == b"xxxxx"
    assert len(reader.read(1_000_000)) == 299_995
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            reader.read(1_000_000)


def test_an_error_in_the_head_is_one() -> None:
    """A head that breaks off must not look as if it ended there."""
    reader = io.BufferedReader(PacedReader(Resetting(100), 60.0, 1024))
    with pytest.raises(ConnectionResetError):
        reader.readline()


@contextmanager
def trickling(before: bytes, piece: bytes) -> Iterator[int]:
    """A server that sends some bytes, and then small ones without end. Yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(before)
            try:
                while not stop.wait(0.02):
                    connection.sendall(piece)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        listener.close()
        thread.join(5)


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b""]
)
def test_a_slow_loris(before: bytes) -> None:
    """A head or a body that comes a byte at a time is given up, though each byte is in time (T5)."""
    limits = Limits(attempts=1, idle_timeout=0.3)
    with trickling(before, b"x") as port, client(f"127.0.0.1:{port}", limits=limits) as registry:
        with pytest.raises(TransportError) as raised:
            with registry.request("GET", "/v2/", expected=(200,)) as response:
                response.read()
    assert raised.value.code == "timeout"
