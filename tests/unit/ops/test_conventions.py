"""How directories are told from files, whoever packed them."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ocictl.model.annotations import EXECUTABLE, TITLE, UNPACK
from ocictl.model.descriptor import Descriptor
from ocictl.ops.pack import FileArgument, PackOptions
from ocictl.ops.pull import PullResult, pull
from ocictl.ops.push import push
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore
from tests.support.archives import archive, directory, file, symlink
from tests.support.trees import snapshot

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN = "application/vnd.oci.image.layer.v1.tar"


def stored(*layers: tuple[str, bytes, dict[str, str]]) -> tuple[MemoryStore, str]:
    """A store with a manifest of these layers, and its digest."""
    store = MemoryStore()
    descriptors = []
    for media_type, data, notes in layers:
        descriptor = Descriptor.of(data, media_type)
        store.push(descriptor, BytesContent(data))
        descriptors.append({**descriptor.to_json(), "annotations": notes})
    config = Descriptor.of(b"{}", "application/vnd.unknown.config.v1+json")
    store.push(config, BytesContent(b"{}"))
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.to_json(),
            "layers": descriptors,
        }
    ).encode()
    manifest = Descriptor.of(raw, "application/vnd.oci.image.manifest.v1+json")
    store.push(manifest, BytesContent(raw))
    return store, str(manifest.digest)


def pulled(output: Path, *layers: tuple[str, bytes, dict[str, str]]) -> PullResult:
    store, digest = stored(*layers)
    return pull(store, digest, output)


def oras_py(folder: Path) -> bytes:
    """The archive that oras-py 0.2.43 makes of a directory: tarfile's default format, times 0, names from here."""

    def reset(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = 0
        return entry

    output = io.BytesIO()
    with gzip.GzipFile(mode="wb", fileobj=output, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w:") as made:
            made.add(folder, filter=reset, arcname=folder.name)
    return output.getvalue()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "source" / "tree"
    (top / "deep" / "er").mkdir(parents=True)
    (top / "deep" / "er" / ("n" * 120)).write_bytes(b"long")
    (top / "täglich").write_bytes(b"u")
    (top / "run").write_bytes(b"#!/bin/sh\n")
    (top / "run").chmod(0o755)
    (top / "link").symlink_to("deep/er")
    return top


def test_oras_py_directory(tree: Path, tmp_path: Path) -> None:
    """A directory of oras-py has no annotation; it is unpacked all the same, also over itself."""
    layer = (GZIP, oras_py(tree), {TITLE: "tree"})
    for _ in range(2):
        result = pulled(tmp_path / "out", layer)
        assert snapshot(tmp_path / "out") == snapshot(tree.parent)
        assert [entry.is_directory for entry in result.files] == [True]


def test_oras_py_directory_under_two_titles(tree: Path, tmp_path: Path) -> None:
    """The same bytes under a title that does not fit them are a file."""
    data = oras_py(tree)
    result = pulled(tmp_path / "out", (GZIP, data, {TITLE: "tree"}), (GZIP, data, {TITLE: "other"}))
    assert [entry.is_directory for entry in result.files] == [True, False]
    assert (tmp_path / "out" / "other").read_bytes() == data
    assert snapshot(tmp_path / "out" / "tree") == snapshot(tree)


FILES: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "another first entry": (GZIP, archive(directory("x"), file("x/f")), {TITLE: "tree"}),
    "names without a directory": (GZIP, archive(file("tree/f")), {TITLE: "tree"}),
    "a link of that name": (GZIP, archive(symlink("tree", "x")), {TITLE: "tree"}),
    "an empty archive": (GZIP, archive(), {TITLE: "tree"}),
    "no archive": (GZIP, b"hello", {TITLE: "tree"}),
    "damaged": (GZIP, archive(directory("tree"))[:40], {TITLE: "tree"}),
    "called like an archive": (GZIP, archive(directory("tree.tgz")), {TITLE: "tree.tgz"}),
    "another type": (PLAIN, archive(directory("tree")), {TITLE: "tree"}),
    "said not to be one": (GZIP, archive(directory("tree")), {TITLE: "tree", UNPACK: "false"}),
    "slash, but said not to be one": (GZIP, archive(directory("tree")), {TITLE: "tree/", UNPACK: "false"}),
}


@pytest.mark.parametrize("layer", FILES.values(), ids=FILES)
def test_files_stay_files(tmp_path: Path, layer: tuple[str, bytes, dict[str, str]]) -> None:
    """What is not clearly a directory is written as it is, as oras does."""
    result = pulled(tmp_path / "out", layer)
    assert [entry.is_directory for entry in result.files] == [False]
    assert (tmp_path / "out" / layer[2][TITLE].rstrip("/")).read_bytes() == layer[1]


@pytest.mark.parametrize("media_type", [GZIP, "application/vnd.example.data.v1.tar+gzip"])
def test_regctl_directory(tmp_path: Path, media_type: str) -> None:
    """A title that ends in a slash is a directory, whatever the media type; names stand in it without the title."""
    data = archive(directory("tree"), file("tree/f", b"1"), file("g", b"2"))
    result = pulled(tmp_path / "out", (media_type, data, {TITLE: "a/tree/"}))
    assert [entry.is_directory for entry in result.files] == [True]
    assert (tmp_path / "out" / "a" / "tree" / "tree" / "f").read_bytes() == b"1"
    assert (tmp_path / "out" / "a" / "tree" / "g").read_bytes() == b"2"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_round_trip(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: Any) -> None:
    """A directory comes back the same with each compression."""
    from ocictl.ops.compress import Compression

    monkeypatch.chdir(tree.parent)
    store = MemoryStore()
    options = PackOptions(compression=Compression(compression))
    done = push(store, [FileArgument("tree")], options=options)
    assert done.manifest.layers[0].media_type == Compression(compression).media_type
    pull(store, str(done.descriptor.digest), tmp_path / "out")
    assert snapshot(tmp_path / "out") == snapshot(tree.parent)


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_formats_of_tarfile(tree: Path, tmp_path: Path, kind: int) -> None:
    """Every format of Python's tarfile is read, names with and without the title."""
    if kind == tarfile.USTAR_FORMAT:
        (tree / "deep" / "er" / ("n" * 120)).rename(tree / "deep" / "er" / ("n" * 90))
    for name in ("tree", "."):
        output = io.BytesIO()
        with tarfile.open(fileobj=output, mode="w:gz", format=kind) as made:
            made.add(tree, arcname=name)
        pulled(tmp_path / f"out{kind}{name}", (PLAIN, output.getvalue(), {TITLE: "tree", UNPACK: "true"}))
        assert snapshot(tmp_path / f"out{kind}{name}") == snapshot(tree.parent)


@pytest.mark.parametrize("kind", ["gnu", "oldgnu", "posix", "ustar"])
def test_formats_of_gnu_tar(tree: Path, tmp_path: Path, kind: str) -> None:
    """Every format of GNU tar is read, hard links included."""
    tar = shutil.which("tar")
    if (
        tar is None
        or b"GNU tar" not in subprocess.run([tar, "--version"], capture_output=True, check=False).stdout
    ):
        pytest.skip("GNU tar is not installed")
    if kind == "ustar":
        (tree / "deep" / "er" / ("n" * 120)).rename(tree / "deep" / "er" / ("n" * 90))
    os.link(tree / "run", tree / "zhard")
    data = subprocess.run(
        [tar, "-c", f"--format={kind}", "tree"], cwd=tree.parent, capture_output=True, check=True
    ).stdout
    pulled(tmp_path / "out", (PLAIN, data, {TITLE: "tree", UNPACK: "true"}))
    assert snapshot(tmp_path / "out") == snapshot(tree.parent)
    assert (tmp_path / "out" / "tree" / "run").stat().st_nlink == 2


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_executable_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int) -> None:
    """A file that its owner may execute can be executed after a pull by whoever may read it (row 25)."""
    monkeypatch.chdir(tmp_path)
    for name, bits in {"run": 0o755, "mine": 0o700, "odd": 0o611, "data": 0o644, "same": 0o644}.items():
        Path(name).write_bytes(b"same" if name in ("run", "same") else name.encode())
        Path(name).chmod(bits)
    store = MemoryStore()
    done = push(store, [FileArgument(name) for name in ("run", "mine", "odd", "data", "same")])
    assert [layer.annotations.get(EXECUTABLE) for layer in done.manifest.layers] == [
        "true",
        "true",
        None,
        None,
        None,
    ]
    before = os.umask(umask)
    try:
        for _ in range(2):
            pull(store, str(done.descriptor.digest), tmp_path / "out")
            plain = 0o666 & ~umask
            executable = 0o777 & ~umask
            found = {path.name: mode(path) for path in (tmp_path / "out").iterdir()}
            assert found == {
                "run": executable,
                "mine": executable,
                "odd": plain,
                "data": plain,
                "same": plain,
            }
            # What is there and right is not fetched again, but made executable again.
            (tmp_path / "out" / "run").chmod(plain)
    finally:
        os.umask(before)


def test_executable_bit_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An annotation from the user comes before ours."""
    from ocictl.ops.annotations import Annotations

    monkeypatch.chdir(tmp_path)
    Path("run").write_bytes(b"")
    Path("run").chmod(0o755)
    store = MemoryStore()
    options = PackOptions(annotations=Annotations(files={"run": {EXECUTABLE: "false"}}))
    done = push(store, [FileArgument("run")], options=options)
    pull(store, str(done.descriptor.digest), tmp_path / "out")
    assert not mode(tmp_path / "out" / "run") & 0o111
