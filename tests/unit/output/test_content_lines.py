"""The lines of commands on single manifests, indexes and blobs, as oras prints them."""

from __future__ import annotations

import pytest

from ocictl.events import IndexStep
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.output import content_lines

DIGEST = Digest("sha256", "0123456789ab" + "0" * 52)
FOUND = Descriptor(media_type="a/b", digest=DIGEST, size=7)


def test_the_end_of_a_push() -> None:
    """With a colon, which `push` has not."""
    assert content_lines.pushed(FOUND, "[registry] r/x:v1", ["v2"]) == [
        "Pushed: [registry] r/x:v1",
        "Tagged v2",
        f"Digest: {DIGEST}",
    ]


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (IndexStep("fetching", "v1"), "Fetching  v1"),
        (IndexStep("fetched", "v1", DIGEST), f"Fetched   {DIGEST} v1"),
        (IndexStep("fetched", str(DIGEST), DIGEST), f"Fetched   {DIGEST}"),
        (IndexStep("added", "v1", DIGEST), f"Added     {DIGEST} v1"),
        (IndexStep("exists", "v1", DIGEST), f"Exists    {DIGEST} v1"),
        (IndexStep("merged", "v1", DIGEST), f"Merged    {DIGEST} v1"),
        (IndexStep("removed", str(DIGEST), DIGEST), f"Removed   {DIGEST}"),
    ],
)
def test_steps(step: IndexStep, line: str) -> None:
    """A digest that is the name already is not repeated."""
    assert content_lines.index_step(step) == line


def test_the_end_of_an_index() -> None:
    """Where it was not pushed, only the digest is left to tell."""
    assert content_lines.index_built(FOUND, updated=False) == "Packed    0123456789ab a/b"
    assert content_lines.index_built(FOUND, updated=True) == f"Updated   {DIGEST}"
    assert content_lines.index_pushed(FOUND, None, []) == [f"Digest: {DIGEST}"]
    assert content_lines.index_pushed(FOUND, "[registry] r/x:v1", ["v2"]) == [
        "Pushed    [registry] r/x:v1",
        "Tagged v2",
        f"Digest: {DIGEST}",
    ]


def test_deletions() -> None:
    """What is gone, and what was not there."""
    assert content_lines.deleted("[registry] r/x:v1") == ["Deleted [registry] r/x:v1"]
    assert content_lines.missing("r/x:v1") == ["Missing r/x:v1"]
