"""A TCP relay that counts what it passes on and resets connections: `python -m tests.support.relay`.

It runs as a program of its own, so that it can live in another network namespace than the test. It counts what the
kernel says went over the link (TCP_INFO), not what was put into a buffer: bytes that went twice because TCP repeated a
packet count once, bytes that had to be asked for or sent again after a reset count twice.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import struct
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

_BLOCK = 16 * 1024
# struct tcp_info of linux/tcp.h
_TOTAL_RETRANS = 100
_BYTES_RECEIVED = 128
_BYTES_SENT = 200  # followed by the bytes sent again


@dataclass
class Counts:
    """What went over the link.

    Attributes:
        retransmitted: packets that this side sent again.
        up: bytes of TCP payload that arrived, heads of requests included.
        down: bytes of TCP payload that were sent, heads of answers included.
    """

    connections: int = 0
    resets: int = 0
    retransmitted: int = 0
    up: int = 0
    down: int = 0


class Relay:
    """Passes bytes between whoever connects and one server.

    With `every` bytes given, whichever connection brings the bytes of all to a multiple of it is reset, `resets` times.
    """

    def __init__(self, listen: tuple[str, int], server: tuple[str, int], *, every: int, resets: int) -> None:
        self.counts = Counts()
        self._server = server
        self._every = every
        self._left = resets
        self._passed = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(listen, backlog=64)

    @property
    def address(self) -> str:
        host, port = self._listener.getsockname()[:2]
        return f"{host}:{port}"

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def finish(self) -> Counts:
        """Count what is still open, too."""
        with self._lock:
            for client in list(self._open):
                self._count(client)
        return self.counts

    def _connection(self, client: socket.socket) -> None:
        with self._lock:
            self.counts.connections += 1
            self._open.add(client)
        server = socket.create_connection(self._server)
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        other = threading.Thread(target=self._pass, args=(server, client), daemon=True)
        other.start()
        self._pass(client, server)
        other.join()
        with self._lock:
            self._count(client)
        client.close()
        server.close()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(_BLOCK):
                sink.sendall(data)
                if self._is_reset_after(len(data)):
                    for one in (source, sink):
                        # A reset: what waits to be sent or read is thrown away.
                        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RD)
            except OSError:
                pass

    def _is_reset_after(self, count: int) -> bool:
        with self._lock:
            before, self._passed = self._passed, self._passed + count
            if not self._left or before // self._every == self._passed // self._every:
                return False
            self._left -= 1
            self.counts.resets += 1
            return True

    def _count(self, client: socket.socket) -> None:
        """Add a connection's bytes; the lock is held."""
        if client in self._open:
            self._open.discard(client)
            facts = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            (received,) = struct.unpack_from("=Q", facts, _BYTES_RECEIVED)
            sent, repeated = struct.unpack_from("=QQ", facts, _BYTES_SENT)
            self.counts.down += sent - repeated
            self.counts.up += received
            self.counts.retransmitted += struct.unpack_from("=I", facts, _TOTAL_RETRANS)[0]


def main() -> None:
    """Print the address, run until SIGTERM, print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("server", help="HOST:PORT")
    parser.add_argument("counts", type=Path, help="written at the end")
    parser.add_argument("--reset-after", type=int, default=1 << 62, metavar="BYTES")
    parser.add_argument("--resets", type=int, default=0, metavar="COUNT")
    arguments = parser.parse_args()
    host, _, port = arguments.server.rpartition(":")
    relay = Relay(
        (arguments.host, 0), (host, int(port)), every=arguments.reset_after, resets=arguments.resets
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        arguments.counts.write_text(json.dumps(asdict(relay.finish())))
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    print(relay.address, flush=True)
    threading.Thread(target=relay.serve, daemon=True).start()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
