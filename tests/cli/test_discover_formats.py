"""Old ways of asking `discover` for something, which scripts may still use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import ocictl

DISCOVER = ("discover", "--oci-layout", "lay:v1")
OLD = "warning: the format table is deprecated; use tree or json\n"


@pytest.fixture
def digests(work: Path) -> tuple[str, str, str]:
    """An artifact, something about it, and something about that."""
    subject = ocictl("push", "--oci-layout", "lay:v1", "hello.txt", "-q").lines[0]
    attach = ("attach", "--oci-layout", "-q", "-a", "k=v", "--artifact-type")
    first = ocictl(*attach, "a/sbom", "lay:v1").lines[0]
    return subject, first, ocictl(*attach, "a/sig", f"lay@{first}").lines[0]


def test_the_table(digests: tuple[str, str, str]) -> None:
    """Direct referrers alone, with their descriptors."""
    outcome = ocictl(*DISCOVER, "--format", "table")
    assert outcome.stderr == OLD
    assert outcome.lines[:5] == [
        "Discovered 1 artifact referencing lay:v1",
        f"Digest: {digests[0]}",
        "",
        "Artifact Type   Digest",
        f"a/sbom          {digests[1]}",
    ]
    assert outcome.lines[5] == "{"
    assert "k" in outcome.stdout
    assert digests[2] not in outcome.stdout
    assert ocictl(*DISCOVER, "--format", "table", "--depth", "5").stdout == outcome.stdout
    short = ocictl(*DISCOVER, "--format", "table", "--verbose=false")
    assert short.stdout == "".join(f"{line}\n" for line in outcome.lines[:5])


def test_the_old_spelling(digests: tuple[str, str, str]) -> None:
    """`-o` is `--format`; both at once are too much."""
    outcome = ocictl(*DISCOVER, "-o", "table")
    assert outcome.stdout == ocictl(*DISCOVER, "--format", "table").stdout
    assert outcome.stderr.startswith("warning: --output is deprecated here; use --format\n")
    assert "can't be used together" in ocictl(*DISCOVER, "-o", "tree", "--format", "tree", code=2).stderr


def test_the_tree_without_annotations(digests: tuple[str, str, str]) -> None:
    """`--verbose=false` leaves them out."""
    assert "k: v" in ocictl(*DISCOVER, "--verbose").stdout
    assert ocictl(*DISCOVER, "--verbose=false").lines == [
        f"lay@{digests[0]}",
        "└── a/sbom",
        f"    └── {digests[1]}",
        "        └── a/sig",
        f"            └── {digests[2]}",
    ]


def test_quiet_needs_no_table(digests: tuple[str, str, str]) -> None:
    """Digests of the whole tree, and no warning about a format that is not used."""
    outcome = ocictl(*DISCOVER, "--format", "table", "-q")
    assert (outcome.lines, outcome.stderr) == (list(digests[1:]), "")
