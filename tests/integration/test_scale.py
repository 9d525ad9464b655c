"""Many files in one artifact (S2): `OCICTL_MANY=10000` makes it the long version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.environment import OUTSIDE
from tests.support.program import Ocictl, ocictl_command, peak_memory
from tests.support.servers import RealRegistry

MANY = int(OUTSIDE.get("OCICTL_MANY", "1000"))


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
def test_many_small_files(docker_registry: RealRegistry, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """S2: as many layers as files come back right, a rerun moves nothing, and memory stays below 100 MiB."""
    source = tmp_path / "source"
    source.mkdir()
    files = {f"f{number:05}.txt": f"content {number}\n" * 50 for number in range(MANY)}
    for name, text in files.items():
        (source / name).write_text(text)
    reference = f"{docker_registry.fresh('many')}:v1"
    env = run_ocictl.environment()
    # Named with a type, so that they become files of their own and not one directory.
    arguments = [*ocictl_command(), "push", reference, *(f"{name}:text/plain" for name in files)]
    push_peak = peak_memory(arguments, env, source)
    pull_peak = peak_memory([*ocictl_command(), "pull", reference, "-o", "out"], env, tmp_path)
    print(f"{MANY} files: push {push_peak:.0f} MiB, pull {pull_peak:.0f} MiB")
    assert max(push_peak, pull_peak) < 100
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == files
    again = run_ocictl("pull", reference, "-o", tmp_path / "out", code=0)
    assert again.stdout.count("Skipped") + again.stdout.count("Exists") >= MANY
