"""Running independent transfers side by side, and stopping all of them when one fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self, TypeAlias

from ocictl.errors import OcictlError
from ocictl.target import ByteStream

Task: TypeAlias = Callable[["Work"], None]
_GRACE: Final = 5.0
"""Seconds to wait for running transfers to clean up after an interruption."""


class Cancelled(OcictlError):  # noqa: N818 - it is a signal between threads, never shown
    """Another transfer of the same run failed; this one gave up."""

    default_code = "interrupted"


class Cancellation:
    """Tells the transfers of one run to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    def check(self) -> None:
        """Return while the run goes on.

        Raises:
            Cancelled: the run was stopped.
        """
        if self._event.is_set():
            raise Cancelled("stopped because another transfer failed")


class Work(Cancellation):
    """One run: the tasks that wait, and whether it shall stop. A task may add others."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        super().__init__()
        self._waiting = deque(tasks)
        self._running = 0
        self._changed = threading.Condition()
        self.failures: list[BaseException] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, tasks: Iterable[Task]) -> None:
        """Let these tasks run next, in this order, before all that wait: what is begun is finished first."""
        with self._changed:
            self._waiting.extendleft(reversed(list(tasks)))
            self._changed.notify_all()

    def fail(self, failure: BaseException) -> None:
        """Stop the run for this reason."""
        with self._changed:
            self.failures.append(failure)
            self.cancel()
            self._changed.notify_all()

    def run_here(self) -> None:
        """Run everything in this thread. What a task raises ends it."""
        while self._waiting:
            self._waiting.popleft()(self)

    def run_until_empty(self) -> None:
        """Take tasks until there are none and none can come, or the run is stopped: the work of a thread."""
        while (task := self._next()) is not None:
            try:
                task(self)
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
                self.fail(error)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait until no task is running, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)

    def _next(self) -> Task | None:
        with self._changed:
            while not self._waiting and self._running and not self.failures:
                self._changed.wait()
            if self.failures or not self._waiting:
                return None
            self._running += 1
            return self._waiting.popleft()


def run_all(tasks: Iterable[Task], *, concurrency: int, growing: bool = False) -> None:
    """Run every task; up to `concurrency` at once.

    The first failure stops the others at their next chunk and is raised here. An interruption (Ctrl-C)
    does the same; transfers that do not react within a few seconds are left to end with the process.

    Args:
        tasks: what to run; they begin in this order.
        concurrency: how many run at once.
        growing: the tasks will add others, so there may be more to do at once than there seems to be.
    """
    work = Work(tasks)
    count = concurrency if growing else min(concurrency, len(work))
    if count <= 1:
        work.run_here()
        return
    threads = [
        threading.Thread(target=work.run_until_empty, name=f"transfer-{number}", daemon=True)
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
    except BaseException:
        work.fail(Cancelled("interrupted"))
        # Not by `join`: in Python 3.11 one that was interrupted by a signal takes its thread for ended.
        work.settle(_GRACE)
        raise
    for failure in work.failures:
        if not isinstance(failure, Cancelled):
            raise failure
    if work.failures:
        raise work.failures[0]


class CountingStream:
    """A stream that reports how far it has come and stops when the run is stopped."""

    def __init__(self, stream: ByteStream, advance: Callable[[int], None], stop: Cancellation) -> None:
        self._stream = stream
        self._advance = advance
        self._stop = stop
        self._offset = 0

    def read(self, size: int = -1, /) -> bytes:
        self._stop.check()
        data = self._stream.read(size)
        if data:
            self._offset += len(data)
            self._advance(self._offset)
        return data

    def skip(self, count: int) -> bool:
        """Leave out so many bytes at the beginning, if the stream can do that without reading them."""
        skip = getattr(self._stream, "skip", None)
        if skip is None or not skip(count):
            return False
        self._offset = count
        return True

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
