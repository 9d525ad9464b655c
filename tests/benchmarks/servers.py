"""The registries that the benchmark starts: Distribution on a RAM disk, with or without TLS, and CUE's in memory."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import CommandError
from tests.support.certificates import make_certificate
from tests.support.environment import clean_environment, wait_for
from tests.support.servers import _free_port, _go_registry, find_go_registry, running

__all__ = ["Place", "distribution", "with_referrers_api"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """A registry that runs.

    Attributes:
        host: name and port.
        authority: the certificate to trust; None: plain HTTP.
        data: its directory; None: it keeps all in memory.
    """

    host: str
    authority: Path | None = None
    data: Path | None = None

    def artifact(self, repository: str) -> str:
        """A tag in a repository of this registry."""
        return f"{self.host}/bench/{repository}:v1"

    def wipe(self) -> None:
        """Remove everything that was pushed. Distribution looks at its directory anew for every request."""
        if self.data is not None:
            shutil.rmtree(self.data / "docker", ignore_errors=True)


@contextlib.contextmanager
def distribution(program: str, folder: Path, *, tls: bool = False) -> Iterator[Place]:
    """Run docker-registry over an empty directory while the `with` block lasts, then remove the directory."""
    folder.mkdir()
    port = _free_port()
    http: dict[str, object] = {"addr": f"127.0.0.1:{port}"}
    authority = None
    if tls:
        made = make_certificate(folder, "bench", alternative_names="IP:127.0.0.1,DNS:localhost")
        authority = made.certificate
        http["tls"] = {"certificate": str(made.certificate), "key": str(made.key)}
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http,
    }
    config, log = folder / "config.yml", folder / "log"
    config.write_text(json.dumps(settings))
    environment = clean_environment(folder, OTEL_TRACES_EXPORTER="none")
    try:
        with running([program, "serve", str(config)], log, environment) as process:

            def ready() -> bool | None:
                if process.poll() is not None:
                    return False
                return _listens(port) or None

            if not wait_for(ready, "answer from docker-registry"):
                raise CommandError(f"docker-registry does not start: {log.read_text()[-300:]}")
            # oras speaks plain HTTP by itself to `localhost`, and TLS to an address.
            name = "127.0.0.1" if tls else "localhost"
            yield Place(host=f"{name}:{port}", authority=authority, data=folder / "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def with_referrers_api(folder: Path) -> Iterator[Place]:
    """Run the registry of CUE, which has the referrers API and keeps all in memory."""
    program = find_go_registry()
    if isinstance(program, str):
        raise CommandError(program)
    folder.mkdir()
    try:
        with _go_registry(program, "cue", folder) as host:
            yield Place(host=host.replace("127.0.0.1", "localhost"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
