"""A pull that was cut off goes on in a later run, and what is there and right is not fetched again."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import CHUNK
from ocictl.errors import ContentError, TransportError
from ocictl.events import Event, TransferAdvanced, TransferKept, TransferSkipped, TransferStarted
from ocictl.model.descriptor import Descriptor
from ocictl.ops.files import claim
from ocictl.ops.pack import FileArgument
from ocictl.ops.partial import partial_name
from ocictl.ops.pull import pull
from ocictl.ops.push import push
from ocictl.stores.memory import MemoryStore
from tests.support.trees import snapshot, write_random

SIZE = 3 * CHUNK + 1000


class Cut(MemoryStore):
    """Breaks off each blob's first stream after so many bytes; records where streams began and what was read."""

    def __init__(self) -> None:
        super().__init__()
        self.cut_after: int | None = None
        self.change: Callable[[bytes], bytes] = bytes
        self.starts: list[int] = []
        self.bytes_read = 0

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
        stream = super().fetch(descriptor, start=0)
        if descriptor.is_document:
            return stream
        self.starts.append(start)
        data, outer, left = self.change(stream.read()), self, self.cut_after

        class Stream(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                nonlocal left
                wanted = len(data) if size is None or size < 0 else size
                if left is not None:
                    if left == 0:
                        raise TransportError("lost", code="connection-failed")
                    wanted = min(wanted, left)
                    left -= wanted
                part = super().read(wanted)
                outer.bytes_read += len(part)
                return part

        return Stream(data[start:])


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cut:
    """A store with one file of a few chunks, tagged v1."""
    monkeypatch.chdir(tmp_path)
    write_random(tmp_path / "file.bin", SIZE)
    store = Cut()
    push(store, [FileArgument("file.bin")], tags=["v1"])
    return store


def broken_pull(target: Cut, out: Path, cut_after: int) -> list[Event]:
    """A pull that is cut off."""
    events: list[Event] = []
    target.cut_after = cut_after
    with pytest.raises(TransportError):
        pull(target, "v1", out, on_event=events.append)
    target.cut_after = None
    return events


def check_done(out: Path, source: Path) -> None:
    """Only the file is there, and it is right."""
    assert os.listdir(out) == ["file.bin"]
    assert (out / "file.bin").read_bytes() == source.read_bytes()


def test_goes_on_in_a_later_run(target: Cut, tmp_path: Path) -> None:
    """What had come is kept, said so, and not fetched again."""
    out = tmp_path / "out"
    first = broken_pull(target, out, 2 * CHUNK)
    assert [event.offset for event in first if isinstance(event, TransferKept)] == [2 * CHUNK]
    assert [name[-5:] for name in os.listdir(out)] == [".part"]
    second: list[Event] = []
    pull(target, "v1", out, on_event=second.append)
    assert target.starts == [0, 2 * CHUNK]
    assert target.bytes_read == SIZE
    started = [event for event in second if isinstance(event, TransferStarted) and event.descriptor.title]
    assert [event.offset for event in started] == [2 * CHUNK]
    check_done(out, tmp_path / "file.bin")


def test_all_there_but_the_name(target: Cut, tmp_path: Path) -> None:
    """A run that ended between the last byte and the name needs no byte at all."""
    out = tmp_path / "out"
    out.mkdir()
    blob = target_blob(target)
    (out / partial_name(blob)).write_bytes((tmp_path / "file.bin").read_bytes())
    pull(target, "v1", out)
    assert target.starts == []
    check_done(out, tmp_path / "file.bin")


def target_blob(target: Cut) -> Descriptor:
    """The descriptor of the one file."""
    from ocictl.content import read_document

    document = read_document(target, target.resolve("v1"))
    return document.successors()[1]


@pytest.mark.parametrize(
    "kept", [b"x" * (2 * CHUNK), b"x" * SIZE, b"x" * (SIZE + 1)], ids=["part", "whole", "more"]
)
def test_wrong_bytes_of_an_earlier_run(kept: bytes, target: Cut, tmp_path: Path) -> None:
    """PULL-08: the kept bytes are hashed again; if they are wrong the blob is fetched from its beginning."""
    out = tmp_path / "out"
    out.mkdir()
    (out / partial_name(target_blob(target))).write_bytes(kept)
    pull(target, "v1", out)
    assert target.starts[-1] == 0
    check_done(out, tmp_path / "file.bin")


def test_wrong_content_is_not_kept(target: Cut, tmp_path: Path) -> None:
    """T7: content that changed on the server fails, and nothing of it stays for the next run."""
    out = tmp_path / "out"
    broken_pull(target, out, 2 * CHUNK)
    target.change = lambda data: bytes(len(data))
    with pytest.raises(ContentError):
        pull(target, "v1", out)
    assert not out.exists() or os.listdir(out) == []


def test_small_rests_are_not_kept(target: Cut, tmp_path: Path) -> None:
    """Less than one chunk is not worth a file."""
    out = tmp_path / "out"
    events = broken_pull(target, out, CHUNK - 1)
    assert not [event for event in events if isinstance(event, TransferKept)]
    assert not out.exists()


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "directory"])
def test_somebody_else_s_file_under_the_hidden_name(kind: str, target: Cut, tmp_path: Path) -> None:
    """F11: what is not ours under the name of a partial file is neither opened nor changed."""
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.write_bytes(b"mine")
    name = out / partial_name(target_blob(target))
    if kind == "link":
        name.symlink_to(outside)
    elif kind == "hard link":
        os.link(outside, name)
    elif kind == "pipe":
        os.mkfifo(name)
    else:
        name.mkdir()
    pull(target, "v1", out)
    assert outside.read_bytes() == b"mine"
    assert (out / "file.bin").read_bytes() == (tmp_path / "file.bin").read_bytes()
    assert sorted(os.listdir(out)) == sorted([name.name, "file.bin"])


