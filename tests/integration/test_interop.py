"""The peers as clients: what they pushed we pull and discover, and the reverse; manifests are equal."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_main_job import Place, attach_all, expected_types, types
from tests.support.peers import Peer
from tests.support.program import Ocictl
from tests.support.servers import RealRegistry
from tests.support.trees import snapshot, write_twenty_files

pytestmark = pytest.mark.interop

TYPE = "application/vnd.example.interop"
CREATED = "org.opencontainers.image.created"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A directory with files of many kinds, and the names to push in `names.json`."""
    source = tmp_path / "source"
    names = write_twenty_files(source, large=1024 * 1024)
    (tmp_path / "names.json").write_text(json.dumps(names))
    return source


def names_of(source: Path) -> list[str]:
    names: list[str] = json.loads((source.parent / "names.json").read_text())
    return [f"{name}:" for name in names]


def plain_http(host: str) -> tuple[str, ...]:
    """The option by which regctl speaks plain HTTP to this host."""
    return ("--host", f"reg={host},tls=disabled")


def test_oras_pushes_and_we_pull(
    real_registry: RealRegistry, oras: Peer, run_ocictl: Ocictl, source: Path, tmp_path: Path
) -> None:
    """Files, a directory, several tags and annotations pushed by oras come back the same through us."""
    path = real_registry.fresh()
    options = ["--plain-http", "--artifact-type", TYPE, "-a", "k=v"]
    oras.run("push", *options, f"{path}:v1,v2", *names_of(source), cwd=source)
    run_ocictl("pull", f"{path}:v2", "-o", tmp_path / "out", code=0)
    assert snapshot(tmp_path / "out") == snapshot(source)
    manifest = run_ocictl("manifest", "fetch", f"{path}:v1", code=0).json
    assert (manifest["artifactType"], manifest["annotations"]["k"]) == (TYPE, "v")


def test_we_push_and_oras_pulls(
    real_registry: RealRegistry, oras: Peer, run_ocictl: Ocictl, source: Path, tmp_path: Path
) -> None:
    """What we push comes back the same through oras."""
    path = real_registry.fresh()
    run_ocictl("push", f"{path}:v1,v2", *names_of(source), cwd=source, code=0)
    oras.run("pull", "--plain-http", f"{path}:v2", "-o", tmp_path / "out")
    assert snapshot(tmp_path / "out") == snapshot(source)


def test_layouts_are_shared(oras: Peer, run_ocictl: Ocictl, source: Path, tmp_path: Path) -> None:
    """A layout written by either tool is read, tagged and attached to by the other."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    run_ocictl("push", "--oci-layout", f"{ours}:v1", *names_of(source), cwd=source, code=0)
    oras.run("pull", "--oci-layout", f"{ours}:v1", "-o", tmp_path / "by-oras")
    oras.run("push", "--oci-layout", f"{theirs}:v1", *names_of(source), cwd=source)
    run_ocictl("pull", "--oci-layout", f"{theirs}:v1", "-o", tmp_path / "by-us", code=0)
    assert snapshot(tmp_path / "by-oras") == snapshot(tmp_path / "by-us") == snapshot(source)
    oras.run("attach", "--oci-layout", f"{ours}:v1", "--artifact-type", "a/b", "-a", "by=oras")
    attach = ["attach", "--oci-layout", f"{theirs}:v1", "--artifact-type", "a/b", "-a", "by=us"]
    run_ocictl(*attach, code=0)
    seen = run_ocictl("discover", "--oci-layout", f"{ours}:v1", "--format", "json", code=0).json
    assert [entry["annotations"]["by"] for entry in seen["referrers"]] == ["oras"]
    shown = oras.run("discover", "--oci-layout", f"{theirs}:v1", "--format", "json")
    assert [entry["annotations"]["by"] for entry in json.loads(shown.stdout)["referrers"]] == ["us"]


def digests(node: dict[str, Any]) -> dict[str, Any]:
    return {entry["digest"]: digests(entry) for entry in node["referrers"]}


def test_both_see_the_same_tree(
    real_registry: RealRegistry, oras: Peer, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """What we attach oras discovers; where the registry lists wrong types, ours are the manifests' own."""
    place = Place(real_registry.name, real_registry.fresh())
    attached = attach_all(place, run_ocictl, tmp_path)
    ours = run_ocictl("discover", place.tag("v1"), "--format", "json", code=0).json
    theirs = json.loads(oras.run("discover", "--plain-http", place.tag("v1"), "--format", "json").stdout)
    assert digests(ours) == digests(theirs)
    assert types(ours) == expected_types(attached)
    if real_registry.name != "ggcr":
        assert types(theirs) == expected_types(attached)


