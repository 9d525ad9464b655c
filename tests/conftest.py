"""Fixtures for every test: a clean environment, loopback sockets only, the registry simulator."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.registry import Quirks, Registry

pytest_plugins = ["tests.support.peers", "tests.support.program", "tests.support.servers"]

_FOREIGN = (
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "ORAS_CACHE",
    "SOURCE_DATE_EPOCH",
    "NO_COLOR",
    "FORCE_COLOR",
)
_FOREIGN_PREFIXES = ("OCICTL_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_", "XDG_")
_KEPT = ("OCICTL_REQUIRE", "OCICTL_SPEC_DIR", "OCICTL_TEST_CACHE", "OCICTL_TEST_INSTALLED")


def pytest_sessionstart(session: pytest.Session) -> None:
    """With OCICTL_TEST_INSTALLED set, make sure that the installed package is tested, not the checkout."""
    if not os.environ.get("OCICTL_TEST_INSTALLED"):
        return
    found = importlib.util.find_spec("ocictl")
    origin = Path(found.origin or "") if found else None
    if origin is None or origin.parent.parent == session.config.rootpath:
        raise pytest.UsageError(f"the installed package is to be tested, but ocictl is {origin}")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hide the user's settings, credentials and proxies; return the empty home directory."""
    for name in list(os.environ):
        foreign = name.upper().startswith(_FOREIGN_PREFIXES) or name.upper().endswith("_PROXY")
        if (foreign or name in _FOREIGN) and name not in _KEPT:
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    # Without it the logins of containers' tools are looked for in a directory of the system.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
    return home


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test of this process talk to another machine, or ask for its name."""
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(address: Any) -> None:
        if isinstance(address, tuple) and not _is_loopback(str(address[0])):
            pytest.fail(f"a test tried to reach {address[0]!r}; only loopback addresses are allowed")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not _is_loopback(str(host)):
            raise socket.gaierror(socket.EAI_NONAME, f"test guard: {host!r} is not looked up")
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_lookup)


def _is_loopback(host: str) -> bool:
    if host in {"localhost", ""}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture
def quirks(request: pytest.FixtureRequest) -> Quirks:
    """How the `registry` fixture behaves: `@pytest.mark.parametrize("quirks", [...])` overrides it."""
    return getattr(request, "param", Quirks())


@pytest.fixture
def registry(quirks: Quirks) -> Iterator[Registry]:
    """A registry simulator. At the end, ocictl must have kept the duties of a client."""
    with Registry(quirks) as running:
        yield running
        assert running.violations == []
