"""Unpacking: what is refused, what is accepted, and that nothing outside of the directory ever changes."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocictl.errors import ContentError, OcictlError, PathError, StorageError
from ocictl.model.digest import Digest
from ocictl.ops.paths import OutputRoot
from ocictl.ops.tarball import pack_directory
from ocictl.ops.unpack import UnpackLimits, UnpackResult, unpack
from tests.support.archives import (
    archive,
    device,
    directory,
    entry,
    file,
    hard_link,
    long_name,
    pax,
    symlink,
)
from tests.support.trees import snapshot

OUTSIDE = b"precious\n"


def out(
    data: bytes, root: Path, title: str = "d", *, keep_existing: bool = False, **options: Any
) -> UnpackResult:
    with OutputRoot(root, keep_existing=keep_existing) as output:
        return unpack(io.BytesIO(data), output, title, **options)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An output directory, with things beside it and in the working directory that must not change."""
    for place in ("beside", "cwd", "out-evil"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "secret").write_bytes(OUTSIDE)
    (tmp_path / "secret").write_bytes(OUTSIDE)
    monkeypatch.chdir(tmp_path / "cwd")
    path = tmp_path / "out"
    path.mkdir()
    before = outside_of(path)
    yield path
    assert outside_of(path) == before
    assert not [name for name in os.listdir(path) if name.startswith(".ocictl-")]


def outside_of(root: Path) -> dict[str, Any]:
    """Everything beside the root, with the facts that a write, a link or a chmod would change."""
    found: dict[str, Any] = {}
    for path in [root.parent, *root.parent.rglob("*")]:
        if path != root and root not in path.parents:
            facts = path.lstat()
            found[str(path)] = (
                facts.st_mode,
                facts.st_ino,
                facts.st_nlink if not stat.S_ISDIR(facts.st_mode) else 0,
                facts.st_mtime_ns if path != root.parent else 0,
                path.read_bytes() if stat.S_ISREG(facts.st_mode) else None,
            )
    return found


TOP = directory("d")

ESCAPES: dict[str, bytes] = {
    # CVE-2021-21272, GHSA-g5v4-5x39-vwhx: zip slip and link escape
    "CVE-2021-21272 parent": archive(TOP, file("d/../../secret")),
    "CVE-2021-21272 parent at once": archive(file("../secret")),
    "CVE-2021-21272 parent in the middle": archive(TOP, file("d/a/../../../secret")),
    "CVE-2021-21272 parent that stays inside": archive(TOP, file("d/a/../b")),
    "CVE-2021-21272 absolute": archive(file("/tmp/ocictl-test-secret")),
    "CVE-2021-21272 absolute, two slashes": archive(TOP, file("//d/secret")),
    "CVE-2021-21272 outside of the title": archive(TOP, file("d/a"), file("out-evil/secret")),
    "CVE-2021-21272 sibling that begins alike": archive(TOP, file("d-evil/secret")),
    "CVE-2021-21272 only dots": archive(TOP, directory("d/..")),
    "CVE-2021-21272 link, then write": archive(TOP, symlink("d/l", "../.."), file("d/l/secret")),
    "CVE-2021-21272 absolute link, then write": archive(TOP, symlink("d/l", "/"), file("d/l/tmp/x")),
    "CVE-2021-21272 link to a file, then write": archive(
        TOP, symlink("d/l", "../../secret"), file("d/l/x")
    ),
    # CVE-2026-85731, GHSA-m37j-52j7-pjw7: chain of links that adds up to the outside, then a write
    "GHSA-m37j-52j7-pjw7 chain, then write": archive(
        TOP,
        directory("d/a"),
        directory("d/a/b"),
        symlink("d/a/b/up", ".."),
        symlink("d/l", "a/b/up/../.."),
        file("d/l/secret"),
    ),
    "GHSA-m37j-52j7-pjw7 chain without write": archive(
        TOP, symlink("d/one", "."), symlink("d/two", "one/.."), symlink("d/three", "two/../secret")
    ),
    "GHSA-m37j-52j7-pjw7 chain in another order": archive(
        TOP, symlink("d/three", "two/secret"), symlink("d/two", "one/.."), symlink("d/one", "a/.."), directory("d/a")
    ),
    "GHSA-m37j-52j7-pjw7 step up from what is not there": archive(TOP, symlink("d/l", "missing/../x")),
    "GHSA-m37j-52j7-pjw7 step up from a circle": archive(
        TOP, symlink("d/a", "b"), symlink("d/b", "a"), symlink("d/l", "a/../../x")
    ),
    "GHSA-m37j-52j7-pjw7 step up inside of a circle": archive(TOP, symlink("d/a", "a/../..")),
    "GHSA-m37j-52j7-pjw7 step up from a file": archive(TOP, file("d/f"), symlink("d/l", "f/../x")),
    "GHSA-m37j-52j7-pjw7 in-tree link, then write": archive(
        TOP, directory("d/a"), symlink("d/l", "a"), file("d/l/x")
    ),
    # CVE-2025-4517, -4330, -4138, -4435, CVE-2024-12718 and CVE-2007-4559 of CPython's tarfile
    "CVE-2007-4559 absolute link": archive(TOP, symlink("d/l", "/etc/passwd")),
    "CVE-2025-4330 parent link": archive(TOP, symlink("d/l", "../secret")),
    "CVE-2025-4330 parent link from below": archive(
        TOP, directory("d/a"), symlink("d/a/l", "../../secret")
    ),
    "CVE-2025-4138 link to the parent itself": archive(TOP, symlink("d/l", "..")),
    "CVE-2025-4517 long way down and up again": archive(
        TOP,
        *(directory(b"d/" + b"/".join([b"x" * 90] * count), mode=0o755) for count in (1,)),
        symlink("d/s", "x" * 90 + "/.."),
        symlink("d/l", "s/.."),
    ),
    "CVE-2024-12718 directory over a link": archive(TOP, symlink("d/l", "../beside"), directory("d/l")),
    "GHSA-jh75-xv39-vhvx directory over an in-tree link": archive(
        TOP, directory("d/a"), symlink("d/l", "a"), directory("d/l", mode=0o777)
    ),
    "CPython 149486 link with empty text": archive(TOP, symlink("d/l", "")),
    "CPython 149486 entry with empty name": archive(file("")),
    # CVE-2026-50163, GHSA-fxhp-mv3v-67qp: hard link looked up from the working directory
    "CVE-2026-50163 hard link to the working directory": archive(hard_link("l", "secret")),
    "CVE-2026-50163 the same, with prefix": archive(TOP, hard_link("d/l", "secret")),
    "CVE-2026-50163 hard link to a parent": archive(TOP, hard_link("d/l", "d/../../secret")),
    "CVE-2026-50163 absolute hard link": archive(TOP, hard_link("d/l", "/etc/passwd")),
    "CVE-2026-50163 hard link through a link": archive(
        TOP, directory("d/a"), file("d/a/f"), symlink("d/s", "a"), hard_link("d/l", "d/s/f")
    ),
    "CPython 151558 hard link to a link": archive(TOP, symlink("d/s", "x"), hard_link("d/l", "d/s")),
    "CPython 151558 hard link to a later file": archive(TOP, hard_link("d/l", "d/f"), file("d/f")),
    "hard link to a directory": archive(TOP, directory("d/a"), hard_link("d/l", "d/a")),
    "hard link to the top": archive(TOP, hard_link("d/l", "d")),
    "hard link without target": archive(TOP, hard_link("d/l", "")),
    # Names hidden in extension headers
    "PAX path that escapes": archive(TOP, pax({"path": "../secret"}), file("d/f")),
    "PAX path that is absolute": archive(TOP, pax({"path": "/etc/x"}), file("d/f")),
    "PAX link text that escapes": archive(TOP, pax({"linkpath": "/etc/passwd"}), symlink("d/l", "f")),
    "GNU long name that escapes": archive(TOP, long_name("d/../../secret"), file("d/f")),
    "GNU long link text that escapes": archive(TOP, long_name("../secret", kind=b"K"), symlink("d/l", "f")),
    "ustar prefix that escapes": archive(TOP, entry("secret", b"0", data=b"x", prefix=b"d/../..")),
    "NUL in a PAX path": archive(TOP, pax({"path": b"d/a\0b"}), file("d/f")),
    "NUL in a PAX link text": archive(TOP, pax({"linkpath": b"a\0b"}), symlink("d/l", "f")),
    # One name, two kinds of things
    "file over a directory": archive(TOP, directory("d/a"), file("d/a")),
    "link over a directory": archive(TOP, directory("d/a"), symlink("d/a", "b")),
    "directory over a file": archive(TOP, file("d/a"), directory("d/a")),
    "file below a file": archive(TOP, file("d/a"), file("d/a/b")),
    "top that is a file": archive(TOP, file("d")),
    "top that is a link": archive(TOP, symlink("d", "/")),
}  # fmt: skip


