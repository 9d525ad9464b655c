"""Digests: grammar, registered algorithms, computing them (section DIG)."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ocictl.errors import ContentError, InvalidInputError
from ocictl.model.digest import Digest, new_hasher
from tests.support.shared import present, spec_rows


@pytest.mark.parametrize(
    "row", spec_rows("digests.json", "digests"), ids=lambda row: row["input"][:40] if row else "absent"
)
def test_table(row: dict[str, Any] | None) -> None:
    """Each digest of the table is accepted or refused, and verifiable or not, as the table says (DIG-01 to -04)."""
    row = present(row)
    if not row["valid"]:
        with pytest.raises(InvalidInputError) as caught:
            Digest.parse(row["input"])
        assert caught.value.code == "digest-invalid"
        assert caught.value.details["rule"] in ("DIG-01", "DIG-02")
        assert caught.value.hint
    else:
        digest = Digest.parse(row["input"])
        assert str(digest) == row["input"]
        assert digest.verifiable is row["verifiable"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_of_computes(algorithm: str) -> None:
    """DIG-04: sha256 and sha512 are computed over the exact bytes."""
    digest = Digest.of(b"hello\n", algorithm)
    assert digest == Digest(algorithm, hashlib.new(algorithm, b"hello\n").hexdigest())
    assert Digest.parse(str(digest)) == digest
    assert digest.short == digest.encoded[:12]


@pytest.mark.parametrize("algorithm", ["blake3", "sha384", "md5", "sha256+b64u", ""])
def test_unverifiable_algorithms_are_refused(algorithm: str) -> None:
    """DIG-03: what can't be verified never counts as verified, even if hashlib happens to know it."""
    with pytest.raises(ContentError) as caught:
        new_hasher(algorithm)
    assert caught.value.code == "digest-unverifiable"
    assert not Digest(algorithm, "00").verifiable


def test_long_input_is_shortened_in_the_message() -> None:
    """A message stays readable, whatever was given."""
    with pytest.raises(InvalidInputError) as caught:
        Digest.parse("x" * 10_000)
    assert len(caught.value.message) < 300
