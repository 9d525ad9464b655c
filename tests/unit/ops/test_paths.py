"""Titles: which are refused; and putting files under them without touching anything else."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from ocictl.errors import InvalidInputError, OcictlError, PathError, StorageError
from ocictl.ops import files
from ocictl.ops.paths import OutputRoot, check_titles, clean_title, title_for


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("a", "a"),
        ("./a", "a"),
        ("a/b/../c", "a/c"),
        ("a//b/", "a/b"),
        (".", "."),
        ("./", "."),
        ("hi:txt", "hi:txt"),
        ("ünï/日本", "ünï/日本"),
        (" a", " a"),
        ("..a/b..b", "..a/b..b"),
    ],
)
def test_title_is_the_cleaned_path(path: str, title: str) -> None:
    """The title of a relative path is its shortest spelling, as oras writes it (ORAS.md 4)."""
    assert title_for(path, path_validation=True) == title
    check_titles([title], allow_traversal=False)


@pytest.mark.parametrize("path", ["/etc/hostname", "//etc/hostname", "/"])
def test_absolute_path_on_push(path: str) -> None:
    """An absolute path is refused with the way out, and kept if the check is off."""
    with pytest.raises(PathError) as caught:
        title_for(path, path_validation=True)
    assert caught.value.code == "path-absolute"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("run 'cd /")
    assert title_for(path, path_validation=False) == os.path.normpath(path).replace("//", "/")


@pytest.mark.parametrize("path", ["../x", "a/../../x", ".."])
def test_parent_directory_on_push(path: str) -> None:
    """A path that leaves the working directory is refused, since a plain pull would refuse it."""
    with pytest.raises(PathError) as caught:
        title_for(path, path_validation=True)
    assert caught.value.code == "path-unsafe"
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("run 'cd ..' first")
    assert title_for(path, path_validation=False) == os.path.normpath(path)


def test_empty_path_on_push() -> None:
    """An empty path is no file."""
    with pytest.raises(InvalidInputError):
        title_for("", path_validation=True)


ESCAPES = ["/etc/passwd", "//host/share", "../x", "..", "a/../../x", "a/../b"]
NEVER = [
    "",
    "a\\b",
    "..\\x",
    "\\\\host\\share",
    "C:\\x",
    "C:x",
    "c:/x",
    "a\0b",
    "a\nb",
    "a\x1b[31m",
    "a\x7f",
    "a\x85",
    "\ud800",
    "x\udcff",
    "a" * 256,
    "a/" + "ü" * 128,
    "a/" * 2100 + "b",
    "CON",
    "con",
    "a/NUL/b",
    "aux.c",
    "Lpt1.tar.gz",
    "COM¹",
    "conin$",
    "nul .txt",
    "a.",
    "a /b",
    "a/b ",
    "...",
]


@pytest.mark.parametrize("title", ESCAPES + NEVER)
def test_unsafe_titles(title: str) -> None:
    """A title that leaves the output directory or can't be a file name everywhere is refused (F1, ECO-18)."""
    with pytest.raises(PathError) as caught:
        check_titles(["fine", title], allow_traversal=False)
    assert caught.value.code == "path-unsafe"
    assert caught.value.message.isprintable()
    caught.value.message.encode()
    str(caught.value.details).encode()


@pytest.mark.parametrize("title", ESCAPES)
def test_traversal_allowed(title: str) -> None:
    """With traversal allowed, absolute titles and `..` pass."""
    check_titles([title], allow_traversal=True)


@pytest.mark.parametrize("title", NEVER)
def test_traversal_allowed_keeps_the_other_rules(title: str) -> None:
    """With traversal allowed, what can't be a file name stays refused."""
    with pytest.raises(PathError):
        check_titles([title], allow_traversal=True)


