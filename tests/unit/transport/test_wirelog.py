"""The debug log shows what happened and nothing secret (AUTH-25)."""

from __future__ import annotations

import json

import pytest

from ocictl.transport.redact import in_body as hide_members
from ocictl.transport.wirelog import WireLog

SECRET = "S3cr3t"


def log(limit: int = 1000) -> tuple[WireLog, list[str]]:
    """A log and its lines."""
    lines: list[str] = []
    return WireLog(lines.append, ["X-Mine"], limit), lines


def test_request_and_answer() -> None:
    """A line each, with method, URL, status and headers."""
    wire, lines = log()
    wire.request("GET", "https://h/v2/?a=1", [("Accept", "a/b"), ("Range", "bytes=0-1")])
    wire.answer(
        "GET", "https://h/v2/?a=1", 200, [("Content-Type", "a/b"), ("Www-Authenticate", 'Bearer realm="r"')]
    )
    wire.failure("GET", "https://h/v2/", "no connection")
    assert lines == [
        "> GET https://h/v2/ {Accept: a/b; Range: bytes=0-1}",
        '< 200 GET https://h/v2/ {Content-Type: a/b; Www-Authenticate: Bearer realm="r"}',
        "! GET https://h/v2/ no connection",
    ]


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", f"Bearer {SECRET}"),
        ("authorization", f"Basic {SECRET}"),
        ("Proxy-Authorization", SECRET),
        ("Cookie", f"a={SECRET}"),
        ("Set-Cookie", f"a={SECRET}; Path=/"),
        ("X-Mine", SECRET),
        ("x-mine", SECRET),
        ("X-Amz-Security-Token", SECRET),
        ("X-Registry-Auth", SECRET),
        ("X-Api-Key", SECRET),
        ("Location", f"https://h/x?sig={SECRET}"),
        ("Location", f"/x?sig={SECRET}#{SECRET}"),
        ("Location", f"https://u:{SECRET}@h/x"),
        ("Link", f'<https://h/x?t={SECRET}>; rel="next"'),
        ("Content-Location", f"/x?{SECRET}"),
    ],
)
def test_headers_are_redacted(header: tuple[str, str]) -> None:
    """Credentials, cookies, custom headers and queries are replaced; the name stays."""
    wire, lines = log()
    wire.request("PUT", f"https://u:{SECRET}@h/x?sig={SECRET}", [header])
    wire.answer("PUT", f"https://h/x?sig={SECRET}#{SECRET}", 201, [header])
    assert SECRET not in "".join(lines)
    assert all((header[0] in line and "***" in line) or "@" in header[1] for line in lines)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"token": SECRET}),
        json.dumps({"access_token": SECRET, "refresh_token": SECRET}, indent=2),
        json.dumps({"Password": SECRET, "identityToken": SECRET}),
        json.dumps({"token": f'a"b\\{SECRET}'}),
        json.dumps({"detail": json.dumps({"token": SECRET})}),
        json.dumps({"detail": json.dumps({"detail": json.dumps({"password": SECRET})})}),
        '{"token" : "' + SECRET,
        f"grant_type=refresh_token&refresh_token={SECRET}&a=b",
        f"https://h/x?X-Amz-Signature={SECRET}",
    ],
)
def test_bodies_are_redacted(text: str) -> None:
    """Secrets in JSON, in JSON within strings, cut off, and in forms are replaced."""
    wire, lines = log()
    wire.body("application/json", text.encode())
    assert len(lines) == 1
    assert SECRET not in lines[0]


def test_other_members_stay() -> None:
    """What is no secret is not touched."""
    text = '{"errors":[{"code":"DENIED","message":"no \\"token\\" given","detail":{"a":1}}]}'
    assert hide_members(text) == text


def test_bodies_that_are_not_text() -> None:
    """Blobs are not shown."""
    wire, lines = log()
    wire.body("application/octet-stream", SECRET.encode())
    wire.body(None, SECRET.encode())
    wire.body("text/plain", b"")
    assert lines == ["< body of 6 bytes, not shown"] * 2


@pytest.mark.parametrize(
    "kind", ["application/vnd.oci.image.index.v1+json; charset=utf-8", "text/html", "Application/JSON"]
)
def test_text_is_shown_up_to_a_limit(kind: str) -> None:
    """JSON and text are shown on one line, and cut."""
    wire, lines = log(limit=5)
    wire.body(kind, b"ab\ncdefgh")
    assert lines == ["< body ab\\x0acd ... (9 bytes in all)"]


def test_no_secret_is_cut_into_view() -> None:
    """A secret that crosses the limit is replaced as a whole."""
    wire, lines = log(limit=14)
    wire.body("application/json", json.dumps({"token": SECRET * 10}).encode())
    assert "S3c" not in lines[0]


def test_hostile_text_is_escaped() -> None:
    """Headers and bodies can't move the cursor."""
    wire, lines = log()
    wire.answer("GET", "https://h/\x1b[2J", 200, [("X-A", "\x1b[31m"), ("X\u202e", "v")])
    wire.body("text/plain", b"\x1b[31m")
    assert "\x1b" not in "".join(lines)
    assert "\u202e" not in "".join(lines)


def test_many_backslashes_take_no_time() -> None:
    """The redaction stays linear on hostile bodies (the test would not end otherwise)."""
    hide_members("\\" * 60_000)
    hide_members('"' * 60_000)
    hide_members('"token' * 10_000)
