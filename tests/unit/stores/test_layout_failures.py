"""Failing writes and symbolic links in layouts: nothing half-written, nothing written elsewhere."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocictl.content import VerifyingReader, read_all
from ocictl.errors import ContentError, StorageError
from ocictl.sources import BytesContent
from ocictl.stores import _layout_files
from ocictl.stores.layout import Layout
from tests.support.layouts import (
    EMPTY_INDEX,
    HELLO,
    files,
    manifest,
    put,
    write_layout,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the layout is, or will be."""
    return tmp_path / "layout"


@pytest.fixture
def layout(path: Path) -> Layout:
    """A new, empty layout."""
    return Layout(path, create=True)


class TestFailures:
    def fail_at(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        def fail(handle: int) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(_layout_files.os, "fsync", fail)

    @pytest.mark.parametrize(
        ("number", "code"),
        [
            (errno.ENOSPC, "disk-full"),
            (errno.EDQUOT, "disk-full"),
            (errno.EROFS, "file-unwritable"),
            (errno.EIO, "file-unwritable"),
        ],
    )
    def test_failed_writes_leave_nothing(
        self, layout: Layout, path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
    ) -> None:
        """A failure is an error of ours with a hint, and no file under any name is left."""
        before = files(path)
        self.fail_at(monkeypatch, number)
        with pytest.raises(StorageError) as caught:
            layout.push(HELLO, BytesContent(b"hello\n"))
        assert caught.value.code == code
        assert caught.value.hint
        assert sorted({*files(path)} - {"blobs/sha256"}) == before
        assert not layout.exists(HELLO)

    def test_a_failed_index_is_the_old_index(
        self, layout: Layout, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """index.json is replaced as a whole or not at all, and the next try works."""
        put(layout, manifest(), "v1")
        before = (path / "index.json").read_bytes()
        descriptor = layout.resolve("v1")
        with monkeypatch.context() as patch:
            self.fail_at(patch, errno.ENOSPC)
            with pytest.raises(StorageError):
                layout.tag(descriptor, "v2")
        assert (path / "index.json").read_bytes() == before
        assert list(layout.tags()) == ["v1"]
        layout.tag(descriptor, "v2")
        assert list(layout.tags()) == ["v1", "v2"]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
    def test_interruption_leaves_nothing(
        self, layout: Layout, path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
    ) -> None:
        """Ctrl-C in the middle of a blob leaves no temporary file."""

        def interrupt(self: VerifyingReader, size: int = -1, /) -> bytes:
            assert any(name.endswith(".part") for name in files(path))
            raise error

        monkeypatch.setattr(VerifyingReader, "read", interrupt)
        with pytest.raises(error):
            layout.push(HELLO, BytesContent(b"hello\n"))
        assert files(path) == ["blobs", "blobs/sha256", "index.json", "oci-layout"]

    def test_an_index_that_grows_too_large_is_not_written(
        self, layout: Layout, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What could not be read again is not written."""
        monkeypatch.setattr(_layout_files, "INDEX_LIMIT", 200)
        with pytest.raises(StorageError, match="would have more than"):
            put(layout, manifest())
        assert (path / "index.json").read_bytes() == EMPTY_INDEX

    def test_an_index_that_cannot_be_rewritten_stays(self, path: Path) -> None:
        """JSON-05: a number beyond the doubles would change on the way, so the update stops."""
        raw = b'{"schemaVersion":2,"manifests":[],"x":1e999}'
        write_layout(path, index=raw)
        with pytest.raises(ContentError, match="written as JSON"):
            put(Layout(path), manifest())
        assert (path / "index.json").read_bytes() == raw

    @pytest.mark.skipif(os.geteuid() == 0, reason="permissions don't bind root")
    def test_permissions(self, layout: Layout, path: Path) -> None:
        """A directory that may not be written to is named."""
        path.chmod(0o500)
        try:
            with pytest.raises(StorageError) as caught:
                put(layout, manifest())
        finally:
            path.chmod(0o700)
        assert caught.value.code == "file-unwritable"


class TestSymbolicLinks:
    """go-containerregistry #2227, #2250, #2279, #2232, #2306: neither unsafe nor too strict."""

    def test_linked_content_is_read(self, layout: Layout, path: Path) -> None:
        """A blob may lie elsewhere, as in a shared store: its digest is checked wherever it is."""
        outside = path.parent / "outside"
        outside.write_bytes(b"hello\n")
        (path / "blobs" / "sha256").mkdir()
        (path / "blobs" / "sha256" / HELLO.digest.encoded).symlink_to(outside)
        assert layout.exists(HELLO)
        assert read_all(layout, HELLO) == b"hello\n"
        outside.write_bytes(b"jello\n")
        with pytest.raises(ContentError):
            read_all(layout, HELLO)

    def test_a_linked_index_is_read_and_not_written(self, layout: Layout, path: Path) -> None:
        """Writing would either follow the link out of the layout or cut it: both surprise."""
        outside = path.parent / "outside.json"
        (path / "index.json").rename(outside)
        (path / "index.json").symlink_to(outside)
        assert list(Layout(path).tags()) == []
        with pytest.raises(StorageError, match="symbolic link"):
            put(layout, manifest(), "v1")
        assert outside.read_bytes() == EMPTY_INDEX
        assert (path / "index.json").is_symlink()

    @pytest.mark.parametrize("linked", ["blobs", "blobs/sha256"])
    def test_nothing_is_written_through_a_linked_directory(
        self, layout: Layout, path: Path, linked: str
    ) -> None:
        """An untrusted layout can't direct writes to another place."""
        outside = path.parent / "outside"
        (outside / "sha256").mkdir(parents=True)
        if linked == "blobs":
            (path / "blobs").rmdir()
            (path / "blobs").symlink_to(outside)
        else:
            (path / "blobs" / "sha256").symlink_to(outside / "sha256")
        with pytest.raises(StorageError, match="symbolic link") as caught:
            layout.push(HELLO, BytesContent(b"hello\n"))
        assert caught.value.code == "file-unwritable"
        assert files(outside) == ["sha256"]

    @pytest.mark.parametrize("content", [b"hel", None])
    def test_a_linked_blob_is_replaced_not_followed(
        self, layout: Layout, path: Path, content: bytes | None
    ) -> None:
        """A link of the wrong size, or into nothing, becomes a file; its target stays as it is."""
        outside = path.parent / "outside"
        if content is not None:
            outside.write_bytes(content)
        (path / "blobs" / "sha256").mkdir()
        blob = path / "blobs" / "sha256" / HELLO.digest.encoded
        blob.symlink_to(outside)
        layout.push(HELLO, BytesContent(b"hello\n"))
        assert not blob.is_symlink()
        assert blob.read_bytes() == b"hello\n"
        assert (outside.read_bytes() if outside.exists() else None) == content

    def test_a_linked_lock_is_refused(self, layout: Layout, path: Path) -> None:
        """The lock file can't be used to touch a file elsewhere."""
        outside = path.parent / "outside"
        outside.write_bytes(b"precious")
        (path / ".ocictl.lock").unlink()
        (path / ".ocictl.lock").symlink_to(outside)
        with pytest.raises(StorageError, match="symbolic link"):
            put(layout, manifest())
        assert outside.read_bytes() == b"precious"

    def test_the_layout_itself_may_be_linked(self, layout: Layout, path: Path) -> None:
        """The user chose that path; it is followed."""
        link = path.parent / "link"
        link.symlink_to(path)
        put(Layout(link), manifest(), "v1")
        assert list(layout.tags()) == ["v1"]
