"""The rules for entries of index.json, as properties (LAY-05, LAY-06)."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ocictl.model.annotations import REF_NAME
from ocictl.model.descriptor import Descriptor
from ocictl.stores._layout_index import put_entry

short = settings(max_examples=200, derandomize=True, deadline=None, database=None)
DOCUMENTS = [
    Descriptor.of(name, "a/b", artifact_type="x/y", annotations={"n": "1"}) for name in (b"a", b"b", b"c")
]
TAGS = ["v1", "v2", "v3"]


def tag_of(entry: Any) -> str | None:
    return (entry.get("annotations") or {}).get(REF_NAME) if isinstance(entry, dict) else None


def digest_of(entry: Any) -> str | None:
    digest = entry.get("digest") if isinstance(entry, dict) else None
    return digest if isinstance(digest, str) else None


foreign = st.sampled_from([None, 1, "x", {}, {"digest": 1}, {"digest": ["x"], "annotations": None}])
known = st.builds(
    lambda document, tag, more: {
        **document.plain().to_json(),
        "annotations": {**more, **({REF_NAME: tag} if tag else {})},
        "future": 1,
    },
    st.sampled_from(DOCUMENTS),
    st.none() | st.sampled_from(TAGS),
    st.dictionaries(st.sampled_from(["k", "l"]), st.just("x")),
)
lists = st.lists(foreign | known, max_size=6)


@short
@given(lists, st.sampled_from(DOCUMENTS), st.none() | st.sampled_from(TAGS))
def test_put_entry(before: list[Any], document: Descriptor, tag: str | None) -> None:
    """Whatever is listed, putting a document lists it whole, moves one tag, and loses nothing."""
    original = copy.deepcopy(before)
    after, listing = put_entry(before, document, tag)
    assert before == original

    name = str(document.digest)
    mine = [entry for entry in after if digest_of(entry) == name]
    assert mine
    assert all(entry["artifactType"] == "x/y" and entry["annotations"]["n"] == "1" for entry in mine)
    assert (listing == "added") is not any(digest_of(entry) == name for entry in before)

    holders = {digest_of(entry) for entry in after if tag is not None and tag_of(entry) == tag}
    assert holders == ({name} if tag is not None else set())

    if tag is None:
        others = [[entry for entry in entries if digest_of(entry) != name] for entries in (before, after)]
        assert others[0] == others[1]
    assert {digest_of(entry) for entry in after} == {digest_of(entry) for entry in before} | {name}
    unreadable = [[entry for entry in entries if digest_of(entry) is None] for entries in (before, after)]
    assert unreadable[0] == unreadable[1]
    tagged = [
        [(digest_of(entry), tag_of(entry)) for entry in entries if tag_of(entry) not in (None, tag)]
        for entries in (before, after)
    ]
    assert tagged[0] == tagged[1]


@short
@given(lists, st.sampled_from(DOCUMENTS), st.none() | st.sampled_from(TAGS))
def test_put_entry_again_changes_nothing(before: list[Any], document: Descriptor, tag: str | None) -> None:
    """The second time everything is present."""
    once, _ = put_entry(before, document, tag)
    twice, listing = put_entry(once, document, tag)
    assert twice == once
    assert listing == "present"
