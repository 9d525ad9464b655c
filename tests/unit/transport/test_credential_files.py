"""Credential files as they are read (CRED-01 to CRED-10)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import CredentialError
from ocictl.transport.credential_files import CredentialFile
from ocictl.transport.credential_keys import candidates, decode_auth, encode_auth, server_name
from tests.support.helpers import HelperFolder
from tests.support.shared import spec_rows


def lookups() -> list[Any]:
    """Each lookup of the table."""
    return [
        pytest.param(entry["content"], lookup, id=f"{entry['name']}: {lookup['repository']}")
        for entry in spec_rows("credentials.json", "files")
        if entry is not None
        for lookup in entry["lookups"]
    ]


def written(folder: Path, content: Any) -> Path:
    """A credential file with this content."""
    path = folder / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(("content", "lookup"), lookups())
def test_rows(tmp_path: Path, content: dict[str, Any], lookup: dict[str, Any]) -> None:
    """Exact keys, legacy URLs, Hub's names, namespaces, broken entries, helpers (CRED-02 to CRED-07, CRED-10)."""
    path = written(tmp_path, content)
    helpers = HelperFolder(tmp_path / "bin")
    for suffix in ("desktop", "ecr-login", "gcloud"):
        helpers.answers(suffix, f"of-{suffix}", "kept")
    registry, _slash, repository = lookup["repository"].partition("/")
    found = CredentialFile(path, environ=helpers.environ).lookup(registry, repository)
    expected = lookup["expect"]
    asked = [suffix for suffix in ("desktop", "ecr-login", "gcloud") if helpers.log(suffix)]
    if expected is None:
        assert (found, asked) == (None, [])
        return
    assert found is not None
    suffix = expected.get("helper")
    if suffix:
        assert (asked, helpers.log(suffix)) == ([suffix], ["get", expected["server"]])
        assert (found.username, found.password) == (f"of-{suffix}", "kept")
        assert (found.source, found.key) == (f"docker-credential-{suffix}", expected["server"])
        return
    assert asked == []
    assert (found.username, found.password) == (expected.get("username", ""), expected.get("password", ""))
    assert found.identity_token == expected.get("identitytoken", "")
    assert found.registry_token == expected.get("registrytoken", "")
    assert found.source == str(path)
    assert found.key in content["auths"]


def test_identity_token_of_a_helper(tmp_path: Path) -> None:
    """The user name `<token>` marks one (CRED-14)."""
    helpers = HelperFolder(tmp_path / "bin")
    helpers.answers("h", "<token>", "REFRESH")
    found = CredentialFile(written(tmp_path, {"credsStore": "h"}), environ=helpers.environ).lookup(
        "r.io", "x"
    )
    assert found is not None
    assert (found.username, found.password, found.identity_token) == ("", "", "REFRESH")


@pytest.mark.parametrize("key", ["docker.io", "index.docker.io", "https://index.docker.io/v1/"])
def test_a_helper_for_the_hub(tmp_path: Path, key: str) -> None:
    """Whatever the member calls it, the program is asked by the one name (CRED-06)."""
    helpers = HelperFolder(tmp_path / "bin")
    helpers.answers("h", "u", "p")
    file = CredentialFile(written(tmp_path, {"credHelpers": {key: "h"}}), environ=helpers.environ)
    assert file.lookup("docker.io", "library/x") is not None
    assert helpers.log("h") == ["get", "https://index.docker.io/v1/"]


@pytest.mark.parametrize("content", [{"credsStore": "gone"}, {"credHelpers": {"r.io": "gone"}}])
def test_a_helper_that_is_gone(tmp_path: Path, content: dict[str, Any]) -> None:
    """The error names the program, the member and the file."""
    path = written(tmp_path, content)
    with pytest.raises(CredentialError) as raised:
        CredentialFile(path, environ={"PATH": "/nowhere"}).lookup("r.io", "x")
    assert raised.value.code == "credential-helper-failed"
    assert "'docker-credential-gone'" in raised.value.message
    assert raised.value.hint is not None
    assert f"'{next(iter(content))}' in '{path}'" in raised.value.hint


def test_a_broken_entry_is_named_but_not_shown(tmp_path: Path) -> None:
    """The warning names key and file, once, and never the value (CRED-07)."""
    path = written(tmp_path, {"auths": {"r.example": {"auth": "@@SECRET@@"}, "s.example": 7}})
    warnings: list[str] = []
    config = CredentialFile(path, warn=warnings.append)
    for _ in range(2):
        assert config.lookup("r.example", "a") is None
        assert config.lookup("s.example", "a") is None
    assert len(warnings) == 2
    assert "'r.example'" in warnings[0]
    assert str(path) in warnings[0]
    assert "SECRET" not in "".join(warnings)


