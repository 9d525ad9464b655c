"""A working directory with something to push."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, empty but for `hello.txt` and the directory `d`."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("hello.txt").write_text("hello\n")
    Path("d").mkdir()
    Path("d/inner.txt").write_text("inner\n")
    return folder
