"""What Ctrl-C and SIGTERM do to the program: one of them unwinds the run, whatever it was doing."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Final

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)
PATIENCE: Final = 1.0
"""Seconds for which further signals are taken for the same wish as the first one."""
_AGAIN: Final = 0.01
"""Seconds until a signal that got lost is sent again."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came. It unwinds like Ctrl-C, so whatever cleans up after that cleans up after this."""


class Interruptions:
    """Turns the first SIGINT or SIGTERM into an exception in the main thread.

    Those that follow it within a second don't disturb the clean-up: shells, `make` and CI runners often send a signal
    twice, and people press keys twice. A later one ends the process at once, for whoever won't wait any longer.

    A signal can land where Python ignores exceptions, in a finalizer or in the callback of a weak reference (the
    import system has one for each module). It would be lost there, so it is sent again.

    Signals that the process was started with as ignored stay so. In other threads than the main one nothing is
    installed, since only that one may.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._hook = sys.unraisablehook

    def install(self) -> None:
        """Begin to handle signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _NUMBERS:
            before = signal.getsignal(number)
            if before is not None and before is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._handle)
        self._hook = sys.unraisablehook
        sys.unraisablehook = self._unraisable

    def remove(self) -> None:
        """Put back what was there before."""
        for number, before in self._handlers.items():
            signal.signal(number, before)
        self._handlers.clear()
        sys.unraisablehook = self._hook

    def finish(self) -> None:
        """The run has its result and the process ends: from here on the signals change nothing."""
        for number in self._handlers:
            # Python hands a signal that has a handler back to the system when it ends, which would kill the process.
            signal.signal(number, signal.SIG_IGN)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._since is None:
            self._since = time.monotonic()
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if time.monotonic() - self._since >= PATIENCE:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            self._hook(lost)
            return
        # Not from here: what is raised in this hook is ignored just the same.
        number = signal.SIGTERM if issubclass(lost.exc_type, Terminated) else signal.SIGINT
        self._since = None
        timer = threading.Timer(_AGAIN, _send, (number,))
        timer.daemon = True
        timer.start()


def _send(number: signal.Signals) -> None:
    # To the main thread: a system call that waits goes on when the signal comes to another one.
    main = threading.main_thread().ident
    if sys.platform == "win32" or main is None:
        signal.raise_signal(number)
    else:
        signal.pthread_kill(main, number)
