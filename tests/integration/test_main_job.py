"""The main job with the installed program, real files and every kind of target."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Ocictl, ocictl_command, peak_memory
from tests.support.registry import Registry
from tests.support.trees import MIB, snapshot, write_random, write_twenty_files

SPDX = "application/spdx+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
SIGNATURE = "application/vnd.example.signature"


@dataclass(frozen=True)
class Place:
    """Where a test pushes to: a repository or a layout."""

    kind: str
    path: str
    options: tuple[str, ...] = ()

    def tag(self, tag: str) -> str:
        return f"{self.path}:{tag}"

    def digest(self, digest: str) -> str:
        return f"{self.path}@{digest}"


@pytest.fixture(
    params=[
        "simulator",
        "layout",
        pytest.param("docker", marks=pytest.mark.real),
        pytest.param("cue", marks=pytest.mark.real),
        pytest.param("ggcr", marks=pytest.mark.real),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Every kind of target in turn."""
    if request.param == "layout":
        return Place("layout", str(tmp_path / "layout"), ("--oci-layout",))
    if request.param == "simulator":
        registry: Registry = request.getfixturevalue("registry")
        return Place("simulator", f"{registry.host}/test/main")
    return Place(request.param, request.getfixturevalue(f"{request.param}_registry").fresh())


