"""Media types (DESC-02, DESC-03)."""

from __future__ import annotations

import pytest

from ocictl.errors import InvalidInputError
from ocictl.model import media_types


@pytest.mark.parametrize(
    "text",
    ["a/b", "application/vnd.x+json", "A1/!#$&^_.+-".replace("/!", "/1!"), "a" * 127 + "/" + "b" * 127],
)
def test_accepted(text: str) -> None:
    """Restricted names of RFC 6838, up to 127 characters on each side."""
    assert media_types.check_media_type(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "a/", "/b", "a/b/c", "a /b", "a/b\n", "é/b", ".a/b", "*/*", "a" * 128 + "/b", "a/" + "b" * 128],
)
def test_refused(text: str) -> None:
    """The whole string counts, a trailing newline too (PY-06)."""
    with pytest.raises(InvalidInputError) as caught:
        media_types.check_media_type(text)
    assert caught.value.code == "media-type-invalid"


def test_parameters_are_named() -> None:
    """The commonest mistake gets its own hint."""
    with pytest.raises(InvalidInputError) as caught:
        media_types.check_media_type("application/vnd.cyclonedx+json; version=1.6", "artifact type")
    assert caught.value.message.startswith("artifact type ")
    assert "'; version=1.6'" in (caught.value.hint or "")


def test_comparison_ignores_case() -> None:
    """DESC-03: compare without case, and nothing is not something."""
    assert media_types.same("A/b", "a/B")
    assert not media_types.same("a/b", "a/c")
    assert media_types.same(None, None)
    assert not media_types.same(None, "a/b")


def test_every_document_type_is_asked_for() -> None:
    """PULL-01: registries answer 404 for a manifest whose type is not in the Accept header."""
    assert set(media_types.ACCEPT.split(", ")) == media_types.MANIFEST_ENDPOINT_TYPES
