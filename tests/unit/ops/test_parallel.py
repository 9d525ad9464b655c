"""Running tasks side by side, tasks that add others, and stopping all of them when one fails."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from ocictl.errors import StorageError
from ocictl.ops.parallel import SMALL, Cancelled, Concurrency, Light, Task, Work, run_all, transfer


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


class _Crowd:
    """Counts how many tasks of each kind run at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = {"light": 0, "full": 0}
        self.most = {"light": 0, "full": 0, "room": 0}

    def task(self, size: int) -> Task:
        kind = "light" if size <= SMALL else "full"

        def run(_work: Work) -> None:
            with self._lock:
                self._now[kind] += 1
                self.most[kind] = max(self.most[kind], self._now[kind])
                self.most["room"] = max(self.most["room"], self._now["light"] * 3 + self._now["full"] * 12)
            time.sleep(0.002)
            with self._lock:
                self._now[kind] -= 1

        return transfer(size, run)


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize(
    ("sizes", "light", "full"),
    [
        ([SMALL] * 60, 12, 0),
        ([SMALL + 1] * 20, 0, 3),
        ([SMALL, SMALL + 1] * 30, 12, 3),
        ([1] * 5, 5, 0),
    ],
)
def test_more_small_ones_at_once(sizes: list[int], light: int, full: int, growing: bool) -> None:
    """What mostly waits may be under way four times as often, and both kinds share the room."""
    crowd = _Crowd()
    run_all([crowd.task(size) for size in sizes], concurrency=Concurrency.of(None, 3), growing=growing)
    assert crowd.most["light"] <= light
    assert crowd.most["full"] <= full
    assert crowd.most["room"] <= 36


@pytest.mark.parametrize(("size", "count"), [(SMALL, 12), (SMALL + 1, 3)])
def test_all_that_there_is_room_for(size: int, count: int) -> None:
    """So many really run side by side: each of them waits for all the others."""
    all_here = threading.Barrier(count)

    def run(_work: Work) -> None:
        all_here.wait(10)

    run_all([transfer(size, run) for _ in range(count)], concurrency=Concurrency.of(None, 3))


@pytest.mark.parametrize("given", [1, 2, 5])
def test_a_given_number_holds_for_all(given: int) -> None:
    """Whoever says how many wants no more, of whatever size."""
    crowd = _Crowd()
    run_all([crowd.task(1) for _ in range(40)], concurrency=Concurrency.of(given, 3))
    assert crowd.most["light"] <= given


def test_numbers_of_tasks() -> None:
    """None is the default with more of what is light; what was worked out stays."""
    assert Concurrency.of(None, 5) == (5, 12)
    assert Concurrency.of(None, 20) == (20, 20)
    assert Concurrency.of(7, 5) == (7, 7)
    assert Concurrency.of(Concurrency(2, 9), 5) == (2, 9)
    assert isinstance(transfer(0, print), Light)
    assert not isinstance(transfer(SMALL + 1, print), Light)
