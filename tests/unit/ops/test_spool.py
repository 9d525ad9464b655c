"""Archives wait on disk in a file without a name, where TMPDIR says."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ocictl.errors import StorageError
from ocictl.ops.spool import Spool


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_written_and_read(place: Path) -> None:
    """What was written is read as often as needed, also by several at once."""
    with Spool() as spool:
        for part in (b"abc", b"", b"defg" * 1000):
            assert spool.write(part) == len(part)
        whole = b"abc" + b"defg" * 1000
        assert spool.size == len(whole)
        one, two = spool.open(), spool.open()
        assert one.read(2) == b"ab"
        assert two.read() == whole
        assert one.read(2) == b"cd"
        assert one.read() == whole[4:]
        assert (one.read(), one.read(5), two.read(1)) == (b"", b"", b"")


def test_nothing_has_a_name(place: Path) -> None:
    """A run that is killed leaves nothing behind: the file never shows in its directory."""
    with Spool() as spool:
        spool.write(b"x" * 100_000)
        assert os.listdir(place) == []


def test_the_directory_can_be_chosen(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made where TMPDIR says."""
    with Spool() as spool:
        spool.write(b"x")
        assert os.fstat(spool._file.fileno()).st_dev == place.stat().st_dev
    monkeypatch.setattr(tempfile, "tempdir", str(place / "missing"))
    with pytest.raises(StorageError) as caught:
        Spool()
    assert str(place / "missing") in caught.value.message
    assert "TMPDIR" in str(caught.value.hint)


def test_disk_full(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is said, with the way out."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed with the spool
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_options: full)
    with Spool() as spool, pytest.raises(StorageError) as caught:
        spool.write(b"x")
    assert caught.value.code == "disk-full"
    assert "TMPDIR" in str(caught.value.hint)


def test_nowhere_to_write(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no temporary directory can be used at all, the way out is the same (F4)."""

    def nowhere() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(StorageError) as caught:
        Spool()
    assert str(place) in caught.value.message
    assert "TMPDIR" in str(caught.value.hint)