def test_second_run_beside_the_first(target: Cut, tmp_path: Path) -> None:
    """F8: while one run holds the partial file, another writes one of its own; both end with the right file."""
    out = tmp_path / "out"
    inner: list[list[str]] = []

    def on_event(event: Event) -> None:
        if isinstance(event, TransferAdvanced) and not inner:
            inner.append([])
            pull(target, "v1", out)
            inner[0] = os.listdir(out)

    pull(target, "v1", out, on_event=on_event)
    assert sorted(name[-4:] for name in inner[0]) == [".bin", "part"]
    check_done(out, tmp_path / "file.bin")


def test_right_file_is_left_alone(target: Cut, tmp_path: Path) -> None:
    """A file that is there with the right content is neither fetched nor written again."""
    out = tmp_path / "out"
    pull(target, "v1", out)
    before = (out / "file.bin").stat()
    events: list[Event] = []
    pull(target, "v1", out, on_event=events.append)
    assert (out / "file.bin").stat().st_ino == before.st_ino
    assert target.starts == [0]
    skipped = [event for event in events if isinstance(event, TransferSkipped)]
    assert [event.reason for event in skipped] == ["exists"]


@pytest.mark.parametrize("kind", ["other bytes", "shorter", "hard link", "link"])
def test_file_that_is_not_right_is_replaced(kind: str, target: Cut, tmp_path: Path) -> None:
    """F11: wrong content is replaced, and so is the right content behind a link."""
    out, outside = tmp_path / "out", tmp_path / "outside"
    pull(target, "v1", out)
    right = (out / "file.bin").read_bytes()
    (out / "file.bin").unlink()
    outside.write_bytes(right)
    if kind == "other bytes":
        (out / "file.bin").write_bytes(bytes(SIZE))
    elif kind == "shorter":
        (out / "file.bin").write_bytes(right[:-1])
    elif kind == "hard link":
        os.link(outside, out / "file.bin")
    else:
        (out / "file.bin").symlink_to(outside)
    pull(target, "v1", out)
    assert (out / "file.bin").stat(follow_symlinks=False).st_nlink == 1
    assert not (out / "file.bin").is_symlink()
    check_done(out, outside)


def test_directories_resume_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive of a directory is gathered like a file, unpacked when it is whole, and leaves nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tree").mkdir()
    write_random(tmp_path / "tree" / "a", 4 * CHUNK)
    target = Cut()
    push(target, [FileArgument("tree")], tags=["v1"])
    out = tmp_path / "out"
    broken_pull(target, out, 2 * CHUNK)
    pull(target, "v1", out)
    assert target.starts == [0, 2 * CHUNK]
    assert snapshot(out) == {"tree": "directory", "tree/a": snapshot(tmp_path / "tree")["a"]}


def test_rests_of_killed_runs_are_swept(target: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary names that nobody holds go with the next run; held ones, young ones and others' files stay."""
    out = tmp_path / "out"
    old, young = out / f".ocictl-{'0' * 16}.tmp", out / f".ocictl-{'1' * 16}.tmp"
    held, other = out / f".ocictl-{'2' * 16}.tmp", out / ".ocictl-notes.tmp"
    for path in (old, young):
        path.mkdir(parents=True)
        (path / "half").write_text("half")
    held.write_text("held")
    other.write_text("mine")
    real = os.fstat

    def aged(fd: int) -> os.stat_result:
        status = real(fd)
        if os.readlink(f"/proc/self/fd/{fd}") == str(young):
            return status
        values = list(status)
        values[9] = 0
        return os.stat_result(values)

    monkeypatch.setattr("ocictl.ops.files.os.fstat", aged)
    with held.open() as file:
        assert claim(file.fileno())
        pull(target, "v1", out)
    assert sorted(os.listdir(out)) == sorted([young.name, held.name, other.name, "file.bin"])
