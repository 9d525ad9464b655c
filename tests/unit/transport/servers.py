"""Small servers on loopback ports for the tests of the transport: one that records, one that misbehaves."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it arrived, with the certificate that the client showed."""

    method: str
    path: str
    headers: Message
    body: bytes
    certificate: bytes | None = None


@dataclass(frozen=True)
class Reply:
    """What to answer."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass
class Recorder:
    """A running server that remembers what it was asked."""

    port: int
    scheme: str = "http"
    seen: list[Seen] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def secrets(self, *names: str) -> list[str]:
        """Values of these headers in all requests."""
        return [
            value for request in self.seen for name in names for value in request.headers.get_all(name, [])
        ]


@contextmanager
def recorder(answer: Callable[[Seen], Reply], *, context: ssl.SSLContext | None = None) -> Iterator[Recorder]:
    """Run a server whose answers a function decides; it keeps connections."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            shown = self.connection.getpeercert(binary_form=True) if context else None
            request = Seen(self.command, self.path, self.headers, self.rfile.read(length), shown)
            running.seen.append(request)
            reply = answer(request)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in reply.headers):
                self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket.listen(64)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    running = Recorder(server.server_address[1], "https" if context else "http")
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # broken handshakes are wanted here
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def scripted(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Run a server that gives each connection one of these answers, byte for byte, and closes it.

    An empty answer closes the connection at once. The last answer serves all later connections. Yields the port
    and the list of requests.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    seen: list[bytes] = []
    todo = list(answers)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                request = b""
                while b"\r\n\r\n" not in request and (data := connection.recv(65536)):
                    request += data
                seen.append(request)
                connection.sendall(todo.pop(0) if len(todo) > 1 else todo[0])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


@contextmanager
def tunnel(upstream: int) -> Iterator[tuple[int, list[bytes]]]:
    """Run a proxy that answers every CONNECT with a tunnel to a port of this machine.

    Yields its own port and the heads of the requests that it could read.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    seen: list[bytes] = []
    opened: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(connection)
            head = b""
            while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
                head += data
            seen.append(head)
            target = socket.create_connection(("127.0.0.1", upstream))
            opened.append(target)
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for pair in ((connection, target), (target, connection)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        for each in (listener, *opened):
            each.close()
        thread.join(5)
