"""What was done to other programs that unpack archives, tried on ours. One test for each advisory.

The short ones are in `test_unpack`; here are those that need several archives, a directory that was prepared, or
more than a line.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocictl.errors import OcictlError
from ocictl.ops.paths import OutputRoot
from ocictl.ops.unpack import unpack
from tests.support.archives import archive, directory, entry, file, hard_link, long_name, pax, symlink

SECRET = b"precious\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An output directory; what is beside it must not change."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)
    (outside / "secret").chmod(0o640)
    monkeypatch.chdir(outside)
    before = facts(outside / "secret")
    path = tmp_path / "out"
    path.mkdir()
    yield path
    assert facts(outside / "secret") == before
    assert os.listdir(outside) == ["secret"]
    assert sorted(os.listdir(tmp_path)) == ["out", "outside"]


def facts(path: Path) -> tuple[int, int, int, int, bytes]:
    status = path.stat()
    return status.st_mode, status.st_nlink, status.st_mtime_ns, status.st_ino, path.read_bytes()


def out(root: Path, *members: bytes) -> None:
    with OutputRoot(root) as output:
        unpack(io.BytesIO(archive(*members)), output, "d")


def refused(root: Path, *members: bytes) -> None:
    with pytest.raises(OcictlError) as caught:
        out(root, *members)
    assert caught.value.code in ("path-unsafe", "archive-malformed")


TOP = directory("d")


def test_cve_2025_4517_way_too_long_to_resolve(root: Path) -> None:
    """CVE-2025-4517: links whose way is longer than a system resolves, and then leads up and out (CPython)."""
    part, members, way = "d" * 247, [TOP], ""
    for letter in "abcdefghijklmnop":
        members += [directory(f"d/{way}{part}") if not way else long(f"d/{way}{part}", directory("d/x"))]
        members += [long(f"d/{way}{letter}", symlink_to(part))]
        way += f"{part}/"
    short = "/".join("abcdefghijklmnop") + "/" + "l" * 254
    members += [long("d/" + short, symlink_to("../" * 16))]
    members += [long("d/escape", symlink_to(short + "/../../outside"))]
    members += [hard_link("d/flag", "d/escape/secret"), file("d/flag", b"overwrite\n")]
    refused(root, *members)
    assert os.listdir(root) == []


def long(name: str, member: bytes) -> bytes:
    """The member under a name that needs an extension header."""
    return long_name(name) + member


def symlink_to(target: str) -> bytes:
    return long_name(target, kind=b"K") + symlink("d/x", "x")


def test_cve_2025_4435_what_is_refused_is_not_skipped(root: Path) -> None:
    """CVE-2025-4435: an entry that is refused refuses the whole archive; nothing of it stays (CPython)."""
    refused(root, TOP, file("d/good"), symlink("d/l", "../../outside"), file("d/also-good"))
    assert os.listdir(root) == []


def test_cve_2024_12718_mode_and_time_of_a_file_outside(root: Path) -> None:
    """CVE-2024-12718: a link's permissions and time are not set on what it points to (CPython)."""
    refused(
        root, TOP, symlink("d/l", "../../outside/secret", mtime=7), entry("d/l", b"1", link="d/l", mode=0o777)
    )
    out(root, TOP, file("d/f", mode=0o600, mtime=5), symlink("d/l", "f", mtime=7))
    assert stat.S_IMODE((root / "d" / "f").stat().st_mode) == 0o600
    assert (root / "d" / "f").stat().st_mtime == 5


def test_cve_2026_19672_out_and_in_again(root: Path) -> None:
    """CVE-2026-19672: a name that leaves the directory and comes back makes no directories outside (CPython)."""
    for name in ("../evil/../out/d/f", "d/../../evil/../out/d/f", "../out/d/f"):
        refused(root, TOP, file(name))
    assert os.listdir(root) == []


