"""A small HTTP/1.1 server on real sockets whose answers can break on the wire."""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import ssl
import struct
import threading
from dataclasses import dataclass, field, replace
from email.message import Message
from http.client import responses as reasons
from http.server import BaseHTTPRequestHandler
from typing import Protocol, Self
from urllib.parse import parse_qsl, unquote

__all__ = ["App", "HttpServer", "Reply", "Request"]

NO_BODY = frozenset({204, 304})


@dataclass(kw_only=True)
class Request:
    """One request as it came.

    Attributes:
        target: path and query exactly as sent.
        body: the body; empty while `App.early` looks at the request.
    """

    method: str
    target: str
    headers: Message = field(repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def raw_path(self) -> str:
        """The path exactly as sent, without query."""
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.raw_path)

    @property
    def raw_query(self) -> str:
        """The query exactly as sent, or an empty string."""
        return self.target.partition("?")[2]

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The decoded query parameters, in order."""
        return parse_qsl(self.raw_query, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """Return the first query parameter of this name."""
        return next((value for key, value in self.parameters if key == name), None)

    def header(self, name: str) -> str | None:
        """Return a header, whatever the case of its name."""
        value = self.headers.get(name)
        return None if value is None else str(value)

    @property
    def authorization(self) -> str | None:
        """The Authorization header."""
        return self.header("Authorization")

    @property
    def body_length(self) -> int:
        """Number of body bytes that came."""
        return len(self.body)

    @property
    def line(self) -> str:
        """Method and target, as tests like to compare them."""
        return f"{self.method} {self.target}"


@dataclass(kw_only=True)
class Reply:
    """One answer, and how it is to break.

    Attributes:
        length: what Content-Length says; None for the true length, -1 for no such header (the body then ends
            with the connection).
        chunked: send the body as one chunk, without Content-Length; a cut then counts the framing too.
        cut_after: send this many bytes of the body, then end the connection.
        reset: end the connection by a TCP reset, not in good order.
        stall_after: send this many bytes of the body, then nothing until the client or the test gives up.
        drop: end the connection without any answer.
        read_request: in an early answer, how many bytes of the request's body to read first.
        raw: send these bytes in place of everything else.
    """

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = field(default=b"", repr=False)
    length: int | None = None
    chunked: bool = False
    cut_after: int | None = None
    reset: bool = False
    stall_after: int | None = None
    drop: bool = False
    read_request: int = 0
    raw: bytes | None = None

    def header(self, name: str) -> str | None:
        """Return the first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def set(self, name: str, value: str | None) -> Self:
        """Set a header in place of those of the same name, or remove it (None)."""
        self.headers = [(key, kept) for key, kept in self.headers if key.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))
        return self

    @property
    def breaks(self) -> bool:
        """Whether the connection can't be used for another request."""
        cut = self.cut_after is not None or self.stall_after is not None or self.length is not None
        return cut or self.reset or self.drop or self.raw is not None


class App(Protocol):
    """What answers the requests of an `HttpServer`."""

    def early(self, request: Request) -> Reply | None:
        """Answer before the body is read, or not (None)."""
        ...

    def respond(self, request: Request) -> Reply:
        """Answer a complete request."""
        ...


