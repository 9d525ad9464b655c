"""Every example and every command block of the README and the quick start runs as it is printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import Ocictl, ocictl_command
from tests.support.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
PRINTED = "localhost:5000"
"""The registry that the documents name; a test puts a running one in its place."""
ELSEWHERE = {"make demo", "make test", "python3 -m pip install ."}
"""Blocks that install something: .ci/run executes them, a test only checks that they are current."""


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a document in one language."""
    text = (ROOT / document).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(run_ocictl: Ocictl, tmp_path: Path) -> dict[str, str]:
    """An environment in which `ocictl` and `python3` are the ones under test."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ocictl").symlink_to(ocictl_command()[0])
    (programs / "python3").symlink_to(sys.executable)
    base = run_ocictl.environment()
    return {**base, "PATH": f"{programs}:{base['PATH']}", "PYTHON": sys.executable}


def run_shell(script: str, cwd: Path, environment: dict[str, str]) -> str:
    """Run a script; every command in it must succeed."""
    done = subprocess.run(
        ["sh", "-eu"], input=script, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("document", ["README.md", "docs/quickstart.md"])
@pytest.mark.parametrize("api", [True, False], ids=["api", "tag"])
def test_shell_blocks_run(
    document: str, api: bool, environment: dict[str, str], registry: Registry, tmp_path: Path
) -> None:
    """The shell blocks of a document succeed one after the other, with and without a referrers API."""
    registry.configure(referrers_api=api)
    work = tmp_path / "work"
    work.mkdir()
    found = [block for block in blocks(document, "sh") if block.strip() not in ELSEWHERE]
    assert found
    for block in found:
        run_shell(block.replace(PRINTED, registry.host), work, environment)


def test_python_block_runs(environment: dict[str, str], tmp_path: Path) -> None:
    """The Python block of the README prints a digest."""
    (tmp_path / "README.md").write_text("read me")
    for block in blocks("README.md", "python"):
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", done.stdout), done.stderr


def test_blocks_that_install_are_current() -> None:
    """The two commands of the README exist, and the installation command is there."""
    printed = {block.strip() for block in blocks("README.md", "sh")}
    assert printed >= ELSEWHERE
    for target in ("demo", "test"):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_demo(environment: dict[str, str], registry: Registry) -> None:
    """The demo goes through with a layout and with a registry, and compares what it pulled."""
    done = subprocess.run(
        [ROOT / "examples" / "demo.sh"],
        env={**environment, "OCICTL_REGISTRY": registry.host},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("identical: README.md and docs/") == 2
    assert done.stdout.count("application/spdx+json") >= 2


def test_release_script(environment: dict[str, str], registry: Registry, tmp_path: Path) -> None:
    """The release script publishes, attaches on two levels and checks; a second run prints the same digests."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "app").write_text("program")
    command = [str(ROOT / "examples" / "release.sh"), f"{registry.host}/app:v1", "dist"]
    runs = [
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        for _ in range(2)
    ]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    assert "application/vnd.example.checksums" in runs[0].stdout


def test_makefile(environment: dict[str, str], registry: Registry, tmp_path: Path) -> None:
    """The Makefile publishes once, keeps the digest, and fetches."""
    shutil.copy(ROOT / "examples" / "Makefile", tmp_path)

    def make(target: str) -> str:
        done = subprocess.run(
            ["make", target, f"REPOSITORY={registry.host}/hello"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "published" in make("publish")
    digest = (tmp_path / "build" / "digest").read_text().strip()
    assert digest == registry.repository("hello").tags["v1"]
    assert "published" not in make("publish")
    make("fetch")
    assert (tmp_path / "fetched" / "hello.txt").read_text() == "hello from make\n"
    make("clean")


def test_ci_steps(environment: dict[str, str], registry: Registry, tmp_path: Path) -> None:
    """The commands of the CI steps run in order with the variables that the CI system would set."""
    text = (ROOT / "examples" / "ci-step.yml").read_text()
    scripts = re.findall(r"^  run: (?:\|\n((?:    .*\n)+)|(.+)$)", text, re.MULTILINE)
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "app").write_text("program")
    (tmp_path / "sbom.spdx.json").write_text("{}")
    outputs = tmp_path / "outputs"
    environment.update(REPOSITORY=f"{registry.host}/app", VERSION="v1", GITHUB_OUTPUT=os.fspath(outputs))
    commands = [re.sub("^    ", "", block, flags=re.MULTILINE) or line for block, line in scripts]
    assert len(commands) == 3
    assert commands[0] == "python3 -m pip install ocictl"
    run_shell(commands[1], tmp_path, environment)
    environment["DIGEST"] = outputs.read_text().strip().removeprefix("digest=")
    run_shell(commands[2], tmp_path, environment)
    listed = json.loads((tmp_path / "referrers.json").read_text())
    assert [entry["artifactType"] for entry in listed["referrers"]] == ["application/spdx+json"]
