"""Putting indexes together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import read_document
from ocictl.errors import InvalidInputError, NotFoundError
from ocictl.events import Event, IndexStep, TagWritten
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index, build_index
from ocictl.ops.index import IndexChanges, create_index, push_index, update_index
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from ocictl.target import Target
from tests.support.layouts import manifest

IMAGE = media_types.IMAGE_CONFIG


@pytest.fixture(params=["memory", "layout"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """The same behaviour is promised for each of these."""
    return MemoryStore() if request.param == "memory" else Layout(tmp_path / "layout", create=True)


def put(target: Target, document: Any, tag: str | None) -> Descriptor:
    descriptor: Descriptor = document.descriptor().plain()
    target.push(descriptor, BytesContent(document.raw), tag=tag)
    return descriptor


def put_image(target: Target, tag: str, config: bytes, media_type: str = IMAGE, **more: Any) -> Descriptor:
    """An image with this config, perhaps one that breaks the rules."""
    blob = Descriptor.of(config, media_type)
    target.push(blob, BytesContent(config))
    return put(
        target, manifest(config=blob, **{"artifact_type": None, "annotations": {"t": tag}, **more}), tag
    )


def put_platform(target: Target, tag: str, architecture: str = "amd64", **more: Any) -> Descriptor:
    return put_image(target, tag, json.dumps({"architecture": architecture, "os": "linux", **more}).encode())


def entries(index: Index) -> list[dict[str, Any]]:
    return [entry.to_json() for entry in index.manifests]


class TestCreate:
    def test_platforms_come_from_image_configs(self, target: Target) -> None:
        """IDX-05: with every member that a platform has, and no other."""
        put_platform(target, "amd")
        put_platform(target, "arm", "arm64", variant="v8", rootfs={"type": "layers", "diff_ids": []})
        more = {"os": "windows", "os.version": "10.0", "os.features": ["win32k"]}
        put_platform(target, "win", **more)
        index = create_index(target, ["amd", "arm", "win"])
        assert [entry.get("platform") for entry in entries(index)] == [
            {"architecture": "amd64", "os": "linux"},
            {"architecture": "arm64", "os": "linux", "variant": "v8"},
            {"architecture": "amd64", **more},
        ]

    @pytest.mark.parametrize(
        "config", [b"no json", b"{}", b"[]", b'{"architecture":"amd64"}', b'{"architecture":1,"os":"linux"}']
    )
    def test_a_config_without_a_platform(self, target: Target, config: bytes) -> None:
        """Is no error."""
        put_image(target, "x", config)
        assert "platform" not in entries(create_index(target, ["x"]))[0]

    def test_a_config_that_is_missing(self, target: Target) -> None:
        """Nobody can say which platform it is for, so no index is made that says none."""
        put(target, manifest(config=Descriptor.of(b"lost", IMAGE)), "x")
        with pytest.raises(NotFoundError):
            create_index(target, ["x"])

    def test_artifact_types(self, target: Target) -> None:
        """DESC-07: the manifest's own, else that of an old artifact's config; never an image's config."""
        put(target, manifest(artifact_type="a/new"), "new")
        put_image(target, "old", b"{}", "a/old")
        put_image(target, "image", b"{}")
        put_image(target, "docker", b"{}", media_types.DOCKER_CONFIG)
        put(target, build_index(artifact_type="a/index"), "index")
        put(target, build_index(), "plain")
        index = create_index(target, ["new", "old", "image", "docker", "index", "plain"])
        assert [entry.get("artifactType") for entry in entries(index)] == [
            "a/new",
            "a/old",
            None,
            None,
            "a/index",
            None,
        ]

    def test_the_bytes(self, target: Target) -> None:
        """Compact, members in the order of the Go types (JSON-03)."""
        found = put_platform(target, "amd")
        index = create_index(target, ["amd"], artifact_type="a/b", annotations={"k": "v", "a": "<"})
        assert index.raw.decode() == (
            '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","artifactType":"a/b",'
            f'"manifests":[{{"mediaType":"{found.media_type}","digest":"{found.digest}","size":{found.size},'
            '"platform":{"architecture":"amd64","os":"linux"}}],"annotations":{"a":"\\u003c","k":"v"}}'
        )
        assert create_index(target, []).raw == build_index().raw

    def test_each_document_is_listed_once(self, target: Target) -> None:
        """By whatever names it is given."""
        found = put_platform(target, "amd")
        target.tag(found, "latest")
        assert len(create_index(target, ["amd", "latest", str(found.digest), "amd"]).manifests) == 1

    def test_what_is_no_document(self, target: Target) -> None:
        """Unknown kinds are refused; what is not there is not found."""
        raw = b'{"mediaType":"a/b"}'
        target.push(Descriptor.of(raw, "a/b"), BytesContent(raw), tag="odd")
        with pytest.raises(InvalidInputError):
            create_index(target, ["odd"])
        with pytest.raises(NotFoundError):
            create_index(target, ["nope"])
        with pytest.raises(InvalidInputError):
            create_index(target, [], artifact_type="bad")

    def test_steps(self, target: Target) -> None:
        """Each is told as it happens."""
        events: list[Event] = []
        found = put_platform(target, "amd")
        create_index(target, ["amd"], on_event=events.append)
        assert events == [IndexStep("fetching", "amd"), IndexStep("fetched", "amd", found.digest)]


