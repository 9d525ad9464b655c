"""Reading on a thread of its own, so that decompressing and writing happen at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["ReadAhead"]

_WAITING: Final = 8
"""Pieces that may wait; more would only fill memory."""


class ReadAhead:
    """Pieces of something, made before they are asked for. It must be closed."""

    def __init__(self, produce: Callable[[], bytes]) -> None:
        """
        Args:
            produce: returns the next piece, `b""` at the end. It is called on another thread, by one at a time.
        """
        self._produce = produce
        self._pieces: deque[bytes] = deque()
        self._room = threading.Semaphore(_WAITING)
        self._filled = threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._stopped = False
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
        self._thread.start()

    def read(self) -> bytes:
        """Return the next piece, `b""` at the end. What `produce` raised is raised here, in its place."""
        if self._ended:
            return b""
        self._filled.acquire()
        piece = self._pieces.popleft()
        self._room.release()
        if piece:
            return piece
        self._ended = True
        if self._failure is not None:
            raise self._failure
        return b""

    def close(self) -> None:
        """End the thread. Doing so twice is no error."""
        self._stopped = True
        self._room.release()
        self._thread.join()

    def _work(self) -> None:
        piece = b"."
        while piece:
            self._room.acquire()
            if self._stopped:
                return
            try:
                piece = self._produce()
            except BaseException as error:  # noqa: BLE001 - raised again where it is read
                self._failure = error
                piece = b""
            self._pieces.append(piece)
            self._filled.release()
