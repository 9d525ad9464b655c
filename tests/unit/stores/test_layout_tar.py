"""Layouts in tar archives: read in place whatever the archive holds, and written whole or not at all (LAY-08)."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ocictl.content import read_all
from ocictl.errors import ConflictError, ContentError, NotFoundError, StorageError
from ocictl.model.annotations import REF_NAME
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.ops.parallel import Task, Work, run_all
from ocictl.sources import BytesContent
from ocictl.stores import _tar_files
from ocictl.stores.layout import Layout
from ocictl.stores.layout_tar import NewTarLayout, TarLayout
from tests.support import archives
from tests.support.layouts import HELLO, manifest, put

VERSION = b'{"imageLayoutVersion":"1.0.0"}'


def blob_name(data: bytes, algorithm: str = "sha256") -> str:
    return f"blobs/{algorithm}/{Digest.of(data, algorithm).encoded}"


def layout_files(*, before: str = "") -> list[bytes]:
    """The members of a small layout with the tag `v1`, their names after `before`."""
    document = manifest()
    entry = {**document.descriptor().plain().to_json(), "annotations": {REF_NAME: "v1"}}
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    contents = {
        "index.json": index,
        "oci-layout": VERSION,
        blob_name(document.raw): document.raw,
        blob_name(b"hello\n"): b"hello\n",
        blob_name(b"{}"): b"{}",
    }
    return [archives.file(before + name, data) for name, data in contents.items()]


def write(path: Path, *members: bytes, end: bytes = archives.END) -> Path:
    path.write_bytes(archives.archive(*members, compressed=False, end=end))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "layout.tar"


@pytest.mark.parametrize("before", ["", "./", ".//"])
def test_reading(path: Path, before: str) -> None:
    """Tags, documents, blobs and parts of blobs, however the names are spelled."""
    with TarLayout(write(path, archives.directory("./"), *layout_files(before=before))) as layout:
        assert (layout.kind, layout.path, list(layout.tags())) == ("oci-layout", str(path), ["v1"])
        found = layout.resolve("v1")
        assert read_all(layout, found) == manifest().raw
        assert layout.resolve(str(found.digest)) == found
        assert layout.exists(HELLO)
        with layout.fetch(HELLO, start=2) as stream:
            assert (stream.read(2), stream.read(), stream.read(1)) == (b"ll", b"o\n", b"")
        assert not layout.exists(Descriptor.of(b"other", "a/b"))
        with pytest.raises(NotFoundError, match="has no content"):
            layout.fetch(Descriptor.of(b"other", "a/b"))


def test_what_tar_programs_write(path: Path, tmp_path: Path) -> None:
    """A directory archived by tar, in its own format and in that of PAX."""
    layout = Layout(tmp_path / "layout", create=True)
    layout.push(HELLO, BytesContent(b"hello\n"))
    long = Descriptor.of(b"long", "a/b", algorithm="sha512")
    layout.push(long, BytesContent(b"long"))
    found = put(layout, manifest(), "v1")
    for form in ("gnu", "posix", "ustar"):
        command = ["tar", f"--format={form}", "-C", str(tmp_path / "layout"), "-cf", str(path), "."]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode != 0 and form == "ustar":
            continue  # names of sha512 blobs are too long for some programs in this form
        assert done.returncode == 0
        with TarLayout(path) as archived:
            assert archived.resolve("v1") == found
            assert read_all(archived, long) == b"long"


def test_a_later_member_replaces_an_earlier_one(path: Path) -> None:
    """As `tar -r` means it."""
    old = archives.file("index.json", b'{"schemaVersion":2,"manifests":[]}')
    with TarLayout(write(path, old, *layout_files())) as layout:
        assert list(layout.tags()) == ["v1"]


def test_other_members_are_nobody_s_business(path: Path) -> None:
    """`docker save` adds files of its own (LAY-07)."""
    others = [
        archives.file("manifest.json", b"[]"),
        archives.file("blobs/sha256/README", b"x"),
        archives.file("blobs/sha256/a/b", b"x"),
        archives.directory("blobs/sha256"),
        archives.device("null"),
        archives.file(f"deep/{blob_name(b'other')}", b"other"),
    ]
    with TarLayout(write(path, *others, *layout_files())) as layout:
        assert list(layout.tags()) == ["v1"]
        assert not layout.exists(Descriptor.of(b"other", "a/b"))


@pytest.mark.parametrize(
    ("member", "why"),
    [
        (archives.file("/etc/passwd"), "'/etc/passwd', which leads out of it"),
        (archives.file("../x"), "'../x', which leads out of it"),
        (archives.file("blobs/../../x"), "which leads out of it"),
        (archives.directory("a/.."), "which leads out of it"),
        (archives.symlink(blob_name(b"x"), "/etc/passwd"), "which is a link"),
        (archives.symlink("index.json", "other.json"), "'index.json', which is a link"),
        (archives.hard_link("x", "index.json"), "'x', which is a link"),
        (archives.pax({"path": "../../x"}) + archives.file("harmless"), "which leads out of it"),
        (archives.long_name("/x") + archives.file("harmless"), "which leads out of it"),
        (archives.file("../\x1b[2J"), r"which leads out of it"),
    ],
)
def test_unsafe_members_are_refused(path: Path, member: bytes, why: str) -> None:
    """Absolute names, `..` and links, wherever they stand (LAY-08)."""
    for members in ([member, *layout_files()], [*layout_files(), member]):
        with pytest.raises(StorageError, match=why) as caught:
            TarLayout(write(path, *members))
        assert caught.value.code == "layout-invalid"
        assert caught.value.details["rule"] == "LAY-08"
        assert "\x1b" not in caught.value.message


def test_damaged_archives(path: Path) -> None:
    """Cut short, damaged, compressed, or no archive at all: an error that says what it is."""
    whole = archives.archive(*layout_files(), compressed=False)
    for data, why in (
        (b"", "it has no oci-layout"),
        (
            b"not an archive at all".ljust(600),
            "it can't be read as a tar archive: a header has a wrong checksum",
        ),
        (whole[: 512 + 10], "the archive ends in the middle of 'index.json'"),
        (whole[:300], "it ends in the middle of a header"),
        (whole[: len(whole) // 2].ljust(len(whole), b"x"), "can't be read as a tar archive"),
        (archives.archive(*layout_files()), "it is compressed"),
    ):
        path.write_bytes(data)
        with pytest.raises(StorageError, match=why) as caught:
            TarLayout(path)
        assert caught.value.code == "layout-invalid"
        assert caught.value.hint


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([archives.file("index.json", b"{}")], "it has no oci-layout"),
        ([archives.file("oci-layout", VERSION)], "it has no index.json"),
        (
            [archives.file("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'), archives.file("index.json")],
            "'2.0.0'",
        ),
        ([archives.file("oci-layout", VERSION), archives.directory("index.json")], "it has no index.json"),
    ],
)
def test_archives_of_something_else(path: Path, members: list[bytes], why: str) -> None:
    """LAY-01 and LAY-02 hold in an archive too."""
    with pytest.raises(StorageError, match=why):
        TarLayout(write(path, *members))


def test_an_index_that_is_too_large(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not read into memory."""
    monkeypatch.setattr(_tar_files, "INDEX_LIMIT", 10)
    with TarLayout(write(path, *layout_files())) as layout, pytest.raises(StorageError, match="more than 10"):
        layout.resolve("v1")


