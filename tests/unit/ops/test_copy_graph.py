"""Copying graphs: all of it, each thing once, in the right order, whatever the two sides have or claim."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import ConflictError, ContentError, NotFoundError, RegistryError, StorageError
from ocictl.events import (
    Event,
    ReferrerMissing,
    TagWritten,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
)
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.ops import copy_graph
from ocictl.ops.copy_graph import GraphCopy
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout
from ocictl.stores.layout_tar import NewTarLayout, TarLayout
from ocictl.stores.memory import MemoryStore
from ocictl.target import ByteStream, Content, PushReceipt, Target
from tests.support.graphs import (
    Watched,
    everything,
    put_artifact,
    put_blob,
    put_index,
    put_repository,
    tree,
    walk,
)


@pytest.fixture
def source() -> Watched:
    return Watched()


@pytest.fixture
def destination() -> Watched:
    return Watched()


@pytest.fixture(params=[1, 4], ids=["alone", "four"])
def concurrency(request: pytest.FixtureRequest) -> int:
    value: int = request.param
    return value


def test_an_index_brings_everything_below_it(source: Watched, destination: Watched, concurrency: int) -> None:
    """Manifests, configs and layers; each pushed once, what is pointed to first; and the tags."""
    found = put_repository(source)
    count = GraphCopy(source, destination, concurrency=concurrency).copy(found.index, tags=["v1", "v2"])
    wanted = {str(each.digest) for each in walk(source, found.index)}
    assert set(everything(destination)) == wanted
    assert sorted(digest for digest, tag in destination.pushes if tag != "v2") == sorted(wanted)
    assert destination.broken == []
    assert count == 0
    assert list(destination.tags()) == ["v1", "v2"]
    assert destination.resolve("v2").digest == found.index.digest


def test_with_referrers_everything_about_anything_comes_too(
    source: Watched, destination: Watched, concurrency: int
) -> None:
    """Referrers of the root, of manifests of an index, and of those; nothing else of the repository."""
    found = put_repository(source)
    work = GraphCopy(source, destination, referrers=True, concurrency=concurrency)
    assert work.copy(found.index, tags=["v1"]) == 4
    assert tree(destination, found.index) == tree(source, found.index)
    arm = found.platforms["arm64"]
    assert tree(destination, arm) == tree(source, arm)
    assert len(tree(source, arm)) == 1
    assert destination.broken == []
    assert list(destination.tags()) == ["v1"]
    assert len(destination.pushed) == len(set(destination.pushed)) + 1  # the root again, for its tag


def test_the_tag_comes_last(source: Watched, destination: Watched) -> None:
    """Who finds the tag finds the referrers: they are pushed before it."""
    found = put_repository(source)
    GraphCopy(source, destination, referrers=True).copy(found.index, tags=["v1"])
    assert destination.pushes[-1] == (str(found.index.digest), "v1")
    assert [tag for _digest, tag in destination.pushes].count("v1") == 1


def test_without_referrers_the_root_is_pushed_under_its_tag_at_once(
    source: Watched, destination: Watched
) -> None:
    """One push, not two."""
    artifact = put_artifact(source, b"x")
    GraphCopy(source, destination).copy(artifact, tags=["v1"])
    assert [tag for digest, tag in destination.pushes if digest == str(artifact.digest)] == ["v1"]


def test_several_copies_remember_what_was_done(source: Watched, destination: Watched) -> None:
    """Another tag of the same document, and what it shares with others, costs nothing but the tag."""
    first = put_artifact(source, b"x", b"shared")
    second = put_artifact(source, b"y", b"shared")
    work = GraphCopy(source, destination, referrers=True)
    work.copy(first, tags=["a"])
    asked = len(destination.asked)
    work.copy(first, tags=["b"])
    assert destination.asked[asked:] == []
    work.copy(second, tags=["c"])
    shared = Descriptor.of(b"shared", "a/b")
    assert destination.pushed.count(str(shared.digest)) == 1
    assert list(destination.tags()) == ["a", "b", "c"]


def test_what_is_there_is_not_sent_again(source: Watched, destination: Watched) -> None:
    """A manifest that is there needs no look at its blobs."""
    artifact = put_artifact(source, b"x", b"y")
    GraphCopy(source, destination).copy(artifact)
    destination.pushes.clear()
    destination.asked.clear()
    events: list[Event] = []
    GraphCopy(source, destination, on_event=events.append).copy(artifact)
    assert destination.pushes == []
    assert destination.asked == [str(artifact.digest)]
    assert events == [TransferSkipped(descriptor=artifact, direction="copy", reason="exists")]


def test_an_index_that_is_there_is_looked_into(source: Watched, destination: Watched) -> None:
    """A cache may hold the index and one platform of it: the others are copied."""
    found = put_repository(source)
    GraphCopy(source, destination).copy(found.index)
    for each in walk(source, found.platforms["s390x"]):
        if everything(destination).get(str(each.digest)) not in (b"{}", b"shared by all platforms"):
            destination.forget(each)
    GraphCopy(source, destination).copy(found.index, tags=["v1"])
    assert set(everything(destination)) == {str(each.digest) for each in walk(source, found.index)}


def test_force_takes_nothing_on_trust(source: Watched, destination: Watched) -> None:
    """A manifest that is there without its layer is completed with `force`, and taken as it is without."""
    artifact = put_artifact(source, b"x", b"y")
    GraphCopy(source, destination).copy(artifact)
    lost = Descriptor.of(b"y", "a/b")
    destination.forget(lost)
    GraphCopy(source, destination).copy(artifact)
    assert not destination.exists(lost)
    GraphCopy(source, destination, force=True).copy(artifact)
    assert destination.exists(lost)
    assert destination.pushed.count(str(Descriptor.of(b"x", "a/b").digest)) == 1


def test_a_referrer_that_is_there_is_pushed_again(source: Watched, destination: Watched) -> None:
    """Only the answer to a push tells that it is listed (RFT-02)."""
    found = put_repository(source)
    GraphCopy(source, destination, referrers=True).copy(found.index)
    destination.pushes.clear()
    GraphCopy(source, destination, referrers=True).copy(found.index)
    assert sorted(destination.pushed) == sorted(str(each.digest) for each in found.referrers.values())


def test_a_subject_comes_along_without_what_else_is_about_it(source: Watched, destination: Watched) -> None:
    """A signature brings what it signs, and not the other signatures."""
    subject = put_artifact(source, b"x")
    one = put_artifact(source, b"one", subject=subject)
    put_artifact(source, b"two", subject=subject)
    assert GraphCopy(source, destination, referrers=True).copy(one) == 0
    assert tree(destination, subject) == {str(one.digest): {}}


def test_a_subject_may_be_missing(source: Watched, destination: Watched) -> None:
    """It is a weak link (MAN-08)."""
    missing = Descriptor.of(b"not a manifest", media_types.OCI_MANIFEST)
    artifact = put_artifact(source, b"x", subject=missing)
    GraphCopy(source, destination, referrers=True).copy(artifact, tags=["v1"])
    assert destination.resolve("v1").digest == artifact.digest


def test_a_missing_part_is_an_error_of_the_source(source: Watched, destination: Watched) -> None:
    """It says which side lacks what, and nothing points to a hole afterwards."""
    found = put_repository(source)
    source.forget(found.platforms["arm64"])
    with pytest.raises(NotFoundError, match=found.platforms["arm64"].digest.encoded) as caught:
        GraphCopy(source, destination).copy(found.index, tags=["v1"])
    assert caught.value.details["side"] == "source"
    assert caught.value.hint is not None
    assert "incomplete" in caught.value.hint
    assert str(found.index.digest) not in everything(destination)
    assert destination.broken == []


def test_a_missing_blob_is_an_error_of_the_source(source: Watched, destination: Watched) -> None:
    """Although it is noticed while the destination stores it."""
    artifact = put_artifact(source, b"x")
    source.forget(Descriptor.of(b"x", "a/b"))
    with pytest.raises(NotFoundError) as caught:
        GraphCopy(source, destination).copy(artifact)
    assert caught.value.details["side"] == "source"
    assert "incomplete" in str(caught.value.hint)


def test_damaged_content_is_an_error_of_the_source(source: Watched, destination: Watched) -> None:
    """Bytes are checked on their way, and the damaged manifest's parents are not pushed."""
    artifact = put_artifact(source, b"good")
    source._blobs[Descriptor.of(b"good", "a/b").digest] = b"evil"
    with pytest.raises(ContentError, match="does not match its digest") as caught:
        GraphCopy(source, destination).copy(artifact, tags=["v1"])
    assert caught.value.details["side"] == "source"
    assert str(artifact.digest) not in everything(destination)


