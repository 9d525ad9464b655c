"""A short fuzzing of every target, the same each time; `python -m tests.fuzz` goes on."""

from __future__ import annotations

import pytest

from tests.fuzz.engine import fuzz
from tests.fuzz.targets import TARGETS

RUNS = {"unpack": 150, "decompress": 400, "zstd": 600}


@pytest.mark.parametrize("name", TARGETS)
def test_good_input(name: str) -> None:
    """The inputs to start from are read without a finding."""
    for data in TARGETS[name].seeds:
        TARGETS[name].run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_input(name: str) -> None:
    """Whatever comes, it ends with a result or an error of ours, and nothing outside changes."""
    assert fuzz(TARGETS[name], seed=1, runs=RUNS.get(name, 500)) == RUNS.get(name, 500)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_more_changed_input(name: str) -> None:
    """The same with other changes, for some seconds."""
    assert fuzz(TARGETS[name], seed=2, seconds=4) > 0


def test_findings_are_found() -> None:
    """A target that fails is told, with what it takes to repeat it."""
    from tests.fuzz.targets import Target

    def run(data: bytes) -> None:
        assert b"\0" not in data

    with pytest.raises(AssertionError) as caught:
        fuzz(Target(run, [b"abc"]), seed=1, runs=10_000)
    assert "input" in caught.value.__notes__[0]
