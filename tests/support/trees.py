"""Real files to push, and comparing what came back."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

MIB = 1024 * 1024


def write_random(path: Path, size: int, *, seed: int = 7) -> None:
    """Write reproducible bytes that don't compress, a MiB at a time."""
    source = random.Random(seed)
    with path.open("wb") as file:
        while size > 0:
            file.write(source.randbytes(min(size, MIB)))
            size -= MIB


def write_twenty_files(root: Path, *, large: int = 200 * MIB) -> list[str]:
    """Write twenty files of many kinds and a nested directory; return the arguments for push."""
    root.mkdir(parents=True, exist_ok=True)
    texts = {
        "readme.txt": b"hello\n",
        "empty": b"",
        "no-newline": b"x",
        "crlf.txt": b"a\r\nb\r\n",
        "name with spaces.txt": b"spaces\n",
        "täglich-日本語-🎉.txt": b"unicode\n",
        "data.json": b'{"a": 1}\n',
        "page.html": b"<!doctype html><title>&amp;</title>\n",
        ".hidden": b"hidden\n",
        "UPPER.TXT": b"upper\n",
        "archive.tar.gz": bytes.fromhex("1f8b0800000000000003030000000000000000"),
        "zeros.bin": bytes(100_000),
        "all-bytes.bin": bytes(range(256)) * 40,
        "same-a.txt": b"the same\n",
        "same-b.txt": b"the same\n",
        "plus+and,comma=equals.txt": b"signs\n",
        "deep/er/file.txt": b"nested by its path\n",
        "long-" + "n" * 150 + ".txt": b"long name\n",
    }
    for name, content in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    write_random(root / "medium.bin", 3 * MIB + 17)
    write_random(root / "large.bin", large, seed=8)
    tree = root / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "empty-dir").mkdir()
    (tree / "a" / "one.txt").write_bytes(b"one\n")
    (tree / "a" / "b" / "zwei ü.txt").write_bytes(b"two\n")
    (tree / "run.sh").write_bytes(b"#!/bin/sh\necho run\n")
    (tree / "run.sh").chmod(0o755)
    (tree / "link").symlink_to("a/one.txt")
    (tree / "up").mkdir()
    (tree / "up" / "link").symlink_to("../a/b")
    os.link(tree / "a" / "one.txt", tree / "hard")
    return [*(name for name in texts), "medium.bin", "large.bin", "tree"]


def snapshot(root: Path) -> dict[str, str]:
    """Describe everything below a directory: kind, executable bit, content or link target."""
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = f"link {path.readlink()}"
        elif path.is_dir():
            found[name] = "directory"
        elif not path.is_file():
            found[name] = "special file"
        else:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            executable = "x" if path.stat().st_mode & 0o100 else "-"
            found[name] = f"file {executable} {path.stat().st_size} {digest}"
    return found
