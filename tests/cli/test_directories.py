"""Options about directories: how they are compressed, and how much may be unpacked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.archives import archive, directory, file
from tests.support.cli import ocictl

TYPES = {
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
    "none": "application/vnd.oci.image.layer.v1.tar",
}


def layer(reference: str) -> dict[str, Any]:
    """The only layer of a manifest in a layout."""
    layers: list[dict[str, Any]] = ocictl("manifest", "fetch", "--oci-layout", reference).json["layers"]
    assert len(layers) == 1
    return layers[0]


@pytest.mark.parametrize("command", ["push", "attach"])
@pytest.mark.parametrize("name", TYPES)
def test_compression(work: Path, command: str, name: str) -> None:
    """Each compression has its media type, and the directory comes back the same."""
    if command == "attach":
        ocictl("push", "--oci-layout", "lay:v1", "hello.txt")
    arguments = ["--oci-layout", "lay:v1", "d", "--artifact-type", "a/b", "--compression", name]
    digest = ocictl(command, "-q", *arguments).stdout.strip()
    assert layer(f"lay@{digest}")["mediaType"] == TYPES[name]
    ocictl("pull", "--oci-layout", f"lay@{digest}", "-o", "out")
    assert Path("out/d/inner.txt").read_text() == "inner\n"


def test_level(work: Path) -> None:
    """The level changes the blob and not what is in it; gzip is the default."""
    Path("d/text").write_text("".join(f"{number}\n" for number in range(20_000)))
    ocictl("push", "--oci-layout", "lay:default", "d")
    ocictl("push", "--oci-layout", "lay:two", "d", "--compression", "gzip", "--compression-level", "2")
    ocictl("push", "--oci-layout", "lay:nine", "d", "--compression-level", "9")
    default, two, nine = layer("lay:default"), layer("lay:two"), layer("lay:nine")
    assert default == two
    assert default["annotations"] == nine["annotations"]
    assert default["digest"] != nine["digest"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--compression", "brotli"], "brotli"),
        (["--compression-level", "0"], "no compression level 0"),
        (["--compression", "zstd", "--compression-level", "20"], "no compression level 20"),
        (["--compression", "none", "--compression-level", "1"], "means nothing"),
        (["--compression-level", "high"], "high"),
    ],
)
def test_what_there_is_not(work: Path, options: list[str], text: str) -> None:
    """A compression or level that does not exist is a usage error, and nothing is written."""
    done = ocictl("push", "--oci-layout", "lay:v1", "d", *options, code=2)
    assert text in done.stderr
    assert not Path("lay").exists()


@pytest.fixture
def grows(work: Path) -> str:
    """A layout with an archive of three entries that grows."""
    Path("d.tgz").write_bytes(archive(directory("d"), file("d/f", b"1" * 4000), file("d/g")))
    note = {"d.tgz": {"io.deis.oras.content.unpack": "true", "org.opencontainers.image.title": "d"}}
    Path("notes.json").write_text(json.dumps(note))
    ocictl("push", "--oci-layout", "lay:v1", "d.tgz", "--annotation-file", "notes.json")
    return "lay:v1"


def test_limits(grows: str) -> None:
    """An archive that asks for more than it may is refused, and the hint says how to allow it."""
    pull = ["pull", "--oci-layout", grows, "-o", "out"]
    for limit in ("entries=2", "bytes=2K"):
        done = ocictl(*pull, "--unpack-limit", limit, code=6)
        assert f"--unpack-limit {limit.partition('=')[0]}=NUMBER" in done.stderr
        assert not Path("out/d").exists()
    ocictl(*pull, env={"OCICTL_UNPACK_LIMITS": "ratio=5 entries=2"}, code=6)
    ocictl(*pull, "--unpack-limit", "entries=3", "--unpack-limit", "bytes=1M")
    assert sorted(path.name for path in Path("out/d").iterdir()) == ["f", "g"]


def test_limit_that_is_none(grows: str) -> None:
    """A limit that does not exist is a usage error."""
    done = ocictl("pull", "--oci-layout", grows, "--unpack-limit", "depth=3", code=2)
    assert "entries, bytes, ratio" in done.stderr


def test_ignored(work: Path) -> None:
    """What .ociignore names is not pushed."""
    Path("d/.ociignore").write_text("*.txt\n")
    Path("d/kept").write_text("kept\n")
    ocictl("push", "--oci-layout", "lay:v1", "d")
    ocictl("pull", "--oci-layout", "lay:v1", "-o", "out")
    assert sorted(path.name for path in Path("out/d").iterdir()) == [".ociignore", "kept"]
