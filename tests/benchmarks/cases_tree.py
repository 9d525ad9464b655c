"""Cases that push and pull a directory: the source tree of Python's standard library, several times over."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.benchmarks.cases_files import MAIN, select
from tests.benchmarks.lines import pull_line, push_line
from tests.benchmarks.measure import CommandError
from tests.benchmarks.runner import Bench, Case, Job
from tests.benchmarks.servers import Place, distribution

__all__ = ["tree_cases"]

MB = 1_000_000


def _write_tree(root: Path, wanted: int) -> int:
    """Copy the standard library until there are so many bytes; return the number of files."""
    source = Path(os.__file__).parent
    ignore = shutil.ignore_patterns("__pycache__", "site-packages", "*.so", "*.a")
    size = count = number = 0
    while size < wanted:
        target = root / f"copy{number:02}"
        shutil.copytree(source, target, ignore=ignore, symlinks=True)
        sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
        size += sum(sizes)
        count += len(sizes)
        number += 1
    return count


def _start(bench: Bench, stack: ExitStack, size: int) -> tuple[Place, Path, int]:
    place = stack.enter_context(distribution(bench.tool("docker-registry"), bench.path("registry")))
    work = bench.folder(stack, "work")
    return place, work, _write_tree(work / "tree", size // bench.scale)


def _push(bench: Bench, stack: ExitStack, *, size: int, peers: tuple[str, ...], again: bool) -> Job:
    """The tree into an empty registry, or, unchanged, to where each program has pushed it before."""
    place, work, _ = _start(bench, stack, size)
    left_out = {} if again else {"skopeo": "left out: does not pack directories"}
    present, absent = select(bench, ("ocictl", *peers), left_out)
    lines = {name: push_line(bench, name, place, name, ["tree"]) for name in present}

    def before(_program: str) -> None:
        if not again:
            place.wipe()

    return Job(
        commands=lines,
        cwd=work,
        before=before,
        absent=absent,
        once=frozenset({"oras-py"}),
        keep_home=again,
    )


def _pull(bench: Bench, stack: ExitStack, *, size: int, packer: str) -> Job:
    """The same archive for both."""
    place, work, count = _start(bench, stack, size)
    bench.run(push_line(bench, packer, place, "kept", ["tree"]), work)
    shutil.rmtree(work)
    present, absent = select(bench, (*MAIN, "oras-py"), {"skopeo": "left out: does not unpack"})
    out = bench.folder(stack, "out")

    def before(_program: str) -> None:
        for folder in out.iterdir():
            shutil.rmtree(folder)

    def after(program: str) -> None:
        found = sum(1 for path in (out / program / "tree").rglob("*") if path.is_file())
        if found != count:
            raise CommandError(f"{program} unpacked {found} files of {count}")

    lines = {name: pull_line(bench, name, place, "kept", out / name, []) for name in present}
    once = frozenset({"oras-py"})
    return Job(commands=lines, cwd=out, before=before, after=after, absent=absent, once=once)


def tree_cases() -> list[Case]:
    """A tree of 270 MB, as PERFORMANCE figures are known for, and one of 500 MB."""
    made = []
    for label, size, peers in (("270 MB", 270 * MB, ("oras", "oras-py")), ("500 MB", 500 * MB, ("oras",))):
        push = partial(_push, size=size, peers=peers, again=False)
        again = partial(_push, size=size, peers=("oras",), again=True)
        pull = partial(_pull, size=size, packer="oras")
        # Files of a source tree are small: in memory they take a page more than their bytes.
        made += [
            Case(name=f"push a {label} tree", setup=push, rounds=3, warm=False, space=4 * size),
            Case(name=f"push a {label} tree again", setup=again, rounds=3, space=4 * size),
            Case(name=f"pull a {label} tree", setup=pull, rounds=3, warm=False, space=4 * size),
        ]
    name, own = "pull a 270 MB tree, packed by ocictl", partial(_pull, size=270 * MB, packer="ocictl")
    made.append(Case(name=name, setup=own, rounds=3, warm=False, space=1080 * MB))
    return made
