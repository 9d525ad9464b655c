"""Answers that are errors (ERR-01 to ERR-06)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.errors import (
    DeniedError,
    NotFoundError,
    OcictlError,
    RateLimitedError,
    RegistryError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedError,
)
from ocictl.transport import failures
from ocictl.transport.failures import Context, ErrorBody
from tests.support.shared import present, spec_path, vector_rows
from tests.unit.transport.clients import answer

CONTEXT = Context(registry="registry.example.com", repository="a/b", scopes=("repository:a/b:pull,push",))

EXPECTED: dict[str, tuple[list[str], str, bool]] = {
    "01-one": (["MANIFEST_UNKNOWN"], "", False),
    "02-many": (["MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"], "", False),
    "03-code-only": (["DENIED"], "", False),
    "04-empty-message": (["UNAUTHORIZED"], "", False),
    "05-unknown-code": (["PAGINATION_NUMBER_INVALID"], "", False),
    "06-unknown-code-unknown": (["UNKNOWN"], "", False),
    "07-lower-case-code": (["MANIFEST_UNKNOWN"], "", False),
    "08-no-code": ([""], "", False),
    "09-empty-list": ([], "", False),
    "10-errors-null": ([], "", False),
    "11-errors-object": (["DENIED"], "", False),
    "12-other-json-shape": ([], "not found", False),
    "13-oauth-error-shape": ([], "invalid_grant: token expired", False),
    "14-html": ([], "", True),
}


@pytest.mark.parametrize("row", vector_rows("error"))
def test_vectors(row: dict[str, Any] | None) -> None:
    """Every body is read for what it says; none fails, and the status is always in the message."""
    row = present(row)
    raw = spec_path(row["file"]).read_bytes()
    body = failures.parse_body(raw)
    codes, text, html = EXPECTED[row["file"].rpartition("/")[2].removesuffix(".json")]
    assert [entry["code"] for entry in body.entries] == codes
    assert (body.text, body.html) == (text, html)
    error = failures.error_for(answer(502, raw), body, CONTEXT)
    assert isinstance(error, UnavailableError)
    assert "502 Bad Gateway" in error.message
    assert "<html" not in error.message
    for code in codes:
        assert code in error.message


@given(st.binary(max_size=200))
def test_any_body(raw: bytes) -> None:
    """No body makes it fail, and the message stays one printable line."""
    error = failures.error_for(answer(400, raw), failures.parse_body(raw), CONTEXT)
    assert "400 Bad Request" in error.message
    assert len(error.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind", "ours"),
    [
        (400, "MANIFEST_INVALID", RegistryError, "registry-error"),
        (400, "DENIED", DeniedError, "denied"),
        (400, "UNSUPPORTED", UnsupportedError, "unsupported"),
        (400, "TOOMANYREQUESTS", RateLimitedError, "rate-limited"),
        (400, "UNAUTHORIZED", UnauthorizedError, "login-required"),
        (401, "DENIED", UnauthorizedError, "login-required"),
        (403, "UNAUTHORIZED", DeniedError, "denied"),
        (404, "MANIFEST_UNKNOWN", NotFoundError, "not-found"),
        (404, "NAME_UNKNOWN", NotFoundError, "repository-not-found"),
        (404, "DENIED", NotFoundError, "not-found"),
        (405, "UNSUPPORTED", UnsupportedError, "unsupported"),
        (405, "", UnsupportedError, "unsupported"),
        (408, "", UnavailableError, "unavailable"),
        (413, "SIZE_INVALID", RegistryError, "registry-error"),
        (415, "", UnsupportedError, "unsupported"),
        (429, "TOOMANYREQUESTS", RateLimitedError, "rate-limited"),
        (500, "UNKNOWN", UnavailableError, "unavailable"),
        (501, "", UnsupportedError, "unsupported"),
        (503, "", UnavailableError, "unavailable"),
        (418, "", RegistryError, "registry-error"),
        (599, "", UnavailableError, "unavailable"),
        (200, "", RegistryError, "registry-protocol"),
        (304, "", RegistryError, "registry-protocol"),
    ],
)
def test_status_then_code(status: int, code: str, kind: type[OcictlError], ours: str) -> None:
    """The status decides, then the registry's code; message text never does (ERR-05)."""
    body = ErrorBody(
        entries=({"code": code, "message": "404 not found unauthorized denied"},) if code else ()
    )
    error = failures.error_for(answer(status), body, CONTEXT)
    assert type(error) is kind
    assert error.code == ours
    assert error.details["status"] == status


