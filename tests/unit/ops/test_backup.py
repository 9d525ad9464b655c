"""Which tags are backed up, copying them, and rehearsing it; and cp between targets."""

from __future__ import annotations

import pytest

from ocictl.errors import InvalidInputError, NotFoundError
from ocictl.events import Event, TagCopied
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform
from ocictl.ops.backup import Rehearsal, copy_tags, find_tags
from ocictl.ops.copy_artifact import copy_artifact
from ocictl.stores.memory import MemoryStore
from tests.support.graphs import Watched, everything, put_artifact, put_index, put_repository, tree


@pytest.fixture
def source() -> Watched:
    return Watched()


def tags_of(source: MemoryStore, *names: str) -> list[str]:
    return [root.tag for root in find_tags(source, names)]


def test_all_tags_but_lists_of_referrers(source: Watched) -> None:
    """The tag schema's lists are made anew elsewhere (RFT-14); cosign's signatures are tags like any other."""
    found = put_repository(source)
    put_index(source, [found.referrers["sbom"]], tag=f"sha256-{found.index.digest.encoded}")
    put_index(source, [found.referrers["sbom"]], tag=f"sha512-{'0' * 64}")
    assert tags_of(source) == ["index", "plain", f"sha256-{found.index.digest.encoded}.sig"]


def test_what_only_looks_like_a_list_of_referrers_is_kept(source: Watched) -> None:
    """A manifest under such a tag, and an index under a tag of its own digest, may be known by that tag alone."""
    artifact = put_artifact(source, b"x")
    source.tag(artifact, f"sha256-{artifact.digest.encoded}")
    source.tag(artifact, f"sha256-{'0' * 64}")
    index = put_index(source, [artifact])
    source.tag(index, f"sha256-{index.digest.encoded}")
    assert len(tags_of(source)) == 3


def test_named_tags_are_taken_as_they_are(source: Watched) -> None:
    """In their order, each once; a list of referrers too, if somebody asks for it."""
    found = put_repository(source)
    schema = f"sha256-{found.index.digest.encoded}"
    put_index(source, [found.referrers["sbom"]], tag=schema)
    assert tags_of(source, "plain", schema, "plain") == ["plain", schema]


def test_a_missing_tag_is_found_before_anything_is_copied(source: Watched) -> None:
    """It is the source's."""
    put_repository(source)
    with pytest.raises(NotFoundError) as caught:
        find_tags(source, ["plain", "nope"])
    assert caught.value.details["side"] == "source"


def test_nothing_to_back_up(source: Watched) -> None:
    """An error, not an empty backup."""
    put_artifact(source, b"x")
    with pytest.raises(NotFoundError, match="has no tags"):
        find_tags(source)


def test_copying_tags(source: Watched) -> None:
    """Each tag is told with the number of its referrers, which is that of its own graph."""
    found = put_repository(source)
    destination = Watched()
    events: list[Event] = []
    done = copy_tags(
        source, destination, find_tags(source), referrers=True, concurrency=3, on_event=events.append
    )
    assert [(tag.tag, tag.referrers) for tag in done][:2] == [("index", 4), ("plain", 0)]
    assert [event for event in events if isinstance(event, TagCopied)] == list(done)
    assert everything(destination) == everything(source)
    assert tree(destination, found.index) == tree(source, found.index)


def test_counts_do_not_depend_on_what_was_copied_before(source: Watched) -> None:
    """A platform's own tag has its own referrers only, and the index still has all."""
    found = put_repository(source)
    source.tag(found.platforms["arm64"], "arm")
    done = copy_tags(source, MemoryStore(), find_tags(source), referrers=True, concurrency=1)
    assert {tag.tag: tag.referrers for tag in done if "." not in tag.tag} == {
        "arm": 2,
        "index": 4,
        "plain": 0,
    }


def test_a_failure_names_the_tag(source: Watched) -> None:
    """So that a long run says how far it came."""
    put_repository(source)
    source.forget(Descriptor.of(b"hello", "a/b"))
    with pytest.raises(NotFoundError) as caught:
        copy_tags(
            source, MemoryStore(), find_tags(source, ["index", "plain"]), referrers=False, concurrency=1
        )
    assert "this was about the tag 'plain'" in caught.value.__notes__


