"""How slowly an answer may come (NET-05)."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, Final

BUFFER: Final = 16 * 1024
"""Bytes that are read ahead of an answer: a head, and with it all of a small body."""


class PacedReader(io.RawIOBase):
    """Reads from a socket, and gives up on a peer that sends next to nothing for ever (T5).

    The time-out of a socket begins anew with each byte, so it is blind to one byte a second. Here waiting uses up a
    budget of twice the time-out; bytes that come fill it again.

    Attributes:
        has_come: whether any byte of the answer has.
    """

    def __init__(
        self,
        read: Callable[[Any], int | None],
        patience: float,
        trickle: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            read: reads what is there into a buffer, waiting for it.
            patience: the socket's time-out in seconds.
            trickle: bytes that fill the budget by one `patience`.
            clock: seconds.
        """
        super().__init__()
        self._raw = read
        self._trickle = trickle
        self._clock = clock
        self._silent = False
        self.begin(patience)

    def begin(self, patience: float) -> None:
        """Another answer is waited for."""
        self._most = self._budget = 2 * patience
        self._earned = patience / self._trickle
        self._goes_on = False
        self.has_come = False
        self._failure: OSError | None = None

    def has_left(self, stream: io.BufferedReader) -> bool:
        """Whether the stream above this holds bytes that were read ahead."""
        self._silent = True
        try:
            return bool(stream.peek(1))
        finally:
            self._silent = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        """Read what is there, waiting for it if need be.

        A large read is made up of many of these, and an error would throw away what came before it. So the first
        one after bytes have come ends the read, and the next read raises it: what came need not be sent again.

        Raises:
            TimeoutError: nothing came for the time-out, or too little for too long.
        """
        if self._silent:
            return None
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
        self._goes_on = bool(count) and len(buffer) - (count or 0) >= BUFFER
        return count

    def _read(self, buffer: Any) -> int | None:
        begun = self._clock()
        count = self._raw(buffer)
        spent = self._clock() - begun
        self._budget = min(self._most, self._budget - spent + (count or 0) * self._earned)
        if count:
            self.has_come = True
            if self._budget < 0:
                raise TimeoutError("too few bytes for too long")
        return count
