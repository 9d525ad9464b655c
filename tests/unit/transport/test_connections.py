"""How slowly an answer may come (T5)."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ocictl.errors import TransportError
from ocictl.sources import BytesContent
from ocictl.transport.config import Limits
from ocictl.transport.connections import head_of, target_of
from ocictl.transport.paced import PacedReader
from tests.unit.transport.clients import client
from tests.unit.transport.servers import Reply, recorder, scripted


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
    reader = PacedReader(slow.readinto, 60.0, 1024, clock=lambda: slow.now)
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
    reader = io.BufferedReader(PacedReader(Resetting(300_000).readinto, 60.0, 1024))
    assert reader.readline(5) == b"xxxxx"
    assert len(reader.read(1_000_000)) == 299_995
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            reader.read(1_000_000)


def test_an_error_in_the_head_is_one() -> None:
    """A head that breaks off must not look as if it ended there."""
    reader = io.BufferedReader(PacedReader(Resetting(100).readinto, 60.0, 1024))
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


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h", "/"),
        ("https://h:5000/v2/", "/v2/"),
        ("https://h?x=/y", "/?x=/y"),
        ('https://h/a%2fb?x=1&y="z"', '/a%2fb?x=1&y="z"'),
        ("http://[::1]:80/a//b/../c", "/a//b/../c"),
    ],
)
def test_request_lines(url: str, target: str) -> None:
    """URLs go out as they came in, byte for byte (PUSH-04)."""
    assert target_of(url) == target


def test_a_head() -> None:
    """Host first, then the headers in their order."""
    assert head_of("GET", "/v2/", "h:5000", {"A": "b", "C": ""}) == (
        b"GET /v2/ HTTP/1.1\r\nHost: h:5000\r\nA: b\r\nC: \r\n\r\n"
    )


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\rX: y", "a\0b", "\u20ac"])
def test_no_header_becomes_two(value: str) -> None:
    """A token that a server made up can't add lines to a request."""
    with pytest.raises(ValueError, match=r"end of a line|latin-1"):
        head_of("GET", "/", "h", {"Authorization": value})


def test_a_connection_that_was_closed_meanwhile() -> None:
    """A kept connection is looked at before it is used, so what may not be sent twice is not lost on a dead one."""
    with scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as (port, seen):
        with client(f"127.0.0.1:{port}") as registry:
            for _ in range(3):
                with registry.request("POST", "/v2/", expected=(200,)) as response:
                    assert response.body(10) == b"ok"
                deadline = time.monotonic() + 5
                (kept,) = next(iter(registry._wire._senders.values()))._kept._idle  # type: ignore[attr-defined]
                while kept.is_quiet() and time.monotonic() < deadline:
                    time.sleep(0.005)
    assert [request.split()[0] for request in seen] == [b"POST"] * 3


@contextmanager
def second_request_meets(last: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers the first request of a connection, and gives the second these bytes and the end."""
    requests: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            for answer in (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", last):
                data = connection.recv(10_000)
                if not data:
                    return
                requests.append(data)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", requests
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_connection_that_is_closed_while_it_is_used_again(method: str) -> None:
    """No failure: a server may find it idle in that very moment, so what is safe is asked on a new one."""
    with second_request_meets(b"") as (host, requests), client(host) as registry:
        for _ in range(2):
            with registry.request(method, "/v2/", expected=(200,)) as response:
                assert response.body(10) == b""
    assert [request.split()[0] for request in requests] == [method.encode()] * 3


@pytest.mark.parametrize(("method", "last"), [("POST", b""), ("DELETE", b""), ("GET", b"HTTP/1.1 2")])
def test_what_is_not_asked_twice(method: str, last: bytes) -> None:
    """What may have been carried out, and an answer that has begun: both are for the rules of retries."""
    with second_request_meets(last) as (host, requests), client(host) as registry:
        with registry.request(method, "/v2/", expected=(200,)) as response:
            response.body(10)
        with pytest.raises(TransportError), registry.request(method, "/v2/", expected=(200,)):
            pass
    assert len(requests) == 2


def test_bytes_behind_an_answer() -> None:
    """What nobody asked for is not taken for the next answer: it ends the connection (HTTP request smuggling)."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    opened = []

    def serve() -> None:
        for number in range(2):
            connection, _ = listener.accept()
            opened.append(number)
            with connection:
                while connection.recv(1000):
                    connection.sendall(answer + b"ok" + answer + b"no")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with client(f"127.0.0.1:{listener.getsockname()[1]}") as registry:
            for _ in range(2):
                with registry.request("GET", "/v2/", expected=(200,)) as response:
                    assert response.body(10) == b"ok"
        thread.join(5)
    assert opened == [0, 1]


@pytest.mark.parametrize("keep", [1, 3])
def test_how_many_are_kept(keep: int) -> None:
    """No more connections than wanted wait for the next request; none after the client was closed."""
    with recorder(lambda _: Reply(body=b"x")) as home, client(home.host, pool_size=keep) as registry:
        open_now = [registry.request("GET", "/v2/", expected=(200,)) for _ in range(4)]
        for response in open_now[:3]:
            response.body(10)
        (sender,) = registry._wire._senders.values()
        assert len(sender._kept) == keep  # type: ignore[attr-defined]
        registry.close()
        open_now[3].body(10)
        assert len(sender._kept) == 0  # type: ignore[attr-defined]


def test_an_answer_before_the_end_of_the_body() -> None:
    """A server that has heard enough is listened to, and its connection is not used again."""

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 20):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with client(f"127.0.0.1:{listener.getsockname()[1]}") as registry:
            for _ in range(2):
                content = BytesContent(bytes(10 << 20))
                with registry.request("PUT", "/v2/x", expected=(413,), content=content) as response:
                    assert response.body(10) == b"no"
        thread.join(5)
        assert not thread.is_alive()