def test_a_rehearsal_counts_and_keeps_nothing(source: Watched) -> None:
    """It tells what would be copied."""
    put_repository(source)
    done = copy_tags(source, Rehearsal(source), find_tags(source), referrers=True, concurrency=2)
    assert [tag.referrers for tag in done] == [4, 0, 0]


def test_a_rehearsal_finds_what_is_missing(source: Watched) -> None:
    """Which is what a rehearsal is for."""
    put_repository(source)
    source.forget(Descriptor.of(b"signature", "a/b"))
    roots = find_tags(source)
    copy_tags(source, Rehearsal(source), roots, referrers=False, concurrency=2)
    with pytest.raises(NotFoundError, match="of 9 bytes") as caught:
        copy_tags(source, Rehearsal(source), roots, referrers=True, concurrency=2)
    assert caught.value.details["side"] == "source"


ARM, AMD, MIPS = (Platform.parse(f"linux/{name}") for name in ("arm64", "amd64", "mips"))


def test_cp_of_one_platform_is_its_manifest(source: Watched) -> None:
    """With its referrers, and without those of the index."""
    found = put_repository(source)
    destination = Watched()
    result = copy_artifact(source, "index", destination, tags=["arm"], platforms=[ARM], recursive=True)
    assert (result.descriptor.digest, result.source.digest) == (found.platforms["arm64"].digest,) * 2
    assert result.referrers == 2
    assert str(found.index.digest) not in everything(destination)


def test_cp_of_several_platforms_is_an_index_of_them(source: Watched) -> None:
    """A new one, whose referrers would be about something else: that they stay behind is told."""
    found = put_repository(source)
    destination = Watched()
    result = copy_artifact(source, "index", destination, tags=["two"], platforms=[ARM, AMD], recursive=True)
    assert result.source == found.index
    assert result.descriptor == destination.resolve("two") != found.index
    assert result.left_behind
    assert result.referrers == 2
    assert str(found.platforms["s390x"].digest) not in everything(destination)
    assert not copy_artifact(source, "index", destination, platforms=[ARM, AMD]).left_behind


def test_cp_of_all_platforms_is_the_index(source: Watched) -> None:
    """Nothing is left out, so nothing changes."""
    found = put_repository(source)
    every = [entry.platform for entry in found.platforms.values() if entry.platform is not None]
    result = copy_artifact(source, "index", MemoryStore(), platforms=every, recursive=True)
    assert result.descriptor.digest == found.index.digest
    assert result.referrers == 4


def test_two_names_of_one_platform_are_one_platform(source: Watched) -> None:
    """As if one of them had been given: the manifest, not an index of one."""
    found = put_repository(source)
    same = Platform(os="linux", architecture="arm64", os_features=())
    result = copy_artifact(source, "index", MemoryStore(), platforms=[ARM, same])
    assert result.descriptor.digest == found.platforms["arm64"].digest


def test_several_platforms_of_no_index(source: Watched) -> None:
    """There is nothing to choose from."""
    put_repository(source)
    with pytest.raises(InvalidInputError, match="is no index") as caught:
        copy_artifact(source, "plain", MemoryStore(), platforms=[ARM, AMD])
    assert caught.value.details["side"] == "source"


def test_a_platform_that_is_not_there(source: Watched) -> None:
    """Found before anything is written."""
    put_repository(source)
    destination = Watched()
    with pytest.raises(NotFoundError, match="linux/mips"):
        copy_artifact(source, "index", destination, platforms=[ARM, MIPS])
    assert everything(destination) == {}


def test_the_digest_that_a_copy_must_have(source: Watched) -> None:
    """The right one is fine, another one is an error before anything is written."""
    found = put_repository(source)
    destination = Watched()
    with pytest.raises(InvalidInputError, match="the copy has the digest"):
        copy_artifact(source, "index", destination, digest=Digest.of(b"x"))
    assert everything(destination) == {}
    result = copy_artifact(source, "index", destination, digest=found.index.digest)
    assert result.tags == ()
    assert destination.exists(found.index)