class _Full(Watched):
    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        raise StorageError("no space", code="disk-full")


def test_a_failure_of_the_destination_says_so(source: Watched) -> None:
    """The other side is named for the user."""
    artifact = put_artifact(source, b"x")
    with pytest.raises(StorageError) as caught:
        GraphCopy(source, _Full()).copy(artifact)
    assert caught.value.details["side"] == "destination"


class _Locked(Watched):
    def gathering(self) -> AbstractContextManager[None]:
        @contextmanager
        def context() -> Iterator[None]:
            yield
            raise ConflictError("locked", code="layout-locked")

        return context()


def test_a_list_that_can_t_be_written_is_a_failure_of_the_destination(source: Watched) -> None:
    """Also when it is written in the end, for many documents at once."""
    artifact = put_artifact(source, b"x")
    with pytest.raises(ConflictError) as caught:
        GraphCopy(source, _Locked()).copy(artifact)
    assert caught.value.details["side"] == "destination"


class _Refusing(Watched):
    """Says of some content that it has it, and refuses documents that point to what it lacks."""

    def __init__(self, *lies: Descriptor) -> None:
        super().__init__()
        self.lies = {each.digest for each in lies}
        self.refused = 0

    def exists(self, descriptor: Descriptor) -> bool:
        return descriptor.digest in self.lies or super().exists(descriptor)

    def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
        receipt = super().push(descriptor, content, tag=tag)
        if self.broken:
            self.broken.clear()
            self.forget(descriptor)
            self.refused += 1
            raise RegistryError("refused", status=400, errors=[{"code": "MANIFEST_BLOB_UNKNOWN"}])
        return receipt


