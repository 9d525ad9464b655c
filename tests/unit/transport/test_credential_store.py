"""Storing and removing logins (CRED-02, CRED-11, FIELD A5)."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ocictl.errors import ConflictError, CredentialError, StorageError
from ocictl.transport.config import Limits
from ocictl.transport.credential_files import CredentialFile
from ocictl.transport.credential_store import LoginStore
from ocictl.transport.credentials import Credential
from tests.support.helpers import HelperFolder

ME = Credential(username="me", password="hunter2")
AUTH = "bWU6aHVudGVyMg=="


def read(path: Path) -> Any:
    """The file's content."""
    return json.loads(path.read_text())


def mode(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file(tmp_path: Path) -> None:
    """File and directory are private, whatever the umask says, and what was stored is found."""
    path = tmp_path / "new" / "config.json"
    before = os.umask(0)
    try:
        stored = LoginStore(path).store("r.io:5000", ME)
    finally:
        os.umask(before)
    assert (stored.path, stored.helper, stored.is_new) == (path, None, True)
    assert (
        path.read_text()
        == f'{{\n\t"auths": {{\n\t\t"r.io:5000": {{\n\t\t\t"auth": "{AUTH}"\n\t\t}}\n\t}}\n}}\n'
    )
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    found = CredentialFile(path).lookup("r.io:5000", "x")
    assert found is not None
    assert (found.username, found.password) == ("me", "hunter2")


def test_everything_else_stays(tmp_path: Path) -> None:
    """Other logins, unknown members, their order, and unknown members of the entry itself (CRED-01)."""
    path = tmp_path / "config.json"
    path.write_text(
        '{"psFormat":"ü","auths":{"z.io":{"auth":"eDp5","x":1},"r.io":{"username":"old","password":"old",'
        '"identitytoken":"old","email":"e"},"a.io":{}},"HttpHeaders":{"X":"y"},"number":12345678901234567890,"f":0.1}'
    )
    stored = LoginStore(path).store("r.io", ME)
    assert stored.is_new is False
    text = path.read_text()
    found = json.loads(text)
    assert list(found) == ["psFormat", "auths", "HttpHeaders", "number", "f"]
    assert list(found["auths"]) == ["z.io", "r.io", "a.io"]
    assert found["auths"]["r.io"] == {"auth": AUTH, "email": "e"}
    assert found["auths"]["z.io"] == {"auth": "eDp5", "x": 1}
    assert '"number": 12345678901234567890' in text
    assert "ü" in text


def test_an_identity_token(tmp_path: Path) -> None:
    """It is stored as the member that Docker and oras read."""
    path = tmp_path / "config.json"
    LoginStore(path).store("r.io", Credential(identity_token="REFRESH"))
    assert read(path) == {"auths": {"r.io": {"identitytoken": "REFRESH"}}}


def test_the_hub(tmp_path: Path) -> None:
    """One key under all its names (CRED-06)."""
    path = tmp_path / "config.json"
    LoginStore(path).store("docker.io", ME)
    assert list(read(path)["auths"]) == ["https://index.docker.io/v1/"]


def test_through_a_symbolic_link(tmp_path: Path) -> None:
    """The link stays; what it points to is replaced, and is private then (FIELD A5)."""
    real = tmp_path / "dotfiles" / "docker.json"
    real.parent.mkdir()
    real.write_text('{"keep": 1}')
    real.chmod(0o644)
    link = tmp_path / "config.json"
    link.symlink_to("dotfiles/docker.json")
    LoginStore(link).store("r.io", ME)
    assert link.is_symlink()
    assert not real.is_symlink()
    assert read(real)["keep"] == 1
    assert mode(real) == 0o600
    assert {entry.name for entry in tmp_path.iterdir()} == {"dotfiles", "config.json"}


def test_through_a_link_to_nothing(tmp_path: Path) -> None:
    """What the link promises is made."""
    link = tmp_path / "config.json"
    link.symlink_to("later/config.json")
    LoginStore(link).store("r.io", ME)
    assert link.is_symlink()
    assert "r.io" in read(tmp_path / "later/config.json")["auths"]


@pytest.mark.parametrize(
    "content",
    ["SECRET", "[]", '{"auths": 7}', '{"credsStore": 7}', '{"n": NaN}', '{"auths": {}'],
)
def test_a_corrupt_file_stays_as_it_is(tmp_path: Path, content: str) -> None:
    """The error names it, shows nothing of it, and nothing is written (FIELD A5)."""
    path = tmp_path / "config.json"
    path.write_text(content)
    store = LoginStore(path)
    for attempt in (lambda: store.store("r.io", ME), lambda: store.erase("r.io")):
        with pytest.raises(CredentialError) as raised:
            attempt()
        assert raised.value.code == "credential-file-invalid"
        assert str(path) in raised.value.message
        assert "SECRET" not in raised.value.message
    assert path.read_text() == content
    assert [entry for entry in tmp_path.iterdir() if entry.suffix not in (".json", ".lock")] == []


def test_what_can_t_be_written_again_is_not_written(tmp_path: Path) -> None:
    """A number that is read as infinite would come out as something else."""
    path = tmp_path / "config.json"
    path.write_text('{"n": 1e999}')
    with pytest.raises(CredentialError, match="a number that can't be written again"):
        LoginStore(path).store("r.io", ME)
    assert path.read_text() == '{"n": 1e999}'


def test_an_empty_file(tmp_path: Path) -> None:
    """As good as none, as for Docker."""
    path = tmp_path / "config.json"
    path.write_text("")
    LoginStore(path).store("r.io", ME)
    assert read(path) == {"auths": {"r.io": {"auth": AUTH}}}


def test_odd_characters_survive(tmp_path: Path) -> None:
    """A lone surrogate can't be written as UTF-8, but as it came."""
    path = tmp_path / "config.json"
    path.write_text('{"odd": "\\ud800", "plain": "ü"}')
    LoginStore(path).store("r.io", ME)
    assert read(path)["odd"] == "\ud800"
    assert read(path)["plain"] == "ü"


def test_something_that_is_no_file(tmp_path: Path) -> None:
    """A pipe is not waited for, a directory not written into."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(StorageError) as raised:
            LoginStore(path).store("r.io", ME)
        assert raised.value.code == "file-unwritable"


def test_a_directory_that_can_t_be_made(tmp_path: Path) -> None:
    """The error is about the directory."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as raised:
        LoginStore(tmp_path / "file" / "config.json").store("r.io", ME)
    assert raised.value.code in ("file-unwritable", "file-unreadable", "file-not-found")


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk-full"), (errno.EROFS, "file-unwritable")])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    """Whole or not at all, and nothing is left lying about."""
    path = tmp_path / "config.json"
    path.write_text('{"auths": {}}')

    def fail(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError) as raised:
        LoginStore(path).store("r.io", ME)
    assert raised.value.code == code
    assert path.read_text() == '{"auths": {}}'
    assert {entry.name for entry in tmp_path.iterdir()} <= {"config.json", "config.json.lock"}


def test_the_lock_of_another_process(tmp_path: Path) -> None:
    """It is waited for, not for ever; then nothing is written."""
    path = tmp_path / "config.json"
    limits = Limits(credential_lock_timeout=0.1)
    with FileLock(f"{path}.lock"), pytest.raises(ConflictError) as raised:
        LoginStore(path, limits=limits).store("r.io", ME)
    assert raised.value.code == "credential-file-locked"
    assert not path.exists()
    LoginStore(path, limits=limits).store("r.io", ME)
    assert path.exists()


def test_the_lock_file_is_private(tmp_path: Path) -> None:
    """Nobody else can hold it."""
    path = tmp_path / "config.json"
    LoginStore(path).store("r.io", ME)
    lock = Path(f"{path}.lock")
    assert not lock.exists() or mode(lock) & 0o077 == 0


def test_threads_lose_nothing(
    tmp_path: Path, run_threads: Callable[[Callable[[], object], int], list[object]]
) -> None:
    """Every login of several at once is there in the end."""
    path = tmp_path / "config.json"
    numbers = iter(range(8))
    run_threads(lambda: LoginStore(path).store(f"r{next(numbers)}.io", ME), 8)
    assert set(read(path)["auths"]) == {f"r{number}.io" for number in range(8)}


def test_removal(tmp_path: Path) -> None:
    """Every name that serves the registry goes; what serves a part of it, or others, stays (CRED-05, CRED-10)."""
    path = tmp_path / "config.json"
    auths = {
        "r.io": {"auth": AUTH},
        "https://r.io/v1/": {"auth": AUTH},
        "r.io/team": {"auth": AUTH},
        "other.io": {"auth": AUTH},
    }
    path.write_text(json.dumps({"auths": auths, "x": 1}))
    erased = LoginStore(path).erase("r.io")
    assert (erased.found, erased.helper, erased.path) == (True, None, path)
    assert read(path) == {"auths": {"r.io/team": {"auth": AUTH}, "other.io": {"auth": AUTH}}, "x": 1}
    assert LoginStore(path).erase("r.io").found is False


def test_removal_of_the_hub(tmp_path: Path) -> None:
    """Under all its names."""
    path = tmp_path / "config.json"
    path.write_text(
        json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": AUTH}, "docker.io": {"auth": AUTH}}})
    )
    assert LoginStore(path).erase("docker.io").found is True
    assert read(path) == {"auths": {}}


def test_nothing_to_remove(tmp_path: Path) -> None:
    """No file comes into being, and none is written anew."""
    path = tmp_path / "none" / "config.json"
    assert LoginStore(path).erase("r.io").found is False
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "config.json"
    path.write_text('{"auths": {"r.io": {}}, "credHelpers": {"r.io": ""}}')
    assert LoginStore(path).erase("r.io").found is False
    assert read(path)["auths"] == {}


@pytest.fixture
def helpers(tmp_path: Path) -> HelperFolder:
    """A folder with a helper `vault` that really keeps logins."""
    folder = HelperFolder(tmp_path / "bin")
    folder.keeps("vault")
    return folder


@pytest.mark.parametrize("content", [{"credsStore": "vault"}, {"credHelpers": {"r.io": "vault"}}])
def test_a_helper_keeps_the_login(tmp_path: Path, helpers: HelperFolder, content: dict[str, Any]) -> None:
    """The secret goes to the program, and the file stays byte for byte as it was (CRED-02)."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    before = path.read_bytes()
    store = LoginStore(path, environ=helpers.environ)
    stored = store.store("r.io", ME)
    assert (stored.helper, stored.is_new) == ("docker-credential-vault", False)
    assert helpers.log("vault")[:2] == ["store", '{"ServerURL":"r.io","Username":"me","Secret":"hunter2"}']
    assert path.read_bytes() == before
    found = CredentialFile(path, environ=helpers.environ).lookup("r.io", "x")
    assert found is not None
    assert (found.username, found.password) == ("me", "hunter2")
    erased = store.erase("r.io")
    assert (erased.found, erased.helper) == (True, "docker-credential-vault")
    assert CredentialFile(path, environ=helpers.environ).lookup("r.io", "x") is None
    assert store.erase("r.io").found is False


def test_a_helper_keeps_an_identity_token(tmp_path: Path, helpers: HelperFolder) -> None:
    """Under the user name `<token>` (CRED-14)."""
    path = tmp_path / "config.json"
    path.write_text('{"credsStore": "vault"}')
    LoginStore(path, environ=helpers.environ).store("docker.io", Credential(identity_token="R"))
    assert helpers.log("vault") == [
        "store",
        '{"ServerURL":"https://index.docker.io/v1/","Username":"<token>","Secret":"R"}',
    ]


def test_an_old_secret_does_not_stay_beside_a_helper(tmp_path: Path, helpers: HelperFolder) -> None:
    """What the file held in plain text becomes the marker that Docker writes (CRED-04)."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"auths": {"r.io": {"auth": AUTH}}, "credsStore": "vault"}))
    LoginStore(path, environ=helpers.environ).store("r.io", ME)
    assert read(path) == {"auths": {"r.io": {}}, "credsStore": "vault"}
    LoginStore(path, environ=helpers.environ).erase("r.io")
    assert read(path) == {"auths": {}, "credsStore": "vault"}


def test_an_empty_helper_means_the_file(tmp_path: Path) -> None:
    """`credHelpers` can take one registry out of the store (CRED-02)."""
    path = tmp_path / "config.json"
    path.write_text('{"credsStore": "gone", "credHelpers": {"r.io": ""}}')
    assert LoginStore(path, environ={"PATH": "/nowhere"}).store("r.io", ME).helper is None
    assert read(path)["auths"]["r.io"] == {"auth": AUTH}


@pytest.mark.parametrize(
    "script", [None, "echo locked\nexit 1\n", "exec sleep 300\n"], ids=["missing", "failing", "hanging"]
)
def test_a_helper_that_fails_stores_nothing(tmp_path: Path, script: str | None) -> None:
    """In particular not in plain text; the error says which program it was."""
    path = tmp_path / "config.json"
    path.write_text('{"credsStore": "bad"}')
    folder = HelperFolder(tmp_path / "bin")
    if script is not None:
        folder.script("bad", script)
    store = LoginStore(path, environ=folder.environ, limits=Limits(helper_timeout=0.5))
    for attempt in (lambda: store.store("r.io", ME), lambda: store.erase("r.io")):
        with pytest.raises(CredentialError, match="'docker-credential-bad'") as raised:
            attempt()
        assert raised.value.code == "credential-helper-failed"
    assert path.read_text() == '{"credsStore": "bad"}'


def test_trouble_is_found_before_it_matters(tmp_path: Path) -> None:
    """`check` reads the file, and needs none."""
    LoginStore(tmp_path / "none.json").check("r.io")
    path = tmp_path / "config.json"
    path.write_text("broken")
    with pytest.raises(CredentialError):
        LoginStore(path).check("r.io")
    path.write_text('{"credsStore": "../x"}')
    with pytest.raises(CredentialError, match="can't be a program's"):
        LoginStore(path).check("r.io")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays_the_owner(tmp_path: Path) -> None:
    """`sudo ocictl login` does not take a user's file away."""
    path = tmp_path / "config.json"
    path.write_text("{}")
    os.chown(path, 12345, 54321)
    LoginStore(path).store("r.io", ME)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)
