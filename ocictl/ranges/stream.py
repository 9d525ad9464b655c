"""Fetching one large blob over several connections, where the link gains from it (ADR 0013).

The reader still gets the bytes in their order, so hashing, partial files and resuming know nothing of this. One
connection runs as always and is measured. If most of the time is spent waiting for it and much is left, a second
one fetches a part further on; it stays only if both together are clearly faster. What comes too early waits in a
temporary file of bounded size that has no name, never in memory and never in the partial file.

Whatever goes wrong with a part (no ranges, another range, 416, 429, a full disk), the plain stream goes on from
where the reader is.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from ocictl.closing import Closing
from ocictl.errors import OcictlError, TransportError
from ocictl.events import EventSink, discard
from ocictl.model.descriptor import Descriptor
from ocictl.ranges.gauge import Gauge
from ocictl.target import ByteStream, HasRanges, ReadOnlyTarget

__all__ = ["ParallelStream", "Source"]

SEGMENT: Final = 8 * 1024 * 1024
"""Bytes of one part."""
SLACK: Final = 2
"""Parts that may wait in the temporary file beside those that are being fetched."""
CHUNK: Final = 256 * 1024
"""Bytes per read of a part."""
PATIENCE: Final = 0.5
"""Seconds that the reader waits for bytes before it looks at the measurements again."""
FIRST_BYTE: Final = 5.0
"""Seconds that the first connection, having come to where the parts begin, waits for the first byte of one."""
JOIN: Final = 1.0
"""Seconds that closing waits for connections that are in the middle of something."""
clock = time.monotonic


class Source(Protocol):
    """What the plain stream opens content with."""

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        """Open content from this offset on."""
        ...


class RangeTarget(ReadOnlyTarget, HasRanges, Protocol):
    """A target to read from that also serves parts."""


Resume = Callable[[Source, Descriptor, int], ByteStream]
"""Opens content from an offset on, as a stream that goes on after lost connections."""


class ParallelStream(Closing):
    """Content in its order, over as many connections as it gains from. It must be closed."""

    def __init__(self, target: RangeTarget, descriptor: Descriptor, start: int, resume: Resume) -> None:
        """
        Args:
            target: has lines, that is, `target.lines` is not None.
            descriptor: what is read.
            start: offset of the first byte.
            resume: opens the plain stream.

        Raises:
            OcictlError: what opening the content raises.
        """
        lines = target.lines
        if lines is None:
            raise ValueError("a target without lines has no parts to fetch")
        self._target = target
        self._descriptor = descriptor
        self._start = start
        self._offset = start
        self._resume = resume
        self._lines = lines
        self._pool: _Pool | None = None
        self._alone = 0
        self._waited = 0.0
        self._plain: ByteStream | None = resume(target, descriptor, start)
        self._count = 1
        lines.begin()
        self._gauge = Gauge(clock(), lines.most)

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, the next ones; `b""` at the end.

        Raises:
            OcictlError: what the plain stream raises.
        """
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        while True:
            begun = clock()
            data = self._read(size)
            now = clock()
            self._waited += now - begun
            if not self._gauge.settled:
                self._advise(now)
            if data is not None:
                self._offset += len(data)
                return data

    def close(self) -> None:
        """Give up all connections. Doing so twice is no error."""
        if self._pool is not None:
            self._pool.stop(JOIN)
            self._pool = None
        if self._plain is not None:
            self._plain.close()
        while self._count:
            self._count -= 1
            self._lines.end()

    def _read(self, size: int) -> bytes | None:
        """The next bytes; None to be asked again."""
        pool = self._pool
        if self._plain is None:
            if pool is not None:
                data = pool.read(size, PATIENCE)
                if data == b"":
                    self._leave_pool()
                    return None
                return data
            if self._offset == self._descriptor.size:
                return b""
            self._plain = self._resume(self._target, self._descriptor, self._offset)
        elif pool is not None:
            if pool.failed:
                self._leave_pool()
            elif self._offset < pool.base:
                size = min(size, pool.base - self._offset)
            else:
                self._enter_pool(pool)
                return None
        data = self._plain.read(size)
        self._alone += len(data)
        return data

    def _enter_pool(self, pool: _Pool) -> None:
        """The plain connection has come to where the parts begin: it ends, if they are really coming."""
        if not pool.has_begun(FIRST_BYTE):
            self._leave_pool()
        elif self._plain is not None:
            self._plain.close()
            self._plain = None
            self._staff(pool)

    def _leave_pool(self) -> None:
        """Go on without parts, for good."""
        if self._pool is not None:
            self._alone += self._pool.received
            self._pool.stop(0)
            self._pool = None
        self._gauge.settled = True
        while self._count > 1:
            self._count -= 1
            self._lines.end()

    def _advise(self, now: float) -> None:
        """Use one connection more or less, if the measurements say so."""
        received = self._alone + (self._pool.received if self._pool is not None else 0)
        rest = self._descriptor.size - self._start - received
        wanted = self._gauge.advise(now, received, self._waited, rest)
        if wanted > self._count:
            if not self._add():
                self._gauge.settled = True
                return
        elif wanted < self._count:
            self._count -= 1
            self._lines.end()
        else:
            return
        if self._pool is not None:
            self._staff(self._pool)

    def _add(self) -> bool:
        """Get the right to one more connection, and what it needs; tell whether that worked."""
        if not self._lines.try_another():
            return False
        if self._pool is None:
            self._pool = self._new_pool()
            if self._pool is None:
                self._lines.end()
                return False
        self._count += 1
        return True

    def _new_pool(self) -> _Pool | None:
        """A pool for what comes behind the next part, which is left to the plain connection; None if it can't be."""
        # The bytes of this read are not in the offset yet.
        base = self._start + self._alone + SEGMENT
        if base + SEGMENT > self._descriptor.size:
            return None
        try:
            return _Pool(self._target, self._descriptor, base, self._resume, self._lines.most)
        except OSError:
            return None

    def _staff(self, pool: _Pool) -> None:
        """Give the pool its connections. One alone is better off as a plain stream, so then the pool ends."""
        if self._count == 1:
            pool.want(0)
        else:
            pool.want(self._count - 1 if self._plain is not None else self._count)