def test_facts() -> None:
    """Method, URL without query and user info, status, codes, messages and details are all there (ERR-04)."""
    body = failures.parse_body(
        b'{"errors": [{"code": "DENIED", "message": "no push", "detail": {"a": [1]}}, {"code": "X"}]}'
    )
    response = answer(403, method="PUT", url="https://u:p@registry.example.com/v2/a?sig=secret")
    error = failures.error_for(response, body, CONTEXT)
    assert isinstance(error, RegistryError)
    assert error.message == (
        "the registry answered 403 Forbidden to PUT 'https://registry.example.com/v2/a': DENIED: no push; X"
    )
    assert error.errors == [
        {"code": "DENIED", "message": "no push", "detail": {"a": [1]}},
        {"code": "X", "message": ""},
    ]
    assert (error.status, error.method, error.url) == (403, "PUT", "https://registry.example.com/v2/a")
    assert error.has_code("DENIED")
    assert error.hint is not None
    assert "'pull,push' on repository 'a/b'" in error.hint


def test_hostile_text() -> None:
    """Text from a registry can't forge lines, colours or directions, and its length is bounded."""
    text = "\\u001b[31m\\u202e\\nerror: forged" + "x" * 5000
    body = failures.parse_body(
        b'{"errors": [' + b", ".join([f'{{"code": "C", "message": "{text}"}}'.encode()] * 50) + b"]}"
    )
    message = failures.error_for(answer(400), body, CONTEXT).message
    assert "\x1b" not in message
    assert "\u202e" not in message
    assert len(message.splitlines()) == 1
    assert "\\x1b[31m\\u202e\\x0aerror: forged" in message
    assert message.endswith("and 45 more")
    assert len(message) < 2500


def test_plain_text_body() -> None:
    """The first line of a text is shown, as Distribution sends for unknown paths."""
    body = failures.parse_body(b"404 page not found\nand more\n", "text/plain; charset=utf-8")
    assert body == ErrorBody(text="404 page not found")


def test_a_head_has_no_body() -> None:
    """The error of a HEAD says what is known, without a body."""
    response = answer(404, method="HEAD")
    body = failures.read_body(response, 100)
    assert body == ErrorBody()
    assert "404 Not Found to HEAD" in failures.error_for(response, body, CONTEXT).message


def test_a_body_is_read_up_to_the_limit() -> None:
    """CVE-2020-1702: an endless error body is cut; the status stays."""
    body = failures.read_body(answer(500, b"x" * 10_000), 50)
    assert body.text == "x" * 50


def test_a_body_that_breaks_off() -> None:
    """An error body that ends early does not hide the status."""
    response = answer(404, b"short", [("Content-Length", "500")])
    assert failures.read_body(response, 1000) == ErrorBody()


def hint(
    status: int,
    *,
    at_home: bool = True,
    headers: list[tuple[str, str]] | None = None,
    raw: bytes = b"",
    **context: Any,
) -> str:
    """The hint of an error."""
    facts = {"registry": "registry.example.com", "repository": "a/b", **context}
    error = failures.error_for(
        answer(status, headers=headers, at_home=at_home), failures.parse_body(raw), Context(**facts)
    )
    return error.hint or ""


def test_login_hints() -> None:
    """401 says how to log in, or that the known credentials are no good, or not enough."""
    assert hint(401) == "log in first: ocictl login registry.example.com"
    stored = hint(401, credential_source="/home/u/.docker/config.json")
    assert "the credentials of /home/u/.docker/config.json were not accepted" in stored
    assert "the credentials were not accepted" in hint(401, credential_source="")
    granted = hint(401, credential_source="", token_given=True, scopes=("repository:a/b:pull,push",))
    assert "may not allow 'pull,push' on repository 'a/b'" in granted


def test_login_code() -> None:
    """A program can tell missing from refused credentials."""
    refused = failures.error_for(answer(401), ErrorBody(), Context(registry="r", credential_source=""))
    assert refused.code == "unauthorized"


def test_hub_hint() -> None:
    """Official images of Docker Hub need `library/`."""
    assert "docker.io/library/redis" in hint(401, registry="docker.io", repository="redis")
    assert "library" not in hint(401, registry="docker.io", repository="u/redis")


def test_rate_limit() -> None:
    """429 says how long to wait, and that logging in may help; the seconds are there for programs."""
    text = hint(429, headers=[("Retry-After", "30")])
    assert "Retry-After 30" in text
    assert "ocictl login" in text
    assert "ocictl login" not in hint(429, credential_source="")
    error = failures.error_for(answer(429, headers=[("Retry-After", "30")]), ErrorBody(), CONTEXT)
    assert error.details["retry_after"] == 30


def test_other_hints() -> None:
    """A web page, a plain request to a TLS port, a foreign host and a missing repository each have their own."""
    assert "web page" in hint(404, raw=b"<!doctype html>")
    assert "--plain-http" in hint(400, plain_http=True)
    assert "--plain-http" not in hint(400)
    assert "no credentials go" in hint(403, at_home=False)
    assert "'a/b'" in hint(404, raw=b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
    assert "wait" in hint(503)
    assert "size" in hint(413)
