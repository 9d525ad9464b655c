"""Running independent transfers side by side, and stopping all of them when one fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple, TypeAlias

from ocictl.closing import Closing
from ocictl.errors import OcictlError
from ocictl.target import ByteStream

Task: TypeAlias = Callable[["Work"], None]
SMALL: Final = 256 * 1024
"""Moving so many bytes or fewer is mostly waiting for answers."""
_SMALL_AT_ONCE: Final = 12
_GRACE: Final = 5.0
"""Seconds to wait for running transfers to clean up after an interruption."""


class Concurrency(NamedTuple):
    """How many tasks run at once (docs/adr/0018-small-blobs.md).

    Attributes:
        tasks: of those that are not `Light`.
        light: of those that are, while no others run.
    """

    tasks: int
    light: int

    @classmethod
    def of(cls, given: int | Concurrency | None, default: int) -> Concurrency:
        """A number that was given holds for everything; if none was, more may be under way of what is light."""
        if isinstance(given, Concurrency):
            return given
        if given is None:
            return cls(default, max(default, _SMALL_AT_ONCE))
        return cls(given, given)


class Light(partial[None]):
    """A task that mostly waits."""


def transfer(size: int, task: Callable[..., None], *what: Any, **options: Any) -> Task:
    """A task that moves so many bytes, as a `partial` of the other arguments."""
    return Light(task, *what, **options) if size <= SMALL else partial(task, *what, **options)


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

    def __init__(self, tasks: Iterable[Task], concurrency: Concurrency) -> None:
        super().__init__()
        self._waiting = deque(tasks)
        # All the room there is holds so many tasks of the one kind, or so many of the other.
        self._room = concurrency.tasks * concurrency.light
        self._light, self._full = concurrency
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
                self._room += self._needs(task)
                self._changed.notify_all()

    def settle(self, seconds: float) -> None:
        """Wait until no task is running, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, seconds)

    def _next(self) -> Task | None:
        """The first task that waits, once there is room for it."""
        with self._changed:
            while not self.failures and (
                self._needs(self._waiting[0]) > self._room if self._waiting else self._running
            ):
                self._changed.wait()
            if self.failures or not self._waiting:
                return None
            task = self._waiting.popleft()
            self._running += 1
            self._room -= self._needs(task)
            return task

    def _needs(self, task: Task) -> int:
        return self._light if isinstance(task, Light) else self._full


def run_all(tasks: Iterable[Task], *, concurrency: int | Concurrency, growing: bool = False) -> None:
    """Run every task, several at once.

    The first failure stops the others at their next chunk and is raised here. An interruption (Ctrl-C)
    does the same; transfers that do not react within a few seconds are left to end with the process.

    Args:
        tasks: what to run; they begin in this order.
        concurrency: how many run at once.
        growing: the tasks will add others, so there may be more to do at once than there seems to be.
    """
    concurrency = Concurrency.of(concurrency, 1)
    tasks = list(tasks)
    work = Work(tasks, concurrency)
    if growing:
        count = concurrency.light
    else:
        light = sum(isinstance(task, Light) for task in tasks)
        count = min(light, concurrency.light) + min(len(tasks) - light, concurrency.tasks)
        count = min(count, concurrency.light)
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


class CountingStream(Closing):
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
