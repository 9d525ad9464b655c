"""Hashing on a thread of its own, so that a big transfer waits for the network or the disk and not for the digest.

`hashlib` lets other threads run while it works on a block, so this pays wherever there are two processors.
"""

from __future__ import annotations

import threading
from collections import deque
from queue import SimpleQueue
from typing import Final

from ocictl.model.digest import new_hasher

_WAITING: Final = 8
"""Blocks that may wait to be hashed; more would only fill memory."""
BUFFER: Final = 1024 * 1024
"""Bytes of one buffer that is lent out."""
_BUFFERS: Final = 4
_spare: Final[deque[memoryview]] = deque(maxlen=16)
"""Buffers that nobody has: memory that was written to once costs less than new one."""


class BackgroundHasher:
    """A running digest, computed beside the caller. It must be closed."""

    def __init__(self, algorithm: str) -> None:
        """
        Raises:
            ContentError: `digest-unverifiable`.
        """
        self._hasher = new_hasher(algorithm)
        self._blocks: deque[bytes | memoryview | tuple[memoryview, int] | None] = deque()
        self._room = threading.Semaphore(_WAITING)
        self._filled = threading.Semaphore(0)
        self._free: SimpleQueue[memoryview] | None = None
        self._thread = threading.Thread(target=self._work, name="hasher", daemon=True)
        self._thread.start()

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes. They must not change afterwards."""
        self._room.acquire()
        self._blocks.append(data)
        self._filled.release()

    def buffer(self) -> memoryview:
        """Lend a buffer to read into. `take` gives it back; what was written into memory once need not be got anew.

        Only one thread may borrow, and it must be done with a buffer's content before it borrows the next.
        """
        if self._free is None:
            self._free = SimpleQueue()
            for _ in range(_BUFFERS):
                self._free.put(_take_spare() or memoryview(bytearray(BUFFER)))
        return self._free.get()

    def take(self, buffer: memoryview, count: int) -> None:
        """Add the first bytes of a lent buffer, and lend it again once they are hashed."""
        self._room.acquire()
        self._blocks.append((buffer, count))
        self._filled.release()

    def hexdigest(self) -> str:
        """The digest of everything that was added; nothing can be added any more."""
        self.close()
        return self._hasher.hexdigest()

    def close(self) -> None:
        """Finish what was added and end the thread. Doing so twice is no error."""
        if self._thread.is_alive():
            self._blocks.append(None)
            self._filled.release()
            self._thread.join()
            while self._free is not None and not self._free.empty():
                _spare.append(self._free.get())

    def _work(self) -> None:
        while True:
            self._filled.acquire()
            block = self._blocks.popleft()
            if block is None:
                return
            if isinstance(block, tuple):
                buffer, count = block
                self._hasher.update(buffer[:count])
                if self._free is not None:
                    self._free.put(buffer)
            else:
                self._hasher.update(block)
            self._room.release()


def _take_spare() -> memoryview | None:
    try:
        buffer = _spare.pop()
    except IndexError:
        return None
    return buffer if len(buffer) == BUFFER else None