def test_what_a_registry_lacks_is_sent_whatever_it_said(source: Watched) -> None:
    """A HEAD that lied about a layer, and about a manifest of an index, is made good once (MPUT-08)."""
    found = put_repository(source)
    arm = found.platforms["arm64"]
    layer = Descriptor.of(b"program for arm64", "a/b")
    destination = _Refusing(arm, layer)
    GraphCopy(source, destination).copy(found.index, tags=["v1"])
    assert set(everything(destination)) == {str(each.digest) for each in walk(source, found.index)}
    assert destination.resolve("v1").digest == found.index.digest
    assert destination.refused >= 2


def test_a_registry_that_never_has_enough_is_believed_in_the_end(source: Watched) -> None:
    """Sending everything again happens once, not for ever."""

    class Never(Watched):
        def push(self, descriptor: Descriptor, content: Content, *, tag: str | None = None) -> PushReceipt:
            if descriptor.is_document:
                self.pushes.append((str(descriptor.digest), tag))
                raise RegistryError("refused", status=400, errors=[{"code": "MANIFEST_BLOB_UNKNOWN"}])
            return super().push(descriptor, content, tag=tag)

    artifact = put_artifact(source, b"x")
    destination = Never()
    with pytest.raises(RegistryError, match="refused"):
        GraphCopy(source, destination).copy(artifact)
    assert destination.pushed.count(str(artifact.digest)) == 2


def test_foreign_layers_stay_where_they_are(source: Watched, destination: Watched) -> None:
    """They are distributed by somebody else; the manifest still names them."""
    foreign = Descriptor(
        media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        digest=Descriptor.of(b"elsewhere", "a/b").digest,
        size=9,
        urls=("https://example.com/layer",),
    )
    artifact = put_artifact(source, layers=[put_blob(source, b"x"), foreign])
    events: list[Event] = []
    GraphCopy(source, destination, on_event=events.append).copy(artifact)
    assert str(artifact.digest) in everything(destination)
    assert TransferSkipped(descriptor=foreign, direction="copy", reason="foreign") in events