@pytest.mark.parametrize("data", ESCAPES.values(), ids=ESCAPES)
def test_must_reject(root: Path, data: bytes) -> None:
    """An archive that tries to leave its directory is refused, and nothing of it is kept (F2)."""
    with pytest.raises(OcictlError) as caught:
        out(data, root)
    assert caught.value.code in ("path-unsafe", "archive-malformed")
    assert os.listdir(root) == []
    assert not Path("/tmp/ocictl-test-secret").exists()


@pytest.mark.parametrize("data", ESCAPES.values(), ids=ESCAPES)
def test_must_reject_into_what_is_there(root: Path, data: bytes) -> None:
    """A refused archive leaves an earlier directory of its name as it was (F11)."""
    (root / "d" / "a").mkdir(parents=True)
    (root / "d" / "f").write_bytes(b"old")
    (root / "d" / "l").symlink_to("../../beside")
    before = snapshot(root)
    with pytest.raises(OcictlError):
        out(data, root)
    assert snapshot(root) == before


DAMAGED: dict[str, bytes] = {
    "not an archive": gzip.compress(b"hello\n" * 1000),
    "no compressed bytes": gzip.compress(TOP + file("d/f"))[:-20],
    "cut in the middle": gzip.compress(os.urandom(5000))[:2500],
    "cut checksum": archive(TOP)[:-3],
    "wrong checksum": archive(TOP)[:-8] + b"\0\0\0\0" + archive(TOP)[-4:],
    "wrong length": archive(TOP)[:-1] + b"\x7f",
    "damaged inside": archive(TOP)[:15] + b"\xff\xff\xff" + archive(TOP)[18:],
    "something after gzip": archive(TOP) + b"junk",
    "cut header": archive(TOP, file("d/f")[:300], end=b""),
    "cut file": archive(TOP, file("d/f", b"x" * 2000)[:1000], end=b""),
    "cut padding": archive(TOP, file("d/f", b"x" * 10)[:-100], end=b""),
    "cut extension header": archive(TOP, pax({"path": "d/" + "x" * 2000})[:700], end=b""),
    "end after an extension header": archive(TOP, pax({"path": "d/x"})),
    "something after one block of zeros": archive(TOP, bytes(512), file("d/f")),
    "wrong header checksum": archive(TOP, entry("d/f", b"0", checksum=b"000000\0 ")),
    "checksum that is no number": archive(TOP, entry("d/f", b"0", checksum=b"xxxxxx\0 ")),
    "size that is no number": archive(TOP, entry("d/f", b"0", size=b"0000000008x\0")),
    "negative size": archive(TOP, entry("d/f", b"0", size=b"\xff" * 11 + b"\xfe")),
    "huge binary size": archive(TOP, entry("d/f", b"0", size=b"\x80" + b"\x7f" * 11)),
    "PAX size larger than the archive": archive(TOP, pax({"size": "9999999999999999999"}), file("d/f")),
    "PAX size smaller than the data": archive(TOP, pax({"size": "1"}), file("d/f", b"x" * 5000)),
    "negative PAX size": archive(TOP, pax({"size": "-1"}), file("d/f")),
    "PAX size with a sign": archive(TOP, pax({"size": "+1"}), file("d/f")),
    "PAX time that is no number": archive(TOP, pax({"mtime": "nan"}), file("d/f")),
    "record without equals sign": archive(TOP, entry("x", b"x", data=b"8 path\n\n"), file("d/f")),
    "record without length": archive(TOP, entry("x", b"x", data=b"path=x\n"), file("d/f")),
    "record longer than its header": archive(TOP, entry("x", b"x", data=b"999 path=x\n"), file("d/f")),
    "record of length 0": archive(TOP, entry("x", b"x", data=b"0 path=x\n"), file("d/f")),
    "record without key": archive(TOP, entry("x", b"x", data=b"5 =x\n"), file("d/f")),
    "huge extension header": archive(TOP, entry("x", b"x", size=2**33 - 1)),
    "huge GNU long name": archive(TOP, entry("././@LongLink", b"L", size=2**33 - 1)),
    "endless extension headers": archive(TOP, *[pax({"comment": "x"})] * 100, file("d/f")),
    "global path": archive(pax({"path": "d/x"}, kind=b"g"), TOP, file("d/f")),
    "global size": archive(pax({"size": "1"}, kind=b"g"), TOP, file("d/f")),
    "GNU sparse file": archive(TOP, entry("d/f", b"S")),
    "PAX sparse file": archive(TOP, pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}), file("d/f")),
    "file whose name ends in a slash": archive(TOP, file("d/f/")),
    "name too long": archive(TOP, pax({"path": "d/" + "x/" * 2500}), file("d/f")),
    "link text too long": archive(TOP, pax({"linkpath": "x" * 5000}), symlink("d/f", "x")),
    "too deep": archive(TOP, pax({"path": "d/" + "x/" * 300}), directory("d/f")),
    "part of a name too long": archive(TOP, pax({"path": "d/" + "x" * 300}), file("d/f")),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_damaged(root: Path, data: bytes) -> None:
    """An archive that is damaged or lies about itself is an error of ours; nothing of it is kept (F3)."""
    with pytest.raises(OcictlError) as caught:
        out(data, root)
    assert caught.value.code in ("archive-malformed", "path-unsafe")
    assert os.listdir(root) == []


