"""Connections to one origin, kept between requests, with time-outs that slow lines need (NET-05).

The way to a registry is as short as it can be: a socket, one write for what fits into one, and the answer
(docs/adr/0017-own-connections.md). What leads through a proxy goes through requests instead; see `proxied.py`.
"""

from __future__ import annotations

import io
import select
import socket
import weakref
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from ocictl.transport.answers import Answer, BrokenAnswer, RawAnswer
from ocictl.transport.config import Limits
from ocictl.transport.network import Unreached
from ocictl.transport.paced import BUFFER, PacedReader
from ocictl.transport.response import BLOCK
from ocictl.transport.url_policy import Origin

if TYPE_CHECKING:
    from ssl import SSLContext

_SAFE: Final = frozenset({"GET", "HEAD"})
_TOGETHER: Final = 64 * 1024
"""A body of so many bytes at most is sent with its head in one write."""


class Body(Protocol):
    """A body that is read while it is sent."""

    def read(self, size: int = -1, /) -> bytes: ...


class Sender(Protocol):
    """Sends requests to one origin. May be used by several threads at once."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Body | None, patience: float
    ) -> RawAnswer:
        """Send a request and return its answer, the body unread.

        Args:
            method, url: URL of the origin.
            headers: all of them but Host, with the length of the body.
            body: as long as the headers say.
            patience: seconds to wait for the answer without a byte.

        Raises:
            Unreached: there is no connection.
            OSError, BrokenAnswer, ValueError: no answer, or nothing that can be sent.
        """
        ...

    def close(self) -> None:
        """Close the connections that nobody uses."""
        ...


class Direct:
    """Sends requests to one origin over connections of its own."""

    def __init__(
        self,
        origin: Origin,
        limits: Limits,
        *,
        tls: SSLContext | None,
        address: tuple[str, int] | None = None,
        keep: int = 16,
    ) -> None:
        """
        Args:
            origin: where to.
            limits: time-outs.
            tls: settings for https.
            address: connect to this host and port, as the user said, instead of to the origin's.
            keep: most connections that wait for the next request.
        """
        self._address = address or (origin.host, origin.port)
        self._name = origin.host.rstrip(".")
        self._host = str(origin).partition("://")[2]
        self._tls = tls
        self._limits = limits
        self._kept = Kept(keep)
        # Whoever forgets to close a client leaves no socket behind.
        weakref.finalize(self, self._kept.close)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Body | None, patience: float
    ) -> Answer:
        head = head_of(method, target_of(url), self._host, headers)
        kept = self._kept.take()
        if kept is not None:
            try:
                return kept.ask(method, head, body, patience)
            except (ConnectionError, BrokenAnswer):
                # Servers close connections that they find idle, also in the moment in which they are used again. That
                # is no failure of theirs, and what is safe may be asked once more (RFC 9112, section 9.3.1).
                if body is not None or method not in _SAFE or kept.has_begun:
                    raise
        return self._connect().ask(method, head, body, patience)

    def close(self) -> None:
        self._kept.close()

    def _connect(self) -> Connection:
        try:
            sock = socket.create_connection(self._address, self._limits.connect_timeout)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    sock = self._tls.wrap_socket(sock, server_hostname=self._name)
            except BaseException:
                sock.close()
                raise
        except OSError as error:
            raise Unreached from error
        return Connection(sock, self._limits, self._kept)


class Kept:
    """Connections that wait for the next request."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[Connection] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._idle)

    def put(self, connection: Connection) -> None:
        """A connection is free for the next request."""
        if len(self._idle) < self._most and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()

    def take(self) -> Connection | None:
        """One that the other side has not closed meanwhile; None if there is none."""
        while self._idle:
            with suppress(IndexError):  # another thread took the last one
                connection = self._idle.pop()
                if connection.is_quiet():
                    return connection
                connection.close()
        return None

    def close(self) -> None:
        """Close all, and whatever comes back later."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


class Connection:
    """A socket to an origin. One request is on its way at a time.

    Attributes:
        stream: answers are read from it.
    """

    def __init__(self, sock: socket.socket, limits: Limits, kept: Kept) -> None:
        """
        Args:
            sock: connected; it belongs to this object.
            limits: time-outs.
            kept: gets this connection when an answer was read whole.
        """
        self._socket = sock
        self._idle = limits.idle_timeout
        self._paced = PacedReader(sock.recv_into, self._idle, limits.trickle_bytes)
        self._kept = kept
        self._cut = False
        self._ready = select.poll()
        self._ready.register(sock, select.POLLIN)
        self.stream: io.BufferedReader = _Stream(self._paced, BUFFER)
        sock.settimeout(self._idle)

    def is_quiet(self) -> bool:
        """Whether nothing has come behind the last answer: no end of the connection, and no bytes that nobody asked for.

        Those would be taken for the next answer.
        """
        return not self._paced.has_left(self.stream) and not self._ready.poll(0)

    @property
    def has_begun(self) -> bool:
        """Whether a byte has come since the last request was sent."""
        return self._paced.has_come

    def ask(self, method: str, head: bytes, body: bytes | Body | None, patience: float) -> Answer:
        """Send a request and wait for the answer; without one the connection is closed.

        Raises:
            OSError, BrokenAnswer: there is none.
        """
        try:
            self._send(head, body)
            self._paced.begin(patience)
            if patience != self._idle:
                self._socket.settimeout(patience)
            return Answer(self, method)
        except BaseException:
            self.close()
            raise

    def _send(self, head: bytes, body: bytes | Body | None) -> None:
        # A server that ends the connection before it has all may have said why: see the answer.
        sock = self._socket
        try:
            if body is None or isinstance(body, bytes):
                if body and len(body) > _TOGETHER:
                    sock.sendall(head)
                    sock.sendall(body)
                else:
                    sock.sendall(head + body if body else head)
                return
            sock.sendall(head)
            while data := body.read(BLOCK):
                sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            self._cut = True

    def give_back(self) -> None:
        """The answer was read whole."""
        if self._cut:
            self.close()
            return
        self._socket.settimeout(self._idle)
        self._kept.put(self)

    def close(self) -> None:
        self._socket.close()


class _Stream(io.BufferedReader):
    """Outlives the answers that are read from it: http.client closes what it read one from."""

    def close(self) -> None:
        pass


def target_of(url: str) -> str:
    """Path and query of an absolute URL, byte for byte."""
    rest = url.partition("://")[2]
    start = len(rest)
    for mark in "/?":
        found = rest.find(mark, 0, start)
        start = found if found >= 0 else start
    path = rest[start:]
    return path if path.startswith("/") else f"/{path}"


def head_of(method: str, target: str, host: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request.

    Raises:
        ValueError: a value would end its line.
    """
    lines = [f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
    head = "".join(lines) + "\r\n"
    if not head.count("\r") == head.count("\n") == len(lines) + 2 or "\0" in head:
        raise ValueError("a header would hold the end of a line")
    return head.encode("latin-1")
