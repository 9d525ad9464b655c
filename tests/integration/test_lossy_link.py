"""A slow link that loses packets and a network that resets connections: transfers end, and send hardly a byte twice.

`OCICTL_LINK_MIB=200` makes it the long version.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.environment import OUTSIDE, clean_environment, wait_for
from tests.support.lossy_link import THERE, LossyLink, lossy_link
from tests.support.program import Ocictl, ocictl_command
from tests.support.relay import Counts
from tests.support.require import require
from tests.support.servers import DOCKER_REGISTRY_HINT, running
from tests.support.trees import MIB, write_random

SIZE = int(OUTSIDE.get("OCICTL_LINK_MIB", "8")) * MIB
MEGABITS, LOSS, RESETS = 20, 1, 5
BETWEEN_RESETS = SIZE // (RESETS + 1)
IN_FLIGHT = 256 * 1024
"""Bytes that may be on their way when a connection is reset, and are lost to whatever client."""
MOST = 1.02 + (0 if SIZE >= 100 * MIB else RESETS * IN_FLIGHT / SIZE)
"""What may go over the link, as a multiple of the content: heads of requests included, packets that TCP repeats not.

Two per cent; in the short version five resets alone can take more than that.
"""
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def link() -> Iterator[LossyLink]:
    """20 Mbit/s and 1 % loss each way."""
    with lossy_link(megabits=MEGABITS, loss=LOSS) as made:
        yield made


@pytest.fixture
def docker(link: LossyLink, tmp_path: Path) -> Iterator[str]:
    """docker-registry on the far side, as that side calls it."""
    program = shutil.which("docker-registry", path=OUTSIDE.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if program is None:
        require("real", DOCKER_REGISTRY_HINT)
    host = "127.0.0.1:5000"  # nobody else is in this namespace
    config = tmp_path / "registry.yml"
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry-data")}},
        "http": {"addr": host},
    }
    config.write_text(json.dumps(settings))  # JSON is YAML
    environment = clean_environment(tmp_path, OTEL_TRACES_EXPORTER="none")
    command = link.within(link.far, [program, "serve", str(config)])
    with running(command, tmp_path / "registry.log", environment):
        probe = link.within(link.far, [sys.executable, "-c", _PROBE])
        wait_for(lambda: None if subprocess.run(probe, check=False).returncode else True, "registry")
        yield host


_PROBE = "import socket, sys; sys.exit(socket.socket().connect_ex(('127.0.0.1', 5000)))"


@pytest.fixture
def cue(link: LossyLink, go_registry_program: Path, tmp_path: Path) -> Iterator[str]:
    """CUE's registry on the far side: an upload that was cut can be gone on with."""
    log = tmp_path / "cue.log"
    command = link.within(link.far, [str(go_registry_program), "-kind", "cue"])
    with running(command, log, clean_environment(tmp_path)):
        yield wait_for(lambda: log.read_text().partition("listening ")[2].strip() or None, "registry")


@dataclass(frozen=True)
class Transfer:
    """A running command and the relay it goes through."""

    kind: str
    command: subprocess.Popen[bytes]
    relay: subprocess.Popen[bytes]
    counts: Path
    begin: float

    def finish(self, report: list[str]) -> Counts:
        """Wait for its end, which must be a success; return what the relay counted, and report it."""
        _, errors = self.command.communicate(timeout=1000)
        seconds = time.monotonic() - self.begin
        self.relay.terminate()
        self.relay.wait(20)
        counts = Counts(**json.loads(self.counts.read_text()))
        count = counts.down if self.kind == "pull" else counts.up
        report.append(
            f"{self.kind}: {SIZE // MIB} MiB in {seconds:.1f} s, {SIZE * 8 / seconds / 1e6:.1f} Mbit/s, "
            f"{counts.resets} resets, {counts.connections} connections, {count} bytes over the link: "
            f"{100 * (count / SIZE - 1):.2f} % more than the content"
        )
        assert self.command.returncode == 0, errors.decode()
        return counts


