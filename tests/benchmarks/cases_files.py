"""Cases that push and pull files: few large ones, and many small ones."""

from __future__ import annotations

import random
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.lines import BARE, CURL_OPENSSL, CURL_SHA256SUM, layer_digests, pull_line, push_line
from tests.benchmarks.measure import CommandError
from tests.benchmarks.runner import Bench, Case, Job
from tests.benchmarks.servers import Place, distribution

__all__ = ["KIB", "MIB", "Files", "file_cases", "select"]

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
MAIN = ("ocictl", "oras")
OTHERS = ("oras-py", "skopeo")


@dataclass(frozen=True, kw_only=True)
class Files:
    """So many files of that size, and who is measured with them.

    Attributes:
        peers: programs beside ocictl.
        left_out: programs that are not measured with these, and why.
        once: programs measured once, because they take long.
        floor: measured with pulls alone, for what a program in Python can't save.
    """

    label: str
    count: int
    size: int
    peers: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    once: frozenset[str] = frozenset()
    floor: tuple[str, ...] = ()
    tls: bool = False

    @property
    def total(self) -> int:
        """Bytes of all files in a full run."""
        return self.count * self.size

    def write(self, folder: Path, scale: int) -> list[str]:
        """Write files of bytes that don't compress; scaled down, large ones get smaller, many ones fewer."""
        many = self.count >= 1000
        count = max(1, self.count // scale) if many else self.count
        size = self.size if many else self.size // scale
        names = [f"f{number:04}" for number in range(count)]
        for number, name in enumerate(names):
            source = random.Random(number)
            with (folder / name).open("wb") as file:
                for begin in range(0, size, MIB):
                    file.write(source.randbytes(min(MIB, size - begin)))
        return names


def select(
    bench: Bench, wanted: tuple[str, ...], left_out: dict[str, str]
) -> tuple[list[str], dict[str, str]]:
    """Split programs into those that are there and those that are absent, with reasons."""
    needs = {CURL_OPENSSL: ("curl", "openssl"), CURL_SHA256SUM: ("curl", "sha256sum")}
    present, absent = [], dict(left_out)
    for name in wanted:
        missing = [
            tool
            for tool in needs.get(name, () if name == BARE else (name,))
            if tool not in bench.programs.found
        ]
        if missing:
            absent[name] = bench.programs.absent.get(missing[0], "missing")
        else:
            present.append(name)
    return present, absent


def _total(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _slug(program: str) -> str:
    return program.replace(" + ", "-")


def _start(bench: Bench, stack: ExitStack, files: Files) -> tuple[Place, Path, list[str]]:
    if files.tls:
        bench.tool("openssl")  # makes the certificate
    registry = distribution(bench.tool("docker-registry"), bench.path("registry"), tls=files.tls)
    place = stack.enter_context(registry)
    work = bench.folder(stack, "files")
    return place, work, files.write(work, bench.scale)


def _push(files: Files, bench: Bench, stack: ExitStack) -> Job:
    """New files into an empty registry: it is wiped before every run."""
    place, work, names = _start(bench, stack, files)
    present, absent = select(bench, ("ocictl", *files.peers), dict(files.left_out))
    layout = bench.path("layout")
    if "skopeo" in present:
        stack.callback(shutil.rmtree, layout, ignore_errors=True)
        bench.run([bench.tool("ocictl"), "push", "-q", "--oci-layout", f"{layout}:v1", *names], work)

    def before(_program: str) -> None:
        place.wipe()

    def after(program: str) -> None:
        data = place.data
        if data is not None and _total(data) < _total(work):
            raise CommandError(f"{program} did not push everything")

    lines = {name: push_line(bench, name, place, _slug(name), names, layout) for name in present}
    return Job(commands=lines, cwd=work, before=before, after=after, absent=absent, once=files.once)


def _push_again(files: Files, bench: Bench, stack: ExitStack) -> Job:
    """What the registry has: each program pushes to its own tag, which it has pushed before."""
    place, work, names = _start(bench, stack, files)
    present, absent = select(bench, MAIN, {})
    lines = {name: push_line(bench, name, place, _slug(name), names) for name in present}
    return Job(commands=lines, cwd=work, absent=absent, keep_home=True)


def _pull(files: Files, bench: Bench, stack: ExitStack, *, again: bool = False) -> Job:
    """The same artifact for all, into a new directory, or into one where everything is already."""
    place, work, names = _start(bench, stack, files)
    wanted = MAIN if again else ("ocictl", *files.peers, *files.floor)
    present, absent = select(bench, wanted, {} if again else dict(files.left_out))
    bench.run(push_line(bench, "ocictl", place, "kept", names), work)
    size = _total(work)
    shutil.rmtree(work)
    out = bench.folder(stack, "out")
    digests = layer_digests(bench, place, "kept")

    def before(program: str) -> None:
        if not again:
            # The output of the program before is removed too, so that memory holds one copy.
            for folder in out.iterdir():
                shutil.rmtree(folder)

    def after(program: str) -> None:
        if _total(out / _slug(program)) < size:
            raise CommandError(f"{program} did not pull everything")

    lines = {name: pull_line(bench, name, place, "kept", out / _slug(name), digests) for name in present}
    return Job(
        commands=lines, cwd=out, before=before, after=after, absent=absent, once=files.once, keep_home=again
    )


def _cases(files: Files, *, rounds: int, warm: bool, again: bool) -> list[Case]:
    def push(bench: Bench, stack: ExitStack) -> Job:
        return _push(files, bench, stack)

    def pull(bench: Bench, stack: ExitStack) -> Job:
        return _pull(files, bench, stack)

    def push_again(bench: Bench, stack: ExitStack) -> Job:
        return _push_again(files, bench, stack)

    def pull_again(bench: Bench, stack: ExitStack) -> Job:
        return _pull(files, bench, stack, again=True)

    # Small files take a page or more each, and the registry keeps links beside them.
    space = (4 if "skopeo" in files.peers or again else 3) * max(files.total, files.count * 32 * KIB)
    label = f"{files.label}, TLS" if files.tls else files.label
    made = [
        Case(name=f"push {label}", setup=push, rounds=rounds, warm=warm, space=space),
        Case(name=f"pull {label}", setup=pull, rounds=rounds, warm=warm, space=space),
    ]
    if again:
        # Warm always: the round that does not count puts everything there.
        made += [
            Case(name=f"push again {label}", setup=push_again, rounds=rounds, space=space),
            Case(name=f"pull again {label}", setup=pull_again, rounds=rounds, space=space),
        ]
    return made


def file_cases() -> list[Case]:
    """Every case that pushes or pulls files, over HTTP, then TLS, then those for memory alone."""
    floor = (BARE,)
    one = Files(
        label="1 x 1 GiB",
        count=1,
        size=GIB,
        peers=("oras", CURL_OPENSSL, CURL_SHA256SUM, *OTHERS),
        floor=floor,
    )
    eight = Files(
        label="8 x 128 MiB",
        count=8,
        size=128 * MIB,
        peers=("oras", CURL_OPENSSL, *OTHERS),
        floor=floor,
    )
    thousand = Files(
        label="1,000 x 4 KiB",
        count=1000,
        size=4 * KIB,
        peers=("oras", *OTHERS),
        once=frozenset(OTHERS),
        floor=floor,
        left_out=(("curl", "left out: a process for each file"),),
    )
    many = Files(
        label="5,000 x 4 KiB",
        count=5000,
        size=4 * KIB,
        peers=("oras", "oras-py"),
        once=frozenset({"oras-py"}),
        left_out=(("skopeo", "left out: its time grows with the square of the number"),),
    )
    tls_one = Files(label="1 x 1 GiB", count=1, size=GIB, peers=("oras", CURL_OPENSSL), tls=True)
    tls_thousand = Files(label="1,000 x 4 KiB", count=1000, size=4 * KIB, peers=("oras",), tls=True)
    cases = [
        *_cases(one, rounds=3, warm=True, again=True),
        *_cases(eight, rounds=3, warm=True, again=False),
        *_cases(thousand, rounds=5, warm=True, again=True),
        *_cases(many, rounds=3, warm=False, again=False),
        *_cases(tls_one, rounds=3, warm=True, again=False),
        *_cases(tls_thousand, rounds=3, warm=True, again=False),
    ]
    for label, size in (("1 x 64 MiB", 64 * MIB), ("1 x 4 GiB", 4 * GIB)):
        alone = Files(label=f"{label} (memory)", count=1, size=size, peers=())
        cases += _cases(alone, rounds=1, warm=False, again=False)
    return cases