def test_oras_attaches_and_we_discover(
    real_registry: RealRegistry, oras: Peer, run_ocictl: Ocictl, tmp_path: Path
) -> None:
    """Referrers attached by oras, and by us beside them, are all found by both."""
    path = real_registry.fresh()
    (tmp_path / "note").write_text("note")
    run_ocictl("push", f"{path}:v1", "note", cwd=tmp_path, code=0)
    for number in range(3):
        attach = ["attach", f"{path}:v1", "--artifact-type", TYPE, "-a", f"number={number}"]
        oras.run(*attach, "--plain-http", "-a", "by=oras")
        run_ocictl(*attach, "-a", "by=us", code=0)
    ours = run_ocictl("discover", f"{path}:v1", "--format", "json", code=0).json
    theirs = json.loads(oras.run("discover", "--plain-http", f"{path}:v1", "--format", "json").stdout)
    assert len(ours["referrers"]) == 6
    assert digests(ours) == digests(theirs)
    assert {entry["artifactType"] for entry in ours["referrers"]} == {TYPE}


def without_time(document: dict[str, Any]) -> dict[str, Any]:
    """A manifest without the created annotation."""
    annotations = {key: value for key, value in document.get("annotations", {}).items() if key != CREATED}
    return {**document, "annotations": annotations}