@contextlib.contextmanager
def transfer(
    link: LossyLink,
    registry: str,
    run: Ocictl,
    cwd: Path,
    *arguments: str,
    resets: int,
) -> Iterator[Transfer]:
    """Start a command on the near side, through a relay on the far side that resets connections."""
    kind = arguments[0]
    log, counts = cwd / f"{kind}.relay", cwd / f"{kind}.counts"
    relay_command = [sys.executable, "-m", "tests.support.relay", THERE, registry, str(counts)]
    relay_command += ["--reset-after", str(BETWEEN_RESETS), "--resets", str(resets)]
    environment = clean_environment(cwd, PYTHONPATH=str(REPOSITORY))
    with running(link.within(link.far, relay_command), log, environment) as relay:
        host = wait_for(lambda: log.read_text().strip() or None, "address of the relay")
        command = [*ocictl_command(), kind, f"{host}/{kind}:v1", "--plain-http", *arguments[1:]]
        with subprocess.Popen(
            link.within(link.near, command),
            cwd=cwd,
            env=run.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield Transfer(kind, process, relay, counts, time.monotonic())
            finally:
                process.kill()


def on_far_side(link: LossyLink, run: Ocictl, cwd: Path, *arguments: str) -> None:
    """Run a command beside the registry, where the link does not matter."""
    command = link.within(link.far, [*ocictl_command(), *arguments])
    done = subprocess.run(
        command, cwd=cwd, env=run.environment(), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()


def check_pushed(link: LossyLink, registry: str, run: Ocictl, cwd: Path) -> None:
    """What was pushed is what the file holds."""
    on_far_side(link, run, cwd, "pull", f"{registry}/push:v1", "-o", "check")
    assert (cwd / "check" / "up.bin").read_bytes() == (cwd / "up.bin").read_bytes()


@pytest.fixture
def report(link: LossyLink, capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Lines to be shown at the end of the test."""
    lines: list[str] = []
    yield lines
    with capsys.disabled():
        print(
            f"\nlink: {MEGABITS} Mbit/s, {LOSS} % loss each way, {link.dropped()} packets lost ({link.made_with})"
        )
        print("\n".join(lines))


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1200)
def test_pull_and_push(
    link: LossyLink, docker: str, run_ocictl: Ocictl, tmp_path: Path, report: list[str]
) -> None:
    """T3, row 2: a pull whose connections are reset and a push at the same time need no help; 2 % is the most to go twice."""
    write_random(tmp_path / "down.bin", SIZE, seed=1)
    write_random(tmp_path / "up.bin", SIZE, seed=2)
    on_far_side(link, run_ocictl, tmp_path, "push", f"{docker}/pull:v1", "down.bin")
    with transfer(link, docker, run_ocictl, tmp_path, "pull", "-o", "out", resets=RESETS) as pull:
        with transfer(link, docker, run_ocictl, tmp_path, "push", "up.bin", resets=0) as push:
            pulled, pushed = pull.finish(report), push.finish(report)
    assert link.dropped() > 0
    assert pulled.resets == RESETS
    assert SIZE <= pulled.down <= SIZE * MOST
    assert SIZE <= pushed.up <= SIZE * MOST
    assert (tmp_path / "out" / "down.bin").read_bytes() == (tmp_path / "down.bin").read_bytes()
    assert os.listdir(tmp_path / "out") == ["down.bin"]
    check_pushed(link, docker, run_ocictl, tmp_path)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1200)
def test_push_with_resets(
    link: LossyLink, cue: str, run_ocictl: Ocictl, tmp_path: Path, report: list[str]
) -> None:
    """PUSH-12: where a registry keeps what has come, a push in chunks goes on there; 2 % is the most to go twice."""
    write_random(tmp_path / "up.bin", SIZE, seed=2)
    chunk = str(SIZE // 100)
    with transfer(
        link, cue, run_ocictl, tmp_path, "push", "up.bin", "--chunk-size", chunk, resets=RESETS
    ) as push:
        pushed = push.finish(report)
    assert pushed.resets == RESETS
    assert SIZE <= pushed.up <= SIZE * MOST
    check_pushed(link, cue, run_ocictl, tmp_path)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1200)
def test_push_with_resets_to_distribution(
    link: LossyLink, docker: str, run_ocictl: Ocictl, tmp_path: Path, report: list[str]
) -> None:
    """PUSH-15: Distribution 2.8 gives up an upload whose request was cut, so the blob begins anew; the push ends all the same.

    It signs how far an upload was when it last answered, and refuses to go on when more has come since. So each
    reset costs what came since the beginning, and nothing more may be sent twice.
    """
    write_random(tmp_path / "up.bin", SIZE, seed=2)
    resets = 2
    with transfer(link, docker, run_ocictl, tmp_path, "push", "up.bin", resets=resets) as push:
        pushed = push.finish(report)
    assert pushed.resets == resets
    assert pushed.up <= SIZE * MOST + resets * BETWEEN_RESETS
    check_pushed(link, docker, run_ocictl, tmp_path)