def test_cpython_151558_hard_link_that_is_copied(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 151558: where a hard link is made by copying, the copy is of the archive's file only."""

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    refused(root, TOP, symlink("d/l", "f"), hard_link("d/h", "d/l"))
    refused(root, TOP, hard_link("d/h", "secret"))
    out(root, TOP, file("d/f", b"1"), hard_link("d/h", "d/f"))
    assert (root / "d" / "h").read_bytes() == b"1"


def test_cpython_157190_hard_link_to_a_link(root: Path) -> None:
    """CPython 157190: a hard link to a symbolic link changes nothing outside and opens nothing."""
    refused(root, TOP, symlink("d/l", "../../outside/secret"), hard_link("d/h", "d/l"))
    refused(root, TOP, symlink("d/l", "x"), entry("d/h", b"1", link="d/l", mode=0o777, mtime=9))


def test_cve_2026_85731_link_that_was_there_before(root: Path) -> None:
    """CVE-2026-85731: a link that stands in the output is replaced, not followed (oras-go)."""
    (root / "d").symlink_to("../outside")
    out(root, TOP, file("d/secret", b"new"))
    assert not (root / "d").is_symlink()
    assert (root / "d" / "secret").read_bytes() == b"new"


def test_cve_2025_45582_two_archives(root: Path) -> None:
    """CVE-2025-45582: a link of one archive is no way out for the next (GNU tar)."""
    refused(root, TOP, symlink("d/x", "../../outside"))
    out(root, TOP, directory("d/a"), file("d/a/f", b"1"), symlink("d/x", "a"))
    (root / "d" / "y").symlink_to("../../outside")
    out(root, TOP, file("d/x/secret", b"2"), file("d/y/secret", b"3"))
    assert (root / "d" / "a" / "f").read_bytes() == b"1"
    assert not (root / "d" / "a" / "secret").exists()
    assert [(root / "d" / name / "secret").read_bytes() for name in "xy"] == [b"2", b"3"]


def test_cve_2021_32803_directory_that_becomes_a_link(root: Path) -> None:
    """CVE-2021-32803, CVE-2021-37701, CVE-2021-37712: a directory can't be swapped for a link (node-tar)."""
    refused(root, TOP, directory("d/a"), file("d/a/f"), symlink("d/a", "../../outside"), file("d/a/secret"))
    refused(root, TOP, directory("d/a"), file("d/a/f"), symlink("d/a/", "."), file("d/a/g"))
    refused(root, TOP, file("d/a/f"), symlink("d/a", "b"), file("d/a/g"))


def test_cve_2025_62518_sizes_that_differ(root: Path) -> None:
    """CVE-2025-62518: the size of the extension header counts, so an archive in a file stays in it (tokio-tar)."""
    inner = archive(file("d/smuggled", b"!"), compressed=False)
    size = {"size": str(len(inner))}
    out(root, TOP, pax(size), entry("d/inner.tar", b"0", data=inner, size=0), file("d/after", b"2"))
    assert sorted(os.listdir(root / "d")) == ["after", "inner.tar"]
    assert (root / "d" / "inner.tar").read_bytes() == inner


def test_cve_2019_20907_records_without_end(root: Path) -> None:
    """CVE-2019-20907: a record of length 0 does not keep the reader busy for ever (CPython)."""
    refused(root, TOP, entry("d/x", b"x", data=b"0 path=x\n"), file("d/f"))


def test_cve_2026_24842_hard_link_relative_to_its_place(root: Path) -> None:
    """CVE-2026-24842: a hard link's target counts from the top, not from where the link is (node-tar)."""
    refused(root, TOP, directory("d/a"), hard_link("d/a/h", "../outside/secret"))
    refused(root, TOP, directory("d/a"), file("d/f"), hard_link("d/a/h", "../f"))


def test_cve_2026_31802_drive_letters(root: Path) -> None:
    """CVE-2026-31802, CVE-2026-29786: a target with a drive letter is climbed like any other (node-tar)."""
    refused(root, TOP, symlink("d/l", "C:../../../outside/secret"))
    refused(root, TOP, hard_link("d/l", "C:../../outside/secret"))


@pytest.mark.parametrize("size", [b"\x80" + bytes(3) + b"\x40" + bytes(7), b"\xff" * 12, b"77777777777\0"])
def test_ghsa_f36w_mj3v_6jqv_sizes(root: Path, size: bytes) -> None:
    """GHSA-f36w-mj3v-6jqv: a size of 2^62, or below nothing, reserves nothing and is an error."""
    refused(root, TOP, entry("d/f", b"0", size=size))
    refused(root, TOP, entry("d/x", b"x", size=size), file("d/f"))
    refused(root, TOP, pax({"size": str(1 << 62)}), entry("d/f", b"0", size=0))
    assert os.listdir(root) == []