def test_headers_are_read_with_bounds(path: Path) -> None:
    """An extension header of a terabyte is not read."""
    huge = archives.entry("x", b"x", size=b"\x80\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00")
    with pytest.raises(StorageError, match="an extension header has"):
        TarLayout(write(path, huge, *layout_files()))


def test_damaged_content_is_found_when_it_is_read(path: Path) -> None:
    """As in a directory: bytes are checked against the digest."""
    members = [archives.file("index.json", b'{"schemaVersion":2,"manifests":[]}')]
    members += [archives.file("oci-layout", VERSION), archives.file(blob_name(b"hello\n"), b"hullo\n")]
    with TarLayout(write(path, *members)) as layout, pytest.raises(ContentError, match="does not match"):
        read_all(layout, HELLO)


def test_there_must_be_a_file(path: Path, tmp_path: Path) -> None:
    """Nothing, a directory or a pipe is no archive; a pipe is not waited for."""
    with pytest.raises(NotFoundError, match="there is no layout"):
        TarLayout(path)
    os.mkfifo(path)
    for other in (tmp_path, path):
        with pytest.raises(StorageError, match="neither a directory nor a tar archive"):
            TarLayout(other)


def test_nothing_stays_open(path: Path) -> None:
    """Also when the archive is refused. Closing twice is no error."""
    before = len(os.listdir("/proc/self/fd"))
    layout = TarLayout(write(path, *layout_files()))
    layout.close()
    layout.close()
    with pytest.raises(StorageError):
        TarLayout(write(path, archives.file("../x")))
    assert len(os.listdir("/proc/self/fd")) == before


def fill(layout: NewTarLayout) -> Descriptor:
    layout.push(HELLO, BytesContent(b"hello\n"))
    layout.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
    return put(layout, manifest(), "v1")  # type: ignore[arg-type]


def test_writing(path: Path) -> None:
    """An archive that others read: every member in its place, nothing of this machine in it."""
    with NewTarLayout(path) as layout:
        found = fill(layout)
        assert layout.resolve("v1") == found
        assert read_all(layout, HELLO) == b"hello\n"
        size = layout.commit()
    assert path.stat().st_size == size
    assert size % 10240 == 0
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert {member.name for member in members} == {
        "blobs",
        "blobs/sha256",
        "oci-layout",
        "index.json",
        *(blob_name(data) for data in (b"hello\n", b"{}", manifest().raw)),
    }
    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, 0, "", "")
    }
    assert {member.mode for member in members if member.isfile()} == {0o644}
    with TarLayout(path) as archived:
        assert archived.resolve("v1") == found


