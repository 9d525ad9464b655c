"""Where requests may go: realms, redirects, upload locations, links."""

from __future__ import annotations

from typing import Any

import pytest

from ocictl.errors import RegistryError, TransportError
from ocictl.transport import endpoints, url_policy
from ocictl.transport.url_policy import Origin
from tests.support.shared import present, spec_rows

HOME = "https://registry.example.com"
ASKED = f"{HOME}/v2/a/b/blobs/uploads/"


def own(request_url: str) -> str:
    """The registry's base URL of a row."""
    return str(url_policy.origin_of(request_url))


@pytest.mark.parametrize("row", spec_rows("headers.json", "location"))
def test_location_rows(row: dict[str, Any] | None) -> None:
    """Upload locations are resolved byte for byte; none, and one without TLS, is refused (PUSH-04, PUSH-20)."""
    row = present(row)
    asked = row["request_url"]
    if row.get("policy") == "error":
        with pytest.raises(RegistryError) as raised:
            url_policy.upload_location(row["location"], asked, own(asked))
        assert raised.value.code == "registry-protocol"
    elif str(row.get("policy", "")).startswith("refuse"):
        with pytest.raises(TransportError) as refused:
            url_policy.upload_location(row["location"], asked, own(asked))
        assert refused.value.code == "url-refused"
    else:
        location = url_policy.upload_location(row["location"], asked, own(asked))
        assert location == row["absolute"]
        digest = row["put_url"].rpartition("digest=")[2].replace("%3A", ":")
        assert endpoints.finish_upload(location, digest) == row["put_url"]
        assert url_policy.same_origin(location, asked) is row["same_origin"]


@pytest.mark.parametrize(
    "target",
    [
        "http://auth.example.com/token",
        "http://registry.example.com/token",
        "file:///etc/passwd",
        "ftp://auth.example.com/",
        "javascript:alert(1)",
        "https://user@auth.example.com/",
        "https://user:secret@auth.example.com/",
        "https://registry.example.com@evil.example.net/",
        "https://",
        "https:///token",
        "https://evil.example.net\\@registry.example.com/",
        "https://auth.example.com/\r\nX-Evil: 1",
        "https://auth.example.com/a b",
        "https://auth.example.com/\u00e9",
        "https://\uff0e\uff0e/",
        "https://auth.example.com:0/",
        "https://auth.example.com:99999/",
        "https://auth.example.com:port/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://a.localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://0.0.0.0/",
        "//10.0.0.1/x",
        "//user@evil.example.net/",
        "",
        "#fragment",
    ],
)
def test_refused(target: str) -> None:
    """Other schemes, user info, the local network in every spelling, and what is no URL are refused."""
    with pytest.raises(TransportError) as raised:
        url_policy.checked(target, ASKED, HOME, "realm")
    assert raised.value.code == "url-refused"
    assert "secret" not in str(raised.value)
    assert raised.value.message.isprintable()


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("https://auth.example.net/token?x=%2f&y=", "https://auth.example.net/token?x=%2f&y="),
        ("HTTPS://Auth.Example.net/T", "HTTPS://Auth.Example.net/T"),
        ("//cdn.example.net/x", "https://cdn.example.net/x"),
        ("/token", f"{HOME}/token"),
        ("../x", f"{HOME}/v2/a/b/blobs/x"),
        ("?a=1", f"{ASKED}?a=1"),
        ("https://93.184.216.34/x", "https://93.184.216.34/x"),
        ("https://[2606:2800:220:1::1]/x", "https://[2606:2800:220:1::1]/x"),
        ("https://10.example.net/", "https://10.example.net/"),
        ("https://cdn.example.net:8443/x#f", "https://cdn.example.net:8443/x"),
        ("https://my_bucket.example.net/", "https://my_bucket.example.net/"),
    ],
)
def test_allowed(target: str, url: str) -> None:
    """Other public hosts are fine; nothing of path and query is changed."""
    assert url_policy.checked(target, ASKED, HOME, "redirect") == url


@pytest.mark.parametrize(
    ("home", "target"),
    [
        ("http://localhost:5000", "http://localhost:5001/token"),
        ("http://localhost:5000", "http://127.0.0.1:5001/token"),
        ("http://127.0.0.1:5000", "http://[::1]:5001/token"),
        ("http://10.0.0.5:5000", "http://10.0.0.5:9000/bucket"),
        ("https://10.0.0.5", "https://10.0.0.5/token"),
        ("http://registry.example.com", "http://auth.example.com/token"),
        ("http://registry.example.com", "https://auth.example.com/token"),
    ],
)
def test_the_registrys_own_place(home: str, target: str) -> None:
    """A registry in the local network may name itself, one without TLS may name others without TLS."""
    assert url_policy.checked(target, f"{home}/v2/", home, "realm") == target


@pytest.mark.parametrize(
    ("home", "target"),
    [
        ("http://10.0.0.5:5000", "http://10.0.0.6/x"),
        ("http://10.0.0.5:5000", "http://127.0.0.1/x"),
        ("http://localhost:5000", "http://169.254.169.254/x"),
        ("http://registry.example.com", "http://localhost/x"),
    ],
)
def test_not_the_neighbours(home: str, target: str) -> None:
    """A local address is no permission for other local addresses."""
    with pytest.raises(TransportError):
        url_policy.checked(target, f"{home}/v2/", home, "redirect")


def test_a_chain_never_leaves_tls() -> None:
    """Once a request went by https, the next may not go by http, even if the registry has no TLS itself."""
    with pytest.raises(TransportError):
        url_policy.checked(
            "http://c.example.net/", "https://b.example.net/", "http://a.example.net", "redirect"
        )


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Host.example/", Origin("https", "host.example", 443)),
        ("https://host.example:443", Origin("https", "host.example", 443)),
        ("http://host.example?x", Origin("http", "host.example", 80)),
        ("http://[::1]:5000/", Origin("http", "::1", 5000)),
    ],
)
def test_origin(url: str, origin: Origin) -> None:
    """Case does not count, and the scheme's own port is the same written or not."""
    assert url_policy.origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://h:443/x", "https://h"),
        ("http://h:443/x", "http://h:443"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
    ],
)
def test_origin_as_text(url: str, text: str) -> None:
    """An origin can be written as a URL again."""
    assert str(url_policy.origin_of(url)) == text


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", True),
        ("LocalHost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("[::1]", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("127.0.0.1.example.com", False),
        ("127.0.0.999", False),
        ("127.0.0.1.1", False),
    ],
)
def test_loopback(host: str, answer: bool) -> None:
    """`localhost`, 127.0.0.0/8 and ::1 are loopback, nothing else (NET-03)."""
    assert url_policy.is_loopback(host) is answer


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:secret@h/p?token=secret#secret", "https://h/p"),
        ("https://h/p\x1b[31m", "https://h/p\\x1b[31m"),
        ("https://h?sig=secret", "https://h"),
        ("/v2/x?secret", "/v2/x"),
        ("https://h/" + "a" * 1000, "https://h/" + "a" * 287 + "..."),
    ],
)
def test_shown(url: str, text: str) -> None:
    """User info, query and fragment never reach a message (AUTH-25)."""
    assert url_policy.shown(url) == text
