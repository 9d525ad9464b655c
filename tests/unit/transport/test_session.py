"""The client of one registry, one exchange at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
import responses

from ocictl import _version
from ocictl.errors import (
    ContentError,
    InvalidInputError,
    NotFoundError,
    RegistryError,
    TransportError,
    UnavailableError,
)
from ocictl.events import Event, RegistryWarning, Retrying
from ocictl.model.reference import Reference
from ocictl.sources import BytesContent
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.session import RegistryClient, base_url, check_headers
from tests.unit.transport.clients import client

pytestmark = pytest.mark.usefixtures("through_requests")

HOME = "https://registry.example.com"
URL = f"{HOME}/v2/a/b/manifests/v1"


@pytest.mark.parametrize(
    ("host", "plain_http", "expected"),
    [
        ("registry.example.com", None, "https://registry.example.com"),
        ("Registry.Example.com:5000", None, "https://registry.example.com:5000"),
        ("localhost", None, "http://localhost"),
        ("localhost:5000", None, "http://localhost:5000"),
        ("127.0.0.1:5000", None, "http://127.0.0.1:5000"),
        ("127.9.9.9", None, "http://127.9.9.9"),
        ("[::1]:5000", None, "http://[::1]:5000"),
        ("[::2]:5000", None, "https://[::2]:5000"),
        ("10.0.0.1", None, "https://10.0.0.1"),
        ("localhost.example.com", None, "https://localhost.example.com"),
        ("localhost:5000", False, "https://localhost:5000"),
        ("registry.example.com", True, "http://registry.example.com"),
        ("registry.example.com:", None, "https://registry.example.com"),
    ],
)
def test_base_url(host: str, plain_http: bool | None, expected: str) -> None:
    """https, except for localhost and loopback addresses, unless the user says otherwise (NET-03)."""
    assert base_url(host, plain_http) == expected


def test_docker_hub() -> None:
    """Hub is contacted at its API host; the name stays what the user wrote (REF-09)."""
    with RegistryClient(Reference.parse("docker.io/library/redis:7"), TransportConfig()) as hub:
        assert hub.base_url == "https://registry-1.docker.io"
        assert hub.registry == "docker.io"


@responses.activate
def test_what_is_sent() -> None:
    """A request carries our name and asks for bytes as they are; no cookies, nothing of requests' own."""
    responses.get(URL, body=b"x", headers={"Set-Cookie": "a=b"})
    with client() as registry:
        for _ in range(2):
            registry.request(
                "GET", "/v2/a/b/manifests/v1", expected=(200,), headers={"Accept": "a/b"}
            ).close()
    expected = {
        "User-Agent": f"ocictl/{_version.__version__}",
        "Accept-Encoding": "identity",
        "Accept": "a/b",
    }
    assert [dict(call.request.headers) for call in responses.calls] == [expected] * 2