def test_the_withdrawn_artifact_manifest_is_copied_whole(source: Watched, destination: Watched) -> None:
    """Nobody writes it any more, but a copy of a repository that has one must not lose its blobs (MAN-10)."""
    blob, subject = put_blob(source, b"x"), put_artifact(source, b"subject")
    members = {
        "mediaType": media_types.WITHDRAWN_ARTIFACT_MANIFEST,
        "artifactType": "a/b",
        "blobs": [blob.to_json()],
        "subject": subject.to_json(),
    }
    raw = json.dumps(members).encode()
    old = Descriptor.of(raw, media_types.WITHDRAWN_ARTIFACT_MANIFEST)
    source.push(old, BytesContent(raw), tag="old")
    GraphCopy(source, destination).copy(old, tags=["old"])
    assert {str(old.digest), str(blob.digest), str(subject.digest)} <= set(everything(destination))


def test_same_bytes_under_two_names_move_once(source: Watched, destination: Watched) -> None:
    """And both names are told."""
    layers = [put_blob(source, b"same", "a.txt"), put_blob(source, b"same", "b.txt")]
    artifact = put_artifact(source, layers=layers)
    events: list[Event] = []
    GraphCopy(source, destination, concurrency=1, on_event=events.append).copy(artifact, tags=["v1"])
    skipped = TransferSkipped(descriptor=layers[1], direction="copy", reason="duplicate")
    moved = [event for event in events if isinstance(event, TransferFinished)]
    assert [event.descriptor.digest for event in moved] == [
        EMPTY_DESCRIPTOR.digest,
        layers[0].digest,
        artifact.digest,
    ]
    assert events.index(skipped) == events.index(moved[-1]) - 1
    assert events[-1] == TagWritten(tag="v1", descriptor=artifact)


def test_every_start_has_its_end(source: Watched, destination: Watched) -> None:
    """Bars and lines can rely on it, also with several threads."""
    found = put_repository(source)
    events: list[Event] = []
    work = GraphCopy(source, destination, referrers=True, concurrency=4, on_event=events.append)
    work.copy(found.index)
    started = [event.descriptor.digest for event in events if isinstance(event, TransferStarted)]
    finished = [event.descriptor.digest for event in events if isinstance(event, TransferFinished)]
    assert sorted(map(str, started)) == sorted(map(str, finished)) == sorted(set(destination.pushed))


class _Claims(Watched):
    """A source whose lists of referrers are made up."""

    claims: dict[Any, list[Descriptor]]

    def referrers(self, subject: Descriptor, *, artifact_type: str | None = None) -> Iterator[Descriptor]:
        yield from self.claims.get(subject.digest, [])


def test_made_up_lists_of_referrers_end(destination: Watched) -> None:
    """Two artifacts that a registry lists as referrers of each other are neither copied nor followed (RFT-11)."""
    source = _Claims()
    root, one, two = (put_artifact(source, data) for data in (b"root", b"one", b"two"))
    source.claims = {root.digest: [one, root], one.digest: [two, one], two.digest: [one]}
    assert GraphCopy(source, destination, referrers=True).copy(root, tags=["v1"]) == 0
    assert destination.resolve("v1").digest == root.digest
    assert str(one.digest) not in everything(destination)


def test_a_referrer_that_is_listed_but_gone(destination: Watched) -> None:
    """Lists under a tag are not always kept up: the copy goes on, and tells."""
    source = _Claims()
    root, gone = put_artifact(source, b"root"), put_artifact(source, b"gone")
    there = put_artifact(source, b"there", subject=root)
    source.forget(gone)
    source.claims = {root.digest: [gone, there]}
    events: list[Event] = []
    work = GraphCopy(source, destination, referrers=True, on_event=events.append)
    assert work.copy(root, tags=["v1"]) == 1
    assert ReferrerMissing(descriptor=gone, subject=root.digest) in events
    assert tree(destination, root) == {str(there.digest): {}}


def test_a_gone_referrer_that_is_needed_elsewhere(source: Watched, destination: Watched) -> None:
    """As a part of an index it must be there."""
    claiming = _Claims()
    root, gone = put_artifact(claiming, b"root"), put_artifact(claiming, b"gone")
    index = put_index(claiming, [root, gone])
    claiming.forget(gone)
    claiming.claims = {root.digest: [gone]}
    with pytest.raises(NotFoundError):
        GraphCopy(claiming, destination, referrers=True).copy(index)