@pytest.mark.parametrize(
    "title",
    [
        "a",
        "a/b",
        ".hidden",
        "..a/b",
        "console.txt",
        "com10",
        "nulls",
        "ab:c",
        "名/前",
        "a b.c",
        "a" * 255,
        "./a",
        "d/",
    ],
)
def test_safe_titles(title: str) -> None:
    """Ordinary titles pass, also with a colon, in any script, and as other tools spell them."""
    check_titles([title], allow_traversal=False)


@pytest.mark.parametrize(
    "titles",
    [
        ["a", "a"],
        ["a", "./a"],
        ["d", "d/"],
        ["a/b", "a//b"],
        ["Readme", "README"],
        ["straße", "STRASSE"],
        ["é", "e\u0301"],
        ["É", "e\u0301"],
        ["a", "a/b"],
        ["a/b/c", "A"],
        [".", "a"],
    ],
)
def test_titles_that_meet(titles: list[str]) -> None:
    """Equal titles, equal ones to some file system, and one inside of another are refused (F1, row 16)."""
    for order in (titles, titles[::-1]):
        with pytest.raises(PathError) as caught:
            check_titles(["other", *order], allow_traversal=False)
        assert caught.value.code == "path-duplicate"


def test_titles_that_do_not_meet() -> None:
    """Files of one directory, and names that begin alike, are no duplicates."""
    check_titles(["a/b", "a/c", "ab", "a.b", "b/a"], allow_traversal=False)


def test_title_of_the_output_directory_itself() -> None:
    """`.` is the title of a directory pushed from inside; a file can't have it."""
    check_titles(["."], allow_traversal=False, directories={"."})
    with pytest.raises(PathError):
        check_titles(["."], allow_traversal=False, directories=set())


def test_clean_title() -> None:
    """Two leading slashes are one; nothing is the current directory."""
    assert [clean_title(text) for text in ("//a", "///a", "", "a/", "/..")] == ["/a", "/a", ".", "a", "/"]


# Putting files in place


def put(root: OutputRoot, title: str, data: bytes = b"new") -> None:
    with root.create_file(title) as pending:
        pending.file.write(data)
        pending.commit()