def signed(member: bytes) -> bytes:
    """The member with a checksum as some old writers made it, adding up signed bytes."""
    fields = member[:148] + b" " * 8 + member[156:512]
    total = sum(byte - 256 if byte > 127 else byte for byte in fields)
    return member[:148] + b"%06o\0 " % total + member[156:]


GOOD: dict[str, tuple[bytes, dict[str, str]]] = {
    "as oras writes it": (archive(TOP, file("d/f", b"1")), {"f": "1"}),
    "no entries for directories": (archive(file("d/a/b/f", b"1")), {"a": "/", "a/b": "/", "a/b/f": "1"}),
    "directories after their files": (archive(file("d/a/f", b"1"), directory("d/a"), TOP), {"a": "/", "a/f": "1"}),
    "names without the title, as regctl": (archive(file("f", b"1"), directory("a")), {"f": "1", "a": "/"}),
    "names with a leading dot": (archive(directory("./"), file("./f", b"1")), {"f": "1"}),
    "names with dot and title": (archive(directory("./d/"), file("./d/./f", b"1")), {"f": "1"}),
    "top as a dot, and a directory of the same name": (
        archive(directory("."), directory("./d"), file("./d/x", b"1"), file("./f", b"2")),
        {"d": "/", "d/x": "1", "f": "2"},
    ),
    "a file called like the directory": (archive(file("d", b"1"), file("e", b"2")), {"d": "1", "e": "2"}),
    "doubled and final slashes": (archive(directory("d//"), directory("d//a/"), file("d///a//f", b"1")), {"a": "/", "a/f": "1"}),
    "directory in the way of the first archives": (
        archive(entry("d/", b"\0", mode=0o755), entry("d/a/", b"\0", mode=0o755), entry("d/f", b"\0", data=b"1")),
        {"a": "/", "f": "1"},
    ),
    "contiguous file": (archive(TOP, entry("d/f", b"7", data=b"1")), {"f": "1"}),
    "no magic": (archive(entry("d/f", b"0", data=b"1", magic=bytes(8))), {"f": "1"}),
    "ustar prefix": (archive(entry("f", b"0", data=b"1", prefix=b"d/a")), {"a": "/", "a/f": "1"}),
    "PAX path": (archive(TOP, pax({"path": "d/ü" + "x" * 200}), file("d/x", b"1")), {"ü" + "x" * 200: "1"}),
    "PAX size": (archive(TOP, pax({"size": "1"}), entry("d/f", b"0", data=b"1", size=0)), {"f": "1"}),
    "signed checksum": (archive(TOP, signed(file("d/ü", b"1"))), {"ü": "1"}),
    "binary size": (archive(TOP, entry("d/f", b"0", data=b"1", size=b"\x80" + bytes(10) + b"\1")), {"f": "1"}),
    "empty PAX record": (archive(TOP, pax({"path": ""}), file("d/f", b"1")), {"f": "1"}),
    "unknown PAX records": (archive(TOP, pax({"SCHILY.xattr.user.x": b"\xff\0", "VENDOR.k": "v"}), file("d/f", b"1")), {"f": "1"}),
    "global comment, as git writes it": (archive(pax({"comment": "0" * 40}, kind=b"g"), TOP, file("d/f", b"1")), {"f": "1"}),
    "Solaris extension header": (archive(TOP, pax({"path": "d/g"}, kind=b"X"), file("d/f", b"1")), {"g": "1"}),
    "GNU long name": (archive(TOP, long_name("d/" + "x" * 150), file("d/x", b"1")), {"x" * 150: "1"}),
    "GNU long link text": (archive(TOP, long_name("x" * 150, kind=b"K"), symlink("d/l", "x")), {"l": "->" + "x" * 150}),
    "names that only look odd": (
        archive(TOP, file("d/..a", b"1"), file("d/a..", b"2"), file("d/...", b"3"), file("d/a\\b", b"4"), file("d/-", b"5"), file("d/a\nb", b"6")),
        {"..a": "1", "a..": "2", "...": "3", "a\\b": "4", "-": "5", "a\nb": "6"},
    ),
    "link in the same directory": (archive(TOP, file("d/f", b"1"), symlink("d/l", "f")), {"f": "1", "l": "->f"}),
    "link before its target": (archive(TOP, symlink("d/l", "a/f"), file("d/a/f", b"1")), {"l": "->a/f", "a": "/", "a/f": "1"}),
    "link up and down again": (
        archive(file("d/a/f", b"1"), symlink("d/b/l", "../a/f"), symlink("d/b/m", "./../b/../a/./f")),
        {"a": "/", "a/f": "1", "b": "/", "b/l": "->../a/f", "b/m": "->./../b/../a/./f"},
    ),
    "link to the top": (archive(symlink("d/a/l", ".."), symlink("d/m", ".")), {"a": "/", "a/l": "->..", "m": "->."}),
    "link out and in again by the title": (archive(TOP, file("d/f", b"1"), symlink("d/l", "../d/f")), {"f": "1", "l": "->../d/f"}),
    "link to nothing": (archive(TOP, symlink("d/l", "a/b/c")), {"l": "->a/b/c"}),
    "links through links": (
        archive(symlink("d/a", "b/l"), symlink("d/b/l", "../c"), symlink("d/c", "e/f"), file("d/e/f", b"1")),
        {"a": "->b/l", "b": "/", "b/l": "->../c", "c": "->e/f", "e": "/", "e/f": "1"},
    ),
    "links in a circle": (
        archive(symlink("d/a", "b"), symlink("d/b", "a"), symlink("d/c", "c"), symlink("d/e", "a/x")),
        {"a": "->b", "b": "->a", "c": "->c", "e": "->a/x"},
    ),
    "link with a final slash": (archive(directory("d/a"), symlink("d/l", "a/")), {"a": "/", "l": "->a/"}),
    "hard link": (archive(TOP, file("d/f", b"1"), hard_link("d/a/h", "d/f")), {"f": "1", "a": "/", "a/h": "1"}),
    "hard link without the title": (archive(file("f", b"1"), hard_link("h", "./f")), {"f": "1", "h": "1"}),
    "hard link to itself": (archive(TOP, file("d/f", b"1"), hard_link("d/f", "d/f")), {"f": "1"}),
    "hard link with a size but no data": (
        archive(TOP, file("d/f", b"1"), entry("d/h", b"1", link="d/f", size=1000)), {"f": "1", "h": "1"}
    ),
    "later entries replace earlier ones": (
        archive(TOP, file("d/f", b"1"), file("d/f", b"2"), symlink("d/l", "x"), file("d/l", b"3"), file("d/m", b"4"), symlink("d/m", "f")),
        {"f": "2", "l": "3", "m": "->f"},
    ),
    "a link that leads out but is replaced": (archive(TOP, symlink("d/l", "../../x"), file("d/l", b"1")), {"l": "1"}),
    "replacing a hard link leaves the other name": (
        archive(TOP, file("d/f", b"1"), hard_link("d/h", "d/f"), file("d/h", b"2")), {"f": "1", "h": "2"}
    ),
    "file in place of a hard link": (
        archive(TOP, file("d/f", b"1"), file("d/g", b"2"), hard_link("d/g", "d/f")), {"f": "1", "g": "1"}
    ),
    "padding of tar": (archive(TOP, file("d/f", b"1"), end=bytes(10240)), {"f": "1"}),
    "no end": (archive(TOP, file("d/f", b"1"), end=b""), {"f": "1"}),
    "one block of zeros": (archive(TOP, file("d/f", b"1"), end=bytes(512)), {"f": "1"}),
    "anything after the end": (archive(TOP, file("d/f", b"1"), end=bytes(1024) + b"junk"), {"f": "1"}),
    "no compression": (archive(TOP, file("d/f", b"1"), compressed=False), {"f": "1"}),
    "gzip in pieces": (
        gzip.compress(TOP + file("d/f", b"1")[:300]) + gzip.compress(file("d/f", b"1")[300:] + bytes(1024)), {"f": "1"}
    ),
    "gzip with padding": (archive(TOP, file("d/f", b"1")) + bytes(100_000), {"f": "1"}),
    "nothing": (archive(), {}),
    "no bytes": (b"", {}),
    "only the directory": (archive(TOP), {}),
}  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), GOOD.values(), ids=GOOD)
def test_must_accept(root: Path, data: bytes, expected: dict[str, str]) -> None:
    """An archive that stays in its directory is unpacked, however odd it looks (F2, row 17)."""
    for _ in range(2):  # what is there is no obstacle
        result = out(data, root)
        assert contents(root / "d") == expected
        assert os.listdir(root) == ["d"]
    assert result.skipped_count == 0


