"""push, attach, discover, pull, resolve and tag between targets, without a network."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import read_document
from ocictl.errors import ContentError, InvalidInputError, NotFoundError, PathError, RegistryError
from ocictl.events import Event, TransferFinished, TransferSkipped
from ocictl.model import media_types
from ocictl.model.annotations import TITLE
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import Manifest, build_index, build_manifest
from ocictl.model.platform import Platform
from ocictl.ops.annotations import Annotations
from ocictl.ops.attach import attach
from ocictl.ops.discover import MAX_DEPTH, ReferrerNode, discover
from ocictl.ops.fetch import fetch_manifest
from ocictl.ops.pack import FileArgument, PackOptions
from ocictl.ops.pull import pull
from ocictl.ops.push import push
from ocictl.ops.resolve import resolve
from ocictl.ops.tag import tag
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from ocictl.target import Content, PushReceipt, Target
from tests.support.trees import snapshot, write_twenty_files

TYPE = "application/vnd.example.test"


@pytest.fixture(params=["memory", "layout"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """The same behaviour is promised for each of these."""
    return MemoryStore() if request.param == "memory" else Layout(tmp_path / "layout", create=True)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two files of the same content and a directory."""
    work = tmp_path / "work"
    (work / "dir").mkdir(parents=True)
    (work / "a.txt").write_text("same\n")
    (work / "b.txt").write_text("same\n")
    (work / "dir" / "c").write_text("c\n")
    monkeypatch.chdir(work)
    return work


def files(*names: str) -> list[FileArgument]:
    return [FileArgument.parse(name) for name in names]


