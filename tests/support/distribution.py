"""Debian's docker-registry with TLS and authentication, for one test at a time."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt

from tests.support.environment import OUTSIDE, clean_environment, wait_for
from tests.support.require import require
from tests.support.servers import DOCKER_REGISTRY_HINT, _free_port, running
from tests.support.tls import Leaf

__all__ = ["Distribution", "distribution", "htpasswd"]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A registry program that runs.

    Attributes:
        port: on 127.0.0.1.
        log: its output, with one line for each request.
    """

    port: int
    log: Path

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self.port}"

    def requests(self) -> list[str]:
        """`METHOD TARGET STATUS` of each request that came so far, from the access log."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            # 127.0.0.1 - - [date] "GET /v2/ HTTP/1.1" 401 87 "" "agent"
            parts = line.split('"')
            if len(parts) > 2 and " HTTP/1." in parts[1]:
                found.append(f"{parts[1].rpartition(' ')[0]} {parts[2].split()[0]}")
        return found


def htpasswd(folder: Path, users: Mapping[str, str]) -> dict[str, Any]:
    """Write a password file, and return the member `auth` of Distribution's configuration."""
    file = folder / "htpasswd"
    lines = [
        f"{user}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(4)).decode()}\n" for user, word in users.items()
    ]
    file.write_text("".join(lines))
    return {"htpasswd": {"realm": "test", "path": str(file)}}


@contextlib.contextmanager
def distribution(
    folder: Path,
    *,
    auth: Mapping[str, Any] | None = None,
    tls: Leaf | None = None,
    clients: Path | None = None,
) -> Iterator[Distribution]:
    """Run docker-registry on a free port while the `with` block lasts.

    Args:
        folder: for its files; it must be empty.
        auth: the member `auth` of its configuration.
        tls: its certificate; None: plain HTTP.
        clients: the authority of certificates that clients must show.
    """
    program = shutil.which("docker-registry", path=OUTSIDE.get("PATH", "") + ":/usr/bin:/usr/local/bin")
    if program is None:
        require("real", DOCKER_REGISTRY_HINT)
    settings: dict[str, Any] = {"auth": dict(auth)} if auth else {}
    if tls is not None:
        settings["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
    if clients is not None:
        settings["tls"]["clientcas"] = [str(clients)]
    with contextlib.ExitStack() as stack:
        for attempt in range(5):
            place = folder / str(attempt)
            place.mkdir(parents=True)
            found = _start(program, place, stack, settings)
            if found is not None:
                yield found
                return
        logs = "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("*/log")))
        raise RuntimeError(f"docker-registry does not start:\n{logs}")


def _start(
    program: str, folder: Path, stack: contextlib.ExitStack, given: Mapping[str, Any]
) -> Distribution | None:
    """Start it on a port that was free a moment ago; None if somebody else took it."""
    port, instance = _free_port(), uuid.uuid4().hex
    # The header tells our program from another one that got the port first.
    address: dict[str, Any] = {"addr": f"127.0.0.1:{port}", "headers": {"X-Instance": [instance]}}
    settings: dict[str, Any] = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": address,
    }
    if "auth" in given:
        settings["auth"] = given["auth"]
    if "tls" in given:
        address["tls"] = given["tls"]
    config, log = folder / "config.yml", folder / "log"
    config.write_text(json.dumps(settings))  # JSON is YAML
    process = stack.enter_context(
        running([program, "serve", str(config)], log, clean_environment(folder, OTEL_TRACES_EXPORTER="none"))
    )

    def ready() -> bool | None:
        if process.poll() is not None:
            return False
        return True if _answers_as(port, instance, given.get("tls")) else None

    return Distribution(port=port, log=log) if wait_for(ready, "answer from docker-registry") else None


def _answers_as(port: int, instance: str, tls: Mapping[str, Any] | None) -> bool:
    connection: http.client.HTTPConnection
    if tls is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it may be expired, or for another name
        # The server's own certificate will do as a client's: one authority signs both.
        context.load_cert_chain(tls["certificate"], tls["key"])
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().getheader("X-Instance") == instance
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
