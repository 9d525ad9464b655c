"""Where credentials are looked up, in which order, and where a login goes (CRED-09, CRED-11)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ocictl.errors import CredentialError
from ocictl.transport import credential_lookup
from ocictl.transport.credential_lookup import (
    also_known,
    containers_auth_paths,
    docker_config_path,
    login_file,
    places,
    stored_credentials,
)
from ocictl.transport.credentials import FirstOf


def put(path: Path, user: str, *, bare: bool = False) -> Path:
    """A credential file in which `r.io` belongs to this user."""
    auths = {"r.io": {"username": user, "password": "p"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(auths if bare else {"auths": auths}))
    path.chmod(0o600)
    return path


def user(source: FirstOf) -> str | None:
    """Whom `r.io` belongs to."""
    found = source.lookup("r.io", "x")
    return None if found is None else found.username


@pytest.mark.skipif(sys.platform != "linux", reason="the first file of containers' tools is a Linux place")
def test_the_order(tmp_path: Path) -> None:
    """REGISTRY_AUTH_FILE, DOCKER_AUTH_CONFIG, Docker's file, containers' files, .dockercfg: each in its turn."""
    home = tmp_path / "home"
    environ = {
        "HOME": str(home),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    found = [user(stored_credentials(environ=environ))]
    put(home / ".dockercfg", "dockercfg", bare=True)
    found.append(user(stored_credentials(environ=environ)))
    put(tmp_path / "config/containers/auth.json", "xdg")
    found.append(user(stored_credentials(environ=environ)))
    put(tmp_path / "run/containers/auth.json", "run")
    found.append(user(stored_credentials(environ=environ)))
    put(tmp_path / "docker/config.json", "docker")
    found.append(user(stored_credentials(environ=environ)))
    environ["DOCKER_AUTH_CONFIG"] = json.dumps({"auths": {"r.io": {"auth": "dmFyaWFibGU6cA=="}}})
    found.append(user(stored_credentials(environ=environ)))
    environ["REGISTRY_AUTH_FILE"] = str(put(tmp_path / "named.json", "named"))
    found.append(user(stored_credentials(environ=environ)))
    assert found == [None, "dockercfg", "xdg", "run", "docker", "variable", "named"]


def test_given_files_are_all_that_counts(tmp_path: Path) -> None:
    """--registry-config is searched in order, and nothing else is, as in oras."""
    environ = {"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(put(tmp_path / "named.json", "named"))}
    first, second = tmp_path / "a b.json", put(tmp_path / "second.json", "second")
    assert user(stored_credentials([first], environ=environ)) is None
    assert user(stored_credentials([first, second], environ=environ)) == "second"
    put(first, "first")
    source = stored_credentials([first, second], environ=environ)
    assert user(source) == "first"
    credential = source.lookup("r.io", "x")
    assert credential is not None
    assert credential.login_option == f"--registry-config '{first}'"


def test_registry_auth_file_replaces_the_files_of_containers_tools(tmp_path: Path) -> None:
    """As in those tools; Docker's file is still read (CRED-11)."""
    environ = {
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": str(tmp_path),
        "REGISTRY_AUTH_FILE": str(tmp_path / "none.json"),
    }
    put(tmp_path / "containers/auth.json", "run")
    assert user(stored_credentials(environ=environ)) is None
    put(tmp_path / ".docker/config.json", "docker")
    assert user(stored_credentials(environ=environ)) == "docker"


def test_where_dockers_file_is() -> None:
    """`DOCKER_CONFIG` names the directory, else it is `~/.docker` (CRED-01)."""
    assert docker_config_path({"HOME": "/h"}) == Path("/h/.docker/config.json")
    assert docker_config_path({"HOME": "/h", "DOCKER_CONFIG": "/etc/d"}) == Path("/etc/d/config.json")
    assert docker_config_path({"HOME": "/h", "DOCKER_CONFIG": ""}) == Path("/h/.docker/config.json")


@pytest.mark.parametrize(
    ("platform", "environ", "paths"),
    [
        (
            "linux",
            {"XDG_RUNTIME_DIR": "/run/user/7"},
            ["/run/user/7/containers/auth.json", "/h/.config/containers/auth.json"],
        ),
        ("linux", {}, ["/run/containers/7/auth.json", "/h/.config/containers/auth.json"]),
        ("linux", {"XDG_CONFIG_HOME": "/c"}, ["/run/containers/7/auth.json", "/c/containers/auth.json"]),
        ("darwin", {"XDG_RUNTIME_DIR": "/run"}, ["/h/.config/containers/auth.json"]),
        ("darwin", {"XDG_CONFIG_HOME": "/c"}, ["/h/.config/containers/auth.json", "/c/containers/auth.json"]),
    ],
)
def test_where_the_files_of_containers_tools_are(
    monkeypatch: pytest.MonkeyPatch, platform: str, environ: dict[str, str], paths: list[str]
) -> None:
    """The run-time directory on Linux, then the configuration directory (CRED-09)."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "getuid", lambda: 7)
    found = containers_auth_paths({"HOME": "/h", **environ})
    assert found == [Path(path) for path in paths]


def test_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some containers have none: there is less to search, and no place for a login unless one is named."""
    monkeypatch.setattr(credential_lookup, "home_directory", lambda environ: None)
    assert all("containers" in file.place for file in places(environ={}))
    with pytest.raises(CredentialError) as raised:
        login_file(environ={})
    assert raised.value.hint is not None
    assert "--registry-config" in raised.value.hint
    assert login_file(environ={"DOCKER_CONFIG": "/d"}) == Path("/d/config.json")


def test_home_from_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HOME the account's directory counts, if there is an account."""
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "home", lambda: Path("/account"))
    assert credential_lookup.home_directory({}) == Path("/account")

    def unknown() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", unknown)
    assert credential_lookup.home_directory({}) is None


def test_where_a_login_goes() -> None:
    """The first given file, else REGISTRY_AUTH_FILE, else Docker's file: whatever is searched first."""
    environ = {"HOME": "/h"}
    assert login_file(environ=environ) == Path("/h/.docker/config.json")
    environ["REGISTRY_AUTH_FILE"] = "/named.json"
    assert login_file(environ=environ) == Path("/named.json")
    assert login_file([Path("a"), Path("b")], environ=environ) == Path("a")


def test_where_else_a_login_is(tmp_path: Path) -> None:
    """Places before the one that was asked about win over it, those after it remain; broken files don't count."""
    environ = {
        "HOME": str(tmp_path),
        "DOCKER_AUTH_CONFIG": '{"auths": {"r.io": {"auth": "dTpw"}}}',
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }
    docker = put(tmp_path / ".docker/config.json", "docker")
    podman = put(tmp_path / "run/containers/auth.json", "podman")
    (tmp_path / ".dockercfg").write_text("broken")
    others = also_known("r.io", docker, environ=environ)
    assert others.before == ("DOCKER_AUTH_CONFIG",)
    if sys.platform == "linux":
        assert others.after == (str(podman),)
    assert also_known("other.io", docker, environ=environ) == credential_lookup.Others((), ())
