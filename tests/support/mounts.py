"""Running the program on small and read-only file systems that nobody else sees."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.program import Finished, Ocictl, ocictl_command

__all__ = ["Mounts", "mounts"]

_PRIVATE = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc"]


class Mounts:
    """Runs shell scripts that may mount file systems, each in a mount namespace of its own."""

    def __init__(self, run: Ocictl, folder: Path) -> None:
        self._run = run
        self._folder = folder

    def __call__(self, script: str, *, place: Path, options: str = "", **env: str) -> Finished:
        """Mount a tmpfs at `place`, which is made, and run a script.

        In it, `ocictl` is the installed program. What a script leaves on the mounted file system is gone in the end.
        """
        place.mkdir(exist_ok=True)
        lines = [
            f'ocictl() {{ {shlex.join(ocictl_command())} "$@"; }}',
            f"mount -t tmpfs -o {options or 'size=64m'} none {shlex.quote(str(place))}",
            script,
        ]
        done = subprocess.run(
            [*_PRIVATE, "\n".join(lines)],
            cwd=self._folder,
            env=self._run.environment(**env),
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Finished(code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())


def _try(folder: Path) -> str | None:
    """Why no file system can be mounted here; None if one can."""
    if not shutil.which("unshare"):
        return "unshare is not installed (util-linux)"
    command: Sequence[str] = [*_PRIVATE, f"mount -t tmpfs -o size=64k none {shlex.quote(str(folder))}"]
    tried = subprocess.run(command, capture_output=True, check=False)
    return (
        f"no file system can be mounted here: {tried.stderr.decode().strip()}" if tried.returncode else None
    )


@pytest.fixture
def mounts(run_ocictl: Ocictl, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Mounts:
    """Run scripts in `tmp_path` that mount file systems; skips where that is not possible."""
    reason = _try(tmp_path_factory.mktemp("mount"))
    if reason is not None:
        pytest.skip(reason)
    return Mounts(run_ocictl, tmp_path)
