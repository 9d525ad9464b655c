"""Looking up credentials (section CRED)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import CredentialError
from ocictl.transport.credentials import (
    Anonymous,
    Credential,
    DockerConfig,
    Explicit,
    FirstOf,
    decode_auth,
    docker_config_path,
)
from tests.support.shared import spec_rows


def lookups() -> list[Any]:
    """Each lookup of the table that `auths` alone answers."""
    return [
        pytest.param(entry["content"], lookup, id=f"{entry['name']}: {lookup['repository']}")
        for entry in spec_rows("credentials.json", "files")
        if entry is not None
        for lookup in entry["lookups"]
        if not (lookup["expect"] or {}).get("helper")
    ]


@pytest.mark.parametrize(("content", "lookup"), lookups())
def test_rows(tmp_path: Path, content: dict[str, Any], lookup: dict[str, Any]) -> None:
    """Exact keys, legacy URLs, Hub's names, namespaces and broken entries (CRED-03 to CRED-07, CRED-10)."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    registry, _slash, repository = lookup["repository"].partition("/")
    found = DockerConfig(path).lookup(registry, repository)
    expected = lookup["expect"]
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.username, found.password) == (expected.get("username", ""), expected.get("password", ""))
    assert found.identity_token == expected.get("identitytoken", "")
    assert found.registry_token == expected.get("registrytoken", "")
    assert found.source == str(path)


def test_a_broken_entry_is_named_but_not_shown(tmp_path: Path) -> None:
    """The warning names key and file, never the value (CRED-07)."""
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps({"auths": {"r.example": {"auth": "@@SECRET@@"}, "s.example": 7}}), encoding="utf-8"
    )
    warnings: list[str] = []
    config = DockerConfig(path, warn=warnings.append)
    assert config.lookup("r.example", "a") is None
    assert config.lookup("s.example", "a") is None
    assert len(warnings) == 2
    assert "r.example" in warnings[0]
    assert "SECRET" not in "".join(warnings)


@pytest.mark.parametrize("content", ["SECRET!", "[]", '{"auths": ["SECRET!"]}', '{"auths":' * 3000, "\ud800"])
def test_a_broken_file(tmp_path: Path, content: str) -> None:
    """A file that can't be understood is an error that names it and shows nothing of it."""
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(CredentialError) as raised:
        DockerConfig(path).lookup("r.example", "a")
    assert raised.value.code == "credential-file-invalid"
    assert str(path) in raised.value.message
    assert "SECRET!" not in repr((raised.value.message, raised.value.details, raised.value.__cause__))


def test_an_unreadable_file(tmp_path: Path) -> None:
    """A directory in its place is an error, too."""
    with pytest.raises(CredentialError) as raised:
        DockerConfig(tmp_path).lookup("r.example", "a")
    assert raised.value.code == "credential-file-invalid"


@pytest.mark.parametrize(
    "content", [None, "{}", '{"auths": null}', '{"auths": {}}', '{"credsStore": "desktop"}']
)
def test_nothing_known(tmp_path: Path, content: str | None) -> None:
    """No file, or none with entries, is no error."""
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert DockerConfig(path).lookup("r.example", "a") is None


def test_where_dockers_file_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`DOCKER_CONFIG` names the directory, else it is `~/.docker` (CRED-01)."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert docker_config_path() == tmp_path / ".docker" / "config.json"
    monkeypatch.setenv("DOCKER_CONFIG", "/etc/d")
    assert docker_config_path() == Path("/etc/d/config.json")


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("u:p", ("u", "p")),
        ("u:p:q", ("u", "p:q")),
        ("u:", ("u", "")),
        (":p", ("", "p")),
        ("ü:ß", ("ü", "ß")),
        ("u:p\0\0", ("u", "p")),
        (":", None),
        ("nocolon", None),
    ],
)
def test_decode_auth(text: str, pair: tuple[str, str] | None) -> None:
    """`auth` is base64 of user and password, split at the first colon (CRED-03)."""
    assert decode_auth(base64.b64encode(text.encode()).decode()) == pair


def test_given_credentials() -> None:
    """A user name with its secret is for Basic, a secret alone is an identity token, nothing is nothing."""
    assert Explicit("u", "p").lookup("r", "") == Credential(username="u", password="p")
    assert Explicit(None, "t").lookup("r", "") == Credential(identity_token="t")
    assert Explicit().lookup("r", "") is None
    assert Anonymous().lookup("r", "") is None


def test_first_of_several() -> None:
    """The first source that knows something wins."""
    source = FirstOf(Explicit(), Explicit("a", "1"), Explicit("b", "2"))
    assert source.lookup("r", "") == Credential(username="a", password="1")
    assert FirstOf().lookup("r", "") is None


def test_repr_hides_secrets() -> None:
    """A credential in a traceback or log is not readable (AUTH-25)."""
    shown = repr(Credential(username="u", password="S1", identity_token="S2", registry_token="S3"))
    assert "u" in shown
    assert not any(secret in shown for secret in ("S1", "S2", "S3"))
