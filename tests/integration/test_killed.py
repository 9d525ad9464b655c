"""kill -9 at random points: a rerun makes it right, and nothing half-done ever has a final name (F6)."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.program import Ocictl, ocictl_command
from tests.support.registry import Quirks, Registry
from tests.support.trees import MIB, snapshot, write_random

KILLS = int(os.environ.get("OCICTL_KILLS", "20"))
"""How often each program is killed; set it to 200 for the long version."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A mixed artifact: big, medium and small files and a directory."""
    source = tmp_path / "source"
    (source / "tree").mkdir(parents=True)
    for number in range(2):
        write_random(source / f"big{number}.bin", 24 * MIB, seed=number)
    write_random(source / "tree" / "inner.bin", 5 * MIB, seed=9)
    for number in range(20):
        (source / f"small{number}").write_text(f"{number}\n" * 100)
        (source / "tree" / f"t{number}").write_text(f"{number}\n")
    return source


def names(source: Path) -> list[str]:
    return [f"{name}:" for name in sorted(os.listdir(source))]


class Killer:
    """Starts a program again and again, and kills it at a moment by chance.

    Attributes:
        killed: how often it was not done by then.
    """

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str], *, seed: int) -> None:
        """Run the program to its end once: the moments lie within the time that takes."""
        begin = time.monotonic()
        subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)
        self._within = time.monotonic() - begin
        self._chance = random.Random(seed)
        self._cwd = cwd
        self._env = env
        self.killed = 0

    def run(self, command: list[str]) -> None:
        """Start a program, and kill it unless it is done before."""
        after = self._chance.uniform(0.05, self._within)
        with subprocess.Popen(
            command, cwd=self._cwd, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            self.killed += process.wait() == -signal.SIGKILL
        if process.returncode == 0:
            # The first run may have met a busier machine than the later ones.
            self._within = max(after, 0.06)


def kept_bytes(out: Path) -> dict[str, int]:
    """The partial files and their sizes."""
    parts = out.glob(".ocictl-*.part") if out.exists() else ()
    return {part.name: part.stat().st_size for part in parts}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_pulls(source: Path, registry: Registry, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Whatever has a final name is whole; the rerun asks for no byte that was kept, and leaves nothing behind."""
    reference = f"{registry.host}/app:v1"
    run_ocictl("push", reference, *names(source), cwd=source, code=0)
    right = snapshot(source)
    out = tmp_path / "out"
    first = [*ocictl_command(), "pull", reference, "-o", "first"]
    killer = Killer(first, tmp_path, run_ocictl.environment(), seed=1)
    resumed = 0
    for _ in range(KILLS):
        killer.run([*ocictl_command(), "pull", reference, "-o", str(out)])
        for name, facts in (snapshot(out) if out.exists() else {}).items():
            if not name.startswith(".ocictl-"):
                assert facts == right[name], f"{name} has its name but is not right"
        kept = kept_bytes(out)
        registry.requests.clear()
        run_ocictl("pull", reference, "-o", out, code=0)
        for name, size in kept.items():
            digest = re.sub(r"\.ocictl-(\w+)-(\w+)\.part", r"\1:\2", name)
            asked = [request.headers.get("Range") for request in registry.matching("GET", f"/blobs/{digest}")]
            whole = len(registry.repository("app").blobs[digest])
            rest = f"bytes={size}-{whole - 1}" if size else None
            assert asked == ([] if size == whole else [rest])
            resumed += size < whole
        visible = {name: facts for name, facts in snapshot(out).items() if not name.endswith(".tmp")}
        assert {name for name in visible if name.startswith(".ocictl-") and "/" not in name} == set()
        assert {name: facts for name, facts in visible.items() if name in right} == right
        subprocess.run(["rm", "-rf", str(out)], check=True)
    print(f"{KILLS} pulls, {killer.killed} killed, {resumed} blobs went on, no byte asked for twice")
    assert killer.killed > KILLS / 4
    assert resumed > 0


def received(registry: Registry) -> int:
    """Bytes of blobs that came so far, those of broken requests too."""
    whole = sum(request.body_length for request in registry.matching("P(UT|ATCH)", "/uploads/"))
    return whole + registry.broken_bytes


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("quirks", [Quirks(broken_patch="kept")], indirect=True)
@pytest.mark.parametrize("options", [(), ("--chunk-size", "4MiB")], ids=["whole", "chunks"])
def test_killed_pushes(
    source: Path, registry: Registry, run_ocictl: Ocictl, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A tag never points to something incomplete, and the rerun sends only what is missing.

    In chunks that is to the byte, up to what was in the buffers of the system when the program was killed.
    """
    right = snapshot(source)
    command = [*ocictl_command(), "push", *options, f"{registry.host}/first:v1", *names(source)]
    killer = Killer(command, source, run_ocictl.environment(), seed=2)
    total = sum(len(data) for data in registry.repository("first").blobs.values())
    resumed = worst = again = 0
    for number in range(KILLS):
        name = f"app{number}"
        reference = f"{registry.host}/{name}:v1"
        registry.requests.clear()
        before = registry.broken_bytes
        killer.run([*ocictl_command(), "push", *options, reference, *names(source)])
        stored = registry.repository(name)
        if "v1" not in stored.tags:
            # The simulator may still be busy with what the killed program had sent.
            big = {digest for digest, data in list(stored.blobs.items()) if len(data) > 64 * 1024}
            earlier = len(registry.requests)
            run_ocictl("push", *options, reference, *names(source), cwd=source, code=0)
            rerun = registry.requests[earlier:]
            sent = {request.parameter("digest") for request in rerun if request.method == "PUT"}
            assert not sent & big, "a big blob that was there was sent again"
            resumed += sum(request.method == "GET" and "/uploads/" in request.target for request in rerun)
            wasted = received(registry) - before - total
            worst, again = max(worst, wasted), again + max(wasted, 0)
        out = tmp_path / f"out{number}"
        run_ocictl("pull", reference, "-o", out, code=0)
        assert snapshot(out) == right
        subprocess.run(["rm", "-rf", str(out)], check=True)
        del registry.repositories[name]
    print(
        f"{KILLS} pushes {' '.join(options)}, {killer.killed} killed, every rerun complete, {resumed} blobs went on, "
        f"sent again: {again} bytes in all, {worst} at worst, of {total}"
    )
    assert killer.killed > KILLS / 4
    if options:
        assert resumed > 0
        # A directory of 5 MiB is below the limit for going on.
        assert worst <= 6 * MIB
