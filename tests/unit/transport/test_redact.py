"""Secrets are taken out of texts, by their form and by their value (AUTH-25)."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocictl.transport import redact
from ocictl.transport.redact import Redactor

SECRET = "S3cr3t-value"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://h/x?sig={SECRET}", "https://h/x?***"),
        (f"https://h/x#{SECRET}", "https://h/x?***"),
        (f"https://user:{SECRET}@h/x", "https://h/x"),
        (f"https://{SECRET}@h:443", "https://h:443"),
        (f"https://a@b:{SECRET}@h/x", "https://h/x"),
        (f"https:\\/\\/u:{SECRET}@h\\/x?a=1\\u0026sig={SECRET}", "https:\\/\\/h\\/x?***"),
        (f"HTTPS://h/x?{SECRET}", "HTTPS://h/x?***"),
        (f"s3://u:{SECRET}@h/x?y", "s3://h/x?***"),
        ("https://h/a@b/c", "https://h/a@b/c"),
        ("https://h/x", "https://h/x"),
    ],
)
@pytest.mark.parametrize("frame", ["{}", 'see "{}" there', "<{}>; rel=next", '{{"a":"{}","b":1}}', "({} )"])
def test_urls(url: str, shown: str, frame: str) -> None:
    """User info, query and fragment go; scheme, host and path stay; so does what is around."""
    assert redact.in_urls(frame.format(url)) == frame.format(shown)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"token": SECRET}),
        json.dumps({"tokens": [SECRET, "b"]}),
        json.dumps({"secret": {"value": SECRET}}),
        json.dumps({"auth": SECRET}),
        json.dumps({"apiKey": SECRET, "x": 1}),
        json.dumps({"Set-Cookie": SECRET}),
        json.dumps({"detail": json.dumps({"secret": [SECRET]})}),
        json.dumps({"url": f"https://h/x?sig={SECRET}"}),
        f"sig={SECRET}&x=1",
        f"password={SECRET}",
        f"client_assertion={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"got 'basic {SECRET}'",
        f"get it at https://u:{SECRET}@h/x",
        '{"token": ["' + SECRET,
    ],
)
def test_bodies(text: str) -> None:
    """Members, lists and parameters that hold secrets, URLs with user info or a signature."""
    assert SECRET not in redact.in_body(text)


def test_numbers() -> None:
    """A password may be a number."""
    assert redact.in_body('{"password": 12345678, "size": 5}') == '{"password": "***", "size": 5}'


@pytest.mark.parametrize(
    "text",
    [
        '{"author":"me","authors":["you"],"authority":"them"}',
        '{"errors":[{"code":"DENIED","message":"no \\"token\\" given","detail":null}]}',
        '{"mediaType":"a/b","size":5,"annotations":{"org.opencontainers.image.authors":"us"}}',
        'Basic realm="x", Bearer realm="y"; bearer authentication is basic knowledge',
        "signed by nobody; a design=good&x=1",
    ],
)
def test_what_is_harmless_stays(text: str) -> None:
    """The log is for reading."""
    assert redact.in_body(text) == text


@given(st.text(alphabet='"\\{}[]:=&?@/ token0', max_size=60))
def test_any_text_is_taken(text: str) -> None:
    """Nothing in a body makes this fail, and nothing is redacted twice."""
    once = redact.in_body(text)
    assert isinstance(redact.in_body(once), str)


@pytest.mark.parametrize(
    "junk", ["\\" * 50_000, '"' * 50_000, '"token' * 9_000, "https://" * 9_000, "a:" * 30_000]
)
def test_hostile_texts_take_no_time(junk: str) -> None:
    """The work stays linear (the test would not end otherwise)."""
    redact.in_body(junk)


def test_what_was_sent_is_found_wherever_it_comes_back() -> None:
    """A header's value, the token without its scheme, the password in Basic; plain, percent-encoded, in JSON."""
    redactor = Redactor()
    assert redactor.scrub(SECRET) == SECRET
    pair = base64.b64encode(f'user:p"ss {SECRET}'.encode()).decode()
    redactor.learn({"Authorization": f"Basic {pair}", "X-Mine": "mine mine"})
    redactor.learn({"Authorization": f"Bearer {SECRET}-token"})
    redactor.learn({"Authorization": "Basic %%%"})
    text = f'{pair} p"ss {SECRET} p%22ss%20{SECRET} p\\"ss {SECRET} mine mine mine%20mine {SECRET}-token user'
    assert redactor.scrub(text) == "*** *** *** *** *** *** *** user"


def test_forms() -> None:
    """What went to a token service in a form is known, too."""
    redactor = Redactor()
    redactor.learn_form(f"grant_type=refresh_token&service=harmless&refresh_token={SECRET}".encode())
    redactor.learn_form(b"grant_type=password&password=another+one")
    assert redactor.scrub(f"refresh_token harmless {SECRET} another one another%20one") == (
        "refresh_token harmless *** *** ***"
    )


def test_short_values_are_not_looked_for() -> None:
    """A value such as 1 is found everywhere and protects nothing."""
    redactor = Redactor()
    redactor.learn({"X-Try": "1"})
    assert redactor.scrub("status 401") == "status 401"


def test_only_the_newest_are_remembered() -> None:
    """A long run gets many tokens; the log does not become slower and slower."""
    redactor = Redactor()
    for number in range(2000):
        redactor.learn({"Authorization": f"Bearer token-{number:05}"})
    assert redactor.scrub("token-00001 token-01999") == "token-00001 ***"
