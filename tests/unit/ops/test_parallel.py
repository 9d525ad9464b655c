"""Running tasks side by side, tasks that add others, and stopping all of them when one fails."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from ocictl.errors import StorageError
from ocictl.ops.parallel import Cancelled, Task, Work, run_all


class _Notes:
    """What ran, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._lock = threading.Lock()

    def task(self, name: str, *added: Task) -> Task:
        def run(work: Work) -> None:
            with self._lock:
                self.names.append(name)
            work.add(added)

        return run


def test_alone_everything_runs_in_order() -> None:
    """With a concurrency of one nothing runs side by side, and nothing needs a thread."""
    notes = _Notes()
    here: list[threading.Thread] = []
    tasks = [notes.task("a"), notes.task("b"), lambda _work: here.append(threading.current_thread())]
    run_all(tasks, concurrency=1)
    assert notes.names == ["a", "b"]
    assert here == [threading.current_thread()]


def test_what_is_added_comes_before_what_waits() -> None:
    """What is begun is finished first, so little is under way at once."""
    notes = _Notes()
    inner = notes.task("a1", notes.task("a11"))
    run_all([notes.task("a", inner, notes.task("a2")), notes.task("b")], concurrency=1, growing=True)
    assert notes.names == ["a", "a1", "a11", "a2", "b"]


@pytest.mark.parametrize("concurrency", [1, 2, 8])
def test_added_tasks_all_run(concurrency: int) -> None:
    """A tree of a thousand tasks from one root, however many threads there are."""
    notes = _Notes()

    def grow(name: str, levels: int) -> Task:
        below = [grow(f"{name}{digit}", levels - 1) for digit in range(10)] if levels else []
        return notes.task(name, *below)

    run_all([grow("", 3)], concurrency=concurrency, growing=True)
    assert len(notes.names) == len(set(notes.names)) == 1111


def test_tasks_that_one_task_added_run_at_once() -> None:
    """Two tasks that wait for each other meet, although there was only one to begin with."""
    meeting = threading.Barrier(2, timeout=20)

    def wait(_work: Work) -> None:
        meeting.wait()

    run_all([lambda work: work.add([wait, wait])], concurrency=2, growing=True)
    assert not meeting.broken


def test_one_failure_stops_the_others() -> None:
    """The first failure is raised; who runs is told to stop, and who waits does not begin."""
    stopped, begun = threading.Event(), threading.Event()

    def fail(_work: Work) -> None:
        begun.wait(20)
        raise StorageError("no space")

    def go_on(work: Work) -> None:
        begun.set()
        for _ in range(100_000):
            try:
                work.check()
            except Cancelled:
                stopped.set()
                raise
            stopped.wait(0.001)

    never: list[str] = []
    tasks: list[Task] = [fail, go_on, *[lambda _work: never.append("ran")] * 100]
    with pytest.raises(StorageError, match="no space"):
        run_all(tasks, concurrency=2)
    assert stopped.is_set()
    assert never == []


def test_a_failure_wakes_who_has_nothing_to_do() -> None:
    """A thread that waits for more work ends as well."""

    def fail(_work: Work) -> None:
        raise StorageError("no space")

    with pytest.raises(StorageError):
        run_all([partial(fail)], concurrency=4, growing=True)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("transfer-")] == []


def test_nothing_to_do() -> None:
    """No task is no trouble."""
    run_all([], concurrency=4)
    run_all([], concurrency=4, growing=True)
