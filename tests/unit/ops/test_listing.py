"""Lists of tags and repositories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ocictl.errors import NotFoundError
from ocictl.model.descriptor import Descriptor
from ocictl.ops.listing import list_repositories, list_tags, tags_of
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore
from tests.support.layouts import manifest

HEX = "0123456789abcdef" * 4


def store_with(*tags: str) -> MemoryStore:
    """One document under these tags."""
    store = MemoryStore()
    document = manifest()
    for tag in tags:
        store.push(document.descriptor().plain(), BytesContent(document.raw), tag=tag)
    return store


def test_all_tags() -> None:
    """Sorted; those after one of them."""
    store = store_with("b", "a", "c")
    assert list_tags(store) == ["a", "b", "c"]
    assert list_tags(store, last="a") == ["b", "c"]
    assert list_tags(MemoryStore()) == []


@pytest.mark.parametrize(
    ("tag", "hidden"),
    [
        (f"sha256-{HEX}", True),
        (f"sha512-{HEX}{HEX}", True),
        (f"sha256-{HEX}.sig", False),
        (f"sha256-{HEX[1:]}", False),
        (f"sha256-{HEX.upper()}", False),
        (f"md5-{HEX}", False),
        ("sha256-abc", False),
        (f"v-sha256-{HEX}", False),
    ],
)
def test_digest_tags_can_be_left_out(tag: str, hidden: bool) -> None:
    """TAG-08: those, and only those, that are a digest as a tag."""
    store = store_with(tag)
    assert list_tags(store) == [tag]
    assert list_tags(store, digest_tags=False) == ([] if hidden else [tag])


def test_tags_of_a_repository_in_a_layout() -> None:
    """Where tags hold whole references, those of one repository are listed without it."""
    store = store_with("r/x:v1", "r/x:v2", "r/xy:v3", "v4")
    assert list_tags(store, prefix="r/x:") == ["v1", "v2"]


@pytest.mark.parametrize("concurrency", [1, 8])
def test_tags_of_a_document(concurrency: int) -> None:
    """In the order of the list; a tag that is gone by then is no error."""
    store = store_with(*[f"t{number:02}" for number in range(20)])
    other = manifest(annotations={"a": "b"})
    store.push(other.descriptor().plain(), BytesContent(other.raw), tag="t05")
    digest = store.resolve("t00").digest
    tags = [*list_tags(store), "gone"]
    expected = [f"t{number:02}" for number in range(20) if number != 5]
    assert tags_of(store, tags, digest, concurrency=concurrency) == expected
    assert tags_of(store, tags, Descriptor.of(b"", "a/b").digest, concurrency=concurrency) == []


def test_other_failures_are_told() -> None:
    """A list that may be incomplete is none."""

    class Broken(MemoryStore):
        """Fails at one tag."""

        def resolve(self, reference: str) -> Descriptor:
            if reference == "t1":
                raise OSError("broken")
            return super().resolve(reference)

    with pytest.raises(OSError, match="broken"):
        tags_of(Broken(), ["t0", "t1", "t2"], Descriptor.of(b"", "a/b").digest)


class Names:
    """A catalog of fixed names."""

    registry = "r"

    def repositories(self, *, last: str | None = None) -> Iterator[str]:
        yield from (name for name in ("a", "team/a", "team/b/c", "teams") if last is None or name > last)


@pytest.mark.parametrize(
    ("namespace", "last", "expected"),
    [
        ("", None, ["a", "team/a", "team/b/c", "teams"]),
        ("", "team/a", ["team/b/c", "teams"]),
        ("team", None, ["team/a", "team/b/c"]),
        ("/team/", None, ["team/a", "team/b/c"]),
        ("team/b", None, ["team/b/c"]),
        ("team", "team/a", ["team/b/c"]),
        ("nobody", None, []),
    ],
)
def test_repositories(namespace: str, last: str | None, expected: list[str]) -> None:
    """Full names; a namespace is whole path components."""
    assert list_repositories(Names(), namespace=namespace, last=last) == expected


def test_a_missing_repository_is_told() -> None:
    """No tags are not the same as no repository."""

    class Missing(MemoryStore):
        """Has no repository."""

        def tags(self, *, last: str | None = None) -> Iterator[str]:
            raise NotFoundError("no such repository")

    with pytest.raises(NotFoundError):
        list_tags(Missing())
