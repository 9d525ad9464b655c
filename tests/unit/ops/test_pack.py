"""What push writes, byte for byte (ORAS.md: what is written)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import InvalidInputError, PathError, StorageError
from ocictl.events import discard
from ocictl.model.annotations import CREATED, TITLE, UNPACK, UNPACKED_DIGEST
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform
from ocictl.ops.annotations import Annotations
from ocictl.ops.pack import FileArgument, PackOptions, pack

EMPTY = (
    b'{"mediaType":"application/vnd.oci.empty.v1+json",'
    b'"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2,"data":"e30="}'
)
HELLO = b'"digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","size":6'


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a file, a config and a directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hello.txt").write_text("hello\n")
    (tmp_path / "config.json").write_text('{"a":1}\n')
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "a").write_text("a\n")
    return tmp_path


def raw(*files: str, subject: Descriptor | None = None, **options: Any) -> bytes:
    """The manifest that these arguments give."""
    arguments = [FileArgument.parse(text) for text in files]
    with pack(arguments, PackOptions(**options), subject=subject, on_event=discard) as packed:
        for node in packed.blobs:
            with node.content.open() as stream:
                data = stream.read()
            assert (Digest.of(data), len(data)) == (node.descriptor.digest, node.descriptor.size)
        return packed.manifest.raw


def test_file_as_oras_writes_it() -> None:
    """A file in v1.1 packing: the exact bytes that oras 1.3.6 writes, without the time stamp."""
    assert raw("hello.txt", annotations=Annotations(manifest={"k": "1<&>"})) == (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        b'"artifactType":"application/vnd.unknown.artifact.v1","config":' + EMPTY + b',"layers":['
        b'{"mediaType":"application/vnd.oci.image.layer.v1.tar",' + HELLO + b","
        b'"annotations":{"org.opencontainers.image.title":"hello.txt"}}],'
        b'"annotations":{"k":"1\\u003c\\u0026\\u003e"}}'
    )


def test_no_files() -> None:
    """ART-01, ART-04: no files give one empty layer with inline data, and the empty config."""
    assert raw(artifact_type="a/b") == (
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",'
        b'"artifactType":"a/b","config":' + EMPTY + b',"layers":[' + EMPTY + b"]}"
    )


def test_old_packing() -> None:
    """v1.0 packing: the artifact type is the config's media type over `{}`; layers may be empty."""
    document = json.loads(raw(image_spec="v1.0", artifact_type="a/b"))
    assert "artifactType" not in document
    assert (document["config"]["mediaType"], document["config"]["size"]) == ("a/b", 2)
    assert document["layers"] == []
    unnamed = json.loads(raw("hello.txt", image_spec="v1.0"))
    assert unnamed["config"]["mediaType"] == "application/vnd.unknown.config.v1+json"


def test_config_alone_switches_to_old_packing() -> None:
    """--config without --artifact-type is v1.0 packing, as oras decides; with one it is v1.1."""
    old = json.loads(raw("hello.txt", config=FileArgument("config.json")))
    assert "artifactType" not in old
    assert old["config"]["mediaType"] == "application/vnd.unknown.config.v1+json"
    new = json.loads(raw("hello.txt", config=FileArgument("config.json", "x/y"), artifact_type="a/b"))
    assert (new["artifactType"], new["config"]["mediaType"]) == ("a/b", "x/y")


def test_platform_is_recorded_in_an_image_config() -> None:
    """--artifact-platform writes an image config with the platform alone: 52 bytes for linux/arm64/v8."""
    platform = Platform.parse("linux/arm64/v8")
    config = json.loads(raw("hello.txt", platform=platform))["config"]
    assert config == {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": "sha256:b39868e3a2d80dff6e7e4180739e5301737354b50ce6db414e985229305970b2",
        "size": 52,
    }


def test_annotation_file_reaches_manifest_config_and_files(work: Path) -> None:
    """Keys of an annotation file are $manifest, $config and arguments as typed; a title renames."""
    (work / "notes.json").write_text(
        json.dumps(
            {
                "$manifest": {"m": "1"},
                "$config": {"c": "2"},
                "hello.txt": {"f": "3"},
                "dir": {TITLE: "renamed", "x": "y"},
                "unknown": {"u": "4"},
            }
        )
    )
    document = json.loads(raw("hello.txt", "dir", annotations=Annotations.from_file("notes.json")))
    assert document["annotations"] == {"m": "1"}
    assert document["config"]["annotations"] == {"c": "2"}
    assert document["layers"][0]["annotations"] == {"f": "3", TITLE: "hello.txt"}
    renamed = document["layers"][1]["annotations"]
    assert (renamed[TITLE], renamed["x"], renamed[UNPACK]) == ("renamed", "y", "true")


