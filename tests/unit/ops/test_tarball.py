"""Directory archives: the same bytes for the same tree, and the bytes that oras would write."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import socket
import stat
import tarfile
import threading
import tracemalloc
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from ocictl.errors import PathError, StorageError
from ocictl.model.digest import Digest
from ocictl.ops import tar_header as tar_header_module
from ocictl.ops.compress import Compression
from ocictl.ops.tar_header import tar_header
from ocictl.ops.tarball import DirectoryContent, PackedArchive, pack_directory
from tests.support.peers import Peer


def packed(source: Path, name: str = "d", **options: Any) -> tuple[PackedArchive, bytes, bytes]:
    """The result, the compressed and the uncompressed bytes; their digests are checked."""
    output = io.BytesIO()
    result = pack_directory(source, name, output, **options)
    data = output.getvalue()
    raw = gzip.decompress(data)
    assert result.size == len(data)
    assert result.digest == Digest.of(data)
    assert result.unpacked_digest == Digest.of(raw)
    return result, data, raw


def members(raw: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return archive.getmembers()


def small_tree(root: Path) -> Path:
    """A tree with everything but what depends on the system; permissions do not depend on the umask."""
    root.mkdir(parents=True)
    (root / "a.txt").write_bytes(b"hello\n")
    (root / "a").mkdir()
    (root / "a" / "z").write_bytes(b"")
    (root / "a-b").write_bytes(b"1" * 512)
    (root / "a0").write_bytes(b"2" * 513)
    (root / "run").write_bytes(b"#!/bin/sh\n")
    (root / "empty").mkdir()
    (root / "link").symlink_to("a/z")
    (root / "dangling").symlink_to("t" * 150)
    (root / "ünï").mkdir()
    (root / "ünï" / "日本").write_bytes(b"u")
    (root / ("l" * 150)).write_bytes(b"long")
    (root / ("d" * 150)).mkdir()
    (root / ("d" * 150) / ("e" * 90)).write_bytes(b"")
    os.link(root / "a.txt", root / "hard")
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.name == "run" else 0o644)
    (root / "empty").chmod(0o1777)
    return root


def test_known_bytes(tmp_path: Path) -> None:
    """The uncompressed archive of a fixed tree has the digest that oras 1.3.6 gives it."""
    result, _, _ = packed(small_tree(tmp_path / "tree"), "some/title")
    assert (
        str(result.unpacked_digest)
        == "sha256:e86ddbcf0046d6aab50de2953b7127b5d66f1e2e403748330ef2995fb11cb418"
    )


def test_same_tree_same_archive(tmp_path: Path) -> None:
    """Times, owners and the order on disk don't count: another checkout gives the same blob (row 8)."""
    one, two = small_tree(tmp_path / "one"), tmp_path / "two"
    two.mkdir()
    for path in sorted(one.rglob("*"), reverse=True):
        target = two / path.relative_to(one)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.write_bytes(path.read_bytes())
    for path in two.rglob("*"):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE((one / path.relative_to(two)).stat().st_mode))
            os.utime(path, (1, 1))
    two.chmod(0o755)
    assert packed(one) == packed(two)


def test_gzip_header_is_fixed(tmp_path: Path) -> None:
    """The gzip header carries no time, no name and no system."""
    _, data, _ = packed(small_tree(tmp_path / "tree"))
    assert data[:10] == bytes.fromhex("1f8b08000000000000ff")


def test_entries(tmp_path: Path) -> None:
    """The directory comes first, then its entries by their bytes, owned by nobody, links kept as links."""
    found = members(packed(small_tree(tmp_path / "tree"), "t")[2])
    assert [entry.name for entry in found] == [
        "t",
        "t/a",
        "t/a/z",
        "t/a-b",
        "t/a.txt",
        "t/a0",
        "t/dangling",
        "t/" + "d" * 150,
        "t/" + "d" * 150 + "/" + "e" * 90,
        "t/empty",
        "t/hard",
        "t/link",
        "t/" + "l" * 150,
        "t/run",
        "t/ünï",
        "t/ünï/日本",
    ]
    by_name = {entry.name: entry for entry in found}
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in found} == {(0, 0, "", "", 0)}
    assert by_name["t/link"].linkname == "a/z"
    assert by_name["t/dangling"].linkname == "t" * 150
    assert by_name["t/hard"].isreg()
    assert by_name["t/hard"].size == 6
    assert [by_name[name].mode for name in ("t/run", "t/empty", "t/a.txt")] == [0o755, 0o1777, 0o644]


def test_end_of_archive(tmp_path: Path) -> None:
    """The archive ends with two blocks of zeros and no further padding, as Go writes it."""
    (tmp_path / "d").mkdir()
    assert len(packed(tmp_path / "d")[2]) == 512 + 1024


