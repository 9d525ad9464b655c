"""Token requests and answers (AUTH-04 to AUTH-11)."""

from __future__ import annotations

from typing import Any

import pytest

from ocictl.errors import RegistryError
from ocictl.transport import token
from tests.support.shared import present, spec_path, vector_rows

EXPECTED = {
    "01-token-only": ("abc", 60),
    "02-access-token-only": ("abc", 300),
    "03-both-same": ("abc", 300),
    "04-both-differ": ("abc", 60),
    "05-refresh": ("abc", 900),
    "06-short-life": ("abc", 5),
    "09-expires-string": ("abc", 300),
    "10-issued-nanoseconds": ("abc", 300),
}


@pytest.mark.parametrize("row", vector_rows("token"))
def test_vectors(row: dict[str, Any] | None) -> None:
    """Every answer is read, or refused, as the table says."""
    row = present(row)
    raw = spec_path(row["file"]).read_bytes()
    name = row["file"].rpartition("/")[2].removesuffix(".json")
    if row["valid"] or row.get("policy") == "accept":
        read = token.parse(raw)
        assert (read.value, read.lifetime) == EXPECTED[name]
    else:
        with pytest.raises(RegistryError) as raised:
            token.parse(raw)
        assert raised.value.code == "registry-protocol"


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>SECRET</html>",
        b"[]",
        b'{"token": 5}',
        b'{"token": "SECRET\\r\\nX: y"}',
        b'{"token": "SECRET a"}',
        b'{"token": "SECRET\xc3\xa9"}',
        b'{"token": "SECRET", "token": "SECRET"}',
        b"\xff",
        b"",
    ],
)
def test_unusable(raw: bytes) -> None:
    """An answer without a token that fits into a header is refused, and never shown."""
    with pytest.raises(RegistryError) as raised:
        token.parse(raw, "https://auth.example.com/token?secret=SECRET")
    assert "SECRET" not in repr((raised.value.message, raised.value.details, raised.value.__cause__))
    assert "auth.example.com" in raised.value.message


@pytest.mark.parametrize("value", ["-5", "0", "null", "true", "1e999", '"soon"', '""', "[]", "1" + "0" * 400])
def test_odd_lifetimes(value: str) -> None:
    """A lifetime that makes no sense is the default, an endless one is capped."""
    read = token.parse(b'{"token": "t", "expires_in": ' + value.encode() + b"}")
    assert read.lifetime == token.DEFAULT_LIFETIME or (
        value.startswith("1") and read.lifetime == 7 * 24 * 3600
    )


def test_repr_hides_the_value() -> None:
    """A token in a traceback or log is not readable (AUTH-25)."""
    assert "abc" not in repr(token.parse(b'{"token": "abc"}'))


@pytest.mark.parametrize(
    ("realm", "service", "scopes", "url"),
    [
        (
            "https://a/t",
            "s",
            ["repository:a/b:pull,push"],
            "https://a/t?service=s&scope=repository:a/b:pull,push",
        ),
        ("https://a/t?x=1", "s", [], "https://a/t?x=1&service=s"),
        ("https://a/t?", "s", [], "https://a/t?service=s"),
        ("https://a/t", "", [], "https://a/t"),
        ("https://a/t", "a b&c", ["x:y:z", "aws"], "https://a/t?service=a%20b%26c&scope=x:y:z&scope=aws"),
    ],
)
def test_query(realm: str, service: str, scopes: list[str], url: str) -> None:
    """One parameter per scope, empty ones left out, the realm's own query kept (AUTH-04, AUTH-06)."""
    assert token.query(realm, service, scopes) == url


def test_refresh_form() -> None:
    """An identity token goes into a form with one `scope` (AUTH-07)."""
    form = token.refresh_form("s", ["a:b:pull", "c:d:pull"], "R+/=")
    assert (
        form
        == b"grant_type=refresh_token&service=s&client_id=ocictl&scope=a%3Ab%3Apull+c%3Ad%3Apull&refresh_token=R%2B%2F%3D"
    )
