"""The benchmark's own calculations and its reports, from figures made up here."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks.cases import all_cases
from tests.benchmarks.figures import GOALS, Outcome, Result, Store, judge, paired_ratio
from tests.benchmarks.measure import CommandError, Sample, measure
from tests.benchmarks.programs import Programs
from tests.benchmarks.report import chart, goals_table, page, table
from tests.benchmarks.runner import Bench, Case, Job, run_case


def samples(*seconds: float, peak: float = 30.0) -> tuple[Sample, ...]:
    return tuple(Sample(seconds=value, cpu=value / 2, peak=peak) for value in seconds)


def result(case: str, own: tuple[Sample, ...], other: tuple[Sample, ...], program: str = "oras") -> Result:
    outcomes = (Outcome(program="ocictl", samples=own), Outcome(program=program, samples=other))
    return Result(case=case, outcomes=outcomes, facts={"machine": "2 cores", "oras": "1.3.6"})


def test_ratios_are_of_the_same_round() -> None:
    """A round that is slow for both does not move the ratio; medians of each side would."""
    own, other = samples(1.0, 30.0, 2.0), samples(2.0, 60.0, 10.0)
    assert paired_ratio(own, other) == 0.5
    assert Outcome(program="a", samples=own).seconds / Outcome(program="b", samples=other).seconds == 0.2


def test_a_program_measured_once_is_compared_with_the_first_round() -> None:
    """Long ones run in the first round only."""
    assert paired_ratio(samples(1.0, 9.0, 9.0), samples(4.0)) == 0.25


def test_what_an_outcome_tells() -> None:
    """Medians of times, but the most memory of any round."""
    mixed = (*samples(3.0, peak=20.0), *samples(1.0, peak=50.0), *samples(2.0, peak=10.0))
    outcome = Outcome(program="ocictl", samples=mixed)
    assert (outcome.seconds, outcome.cpu, outcome.peak) == (2.0, 1.0, 50.0)


@pytest.mark.parametrize(("seconds", "met"), [(0.89, True), (0.90, True), (0.91, False)])
def test_goals_are_met_up_to_their_limit(seconds: float, met: bool) -> None:
    """`at most` includes the figure itself."""
    verdict = judge(result("push 1 x 1 GiB", samples(seconds), samples(1.0)))[0]
    assert (verdict.reached, verdict.met) == (seconds, met)


@pytest.mark.parametrize(("peak", "met"), [(64.0, True), (64.1, False)])
def test_memory_is_judged_wherever_files_move(peak: float, met: bool) -> None:
    """Every push and pull has the memory goal, with or without one for its time."""
    verdicts = judge(result("pull 1 x 4 GiB (memory)", samples(1.0, peak=peak), ()))
    assert [(verdict.text, verdict.met) for verdict in verdicts] == [("at most 64 MiB", met)]


def test_what_was_not_measured_is_not_met() -> None:
    """A missing peer never counts as a goal that is met."""
    verdict = judge(result("pull 1 x 1 GiB", samples(1.0), ()))[0]
    assert (verdict.reached, verdict.met) == (None, False)
    failed = Result(case="pull 1 x 1 GiB", failure="no space")
    assert [verdict.met for verdict in judge(failed)] == [False, False]
    assert "not measured" in goals_table([failed])


def test_every_goal_has_its_case() -> None:
    """No goal is forgotten because a case got another name, and no name is used twice."""
    names = [case.name for case in all_cases()]
    assert set(GOALS) <= set(names)
    assert len(names) == len(set(names))


def test_results_of_parts_are_merged(tmp_path: Path) -> None:
    """A later result of a case takes the place of an earlier one; others stay."""
    store = Store(tmp_path / "cache" / "results.json")
    assert store.load() == {}
    first, second = result("a", samples(1.0), samples(2.0)), result("b", samples(1.0), samples(2.0))
    for entry in (first, second, again := result("a", samples(3.0, 4.0), samples(2.0))):
        store.add(entry)
    assert store.load() == {"a": again, "b": second}
    store.clear()
    assert store.load() == {}


def test_the_table_names_what_is_absent() -> None:
    """A program that was not measured has a row with the reason."""
    made = result("push 1 x 1 GiB", samples(2.0), samples(2.0))
    absent = Outcome(program="skopeo", note="missing: apt-get install skopeo")
    lines = table([Result(case=made.case, outcomes=(*made.outcomes, absent))]).splitlines()
    assert lines[-1] == "| push 1 x 1 GiB | skopeo | | | | | missing: apt-get install skopeo |"
    assert lines[2].endswith("| at most 0.90 x oras: **missed**; at most 64 MiB: met |")
    assert lines[3] == "| push 1 x 1 GiB | oras | 2.000 | 1.00 | 30 | 1.00 |  |"
    assert len({line.count("|") for line in lines}) == 1


def test_page_and_chart() -> None:
    """The page says on what it was measured, once; the chart is well-formed and holds each ratio."""
    results = [
        result("push 1 x 1 GiB", samples(1.0), samples(2.0)),
        result("pull <odd> & more", samples(9.0), samples(1.0)),
        result("version", samples(1.0), samples(1.0), "import click"),
    ]
    text = page(results)
    assert text.count("machine: 2 cores; oras 1.3.6") == 1
    assert "| push 1 x 1 GiB | at most 0.90 x oras | 0.50 | met |" in text
    shown = [node.text for node in ElementTree.fromstring(chart(results)).iter() if (node.text or "").strip()]
    assert shown[1:] == ["push 1 x 1 GiB", "0.50", "pull <odd> & more", "9.00"]


@pytest.mark.parametrize(("case", "known"), [("pull 8 x 128 MiB", True), ("push 1 x 1 GiB", False)])
def test_what_limits_a_case(case: str, known: bool) -> None:
    """What a profile says stands on the page, with the case that it is about."""
    assert (f"### What limits `{case}`" in page([result(case, samples(0.5), samples(1.0))])) is known


def test_measuring_a_process(tmp_path: Path) -> None:
    """Time, CPU and memory are those of the command and of what it starts."""
    inner = "x = bytearray(90 << 20); sum(range(10 ** 6))"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    sample = measure([sys.executable, "-c", script], tmp_path, dict(os.environ))
    assert sample.peak > 90
    assert sample.cpu > 0
    assert sample.seconds > 0
    with pytest.raises(CommandError, match=r"ended with 3: told$"):
        measure(
            [sys.executable, "-c", "import sys; print('told', file=sys.stderr); sys.exit(3)"], tmp_path, {}
        )
    with pytest.raises(CommandError, match=r"did not end within 1 s$"):
        measure([sys.executable, "-c", "import threading; threading.Event().wait()"], tmp_path, {}, timeout=1)


def test_a_failure_stays_in_its_row(tmp_path: Path) -> None:
    """One program that fails leaves the others measured; a case that can't start says why; orders alternate."""
    ran: list[str] = []
    commands = {
        "ocictl": [sys.executable, "-c", ""],
        "oras": [sys.executable, "-c", ""],
        "bad": [sys.executable, "-c", "raise SystemExit(1)"],
    }
    job = Job(commands=commands, cwd=tmp_path, before=ran.append, absent={"gone": "missing"})
    bench = Bench(tmp_path, Programs())
    outcomes = run_case(bench, Case(name="x", setup=lambda _bench, _stack: job, rounds=2)).outcomes
    assert [(entry.program, len(entry.samples)) for entry in outcomes] == [
        ("ocictl", 2),
        ("oras", 2),
        ("bad", 0),
        ("gone", 0),
    ]
    assert outcomes[2].note.startswith("failed: python")
    assert outcomes[3].note == "missing"
    assert ran == ["bad", "oras", "ocictl", "ocictl", "oras", "oras", "ocictl"]

    def broken(bench: Bench, stack: ExitStack) -> Job:
        stack.callback(ran.append, "removed")
        bench.tool("oras")
        raise AssertionError("unreachable")

    failed = run_case(bench, Case(name="y", setup=broken))
    assert (failed.failure, failed.outcomes) == ("CommandError: oras is unknown", ())
    assert ran[-1] == "removed"
    huge = run_case(bench, Case(name="z", setup=broken, space=2**60))
    assert "scratch space" in huge.failure