MANIFESTS: dict[str, list[str]] = {
    "file": ["readme.txt"],
    "type": ["readme.txt:text/plain", "data.json:application/json"],
    "nothing": ["--artifact-type", TYPE],
    "annotations": ["readme.txt", "-a", "b=<&>", "-a", "a=\u2028", "-a", "=empty key"],
    "annotation file": ["readme.txt", "page.html", "--annotation-file", "notes.json"],
    "config": ["readme.txt", "--config", "data.json"],
    "typed config": ["readme.txt", "--config", "data.json:x/y", "--artifact-type", TYPE],
    "v1.0": ["readme.txt", "--image-spec", "v1.0"],
    "v1.0 type": ["readme.txt", "--image-spec", "v1.0", "--artifact-type", TYPE],
    "v1.0 nothing": ["--image-spec", "v1.0"],
    "platform": ["readme.txt", "--artifact-platform", "linux/arm64/v8"],
    "platform version": [
        "readme.txt",
        "--artifact-platform",
        "windows/amd64:10.0.1",
        "--artifact-type",
        TYPE,
    ],
    "names": ["name with spaces.txt", "täglich-日本語-🎉.txt", "deep/er/file.txt", "empty", "./no-newline"],
    "same content": ["same-a.txt", "same-b.txt"],
    "colon": ["hi:txt:"],
    "given time": ["readme.txt", "-a", f"{CREATED}=2020-01-01T00:00:00Z"],
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests_are_equal(name: str, oras: Peer, run_ocictl: Ocictl, source: Path) -> None:
    """For the same input both tools write the same manifest, byte for byte, but for the created annotation."""
    (source / "hi:txt").write_text("colon")
    (source / "notes.json").write_text(
        json.dumps(
            {"$manifest": {"m": "1"}, "$config": {"c": "2"}, "readme.txt": {"f": "3"}, "x": {"u": "4"}}
        )
    )
    arguments = MANIFESTS[name]
    run_ocictl(
        "push", "--oci-layout", "o:v1", *arguments, "--export-manifest", "ours.json", cwd=source, code=0
    )
    oras.run("push", "--oci-layout", "t:v1", *arguments, "--export-manifest", "theirs.json", cwd=source)
    ours, theirs = (
        json.loads((source / "ours.json").read_bytes()),
        json.loads((source / "theirs.json").read_bytes()),
    )
    assert without_time(ours) == without_time(theirs)
    assert list(without_time(ours)) == list(without_time(theirs))
    created = theirs["annotations"][CREATED]
    if name != "given time":
        arguments = [*arguments, "--created", created]
    stamped = ["push", "--oci-layout", "o:v2", *arguments, "--export-manifest", "stamped.json"]
    run_ocictl(*stamped, cwd=source, code=0)
    assert (source / "stamped.json").read_bytes() == (source / "theirs.json").read_bytes()


def test_archives_are_equal(oras: Peer, run_ocictl: Ocictl, source: Path) -> None:
    """A directory whose times are all SOURCE_DATE_EPOCH gives the same uncompressed archive in both tools."""
    moment = 1_700_000_000
    for folder, directories, files in os.walk(source / "tree", topdown=False):
        for name in [*directories, *files]:
            os.utime(Path(folder) / name, (moment, moment), follow_symlinks=False)
    os.utime(source / "tree", (moment, moment))
    environment = {"SOURCE_DATE_EPOCH": str(moment)}
    push = ["push", "--oci-layout", "o:v1", "tree", "--export-manifest", "ours.json"]
    run_ocictl(*push, cwd=source, env=environment, code=0)
    oras.run("push", "--oci-layout", "t:v1", "tree", "--export-manifest", "theirs.json", cwd=source)
    layers = [json.loads((source / name).read_bytes())["layers"][0] for name in ("ours.json", "theirs.json")]
    assert layers[0]["annotations"] == layers[1]["annotations"]
    assert layers[0]["mediaType"] == layers[1]["mediaType"]


def test_regctl_puts_and_we_pull(
    real_registry: RealRegistry, regctl: Peer, run_ocictl: Ocictl, source: Path, tmp_path: Path
) -> None:
    """Files put by regctl with titles, and a referrer of them, are pulled and discovered by us."""
    path = real_registry.fresh()
    host = plain_http(real_registry.host)
    put = ["artifact", "put", *host, "--artifact-type", TYPE, "--file-title"]
    regctl.run(
        *put,
        "-f",
        "readme.txt",
        "-m",
        "text/plain",
        "-f",
        "data.json",
        "-m",
        "application/json",
        f"{path}:v1",
        cwd=source,
    )
    regctl.run(*put, "--subject", f"{path}:v1", "-f", "page.html", "-m", "text/html", cwd=source)
    run_ocictl("pull", f"{path}:v1", "-o", tmp_path / "out", code=0)
    assert sorted(os.listdir(tmp_path / "out")) == ["data.json", "readme.txt"]
    assert (tmp_path / "out" / "data.json").read_bytes() == (source / "data.json").read_bytes()
    found = run_ocictl("discover", f"{path}:v1", "--format", "json", code=0).json["referrers"]
    assert [entry["artifactType"] for entry in found] == [TYPE]
    run_ocictl("pull", found[0]["reference"], "-o", tmp_path / "page", code=0)
    assert (tmp_path / "page" / "page.html").read_bytes() == (source / "page.html").read_bytes()


def test_regctl_puts_a_directory_and_we_unpack(
    docker_registry: RealRegistry, regctl: Peer, run_ocictl: Ocictl, source: Path, tmp_path: Path
) -> None:
    """A directory put by regctl (its title ends in a slash) is unpacked; regctl keeps files and their content."""
    path = docker_registry.fresh()
    put = ["artifact", "put", *plain_http(docker_registry.host), "--artifact-type", TYPE, "--file-title"]
    regctl.run(
        *put, "-f", "tree", "-m", "application/vnd.oci.image.layer.v1.tar+gzip", f"{path}:v1", cwd=source
    )
    done = run_ocictl("pull", f"{path}:v1", "-o", tmp_path / "out")
    assert done.code == 0, done.stderr
    assert os.listdir(tmp_path / "out") == ["tree"]
    found = {path.relative_to(tmp_path / "out"): path.read_bytes() for path in files_of(tmp_path / "out")}
    assert found
    assert found == {path.relative_to(source): path.read_bytes() for path in files_of(source / "tree")}


def files_of(top: Path) -> list[Path]:
    return [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_we_push_a_directory_and_regctl_unpacks(
    docker_registry: RealRegistry,
    regctl: Peer,
    run_ocictl: Ocictl,
    source: Path,
    tmp_path: Path,
    compression: str,
) -> None:
    """A directory of ours is unpacked by regctl with each compression; it adds the title to names that have it."""
    path = docker_registry.fresh()
    run_ocictl("push", f"{path}:v1", "tree", "--compression", compression, cwd=source, code=0)
    out = tmp_path / "out"
    out.mkdir()
    regctl.run("artifact", "get", *plain_http(docker_registry.host), f"{path}:v1", "-o", out)
    found = {path.relative_to(out / "tree"): path.read_bytes() for path in files_of(out)}
    assert found == {path.relative_to(source): path.read_bytes() for path in files_of(source / "tree")}


def test_we_push_and_regctl_gets(
    real_registry: RealRegistry, regctl: Peer, run_ocictl: Ocictl, source: Path, tmp_path: Path
) -> None:
    """Files and referrers of ours are found and fetched by regctl."""
    path = real_registry.fresh()
    host = plain_http(real_registry.host)
    run_ocictl("push", f"{path}:v1", "readme.txt", "deep/er/file.txt", cwd=source, code=0)
    attach = ["attach", "-q", f"{path}:v1", "--artifact-type", TYPE, "data.json"]
    attached = run_ocictl(*attach, cwd=source, code=0).stdout.strip()
    out = tmp_path / "out"
    out.mkdir()
    regctl.run("artifact", "get", *host, f"{path}:v1", "-o", out)
    assert (out / "readme.txt").read_bytes() == (source / "readme.txt").read_bytes()
    listed = regctl.run("artifact", "list", *host, f"{path}:v1", "--format", "{{json .Descriptors}}").stdout
    assert [entry["digest"] for entry in json.loads(listed)] == [attached]


def test_crane_agrees_on_digests(
    real_registry: RealRegistry, crane: Peer, run_ocictl: Ocictl, source: Path
) -> None:
    """crane sees the digest and the exact manifest that we pushed."""
    path = real_registry.fresh()
    push = ["push", "-q", f"{path}:v1", "readme.txt", "--export-manifest", "m.json"]
    digest = run_ocictl(*push, cwd=source, code=0).stdout
    assert crane.run("digest", "--insecure", f"{path}:v1").stdout == digest
    assert crane.run("manifest", "--insecure", f"{path}:v1").stdout.strip() == (source / "m.json").read_text()
