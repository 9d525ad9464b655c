"""An image layout as a directory: opening and writing (LAY); the contract of stores is in test_local_stores.py."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import read_all
from ocictl.errors import InvalidInputError, NotFoundError, StorageError
from ocictl.model import media_types
from ocictl.model.annotations import REF_NAME
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import build_index
from ocictl.model.platform import Platform
from ocictl.sources import BytesContent
from ocictl.stores import _layout_files
from ocictl.stores.layout import Layout
from tests.support.layouts import (
    EMPTY_INDEX,
    HELLO,
    entries,
    files,
    manifest,
    names,
    put,
    write_layout,
)
from tests.support.shared import present, spec_path, vector_rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the layout is, or will be."""
    return tmp_path / "layout"


@pytest.fixture
def layout(path: Path) -> Layout:
    """A new, empty layout."""
    return Layout(path, create=True)


class TestOpening:
    def test_create(self, path: Path) -> None:
        """LAY-01: all three parts of a layout exist from the start, parent directories too."""
        layout = Layout(path / "a" / "b", create=True)
        assert files(path / "a" / "b") == ["blobs", "index.json", "oci-layout"]
        assert json.loads((path / "a" / "b" / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
        assert (path / "a" / "b" / "index.json").read_bytes() == EMPTY_INDEX
        assert list(layout.tags()) == []

    def test_create_takes_an_empty_directory(self, path: Path) -> None:
        """An existing directory may become a layout if nothing is lost by it."""
        path.mkdir()
        (path / ".ocictl-0123.part").write_bytes(b"left over by a killed process")
        Layout(path, create=True)
        assert (path / "oci-layout").exists()

    def test_create_keeps_a_layout(self, layout: Layout, path: Path) -> None:
        """An existing layout is opened, not emptied."""
        put(layout, manifest(), "v1")
        assert list(Layout(path, create=True).tags()) == ["v1"]

    def test_create_completes_a_layout(self, path: Path) -> None:
        """LAY-01: what is missing beside oci-layout is made, as after a creation that was interrupted."""
        path.mkdir()
        (path / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0","x":1}')
        Layout(path, create=True)
        assert files(path) == ["blobs", "index.json", "oci-layout"]
        assert json.loads((path / "oci-layout").read_bytes())["x"] == 1

    def test_create_refuses_another_directory(self, path: Path) -> None:
        """A directory that holds something else is named and left alone, to the last file."""
        path.mkdir()
        (path / "thesis.txt").write_text("precious")
        with pytest.raises(StorageError) as caught:
            Layout(path, create=True)
        assert caught.value.code == "layout-invalid"
        assert "'thesis.txt'" in caught.value.message
        assert [each.name for each in path.iterdir()] == ["thesis.txt"]

    @pytest.mark.parametrize("create", [True, False])
    def test_a_file_is_no_layout(self, path: Path, create: bool) -> None:
        """An archive or any other file gets a clear answer."""
        path.write_bytes(b"x")
        with pytest.raises(StorageError) as caught:
            Layout(path, create=create)
        assert caught.value.code == "layout-invalid"

    def test_missing_directory(self, path: Path) -> None:
        """Reading needs a layout; none is made on the way."""
        with pytest.raises(NotFoundError) as caught:
            Layout(path)
        assert str(path) in caught.value.message
        assert caught.value.hint
        assert not path.exists()

    @pytest.mark.parametrize("missing", ["oci-layout", "index.json"])
    def test_a_part_is_missing(self, layout: Layout, path: Path, missing: str) -> None:
        """LAY-01: the part is named."""
        (path / missing).unlink()
        with pytest.raises(StorageError, match=missing) as caught:
            Layout(path)
        assert caught.value.code == "layout-invalid"

    @pytest.mark.parametrize("text", ["", "a\0b"])
    def test_impossible_paths(self, text: str) -> None:
        """An empty path is not the current directory."""
        with pytest.raises(InvalidInputError):
            Layout(text, create=True)

    def test_path_is_shown_as_it_was_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Users see what they typed."""
        monkeypatch.chdir(tmp_path)
        layout = Layout("./out/", create=True)
        assert (layout.kind, layout.path) == ("oci-layout", "./out/")
        with pytest.raises(NotFoundError, match=r"'\./out/'"):
            layout.resolve("v1")

    @pytest.mark.parametrize("vector", vector_rows("layout"))
    @pytest.mark.parametrize("create", [True, False])
    def test_version(self, path: Path, vector: dict[str, Any] | None, create: bool) -> None:
        """LAY-02: exactly what the specification allows in oci-layout is opened."""
        vector = present(vector)
        write_layout(path, version=spec_path(vector["file"]).read_bytes())
        if vector["valid"]:
            assert list(Layout(path, create=create).tags()) == []
        else:
            with pytest.raises(StorageError) as caught:
                Layout(path, create=create)
            assert (caught.value.code, caught.value.details["rule"]) == ("layout-invalid", "LAY-02")

    def test_other_versions_are_named(self, path: Path) -> None:
        """LAY-02: the version that is not supported is in the message."""
        write_layout(path, version=b'{"imageLayoutVersion":"2.0.0"}')
        with pytest.raises(StorageError, match=r"'2\.0\.0'"):
            Layout(path)

    def test_endless_files_are_not_read(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both files are read with a bound."""
        write_layout(path, version=b" " * (_layout_files.LAYOUT_FILE_LIMIT + 1))
        with pytest.raises(StorageError, match="more than"):
            Layout(path)
        (path / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
        monkeypatch.setattr(_layout_files, "INDEX_LIMIT", 10)
        with pytest.raises(StorageError, match="more than"):
            list(Layout(path).tags())

    def test_a_pipe_is_not_opened(self, path: Path) -> None:
        """A named pipe in an untrusted layout doesn't make the program wait."""
        write_layout(path)
        (path / "index.json").unlink()
        os.mkfifo(path / "index.json")
        os.mkfifo(path / "blobs" / "sha256" / HELLO.digest.encoded)
        layout = Layout(path)
        with pytest.raises(StorageError):
            layout.resolve("v1")
        with pytest.raises(NotFoundError):
            layout.fetch(HELLO)


class TestWriting:
    def test_index_is_what_oras_writes(self, layout: Layout, path: Path) -> None:
        """LAY-10: the entries have the members that oras 1.3.6 writes, in its order."""
        document = manifest(annotations={"k": "v"}, artifact_type="application/x.t")
        put(layout, document, "v1")
        digest = document.descriptor().digest
        assert (path / "index.json").read_text() == (
            '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
            '{"mediaType":"application/vnd.oci.image.manifest.v1+json",'
            f'"digest":"{digest}","size":{len(document.raw)},'
            '"annotations":{"k":"v","org.opencontainers.image.ref.name":"v1"},"artifactType":"application/x.t"}]}'
        )

    def test_same_input_gives_the_same_bytes(self, tmp_path: Path) -> None:
        """Two runs write the same index.json, and running again changes nothing."""
        documents = [manifest(annotations={"n": str(number)}) for number in range(3)]

        def run(path: Path) -> bytes:
            layout = Layout(path, create=True)
            for document in documents:
                put(layout, document, "latest")
                put(layout, document, f"v{document.annotations['n']}")
            put(layout, build_index(manifests=[each.descriptor() for each in documents]))
            return (path / "index.json").read_bytes()

        first = run(tmp_path / "a")
        assert run(tmp_path / "b") == first
        assert sorted(map(str, names(tmp_path / "a"))) == ["None", "latest", "v0", "v1", "v2"]

    def test_pushing_again_does_not_write(self, layout: Layout, path: Path) -> None:
        """What is as it should be is left alone, down to the file."""
        layout.push(HELLO, BytesContent(b"hello\n"))
        descriptor = put(layout, manifest(), "v1")
        marks = {name: (path / name).stat().st_ino for name in files(path)}
        layout.push(HELLO, BytesContent(b"hello\n"))
        put(layout, manifest(), "v1")
        layout.tag(descriptor, "v1")
        assert {name: (path / name).stat().st_ino for name in files(path)} == marks

    def test_content_that_is_there_is_not_read(self, layout: Layout) -> None:
        """A blob of the right name and size costs nothing."""

        class Unread(BytesContent):
            def open(self) -> Any:
                pytest.fail("the content was opened")

        layout.push(HELLO, BytesContent(b"hello\n"))
        layout.push(HELLO, Unread(b"hello\n"))

    def test_a_blob_of_the_wrong_size_is_replaced(self, layout: Layout, path: Path) -> None:
        """What another program left half-written is made whole."""
        layout.push(HELLO, BytesContent(b"hello\n"))
        (path / "blobs" / "sha256" / HELLO.digest.encoded).write_bytes(b"hel")
        assert not layout.exists(HELLO)
        layout.push(HELLO, BytesContent(b"hello\n"))
        assert read_all(layout, HELLO) == b"hello\n"

    def test_tags_and_entries(self, layout: Layout, path: Path) -> None:
        """LAY-06: an entry becomes tagged in place; one entry per tag; who loses the last tag stays listed."""
        one, two = manifest(annotations={"n": "1"}), manifest(annotations={"n": "2"})
        put(layout, one)
        put(layout, two)
        assert names(path) == [None, None]
        put(layout, one, "a")
        assert names(path) == ["a", None]
        layout.tag(one.descriptor(), "b")
        assert names(path) == ["a", None, "b"]
        put(layout, two, "a")
        assert names(path) == ["a", "b"]
        assert [entry["digest"] for entry in entries(path)] == [
            str(two.descriptor().digest), str(one.descriptor().digest),
        ]  # fmt: skip
        put(layout, two, "b")
        assert names(path) == ["a", None, "b"]
        put(layout, one)
        assert names(path) == ["a", None, "b"]

    def test_a_documents_own_ref_name_is_no_tag(self, layout: Layout, path: Path) -> None:
        """ANN-07: an annotation inside a manifest can't claim a tag; as a referrer's it is still shown."""
        document = manifest(annotations={REF_NAME: "latest", "k": "v"}, subject=HELLO)
        put(layout, document)
        assert list(layout.tags()) == []
        assert entries(path)[0]["annotations"] == {"k": "v"}
        assert [dict(each.annotations) for each in layout.referrers(HELLO)] == [
            {REF_NAME: "latest", "k": "v"}
        ]

    def test_artifact_types_of_entries(self, layout: Layout, path: Path) -> None:
        """LAY-10: artifacts show their type, a plain image shows none, but a referrer always has one (RFT-05)."""
        image = Descriptor.of(b"{}", media_types.IMAGE_CONFIG)
        for document in (
            manifest(),
            manifest(artifact_type=None, config=HELLO),
            manifest(artifact_type=None, config=image),
            manifest(artifact_type=None, config=image, subject=HELLO),
            build_index(),
            build_index(artifact_type="i/x"),
        ):
            put(layout, document)
        assert [entry.get("artifactType") for entry in entries(path)] == [
            "a/b", "text/plain", None, media_types.IMAGE_CONFIG, None, "i/x",
        ]  # fmt: skip

    def test_platforms_are_kept(self, layout: Layout, path: Path) -> None:
        """DESC-10: an entry keeps the platform it was first pushed with."""
        document = manifest()
        platform = Platform(os="linux", architecture="amd64")
        pushed = Descriptor(
            media_type=document.media_type,
            digest=document.descriptor().digest,
            size=len(document.raw),
            platform=platform,
        )
        layout.push(pushed, BytesContent(document.raw))
        put(layout, document, "v1")
        other = Platform(os="linux", architecture="arm64")
        layout.push(replace(pushed, platform=other), BytesContent(document.raw))
        assert [entry["platform"] for entry in entries(path)] == [{"architecture": "amd64", "os": "linux"}]

    def test_permissions_follow_the_umask(self, layout: Layout, path: Path) -> None:
        """Others may read a layout unless the user's umask says no."""
        old = os.umask(0o027)
        try:
            layout.push(HELLO, BytesContent(b"hello\n"))
            put(layout, manifest())
        finally:
            os.umask(old)
        for name in (f"blobs/sha256/{HELLO.digest.encoded}", "index.json"):
            assert stat.S_IMODE((path / name).stat().st_mode) == 0o640