def test_children_that_are_listed_as_referrers_are_copied_as_children(destination: Watched) -> None:
    """GitLab lists an index's own manifests as its referrers (RFT-10): they are copied, and not counted twice."""
    source = _Claims()
    found = put_repository(source)
    source.claims = {found.index.digest: list(found.platforms.values())}
    GraphCopy(source, destination, referrers=True).copy(found.index, tags=["v1"])
    assert {str(each.digest) for each in walk(source, found.index)} == set(everything(destination))


def test_long_chains_of_referrers_do_not_nest(source: Watched, destination: Watched) -> None:
    """A thousand referrers, each about the one before."""
    root = last = put_artifact(source, b"root")
    for number in range(1000):
        last = put_artifact(source, subject=last, annotations={"number": str(number)})
    assert GraphCopy(source, destination, referrers=True).copy(root) == 1000


def test_deep_indexes_do_not_nest(source: Watched, destination: Watched) -> None:
    """Five hundred indexes, each in the one before."""
    last = put_artifact(source, b"x")
    for _ in range(500):
        last = put_index(source, [last])
    GraphCopy(source, destination).copy(last, tags=["v1"])
    assert destination.resolve("v1").digest == last.digest
    assert destination.broken == []


def test_the_number_of_documents_is_limited(
    source: Watched, destination: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can make a copy go on for ever."""
    monkeypatch.setattr(copy_graph, "MAX_DOCUMENTS", 3)
    found = put_repository(source)
    with pytest.raises(ContentError, match="more than 3 manifests"):
        GraphCopy(source, destination).copy(found.index)


def test_documents_need_not_be_held(
    source: Watched, destination: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the budget they are read twice, and the outcome is the same."""
    monkeypatch.setattr(copy_graph, "RAW_BUDGET", 0)
    found = put_repository(source)
    GraphCopy(source, destination, referrers=True).copy(found.index)
    assert tree(destination, found.index) == tree(source, found.index)


def test_a_root_of_its_own(source: Watched, destination: Watched) -> None:
    """The bytes of the root may be given where the source does not have them."""
    found = put_repository(source)
    other = MemoryStore()
    chosen = put_index(other, [found.platforms["arm64"]])
    raw = everything(other)[str(chosen.digest)]
    GraphCopy(source, destination, referrers=True).copy(chosen, tags=["v1"], raw=raw)
    assert destination.resolve("v1").digest == chosen.digest
    assert tree(destination, found.platforms["arm64"]) == tree(source, found.platforms["arm64"])


class _Broken(Watched):
    """A source whose streams end too early."""

    def fetch(self, descriptor: Descriptor, *, start: int = 0) -> ByteStream:
        stream = super().fetch(descriptor, start=start)
        return stream if descriptor.is_document else BytesContent(stream.read()[:-1]).open()


def test_nothing_is_pushed_after_a_failure(destination: Watched) -> None:
    """The other transfers stop, and no document is pushed on top of what is missing."""
    source = _Broken()
    found = put_repository(source)
    with pytest.raises(ContentError, match="should have"):
        GraphCopy(source, destination, concurrency=3).copy(found.index, tags=["v1"])
    documents = [str(found.index.digest), *(str(each.digest) for each in found.platforms.values())]
    assert not set(documents) & set(everything(destination))


def test_from_a_directory_to_an_archive_and_back(
    source: Watched, destination: Watched, tmp_path: Path
) -> None:
    """Every kind of place takes part, in both roles."""
    found = put_repository(source)

    def copy_all(one: Any, other: Target) -> None:
        work = GraphCopy(one, other, referrers=True)
        for tag in list(one.tags()):
            work.copy(one.resolve(tag), tags=[tag])

    layout = Layout(tmp_path / "layout", create=True)
    copy_all(source, layout)
    with NewTarLayout(tmp_path / "layout.tar") as archive:
        copy_all(Layout(tmp_path / "layout"), archive)
        archive.commit()
    with TarLayout(tmp_path / "layout.tar") as archived:
        copy_all(archived, destination)
    assert everything(destination) == everything(source)
    assert list(destination.tags()) == list(source.tags())
    assert tree(destination, found.index) == tree(source, found.index)
