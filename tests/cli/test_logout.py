"""The command `logout`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.cli import ocictl
from tests.support.helpers import HelperFolder

ENTRY = {"auth": "bWU6aHVudGVyMg=="}


@pytest.fixture
def config(clean_environment: Path) -> Path:
    """Docker's file, with three logins."""
    path = clean_environment / ".docker" / "config.json"
    path.parent.mkdir()
    logins = ("r.io:5000", "https://index.docker.io/v1/", "other.io")
    path.write_text(json.dumps({"x": 1, "auths": dict.fromkeys(logins, ENTRY)}))
    return path


def keys(path: Path) -> list[str]:
    """The names of the entries."""
    return list(json.loads(path.read_text())["auths"])


@pytest.mark.parametrize("name", ["r.io:5000", "https://r.io:5000/v2/"])
def test_logout(config: Path, name: str) -> None:
    """Nothing is printed, as by oras; everything else in the file stays."""
    outcome = ocictl("logout", name)
    assert (outcome.stdout, outcome.stderr) == ("", "")
    assert keys(config) == ["https://index.docker.io/v1/", "other.io"]
    assert json.loads(config.read_text())["x"] == 1


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "https://index.docker.io/v1/"])
def test_logout_from_the_hub(config: Path, name: str) -> None:
    """Under any of its names."""
    assert ocictl("logout", name, "--format", "json").json["registry"] == "docker.io"
    assert keys(config) == ["r.io:5000", "other.io"]


def test_nothing_there(config: Path) -> None:
    """It is told, and not an error, as for oras; the file is not touched."""
    before = config.read_bytes()
    outcome = ocictl("logout", "nobody.io")
    assert outcome.stdout == ""
    assert outcome.stderr == f"notice: '{config}' holds no login for 'nobody.io', so nothing was removed\n"
    record = ocictl("logout", "nobody.io", "--format", "json")
    assert record.json == {"registry": "nobody.io", "removed": False, "file": str(config)}
    assert "notice" in json.loads(record.stderr)
    assert config.read_bytes() == before
    none = ocictl("logout", "r.io", "--registry-config", "none.json")
    assert "'none.json' holds no login for 'r.io'" in none.stderr
    assert not Path("none.json").exists()


def test_what_stays_elsewhere_is_told(config: Path, clean_environment: Path) -> None:
    """Who logs out of one file may still be logged in by another."""
    old = clean_environment / ".dockercfg"
    old.write_text(json.dumps({"r.io:5000": ENTRY}))
    podman = clean_environment / "run" / "containers" / "auth.json"
    podman.parent.mkdir(parents=True)
    podman.write_text(json.dumps({"auths": {"r.io:5000": ENTRY}}))
    outcome = ocictl("logout", "r.io:5000")
    expected = [podman, old] if sys.platform == "linux" else [old]
    assert outcome.stderr.splitlines() == [
        f"warning: '{place}' holds another login for 'r.io:5000', which stays" for place in expected
    ]


def test_registry_config(config: Path, work: Path) -> None:
    """The first file is the one that changes."""
    for name in ("a.json", "b.json"):
        Path(name).write_text(json.dumps({"auths": {"r.io:5000": ENTRY}}))
    outcome = ocictl("logout", "r.io:5000", "--registry-config", "a.json", "--registry-config", "b.json")
    assert (keys(Path("a.json")), keys(Path("b.json"))) == ([], ["r.io:5000"])
    assert outcome.stderr.startswith("warning: 'b.json' holds another login")
    assert "r.io:5000" in keys(config)


@pytest.mark.parametrize("content", ["hunter2", '{"auths": []}'])
def test_a_corrupt_file(config: Path, content: str) -> None:
    """Number 4, and it stays as it is."""
    config.write_text(content)
    outcome = ocictl("logout", "r.io", "--debug", code=4)
    assert f"error: the credential file '{config}'" in outcome.stderr
    assert "hunter2" not in outcome.stderr
    assert config.read_text() == content


def test_a_helper_that_fails(config: Path, work: Path) -> None:
    """Number 4, with what the program said; the marker in the file stays, too."""
    helpers = HelperFolder(work / "bin")
    helpers.says("vault", "the vault is locked\n", status=1)
    config.write_text(json.dumps({"auths": {"r.io": {}}, "credsStore": "vault"}))
    outcome = ocictl("logout", "r.io", env={"PATH": helpers.search_path}, code=4)
    assert (
        "'docker-credential-vault' failed to erase with exit status 1: the vault is locked" in outcome.stderr
    )
    assert keys(config) == ["r.io"]


def test_a_repository_is_no_registry(config: Path) -> None:
    """Number 2."""
    assert "it has a path" in ocictl("logout", "r.io:5000/team", code=2).stderr
    assert len(keys(config)) == 3
