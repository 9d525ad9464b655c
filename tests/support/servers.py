"""Real registry programs on loopback ports, each with an empty store of its own."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.environment import OUTSIDE, cache_directory, clean_environment, wait_for
from tests.support.require import require

__all__ = ["RealRegistry", "cue_registry", "docker_registry", "ggcr_registry", "real_registry"]

SOURCES = Path(__file__).with_name("goregistry")
DOCKER_REGISTRY_HINT = "docker-registry is not installed (Debian: apt-get install docker-registry)"
GO_HINT = "go is not installed, and the Go registries of tests/support/goregistry must be built"


@dataclass(frozen=True, kw_only=True)
class RealRegistry:
    """A registry program that runs.

    Attributes:
        name: `docker` (Distribution 2.8, no referrers API), `cue` (referrers API), `ggcr` (referrers API that
            answers no OCI-Subject and takes the types of its entries from the config).
        host: `127.0.0.1:PORT`.
        sends_subject: it answers OCI-Subject, so that no referrers tag is written.
        repositories: the directory of its repositories (`docker` alone), to look into or to copy from.
    """

    name: str
    host: str
    sends_subject: bool
    repositories: Path | None = None

    def fresh(self, hint: str = "test") -> str:
        """Return `host/repository` of a repository that nobody has used."""
        return f"{self.host}/{hint}/{uuid.uuid4().hex[:12]}"


@contextlib.contextmanager
def running(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server program while the `with` block lasts; its output goes to a file."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers_as(port: int, instance: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().getheader("X-Instance") == instance
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _start_docker(program: str, folder: Path, stack: contextlib.ExitStack) -> str | None:
    """Start docker-registry on a port that was free a moment ago; None if somebody else took it."""
    port, instance = _free_port(), uuid.uuid4().hex
    folder.mkdir()
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        # The header tells our program from another one that got the port first.
        "http": {"addr": f"127.0.0.1:{port}", "headers": {"X-Instance": [instance]}},
    }
    config, log = folder / "config.yml", folder / "log"
    config.write_text(json.dumps(settings))  # JSON is YAML
    process = stack.enter_context(
        running([program, "serve", str(config)], log, clean_environment(folder, OTEL_TRACES_EXPORTER="none"))
    )

    def ready() -> bool | None:
        if process.poll() is not None:
            return False
        return True if _answers_as(port, instance) else None

    return f"127.0.0.1:{port}" if wait_for(ready, "answer from docker-registry") else None


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """Debian's docker-registry: CNCF Distribution 2.8, without a referrers API; deletion is on."""
    program = shutil.which("docker-registry", path=OUTSIDE.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if program is None:
        require("real", DOCKER_REGISTRY_HINT)
    folder = tmp_path_factory.mktemp("docker-registry")
    with contextlib.ExitStack() as stack:
        for attempt in range(5):
            host = _start_docker(program, folder / str(attempt), stack)
            if host is not None:
                data = folder / str(attempt) / "data" / "docker" / "registry" / "v2" / "repositories"
                yield RealRegistry(name="docker", host=host, sends_subject=False, repositories=data)
                return
        logs = "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("*/log")))
        raise RuntimeError(f"docker-registry does not start:\n{logs}")


def _source_key() -> str:
    together = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        data = (SOURCES / name).read_bytes()
        together.update(b"%d %b" % (len(data), data))
    return together.hexdigest()[:16]


def find_go_registry() -> Path | str:
    """Return the program of tests/support/goregistry, built once for these sources, or why there is none."""
    go = shutil.which("go", path=OUTSIDE.get("PATH", "") + ":/usr/local/go/bin")
    program = cache_directory() / f"goregistry-{_source_key()}"
    with FileLock(f"{program}.lock"):
        if program.exists():
            return program
        if go is None:
            return GO_HINT
        unfinished = program.with_suffix(".new")
        command = [go, "build", "-trimpath", "-buildvcs=false", "-o", str(unfinished), "."]
        built = subprocess.run(
            command, cwd=SOURCES, env=dict(OUTSIDE), capture_output=True, text=True, check=False, timeout=280
        )
        if built.returncode != 0:
            return f"the Go registries can't be built: {built.stderr.strip()[-500:]}"
        unfinished.replace(program)
    return program


@pytest.fixture(scope="session")
def go_registry_program() -> Path:
    """The program of tests/support/goregistry."""
    found = find_go_registry()
    if isinstance(found, str):
        require("real", found)
    return found


@contextlib.contextmanager
def _go_registry(program: Path, kind: str, folder: Path) -> Iterator[str]:
    log = folder / "log"
    with running([str(program), "-kind", kind], log, clean_environment(folder)) as process:

        def address() -> str | None:
            found = re.search(rb"^listening (\S+)$", log.read_bytes(), re.MULTILINE)
            if found is None and process.poll() is not None:
                raise RuntimeError(f"goregistry ended: {log.read_text(errors='replace')}")
            return found[1].decode() if found else None

        yield wait_for(address, "address from goregistry")


@pytest.fixture(scope="session")
def cue_registry(
    go_registry_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealRegistry]:
    """CUE's ociregistry in memory: referrers API with OCI-Subject and filters."""
    with _go_registry(go_registry_program, "cue", tmp_path_factory.mktemp("cue")) as host:
        yield RealRegistry(name="cue", host=host, sends_subject=True)


@pytest.fixture(scope="session")
def ggcr_registry(
    go_registry_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealRegistry]:
    """go-containerregistry's registry in memory: referrers API without OCI-Subject, with wrong types."""
    with _go_registry(go_registry_program, "ggcr", tmp_path_factory.mktemp("ggcr")) as host:
        yield RealRegistry(name="ggcr", host=host, sends_subject=False)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.real) for name in ("docker", "cue", "ggcr")])
def real_registry(request: pytest.FixtureRequest) -> RealRegistry:
    """Each real registry in turn."""
    found = request.getfixturevalue(f"{request.param}_registry")
    assert isinstance(found, RealRegistry)
    return found
