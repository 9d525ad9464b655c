"""Which proxy leads to a host (NET-04)."""

from __future__ import annotations

import pytest

from ocictl.errors import TransportError
from ocictl.transport.proxies import is_excluded, proxy_for
from ocictl.transport.url_policy import Origin

HTTPS = Origin("https", "registry.test", 443)
HTTP = Origin("http", "registry.test", 5000)


@pytest.mark.parametrize(
    ("environment", "origin", "expected"),
    [
        ({}, HTTPS, None),
        ({"HTTPS_PROXY": "http://p:1"}, HTTPS, "http://p:1"),
        ({"https_proxy": "http://p:1"}, HTTPS, "http://p:1"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:1"}, HTTPS, "http://low:1"),
        ({"HTTPS_PROXY": "p:1"}, HTTPS, "http://p:1"),
        ({"HTTPS_PROXY": "https://u:p@p:1/"}, HTTPS, "https://u:p@p:1/"),
        ({"HTTPS_PROXY": "http://p:1"}, HTTP, None),
        ({"HTTP_PROXY": "http://p:1"}, HTTP, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, HTTPS, None),
        ({"ALL_PROXY": "socks5h://p:1"}, HTTPS, "socks5h://p:1"),
        ({"all_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, HTTPS, "http://q:1"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": "http://p:1"}, HTTPS, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "registry.test"}, HTTPS, None),
        ({"ALL_PROXY": "http://p:1", "no_proxy": "*"}, HTTPS, None),
        ({"HTTPS_PROXY": "http://p:1"}, Origin("https", "localhost", 443), None),
        ({"HTTPS_PROXY": "http://p:1"}, Origin("https", "127.1.2.3", 443), None),
        ({"HTTPS_PROXY": "http://p:1"}, Origin("https", "::1", 443), None),
        ({"HTTPS_PROXY": "http://p:1"}, Origin("https", "10.0.0.1", 443), "http://p:1"),
    ],
)
def test_the_environment_decides(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], origin: Origin, expected: str | None
) -> None:
    """The scheme's variable, else the one for all, in both cases; never for this machine."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(origin) == expected


@pytest.mark.parametrize(
    ("listed", "origin", "expected"),
    [
        ("", HTTPS, False),
        (" , ", HTTPS, False),
        ("*", HTTPS, True),
        ("other.test, registry.test", HTTPS, True),
        ("other.test registry.test", HTTPS, True),
        ("REGISTRY.TEST", HTTPS, True),
        (".test", HTTPS, True),
        ("*.test", HTTPS, True),
        ("test", HTTPS, True),
        ("istry.test", HTTPS, False),
        ("a.registry.test", HTTPS, False),
        (".registry.test", HTTPS, True),
        ("registry.test.", HTTPS, True),
        ("registry.test", Origin("https", "registry.test.evil.example", 443), False),
        ("registry.test", Origin("https", "evil-registry.test", 443), False),
        ("registry.test:443", HTTPS, True),
        ("registry.test:444", HTTPS, False),
        ("registry.test:5000", HTTP, True),
        ("10.0.0.0/8", Origin("https", "10.1.2.3", 443), True),
        ("10.0.0.0/8", Origin("https", "11.1.2.3", 443), False),
        ("10.1.2.3/8", Origin("https", "10.9.9.9", 443), True),
        ("10.1.2.3", Origin("https", "10.1.2.3", 443), True),
        ("10.1.2.3:444", Origin("https", "10.1.2.3", 443), False),
        ("1.2.3", Origin("https", "10.1.2.3", 443), False),
        ("fd00::/8", Origin("https", "fd00::5", 443), True),
        ("fd00::5", Origin("https", "fd00::5", 443), True),
        ("[fd00::5]", Origin("https", "fd00::5", 443), True),
        ("[fd00::5]:443", Origin("https", "fd00::5", 443), True),
        ("[fd00::5]:444", Origin("https", "fd00::5", 443), False),
        ("10.0.0.0/8", HTTPS, False),
        ("10.0.0.0/99", Origin("https", "10.1.2.3", 443), False),
        (".", HTTPS, False),
    ],
)
def test_exceptions(listed: str, origin: Origin, expected: bool) -> None:
    """Names with all below them, addresses, networks and ports; half a label is no match."""
    assert is_excluded(origin, listed) is expected


@pytest.mark.parametrize(
    "value",
    ["http://u:S3cr3t@[::1", "http://u:S3cr3t@h:port", "ftp://S3cr3t:1", "http://", "http://:80", "h:0"],
)
def test_what_is_no_proxy(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A value that can't be used is not passed over silently, and not shown: it may hold a password."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(TransportError) as raised:
        proxy_for(HTTPS)
    assert "HTTPS_PROXY" in (raised.value.hint or "")
    assert "S3cr3t" not in f"{raised.value.message}{raised.value.hint}{raised.value.details}"
