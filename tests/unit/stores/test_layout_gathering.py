"""Listing many documents at once: the same list as one after the other, and never less than what was promised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.errors import StorageError
from ocictl.model import _fields
from ocictl.model.descriptor import Descriptor
from ocictl.sources import BytesContent
from ocictl.stores import layout as layout_module
from ocictl.stores._layout_index import Snapshot
from ocictl.stores.layout import Layout
from tests.support.layouts import HELLO, entries, manifest, names, put
from tests.unit.stores.test_layout_index import DOCUMENTS, TAGS, lists, short


@short
@given(lists, st.lists(st.tuples(st.sampled_from(DOCUMENTS), st.none() | st.sampled_from(TAGS)), max_size=6))
def test_many_entries_are_one_after_the_other(
    before: list[Any], added: list[tuple[Descriptor, str | None]]
) -> None:
    """Whatever is listed, and whatever is added."""
    raw = _fields.dump({"schemaVersion": 2, "manifests": before, "future": 1})
    one_by_one = at_once = Snapshot(raw, _fields.load(raw))
    for entry, tag in added:
        one_by_one, _listing = one_by_one.with_entry(entry, tag)
    assert at_once.with_entries(added).members == one_by_one.members


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "layout"


def numbered(number: int) -> Any:
    return manifest(annotations={"number": str(number)})


def test_everything_is_listed_in_the_end(path: Path) -> None:
    """Documents with and without tags, in their order."""
    layout = Layout(path, create=True)
    with layout.gathering():
        put(layout, numbered(0))
        put(layout, numbered(1), "v1")
        put(layout, numbered(2), "v1")
        put(layout, numbered(0), "v0")
        assert entries(path) == []
    assert names(path) == ["v0", None, "v1"]


def test_long_lists_are_written_on_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a killed run loses little."""
    monkeypatch.setattr(layout_module, "_GATHERED", 3)
    layout = Layout(path, create=True)
    seen = []
    with layout.gathering():
        for number in range(7):
            put(layout, numbered(number))
            seen.append(len(entries(path)))
    assert seen == [0, 0, 3, 3, 3, 6, 6]
    assert len(entries(path)) == 7


def test_content_can_be_read_before_it_is_listed(path: Path) -> None:
    """By its digest, which is how copies go on."""
    layout = Layout(path, create=True)
    with layout.gathering():
        found = put(layout, manifest())
        assert layout.exists(found)
        assert layout.resolve(str(found.digest)) == found


def test_inner_contexts_belong_to_the_outer_one(path: Path) -> None:
    """Whoever copies several things may put one context around all."""
    layout = Layout(path, create=True)
    with layout.gathering():
        with layout.gathering():
            put(layout, manifest(), "v1")
        assert entries(path) == []
    assert names(path) == ["v1"]


def test_after_a_failure_what_was_stored_is_listed(path: Path) -> None:
    """The failure is what is raised."""
    layout = Layout(path, create=True)

    def fail() -> None:
        with layout.gathering():
            put(layout, manifest(), "v1")
            raise ValueError("this")

    with pytest.raises(ValueError, match="this"):
        fail()
    assert names(path) == ["v1"]
    put(layout, numbered(1), "v2")
    assert names(path) == ["v1", "v2"]


def test_a_failure_to_write_the_list_is_raised(path: Path) -> None:
    """Nobody takes an unlisted document for a listed one."""
    layout = Layout(path, create=True)

    def spoil() -> None:
        with layout.gathering():
            put(layout, manifest(), "v1")
            (path / "index.json").write_text("no JSON")

    with pytest.raises(StorageError):
        spoil()


def test_others_entries_are_kept(path: Path) -> None:
    """What another process lists meanwhile stays."""
    layout = Layout(path, create=True)
    with layout.gathering():
        put(layout, numbered(1), "mine")
        put(Layout(path), numbered(2), "theirs")
    assert sorted(name or "" for name in names(path)) == ["mine", "theirs"]


def test_blobs_are_not_listed(path: Path) -> None:
    """Nothing is written for them."""
    layout = Layout(path, create=True)
    before = (path / "index.json").stat().st_mtime_ns
    with layout.gathering():
        layout.push(HELLO, BytesContent(b"hello\n"))
    assert (path / "index.json").stat().st_mtime_ns == before
    assert json.loads((path / "index.json").read_bytes())["manifests"] == []
