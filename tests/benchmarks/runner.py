"""Running a case: every program in turn, round after round, in a home directory without settings."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from ocictl.errors import OcictlError
from tests.benchmarks.figures import Outcome, Result
from tests.benchmarks.measure import CommandError, Sample, measure, output_of
from tests.benchmarks.programs import Programs
from tests.support.environment import clean_environment

__all__ = ["Bench", "Case", "Command", "Job", "run_case"]

Command = list[str]
_FAILURES = (CommandError, OcictlError, HTTPException, OSError, RuntimeError, ValueError, LookupError)


def _nothing(_program: str) -> None:
    """Prepare and check nothing."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Command lines that do the same.

    Attributes:
        commands: by program; the same in every round.
        cwd: their working directory.
        before: called with the program's name before each of its runs, outside the time.
        after: the same after each run; raises CommandError if the program did not do its work.
        absent: programs that are not measured, with the reason.
        once: programs that are measured in one round only, because they take long.
        keep_home: what programs keep in their home directory stays from round to round.
    """

    commands: dict[str, Command]
    cwd: Path
    before: Callable[[str], None] = _nothing
    after: Callable[[str], None] = _nothing
    absent: dict[str, str] = field(default_factory=dict)
    once: frozenset[str] = frozenset()
    keep_home: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """One comparison.

    Attributes:
        name: as in the table, with the sizes of a full run.
        setup: makes what is needed and says what to run; the stack removes it afterwards.
        rounds: how many rounds count.
        warm: one more round before them does not count.
        space: the most bytes that it holds in the scratch directory.
    """

    name: str
    setup: Callable[[Bench, ExitStack], Job]
    rounds: int = 5
    warm: bool = True
    space: int = 64 * 2**20


class Bench:
    """The scratch directory, the programs, and how much smaller than in a full run everything is."""

    def __init__(self, scratch: Path, programs: Programs, *, scale: int = 1) -> None:
        """
        Args:
            scratch: an empty directory, best in memory.
            programs: what is there to compare.
            scale: sizes and numbers are divided by this.
        """
        self.scratch = scratch
        self.programs = programs
        self.scale = scale
        self._count = 0

    def folder(self, stack: ExitStack, name: str) -> Path:
        """Make an empty directory that goes with the case."""
        made = self.path(name)
        made.mkdir()
        stack.callback(shutil.rmtree, made, ignore_errors=True)
        return made

    def path(self, name: str) -> Path:
        """A path that nobody has used."""
        self._count += 1
        return self.scratch / f"{name}-{self._count}"

    def tool(self, name: str) -> str:
        """The program, which the case can't do without."""
        found = self.programs.found.get(name)
        if found is None:
            raise CommandError(f"{name} is {self.programs.absent.get(name, 'unknown')}")
        return found

    def environment(self, program: str, *, fresh: bool = False) -> dict[str, str]:
        """Settings of nobody: a home directory for each program.

        Args:
            fresh: empty it first.
        """
        home = self.scratch / "homes" / program.replace(" ", "-")
        if fresh:
            shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True, exist_ok=True)
        return clean_environment(home, NO_PROXY="127.0.0.1,localhost")

    def run(self, command: Command, cwd: Path) -> str:
        """Run a command that prepares a case and return what it printed."""
        return output_of(command, cwd, self.environment("preparing"))


def run_case(bench: Bench, case: Case) -> Result:
    """Measure a case. Whatever fails is told in the result, with the programs that did not fail beside it."""
    try:
        free = shutil.disk_usage(bench.scratch).free
        if free < case.space / bench.scale:
            raise CommandError(f"needs {case.space / bench.scale / 2**30:.0f} GiB of scratch space")
        with ExitStack() as stack:
            return Result(case=case.name, outcomes=tuple(_outcomes(bench, case, case.setup(bench, stack))))
    except _FAILURES as error:
        return Result(case=case.name, failure=f"{type(error).__name__}: {_plain(bench, error)}")


def _plain(bench: Bench, error: Exception) -> str:
    """The message without places of this machine: it may end up on the page."""
    text = str(error)
    for place in (bench.scratch, Path(sys.prefix).parent, Path.home()):
        text = text.replace(f"{place}/", "")
    return text


def _outcomes(bench: Bench, case: Case, job: Job) -> Iterator[Outcome]:
    samples: dict[str, list[Sample]] = {name: [] for name in job.commands}
    failed: dict[str, str] = {}
    for number in range(-1 if case.warm else 0, case.rounds):
        # The order changes, so that no program always runs in the wake of the same other one.
        order = list(job.commands) if number % 2 == 0 else list(reversed(job.commands))
        for name in order:
            if name in failed or (name in job.once and number != 0):
                continue
            try:
                sample = _one(bench, job, name)
            except (CommandError, OSError) as error:
                failed[name] = f"failed: {_plain(bench, error)}"
                continue
            if number >= 0:
                samples[name].append(sample)
    for name in job.commands:
        note = failed.get(name, "one run" if name in job.once and case.rounds > 1 else "")
        yield Outcome(program=name, samples=() if name in failed else tuple(samples[name]), note=note)
    for name, reason in job.absent.items():
        yield Outcome(program=name, note=reason)


def _one(bench: Bench, job: Job, name: str) -> Sample:
    environment = bench.environment(name, fresh=not job.keep_home)
    job.before(name)
    sample = measure(job.commands[name], job.cwd, environment)
    job.after(name)
    return sample
