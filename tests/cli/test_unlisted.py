"""Commands that are there because oras has them, and that no list shows."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import ocictl


@pytest.mark.parametrize("words", [[], ["push"], ["manifest", "index", "create"], ["blob"]])
def test_help(words: list[str]) -> None:
    """The same as with the option."""
    assert ocictl("help", *words).stdout == ocictl(*words, "--help").stdout


@pytest.mark.parametrize("words", [["nope"], ["manifest", "nope"], ["push", "nope"]])
def test_help_for_what_is_not_there(words: list[str]) -> None:
    """A typing error is one here too."""
    assert f"there is no command {' '.join(words)!r}" in ocictl("help", *words, code=2).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    """A script that asks the program for words."""
    script = ocictl("completion", shell).stdout
    assert "_OCICTL_COMPLETE" in script
    assert ocictl("completion", shell, "--no-descriptions").stdout == script


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_takes_the_script(tmp_path: Path) -> None:
    """Without a complaint."""
    script = tmp_path / "completion"
    script.write_bytes(ocictl("completion", "bash").data)
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_other_shells() -> None:
    """Are named as what they are: not supported."""
    assert "'powershell' is not one of" in ocictl("completion", "powershell", code=2).stderr


def test_they_are_not_listed() -> None:
    """The list of commands has room for what people need."""
    shown = ocictl("--help").stdout
    assert "completion" not in shown