class _Pool:
    """Threads that fetch parts of a blob, from `base` to its end, into a temporary file used as a ring.

    Attributes:
        base: offset of the first part.
        received: bytes that came so far.
        failed: a part could not be fetched, and nothing more will come.
    """

    def __init__(
        self, target: RangeTarget, descriptor: Descriptor, base: int, resume: Resume, most: int
    ) -> None:
        """
        Raises:
            OSError: there is no place for a temporary file.
        """
        self.base = base
        self.received = 0
        self.failed = False
        self._target = target
        self._descriptor = descriptor
        self._resume = resume
        self._slots = most + SLACK
        self._file = tempfile.TemporaryFile(prefix="ocictl-", buffering=0)  # noqa: SIM115 - a member
        self._changed = threading.Condition()
        self._position = base
        self._next = 0
        self._progress: dict[int, int] = {}
        self._workers = 0
        self._wanted = 0
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def want(self, count: int) -> None:
        """Have so many connections from now on; those too many end with the part that they are at."""
        with self._changed:
            self._wanted = count
            while self._workers < count and not self.failed:
                self._workers += 1
                thread = threading.Thread(target=self._work, name="range", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def has_begun(self, patience: float) -> bool:
        """Tell whether bytes are coming; wait for the first one as long as this, in seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.received or self.failed or not self._workers, patience)
            return self.received > 0 and not self.failed

    def read(self, size: int, patience: float) -> bytes | None:
        """Return the next bytes: `b""` if no more will come, None if there are none yet after `patience` seconds."""
        with self._changed:
            available = self._available()
            if available == 0:
                if self.failed or not self._workers:
                    return b""
                self._changed.wait(patience)
                available = self._available()
                if available == 0:
                    return None
            index, inner = divmod(self._position - self.base, SEGMENT)
        try:
            data = os.pread(self._file.fileno(), min(size, available), index % self._slots * SEGMENT + inner)
        except OSError:
            data = b""
        if not data:
            self._fail()
            return b""
        with self._changed:
            self._position += len(data)
            if self._position == self._end(index):
                del self._progress[index]
                self._changed.notify_all()
        return data

    def stop(self, patience: float) -> None:
        """Let all connections end; wait for them as long as this, in seconds, all in all."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            self._close_if_idle()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _available(self) -> int:
        index, inner = divmod(self._position - self.base, SEGMENT)
        return max(0, self._progress.get(index, 0) - inner)

    def _begin(self, index: int) -> int:
        return self.base + index * SEGMENT

    def _end(self, index: int) -> int:
        return min(self._begin(index + 1), self._descriptor.size)

    def _fail(self) -> None:
        with self._changed:
            self.failed = True
            self._changed.notify_all()

    def _work(self) -> None:
        """Fetch parts until there is nothing left to do."""
        done = False
        try:
            while (index := self._take()) is not None:
                self._fetch(index)
            done = True
        except (OcictlError, OSError):
            pass  # the plain stream meets the same failure, and reports it, unless only parts fail
        finally:
            with self._changed:
                self._workers -= 1
                self.failed = self.failed or not done
                self._close_if_idle()
                self._changed.notify_all()

    def _take(self) -> int | None:
        """The next part to fetch, once there is room for it; None if this connection is to end."""
        with self._changed:
            while True:
                if self._stopped or self.failed or self._workers > self._wanted:
                    return None
                if self._begin(self._next) >= self._descriptor.size:
                    return None
                if self._next < (self._position - self.base) // SEGMENT + self._slots:
                    self._progress[self._next] = 0
                    self._next += 1
                    return self._next - 1
                self._changed.wait()

    def _fetch(self, index: int) -> None:
        at, end = self._begin(index), self._end(index)
        slot = index % self._slots * SEGMENT - at
        with self._resume(_Part(self._target, end), self._descriptor, at) as stream:
            while at < end:
                data = stream.read(min(CHUNK, end - at))
                if not data:
                    raise TransportError("a part ended early", code="response-truncated")
                view = memoryview(data)
                while view:
                    written = os.pwrite(self._file.fileno(), view, slot + at)
                    at += written
                    view = view[written:]
                with self._changed:
                    if self._stopped:
                        return
                    self._progress[index] += len(data)
                    self.received += len(data)
                    self._changed.notify_all()

    def _close_if_idle(self) -> None:
        """Close the file when nobody uses it any more: a number that is free again may be another file's."""
        if self._stopped and not self._workers:
            self._file.close()


class _Part:
    """A target as the plain stream sees it, whose content ends earlier."""

    def __init__(self, target: RangeTarget, end: int) -> None:
        self._target = target
        self._end = end
        self.on_event: EventSink = getattr(target, "on_event", discard)
        self.resume_attempts: int = getattr(target, "resume_attempts", 1)

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        return self._target.fetch_range(descriptor, start=start, end=self._end)