def test_directory_becomes_one_layer() -> None:
    """ECO-19: a directory is tar+gzip with the unpack annotation and the digest of the uncompressed tar."""
    layer = json.loads(raw("dir"))["layers"][0]
    assert layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert layer["annotations"][UNPACK] == "true"
    assert layer["annotations"][UNPACKED_DIGEST].startswith("sha256:")


def test_same_input_gives_same_bytes(work: Path) -> None:
    """Nothing but the content counts: not the time of day, not modification times."""
    first = raw("hello.txt", "dir")
    (work / "hello.txt").touch()
    (work / "dir" / "a").touch()
    assert raw("hello.txt", "dir") == first


def test_time_only_when_asked_for() -> None:
    """`created` is written when given, and an annotation of the user's wins over it."""
    assert CREATED not in json.loads(raw("hello.txt")).get("annotations", {})
    given = json.loads(raw("hello.txt", created="2026-01-31T12:00:00Z"))
    assert given["annotations"] == {CREATED: "2026-01-31T12:00:00Z"}
    own = Annotations(manifest={CREATED: "2020-01-01T00:00:00Z"})
    assert json.loads(raw(created="2026-01-31T12:00:00Z", annotations=own))["annotations"][
        CREATED
    ].startswith("2020")


def test_subject_is_media_type_digest_and_size() -> None:
    """MAN-08: the subject is a plain descriptor, whatever the target knows about it."""
    subject = Descriptor.of(b"{}", "a/b", artifact_type="c/d", annotations={"k": "v"})
    assert json.loads(raw(subject=subject))["subject"] == subject.plain().to_json()


@pytest.mark.parametrize(
    ("text", "path", "media_type"),
    [
        ("a", "a", None),
        ("a:b/c", "a", "b/c"),
        ("a:", "a", None),
        ("hi:txt:", "hi:txt", None),
        ("hi:txt:text/plain", "hi:txt", "text/plain"),
        ("C:\\x\\y", "C:\\x\\y", None),
        ("C:\\x:text/plain", "C:\\x", "text/plain"),
    ],
)
def test_file_argument(text: str, path: str, media_type: str | None) -> None:
    """A file argument splits at the last colon; an empty type means the default; drive letters stay."""
    assert FileArgument.parse(text) == FileArgument(path, media_type)


def test_name_with_a_colon_gets_a_hint(work: Path) -> None:
    """A file whose name holds a colon is not mistaken for a bad media type without a way out."""
    (work / "hi:txt").write_text("x")
    with pytest.raises(InvalidInputError, match="txt") as caught:
        FileArgument.parse("hi:txt")
    assert "'hi:txt:'" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (
            {"config": FileArgument("config.json"), "platform": Platform(os="linux", architecture="arm")},
            "--config",
        ),
        ({"config": FileArgument("config.json"), "image_spec": "v1.1"}, "artifact type"),
        ({"config": FileArgument("config.json"), "image_spec": "v1.0", "artifact_type": "a/b"}, "v1.0"),
        ({"artifact_type": "bad"}, "RFC 6838"),
        ({"created": "yesterday"}, "RFC 3339"),
        ({"annotations": Annotations(manifest={CREATED: "2026-02-30T00:00:00Z"})}, "RFC 3339"),
    ],
)
def test_options_that_exclude_each_other(options: dict[str, Any], word: str) -> None:
    """Contradictions are found before a file is read."""
    with pytest.raises(InvalidInputError, match=word):
        raw("missing", **options)


def test_what_can_not_be_a_layer(work: Path) -> None:
    """Missing files, absolute and outside paths, equal titles: refused, each with its code."""
    with pytest.raises(StorageError) as missing:
        raw("missing")
    assert missing.value.code == "file-not-found"
    for text, code in [(str(work / "hello.txt"), "path-absolute"), ("../x", "path-unsafe")]:
        with pytest.raises(PathError) as refused:
            raw(text)
        assert refused.value.code == code
    with pytest.raises(PathError) as twice:
        raw("hello.txt", "./hello.txt")
    assert twice.value.code == "path-duplicate"
    assert b"/hello.txt" in raw(str(work / "hello.txt"), path_validation=False)