def test_an_empty_layout(path: Path) -> None:
    """It has all that a layout must have (LAY-01)."""
    with NewTarLayout(path) as layout:
        layout.commit()
    with tarfile.open(path) as archive:
        assert archive.getnames() == ["blobs", "index.json", "oci-layout"]
    with TarLayout(path) as archived:
        assert list(archived.tags()) == []


def test_names_that_need_more_than_a_header(path: Path) -> None:
    """A sha512 digest is too long for the old form of a header."""
    data = b"x" * 1000
    blob = Descriptor.of(data, "a/b", algorithm="sha512")
    with NewTarLayout(path) as layout:
        layout.push(blob, BytesContent(data))
        layout.commit()
    with tarfile.open(path) as archive:
        assert blob_name(data, "sha512") in archive.getnames()
    with TarLayout(path) as archived:
        assert read_all(archived, blob) == data


def test_many_writers_at_once(path: Path) -> None:
    """Each file gets its own place, however the threads take turns."""
    contents = [bytes([number]) * (number * 997) for number in range(60)]
    with NewTarLayout(path) as layout:

        def push(data: bytes) -> Task:
            def run(_work: Work) -> None:
                layout.push(Descriptor.of(data, "a/b"), BytesContent(data))

            return run

        run_all([push(data) for data in contents], concurrency=8)
        layout.commit()
    with TarLayout(path) as archived:
        for data in contents:
            assert read_all(archived, Descriptor.of(data, "a/b")) == data
    with tarfile.open(path) as archive:
        assert len([member for member in archive if member.isfile()]) == 62


def test_what_is_there_stays_until_all_is_written(path: Path) -> None:
    """And is replaced in one step; without `commit` nothing is left."""
    path.write_bytes(b"an older backup")
    with NewTarLayout(path) as layout:
        fill(layout)
        assert path.read_bytes() == b"an older backup"
    assert path.read_bytes() == b"an older backup"
    assert os.listdir(path.parent) == ["layout.tar"]
    with NewTarLayout(path) as layout:
        fill(layout)
        layout.commit()
    assert tarfile.is_tarfile(path)
    assert os.listdir(path.parent) == ["layout.tar"]


def test_what_a_killed_run_left_is_used_up(path: Path) -> None:
    """The unfinished file has a name that the next run takes."""
    left = path.with_name(".ocictl-layout.tar.part")
    left.write_bytes(b"x" * 100_000)
    with NewTarLayout(path) as layout:
        fill(layout)
        layout.commit()
    assert os.listdir(path.parent) == ["layout.tar"]
    assert path.stat().st_size < 20_000
    with TarLayout(path) as archived:
        assert list(archived.tags()) == ["v1"]


def test_two_runs_do_not_write_one_archive(path: Path) -> None:
    """The second is told so, and the first is not disturbed."""
    with NewTarLayout(path) as layout:
        fill(layout)
        with pytest.raises(ConflictError, match="is being written by another process") as caught:
            NewTarLayout(path)
        assert caught.value.code == "layout-locked"
        layout.commit()
    with TarLayout(path) as archived:
        assert list(archived.tags()) == ["v1"]


def test_content_that_is_wrong_is_not_stored(path: Path) -> None:
    """As everywhere."""
    with NewTarLayout(path) as layout:
        with pytest.raises(ContentError, match="does not match"):
            layout.push(HELLO, BytesContent(b"hullo\n"))
        assert not layout.exists(HELLO)


def _directory(path: Path) -> None:
    path.mkdir()


def _no_parent(path: Path) -> None:
    path.parent.rmdir()


def _link_to_the_unfinished(path: Path) -> None:
    path.with_name(".ocictl-layout.tar.part").symlink_to("/etc/passwd")


@pytest.mark.parametrize("prepare", [_directory, _no_parent, _link_to_the_unfinished])
def test_places_that_can_t_be_written(path: Path, prepare: Callable[[Path], None]) -> None:
    """A clean error before anything else happens; nothing is written through a link."""
    prepare(path)
    with pytest.raises(StorageError) as caught:
        NewTarLayout(path)
    assert caught.value.code == "file-unwritable"


def test_through_a_link_to_the_archive(path: Path, tmp_path: Path) -> None:
    """As the shell's `>` does: the link stays, and what it points to is replaced."""
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to("elsewhere/real.tar")
    with NewTarLayout(path) as layout:
        layout.commit()
    assert path.is_symlink()
    assert tarfile.is_tarfile(tmp_path / "elsewhere" / "real.tar")


def test_a_full_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and nothing half-written is left."""
    threads = threading.active_count()

    def full(*_arguments: object) -> int:
        raise OSError(28, os.strerror(28))

    layout = NewTarLayout(path)
    monkeypatch.setattr("ocictl.stores._tar_writer.os.pwrite", full)
    with layout, pytest.raises(StorageError) as caught:
        layout.push(HELLO, BytesContent(b"hello\n"))
    assert caught.value.code == "disk-full"
    assert os.listdir(path.parent) == []
    assert threading.active_count() == threads
