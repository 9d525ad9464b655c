"""Content to push."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest

from ocictl import sources
from ocictl.errors import ContentError, StorageError
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.sources import BytesContent, FileContent, TargetContent, digest_content
from ocictl.stores.memory import MemoryStore

HELLO = Descriptor.of(b"hello\n", "text/plain")


@pytest.fixture
def store() -> MemoryStore:
    """A store that has HELLO."""
    store = MemoryStore()
    store.push(HELLO, BytesContent(b"hello\n"))
    return store


class Liar(MemoryStore):
    """A store whose content is something else than it should be."""

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
        return io.BytesIO(b"jello\n"[start:])


def test_bytes() -> None:
    """PUSH-22: content can be opened again and starts at the first byte."""
    data = BytesContent(b"hello\n")
    assert data.size == 6
    for _ in range(2):
        with data.open() as stream:
            assert stream.read(2) + stream.read() == b"hello\n"


def test_target(store: MemoryStore) -> None:
    """Content of another target is verified on the way."""
    assert TargetContent(store, HELLO).size == 6
    with TargetContent(store, HELLO).open() as stream:
        assert stream.read() == b"hello\n"
    with pytest.raises(ContentError), TargetContent(Liar(), HELLO).open() as stream:
        stream.read()


def test_file(tmp_path: Path) -> None:
    """A file that stays as it is can be read any number of times."""
    path = tmp_path / "f"
    path.write_bytes(b"hello\n")
    data = FileContent(path)
    assert data.size == 6
    for _ in range(2):
        with data.open() as stream:
            assert stream.read(4) == b"hell"
            assert stream.read() == b"o\n"
            assert stream.read(1) == b""


@pytest.mark.parametrize("change", ["grow", "shrink", "touch", "replace"])
def test_a_changing_file_is_noticed(tmp_path: Path, change: str) -> None:
    """PUSH-22: a second reading that would give other bytes is an error, not another upload."""
    path = tmp_path / "f"
    path.write_bytes(b"hello\n")
    os.utime(path, ns=(0, 0))
    data = FileContent(path)
    if change == "grow":
        path.write_bytes(b"hello\nworld\n")
    elif change == "shrink":
        path.write_bytes(b"hell")
    elif change == "touch":
        os.utime(path, ns=(0, 1))
    else:
        path.unlink()
        path.write_bytes(b"jello\n")
    with pytest.raises(StorageError) as caught:
        digest_content(data)
    assert caught.value.code == "file-changed"


def test_a_file_that_vanished(tmp_path: Path) -> None:
    """A file that is gone when it is wanted is named."""
    path = tmp_path / "f"
    path.write_bytes(b"x")
    data = FileContent(path)
    path.unlink()
    with pytest.raises(StorageError) as caught:
        data.open()
    assert (caught.value.code, caught.value.details["path"]) == ("file-not-found", str(path))


@pytest.mark.parametrize("name", ["missing", "file/below"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    """Missing is missing, also below something that is no directory."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        FileContent(tmp_path / name)
    assert caught.value.code == "file-not-found"
    assert caught.value.hint


def test_a_directory_is_unreadable(tmp_path: Path) -> None:
    """The system's refusal is an error of ours."""
    with pytest.raises(StorageError) as caught:
        FileContent(tmp_path).open()
    assert caught.value.code == "file-unreadable"


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_digest_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, algorithm: str) -> None:
    """Digest and size come from one reading, in pieces."""
    monkeypatch.setattr(sources, "CHUNK", 4)
    (tmp_path / "f").write_bytes(b"hello\n")
    digest, size = digest_content(FileContent(tmp_path / "f"), algorithm)
    assert (digest, size) == (Digest(algorithm, hashlib.new(algorithm, b"hello\n").hexdigest()), 6)
