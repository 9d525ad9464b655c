"""Measuring whole processes: wall time, CPU time and peak memory of one command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CommandError", "Sample", "measure", "output_of"]

# A small process starts the command and waits for it: a child's peak memory begins with what its parent holds, and
# the time that this interpreter needs to start is not the command's.
_LAUNCH = """
import json, os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
begin = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, used = os.wait4(child, 0)
wall = time.perf_counter() - begin
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


class CommandError(Exception):
    """A command to be measured, or one that prepares a measurement, did not succeed."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One run of a command, with every process that it started and waited for.

    Attributes:
        seconds: wall time.
        cpu: user and system time together, in seconds.
        peak: the most memory that one of its processes held, in MiB.
    """

    seconds: float
    cpu: float
    peak: float


def measure(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, timeout: float = 300.0) -> Sample:
    """Run a command to its end and return what it took. Its output is thrown away.

    Raises:
        CommandError: it did not end with 0, or not within `timeout` seconds.
    """
    program = shutil.which(command[0])
    if program is None:
        raise CommandError(f"{command[0]} is missing")
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, program, *command[1:]]
    output, errors = _communicate(launch, cwd, env, timeout)
    try:
        code, seconds, cpu, peak = json.loads(output)
    except ValueError:
        raise CommandError(f"{_shown(command)} was not measured: {errors[-300:]}") from None
    if code != 0:
        raise CommandError(f"{_shown(command)} ended with {code}: {errors.strip()[-300:]}")
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Sample(seconds=seconds, cpu=cpu, peak=peak / unit)


def output_of(command: Sequence[str], cwd: Path, env: Mapping[str, str], *, timeout: float = 300.0) -> str:
    """Run a command that prepares something and return what it printed.

    Raises:
        CommandError: it did not end with 0, or not within `timeout` seconds.
    """
    output, errors = _communicate([*command], cwd, env, timeout, must=True)
    del errors
    return output


def _communicate(
    command: list[str], cwd: Path, env: Mapping[str, str], timeout: float, *, must: bool = False
) -> tuple[str, str]:
    """Run a command in a process group of its own, which ends with it, whatever happens."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        raise CommandError(f"{_shown(command)} did not end within {timeout:.0f} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if must and process.returncode != 0:
        raise CommandError(f"{_shown(command)} ended with {process.returncode}: {errors.strip()[-300:]}")
    return output, errors


def _shown(command: Sequence[str]) -> str:
    words = [Path(word).name if number == 0 else word for number, word in enumerate(command[:3])]
    return " ".join(word if len(word) < 60 else f"{word[:60]}…" for word in words).replace("\n", " ")