class TestUpdate:
    @pytest.fixture
    def places(self, target: Target) -> dict[str, Descriptor]:
        """Three images, an index of the first two, an index of the last."""
        found = {name: put_platform(target, name, name) for name in ("a1", "a2", "a3")}
        found["idx"] = put(target, create_index(target, ["a1", "a2"], annotations={"k": "v"}), "idx")
        found["other"] = put(target, create_index(target, ["a3", "a1"]), "other")
        return found

    def listed(self, index: Index) -> list[Digest]:
        return [entry.digest for entry in index.manifests]

    def test_add_merge_and_remove(self, target: Target, places: dict[str, Descriptor]) -> None:
        """First what is removed, then what is added, then what is merged; the rest keeps its place."""
        events: list[Event] = []
        changes = IndexChanges(add=["a3"], merge=["other"], remove=[places["a1"].digest])
        index = update_index(target, "idx", changes, on_event=events.append)
        assert self.listed(index) == [places[name].digest for name in ("a2", "a3", "a1")]
        assert index.annotations == {"k": "v"}
        assert [(event.action, event.name) for event in events if isinstance(event, IndexStep)] == [
            ("fetching", "idx"),
            ("fetched", "idx"),
            ("removed", str(places["a1"].digest)),
            ("fetching", "a3"),
            ("fetched", "a3"),
            ("added", "a3"),
            ("fetching", "other"),
            ("fetched", "other"),
            ("merged", "other"),
        ]

    def test_adding_what_is_listed(self, target: Target, places: dict[str, Descriptor]) -> None:
        """Changes nothing, however often it is done."""
        events: list[Event] = []
        index = update_index(target, "idx", IndexChanges(add=["a1"]), on_event=events.append)
        assert index.raw == create_index(target, ["a1", "a2"], annotations={"k": "v"}).raw
        assert events[-1] == IndexStep("exists", "a1", places["a1"].digest)

    @pytest.mark.parametrize(("given", "expected"), [(None, "a/b"), ("c/d", "c/d"), ("", None)])
    def test_the_artifact_type(self, target: Target, given: str | None, expected: str | None) -> None:
        """Stays, changes, or goes."""
        put(target, build_index(artifact_type="a/b"), "idx")
        assert update_index(target, "idx", IndexChanges(artifact_type=given)).artifact_type == expected

    def test_other_members_stay(self, target: Target, places: dict[str, Descriptor]) -> None:
        """JSON-04: of the index and of its entries, and the subject."""
        entry = {**places["a1"].to_json(), "x": 1, "annotations": {"b": "1", "a": "2"}}
        document = {
            "y": [1],
            "annotations": {"k": "v"},
            "subject": places["a2"].to_json(),
            "manifests": [entry],
            "schemaVersion": 2,
        }
        raw = json.dumps(document, indent=1).encode()
        target.push(Descriptor.of(raw, media_types.OCI_INDEX), BytesContent(raw), tag="foreign")
        index = update_index(target, "foreign", IndexChanges(artifact_type="a/b"))
        written = json.loads(index.raw)
        assert written == {**document, "mediaType": media_types.OCI_INDEX, "artifactType": "a/b"}
        assert list(written) == [
            "schemaVersion",
            "mediaType",
            "artifactType",
            "manifests",
            "subject",
            "annotations",
            "y",
        ]

    def test_a_docker_list_stays_one(self, target: Target, places: dict[str, Descriptor]) -> None:
        """IDX-07."""
        document = {"schemaVersion": 2, "mediaType": media_types.DOCKER_LIST, "manifests": []}
        raw = json.dumps(document).encode()
        target.push(Descriptor.of(raw, media_types.DOCKER_LIST), BytesContent(raw), tag="list")
        index = update_index(target, "list", IndexChanges(add=["a1"]))
        assert index.media_type == media_types.DOCKER_LIST

    def test_what_can_t_be_done(self, target: Target, places: dict[str, Descriptor]) -> None:
        """A manifest for an index, what is not listed, what is not there, a type that is none."""
        with pytest.raises(InvalidInputError, match="is a manifest, not an index"):
            update_index(target, "a1", IndexChanges(add=["a2"]))
        with pytest.raises(InvalidInputError, match="is a manifest, not an index"):
            update_index(target, "idx", IndexChanges(merge=["a2"]))
        with pytest.raises(NotFoundError, match="is not in the index 'idx'"):
            update_index(target, "idx", IndexChanges(add=["a3"], remove=[places["a3"].digest]))
        with pytest.raises(NotFoundError):
            update_index(target, "nope", IndexChanges(add=["a3"]))
        with pytest.raises(InvalidInputError):
            update_index(target, "idx", IndexChanges(artifact_type="bad"))

    @pytest.mark.parametrize(
        ("changes", "empty"),
        [
            (IndexChanges(), True),
            (IndexChanges(add=["a"]), False),
            (IndexChanges(merge=["a"]), False),
            (IndexChanges(remove=[Digest.of(b"")]), False),
            (IndexChanges(artifact_type=""), False),
        ],
    )
    def test_no_change(self, changes: IndexChanges, empty: bool) -> None:
        """To clear the artifact type is a change."""
        assert changes.is_empty is empty


def test_pushing_an_index(target: Target) -> None:
    """It is stored, listed and tagged; events tell of the tags after the first."""
    put_platform(target, "amd")
    index = create_index(target, ["amd"], artifact_type="a/b", annotations={"k": "v"})
    events: list[Event] = []
    descriptor = push_index(target, index, tag="one", more_tags=["two"], on_event=events.append)
    assert (descriptor.artifact_type, descriptor.annotations) == ("a/b", {"k": "v"})
    assert read_document(target, target.resolve("two")) == index
    assert [event.tag for event in events if isinstance(event, TagWritten)] == ["two"]
    assert push_index(target, build_index()).digest == build_index().descriptor().digest
