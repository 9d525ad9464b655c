"""cp, backup and restore with the installed program, between real registries, archives and layouts, and with oras."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ocictl.ops.backup import copy_tags, find_tags
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from tests.support.environment import wait_for
from tests.support.graphs import Repository, put_repository
from tests.support.peers import Peer
from tests.support.program import Ocictl, ocictl_command, peak_memory
from tests.support.registry import Fault, Quirks, Registry
from tests.support.servers import RealRegistry
from tests.support.trees import MIB, write_random

LAYOUT = ("--oci-layout",)


@pytest.fixture
def found(tmp_path: Path) -> Repository:
    """The repository of `put_repository` in the layout `repo`."""
    memory = MemoryStore()
    found = put_repository(memory)
    layout = Layout(tmp_path / "repo", create=True)
    copy_tags(memory, layout, find_tags(memory), referrers=True, concurrency=1)
    return found


def graph(run: Ocictl, place: tuple[str, ...], name: str, found: Repository) -> dict[str, Any]:
    """What `discover` shows of every document that something is about, and what each tag points to."""

    def bare(node: dict[str, Any]) -> dict[str, Any]:
        below = sorted((bare(each) for each in node["referrers"]), key=lambda each: str(each["digest"]))
        return {**{key: value for key, value in node.items() if key != "reference"}, "referrers": below}

    subjects = [found.index, *found.platforms.values()]
    trees = {
        str(each.digest): bare(
            run("discover", *place, f"{name}@{each.digest}", "--format", "json", code=0).json
        )
        for each in subjects
    }
    tags = ["index", "plain", f"sha256-{found.index.digest.encoded}.sig"]
    resolved = {tag: run("resolve", *place, f"{name}:{tag}", code=0).stdout.strip() for tag in tags}
    return {"trees": trees, "tags": resolved}


@pytest.mark.real
def test_a_repository_goes_round(
    docker_registry: RealRegistry,
    cue_registry: RealRegistry,
    found: Repository,
    run_ocictl: Ocictl,
    tmp_path: Path,
) -> None:
    """A registry with a referrers API, an archive, one without, a layout: the same graph everywhere.

    An index of three platforms, artifacts, referrers on several levels and a signature under cosign's tag.
    """
    first, second = cue_registry.fresh(), docker_registry.fresh()
    archive, layout = tmp_path / "saved.tar", tmp_path / "saved"
    run_ocictl("restore", "--input", tmp_path / "repo", first, code=0)
    run_ocictl("backup", "-o", archive, "--include-referrers", first, code=0)
    run_ocictl("restore", "--input", archive, second, code=0)
    run_ocictl("backup", "-o", layout, "--include-referrers", second, code=0)
    wanted = graph(run_ocictl, LAYOUT, str(tmp_path / "repo"), found)
    assert len(wanted["trees"][str(found.index.digest)]["referrers"]) == 1
    assert graph(run_ocictl, (), first, found) == wanted
    assert graph(run_ocictl, LAYOUT, str(archive), found) == wanted
    assert graph(run_ocictl, (), second, found) == wanted
    assert graph(run_ocictl, LAYOUT, str(layout), found) == wanted
    blobs = [path.name for path in (layout / "blobs" / "sha256").iterdir()]
    assert sorted(blobs) == sorted(path.name for path in (tmp_path / "repo/blobs/sha256").iterdir())


@pytest.mark.real
def test_cp_between_all_kinds_of_registries(
    real_registry: RealRegistry,
    docker_registry: RealRegistry,
    found: Repository,
    run_ocictl: Ocictl,
    tmp_path: Path,
) -> None:
    """With all referrers, there and back; a second run changes nothing."""
    there, back = real_registry.fresh(), docker_registry.fresh()
    source = str(tmp_path / "repo")
    for tag in ("index", "plain", f"sha256-{found.index.digest.encoded}.sig"):
        run_ocictl("cp", "-r", "--from-oci-layout", f"{source}:{tag}", f"{there}:{tag}", code=0)
        run_ocictl("cp", "-r", f"{there}:{tag}", f"{back}:{tag}", code=0)
    wanted = graph(run_ocictl, LAYOUT, source, found)
    assert graph(run_ocictl, (), there, found) == wanted
    assert graph(run_ocictl, (), back, found) == wanted
    again = run_ocictl("cp", "-r", f"{there}:index", f"{back}:index", code=0)
    assert "Copying" not in again.stdout
    assert graph(run_ocictl, (), back, found) == wanted


@pytest.mark.real
def test_blobs_are_mounted(real_registry: RealRegistry, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Between repositories of one registry nothing is sent, whatever the registry makes of the request."""
    one, other = real_registry.fresh(), real_registry.fresh()
    write_random(tmp_path / "data", MIB)
    run_ocictl("push", f"{one}:v1", "data", cwd=tmp_path, code=0)
    done = run_ocictl("cp", f"{one}:v1", f"{other}:v1", code=0)
    if real_registry.name == "docker":
        assert re.search(r"^Mounted [0-9a-f]{12} data$", done.stdout, re.MULTILINE)
    run_ocictl("pull", f"{other}:v1", "-o", tmp_path / "out", code=0)
    assert (tmp_path / "out" / "data").read_bytes() == (tmp_path / "data").read_bytes()