@pytest.mark.parametrize("mtime", [0, 1_700_000_000, 8**11 - 1, 8**11, -1])
def test_time_of_entries(tmp_path: Path, mtime: int) -> None:
    """Every entry has the time that was asked for, for example SOURCE_DATE_EPOCH."""
    (tmp_path / "f").write_bytes(b"")
    assert {entry.mtime for entry in members(packed(tmp_path, mtime=mtime)[2])} == {mtime}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".", [".", "f"]),
        ("./x/../y/", ["y", "y/f"]),
        ("/abs/d", ["/abs/d", "/abs/d/f"]),
        ("../d", ["../d", "../d/f"]),
        ("/", ["/", "/f"]),
    ],
)
def test_names_begin_with_the_cleaned_title(tmp_path: Path, name: str, expected: list[str]) -> None:
    """Names are title and path joined, whatever the title."""
    (tmp_path / "f").write_bytes(b"")
    raw = packed(tmp_path, name)[2]
    assert [raw[at : at + 100].rstrip(b"\0").decode() for at in (0, 512)] == expected


def test_source_that_is_a_link(tmp_path: Path) -> None:
    """A link to a directory is packed as that directory (oras packs the link alone)."""
    small_tree(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    assert packed(tmp_path / "link") == packed(tmp_path / "real")


def test_links_that_lead_out_are_told(tmp_path: Path) -> None:
    """Links that a pull will refuse are listed; links inside of the tree are not."""
    tree = small_tree(tmp_path / "tree")
    (tree / "absolute").symlink_to(tree / "a.txt")
    (tree / "up").symlink_to("../../etc")
    (tree / "a" / "fine").symlink_to("../link")
    (tree / "a" / "chained").symlink_to("../up/passwd")
    assert sorted(packed(tree, "t")[0].leading_out) == ["t/a/chained", "t/absolute", "t/up"]


def test_fifo_is_noted(tmp_path: Path) -> None:
    """A FIFO is packed as an entry without content, as oras does; packing does not hang."""
    os.mkfifo(tmp_path / "fifo")
    assert [entry.type for entry in members(packed(tmp_path)[2])] == [b"5", b"6"]


def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket can't be packed, and the error names it."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        with pytest.raises(StorageError) as caught:
            packed(tmp_path)
    assert caught.value.code == "file-unreadable"
    assert "sock' is a socket" in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["f", "d"])
def test_unreadable(tmp_path: Path, name: str) -> None:
    """A file or directory that can't be read is named."""
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "d").mkdir()
    (tmp_path / name).chmod(0)
    try:
        with pytest.raises(StorageError) as caught:
            packed(tmp_path)
    finally:
        (tmp_path / name).chmod(0o700)
    assert caught.value.code == "file-unreadable"
    assert str(tmp_path / name) in caught.value.message


def test_missing_directory(tmp_path: Path) -> None:
    """A directory that is not there is `file-not-found`."""
    with pytest.raises(StorageError) as caught:
        packed(tmp_path / "missing")
    assert caught.value.code == "file-not-found"


