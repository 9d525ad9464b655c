"""Running the installed `ocictl` as users do: a process of its own, in a clean environment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import clean_environment

__all__ = ["Finished", "Ocictl", "ocictl_command", "peak_memory", "run_ocictl"]

# The kernel counts the memory of the process that starts another one as its child's. So a small process starts the
# program to be measured, not this one, which may hold a whole registry.
_MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What one run of the program left."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output, parsed."""
        return json.loads(self.stdout)


def ocictl_command() -> list[str]:
    """The console script beside this Python; how users start the program."""
    script = Path(sys.executable).with_name("ocictl")
    assert script.exists(), f"{script} is missing: install the package first (make venv)"
    return [str(script)]


def peak_memory(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> float:
    """Run a program, which must succeed, and return the most memory it held, in MiB."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MEASURE, *command],
        env=dict(env),
        cwd=cwd,
        stdout=subprocess.PIPE,
        check=True,
        timeout=280,
    )
    code, peak = done.stdout.split()
    assert int(code) == 0
    return int(peak) / (1024 * 1024 if sys.platform == "darwin" else 1024)


@dataclass(frozen=True, kw_only=True)
class Ocictl:
    """Runs the program with a home directory of its own."""

    home: Path

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment of a run, for tests that start the process themselves."""
        # A warning that nobody sees, an open file or socket for example, shall fail the test.
        return clean_environment(self.home, PYTHONWARNINGS="error", PYTHONUTF8="1", **changes)

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | bytes = "",
        code: int | None = None,
        timeout: float = 120.0,
    ) -> Finished:
        """Run the program to its end.

        Args:
            arguments: the command line without the program.
            cwd: working directory; the home directory by default.
            env: further environment variables.
            stdin: what it can read.
            code: the exit code it must have; None for any.
            timeout: seconds after which it is killed and the test fails.
        """
        done = subprocess.run(
            [*ocictl_command(), *map(str, arguments)],
            cwd=cwd or self.home,
            env=self.environment(**(env or {})),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            check=False,
            timeout=timeout,
        )
        finished = Finished(code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())
        if code is not None:
            assert finished.code == code, f"exit code {finished.code}\n{finished.stdout}{finished.stderr}"
        return finished


@pytest.fixture
def run_ocictl(tmp_path_factory: pytest.TempPathFactory) -> Ocictl:
    """Run the installed program: `run_ocictl("push", ..., cwd=tmp_path, code=0).stdout`."""
    return Ocictl(home=tmp_path_factory.mktemp("ocictl-home"))
