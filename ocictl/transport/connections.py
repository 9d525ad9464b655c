"""Connections that know two things urllib3's do not: how slowly bytes may move, in either direction (NET-05)."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from ssl import CERT_NONE
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from ocictl.transport.answers import Answer


def _answer(connection: Http | Https, sock: socket.socket, *args: Any, **kwargs: Any) -> Answer:
    """What http.client calls to read an answer."""
    paced: Any = _PacedSocket(sock, connection.trickle)
    return Answer(paced, *args, **kwargs)


class Http(HTTPConnection):
    """A plain connection.

    urllib3 gives each send the connect time-out, which a slow line exceeds on one block; here sends may take as long
    as nothing moves for the idle time-out. Answers are read by `PacedReader`.
    """

    response_class: Any = _answer

    def __init__(self, *args: Any, idle_timeout: float, trickle: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_timeout = idle_timeout
        self.trickle = trickle

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        self.timeout = self._idle_timeout
        super().request(*args, **kwargs)


class Https(HTTPSConnection):
    """The same with TLS."""

    response_class: Any = _answer

    def __init__(self, *args: Any, idle_timeout: float, trickle: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_timeout = idle_timeout
        self.trickle = trickle

    def connect(self) -> None:
        super().connect()
        if self.ssl_context is not None and self.ssl_context.verify_mode == CERT_NONE:
            # The user asked for this with --insecure; urllib3 would warn on standard error at every request.
            self.is_verified = True

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.timeout = self._idle_timeout
        super().request(*args, **kwargs)


class _PacedSocket:
    """A socket as an answer sees it: something to read from."""

    def __init__(self, sock: socket.socket, trickle: int) -> None:
        self._sock = sock
        self._trickle = trickle

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        raw = self._sock.makefile("rb", buffering=0)
        patience = self._sock.gettimeout()
        if patience is None:
            return io.BufferedReader(raw)
        return io.BufferedReader(PacedReader(raw, patience, self._trickle))


class PacedReader(io.RawIOBase):
    """Reads from a socket, and gives up on a peer that sends next to nothing for ever (T5).

    The time-out of a socket begins anew with each byte, so it is blind to one byte a second. Here waiting uses up a
    budget of twice the time-out; bytes that come fill it again.
    """

    def __init__(
        self, raw: io.RawIOBase, patience: float, trickle: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """
        Args:
            raw: reads from the socket; closed with this reader.
            patience: the socket's time-out in seconds.
            trickle: bytes that fill the budget by one `patience`.
            clock: seconds.
        """
        super().__init__()
        self._raw = raw
        self._most = self._budget = 2 * patience
        self._earned = patience / trickle
        self._clock = clock
        self._goes_on = False
        self._failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Read what is there, waiting for it if need be.

        A large read is made up of many of these, and an error would throw away what came before it. So the first
        one after bytes have come ends the read, and the next read raises it: what came need not be sent again.

        Raises:
            TimeoutError: nothing came for the time-out, or too little for too long.
        """
        if self._failure is not None:
            raise self._failure
        try:
            count = self._read(buffer)
        except OSError as error:
            if not self._goes_on:
                raise
            self._failure = error
            return 0
        # With so much room left, whoever reads comes back for the rest before it hands out anything.
        self._goes_on = bool(count) and len(buffer) - (count or 0) >= io.DEFAULT_BUFFER_SIZE
        return count

    def _read(self, buffer: Any) -> int | None:
        begun = self._clock()
        count = self._raw.readinto(buffer)
        spent = self._clock() - begun
        self._budget = min(self._most, self._budget - spent + (count or 0) * self._earned)
        if count and self._budget < 0:
            raise TimeoutError("too few bytes for too long")
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
