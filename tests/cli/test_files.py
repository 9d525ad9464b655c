"""Files named for output are complete, or what stood there stays."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from ocictl.cli.files import replacing, write_file
from ocictl.errors import StorageError


def test_a_file_gets_its_name_at_the_end(tmp_path: Path) -> None:
    """Until the block ends well the old content is there."""
    place = tmp_path / "f"
    place.write_bytes(b"old")
    with replacing(str(place)) as file:
        file.write(b"new")
        assert place.read_bytes() == b"old"
    assert place.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither the name nor a temporary file."""

    def write() -> None:
        with replacing(str(tmp_path / "f")) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert os.listdir(tmp_path) == []


def test_modes(tmp_path: Path) -> None:
    """A new file follows the umask, an old one keeps its mode."""
    before = os.umask(0o027)
    try:
        write_file(str(tmp_path / "new"), b"")
        (tmp_path / "old").touch(0o600)
        write_file(str(tmp_path / "old"), b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600


def test_a_link_is_followed(tmp_path: Path) -> None:
    """As the shell's `>` does: the link stays a link."""
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_to() -> None:
    """`-o /dev/null` throws the bytes away, not the device."""
    write_file(os.devnull, b"x")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """A named pipe stays one, and whoever reads it gets the bytes."""
    pipe = tmp_path / "p"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_file(str(pipe), b"x")
    reader.join(10)
    assert got == [b"x"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("name", ["d", "missing/f", "file/f"])
def test_what_can_not_be_written(tmp_path: Path, name: str) -> None:
    """A directory, or a file in a directory that is not there."""
    (tmp_path / "d").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        write_file(str(tmp_path / name), b"x")
    assert caught.value.code == "file-unwritable"
    assert caught.value.details["path"] == str(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["d", "file"]