class _BrokenBodyError(ConnectionAbortedError):
    def __init__(self, received: bytes) -> None:
        super().__init__("the client ended in the middle of a body")
        self.received = received


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_request(self, *args: object) -> None:
        pass

    def log_error(self, *args: object) -> None:
        pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        self.close_connection = True
        self._send(Reply(status=code, body=(message or "").encode()))

    def _serve(self) -> None:
        request = Request(method=self.command, target=self.path, headers=self.headers)
        early = self.server.app.early(request)
        if early is not None:
            request.body = self.rfile.read(early.read_request)
            self._broken(request)
            self.server.record(request)
            self._send(early)
            self.close_connection = True
            if not early.reset and not early.drop:
                self._linger()
            return
        try:
            request.body = self._read_body()
        except _BrokenBodyError as error:
            request.body = error.received
            self._broken(request)
            raise
        self.server.record(request)
        self._send(self.server.app.respond(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _read_body(self) -> bytes:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                parts.append(self._exactly(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self._exactly(int(self.headers.get("Content-Length") or 0))

    def _exactly(self, size: int) -> bytes:
        data = self.rfile.read(size)
        if len(data) != size:
            raise _BrokenBodyError(data)
        return data

    def _broken(self, request: Request) -> None:
        self.server.broken_bytes += len(request.body)
        broken = getattr(self.server.app, "broken", None)
        if broken is not None:
            broken(request)

    def _send(self, reply: Reply) -> None:
        if reply.breaks:
            self.close_connection = True
        if reply.reset:
            self.server.resets.add(self.connection)
        if reply.drop:
            return
        if reply.raw is not None:
            self.connection.sendall(reply.raw)
            return
        head, body = self._head(reply), reply.body
        if self.command == "HEAD" or reply.status in NO_BODY:
            body = b""
        elif reply.chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) + b"0\r\n\r\n" if body else b"0\r\n\r\n"
        stop = reply.cut_after if reply.cut_after is not None else reply.stall_after
        view = memoryview(body)[:stop]
        if len(view) < 1 << 16:
            self.connection.sendall(head + view)
        else:
            self.connection.sendall(head)
            self.connection.sendall(view)
        if reply.stall_after is not None:
            self._stall()

    def _head(self, reply: Reply) -> bytes:
        lines = [f"HTTP/1.1 {reply.status} {reasons.get(reply.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif reply.header("Content-Length") is None and reply.length != -1 and reply.status not in NO_BODY:
            lines.append(f"Content-Length: {len(reply.body) if reply.length is None else reply.length}")
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def _linger(self) -> None:
        # An unread body would make the kernel send a reset, which can overtake the answer.
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(1 << 16):
                pass

    def _stall(self) -> None:
        while not self.server.closing.wait(0.02):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable:
                return


class _Server(socketserver.TCPServer):
    allow_reuse_address = False
    request_queue_size = 128

    def __init__(self, app: App, tls: ssl.SSLContext | None) -> None:
        self.app = app
        self.tls = tls
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.faults: list[BaseException] = []
        self.resets: set[socket.socket] = set()
        self.connections: set[socket.socket] = set()
        self.threads: list[threading.Thread] = []
        self.accepted = 0
        self.broken_bytes = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    def record(self, request: Request) -> None:
        with self.lock:
            self.requests.append(replace(request))

    def process_request(self, request: socket.socket, client_address: object) -> None:
        thread = threading.Thread(target=self._work, args=(request, client_address), daemon=True)
        with self.lock:
            self.accepted += 1
            self.connections.add(request)
        thread.start()
        self.threads = [*(thread for thread in self.threads if thread.is_alive()), thread]

    def _work(self, plain: socket.socket, client_address: object) -> None:
        connection = plain
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(plain, server_side=True)
                with self.lock:
                    self.connections.remove(plain)
                    self.connections.add(connection)
            self.finish_request(connection, client_address)  # type: ignore[arg-type]
        except OSError:
            pass  # a client that goes away is its right
        except BaseException as error:  # noqa: BLE001 - kept for the test, which fails at its end
            self.faults.append(error)
        finally:
            self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        with self.lock:
            self.connections.discard(connection)
        with contextlib.suppress(OSError):
            if connection in self.resets:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.shutdown(socket.SHUT_WR)
        connection.close()
        self.resets.discard(connection)

    def hang_up(self) -> None:
        """End every open connection."""
        with self.lock:
            open_now = list(self.connections)
        for connection in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class HttpServer:
    """Serve an `App` on a free loopback port while the `with` block lasts.

    Attributes:
        requests: every request so far, in the order in which they were complete.
    """

    def __init__(self, app: App, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(app, tls)
        self._thread: threading.Thread | None = None
        self.scheme = "https" if tls else "http"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, or https."""
        return f"{self.scheme}://{self.host}"

    @property
    def requests(self) -> list[Request]:
        return self._server.requests

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._server.accepted

    @property
    def broken_bytes(self) -> int:
        """How many bytes came of bodies that broke off."""
        return self._server.broken_bytes

    def hang_up(self) -> None:
        """End every open connection, as a server that restarts would."""
        self._server.hang_up()

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Free the port and end every connection and thread."""
        self._server.closing.set()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join(5)
        self._server.server_close()
        self._server.hang_up()
        # Not only those of open connections: a thread lives on for a moment after it has closed its own.
        for thread in self._server.threads:
            thread.join(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        self.stop()
        if kind is None and self._server.faults:
            raise AssertionError("the server failed") from self._server.faults[0]
