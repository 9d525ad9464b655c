"""The test kit's own promises: a clean environment, loopback only, honest skipping, real servers, peers."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.support.environment import clean_environment, wait_for
from tests.support.peers import Peer
from tests.support.program import Ocictl, peak_memory
from tests.support.raw_client import Answer
from tests.support.registry import DISTRIBUTION_2_8, GGCR, INDEX, Quirks, Registry, digest_of
from tests.support.require import require
from tests.support.servers import RealRegistry


def test_no_other_machine_can_be_reached() -> None:
    """A connection to an address outside fails the test, and no name is looked up."""
    with socket.socket() as outside:
        with pytest.raises(pytest.fail.Exception, match="only loopback"):
            outside.connect(("192.0.2.1", 80))
    with pytest.raises(socket.gaierror):
        socket.create_connection(("registry.example", 443))


def test_the_users_settings_are_hidden(clean_environment: Path) -> None:
    """HOME is an empty directory, and no proxy or credential variable is set."""
    assert Path.home() == clean_environment
    assert list(clean_environment.iterdir()) == []
    seen = {name for name in os.environ if name.upper().endswith("_PROXY") or name == "DOCKER_CONFIG"}
    assert seen == set()


def test_require_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OCICTL_REQUIRE names fails; everything else is skipped with its reason."""
    monkeypatch.setenv("OCICTL_REQUIRE", "real, shared")
    with pytest.raises(pytest.fail.Exception, match="no server"):
        require("real", "no server")
    with pytest.raises(pytest.skip.Exception, match="no peer"):
        require("interop", "no peer")


def test_waiting_has_an_end() -> None:
    """`wait_for` returns what it waited for, and gives up."""
    answers = iter([None, None, "there"])
    assert wait_for(lambda: next(answers), "answer") == "there"
    with pytest.raises(TimeoutError, match="no answer within"):
        wait_for(lambda: None, "answer", seconds=0.1)


def test_programs_get_a_clean_environment(tmp_path: Path) -> None:
    """Nothing but what a program needs is handed on."""
    made = clean_environment(tmp_path, EXTRA="1")
    assert (made["HOME"], made["EXTRA"]) == (str(tmp_path), "1")
    assert set(made) <= {
        "PATH",
        "TMPDIR",
        "SYSTEMROOT",
        "LD_LIBRARY_PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "TZ",
        "XDG_RUNTIME_DIR",
        "EXTRA",
    }


def test_installed_program_runs(run_ocictl: Ocictl) -> None:
    """The console script is there and runs without a warning."""
    finished = run_ocictl("--help", code=0)
    assert "push" in finished.stdout
    assert finished.stderr == ""


def test_memory_of_a_program_is_its_own(run_ocictl: Ocictl, tmp_path: Path) -> None:
    """A program's peak does not hold what the test itself holds, and grows with what it takes."""
    ballast = b"x" * (100 * 1024 * 1024)
    environment = run_ocictl.environment()
    little = peak_memory([sys.executable, "-c", "pass"], environment, tmp_path)
    much = peak_memory([sys.executable, "-c", "b'x' * (60 * 1024 * 1024)"], environment, tmp_path)
    assert little < len(ballast) / (1024 * 1024)
    assert much > little + 50


def _story(oras: Peer, folder: Path, repository: str, plain: str = "--plain-http") -> list[str]:
    """Push, attach, discover and pull with oras; return the artifact types that were discovered."""
    (folder / "a.txt").write_text("hello\n")
    (folder / "b.bin").write_bytes(bytes(range(256)) * 5000)
    reference = f"{repository}:v1"
    oras.run("push", plain, reference, "a.txt", "b.bin", "--artifact-type", "application/x.app", cwd=folder)
    oras.run("attach", plain, reference, "a.txt", "--artifact-type", "application/x.sbom", cwd=folder)
    oras.run("attach", plain, reference, "--artifact-type", "application/x.sig", "-a", "k=v", cwd=folder)
    oras.run("pull", plain, reference, "-o", "out", cwd=folder)
    assert (folder / "out/b.bin").read_bytes() == (folder / "b.bin").read_bytes()
    shown = oras.run("discover", plain, reference, "--format", "json", cwd=folder).stdout
    found = Answer(status=200, headers=None, body=shown.encode()).json["referrers"]  # type: ignore[arg-type]
    return sorted(entry["artifactType"] for entry in found)


@pytest.mark.interop
@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(),
        Quirks(referrers_page_size=1, upload_location="relative"),
        DISTRIBUTION_2_8,
        Quirks(auth="bearer", anonymous_pull=True),
    ],
    ids=["plain", "pages", "distribution", "tokens"],
)
def test_oras_takes_the_simulator_for_a_registry(oras: Peer, quirks: Quirks, tmp_path: Path) -> None:
    """A foreign client works with the simulator, with the referrers API and with the tag."""
    with Registry(quirks) as registry:
        if quirks.auth:
            login = ["login", "--plain-http", registry.host, "-u", "user", "--password-stdin"]
            oras.run(*login, stdin="secret")
        found = _story(oras, tmp_path, f"{registry.host}/team/app")
        assert found == ["application/x.sbom", "application/x.sig"]
        digest = registry.repository("team/app").tags["v1"]
        tag = digest.replace(":", "-")
        assert (tag in registry.repository("team/app").tags) is not quirks.referrers_api
        if not quirks.referrers_api:
            assert registry.manifest("team/app", tag).media_type == INDEX


@pytest.mark.interop
def test_real_registries_work(oras: Peer, real_registry: RealRegistry, tmp_path: Path) -> None:
    """Each real registry takes what oras pushes; go-containerregistry's gives wrong types, as `GGCR` does."""
    found = _story(oras, tmp_path, real_registry.fresh())
    empty = "application/vnd.oci.empty.v1+json"
    wanted = ["application/x.sbom", "application/x.sig"]
    assert found == ([empty, empty] if real_registry.name == "ggcr" else wanted)


@pytest.mark.interop
def test_ggcr_profile_is_like_the_real_one(oras: Peer, tmp_path: Path) -> None:
    """The simulator's GGCR profile makes oras see what it sees at the real server."""
    with Registry(GGCR) as registry:
        found = _story(oras, tmp_path, f"{registry.host}/team/app")
        assert set(found) == {"application/vnd.oci.empty.v1+json"}
        assert digest_of(b"{}") in registry.repository("team/app").blobs


@pytest.mark.interop
def test_regctl_and_crane_run(regctl: Peer, crane: Peer, oras: Peer, tmp_path: Path) -> None:
    """The other peers read the simulator, too."""
    with Registry() as registry:
        _story(oras, tmp_path, f"{registry.host}/team/app")
        plain = ["--host", f"reg={registry.host},tls=disabled"]
        assert regctl.run(*plain, "tag", "ls", f"{registry.host}/team/app").stdout.split() == ["v1"]
        digest = crane.run("digest", "--insecure", f"{registry.host}/team/app:v1").stdout.strip()
        assert digest == registry.repository("team/app").tags["v1"]
