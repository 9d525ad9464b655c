"""`make bench`: ocictl beside its peers, alternating in one run; writes docs/benchmarks.md and its chart.

Wall time and peak memory of whole processes, medians, as ratios to oras of the same run. There is no verdict:
machines differ, ratios travel better than seconds.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.cases import Case, Suite
from tests.benchmarks.report import Row, chart, table

ROOT = Path(__file__).resolve().parents[2]
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measure(command: list[str], work: Path) -> tuple[float, float]:
    """Run a command, which must succeed; return wall seconds and peak MiB.

    A small process in between starts it: a child's peak begins with what its parent holds.
    """
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", MEASURE, *command],
        cwd=work,
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.perf_counter() - begin
    code, peak = map(int, done.stdout.split())
    if code != 0:
        raise SystemExit(f"{command[:3]} ended with {code}: {done.stderr[-500:]}")
    return seconds, peak / 1024


def run_case(case: Case) -> list[Row]:
    """Run every program of a case in turn, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in case.programs}
    peaks: dict[str, list[float]] = {name: [] for name in case.programs}
    for number in range(-1, case.rounds):
        for name, command in case.programs.items():
            case.prepare(name, number)
            seconds, peak = measure(command(number), case.work)
            if number >= 0:
                times[name].append(seconds)
                peaks[name].append(peak)
    return [
        Row(case=case.name, program=name, seconds=statistics.median(times[name]), peak=max(peaks[name]))
        for name in case.programs
    ]


def start_registry(folder: Path, stack: ExitStack) -> str:
    """Start docker-registry over this folder and return its host and port."""
    from tests.support.servers import _start_docker

    program = shutil.which("docker-registry", path=os.environ.get("PATH", "") + ":/usr/bin")
    if program is None:
        raise SystemExit("docker-registry is missing; on Debian: apt-get install docker-registry")
    host = _start_docker(program, folder, stack)
    if host is None:
        raise SystemExit("docker-registry does not start")
    # oras speaks plain HTTP by itself to this name only.
    return host.replace("127.0.0.1", "localhost")


def find_peers() -> dict[str, str]:
    """The peers that are on this machine."""
    go_bin = Path.home() / "go" / "bin"
    path = f"{os.environ.get('PATH', '')}:{go_bin}"
    found = {name: shutil.which(name, path=path) for name in ("oras", "curl")}
    return {name: place for name, place in found.items() if place}


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="an eighth of the sizes, and no report is written"
    )
    parser.add_argument("--scratch", type=Path, help="directory for data, best in memory (default: /dev/shm)")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    memory = Path("/dev/shm")
    base = options.scratch or (memory if memory.is_dir() else Path(tempfile.gettempdir()))
    peers = find_peers()
    if "oras" not in peers:
        raise SystemExit("oras is missing: go install oras.land/oras/cmd/oras@v1.3.6")
    ocictl = str(Path(sys.executable).with_name("ocictl"))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ocictl-bench-", dir=base) as name, ExitStack() as stack:
        scratch = Path(name)
        registry = start_registry(scratch / "registry", stack)
        for case in Suite(registry, scratch, ocictl, peers, quick=options.quick).cases():
            if options.only in case.name:
                rows += run_case(case)
                print(table(rows[-len(case.programs) :]), flush=True)
    if not options.quick and not options.only:
        version = subprocess.run(
            [peers["oras"], "version"], capture_output=True, text=True, check=True
        ).stdout
        facts = f"{os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}, "
        facts += f"oras {version.split()[1]}, Distribution 2.8 in memory, plain HTTP on loopback"
        (ROOT / "docs" / "benchmarks.svg").write_text(chart(rows))
        introduction = (
            "# Benchmarks\n\nWritten by `make bench`; do not edit.\n\n"
            f"{facts}.\nWall time is the median of alternating runs of whole processes, memory the most of any run.\n"
            "The ratio is ocictl's time to the program's in the same run: below 1 ocictl is faster.\n"
            "`floor` is a Python process that only imports what the command can't do without.\n\n"
            "![ratios to oras](benchmarks.svg)\n\n"
        )
        (ROOT / "docs" / "benchmarks.md").write_text(introduction + table(rows) + "\n")


if __name__ == "__main__":
    main()
