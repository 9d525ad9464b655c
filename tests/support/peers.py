"""The peer programs oras, regctl, crane and helm: where they are, and running them without the user's settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.support.environment import OUTSIDE, cache_directory, clean_environment
from tests.support.require import require

__all__ = ["PACKAGES", "Peer", "Run", "crane", "helm", "oras", "regctl"]

PACKAGES = {
    "oras": "oras.land/oras/cmd/oras@v1.3.6",
    "regctl": "github.com/regclient/regclient/cmd/regctl@v0.11.7",
    "crane": "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "helm": "helm.sh/helm/v4/cmd/helm@v4.3",
}
"""What `go install` takes. Tests are written against these versions; a later patch release will do."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a program did."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A peer program. Credentials of one `Peer` are its own."""

    program: Path
    home: Path

    def run(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        check: bool = True,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Run:
        """Run the program; unless told otherwise, it must succeed."""
        done = subprocess.run(
            [str(self.program), *map(str, arguments)],
            cwd=cwd or self.home,
            env=clean_environment(self.home, DOCKER_CONFIG=str(self.home), **(env or {})),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check:
            assert done.returncode == 0, f"{self.program.name} {arguments}: {done.stdout}{done.stderr}"
        return Run(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def _numbers(text: str) -> tuple[int, int, int] | None:
    """The first version in a text; helm tells only two numbers of its own."""
    found = re.search(r"v?(\d+)\.(\d+)\.(\d+)", text) if "BuildInfo{" not in text else None
    found = found or re.search(r"v(\d+)\.(\d+)()", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


@cache
def _go_bin() -> list[str]:
    go = shutil.which("go", path=OUTSIDE.get("PATH", "") + ":/usr/local/go/bin")
    if go is None:
        return []
    shown = subprocess.run(
        [go, "env", "GOBIN", "GOPATH"],
        env=dict(OUTSIDE),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    bin_folder, _, path = shown.stdout.partition("\n")
    return [place for place in (bin_folder.strip(), path.strip() and f"{path.strip()}/bin") if place]


@cache
def _find(name: str) -> Path | str:
    """Return the program, or the reason why there is none."""
    package = PACKAGES[name]
    wanted = _numbers(package)
    places = [*OUTSIDE.get("PATH", "").split(":"), *_go_bin(), str(cache_directory() / "bin")]
    seen = []
    for place in dict.fromkeys(places):
        program = shutil.which(name, path=place)
        if program is None:
            continue
        shown = subprocess.run([program, "version"], capture_output=True, text=True, check=False, timeout=60)
        version = _numbers(shown.stdout)
        if version is not None and wanted is not None and version[:2] == wanted[:2] and version >= wanted:
            return Path(program)
        seen.append(f"{program} is {'.'.join(map(str, version or ())) or 'of unknown version'}")
    return f"{name} is missing: go install {package}" + "".join(f"; {text}" for text in seen)


def _peer(name: str, factory: pytest.TempPathFactory) -> Peer:
    found = _find(name)
    if isinstance(found, str):
        require("interop", found)
    return Peer(program=found, home=factory.mktemp(name))


@pytest.fixture
def oras(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """The oras program."""
    return _peer("oras", tmp_path_factory)


@pytest.fixture
def regctl(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """The regctl program, told to speak plain http is up to the test (`--host reg=...,tls=disabled`)."""
    return _peer("regctl", tmp_path_factory)


@pytest.fixture
def crane(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """The crane program."""
    return _peer("crane", tmp_path_factory)


@pytest.fixture
def helm(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    """The helm program; it needs no cluster for charts."""
    return _peer("helm", tmp_path_factory)
