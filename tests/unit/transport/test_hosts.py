"""Addresses that the user gives for hosts (`--resolve`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocictl.errors import InvalidInputError, TransportError
from ocictl.transport.hosts import HostAddress
from tests.support.tls import Authority
from tests.unit.transport.clients import client
from tests.unit.transport.servers import Reply, Seen, recorder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.test:443:10.0.0.5", HostAddress("registry.test", 443, "10.0.0.5", 443)),
        ("Registry.Test:443:10.0.0.5:8443", HostAddress("registry.test", 443, "10.0.0.5", 8443)),
        ("registry.test:80:[fd00::5]", HostAddress("registry.test", 80, "fd00::5", 80)),
        ("registry.test:80:[::1]:5000", HostAddress("registry.test", 80, "::1", 5000)),
        ("[fd00::7]:5000:[::1]", HostAddress("fd00::7", 5000, "::1", 5000)),
        ("10.0.0.1:65535:127.0.0.1:1", HostAddress("10.0.0.1", 65535, "127.0.0.1", 1)),
    ],
)
def test_forms(text: str, expected: HostAddress) -> None:
    """HOST:PORT:ADDRESS, perhaps with another port; IPv6 in brackets."""
    assert HostAddress.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "registry.test",
        "registry.test:443",
        "registry.test:443:",
        "registry.test::10.0.0.5",
        ":443:10.0.0.5",
        "registry.test:443:other.test",
        "registry.test:443:::1",
        "registry.test:443:fd00::5",
        "registry.test:443:[10.0.0.5]",
        "registry.test:443:10.0.0",
        "registry.test:443:10.0.0.256",
        "registry.test:443:[::g]",
        "registry.test:0:10.0.0.5",
        "registry.test:65536:10.0.0.5",
        "registry.test:443:10.0.0.5:0",
        "registry.test:443:10.0.0.5:99999",
        "registry.test:443:10.0.0.5:80:90",
        "registry.test:443:10.0.0.5,10.0.0.6",
        "*:443:10.0.0.5",
        "registry.test:443:10.0.0.5\n",
        "registry.test:\u0664:10.0.0.5",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """Everything else is refused, with an example."""
    with pytest.raises(InvalidInputError) as raised:
        HostAddress.parse(text)
    assert raised.value.code == "argument-invalid"
    assert "registry.example.com:443:10.0.0.5" in (raised.value.hint or "")


def _ok(_: Seen) -> Reply:
    return Reply(body=b"ok")


def test_a_name_leads_to_an_address() -> None:
    """The connection goes to the address, the registry is told the name, and so is everybody who reads errors."""
    with recorder(_ok) as home:
        places = (HostAddress.parse(f"registry.test:80:127.0.0.1:{home.port}"),)
        with client("registry.test", plain_http=True, resolve=places) as registry:
            assert registry.request("GET", "/v2/", expected=(200,)).body(10) == b"ok"
        with client("registry.test:81", plain_http=True, resolve=places) as registry:
            with pytest.raises(TransportError, match=r"'registry\.test:81' can't be resolved"):
                registry.request("GET", "/v2/", expected=(200,))
    assert [seen.headers["Host"] for seen in home.seen] == ["registry.test"]


def test_the_last_of_two_counts() -> None:
    """As with other options that are given twice."""
    with recorder(_ok) as home:
        texts = ("registry.test:80:127.0.0.1:1", f"registry.test:80:127.0.0.1:{home.port}")
        places = tuple(HostAddress.parse(text) for text in texts)
        with client("registry.test", plain_http=True, resolve=places) as registry:
            assert registry.request("GET", "/v2/", expected=(200,)).body(10) == b"ok"


def test_tls_asks_for_the_name(tmp_path: Path) -> None:
    """A certificate of the address does not do: the name is what the user trusts."""
    authority = Authority(tmp_path)
    with recorder(_ok, context=authority.issue("registry.test").server_context()) as home:

        def read(name: str) -> bytes:
            places = (HostAddress.parse(f"{name}:5443:127.0.0.1:{home.port}"),)
            trust = authority.certificate
            with client(f"{name}:5443", ca_file=trust, resolve=places) as registry:
                return registry.request("GET", "/v2/", expected=(200,)).body(10)

        assert read("registry.test") == b"ok"
        with pytest.raises(TransportError, match="another host name"):
            read("other.test")
    assert [seen.headers["Host"] for seen in home.seen] == ["registry.test:5443"]


def test_names_with_one_address_do_not_share_connections(tmp_path: Path) -> None:
    """A redirect to another name at the same address is checked anew, and gets nothing private."""
    authority = Authority(tmp_path)

    def answer(request: Seen) -> Reply:
        if request.path == "/end":
            return Reply(body=b"end")
        return Reply(307, (("Location", f"https://other.test:{home.port}/end"),))

    leaf = authority.issue("registry.test")
    with recorder(answer, context=leaf.server_context()) as home:
        names = ("registry.test", "other.test")
        places = tuple(HostAddress(name, home.port, "127.0.0.1", home.port) for name in names)
        trust = authority.certificate
        with client(f"registry.test:{home.port}", ca_file=trust, resolve=places) as registry:
            with pytest.raises(TransportError, match="another host name"):
                registry.request("GET", "/v2/", expected=(200,))
    assert [seen.path for seen in home.seen] == ["/v2/"]
