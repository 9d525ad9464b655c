"""The table, the chart and the page of a benchmark run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.benchmarks.figures import MEMORY_LIMIT, OWN, Result, judge, paired_ratio

__all__ = ["chart", "goals_table", "page", "table"]

_HEAD = [
    "| case | program | wall, s | CPU, s | peak, MiB | ocictl / program | goal |",
    "| --- | --- | ---: | ---: | ---: | ---: | --- |",
]

_HOW = """\
Each case runs the programs in turn, in a changing order, after one round that does not count where things must get
warm. Everything is a whole process: from its start to its end, with everything it starts.

- **wall**: median of the rounds. **CPU**: median of user and system time. **peak**: the most memory of any round.
- **ocictl / program**: the median over the rounds of ocictl's wall time divided by the program's in the same round.
  Below 1, ocictl is faster. Ratios travel better between machines than seconds.
- The registry is CNCF Distribution (Debian's `docker-registry`) on loopback, with its data and the files of the
  clients in memory: no disk takes part, so `fsync` costs nothing here. It is emptied before every push of something
  new. Client and registry share the processors.
- All pull the same artifact. `push again` and `pull again`: everything is there already. The `tree` is made of copies
  of Python's standard library and is pulled as oras packed it, unless said otherwise.
- `curl` hashes each file with the program named, then sends it (up), or fetches it and then hashes it (down). It
  pushes no manifest. skopeo copies from and to an OCI layout: it packs nothing, and the layout names the digests.
  oras-py is driven through its library, and checks no digest when it pulls.
- `bare Python` is sockets, SHA-256 and files in three threads, without any check of answers, names or errors
  (tests/benchmarks/bare.py): the floor for a verified pull that is written in Python.
- `import click` and `import click, requests` are Python processes that do nothing else: the floor for a program that
  is written in Python.

Run it again: `make bench` (needs `docker-registry`; leaves out and names what else is missing). Parts:
`make bench BENCH_ARGS="--only 'push 1 x;pull 1 x'"`, then `make bench BENCH_ARGS=--report` writes this page from all
parts. `--quick` tries the benchmark itself with small sizes and writes nothing."""


_LIMITS = {
    "pull 8 x 128 MiB": """\
Runs differ from 0.89 to 0.94 of oras, so this one is on the line. Both processors are busy all the time, for ocictl and for oras. Sampled over all of them (`perf record -a`) during such a
pull: the kernel on behalf of ocictl 36 % (copies from the sockets and into the files), SHA-256 in OpenSSL 34 %, the registry
21 %, the Python interpreter with everything written in Python 5 %, its start-up included. `bare Python` in the table below is
the same work without click, checks, resuming and progress; it is the floor. Tried without gain: splice from socket to
file and hashing it through mmap (0.82 s instead of 0.74), receiving into a mapped file (0.92 s), preallocating, receive
buffers of 100 KiB to 4 MiB, two or four blobs at once. What would be needed: a cheaper hash than SHA-256, one copy less in the
kernel, or a start of Python and click that takes 20 ms instead of 34.""",
}
"""What a profile says about cases that can't be made much faster."""


def table(results: Sequence[Result]) -> str:
    """A Markdown table of everything measured."""
    return "\n".join([*_HEAD, *(line for result in results for line in _lines(result))])


def _lines(result: Result) -> list[str]:
    if result.failure:
        return [f"| {result.case} | | | | | | {_text(result.failure)} |"]
    own = result.of(OWN)
    lines = []
    for outcome in result.outcomes:
        if not outcome.samples:
            lines.append(f"| {result.case} | {outcome.program} | | | | | {_text(outcome.note)} |")
            continue
        ratio, remark = "", outcome.note
        if outcome.program == OWN:
            remark = "; ".join(
                f"{verdict.text}: {'met' if verdict.met else '**missed**'}" for verdict in judge(result)
            )
        elif own is not None:
            ratio = f"{paired_ratio(own.samples, outcome.samples):.2f}"
        lines.append(
            f"| {result.case} | {outcome.program} | {outcome.seconds:.3f} | {outcome.cpu:.2f} "
            f"| {outcome.peak:.0f} | {ratio} | {_text(remark)} |"
        )
    return lines


def _text(words: str) -> str:
    """Words that fit into one cell."""
    return " ".join(words.replace("|", "/").split())[:300]


def goals_table(results: Sequence[Result]) -> str:
    """A Markdown table of the goals alone; what could not be measured counts as missed."""
    lines = ["| case | goal | reached | |", "| --- | --- | ---: | --- |"]
    for result in results:
        for verdict in judge(result):
            reached = "not measured" if verdict.reached is None else f"{verdict.reached:.2f}"
            lines.append(
                f"| {result.case} | {verdict.text} | {reached} | {'met' if verdict.met else '**missed**'} |"
            )
    return "\n".join(lines)


def _limits(results: Sequence[Result]) -> list[str]:
    """What stands in the way of better figures, where that is known."""
    cases = [result.case for result in results if result.of(OWN) is not None]
    return [f"### What limits `{case}`\n\n{_LIMITS[case]}" for case in cases if case in _LIMITS]


def page(results: Sequence[Result]) -> str:
    """The page docs/benchmarks.md."""
    seen: list[str] = []
    for result in results:
        facts = "; ".join(
            f"{name}: {value}" if name == "machine" else f"{name} {value}"
            for name, value in result.facts.items()
        )
        if facts and facts not in seen:
            seen.append(facts)
    return "\n\n".join(
        [
            "# Benchmarks",
            "Written by `make bench`; do not edit.",
            "Measured with:",
            "\n".join(f"- {facts}" for facts in seen),
            "![wall time of ocictl as a ratio to oras](benchmarks.svg)",
            "## Goals",
            f"Memory: at most {MEMORY_LIMIT:.0f} MiB in every push and pull. Others are ratios of wall time.",
            goals_table(results),
            *_limits(results),
            "## Everything",
            table(results),
            "## How",
            _HOW + "\n",
        ]
    )


def chart(results: Sequence[Result]) -> str:
    """Bars of the ratio to oras, as SVG; the dashed line is where both are equally fast."""
    ratios = []
    for result in results:
        own, oras = result.of(OWN), result.of("oras")
        # A Go program starts in milliseconds: there the floor is Python's, and the ratio to oras says nothing.
        if own is not None and oras is not None and ("push" in result.case or "pull" in result.case):
            ratios.append((result.case, paired_ratio(own.samples, oras.samples)))
    height, left, unit = 22, 260, 240
    bottom = 30 + len(ratios) * height
    size = f'width="860" height="{bottom + 20}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect {size} fill="white"/>',
        '<text x="10" y="18" font-weight="bold">wall time, ocictl / oras (shorter is better)</text>',
    ]
    for number, (case, ratio) in enumerate(ratios):
        y = 30 + number * height
        width = min(ratio, 2.2) * unit
        colour = "#2a7f62" if ratio <= 1 else "#b5651d"
        parts += [
            f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{escape(case)}</text>',
            f'<rect x="{left}" y="{y + 3}" width="{width:.0f}" height="{height - 6}" fill="{colour}"/>',
            f'<text x="{left + width + 6:.0f}" y="{y + 14}">{ratio:.2f}</text>',
        ]
    line = left + unit
    parts += [
        f'<line x1="{line}" y1="26" x2="{line}" y2="{bottom}" stroke="black" stroke-dasharray="4 3"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
