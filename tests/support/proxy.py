"""Things between a client and a server: forward proxies, and a relay that counts bytes and slows them down."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.support.environment import OUTSIDE, clean_environment, wait_for
from tests.support.require import require
from tests.support.servers import _free_port, running

__all__ = ["ConnectProxy", "Relay", "Tinyproxy", "tinyproxy"]

BLOCK = 1 << 16


class _Tcp:
    """A server on a free loopback port whose connections are handled in threads. A context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{self.host}"

    def serve(self, client: socket.socket) -> None:
        """Handle one connection."""
        raise NotImplementedError

    def join(self, client: socket.socket, server: socket.socket) -> None:
        """Carry bytes both ways until both sides have ended."""
        back = self._thread(self.carry, server, client, False)
        self.carry(client, server, True)
        back.join()

    def carry(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:
        """Carry bytes one way until the source ends."""
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                self.passing(len(data), upwards=upwards)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def passing(self, count: int, *, upwards: bool) -> None:
        """Bytes are about to be passed on; may wait."""

    def connect(self, host: str, port: int) -> socket.socket:
        """Open a connection that is closed in the end."""
        made = socket.create_connection((host, port), timeout=20)
        made.settimeout(None)
        with self._lock:
            self._open.append(made)
        return made

    def __enter__(self) -> Self:
        self._thread(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            todo, self._open = self._open, []
        for each in todo:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _thread(self, target: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(client)
            self._thread(self._one, client)

    def _one(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self.serve(client)
        with contextlib.suppress(OSError):
            client.close()


class Relay(_Tcp):
    """Passes connections on to another port, counts what goes up, and lets it pass no faster than told.

    Attributes:
        sent: bytes that clients have sent so far.
    """

    def __init__(self, port: int, *, rate: float | None = None) -> None:
        """
        Args:
            port: of the server, on 127.0.0.1.
            rate: most bytes per second that go up, over all connections; None: no limit.
        """
        super().__init__()
        self._server = port
        self._rate = rate
        self._due = 0.0
        self._pause = threading.Event()
        self.sent = 0

    def serve(self, client: socket.socket) -> None:
        """Connect to the server, and carry."""
        self.join(client, self.connect("127.0.0.1", self._server))

    def passing(self, count: int, *, upwards: bool) -> None:
        """Count, and wait until these bytes are due."""
        if not upwards:
            return
        with self._lock:
            self.sent += count
            if self._rate is None:
                return
            now = time.monotonic()
            self._due = max(self._due, now) + count / self._rate
            wait = self._due - now
        self._pause.wait(wait)


class ConnectProxy(_Tcp):
    """A proxy that knows the addresses of some names, and builds tunnels to these only.

    Attributes:
        heads: the first lines and headers of the requests that it could read.
    """

    def __init__(self, addresses: Mapping[str, int]) -> None:
        """
        Args:
            addresses: ports on 127.0.0.1 by `HOST:PORT` as clients ask for them.
        """
        super().__init__()
        self._addresses = dict(addresses)
        self.heads: list[str] = []

    def serve(self, client: socket.socket) -> None:
        """Read a CONNECT, and carry."""
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(BLOCK)
            if not data:
                return
            head += data
        text = head.decode("latin-1")
        self.heads.append(text)
        method, target, _ = text.split(" ", 2)
        port = self._addresses.get(target)
        if method != "CONNECT" or port is None:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        server = self.connect("127.0.0.1", port)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.join(client, server)


@dataclass(frozen=True, kw_only=True)
class Tinyproxy:
    """Debian's tinyproxy, running.

    Attributes:
        port: on 127.0.0.1.
        log: its output.
    """

    port: int
    log: Path = field(repr=False)

    def url(self, user: str = "", password: str = "") -> str:
        """What to put into HTTPS_PROXY."""
        return f"http://{f'{user}:{password}@' if user else ''}127.0.0.1:{self.port}"

    def tunnels(self) -> list[str]:
        """`HOST:PORT` of each tunnel that it was asked for."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line.split("): CONNECT ")[1].split()[0] for line in lines if "): CONNECT " in line]


@contextlib.contextmanager
def tinyproxy(
    folder: Path, upstream: ConnectProxy, *, user: str = "", password: str = ""
) -> Iterator[Tinyproxy]:
    """Run tinyproxy on a free port while the `with` block lasts.

    Names that only tests know are no names for it, so it asks another proxy, which knows their addresses.

    Args:
        folder: for its files.
        upstream: the proxy that it asks.
        user, password: what clients must give; none by default.
    """
    program = shutil.which("tinyproxy", path=OUTSIDE.get("PATH", "") + ":/usr/bin:/usr/sbin:/usr/local/bin")
    if program is None:
        require("real", "tinyproxy is not installed (Debian: apt-get install tinyproxy-bin)")
    with contextlib.ExitStack() as stack:
        for attempt in range(5):
            place = folder / str(attempt)
            place.mkdir(parents=True)
            found = _start(program, place, stack, upstream, f"{user} {password}" if user else "")
            if found is not None:
                yield found
                return
        logs = "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("*/log")))
        raise RuntimeError(f"tinyproxy does not start:\n{logs}")


def _start(
    program: str, folder: Path, stack: contextlib.ExitStack, upstream: ConnectProxy, login: str
) -> Tinyproxy | None:
    """Start it on a port that was free a moment ago; None if somebody else took it."""
    port, log = _free_port(), folder / "log"
    settings = [f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "MaxClients 50", "LogLevel Connect"]
    settings.append(f"Upstream http {upstream.host}")
    if login:
        settings.append(f"BasicAuth {login}")
    (folder / "config").write_text("\n".join(settings) + "\n")
    command = [program, "-d", "-c", str(folder / "config")]
    process = stack.enter_context(running(command, log, clean_environment(folder)))

    def ready() -> bool | None:
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return process.poll() is None
        return None

    return Tinyproxy(port=port, log=log) if wait_for(ready, "answer from tinyproxy") else None