@responses.activate
def test_netrc_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials from .netrc never get into a request (PY-01)."""
    (tmp_path / "netrc").write_text("machine registry.example.com login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    responses.get(URL)
    with client() as registry:
        registry.request("GET", URL, expected=(200,)).close()
    assert "Authorization" not in responses.calls[0].request.headers
    # The file is one that requests itself would use.
    requests.get(URL, timeout=5)
    assert "Authorization" in responses.calls[1].request.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@responses.activate
def test_no_body_has_a_length(method: str) -> None:
    """Requests that may have a body say that there is none (PUSH-06, PUSH-14)."""
    responses.add(method, URL)
    with client() as registry:
        registry.request(method, URL, expected=(200,)).close()
    assert responses.calls[0].request.headers["Content-Length"] == "0"


@pytest.mark.parametrize("data", [b"", b"document"])
@responses.activate
def test_bodies(data: bytes) -> None:
    """A body goes with its length; an empty one, too (PY-03)."""
    responses.put(URL, status=201)
    with client() as registry:
        registry.request("PUT", URL, expected=(201,), content=BytesContent(data)).close()
    request = responses.calls[0].request
    assert (request.body, request.headers["Content-Length"]) == (data, str(len(data)))
    assert "Transfer-Encoding" not in request.headers


@responses.activate
def test_the_answer() -> None:
    """Status, headers in any case and by line, final URL and bytes are there."""
    responses.get(f"{URL}?x=1", body=b"abcdef", headers={"Docker-Content-Digest": "sha256:1"})
    with client() as registry, registry.request("GET", f"{URL}?x=1", expected=(200, 206)) as response:
        assert (response.status, response.url) == (200, f"{URL}?x=1")
        assert response.headers.get("docker-content-digest") == "sha256:1"
        assert response.headers.getlist("DOCKER-CONTENT-DIGEST") == ["sha256:1"]
        assert response.headers.get("x-none") is None
        assert response.headers.getlist("x-none") == []
        assert [response.read(4), response.read(4), response.read(4)] == [b"abcd", b"ef", b""]


@responses.activate
def test_a_body_within_its_limit() -> None:
    """A body is read whole up to the limit, and refused above it."""
    responses.get(URL, body=b"x" * 10)
    with client() as registry:
        assert registry.request("GET", URL, expected=(200,)).body(10) == b"x" * 10
        with pytest.raises(ContentError) as raised:
            registry.request("GET", URL, expected=(200,)).body(9, "manifest")
    assert raised.value.code == "document-too-large"
    assert "manifest" in raised.value.message


@responses.activate
def test_expected_statuses() -> None:
    """A status that is expected is returned, any other raised."""
    responses.get(URL, status=404, json={"errors": [{"code": "MANIFEST_UNKNOWN"}]})
    with client() as registry:
        assert registry.request("GET", URL, expected={200, 404}).status == 404
        with pytest.raises(NotFoundError) as raised:
            registry.request("GET", URL, expected=(200,))
    assert raised.value.details == {
        "status": 404,
        "method": "GET",
        "url": URL,
        "errors": [{"code": "MANIFEST_UNKNOWN", "message": ""}],
    }


@responses.activate
def test_warnings() -> None:
    """Each warning text is reported once per client, on errors too, and nothing is done about it (WRN-02, WRN-03)."""
    warning = {"Warning": '299 - "old", 299 - "\x1b[1mnew"'}
    responses.get(URL, headers=warning)
    responses.get(URL, status=500, headers={**warning, "X": "y"})
    events: list[Event] = []
    with client(events=events) as registry:
        registry.request("GET", URL, expected=(200,)).close()
        with pytest.raises(UnavailableError):
            registry.request("GET", URL, expected=(200,))
    assert events == [
        RegistryWarning(host="registry.example.com", text="old"),
        RegistryWarning(host="registry.example.com", text="[1mnew"),
    ]


@pytest.mark.parametrize(
    ("method", "repeatable", "attempts"),
    [
        ("GET", None, 2),
        ("HEAD", None, 2),
        ("PUT", None, 1),
        ("PUT", True, 2),
        ("POST", None, 1),
        ("GET", False, 1),
    ],
)
@responses.activate
def test_what_is_tried_again(method: str, repeatable: bool | None, attempts: int) -> None:
    """GET and HEAD are tried again by themselves, others only if the caller allows it (HTTP-06)."""
    responses.add(method, URL, status=503)
    responses.add(method, URL, status=200)
    events: list[Event] = []
    limits = Limits(attempts=2, retry_base=0.0)
    with client(events=events, limits=limits) as registry:
        if attempts == 1:
            with pytest.raises(UnavailableError):
                registry.request(method, URL, expected=(200,), repeatable=repeatable)
        else:
            registry.request(method, URL, expected=(200,), repeatable=repeatable).close()
    assert len(responses.calls) == attempts
    assert len([event for event in events if isinstance(event, Retrying)]) == attempts - 1


@responses.activate
def test_lost_connections() -> None:
    """What requests raises comes out as our own error."""
    responses.get(URL, body=requests.ConnectionError("SECRET"))
    with client() as registry, pytest.raises(TransportError) as raised:
        registry.request("GET", URL, expected=(200,))
    assert raised.value.code == "connection-failed"
    assert "SECRET" not in raised.value.message


@responses.activate
def test_custom_headers() -> None:
    """Custom headers go with every request to the registry; ours can be replaced where that is harmless."""
    responses.get(URL)
    headers = (
        ("X-Meta", "one"),
        ("x-meta", "two"),
        ("user-agent", "mine"),
        ("Cookie", "a=1"),
        ("cookie", "b=2"),
    )
    with client(headers=headers) as registry:
        registry.request("GET", URL, expected=(200,)).close()
    sent = responses.calls[0].request.headers
    assert (sent["X-Meta"], sent["User-Agent"], sent["Cookie"]) == ("one, two", "mine", "a=1; b=2")


@responses.activate
def test_custom_headers_stay_at_home() -> None:
    """A request to another origin carries neither custom headers nor anything of ours but the common ones."""
    responses.put("https://storage.example.net/x", status=201)
    with client(headers=(("X-Meta", "secret"), ("Authorization", "Bearer secret"))) as registry:
        registry.request("PUT", "https://storage.example.net/x", expected=(201,)).close()
    assert set(responses.calls[0].request.headers) == {"User-Agent", "Accept-Encoding", "Content-Length"}


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "x"),
        ("content-length", "5"),
        ("Transfer-Encoding", "chunked"),
        ("Accept-Encoding", "gzip"),
        ("Range", "bytes=0-1"),
        ("Bad Name", "x"),
        ("", "x"),
        ("X\r\nY", "x"),
        ("X-Ok", "secret\r\nX-Evil: 1"),
        ("X-Ok", "secret\x00"),
        ("X-Ok", "secret\u00e9"),
    ],
)
def test_custom_headers_that_are_refused(header: tuple[str, str]) -> None:
    """Headers that frame the message, broken names and line ends are refused; values are never shown."""
    with pytest.raises(InvalidInputError) as raised:
        client(headers=(header,))
    assert raised.value.code == "header-invalid"
    assert "secret" not in raised.value.message
    assert len(raised.value.message.splitlines()) == 1


def test_check_headers_keeps_order_and_spelling() -> None:
    """Names stay as the user spells them."""
    assert check_headers([("x-B", " 1 "), ("X-A", "2")]) == {"x-B": "1", "X-A": "2"}


def test_half_a_client_certificate(tmp_path: Path) -> None:
    """Certificate and key belong together."""
    with pytest.raises(InvalidInputError, match="both"):
        client(cert_file=tmp_path / "c.pem")


@responses.activate
def test_debug_log() -> None:
    """Requests, answers, their bodies and failures are logged; tokens, passwords and queries are not (AUTH-25)."""
    realm = "https://auth.example.net/token"
    challenge = f'Bearer realm="{realm}",service="s",scope="x"'
    responses.get(
        f"{URL}?sig=SECRET", status=401, headers={"WWW-Authenticate": challenge}, json={"errors": []}
    )
    responses.get(f"{URL}?sig=SECRET", json={"name": "shown", "token": "SECRET"})
    responses.get(realm, json={"token": "SECRET"})
    lines: list[str] = []
    from ocictl.transport.credentials import Explicit

    secret = Explicit("u", "SECRET")
    with client(debug=lines.append, credentials=secret, headers=(("X-Mine", "SECRET"),)) as registry:
        registry.request("GET", f"{URL}?sig=SECRET", expected=(200,)).body(1000)
    text = "\n".join(lines)
    assert "SECRET" not in text
    assert [line.split(" {")[0] for line in lines if line[:6] != "< body"] == [
        f"> GET {URL}",
        f"< 401 GET {URL}",
        f"> GET {realm}",
        f"< 200 GET {realm}",
        f"> GET {URL}",
        f"< 200 GET {URL}",
    ]
    assert [line for line in lines if line.startswith("< body")] == [
        '< body {"name": "shown", "token": "***"}'
    ]
    assert "X-Mine: ***" in text
    assert "Authorization: ***" in text
    assert challenge in text


@responses.activate
def test_unexpected_success() -> None:
    """A success of another kind is an error of the registry."""
    responses.put(URL, status=200)
    with client() as registry, pytest.raises(RegistryError) as raised:
        registry.request("PUT", URL, expected=(201,))
    assert raised.value.code == "registry-protocol"
