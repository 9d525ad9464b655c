"""The program as a process: signals, closed pipes, terminals."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.environment import wait_for
from tests.support.program import Ocictl, ocictl_command
from tests.support.registry import Fault, Registry


def _start(run: Ocictl, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*ocictl_command(), *arguments],
        cwd=folder,
        env=run.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, b"interrupted"), (signal.SIGTERM, 143, b"terminated")],
)
def test_signals(
    number: signal.Signals, code: int, word: bytes, registry: Registry, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """F7: a stopped download ends with the number that shells expect and leaves no temporary file."""
    digest = registry.put_blob("x", b"x" * 4_000_000)
    registry.configure(faults=(Fault(method="GET", stall_after=2_000_000),))
    arguments = ("blob", "fetch", f"{registry.host}/x@{digest}", "-o", "blob")
    with _start(run_ocictl, tmp_path, *arguments) as process:
        wait_for(lambda: next(tmp_path.iterdir(), None), "temporary file")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert stdout == b""
    assert stderr.strip() == b"error: " + word
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_no_error(registry: Registry, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """F9: `ocictl push … | true` pushes all and succeeds; `blob fetch | head` stops in peace."""
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text(str(number))
    names = [f"{number}.txt" for number in range(20)]
    digest = registry.put_blob("x", b"x" * 4_000_000)
    for arguments in (
        ["--help"],
        ["push", f"{registry.host}/x:v1", *names],
        ["blob", "fetch", f"{registry.host}/x@{digest}", "-o", "-"],
    ):
        with _start(run_ocictl, tmp_path, *arguments) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait(timeout=60) == 0
    assert len(registry.manifest("x", "v1").document["layers"]) == 20


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("argument", ["version", "--help"])
def test_a_full_disk_under_standard_output(argument: str, run_ocictl: Ocictl) -> None:
    """F4: a result that can't be written is number 9, not a traceback."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*ocictl_command(), argument],
            env=run_ocictl.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 9
    assert done.stderr.startswith(b"error: standard output can't be written")
    assert done.stderr.count(b"\n") == 1


def _on_terminal(run: Ocictl, folder: Path, *arguments: str, columns: int = 80) -> tuple[int, str, str]:
    """Run with a terminal as standard error; return the code, standard output, and what the terminal got."""
    ours, theirs = pty.openpty()
    environment = run.environment(TERM="xterm", COLUMNS=str(columns), LINES="24")
    with subprocess.Popen(
        [*ocictl_command(), *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        drawn = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            drawn += part
        assert process.stdout is not None
        stdout = process.stdout.read().decode()
    os.close(ours)
    return process.returncode, stdout, drawn.decode()


def test_bars_on_a_terminal(run_ocictl: Ocictl, tmp_path: Path) -> None:
    """With a terminal on standard error the transfers are drawn there; standard output has the closing lines."""
    (tmp_path / "a.txt").write_bytes(b"x" * 3_000_000)
    arguments = ("push", "--oci-layout", "lay:v1", "a.txt")
    code, stdout, drawn = _on_terminal(run_ocictl, tmp_path, *arguments)
    assert code == 0
    assert [line.split(":")[0] for line in stdout.splitlines()] == [
        "Pushed [oci-layout] lay",
        "ArtifactType",
        "Digest",
    ]
    assert re.search(r"Uploaded  [0-9a-f]{12} a\.txt", drawn)
    assert "\x1b[?25h" in drawn


@pytest.mark.parametrize("flag", ["--no-tty", "--quiet", "--format=json", "--debug"])
def test_no_bars_where_they_would_disturb(flag: str, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Each of these switches them off, terminal or not."""
    (tmp_path / "a.txt").write_bytes(b"x" * 3_000_000)
    arguments = ("push", "--oci-layout", "lay:v1", "a.txt", flag)
    code, stdout, drawn = _on_terminal(run_ocictl, tmp_path, *arguments)
    assert code == 0
    assert drawn == ""
    assert ("Uploading" in stdout) is (flag in ("--no-tty", "--debug"))


def test_options_may_follow_files(run_ocictl: Ocictl, tmp_path: Path) -> None:
    """As in `oras push NAME FILE --artifact-type TYPE`, with short options too."""
    (tmp_path / "a.txt").write_text("a")
    run_ocictl("push", "--oci-layout", "lay:v1", "a.txt", "-a", "k=v", "-q", cwd=tmp_path, code=0)
    manifest = run_ocictl("manifest", "get", "lay:v1", "--oci-layout", cwd=tmp_path, code=0).json
    assert manifest["annotations"] == {"k": "v"}


def test_an_alias_is_enough(run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Called by another name the program is the same, and its usage says that name."""
    link = tmp_path / "oras"
    link.symlink_to(shutil.which("ocictl", path=str(Path(ocictl_command()[0]).parent)) or "")
    done = subprocess.run(
        [link, "push", "--help"], env=run_ocictl.environment(), capture_output=True, check=True, text=True
    )
    assert done.stdout.startswith("Usage: oras push ")
