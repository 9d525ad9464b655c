"""Running independent transfers side by side, and stopping all of them when one fails."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self, TypeAlias

from ocictl.errors import OcictlError
from ocictl.target import ByteStream

Task: TypeAlias = Callable[["Cancellation"], None]
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


def run_all(tasks: Iterable[Task], *, concurrency: int) -> None:
    """Run every task; up to `concurrency` at once.

    The first failure stops the others at their next chunk and is raised here. An interruption (Ctrl-C)
    does the same; transfers that do not react within a few seconds are left to end with the process.
    """
    waiting = deque(tasks)
    stop = Cancellation()
    if concurrency <= 1 or len(waiting) <= 1:
        for task in waiting:
            task(stop)
        return
    failures: list[BaseException] = []
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            with lock:
                if not waiting:
                    return
                task = waiting.popleft()
            try:
                task(stop)
            except BaseException as error:  # noqa: BLE001 - handed to the caller's thread below
                with lock:
                    failures.append(error)
                stop.cancel()
                return

    threads = [
        threading.Thread(target=work, name=f"transfer-{number}", daemon=True)
        for number in range(min(concurrency, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
    except BaseException:
        stop.cancel()
        failures.append(Cancelled("interrupted"))
        for thread in threads:
            thread.join(_GRACE / len(threads))
        raise
    for failure in failures:
        if not isinstance(failure, Cancelled):
            raise failure
    if failures:
        raise failures[0]


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

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