def names(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


def test_file_appears_whole_with_usual_permissions(tmp_path: Path) -> None:
    """A file gets its name when it is complete, with the permissions that the umask leaves."""
    before = os.umask(0o027)
    try:
        with OutputRoot(tmp_path / "new" / "out") as root:
            with root.create_file("a/b/c") as pending:
                pending.file.write(b"12")
                pending.file.write(b"3")
                assert not (root.path / "a").exists()
                pending.commit()
            assert root.location("./a/b/c") == tmp_path / "new" / "out" / "a" / "b" / "c"
            written = root.location("a/b/c")
    finally:
        os.umask(before)
    assert written.read_bytes() == b"123"
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o750
    assert names(tmp_path) == ["new", "new/out", "new/out/a", "new/out/a/b", "new/out/a/b/c"]


def test_nothing_stays_without_commit(tmp_path: Path) -> None:
    """Leaving without commit, by an error or not, leaves nothing behind: no file, no directory (row 30)."""
    with OutputRoot(tmp_path) as root:
        with contextlib.suppress(KeyboardInterrupt), root.create_file("a/b") as pending:
            pending.file.write(b"half")
            assert [name[:8] for name in names(tmp_path)] == [".ocictl-"]
            raise KeyboardInterrupt
        with root.create_directory("d/e") as directory:
            os.mkdir("x", dir_fd=directory.fd)
    assert names(tmp_path) == []


def test_one_content_two_titles(tmp_path: Path) -> None:
    """What was written can be read back before it is committed, for a second file."""
    with OutputRoot(tmp_path) as root, root.create_file("a") as first, root.create_file("b") as second:
        first.file.write(b"same")
        first.file.seek(0)
        second.file.write(first.file.read())
        first.commit()
        second.commit()
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes() == b"same"


def test_hard_link_under_a_title_is_replaced(tmp_path: Path) -> None:
    """A hard link to a file elsewhere is replaced; that file keeps its content (F11)."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    out = tmp_path / "out"
    out.mkdir()
    os.link(outside, out / "a")
    with OutputRoot(out) as root:
        put(root, "a")
    assert outside.read_bytes() == b"precious"
    assert (out / "a").read_bytes() == b"new"


@pytest.mark.parametrize("target", ["../outside", "missing", "a", "/dev/null"])
def test_symbolic_link_under_a_title_is_replaced(tmp_path: Path, target: str) -> None:
    """A symbolic link under a title is replaced and never followed (F11)."""
    (tmp_path / "outside").write_bytes(b"precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a").symlink_to(target)
    with OutputRoot(out) as root:
        put(root, "a")
    assert not (out / "a").is_symlink()
    assert (out / "a").read_bytes() == b"new"
    assert (tmp_path / "outside").read_bytes() == b"precious"
    assert names(out) == ["a"]


def test_fifo_under_a_title_is_replaced(tmp_path: Path) -> None:
    """A FIFO under a title is replaced without opening it, so nothing hangs (F11)."""
    os.mkfifo(tmp_path / "a")
    with OutputRoot(tmp_path) as root:
        put(root, "a")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_directory_under_a_file_title(tmp_path: Path) -> None:
    """A directory is never replaced by a file, not even one that appears during the transfer."""
    with OutputRoot(tmp_path) as root:
        (tmp_path / "a").mkdir()
        for attempt in (root.check, root.create_file):
            with pytest.raises(PathError) as caught:
                attempt("a")
            assert caught.value.code == "path-exists"
        with root.create_file("b") as pending:
            (tmp_path / "b").mkdir()
            with pytest.raises(PathError) as caught:
                pending.commit()
            assert caught.value.code == "path-exists"
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("there", ["file", "link", "directory"])
def test_keep_existing(tmp_path: Path, there: str) -> None:
    """With existing files kept, nothing is written over anything, be it a dangling link."""
    if there == "file":
        (tmp_path / "a").write_bytes(b"old")
    elif there == "link":
        (tmp_path / "a").symlink_to("nowhere")
    else:
        (tmp_path / "a").mkdir()
    before = os.lstat(tmp_path / "a")
    with OutputRoot(tmp_path, keep_existing=True) as root:
        for attempt in (root.check, root.create_file, root.create_directory):
            with pytest.raises(PathError) as caught:
                attempt("a")
            assert caught.value.code == "path-exists"
        put(root, "b/c")
        with root.create_file("late") as pending:
            (tmp_path / "late").write_bytes(b"other")
            with pytest.raises(PathError):
                pending.commit()
    assert os.lstat(tmp_path / "a") == before
    assert (tmp_path / "late").read_bytes() == b"other"
    assert names(tmp_path) == ["a", "b", "b/c", "late"]


def test_link_among_the_parents(tmp_path: Path) -> None:
    """A directory on the way that is a link is refused, wherever it leads (pre-existing links, 85731)."""
    out = tmp_path / "out"
    (out / "real").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (out / "inward").symlink_to("real")
    (out / "outward").symlink_to("../outside")
    with OutputRoot(out) as root:
        for title in ("inward/f", "outward/f", "outward/deep/f"):
            for attempt in (root.check, root.create_file, root.create_directory):
                with pytest.raises(PathError) as caught:
                    attempt(title)
                assert caught.value.code == "path-unsafe"
    assert names(tmp_path / "outside") == []
    assert names(out / "real") == []


def test_link_that_appears_during_the_transfer(tmp_path: Path) -> None:
    """A link put in place of a missing directory meanwhile is refused at the end, too."""
    out = tmp_path / "out"
    (tmp_path / "outside").mkdir()
    with OutputRoot(out) as root, root.create_file("d/f") as pending:
        (out / "d").symlink_to("../outside")
        with pytest.raises(PathError):
            pending.commit()
    assert names(tmp_path / "outside") == []
    assert names(out) == ["d"]


def test_file_among_the_parents(tmp_path: Path) -> None:
    """A file where a directory is needed is named, and stays."""
    (tmp_path / "a").write_bytes(b"old")
    with OutputRoot(tmp_path) as root, pytest.raises(PathError) as caught:
        root.create_file("a/b")
    assert caught.value.code == "path-exists"
    assert "'a' is there and not a directory" in caught.value.message
    assert (tmp_path / "a").read_bytes() == b"old"


def test_traversal(tmp_path: Path) -> None:
    """Titles that leave the output directory are placed only where that is allowed, and links followed."""
    out = tmp_path / "out"
    (tmp_path / "elsewhere").mkdir()
    for title in ("../x", f"{tmp_path}/y/z", "link/f"):
        with OutputRoot(out) as root:
            if title == "link/f":
                (out / "link").symlink_to("../elsewhere")
            with pytest.raises(PathError):
                root.create_file(title)
        with OutputRoot(out, allow_traversal=True) as root:
            root.check(title)
            put(root, title)
    assert names(tmp_path) == ["elsewhere", "elsewhere/f", "out", "out/link", "x", "y", "y/z"]


def test_output_that_is_a_link(tmp_path: Path) -> None:
    """The output directory itself is the user's choice and may be a link (F5)."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    with OutputRoot(tmp_path / "out") as root:
        put(root, "a")
    assert (tmp_path / "real" / "a").read_bytes() == b"new"


@pytest.mark.parametrize("kind", ["file", "fifo", "dangling"])
def test_output_that_is_no_directory(tmp_path: Path, kind: str) -> None:
    """An output that is no directory is an error of ours, and nothing hangs (F5)."""
    path = tmp_path / "out"
    if kind == "file":
        path.write_bytes(b"")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    with pytest.raises(StorageError) as caught, OutputRoot(path):
        pass
    assert caught.value.code == "file-unwritable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_that_is_read_only(tmp_path: Path) -> None:
    """A directory without write permission is `file-unwritable` (F4)."""
    tmp_path.chmod(0o555)
    try:
        with OutputRoot(tmp_path) as root, pytest.raises(StorageError) as caught:
            root.create_file("a")
    finally:
        tmp_path.chmod(0o755)
    assert caught.value.code == "file-unwritable"


def test_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, noticed while writing or at the end, is `disk-full` and leaves nothing (F4)."""

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with OutputRoot(tmp_path) as root:
        if Path("/dev/full").exists():
            with files.CheckedFile(os.open("/dev/full", os.O_RDWR), "x") as file:
                with pytest.raises(StorageError) as caught:
                    file.write(b"data")
            assert caught.value.code == "disk-full"
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError) as caught:
            put(root, "a")
    assert caught.value.code == "disk-full"
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EACCES, "file-unwritable"),
        (errno.EROFS, "file-unwritable"),
        (errno.EIO, "file-unwritable"),
        (errno.ENAMETOOLONG, "path-unsafe"),
    ],
)
def test_system_errors(number: int, code: str) -> None:
    """What the system says becomes the matching error."""
    with pytest.raises(OcictlError) as caught, files.writing("f"):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code


def test_threads_share_a_root(tmp_path: Path) -> None:
    """Threads that need the same new directories don't get in each other's way."""
    failures: list[BaseException] = []
    start = threading.Barrier(8)

    def work(number: int, root: OutputRoot) -> None:
        try:
            start.wait(30)
            for count in range(20):
                put(root, f"d{count}/e/f{number}", b"%d" % number)
        except BaseException as error:
            failures.append(error)
            raise

    with OutputRoot(tmp_path) as root:
        threads = [threading.Thread(target=work, args=(number, root)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failures == []
    assert len([path for path in tmp_path.rglob("f*") if path.is_file()]) == 160