@pytest.mark.parametrize(
    "content",
    [
        "SECRET!",
        "[]",
        '"SECRET!"',
        '{"auths": ["SECRET!"]}',
        '{"credHelpers": "SECRET!"}',
        '{"credHelpers": {"r.example": ["SECRET!"]}}',
        '{"credsStore": ["SECRET!"]}',
        '{"auths":' * 3000,
        '{"a": NaN}',
        "\ud800",
    ],
)
def test_a_broken_file(tmp_path: Path, content: str) -> None:
    """A file that can't be understood is an error that names it and shows nothing of it (FIELD A5)."""
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(CredentialError) as raised:
        CredentialFile(path).lookup("r.example", "a")
    assert raised.value.code == "credential-file-invalid"
    assert str(path) in raised.value.message
    assert "SECRET!" not in repr((raised.value.message, raised.value.details, raised.value.__cause__))


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory in its place is an error, too; so is a file that may not be read, if anybody named it."""
    with pytest.raises(CredentialError) as raised:
        CredentialFile(tmp_path).lookup("r.example", "a")
    assert raised.value.code == "credential-file-invalid"

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, {"auths": {"r.io": {"auth": "dTpw"}}})
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CredentialError, match="Permission denied"):
        CredentialFile(path).lookup("r.io", "a")
    assert CredentialFile(path, optional=True).lookup("r.io", "a") is None


@pytest.mark.parametrize(
    "content", [None, "", " \n", "{}", '{"auths": null}', '{"auths": {}}', '{"credsStore": ""}']
)
def test_nothing_known(tmp_path: Path, content: str | None) -> None:
    """No file, an empty one, or none with entries, is no error."""
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert CredentialFile(path).lookup("r.example", "a") is None


@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o640, 0), (0o644, 1)])
def test_a_file_that_everybody_can_read(tmp_path: Path, mode: int, told: int) -> None:
    """It is used, with a warning, once; files without the login in question are nobody's business (FIELD A5)."""
    path = written(tmp_path, {"auths": {"r.io": {"auth": "dTpw"}}})
    path.chmod(mode)
    warnings: list[str] = []
    file = CredentialFile(path, warn=warnings.append)
    assert file.lookup("other.io", "x") is None
    assert warnings == []
    for _ in range(2):
        assert file.lookup("r.io", "x") is not None
    assert len(warnings) == told
    assert all(str(path) in text and "chmod 600" in text for text in warnings)


def test_bare_form() -> None:
    """`.dockercfg` is the `auths` map alone (CRED-09)."""
    file = CredentialFile("old", text='{"https://r.io/v1/": {"auth": "dTpw", "email": "e"}}', form="bare")
    found = file.lookup("r.io", "x")
    assert found is not None
    assert (found.username, found.password, found.source) == ("u", "p", "old")


def test_the_variable_is_strict() -> None:
    """`DOCKER_AUTH_CONFIG` may hold `auths` with `auth`, and nothing else (CRED-08)."""
    good = '{"auths": {"r.io": {"auth": "dTpw"}}}'
    file = CredentialFile("DOCKER_AUTH_CONFIG", text=good, form="environment")
    found = file.lookup("r.io", "x")
    assert found is not None
    assert (found.username, found.source) == ("u", "DOCKER_AUTH_CONFIG")
    for bad in (
        '{"auths": {}, "credsStore": "x"}',
        '{"auths": {"r.io": {"identitytoken": "SECRET"}}}',
        "SECRET",
    ):
        with pytest.raises(CredentialError) as raised:
            CredentialFile("DOCKER_AUTH_CONFIG", text=bad, form="environment").lookup("r.io", "x")
        assert raised.value.message.startswith("the environment variable 'DOCKER_AUTH_CONFIG' ")
        assert "SECRET" not in repr((raised.value.message, raised.value.hint, raised.value.details))


def test_whether_there_is_an_entry(tmp_path: Path) -> None:
    """No helper is asked for that; markers and narrower keys don't count."""
    auths = {"r.io": {}, "https://s.io/v1/": {"auth": "dTpw"}, "t.io/team": {"auth": "dTpw"}}
    file = CredentialFile(written(tmp_path, {"auths": auths, "credsStore": "gone"}))
    assert file.entry_for("r.io") is None
    assert file.entry_for("s.io") == "https://s.io/v1/"
    assert file.entry_for("t.io") is None


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
    if pair is not None and "\0" not in text:
        assert decode_auth(encode_auth(*pair)) == pair


def test_names() -> None:
    """Docker Hub has one name towards files and helpers; hosts are found in any case (CRED-06)."""
    for name in ("docker.io", "index.docker.io", "registry-1.docker.io", "Docker.IO"):
        assert server_name(name) == "https://index.docker.io/v1/"
    assert server_name("r.io:5000") == "r.io:5000"
    assert list(candidates({"r.io": 1, "R.io/x": 2}, "R.io", "x/y")) == ["R.io/x", "r.io"]
