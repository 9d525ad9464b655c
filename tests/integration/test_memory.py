"""Peak memory of the installed program does not grow with the size or the number of files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.servers import Place, distribution
from tests.support.environment import OUTSIDE
from tests.support.program import Ocictl, ocictl_command, peak_memory
from tests.support.require import require
from tests.support.servers import DOCKER_REGISTRY_HINT
from tests.support.trees import MIB, write_random

LIMIT = 64
"""MiB, for push and for pull."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A registry of its own: what is pushed here is large, and goes with the test."""
    program = shutil.which("docker-registry", path=OUTSIDE.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if program is None:
        require("real", DOCKER_REGISTRY_HINT)
    with distribution(program, tmp_path / "registry") as started:
        yield started


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize(
    ("count", "size"),
    [
        pytest.param(1, 64 * MIB, id="64-MiB"),
        pytest.param(1, 1024 * MIB, id="1-GiB"),
        pytest.param(8, 32 * MIB, id="8-x-32-MiB"),
        pytest.param(1000, 4096, id="1000-files"),
        pytest.param(5000, 4096, id="5000-files"),
    ],
)
def test_memory_stays_flat(count: int, size: int, place: Place, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Push and pull hold at most 64 MiB, for one file of 1 GiB as for 5,000 small ones."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    names = [f"f{number:04}" for number in range(count)]
    for seed, name in enumerate(names):
        write_random(source / name, size, seed=seed)
    environment = run_ocictl.environment()
    try:
        push = peak_memory([*ocictl_command(), "push", place.artifact("flat"), *names], environment, source)
        shutil.rmtree(source)
        pull = peak_memory(
            [*ocictl_command(), "pull", place.artifact("flat"), "-o", str(out)], environment, tmp_path
        )
        assert sum(path.stat().st_size for path in out.iterdir()) == count * size
    finally:
        for folder in (source, out):
            shutil.rmtree(folder, ignore_errors=True)
    print(f"peak of push {push:.0f} MiB, of pull {pull:.0f} MiB")
    assert push <= LIMIT
    assert pull <= LIMIT
