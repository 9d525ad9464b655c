"""Patterns in .ociignore: what Git would ignore is left out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocictl.errors import InvalidInputError, StorageError
from ocictl.ops.git_patterns import parse_patterns
from ocictl.ops.ignore import IGNORE_FILE, Ignore
from tests.support.environment import clean_environment

FILES = [
    *("a", "b.txt", "keep.txt", "dir/a", "dir/b.txt", "dir/sub/a", "dir/sub/deep/keep.txt", "build/out", "src/build/x"),
    *("#hash", "!bang", "with space", "trailing ", "x.o", "src/x.o", "[ab]", "\\back", "täglich", "doc/a/b/c"),
]  # fmt: skip

PATTERNS = {
    "nothing": "",
    "comments and blank lines": "# a\n\n   \n#b.txt\n",
    "name anywhere": "a\n",
    "anchored name": "/a\n",
    "directory only": "build/\n",
    "anchored directory": "/build/\n",
    "a path is anchored": "dir/a\n",
    "star": "*.txt\n",
    "star does not cross slashes": "dir/*.txt\n",
    "two stars in front": "**/build\n",
    "two stars behind": "dir/**\n",
    "two stars between": "doc/**/c\n",
    "question mark": "?\n",
    "set": "[ab]\n",
    "negated set": "[!a]*\n",
    "negation": "*.txt\n!keep.txt\n",
    "negation below what is left out": "dir/\n!dir/sub/deep/keep.txt\n",
    "negation with a way down": "dir/*\n!dir/sub\ndir/sub/*\n!dir/sub/deep\n",
    "the last one counts": "!a\na\n!a\n",
    "escaped": "\\#hash\n\\!bang\n",
    "final space": "trailing \n",
    "escaped final space": "trailing\\ \n",
    "spaces inside": "with space\n",
    "everything": "*\n",
    "everything but": "*\n!*/\n!*.txt\n",
    "lines that match nothing": "/\n!\n//\n!/\n[\n[a\n\\\n[!\n[z-a]\n[[:nothing:]]\nb[\n",
    "sets": "[]a]\n[a-]\n[^a-z]*\n[[:alpha:]]\n[\\]]\n[!z-a].txt\n",
    "sets in paths": "dir[/]a\ndir/[[:alnum:]].txt\n",
    "question mark is a byte": "t?glich\n",
    "two bytes": "t??glich\n",
    "three stars": "***/x.o\n",
    "stars in a name": "b**t\nsrc/**o\n",
    "escaped slash": "dir**\\/a\n**\\/sub\n",
    "escaped letter": "\\a\n",
    "escaped set": "\\[ab\\]\n",
    "a slash too many": "dir//\n",
    "names beyond ASCII": "t*glich\n",
    "line feeds of other systems": "a\r\nb.txt\r\n",
    "byte order mark": "\ufeffa\n",
    "no final line feed": "a",
}


def tree(root: Path) -> Path:
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def kept(ignore: Ignore | None) -> set[str]:
    """The files that stay, looked at as a walk does: nothing below a directory that is left out."""
    found = set()
    for name in FILES:
        parts = name.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        if ignore is not None:
            if any(ignore.excludes(each, is_directory=True) for each in above):
                continue
            if ignore.excludes(name, is_directory=False):
                continue
        found.add(name)
    return found


def kept_by_git(root: Path, patterns: str) -> set[str]:
    """What Git would not ignore, with the same patterns as its .gitignore."""
    (root / ".gitignore").write_text(patterns, newline="")
    git = ["git", "-c", "core.excludesFile=/dev/null", "-c", "core.quotePath=false"]
    environment = clean_environment(root)
    if not (root / ".git").exists():
        subprocess.run([*git, "init", "-q"], cwd=root, env=environment, check=True)
    command = [*git, "ls-files", "-z", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
    return {os.fsdecode(name) for name in done.stdout.split(b"\0")} & set(FILES)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    return tree(tmp_path_factory.mktemp("repository"))


@pytest.mark.parametrize("patterns", PATTERNS.values(), ids=PATTERNS)
def test_same_as_git(repository: Path, tmp_path: Path, patterns: str) -> None:
    """What Git ignores is left out, and nothing else."""
    (tmp_path / IGNORE_FILE).write_text(patterns, newline="")
    assert kept(Ignore.of(str(tmp_path))) == kept_by_git(repository, patterns)


PIECES = st.sampled_from(
    [
        "a",
        "b.txt",
        "dir",
        "sub",
        "*",
        "**",
        "***",
        "?",
        "*.txt",
        "build",
        "[ab]",
        "[!a]",
        "deep",
        "doc",
        "c",
        "x.*",
        "\\a",
    ]
)
LINES = st.builds(
    lambda start, pieces, end: start + "/".join(pieces) + end,
    st.sampled_from(["", "", "!", "/", "!/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
NOISE = st.text(alphabet="ab/*?![]\\-^: .#txdir", max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(LINES | NOISE, max_size=4))
def test_any_patterns_same_as_git(repository: Path, patterns: list[str]) -> None:
    """Also for patterns that nobody thought of."""
    text = "\n".join(patterns)
    assert kept(Ignore(parse_patterns(text.encode()))) == kept_by_git(repository, text)


def test_no_patterns(tmp_path: Path) -> None:
    """Without the file, or with something else of its name, nothing is left out; a FIFO does not hang."""
    assert Ignore.of(str(tmp_path)) is None
    assert Ignore.of(str(tmp_path / "missing")) is None
    (tmp_path / IGNORE_FILE).mkdir()
    assert Ignore.of(str(tmp_path)) is None
    (tmp_path / IGNORE_FILE).rmdir()
    os.mkfifo(tmp_path / IGNORE_FILE)
    assert Ignore.of(str(tmp_path)) is None


@pytest.mark.parametrize("data", ["*".encode("utf-16"), b"a\n" * 600_000], ids=["UTF-16", "long"])
def test_patterns_that_are_none(tmp_path: Path, data: bytes) -> None:
    """A file that holds no patterns is an error: whoever wrote it wanted something left out."""
    (tmp_path / IGNORE_FILE).write_bytes(data)
    with pytest.raises(InvalidInputError) as caught:
        Ignore.of(str(tmp_path))
    assert caught.value.code == "argument-invalid"
    assert IGNORE_FILE in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_patterns(tmp_path: Path) -> None:
    """Patterns that can't be read are an error, not an empty list."""
    (tmp_path / IGNORE_FILE).write_text("a")
    (tmp_path / IGNORE_FILE).chmod(0)
    with pytest.raises(StorageError) as caught:
        Ignore.of(str(tmp_path))
    assert caught.value.code == "file-unreadable"