def contents(top: Path) -> dict[str, str]:
    """Path to content, `->target` or `/`."""
    found = {}
    for path in top.rglob("*"):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"->{os.readlink(path)}"
        else:
            found[name] = "/" if path.is_dir() else path.read_text()
    return found


def test_names_that_are_not_utf8(root: Path) -> None:
    """A name is the bytes of the archive, whatever they mean."""
    try:
        out(archive(TOP, file(b"d/\xff", b"1"), symlink(b"d/l", b"\xff")), root)
    except OcictlError:
        pytest.skip("this file system takes UTF-8 names only")
    assert sorted(os.listdir(os.fsencode(root / "d"))) == [b"l", b"\xff"]


@pytest.mark.parametrize("title", ["a/b/c", "a/b/c/", "./a/b/c"])
def test_nested_title(root: Path, title: str) -> None:
    """A title with slashes is a nested directory, and the prefix of the names."""
    out(archive(directory("a/b/c"), file("a/b/c/f", b"1"), symlink("a/b/c/l", "../../b/c/f")), root, title)
    assert contents(root / "a" / "b" / "c") == {"f": "1", "l": "->../../b/c/f"}
    with pytest.raises(PathError):
        out(archive(directory("a/b/c"), symlink("a/b/c/l", "../x")), root, title)
    assert contents(root / "a" / "b" / "c") == {"f": "1", "l": "->../../b/c/f"}