@pytest.mark.parametrize("kind", ["name", "link"])
def test_names_that_are_not_utf8(tmp_path: Path, kind: str) -> None:
    """A name or link text that is not UTF-8 is refused, not written in another encoding."""
    try:
        if kind == "name":
            (tmp_path / os.fsdecode(b"\xff")).write_bytes(b"")
        else:
            (tmp_path / "link").symlink_to(os.fsdecode(b"\xff"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(PathError) as caught:
        packed(tmp_path)
    assert caught.value.code == "path-unsafe"
    caught.value.message.encode()


class Meddler(io.BytesIO):
    """Takes the archive, and changes a file once a MiB has come."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change = change

    def write(self, data: Any, /) -> int:
        if self.tell() > 1 << 20:
            change, self.change = self.change, lambda: None
            change()
        return super().write(data)


@pytest.mark.parametrize("size", [0, 5_000_000, 20_000_000])
def test_file_that_changes_meanwhile(tmp_path: Path, size: int) -> None:
    """A file that shrinks or grows while it is packed is an error, not a broken archive (U9)."""
    file = tmp_path / "f"
    file.write_bytes(os.urandom(10_000_000))
    with pytest.raises(StorageError) as caught:
        pack_directory(
            tmp_path, "d", Meddler(lambda: os.truncate(file, size)), compression=Compression("none")
        )
    assert caught.value.code == "file-changed"


def test_file_rewritten_meanwhile(tmp_path: Path) -> None:
    """A file that is written to while it is packed is an error even if its size stays."""
    file = tmp_path / "f"
    file.write_bytes(os.urandom(10_000_000))
    with pytest.raises(StorageError) as caught:
        pack_directory(
            tmp_path, "d", Meddler(lambda: os.utime(file, (1, 1))), compression=Compression("none")
        )
    assert caught.value.code == "file-changed"


def test_disk_full(tmp_path: Path) -> None:
    """A full disk under the temporary archive is `disk-full`."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "f").write_bytes(os.urandom(1_000_000))
    with pytest.raises(StorageError) as caught, open("/dev/full", "wb", buffering=0) as output:
        pack_directory(tmp_path, "d", cast("BinaryIO", output))
    assert caught.value.code == "disk-full"


@pytest.mark.parametrize("name", ["gzip", "zstd", "none"])
def test_output_is_not_needed(tmp_path: Path, name: Any) -> None:
    """Without an output the result is the same."""
    tree = small_tree(tmp_path / "tree")
    assert pack_directory(tree, "t", None, compression=Compression(name)) == pack_directory(
        tree, "t", io.BytesIO(), compression=Compression(name)
    )


def test_uncompressed(tmp_path: Path) -> None:
    """Without compression both digests are that of the archive, and it can be read again and again."""
    tree = small_tree(tmp_path / "tree")
    (tree / "big").write_bytes(os.urandom(3_000_001))
    output = io.BytesIO()
    result = pack_directory(tree, "t", output, compression=Compression("none"))
    assert result.digest == result.unpacked_digest == packed(tree, "t")[0].unpacked_digest
    content = DirectoryContent(tree, "t", result)
    for step in (1000, 1 << 20, -1):
        with content.open() as stream:
            parts = []
            while part := stream.read(step):
                assert step < 0 or len(part) <= step
                parts.append(part)
            assert stream.read(step) == b""
        assert b"".join(parts) == output.getvalue()
    assert content.size == result.size == len(output.getvalue())


@pytest.mark.parametrize("step", [700, 1 << 20, -1])
@pytest.mark.parametrize("data", [b"", b"1" * 2000, b"1" * 600])
def test_uncompressed_tree_that_changes(tmp_path: Path, data: bytes, step: int) -> None:
    """An archive that would be another one than before is an error, and is never complete (U9)."""
    (tmp_path / "f").write_bytes(bytes(600))
    result = pack_directory(tmp_path, "t", None, compression=Compression("none"))
    (tmp_path / "f").write_bytes(data)
    seen: list[bytes] = []
    with DirectoryContent(tmp_path, "t", result).open() as stream:
        with pytest.raises(StorageError) as caught:
            seen.extend(stream.read(step) for _ in range(100))
    assert caught.value.code == "file-changed"
    assert sum(map(len, seen)) < result.size


def names(raw: bytes) -> list[str]:
    return [entry.name for entry in members(raw)]


def test_ignored(tmp_path: Path) -> None:
    """What .ociignore names is left out, a directory with all that is in it; the file itself is packed."""
    tree = small_tree(tmp_path / "tree")
    (tree / ".ociignore").write_text("a/\n!a/z\n*.txt\n/ünï/日*\n# comment\n!a0\nd*/\nhard\n")
    assert names(packed(tree, "t")[2]) == [
        *("t", "t/.ociignore", "t/a-b", "t/a0", "t/dangling", "t/empty", "t/link"),
        *("t/" + "l" * 150, "t/run", "t/ünï"),
    ]
    (tree / ".ociignore").write_text("*\n")
    assert names(packed(tree, "t")[2]) == ["t"]


def test_only_the_top_has_patterns(tmp_path: Path) -> None:
    """A .ociignore further down is a file like any other."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".ociignore").write_text("*")
    (tmp_path / "a" / "f").write_bytes(b"")
    assert names(packed(tmp_path, "t")[2]) == ["t", "t/a", "t/a/.ociignore", "t/a/f"]


def test_link_through_an_ignored_directory(tmp_path: Path) -> None:
    """A link whose way leads through what is left out would lead nowhere after a pull, and is told."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "f").write_bytes(b"")
    (tmp_path / "link").symlink_to("a/b/../../f")
    assert packed(tmp_path, "t")[0].leading_out == ()
    (tmp_path / ".ociignore").write_text("a")
    assert packed(tmp_path, "t")[0].leading_out == ("t/link",)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """The threads end, also when packing fails."""
    before = threading.active_count()
    (tmp_path / "f").write_bytes(os.urandom(5_000_000))
    packed(tmp_path)
    assert threading.active_count() == before
    (tmp_path / "z").symlink_to(os.fsdecode(b"\xff"))
    with pytest.raises(PathError):
        packed(tmp_path)
    assert threading.active_count() == before


def test_memory_is_flat(tmp_path: Path) -> None:
    """Memory does not grow with the size of a file (row 3)."""
    (tmp_path / "f").touch()
    os.truncate(tmp_path / "f", 128 << 20)
    with open(os.devnull, "wb") as output:
        tracemalloc.start()
        try:
            pack_directory(tmp_path, "d", output)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 24 << 20


def test_large_size_goes_to_a_pax_record() -> None:
    """From 8 GiB on the size stands in a PAX record, and zero in the field, as Go writes it."""
    small, large = tar_header(b"f", b"0", 0o644, size=8**11 - 1), tar_header(b"f", b"0", 0o644, size=8**11)
    assert (len(small), small[124:136]) == (512, b"7" * 11 + b"\0")
    assert (len(large), large[512:531]) == (1536, b"19 size=8589934592\n")
    assert large[1024 + 124 : 1024 + 136] == b"0" * 11 + b"\0"


@pytest.mark.parametrize("length", range(80, 120))
def test_record_counts_its_own_digits(length: int) -> None:
    """The length of a PAX record includes the digits of the length."""
    header = tar_header(b"x" * 101, b"2", 0o777, link=b"y" * length)
    payload = header[512 : 512 + int(header[124:136].rstrip(b"\0"), 8)]
    while payload:
        digits = payload.split(b" ", 1)[0]
        assert payload[int(digits) - 1 : int(digits)] == b"\n"
        payload = payload[int(digits) :]


def everything(root: Path) -> Path:
    """A tree with every border case of names and types that an archive can hold."""
    small_tree(root)
    os.mkfifo(root / "fifo")
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "setuid").write_bytes(b"s")
    (root / "setuid").chmod(0o6711)
    (root / "new\nline").write_bytes(b"")
    (root / "big").write_bytes(os.urandom(3_000_001))
    deep = root
    for count in range(25):
        deep = deep / f"dir{count:02}"
        deep.mkdir()
        (deep / ("n" * 60)).write_bytes(b"%d" % count)
        (deep / "link").symlink_to("k" * (85 + count))
        (deep / "é").write_bytes(b"")
    for length in [*range(85, 105), *range(245, 256)]:
        (root / ("w" * length)).write_bytes(b"w")
    for outer in (97, 100, *range(149, 157)):
        if outer != 150:
            (root / ("d" * outer)).mkdir()
            for inner in (98, 99, 100, 101):
                (root / ("d" * outer) / ("e" * inner)).write_bytes(b"")
    (root / ("ü" * 120)).mkdir()
    (root / ("ü" * 120) / "f").write_bytes(b"")
    if os.geteuid() == 0:
        os.mknod(root / "null", 0o20666, os.makedev(1, 3))
        os.mknod(root / "block", 0o60600, os.makedev(259, 70_000))
    return root


@pytest.mark.interop
@pytest.mark.parametrize("mtime", [0, 1_700_000_000, 8**11])
@pytest.mark.parametrize("title", ["d", "deep/er/tree", "ü" * 60, "t" * 120, "."])
def test_oras_writes_the_same(tmp_path: Path, oras: Peer, title: str, mtime: int) -> None:
    """oras 1.3.6 writes the same uncompressed archive when all times are the same."""
    work = tmp_path / "work"
    source = everything(work / ("d" if title == "." else title))
    for path in [source, *source.rglob("*")]:
        os.utime(path, (mtime, mtime), follow_symlinks=False)
    cwd = source if title == "." else work
    try:
        oras.run("push", "--oci-layout", tmp_path / "layout:t", title, cwd=cwd)
    except AssertionError as error:
        if "Value too large" in str(error):
            pytest.skip("this file system has no such time")
        raise
    if int(source.lstat().st_mtime) != mtime:
        pytest.skip("this file system has no such time")
    layer = only_layer(tmp_path / "layout")
    result, _, raw = packed(source, title, mtime=mtime)
    assert hashlib.sha256(raw).hexdigest() == hashlib.sha256(layer["raw"]).hexdigest()
    assert layer["annotations"] == {
        "io.deis.oras.content.digest": str(result.unpacked_digest),
        "io.deis.oras.content.unpack": "true",
        "org.opencontainers.image.title": title,
    }


def only_layer(layout: Path) -> dict[str, Any]:
    """The descriptor of the one layer in a layout, and under `raw` its uncompressed bytes."""

    def blob(digest: str) -> bytes:
        return (layout / "blobs" / digest.replace(":", "/")).read_bytes()

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]))
    layer: dict[str, Any] = manifest["layers"][0]
    return {**layer, "raw": gzip.decompress(blob(layer["digest"]))}


def test_block_size_is_used_throughout() -> None:
    """Headers fill whole blocks."""
    assert len(tar_header("ü".encode() * 400, b"0", 0o644)) % tar_header_module.BLOCK == 0
