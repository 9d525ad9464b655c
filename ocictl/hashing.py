"""Hashing on a thread of its own, so that a big transfer waits for the network or the disk and not for the digest.

`hashlib` lets other threads run while it works on a block, so this pays as long as there is a processor for it. Where
as many transfers run as there are processors, each hashes its own blocks: more threads would only get in each other's way.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from queue import SimpleQueue
from typing import Final

from ocictl.closing import Closing
from ocictl.model.digest import new_hasher

_WAITING: Final = 8
"""Blocks that may wait to be hashed; more would only fill memory."""
BUFFER: Final = 1024 * 1024
"""Bytes of one buffer that is lent out."""
_BUFFERS: Final = 4
_PROCESSORS: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_running: Final[set[int]] = set()
"""Hashers that are at work."""
_spare: Final[deque[memoryview]] = deque(maxlen=16)
"""Buffers that nobody has: memory that was written to once costs less than new one."""


class BackgroundHasher(Closing):
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
        self._at_hand: memoryview | None = None
        self._given = 0
        self._done = 0
        self._thread = threading.Thread(target=self._work, name="hasher", daemon=True)
        self._thread.start()
        _running.add(id(self))

    def update(self, data: bytes | memoryview, /) -> None:
        """Add bytes. They must not change afterwards."""
        if self._hashes_here():
            self._hasher.update(data)
        else:
            self._give(data)

    def buffer(self) -> memoryview:
        """Lend a buffer to read into. `take` gives it back; what was written into memory once need not be got anew.

        Only one thread may borrow, and it must be done with a buffer's content before it borrows the next.
        """
        if self._at_hand is not None:
            buffer, self._at_hand = self._at_hand, None
            return buffer
        if self._free is None:
            self._free = SimpleQueue()
            for _ in range(_BUFFERS):
                self._free.put(_take_spare() or memoryview(bytearray(BUFFER)))
        return self._free.get()

    def take(self, buffer: memoryview, count: int) -> None:
        """Add the first bytes of a lent buffer, and lend it again once they are hashed."""
        if self._hashes_here():
            self._hasher.update(buffer[:count])
            self._at_hand = buffer
        else:
            self._give((buffer, count))

    def hexdigest(self) -> str:
        """The digest of everything that was added; nothing can be added any more."""
        self.close()
        return self._hasher.hexdigest()

    def close(self) -> None:
        """Finish what was added and end the thread. Doing so twice is no error."""
        if self._thread.is_alive():
            _running.discard(id(self))
            self._blocks.append(None)
            self._filled.release()
            self._thread.join()
            if self._at_hand is not None:
                _spare.append(self._at_hand)
            while self._free is not None and not self._free.empty():
                _spare.append(self._free.get())

    def _hashes_here(self) -> bool:
        """Whether the caller's thread does the work: there is no processor to spare, and nothing waits before it."""
        return self._done == self._given and len(_running) >= _PROCESSORS

    def _give(self, block: bytes | memoryview | tuple[memoryview, int]) -> None:
        self._room.acquire()
        self._given += 1
        self._blocks.append(block)
        self._filled.release()

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
            self._done += 1
            self._room.release()


def _take_spare() -> memoryview | None:
    try:
        buffer = _spare.pop()
    except IndexError:
        return None
    return buffer if len(buffer) == BUFFER else None
