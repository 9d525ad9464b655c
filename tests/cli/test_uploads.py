"""Chunks, blobs from other repositories, and pushes that are cut, as the user sees them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import ocictl
from tests.support.program import Ocictl, ocictl_command
from tests.support.registry import Quirks, Registry, Reply, Request
from tests.support.trees import MIB, write_random

KIB = 1024


@pytest.fixture
def big(work: Path) -> Path:
    """A file that is large enough to be gone on with."""
    path = work / "big.bin"
    write_random(path, 9 * MIB, seed=5)
    return path


def patches(registry: Registry) -> list[int]:
    return [request.body_length for request in registry.matching("PATCH")]


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--chunk-size", "4MiB"], {}),
        ([], {"OCICTL_CHUNK_SIZE": "4194304"}),
        (["--chunk-size", "4M"], {"OCICTL_CHUNK_SIZE": "1M"}),
    ],
)
def test_chunk_size(registry: Registry, big: Path, options: list[str], env: dict[str, str]) -> None:
    """By option or environment; the option wins."""
    ocictl("push", f"{registry.host}/a/b:v1", big.name, *options, env=env)
    assert patches(registry) == [4 * MIB, 4 * MIB, MIB]


def test_other_commands(registry: Registry, big: Path) -> None:
    """`blob push`, `attach`, `cp` and `restore` send chunks too."""
    size = ["--chunk-size", "5MiB"]
    ocictl("push", f"{registry.host}/a/b:v1", "hello.txt")
    ocictl("attach", f"{registry.host}/a/b:v1", "--artifact-type", "x/y", big.name, *size)
    assert len(patches(registry)) == 2
    ocictl("blob", "push", f"{registry.host}/a/c", big.name, *size)
    assert len(patches(registry)) == 4
    ocictl("push", "--oci-layout", "layout:v1", big.name)
    ocictl("cp", "--from-oci-layout", "layout:v1", f"{registry.host}/a/d:v1", *size)
    assert len(patches(registry)) == 6
    ocictl("restore", f"{registry.host}/a/e", "--input", "layout", *size)
    assert len(patches(registry)) == 8


@pytest.mark.parametrize("text", ["0", "63KiB", "many", "-1"])
def test_sizes_that_are_none(registry: Registry, work: Path, text: str) -> None:
    """A size that can't be meant is a usage error, and nothing is sent."""
    assert (
        "--chunk-size"
        in ocictl("push", f"{registry.host}/a/b:v1", "hello.txt", "--chunk-size", text, code=2).stderr
    )
    assert registry.requests == []


@pytest.mark.parametrize("quirks", [Quirks(body_limit=MIB)], indirect=True)
def test_body_limit(registry: Registry, big: Path) -> None:
    """A proxy that takes a MiB at a time needs no option."""
    ocictl("push", f"{registry.host}/a/b:v1", big.name)
    ocictl("pull", f"{registry.host}/a/b:v1", "-o", "out")
    assert Path("out/big.bin").read_bytes() == big.read_bytes()


@pytest.mark.parametrize("written", ["team/base", "{host}/team/base"])
def test_mount_from(registry: Registry, big: Path, written: str) -> None:
    """What another repository has is not sent; its name may have the registry before it."""
    registry.put_blob("team/base", big.read_bytes())
    source = written.format(host=registry.host)
    outcome = ocictl("push", f"{registry.host}/a/b:v1", big.name, "hello.txt", "--mount-from", source)
    assert "Mounted   " in outcome.stdout
    assert "Uploading " in outcome.stdout
    assert max(request.body_length for request in registry.requests) < MIB
    ocictl("attach", f"{registry.host}/a/b:v1", "--artifact-type", "x/y", "d", "--mount-from", source)


@pytest.mark.parametrize("written", ["team/base:v1", "elsewhere.test/a@b", "Upper", ""])
def test_mount_from_what_is_no_repository(registry: Registry, work: Path, written: str) -> None:
    """A name that is none is a usage error, and nothing is sent."""
    outcome = ocictl("push", f"{registry.host}/a/b:v1", "hello.txt", "--mount-from", written, code=2)
    assert "--mount-from team/base" in outcome.stderr
    assert registry.requests == []


@pytest.mark.parametrize("command", ["push", "blob push"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("quirks", [Quirks(broken_patch="kept")], indirect=True)
def test_interrupted(
    registry: Registry, big: Path, run_ocictl: Ocictl, command: str, number: int, code: int
) -> None:
    """It says that the upload goes on, and it does: nothing that was acknowledged is sent again."""
    name = f"{registry.host}/a/b" + (":v1" if command == "push" else "")
    arguments = [*command.split(), "--chunk-size", "64KiB", name, big.name]
    running: list[int] = []

    def interrupt(_request: Request, reply: Reply, _registry: Registry) -> Reply:
        if running and len(patches(registry)) == 9:
            os.kill(running.pop(), number)
        return reply

    registry.configure(after=interrupt)
    with subprocess.Popen(
        [*ocictl_command(), *arguments],
        env=run_ocictl.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running.append(process.pid)
        _out, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert "bytes are kept; run the same command again to go on from there" in told
    kept = int(told.split(" of 9437184 bytes are kept")[0].rpartition(" ")[2])
    assert kept >= 8 * 64 * KIB
    registry.requests.clear()
    outcome = run_ocictl(*arguments, cwd=Path.cwd(), code=0)
    assert registry.matching("GET", "/uploads/")
    assert sum(patches(registry)) <= 9 * MIB - kept
    assert "Resuming" in outcome.stdout
    state = Path(run_ocictl.environment()["HOME"]) / ".local" / "state" / "ocictl" / "uploads"
    assert list(state.iterdir()) == []


@pytest.mark.parametrize(
    ("variable", "value", "there"),
    [
        ("OCICTL_UPLOADS", "", ""),
        ("OCICTL_UPLOADS", "{work}/mine", "mine"),
        ("XDG_STATE_HOME", "{work}/state", "state/ocictl/uploads"),
        ("XDG_STATE_HOME", "relative", ""),
    ],
)
def test_where_it_is_remembered(registry: Registry, big: Path, variable: str, value: str, there: str) -> None:
    """The directory follows the environment; an empty name means none."""
    registry.configure(before=lambda request, _: Reply(status=403) if request.method == "PATCH" else None)
    env = {variable: value.format(work=Path.cwd())}
    name = f"{registry.host}/a/b:v1"
    outcome = ocictl("push", name, big.name, "--chunk-size", "1MiB", "--format", "json", env=env, code=4)
    assert json.loads(outcome.stderr.splitlines()[-1])
    assert not there or Path(there).is_dir()
    assert not Path("relative").exists()