def test_output_directory_itself(root: Path) -> None:
    """With the title `.`, entries go into the output directory, beside what is there."""
    (root / "old").write_bytes(b"0")
    mode = root.stat().st_mode
    out(archive(directory(".", mode=0o700), file("f", b"1"), file("a/g", b"2")), root, ".")
    assert contents(root) == {"old": "0", "f": "1", "a": "/", "a/g": "2"}
    assert root.stat().st_mode == mode
    with pytest.raises(PathError) as caught:
        out(archive(file("f", b"9"), file("new", b"9")), root, ".", keep_existing=True)
    assert caught.value.code == "path-exists"
    assert contents(root) == {"old": "0", "f": "1", "a": "/", "a/g": "2"}


def test_traversal_allowed(root: Path) -> None:
    """Where that is allowed, a title that leaves the output directory works; its archive still may not."""
    (root / "inner").mkdir()
    for title in ("../x", f"{root}/y"):
        name = title.encode()
        with OutputRoot(root / "inner", allow_traversal=True) as output:
            unpack(io.BytesIO(archive(directory(name), file(name + b"/f", b"1"))), output, title)
            for bad in (symlink(name + b"/l", "../z"), file(name + b"/../z"), file("/tmp/z")):
                with pytest.raises(OcictlError):
                    unpack(io.BytesIO(archive(directory(name), bad)), output, title)
    assert contents(root) == {"inner": "/", "x": "/", "x/f": "1", "y": "/", "y/f": "1"}


