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


def run_and_kill(command: list[str], cwd: Path, env: dict[str, str], after: float) -> int:
    """Start a program, kill it after some seconds unless it is done, and return how it ended."""
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        return process.wait()


def duration(command: list[str], cwd: Path, env: dict[str, str]) -> float:
    """Run a program to its end and return how many seconds it took: the range to kill it in."""
    begin = time.monotonic()
    subprocess.run(command, cwd=cwd, env=env, check=True, capture_output=True)
    return time.monotonic() - begin


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
    out, chance = tmp_path / "out", random.Random(1)
    usual = duration(
        [*ocictl_command(), "pull", reference, "-o", "first"], tmp_path, run_ocictl.environment()
    )
    resumed = killed = 0
    for _ in range(KILLS):
        command = [*ocictl_command(), "pull", reference, "-o", str(out)]
        ended = run_and_kill(command, tmp_path, run_ocictl.environment(), chance.uniform(0.1, usual))
        killed += ended == -signal.SIGKILL
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
    print(f"{KILLS} pulls, {killed} killed, {resumed} blobs went on, no byte asked for twice")
    assert killed > KILLS / 4
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
    right, chance, environment = snapshot(source), random.Random(2), run_ocictl.environment()
    command = [*ocictl_command(), "push", *options, f"{registry.host}/first:v1", *names(source)]
    usual = duration(command, source, environment)
    total = sum(len(data) for data in registry.repository("first").blobs.values())
    killed = resumed = worst = again = 0
    for number in range(KILLS):
        name = f"app{number}"
        reference = f"{registry.host}/{name}:v1"
        registry.requests.clear()
        before = registry.broken_bytes
        command = [*ocictl_command(), "push", *options, reference, *names(source)]
        ended = run_and_kill(command, source, environment, chance.uniform(0.1, usual))
        killed += ended == -signal.SIGKILL
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
        f"{KILLS} pushes {' '.join(options)}, {killed} killed, every rerun complete, {resumed} blobs went on, "
        f"sent again: {again} bytes in all, {worst} at worst, of {total}"
    )
    assert killed > KILLS / 4
    if options:
        assert resumed > 0
        # A directory of 5 MiB is below the limit for going on.
        assert worst <= 6 * MIB