@pytest.mark.interop
@pytest.mark.parametrize("output", ["saved", "saved.tar"])
def test_oras_restores_our_backup(
    docker_registry: RealRegistry,
    cue_registry: RealRegistry,
    found: Repository,
    oras: Peer,
    run_ocictl: Ocictl,
    tmp_path: Path,
    output: str,
) -> None:
    """A directory and an archive; what it makes of them is what we make of them."""
    first, second = cue_registry.fresh(), docker_registry.fresh()
    run_ocictl("restore", "--input", tmp_path / "repo", first, code=0)
    run_ocictl("backup", "-o", tmp_path / output, "--include-referrers", first, code=0)
    oras.run("restore", "--plain-http", "--input", tmp_path / output, second)
    assert graph(run_ocictl, (), second, found) == graph(run_ocictl, (), first, found)


@pytest.mark.interop
@pytest.mark.parametrize("output", ["saved", "saved.tar"])
def test_we_restore_a_backup_of_oras(
    docker_registry: RealRegistry,
    cue_registry: RealRegistry,
    found: Repository,
    oras: Peer,
    run_ocictl: Ocictl,
    tmp_path: Path,
    output: str,
) -> None:
    """Also one of a registry without a referrers API, where oras saves the lists of referrers too."""
    first, second = docker_registry.fresh(), cue_registry.fresh()
    run_ocictl("restore", "--input", tmp_path / "repo", first, code=0)
    oras.run("backup", "--plain-http", "--include-referrers", "-o", tmp_path / output, first)
    done = run_ocictl("restore", "--input", tmp_path / output, second, code=0)
    assert graph(run_ocictl, (), second, found) == graph(run_ocictl, (), first, found)
    assert not re.search("^(Pushed tag|Found .*) sha256-[0-9a-f]{64}( |,|$)", done.stdout, re.MULTILINE)