@pytest.mark.slow
def test_twenty_files_come_back(place: Place, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Text, binary, empty, 200 MiB, spaces, Unicode, a tree with links and an executable: equal after a round trip."""
    source, out = tmp_path / "source", tmp_path / "out"
    names = write_twenty_files(source)
    arguments = [f"{name}:" for name in names]
    first = run_ocictl("push", *place.options, "-q", place.tag("v1,latest"), *arguments, cwd=source, code=0)
    second = run_ocictl("push", *place.options, place.tag("v1"), *arguments, cwd=source, code=0)
    assert f"Digest: {first.stdout.strip()}\n" in second.stdout
    assert "Uploading" not in second.stdout
    run_ocictl("pull", *place.options, place.tag("latest"), "-o", out, code=0)
    compared = subprocess.run(["diff", "-r", source, out], capture_output=True, text=True, check=False)
    assert (compared.returncode, compared.stdout) == (0, "")
    assert snapshot(out) == snapshot(source)


def attach_all(place: Place, run: Ocictl, cwd: Path) -> dict[str, str]:
    """Push something; attach an SPDX and a CycloneDX file, and a signature on the first; return the digests."""
    (cwd / "app").write_bytes(b"program")
    (cwd / "sbom.spdx.json").write_text('{"spdxVersion": "SPDX-2.3"}')
    (cwd / "sbom.cdx.json").write_text('{"bomFormat": "CycloneDX"}')
    (cwd / "sbom.sig").write_bytes(b"signature")

    def attach(subject: str, artifact_type: str, *files: str) -> str:
        done = run(
            "attach", *place.options, "-q", subject, "--artifact-type", artifact_type, *files, cwd=cwd, code=0
        )
        return done.stdout.strip()

    app = run("push", *place.options, "-q", place.tag("v1"), "app", cwd=cwd, code=0).stdout.strip()
    spdx = attach(place.tag("v1"), SPDX, f"sbom.spdx.json:{SPDX}")
    return {
        "app": app,
        "spdx": spdx,
        "cyclonedx": attach(place.tag("v1"), CYCLONEDX, f"sbom.cdx.json:{CYCLONEDX}"),
        "signature": attach(place.digest(spdx), SIGNATURE, "sbom.sig"),
    }


def types(node: dict[str, Any]) -> dict[str, Any]:
    """The tree of `discover --format json` as digests and artifact types."""
    return {
        f"{entry['artifactType']} {entry['digest']}": types(entry)
        for entry in sorted(node["referrers"], key=lambda entry: str(entry["digest"]))
    }


def expected_types(digests: dict[str, str]) -> dict[str, Any]:
    branches = {
        f"{SPDX} {digests['spdx']}": {f"{SIGNATURE} {digests['signature']}": {}},
        f"{CYCLONEDX} {digests['cyclonedx']}": {},
    }
    return dict(sorted(branches.items(), key=lambda item: item[0].split()[1]))


def test_three_level_tree(place: Place, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """SBOMs and a signature on an SBOM: the same tree on every kind of target, as text and as JSON."""
    digests = attach_all(place, run_ocictl, tmp_path)
    found = run_ocictl("discover", *place.options, place.tag("v1"), "--format", "json", code=0)
    assert types(found.json) == expected_types(digests)
    lines = run_ocictl("discover", *place.options, place.tag("v1"), code=0).stdout.splitlines()
    assert lines[0] == place.digest(digests["app"])
    depth = {line.split()[-1]: len(line) - len(line.lstrip("│├└─ ")) for line in lines[1:]}
    assert (
        depth[SPDX]
        == depth[CYCLONEDX]
        < depth[digests["spdx"]]
        < depth[SIGNATURE]
        < depth[digests["signature"]]
    )


def test_attaching_twice_leaves_one(place: Place, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """The second attach of the same thing prints the same digest, says so, and leaves one referrer."""
    (tmp_path / "app").write_bytes(b"program")
    (tmp_path / "note").write_bytes(b"note")
    run_ocictl("push", *place.options, place.tag("v1"), "app", cwd=tmp_path, code=0)
    command = ["attach", *place.options, place.tag("v1"), "--artifact-type", "a/b", "note"]
    first = run_ocictl(*command, cwd=tmp_path, code=0)
    second = run_ocictl(*command, cwd=tmp_path, code=0)
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1]
    assert "already" in second.stdout.lower()
    assert "already" not in first.stdout.lower()
    found = run_ocictl("discover", *place.options, place.tag("v1"), "--format", "json", code=0).json
    assert len(found["referrers"]) == 1


@pytest.mark.parametrize("api", [True, False], ids=["api", "tag"])
def test_unlisted_referrer_is_repaired(
    api: bool, run_ocictl: Ocictl, registry: Registry, tmp_path: Path
) -> None:
    """A manifest that is there proves nothing: after a crash between the two writes a rerun lists it (RFT-02)."""
    registry.configure(referrers_api=api)
    place = Place("simulator", f"{registry.host}/app")
    digests = attach_all(place, run_ocictl, tmp_path)
    fallback = digests["app"].replace(":", "-")
    if not api:
        del registry.repository("app").tags[fallback]
        hidden = run_ocictl("discover", place.tag("v1"), "--format", "json", code=0).json
        assert hidden["referrers"] == []
    again = attach_all(place, run_ocictl, tmp_path)
    assert again == digests
    found = run_ocictl("discover", place.tag("v1"), "--format", "json", code=0).json
    assert types(found) == expected_types(digests)
    assert (fallback in registry.repository("app").tags) is not api


def test_small_commands(place: Place, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """resolve, tag, manifest fetch and blob fetch show what is stored."""
    (tmp_path / "app").write_bytes(b"program")
    digest = run_ocictl(
        "push",
        *place.options,
        "-q",
        place.tag("v1"),
        "app",
        "--export-manifest",
        "m.json",
        cwd=tmp_path,
        code=0,
    ).stdout.strip()
    run_ocictl("tag", *place.options, place.tag("v1"), "v2", "v3", code=0)
    assert run_ocictl("resolve", *place.options, place.tag("v3"), code=0).stdout == f"{digest}\n"
    full = run_ocictl("resolve", *place.options, "-l", place.tag("v2"), code=0).stdout
    assert full == f"{place.digest(digest)}\n"
    raw = run_ocictl("manifest", "fetch", *place.options, place.digest(digest), code=0).stdout
    assert raw == (tmp_path / "m.json").read_text()
    blob = json.loads(raw)["layers"][0]["digest"]
    fetched = run_ocictl("blob", "fetch", *place.options, place.digest(blob), "-o", "-", code=0)
    assert fetched.stdout == "program"


@pytest.mark.slow
def test_memory_stays_small(place: Place, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """S1: a 200 MiB file is pushed and pulled with at most 64 MiB of memory, whatever the target."""
    write_random(tmp_path / "large.bin", 200 * MIB)
    env = run_ocictl.environment()
    push = [*ocictl_command(), "push", *place.options, place.tag("v1"), "large.bin"]
    assert peak_memory(push, env, tmp_path) <= 64
    pull = [*ocictl_command(), "pull", *place.options, place.tag("v1"), "-o", "out"]
    assert peak_memory(pull, env, tmp_path) <= 64
    assert (tmp_path / "out" / "large.bin").stat().st_size == 200 * MIB
