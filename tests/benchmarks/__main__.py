"""`make bench`: ocictl beside its peers, alternating in one run; writes docs/benchmarks.md and its chart.

Wall time, CPU time and peak memory of whole processes, as ratios of the same run, and whether each goal is met.
"""

from __future__ import annotations

import argparse
import datetime
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from tests.benchmarks.cases import all_cases
from tests.benchmarks.figures import Result, Store
from tests.benchmarks.programs import find_programs, machine_facts, uncompiled
from tests.benchmarks.report import chart, goals_table, page, table
from tests.benchmarks.runner import Bench, Case, run_case

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / ".cache" / "benchmarks.json"
QUICK = 16


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"sizes divided by {QUICK}; nothing is kept")
    parser.add_argument("--only", default="", help="cases whose name contains one of these, separated by ;")
    parser.add_argument("--rounds", type=int, help="how many rounds, instead of the number of each case")
    parser.add_argument("--scratch", type=Path, help="directory for data, best in memory (default: /dev/shm)")
    parser.add_argument(
        "--no-oras-py", action="store_true", help="leave oras-py out; it is installed from PyPI"
    )
    parser.add_argument(
        "--report", action="store_true", help="measure nothing, write the page from what is kept"
    )
    parser.add_argument("--list", action="store_true", help="show the names of the cases")
    return parser.parse_args(arguments)


def _wanted(only: str) -> list[Case]:
    """The cases that are asked for; without a choice, all."""
    words = [word.strip() for word in only.split(";") if word.strip()]
    chosen = [case for case in all_cases() if not words or any(word in case.name for word in words)]
    if not chosen:
        raise SystemExit(f"no case has such a name: {only}")
    return chosen


def _write(results: Sequence[Result]) -> None:
    if not results:
        raise SystemExit("nothing is kept; run make bench first")
    (ROOT / "docs" / "benchmarks.svg").write_text(chart(results))
    (ROOT / "docs" / "benchmarks.md").write_text(page(results))


def _kept(store: Store) -> list[Result]:
    """What is kept, in the order of the cases; the others are named as not measured."""
    found = store.load()
    if not found:
        return []
    missing = "not measured in these runs"
    return [found.get(case.name, Result(case=case.name, failure=missing)) for case in all_cases()]


def _stop(number: int, _frame: FrameType | None) -> None:
    """Leave by an exception, so that servers are stopped and data is removed."""
    raise SystemExit(128 + number)


def _measure(options: argparse.Namespace, store: Store) -> None:
    programs = find_programs(with_oras_py=not options.no_oras_py)
    bare = uncompiled()
    if bare:
        raise SystemExit(f"no cached bytecode for {', '.join(bare[:5])}: starting would be measured wrongly")
    if options.quick:
        print(f"quick: sizes are divided by {QUICK}, and the goals, which are for full sizes, say little\n")
    for name, reason in programs.absent.items():
        print(f"absent: {name}, {reason}", flush=True)
    facts = {**machine_facts(programs), "on": datetime.datetime.now(datetime.UTC).date().isoformat()}
    memory = Path("/dev/shm")
    base = options.scratch or (memory if memory.is_dir() else Path(tempfile.gettempdir()))
    results = []
    with tempfile.TemporaryDirectory(prefix="ocictl-bench-", dir=base) as scratch:
        bench = Bench(Path(scratch), programs, scale=QUICK if options.quick else 1)
        for case in _wanted(options.only):
            begin = time.monotonic()
            result = run_case(bench, replace(case, rounds=options.rounds or case.rounds))
            result = replace(result, facts=facts)
            results.append(result)
            if not options.quick:
                store.add(result)
            print(table([result]), f"({time.monotonic() - begin:.0f} s)\n", sep="\n", flush=True)
    print(goals_table(results))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the report."""
    options = _options(arguments)
    # Also where a shell started this in the background, and so told it to ignore interruptions.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _stop)
    store = Store(STORE)
    if options.list:
        print("\n".join(case.name for case in all_cases()))
        return
    try:
        if not options.report:
            if not options.quick and not options.only:
                store.clear()
            _measure(options, store)
    except KeyboardInterrupt:
        sys.exit(
            "interrupted" if options.quick else "interrupted; what was measured is kept: --report writes it"
        )
    if options.report or not (options.quick or options.only):
        _write(_kept(store))


if __name__ == "__main__":
    main()