@pytest.mark.interop
def test_cp_makes_the_same_copies_as_oras(
    docker_registry: RealRegistry, found: Repository, oras: Peer, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """The same digests, tags and tree for one platform, several, and with referrers."""
    source = str(tmp_path / "repo")
    ours, theirs = docker_registry.fresh(), docker_registry.fresh()
    for tag, options in {
        "all": ["-r"],
        "arm": ["--platform", "linux/arm64", "-r"],
        "two,zwei": ["--platform", "linux/s390x,linux/amd64"],
    }.items():
        command = ["cp", *options, "--from-oci-layout", f"{source}:index"]
        run_ocictl(*command, f"{ours}:{tag}", code=0)
        oras.run(*command, "--to-plain-http", f"{theirs}:{tag}")
    for tag in ("all", "arm", "two", "zwei"):
        shown = [
            json.loads(oras.run("discover", "--plain-http", f"{name}:{tag}", "--format", "json").stdout)
            for name in (ours, theirs)
        ]
        assert shown[0]["digest"] == shown[1]["digest"]
        assert _digests(shown[0]) == _digests(shown[1])


def _digests(node: dict[str, Any]) -> dict[str, Any]:
    return {entry["digest"]: _digests(entry) for entry in node["referrers"]}


@pytest.mark.interop
def test_oras_reads_our_archive_where_we_read_its_own(
    cue_registry: RealRegistry, found: Repository, oras: Peer, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """`cp --from-oci-layout FILE.tar` of both programs."""
    first = cue_registry.fresh()
    run_ocictl("restore", "--input", tmp_path / "repo", first, code=0)
    run_ocictl("backup", "-o", tmp_path / "ours.tar", first, code=0)
    oras.run("backup", "--plain-http", "-o", tmp_path / "theirs.tar", first)
    second = cue_registry.fresh()
    oras.run("cp", "--to-plain-http", "--from-oci-layout", f"{tmp_path}/ours.tar:index", f"{second}:a")
    run_ocictl("cp", "--from-oci-layout", f"{tmp_path}/theirs.tar:index", f"{second}:b", code=0)
    digests = {run_ocictl("resolve", f"{second}:{tag}", code=0).stdout.strip() for tag in "ab"}
    assert digests == {str(found.index.digest)}


@pytest.mark.slow
def test_memory_is_flat(registry: Registry, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """A blob of 200 MiB streams through, to an archive and back."""
    write_random(tmp_path / "data", 200 * MIB)
    run_ocictl("push", "--oci-layout", f"{tmp_path}/lay:v1", "data", cwd=tmp_path, code=0)
    name = f"{registry.host}/app"
    commands = [
        ["restore", "--input", f"{tmp_path}/lay", name],
        ["backup", "-o", f"{tmp_path}/saved.tar", name],
        ["cp", "--from-oci-layout", "--to-oci-layout", f"{tmp_path}/saved.tar:v1", f"{tmp_path}/other:v1"],
    ]
    for command in commands:
        peak = peak_memory([*ocictl_command(), *command], run_ocictl.environment(), tmp_path)
        assert peak < 80, command
    run_ocictl("pull", "--oci-layout", f"{tmp_path}/other:v1", "-o", tmp_path / "out", code=0)
    assert (tmp_path / "out" / "data").read_bytes() == (tmp_path / "data").read_bytes()


@pytest.mark.parametrize("output", ["saved", "saved.tar"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_backup_that_is_stopped_can_be_run_again(
    run_ocictl: Ocictl, tmp_path: Path, output: str, number: signal.Signals
) -> None:
    """Whatever ended it: no archive under its name, and the next run makes a whole backup."""
    with Registry(Quirks(faults=(Fault(method="GET", path="/blobs/", skip=2, stall_after=1),))) as registry:
        registry.put_artifact("app", {"a": b"a" * 1000}, tag="v1")
        registry.put_artifact("app", {"b": b"b" * 1000, "c": b"c" * 1000}, tag="v2")
        command = ["backup", "-o", output, f"{registry.host}/app"]
        process = subprocess.Popen(
            [*ocictl_command(), *command],
            cwd=tmp_path,
            env=run_ocictl.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: len(registry.matching("GET", "/blobs/")) > 2 or None, "third blob")
        process.send_signal(number)
        process.wait(20)
        assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
        assert not (tmp_path / "saved.tar").exists()
        if number != signal.SIGKILL and output.endswith(".tar"):
            assert list(tmp_path.iterdir()) == []
        registry.configure(faults=())
        run_ocictl(*command, cwd=tmp_path, code=0)
        run_ocictl("restore", "--dry-run", "--input", output, f"{registry.host}/app", cwd=tmp_path, code=0)
        shown = run_ocictl("restore", "--input", output, f"{registry.host}/new", cwd=tmp_path, code=0)
        assert "Found 2 tag(s) in the backup: v1, v2" in shown.stdout
        assert registry.repository("new").tags == registry.repository("app").tags
        assert [path.name for path in tmp_path.iterdir()] == [output]