def test_round_trip(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty kinds of files and a tree come back as they were, modes, links and all."""
    source = tmp_path / "source"
    names = write_twenty_files(source, large=1024 * 1024)
    monkeypatch.chdir(source)
    pushed = push(target, files(*(f"{name}:" for name in names)), tags=["v1"])
    assert resolve(target, "v1").digest == pushed.descriptor.digest
    result = pull(target, "v1", tmp_path / "out")
    assert snapshot(tmp_path / "out") == snapshot(source)
    assert [file.path.name for file in result.files] == [Path(name).name for name in names]
    assert [name for name in os.listdir(tmp_path / "out") if name.startswith(".ocictl")] == []


def test_push_twice_moves_nothing(target: Target, work: Path) -> None:
    """The second push of the same input finds everything there; equal files move once."""
    first: list[Event] = []
    second: list[Event] = []
    digest = push(
        target, files("a.txt", "b.txt", "dir"), tags=["v1"], on_event=first.append
    ).descriptor.digest
    again = push(target, files("a.txt", "b.txt", "dir"), tags=["v2"], on_event=second.append)
    assert again.descriptor.digest == digest
    assert [event.reason for event in first if isinstance(event, TransferSkipped)] == ["duplicate"]
    assert not [event for event in second if isinstance(event, TransferFinished)]
    assert sorted(target.tags()) == ["v1", "v2"]


def test_missing_blob_is_sent_again(work: Path) -> None:
    """MPUT-08: a registry that reports a missing blob gets all of them, and the manifest once more."""

    class Forgetful(MemoryStore):
        """Says that every blob is there, and finds out when the manifest comes."""

        refused = 0

        def exists(self, descriptor: Descriptor) -> bool:
            return not descriptor.is_document

        def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
            if descriptor.is_document and not MemoryStore.exists(self, EMPTY_DESCRIPTOR):
                self.refused += 1
                raise RegistryError("no", status=400, errors=[{"code": "MANIFEST_BLOB_UNKNOWN"}])
            return super().push(descriptor, content, tag=tag)

    target = Forgetful()
    push(target, files("a.txt"), tags=["v1"])
    assert target.refused == 1
    assert MemoryStore.exists(target, resolve(target, "v1"))


def attach_note(target: Target, reference: str, text: str, artifact_type: str = TYPE) -> Descriptor:
    options = PackOptions(artifact_type=artifact_type, annotations=Annotations(manifest={"note": text}))
    return attach(target, reference, [], options=options).descriptor


def shape(node: ReferrerNode) -> dict[str, Any]:
    """A tree of notes."""
    return {child.descriptor.annotations.get("note", "?"): shape(child) for child in node.referrers}


def test_attach_twice_leaves_one_referrer(target: Target, work: Path) -> None:
    """Attaching the same thing again is found to be there and listed; something else is added."""
    push(target, files("a.txt"), tags=["v1"])
    options = PackOptions(artifact_type=TYPE)
    first = attach(target, "v1", files("b.txt"), options=options)
    second = attach(target, "v1", files("b.txt"), options=options)
    assert (first.already_attached, second.already_attached) == (False, True)
    assert first.descriptor.digest == second.descriptor.digest
    assert len(discover(target, "v1").referrers) == 1
    attach_note(target, "v1", "other")
    assert len(discover(target, "v1").referrers) == 2


def test_three_levels(target: Target, work: Path) -> None:
    """A signature on an SBOM shows below it, with any depth, and a type filter does not hide it."""
    push(target, files("a.txt"), tags=["v1"])
    sbom = attach_note(target, "v1", "sbom", "application/spdx+json")
    attach_note(target, str(sbom.digest), "signature", "application/vnd.example.signature")
    attach_note(target, "v1", "other")
    tree = discover(target, "v1")
    assert shape(tree) == {"sbom": {"signature": {}}, "other": {}}
    assert shape(discover(target, "v1", depth=1)) == {"sbom": {}, "other": {}}
    signed = discover(target, "v1", artifact_type="application/vnd.example.signature")
    assert shape(signed) == {"sbom": {"signature": {}}}
    assert shape(discover(target, "v1", artifact_type="application/spdx+json", depth=1)) == {"sbom": {}}
    assert shape(discover(target, "v1", artifact_type="application/none")) == {}


def test_attach_needs_something(target: Target, work: Path) -> None:
    """Without a type, or without file and annotation, nothing is asked of the target."""
    with pytest.raises(InvalidInputError, match="artifact type"):
        attach(target, "v1", files("a.txt"), options=PackOptions())
    with pytest.raises(InvalidInputError, match="annotation"):
        attach(target, "v1", [], options=PackOptions(artifact_type=TYPE))
    with pytest.raises(NotFoundError):
        attach(target, "v1", files("a.txt"), options=PackOptions(artifact_type=TYPE))


def tree_of(referrers: Callable[[Descriptor], list[Descriptor]]) -> MemoryStore:
    """A store whose list of referrers is made up."""

    class Made(MemoryStore):
        def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Any:
            return iter(referrers(subject))

    return Made()


def test_cycle_ends(work: Path) -> None:
    """GHSA-298f-872v-2rcx: two documents that refer to each other, and one to itself, end the walk."""
    other = Descriptor.of(b"other", media_types.OCI_MANIFEST)
    roots: list[Descriptor] = []
    target = tree_of(lambda subject: [other, subject] if subject == roots[0] else [roots[0], other])
    roots.append(push(target, files("a.txt"), tags=["v1"]).descriptor)
    tree = discover(target, "v1")
    assert [child.descriptor for child in tree.referrers] == [other]
    assert tree.referrers[0].referrers == ()


def test_endless_chain_is_cut(work: Path) -> None:
    """R7: a chain without end is followed for a bounded number of levels, and marked."""
    target = tree_of(lambda subject: [Descriptor.of(str(subject.digest).encode(), media_types.OCI_MANIFEST)])
    push(target, files("a.txt"), tags=["v1"])
    node, levels = discover(target, "v1"), 0
    while node.referrers:
        node, levels = node.referrers[0], levels + 1
    assert (levels, node.truncated) == (MAX_DEPTH, True)


def test_wide_tree_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: more referrers than fit into memory are an error that says how to ask for less."""
    monkeypatch.setattr("ocictl.ops.discover.MAX_NODES", 50)
    many = [Descriptor.of(bytes([number]), media_types.OCI_MANIFEST) for number in range(60)]
    target = tree_of(lambda _subject: many)
    push(target, files("a.txt"), tags=["v1"])
    with pytest.raises(ContentError, match="50") as caught:
        discover(target, "v1")
    assert "--depth" in str(caught.value.hint)


def platforms(target: Target) -> dict[str, Descriptor]:
    """An index `multi` of two platforms, each with a file of its own under the same title."""
    entries = {}
    for name in ("linux/amd64", "linux/arm64"):
        platform = Platform.parse(name)
        Path("which.txt").write_text(name)
        pushed = push(target, files("which.txt"), options=PackOptions(platform=platform)).descriptor
        entries[name] = Descriptor.from_json({**pushed.plain().to_json(), "platform": platform.to_json()})
    index = build_index(manifests=entries.values())
    target.push(index.descriptor(), BytesContent(index.raw), tag="multi")
    return entries


def test_platform_is_chosen(target: Target, work: Path, tmp_path: Path) -> None:
    """IDX-08: a platform selects the first match of an index; a plain manifest must be for it."""
    entries = platforms(target)
    arm = Platform.parse("linux/arm64")
    assert resolve(target, "multi", platform=arm).digest == entries["linux/arm64"].digest
    pull(target, "multi", tmp_path / "out", platform=arm)
    assert (tmp_path / "out" / "which.txt").read_text() == "linux/arm64"
    with pytest.raises(NotFoundError, match="s390x") as caught:
        resolve(target, "multi", platform=Platform.parse("linux/s390x"))
    assert "linux/amd64, linux/arm64" in str(caught.value.hint)
    single = str(entries["linux/arm64"].digest)
    assert resolve(target, single, platform=arm).digest == entries["linux/arm64"].digest
    with pytest.raises(NotFoundError):
        resolve(target, single, platform=Platform.parse("linux/amd64"))
    attached = attach(
        target,
        "multi",
        files("a.txt"),
        options=PackOptions(artifact_type=TYPE),
        platform=arm,
    )
    assert attached.subject.digest == entries["linux/arm64"].digest


def test_index_with_clashing_files_is_refused(target: Target, work: Path, tmp_path: Path) -> None:
    """Row 16: files of two platforms with one title would overwrite each other; nothing is written."""
    platforms(target)
    with pytest.raises(PathError) as caught:
        pull(target, "multi", tmp_path / "out")
    assert caught.value.code == "path-duplicate"
    assert not (tmp_path / "out").exists()


def test_pull_leaves_untitled_alone(target: Target, work: Path, tmp_path: Path) -> None:
    """Blobs without a title are reported, not written; the config is written only when asked for."""
    config = Path("config.json")
    config.write_text("{}\n")
    push(target, files("a.txt"), tags=["v1"], options=PackOptions(config=FileArgument("config.json", "x/y")))
    plain = pull(target, "v1", tmp_path / "plain")
    assert [blob.media_type for blob in plain.untitled] == ["x/y"]
    assert os.listdir(tmp_path / "plain") == ["a.txt"]
    named = pull(target, "v1", tmp_path / "named", config=FileArgument("c.json", "x/y"))
    assert (named.untitled, len(named.files)) == ((), 1)
    assert (tmp_path / "named" / "c.json").read_bytes() == b"{}\n"
    other = pull(target, "v1", tmp_path / "other", config=FileArgument("c.json", "not/this"))
    assert os.listdir(tmp_path / "other") == ["a.txt"]
    assert len(other.untitled) == 1


def test_pull_includes_the_subject(target: Target, work: Path, tmp_path: Path) -> None:
    """--include-subject pulls the files of what the artifact is about as well."""
    push(target, files("a.txt"), tags=["v1"])
    attached = attach(target, "v1", files("dir"), options=PackOptions(artifact_type=TYPE)).descriptor
    pull(target, str(attached.digest), tmp_path / "one")
    assert sorted(os.listdir(tmp_path / "one")) == ["dir"]
    pull(target, str(attached.digest), tmp_path / "two", include_subject=True)
    assert sorted(os.listdir(tmp_path / "two")) == ["a.txt", "dir"]


def test_keep_existing_writes_nothing(target: Target, work: Path, tmp_path: Path) -> None:
    """-k: one file that is there already stops the pull before any other is written."""
    push(target, files("a.txt", "dir"), tags=["v1"])
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").write_text("mine")
    with pytest.raises(PathError) as caught:
        pull(target, "v1", out, keep_existing=True)
    assert caught.value.code == "path-exists"
    assert snapshot(out).keys() == {"a.txt"}
    pull(target, "v1", out)
    assert (out / "a.txt").read_text() == "same\n"


def test_existing_links_are_replaced_not_followed(target: Target, work: Path, tmp_path: Path) -> None:
    """F11: a symlink, hard link or FIFO under a title is replaced; what it leads to stays as it was."""
    push(target, files("a.txt", "b.txt", "dir"), tags=["v1"])
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.write_text("mine")
    (out / "a.txt").symlink_to(outside)
    os.link(outside, out / "b.txt")
    (out / "dir").mkdir()
    os.mkfifo(out / "dir" / "c")
    pull(target, "v1", out)
    assert outside.read_text() == "mine"
    assert (out / "a.txt").read_text() == (out / "b.txt").read_text() == "same\n"
    assert (out / "dir" / "c").read_text() == "c\n"


def test_link_on_the_way_is_refused(target: Target, work: Path, tmp_path: Path) -> None:
    """F11: a title is not written through a directory that is a link, unless traversal is allowed."""
    push(target, files("dir/c"), tags=["v1"])
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.mkdir()
    (out / "dir").symlink_to(outside)
    with pytest.raises(PathError):
        pull(target, "v1", out)
    assert list(outside.iterdir()) == []
    pull(target, "v1", out, allow_traversal=True)
    assert (outside / "c").read_text() == "c\n"


def test_same_content_under_two_titles(target: Target, work: Path, tmp_path: Path) -> None:
    """Equal blobs are downloaded once and written under each title."""
    push(target, files("a.txt", "b.txt"), tags=["v1"])
    events: list[Event] = []
    pull(target, "v1", tmp_path / "out", on_event=events.append)
    done = [event for event in events if isinstance(event, TransferFinished) and event.descriptor.title]
    assert [(event.descriptor.title, event.action) for event in done] == [
        ("a.txt", "moved"),
        ("b.txt", "restored"),
    ]


def test_broken_blob_leaves_nothing(work: Path, tmp_path: Path) -> None:
    """I1: wrong bytes of the right size never get a name, and no temporary file stays."""

    class Broken(MemoryStore):
        def fetch(self, descriptor: Descriptor, *, start: int = 0) -> Any:
            if descriptor.is_document:
                return super().fetch(descriptor, start=start)
            return BytesContent(bytes(descriptor.size)).open()

    target = Broken()
    push(target, files("a.txt", "dir"), tags=["v1"])
    with pytest.raises(ContentError) as caught:
        pull(target, "v1", tmp_path / "out")
    assert caught.value.code == "digest-mismatch"
    assert not (tmp_path / "out").exists()


def test_escaping_title_is_refused(tmp_path: Path) -> None:
    """ECO-18, manifest/74: a title that leads out of the directory stops the pull before it writes."""
    target = MemoryStore()
    blob = Descriptor.of(b"x", "text/plain", annotations={TITLE: "../x"})
    target.push(blob, BytesContent(b"x"))
    target.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
    manifest = build_manifest(config=EMPTY_DESCRIPTOR, layers=[blob], artifact_type=TYPE)
    target.push(manifest.descriptor(), BytesContent(manifest.raw), tag="v1")
    with pytest.raises(PathError):
        pull(target, "v1", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    pull(target, "v1", tmp_path / "out", allow_traversal=True)
    assert (tmp_path / "x").read_text() == "x"


def test_tag_and_fetch(target: Target, work: Path) -> None:
    """tag adds names to what is there; fetch_manifest gives the exact bytes."""
    pushed = push(target, files("a.txt"), tags=["v1"])
    tagged = tag(target, "v1", ["v2", "v3"])
    assert (tagged.descriptor.digest, tagged.tags) == (pushed.descriptor.digest, ("v2", "v3"))
    descriptor, raw = fetch_manifest(target, "v3")
    assert (descriptor.digest, raw) == (pushed.descriptor.digest, pushed.manifest.raw)
    assert isinstance(read_document(target, descriptor), Manifest)
    assert json.loads(raw)["schemaVersion"] == 2
    with pytest.raises(NotFoundError):
        tag(target, "nope", ["v4"])


def test_new_repository_is_not_asked_for_each_blob(work: Path) -> None:
    """After some blobs that were not there small ones are sent at once; where one is there, all are asked for."""

    class Asked(MemoryStore):
        asked = 0

        def exists(self, descriptor: Descriptor) -> bool:
            self.asked += not descriptor.is_document
            return super().exists(descriptor)

    names = [f"f{number}" for number in range(40)]
    for name in names:
        (work / name).write_text(name)
    target = Asked()
    push(target, files(*names), tags=["v1"], concurrency=1)
    assert target.asked < 12
    target.asked = 0
    (work / "f39").write_text("new")
    push(target, files(*names), tags=["v2"], concurrency=1)
    assert target.asked == 41


def test_force_mends_a_damaged_target(work: Path) -> None:
    """Blobs that got lost are sent again, although the manifest that is there seems to prove them."""
    target = MemoryStore()
    pushed = push(target, files("a.txt", "dir"), tags=["v1"])
    lost = pushed.manifest.layers[0]
    target.delete_blob(lost)
    push(target, files("a.txt", "dir"), tags=["v1"])
    assert not target.exists(lost)
    push(target, files("a.txt", "dir"), tags=["v1"], force=True)
    assert target.exists(lost)
