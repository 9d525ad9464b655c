"""References: the strict reading in which the first part is always the registry (REF-15)."""

from __future__ import annotations

from typing import Any

import pytest

from ocictl.errors import InvalidInputError
from ocictl.model.digest import Digest
from ocictl.model.reference import Reference, check_registry, check_repository, check_tag
from tests.support.shared import present, spec_rows

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "row",
    spec_rows("references.json", "references"),
    ids=lambda row: repr(row["input"])[:60] if row else "absent",
)
def test_table(row: dict[str, Any] | None) -> None:
    """Each reference of the table reads as ORAS reads it, and what policy refuses is refused."""
    row = present(row)
    wanted = row.get("oras", row)
    if not wanted["valid"] or row.get("policy") == "reject":
        with pytest.raises(InvalidInputError) as caught:
            Reference.parse(row["input"])
        assert caught.value.code in ("reference-invalid", "tag-invalid", "digest-invalid")
        assert caught.value.hint
        assert caught.value.details["rule"]
        return
    reference = Reference.parse(row["input"])
    assert reference.registry == wanted["registry"]
    assert reference.repository == wanted["repository"]
    assert reference.tag == wanted["tag"]
    assert (str(reference.digest) if reference.digest else None) == wanted["digest"]
    if "oras" not in row:
        assert reference.api_host == row["api_host"]
        assert str(reference) == row["canonical"]


def test_digest_selects_and_tag_informs() -> None:
    """REF-11: with both, the digest selects the content."""
    reference = Reference.parse(f"example.com/a/b:v1@sha256:{HEX}")
    assert (reference.tag, reference.selector) == ("v1", f"sha256:{HEX}")
    assert Reference.parse("example.com/a/b:v1").selector == "v1"
    assert Reference.parse("example.com/a/b").selector is None


def test_rewriting_selects_one_thing() -> None:
    """A reference made for a tag has no digest, and the reverse."""
    reference = Reference.parse(f"example.com/a/b:v1@sha256:{HEX}")
    digest = Digest.of(b"x")
    assert str(reference.with_tag("v2")) == "example.com/a/b:v2"
    assert str(reference.with_digest(digest)) == f"example.com/a/b@{digest}"
    assert reference.path == "example.com/a/b"
    with pytest.raises(InvalidInputError) as caught:
        reference.with_tag("no good")
    assert caught.value.code == "tag-invalid"


def test_docker_hub_has_another_api_host() -> None:
    """REF-09: docker.io is contacted elsewhere and shown as it is."""
    reference = Reference.parse("docker.io/library/alpine:3")
    assert reference.api_host == "registry-1.docker.io"
    assert reference.registry == "docker.io"
    assert str(reference) == "docker.io/library/alpine:3"


@pytest.mark.parametrize("text", [f"example.com/r@blake3:{HEX}", f"example.com/r@sha384:{HEX}"])
def test_unverifiable_digests_are_refused(text: str) -> None:
    """DIG-03: nothing is pulled by a digest that can't be checked."""
    with pytest.raises(InvalidInputError) as caught:
        Reference.parse(text)
    assert (caught.value.code, caught.value.details["rule"]) == ("digest-invalid", "DIG-03")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alpine:3", "docker.io/library/alpine:3"),
        ("ghcr.io", "the repository is missing"),
        ("localhost:5000", "the repository is missing"),
        (f"sha256:{HEX}", "a digest alone names no repository"),
        ("Alpine", "registry/repository"),
        ("example.com/Repo", "'repo'"),
        ("example.com/r:v1+build", "'v1_build'"),
    ],
)
def test_hints_say_what_to_write(text: str, words: str) -> None:
    """REF-12, REF-14: a wrong reference comes back with a right one."""
    with pytest.raises(InvalidInputError) as caught:
        Reference.parse(text)
    assert words in (caught.value.hint or "")


@pytest.mark.parametrize("port", ["0", "65536", "99999999999999999999"])
def test_impossible_ports_are_refused(port: str) -> None:
    """REF-16: the grammar lets any digits through."""
    with pytest.raises(InvalidInputError) as caught:
        check_registry(f"example.com:{port}")
    assert caught.value.details["rule"] == "REF-16"


def test_parts_are_returned_unchanged() -> None:
    """The checks hand back what they were given."""
    assert check_registry("[::1]:5000") == "[::1]:5000"
    assert check_repository("a/b__c") == "a/b__c"
    assert check_tag("v1.0-rc_1") == "v1.0-rc_1"


@pytest.mark.parametrize("name", ["a\n", "a/b\n", "ä", "a___b", "a..b", "/a", "a/", ""])
def test_repository_names_are_matched_whole(name: str) -> None:
    """REF-01, PY-06: a trailing newline or a letter outside ASCII is not let through."""
    with pytest.raises(InvalidInputError):
        check_repository(name)


@pytest.mark.parametrize("tag", ["v1\n", "é", "-v", ".v", "", "a" * 129, "a b", "a/b"])
def test_tags_are_matched_whole(tag: str) -> None:
    """REF-03, PY-06."""
    with pytest.raises(InvalidInputError):
        check_tag(tag)


def test_long_references_are_shortened_in_the_message() -> None:
    """A message stays readable, whatever was given."""
    with pytest.raises(InvalidInputError) as caught:
        Reference.parse("example.com/" + "A" * 5000)
    assert len(caught.value.details["value"]) <= 300
