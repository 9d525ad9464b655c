"""Signals: the first one unwinds the run, wherever it lands, and nothing that follows disturbs that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocictl.cli import interruptions as module
from ocictl.cli.interruptions import Interruptions, Terminated
from tests.support.program import Ocictl, ocictl_command

BOTH = pytest.mark.parametrize(
    ("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)


@pytest.fixture
def installed() -> Iterator[Interruptions]:
    """The handlers of the program, in this process."""
    interruptions = Interruptions()
    interruptions.install()
    yield interruptions
    interruptions.remove()


def _wait() -> None:
    threading.Event().wait(20)
    pytest.fail("no signal came")


@BOTH
def test_a_signal_unwinds_the_main_thread(
    number: signal.Signals, kind: type[KeyboardInterrupt], installed: Interruptions
) -> None:
    """Clean-up runs after it, and a second signal that comes meanwhile does not end that."""
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            _wait()
        finally:
            for again in (signal.SIGINT, signal.SIGTERM):
                os.kill(os.getpid(), again)
                time.sleep(0.01)
            cleaned.append(True)

    with pytest.raises(kind) as caught:
        work()
    assert type(caught.value) is kind
    assert cleaned == [True]


class _Last:
    """Gets a signal when it is freed, where Python ignores every exception."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        # The handler runs between two instructions of this method, at the latest at the end of the loop.
        for _ in range(1_000):
            pass


@BOTH
def test_a_signal_is_not_lost_where_python_ignores_exceptions(
    number: signal.Signals, kind: type[KeyboardInterrupt], installed: Interruptions
) -> None:
    """A finalizer and the callbacks of the import system are such places: the signal comes again right after."""
    last = [_Last(number)]

    def work() -> None:
        last.clear()
        _wait()

    with pytest.raises(kind) as caught:
        work()
    assert type(caught.value) is kind


def test_other_ignored_exceptions_are_reported_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only signals are taken out; the rest goes to the hook of before."""

    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    seen: list[sys.UnraisableHookArgs] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    interruptions = Interruptions()
    interruptions.install()
    try:
        Broken()
    finally:
        interruptions.remove()
    assert [lost.exc_type for lost in seen] == [ZeroDivisionError]
    seen.clear()


def test_what_was_there_before_comes_back() -> None:
    """Both handlers and the hook."""

    def state() -> list[object]:
        return [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook]

    before = state()
    interruptions = Interruptions()
    interruptions.install()
    assert not set(before) & set(state())
    interruptions.remove()
    assert state() == before


def test_ignored_signals_stay_ignored() -> None:
    """What a parent chose to ignore, `sh -c 'ocictl … &'` for example, is none of ours."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    interruptions = Interruptions()
    try:
        interruptions.install()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interruptions.remove()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_install_nothing() -> None:
    """Only the main thread may set handlers; elsewhere a signal is what it was."""
    before = signal.getsignal(signal.SIGTERM)
    failures: list[BaseException] = []

    def work() -> None:
        interruptions = Interruptions()
        try:
            interruptions.install()
            interruptions.finish()
            interruptions.remove()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert failures == []
    assert signal.getsignal(signal.SIGTERM) is before


_STUCK = """
import os, signal, sys, threading, time
from ocictl.cli.interruptions import Interruptions
interruptions = Interruptions()
interruptions.install()
try:
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(60)
finally:
    print("cleaning", flush=True)
    threading.Event().wait(60)
"""


def test_a_signal_after_a_while_ends_a_clean_up_that_hangs() -> None:
    """Whoever does not want to wait any longer is obeyed, by the system's own rule for the signal."""
    with subprocess.Popen([sys.executable, "-c", _STUCK], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"cleaning\n"
        time.sleep(module.PATIENCE + 0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM


_EARLY = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Finder())
sys.argv = ["ocictl", "version"]
from ocictl.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["click", "ocictl.cli.lazy", "ocictl.cli.version"])
def test_a_signal_during_the_imports_is_reported_like_any_other(name: str) -> None:
    """Half of a short run is imports; no traceback comes from there."""
    done = subprocess.run(
        [sys.executable, "-c", _EARLY.format(name=name)], capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (143, b"", b"error: terminated")


_LATE = """
import atexit, os, signal, sys
def late():
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), number)
atexit.register(late)
sys.argv = ["ocictl", "version"]
from ocictl.__main__ import main
main()
"""


def test_a_signal_after_the_result_changes_nothing() -> None:
    """What succeeded has succeeded."""
    done = subprocess.run([sys.executable, "-c", _LATE], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"Version:")


def test_python_m_runs_the_same_program(run_ocictl: Ocictl, tmp_path: Path) -> None:
    """`python -m ocictl` and the console script are one."""
    outcomes = [
        subprocess.run(
            [*command, "nope"], cwd=tmp_path, env=run_ocictl.environment(), capture_output=True, check=False
        )
        for command in (ocictl_command(), [sys.executable, "-m", "ocictl"])
    ]
    assert {outcome.returncode for outcome in outcomes} == {2}
    assert {outcome.stderr.splitlines()[0] for outcome in outcomes} == {b"error: no such command 'nope'"}