# Permissions and times


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def modes(top: Path) -> dict[str, str]:
    return {
        str(path.relative_to(top.parent)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in [top, *top.rglob("*")]
    }


def test_permissions(root: Path) -> None:
    """Permissions come from the archive less the umask; setuid, setgid and sticky never do (F3)."""
    with umask(0o027):
        out(
            archive(
                directory("d", mode=0o1777),
                file("d/run", mode=0o6755),
                file("d/f", mode=0o666),
                file("d/ro", mode=0o444),
                directory("d/a", mode=0o2775),
                file("d/implied/f", mode=0o600),
            ),
            root,
        )
    assert modes(root / "d") == {
        "d": "0o750",
        "d/run": "0o750",
        "d/f": "0o640",
        "d/ro": "0o440",
        "d/a": "0o750",
        "d/implied": "0o750",
        "d/implied/f": "0o600",
    }


@pytest.mark.parametrize("title", ["d", "new/d"])
def test_directories_without_permissions(root: Path, title: str) -> None:
    """Read-only and closed directories can be unpacked, also again over themselves."""
    data = archive(
        directory("d", mode=0o555),
        directory("d/a", mode=0o555),
        file("d/a/f", b"1"),
        directory("d/a/b", mode=0o500),
        file("d/a/b/g", b"2"),
        directory("d/closed", mode=0o000),
    )
    if title != "d":
        data = archive(
            *(
                part
                for part in (
                    directory("new/d", mode=0o555),
                    directory("new/d/a", mode=0o555),
                    file("new/d/a/f", b"1"),
                    directory("new/d/a/b", mode=0o500),
                    file("new/d/a/b/g", b"2"),
                    directory("new/d/closed", mode=0o000),
                )
            )
        )
    top = root / title
    try:
        for attempt in range(2):
            if attempt and os.geteuid() != 0:
                (top / "closed").chmod(0o500)
            out(data, root, title)
            if attempt:
                (top / "closed").chmod(0o000)
            assert {name: mode for name, mode in modes(top).items() if not name.endswith(("f", "g"))} == {
                "d": "0o555",
                "d/a": "0o555",
                "d/a/b": "0o500",
                "d/closed": "0o0",
            }
    finally:
        for path in (top, top / "a", top / "a" / "b", top / "closed"):
            path.chmod(0o755)
    assert contents(top) == {"a": "/", "a/f": "1", "a/b": "/", "a/b/g": "2", "closed": "/"}


def test_existing_directories_keep_their_permissions(root: Path) -> None:
    """Unpacking into an existing directory does not open it to others."""
    (root / "d" / "private").mkdir(parents=True)
    (root / "d").chmod(0o700)
    (root / "d" / "private").chmod(0o700)
    for mode in (0o777, 0o055):
        data = archive(directory("d", mode=mode), file("d/private/f"), directory("d/private", mode=mode))
        with umask(0o022):
            out(data, root)
        assert modes(root / "d")["d"] == modes(root / "d")["d/private"] == "0o700"


def test_times(root: Path) -> None:
    """Times that the archive gives are restored, of directories too; 0 means that it gives none."""
    out(
        archive(
            directory("d", mtime=1000),
            file("d/f", mtime=2000),
            file("d/none", mtime=0),
            symlink("d/l", "f", mtime=3000),
            directory("d/a", mtime=4000),
            pax({"mtime": "5000.25"}),
            file("d/a/fraction"),
            pax({"mtime": "99999999999999999"}),
            file("d/a/absurd"),
        ),
        root,
    )
    times = {name: (root / name).lstat().st_mtime for name in ("d", "d/f", "d/none", "d/l", "d/a")}
    assert times.pop("d/none") > 1_600_000_000
    assert times == {"d": 1000, "d/f": 2000, "d/l": 3000, "d/a": 4000}
    assert (root / "d/a/fraction").stat().st_mtime_ns == 5000_250_000_000
    assert (root / "d/a/absurd").exists()


def test_hard_links_are_made(root: Path) -> None:
    """A hard link shares its file, where the file system can do that."""
    out(archive(TOP, file("d/f"), hard_link("d/h", "d/f")), root)
    assert (root / "d/f").stat().st_ino == (root / "d/h").stat().st_ino


def test_hard_links_are_copied_where_they_can_not_be_made(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without hard links the content is copied."""

    def no_link(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    out(archive(TOP, file("d/f", b"1", mode=0o755), hard_link("d/h", "d/f")), root)
    assert (root / "d/h").read_bytes() == b"1"
    assert (root / "d/h").stat().st_mode & 0o111
    assert (root / "d/f").stat().st_ino != (root / "d/h").stat().st_ino


def test_devices_are_skipped(root: Path) -> None:
    """Devices, FIFOs and unknown entries are left out, and the result says which (F3)."""
    result = out(
        archive(
            TOP,
            device("d/char", b"3"),
            device("d/block", b"4"),
            device("d/fifo", b"6"),
            entry("d/volume", b"V", data=b"x" * 700),
            file("d/f", b"1"),
        ),
        root,
    )
    assert result == UnpackResult(
        entries=2, skipped=("d/char", "d/block", "d/fifo", "d/volume"), skipped_count=4
    )
    assert contents(root / "d") == {"f": "1"}
    with pytest.raises(PathError):
        out(archive(TOP, device("../x")), root)


# The digest


def test_digest_of_the_unpacked_archive(root: Path) -> None:
    """The digest counts all uncompressed bytes, also those after the end of the archive."""
    raw = archive(TOP, file("d/f"), end=bytes(1024) + b"trailing" * 1000, compressed=False)
    for algorithm in ("sha256", "sha512"):
        out(gzip.compress(raw), root, unpacked_digest=Digest.of(raw, algorithm))
    assert (root / "d" / "f").exists()


@pytest.mark.parametrize("change", [b"\1", b"", b"more"])
def test_wrong_digest(root: Path, change: bytes) -> None:
    """With a wrong digest nothing gets its name, and what was there stays (row 1)."""
    (root / "d").mkdir()
    (root / "d" / "f").write_bytes(b"old")
    raw = archive(TOP, file("d/f", b"new"), compressed=False)
    wrong = Digest.of(raw + change) if change else Digest.of(raw[:-1])
    with pytest.raises(ContentError) as caught:
        out(gzip.compress(raw), root, unpacked_digest=wrong)
    assert caught.value.code == "digest-mismatch"
    assert contents(root) == {"d": "/", "d/f": "old"}


def test_digest_that_can_not_be_checked(root: Path) -> None:
    """A digest of an unknown algorithm never counts as checked (DIG-03)."""
    with pytest.raises(ContentError) as caught:
        out(archive(TOP), root, unpacked_digest=Digest("blake3", "0" * 64))
    assert caught.value.code == "digest-unverifiable"
    assert os.listdir(root) == []


# What is already there


def test_unpacking_again(root: Path) -> None:
    """A second pull over the first one works: links, files and directories (row 17)."""
    data = archive(
        TOP, file("d/f", b"1"), symlink("d/l", "f"), symlink("d/a/up", "../f"), hard_link("d/h", "d/f")
    )
    out(data, root)
    first = contents(root)
    out(data, root)
    assert contents(root) == first


def test_what_stands_there_is_replaced(root: Path, tmp_path: Path) -> None:
    """Hard links, symbolic links and FIFOs under a member's name are replaced, never followed (F11)."""
    top = root / "d"
    top.mkdir()
    os.link(tmp_path / "secret", top / "hard")
    (top / "soft").symlink_to("../../secret")
    (top / "dir-link").symlink_to("../../beside")
    (top / "other").write_bytes(b"kept")
    (top / "file").write_bytes(b"old")
    os.mkfifo(top / "fifo")
    linked = (tmp_path / "secret").stat().st_nlink
    out(
        archive(
            TOP,
            file("d/hard", b"1"),
            file("d/soft", b"2"),
            file("d/dir-link/secret", b"3"),
            file("d/fifo", b"4"),
            directory("d/file"),
        ),
        root,
    )
    assert contents(top) == {
        "hard": "1",
        "soft": "2",
        "dir-link": "/",
        "dir-link/secret": "3",
        "fifo": "4",
        "file": "/",
        "other": "kept",
    }
    assert (tmp_path / "secret").stat().st_nlink == linked - 1


@pytest.mark.parametrize("there", ["link", "dangling", "file", "fifo"])
def test_title_that_is_no_directory(root: Path, tmp_path: Path, there: str) -> None:
    """What stands under the title of a directory is replaced, and a link there is not followed (2hhj)."""
    if there == "link":
        (root / "d").symlink_to("../beside")
    elif there == "dangling":
        (root / "d").symlink_to("../nothing")
    elif there == "file":
        (root / "d").write_bytes(b"old")
    else:
        os.mkfifo(root / "d")
    out(archive(TOP, file("d/secret", b"1")), root)
    assert not (root / "d").is_symlink()
    assert contents(root) == {"d": "/", "d/secret": "1"}


def test_directory_in_the_way_of_a_file(root: Path) -> None:
    """A directory is not replaced by a file or link; and then nothing at all is moved."""
    (root / "d" / "z").mkdir(parents=True)
    for blocked in (file("d/z"), symlink("d/z", "a")):
        with pytest.raises(PathError) as caught:
            out(archive(TOP, file("d/a"), blocked), root)
        assert caught.value.code == "path-exists"
        assert contents(root) == {"d": "/", "d/z": "/"}


def test_keep_existing(root: Path) -> None:
    """With existing files kept, an existing directory is an error before anything is unpacked."""
    out(archive(TOP, file("d/f", b"1")), root, keep_existing=True)
    with pytest.raises(PathError) as caught:
        out(archive(TOP, file("d/g", b"2")), root, keep_existing=True)
    assert caught.value.code == "path-exists"
    assert contents(root) == {"d": "/", "d/f": "1"}


# Limits


def test_limit_of_entries(root: Path) -> None:
    """More entries than allowed are refused; skipped ones count."""
    data = archive(TOP, *(device(f"d/{number}") for number in range(5)), *(file(f"d/f{n}") for n in range(5)))
    out(data, root, limits=UnpackLimits(entries=11))
    with pytest.raises(ContentError, match="more than 10 entries"):
        out(data, root, limits=UnpackLimits(entries=10))


def test_limit_of_bytes(root: Path) -> None:
    """More uncompressed bytes than allowed are refused, wherever they are."""
    limits = UnpackLimits(total_bytes=1 << 20)
    for data in (
        archive(TOP, file("d/f", bytes(1 << 20))),
        archive(TOP, entry("d/f", b"V", data=bytes(1 << 20))),
        archive(TOP, end=bytes(1 << 20)),
        gzip.compress(bytes(2 << 20)),
    ):
        with pytest.raises(ContentError, match="uncompressed bytes") as caught:
            out(data, root, limits=limits)
        assert caught.value.code == "archive-malformed"
    assert os.listdir(root) == []


def test_bomb_that_fills_the_disk(root: Path) -> None:
    """Content that is a thousand times its compressed size is refused once it takes up room (F3)."""
    data = archive(TOP, file("d/f", b"A" * (8 << 20)))
    limits = UnpackLimits(ratio_from=1 << 20, ratio=100)
    with pytest.raises(ContentError, match="grows to more than 100 times"):
        out(data, root, limits=limits)
    assert os.listdir(root) == []
    out(data, root)


def test_empty_disk_image(root: Path) -> None:
    """A large file of zeros is no bomb: it comes back with holes and takes up no room."""
    zeros = bytes(16 << 20)
    data = archive(TOP, file("d/f", zeros), file("d/g", b"x" + zeros + b"y" + zeros))
    out(data, root, limits=UnpackLimits(ratio_from=1 << 20, ratio=100))
    assert (root / "d/f").read_bytes() == zeros
    assert (root / "d/g").read_bytes() == b"x" + zeros + b"y" + zeros
    if hasattr(os, "SEEK_HOLE") and (root / "d/f").stat().st_blocks < 100:
        assert (root / "d/g").stat().st_blocks * 512 < 2 << 20


def test_limit_of_extension_headers(root: Path) -> None:
    """An extension header is read into memory, so its size is limited, also if it is all there."""
    for extension in (pax({"comment": "x" * (1 << 20)}), long_name("d/" + "x" * (1 << 20))):
        with pytest.raises(ContentError, match="at most 1048576 are read"):
            out(archive(TOP, extension, file("d/f")), root)


def test_limit_of_remembered_names(root: Path) -> None:
    """Names that must be remembered can't fill the memory."""
    data = archive(TOP, *(symlink(f"d/{number}", "x" * 90) for number in range(50)))
    with pytest.raises(ContentError, match="too many or too long"):
        out(data, root, limits=UnpackLimits(memory_bytes=1000))


def test_chain_of_many_links(root: Path) -> None:
    """A chain of thousands of links is followed to its end, in any order, without recursion."""
    links = [symlink(f"d/{number}", str(number + 1)) for number in range(3000)]
    out(archive(TOP, *links, file("d/3000")), root)
    out(archive(TOP, *reversed(links), file("d/3000")), root)
    with pytest.raises(PathError):
        out(archive(TOP, *links, symlink("d/3000", "../x")), root)


def test_links_that_grow(root: Path) -> None:
    """Links whose ends grow and grow are refused instead of filling the memory."""
    links = [symlink(f"d/{number}", f"{number + 1}/" + "x" * 80) for number in range(300)]
    with pytest.raises(PathError):
        out(archive(TOP, *links), root)


def test_memory_is_flat(root: Path, tmp_path: Path) -> None:
    """Memory does not grow with the size of a file (row 3)."""
    path = tmp_path / "big.tar.gz"
    path.write_bytes(archive(TOP, file("d/f", os.urandom(1 << 20) * 48)))
    with path.open("rb") as data, OutputRoot(root) as output:
        tracemalloc.start()
        try:
            unpack(data, output, "d")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    path.unlink()
    assert peak < 8 << 20


def test_disk_full(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is `disk-full`, and nothing half-done stays (F4)."""

    def full(*_arguments: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "symlink", full)
    with pytest.raises(StorageError) as caught:
        out(archive(TOP, file("d/f"), symlink("d/l", "f")), root)
    assert caught.value.code == "disk-full"
    assert os.listdir(root) == []


def test_interrupted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interruption leaves nothing behind (F7)."""

    def interrupt(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "symlink", interrupt)
    with pytest.raises(KeyboardInterrupt):
        out(archive(TOP, file("d/f"), symlink("d/l", "f")), root)
    assert os.listdir(root) == []


# Whatever comes


def test_what_is_packed_can_be_unpacked(tmp_path: Path) -> None:
    """A tree comes back as it was pushed."""
    tree = tmp_path / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "a" / "f").write_bytes(os.urandom(700_000))
    (tree / "a" / ("n" * 200)).write_bytes(b"long")
    (tree / "日本").write_bytes(b"u")
    (tree / "run").write_bytes(b"#!/bin/sh\n")
    (tree / "run").chmod(0o755)
    (tree / "link").symlink_to("a/f")
    (tree / "a" / "b" / "up").symlink_to("../../日本")
    data = io.BytesIO()
    packed = pack_directory(tree, "some/tree", data)
    out(data.getvalue(), tmp_path / "out", "some/tree", unpacked_digest=packed.unpacked_digest)
    assert snapshot(tmp_path / "out" / "some" / "tree") == snapshot(tree)


def joined(*parts: str, most: int) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(parts), min_size=1, max_size=most).map("/".join)


WILD = st.builds(
    lambda path, absolute: "/" * absolute + path,
    joined("d", "a", "..", ".", "", "secret", "out", "x" * 120, most=6),
    st.booleans(),
)


def mostly(usual: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Nineteen times of twenty what passes alone, so that members get to meet."""
    return st.integers(0, 19).flatmap(lambda choice: WILD if choice == 19 else usual)


NAMES = mostly(joined("a", "b", "l", most=3).map(lambda path: "d/" + path))
PATHS = mostly(joined("a", "b", "l", "..", ".", "d", "c", most=5))
MEMBERS = st.one_of(
    st.builds(file, NAMES, st.binary(max_size=600), mode=st.integers(0, 0o7777)),
    st.builds(directory, NAMES, mode=st.integers(0, 0o7777)),
    st.builds(symlink, NAMES, PATHS),
    st.builds(lambda name, path: symlink(name, path) * 2, NAMES, PATHS),
    st.builds(hard_link, NAMES, NAMES),
    st.builds(device, NAMES, st.sampled_from([b"3", b"6", b"V"])),
    st.builds(lambda path: pax({"path": path}) + file("x"), NAMES),
    st.builds(lambda name, path: pax({"linkpath": path}) + symlink(name, "x"), NAMES, PATHS),
    st.builds(lambda path: long_name(path) + directory("x"), NAMES),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    archives=st.lists(st.lists(MEMBERS, max_size=12), min_size=1, max_size=3),
    top=st.booleans(),
    title=st.sampled_from(["d", ".", "a/d"]),
)
def test_any_members_stay_inside(archives: list[list[bytes]], top: bool, title: str) -> None:
    """Whatever members an archive has, also over what earlier ones left, nothing outside changes,
    no link leads outside, and every failure is one of ours."""
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        root = base / "out"
        root.mkdir()
        for name in ("secret", "beside"):
            (base / name).write_bytes(OUTSIDE)
        before = outside_of(root)
        for members in archives:
            data = archive(*([directory(title)] if top else []), *members, compressed=False)
            try:
                out(data, root, title)
            except OcictlError:
                pass
            assert outside_of(root) == before
            assert not [name for name in os.listdir(root) if name.startswith(".ocictl-")]
            for path in root.rglob("*"):
                if path.is_symlink():
                    reached = Path(os.path.realpath(path))
                    assert reached.is_relative_to(os.path.realpath(root / title)), (path, reached)
        unlock(root)


def unlock(root: Path) -> None:
    """Let a temporary directory be removed whatever permissions an archive has set."""
    for path, directories, _files in os.walk(root):
        for name in directories:
            if not os.path.islink(os.path.join(path, name)):
                os.chmod(os.path.join(path, name), 0o700)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=3000), at=st.integers(0, 2500), wrap=st.booleans())
def test_any_bytes_are_an_error_of_ours(data: bytes, at: int, wrap: bool) -> None:
    """Random bytes, alone or written over a good archive, never raise anything foreign."""
    good = archive(TOP, pax({"path": "d/" + "x" * 150}), file("d/x"), symlink("d/l", "x"), compressed=False)
    raw = good[:at] + data[:40] + good[at + len(data[:40]) :] if wrap else data
    with tempfile.TemporaryDirectory() as place:
        for candidate in (raw, gzip.compress(raw)):
            try:
                out(candidate, Path(place) / "out")
            except OcictlError:
                pass
        assert os.listdir(place) in ([], ["out"])
        unlock(Path(place))
