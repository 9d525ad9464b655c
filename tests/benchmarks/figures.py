"""The benchmark's own calculations: medians, paired ratios, goals, and keeping results between runs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import Sample

__all__ = [
    "GOALS",
    "MEMORY_LIMIT",
    "OWN",
    "Goal",
    "Outcome",
    "Result",
    "Store",
    "Verdict",
    "judge",
    "paired_ratio",
]

OWN = "ocictl"
MEMORY_LIMIT = 64.0
"""MiB that ocictl may hold in any push or pull."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """In this case, ocictl may take so many times as long as the other program of the same run."""

    against: str
    at_most: float


GOALS = {
    "version": Goal(against="import click", at_most=1.2),
    "resolve": Goal(against="import click, requests", at_most=1.3),
    "push 1 x 1 GiB": Goal(against="oras", at_most=0.90),
    "pull 1 x 1 GiB": Goal(against="oras", at_most=0.75),
    "push 8 x 128 MiB": Goal(against="oras", at_most=0.95),
    "pull 8 x 128 MiB": Goal(against="oras", at_most=0.90),
    "push 1,000 x 4 KiB": Goal(against="oras", at_most=0.85),
    "pull 1,000 x 4 KiB": Goal(against="oras", at_most=1.05),
    "push a 270 MB tree": Goal(against="oras", at_most=0.25),
    "pull a 270 MB tree": Goal(against="oras", at_most=0.80),
    "push a 270 MB tree again": Goal(against="oras", at_most=0.25),
    "pull again 1 x 1 GiB": Goal(against="oras", at_most=0.50),
    "push again 1 x 1 GiB": Goal(against="oras", at_most=1.20),
    "discover 1,000, tag index": Goal(against="oras", at_most=0.50),
}
"""By the name of the case."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One program in one case.

    Attributes:
        samples: in the order of the rounds; empty where it was not measured.
        note: why it was not measured, or only in part.
    """

    program: str
    samples: tuple[Sample, ...] = ()
    note: str = ""

    @property
    def seconds(self) -> float:
        """Median of the wall times."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def cpu(self) -> float:
        """Median of the CPU times."""
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def peak(self) -> float:
        """The most memory of any run, in MiB."""
        return max(sample.peak for sample in self.samples)


@dataclass(frozen=True, kw_only=True)
class Result:
    """All programs in one case.

    Attributes:
        facts: what it was measured on and with.
        failure: why the case could not be measured at all.
    """

    case: str
    outcomes: tuple[Outcome, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)
    failure: str = ""

    def of(self, program: str) -> Outcome | None:
        """The outcome of a program that was measured."""
        found = (outcome for outcome in self.outcomes if outcome.program == program and outcome.samples)
        return next(found, None)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A goal and what was reached; `reached` is None where it could not be measured."""

    text: str
    reached: float | None
    met: bool


def paired_ratio(own: Sequence[Sample], other: Sequence[Sample]) -> float:
    """The median over the rounds of our wall time divided by the other program's of the same round.

    What disturbs a round disturbs both of its runs, so pairs vary less than medians of each side.
    """
    return statistics.median(mine.seconds / theirs.seconds for mine, theirs in zip(own, other, strict=False))


def judge(result: Result) -> list[Verdict]:
    """Say for each goal of a case whether it is met."""
    own, verdicts = result.of(OWN), []
    goal = GOALS.get(result.case)
    if goal is not None:
        other = result.of(goal.against)
        reached = paired_ratio(own.samples, other.samples) if own and other else None
        verdicts.append(
            Verdict(
                text=f"at most {goal.at_most:.2f} x {goal.against}",
                reached=reached,
                met=reached is not None and reached <= goal.at_most,
            )
        )
    if _moves_files(result.case):
        peak = own.peak if own else None
        verdicts.append(
            Verdict(
                text=f"at most {MEMORY_LIMIT:.0f} MiB",
                reached=peak,
                met=peak is not None and peak <= MEMORY_LIMIT,
            )
        )
    return verdicts


def _moves_files(case: str) -> bool:
    return "push" in case or "pull" in case


class Store:
    """Results by case, in a JSON file, so that parts of the benchmark can be run one after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, Result]:
        """Every result kept, by the name of its case."""
        if not self._path.exists():
            return {}
        return {entry["case"]: _result(entry) for entry in json.loads(self._path.read_text())}

    def add(self, result: Result) -> None:
        """Keep a result instead of an earlier one of the same case."""
        kept = {**self.load(), result.case: result}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(json.dumps([asdict(entry) for entry in kept.values()], indent=1))
        unfinished.replace(self._path)

    def clear(self) -> None:
        """Forget all results."""
        self._path.unlink(missing_ok=True)


def _result(entry: dict[str, Any]) -> Result:
    outcomes = tuple(
        Outcome(
            program=outcome["program"],
            samples=tuple(Sample(**sample) for sample in outcome["samples"]),
            note=outcome["note"],
        )
        for outcome in entry["outcomes"]
    )
    return Result(case=entry["case"], outcomes=outcomes, facts=entry["facts"], failure=entry["failure"])
