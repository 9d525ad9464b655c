"""Exchanges over real sockets: redirects, origins, bodies, broken answers."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import (
    ContentError,
    DeniedError,
    NotFoundError,
    OcictlError,
    RegistryError,
    StorageError,
    TransportError,
    UnauthorizedError,
)
from ocictl.sources import BytesContent, FileContent
from ocictl.target import ByteStream
from ocictl.transport.config import Limits
from ocictl.transport.credentials import Explicit
from ocictl.transport.network import TemporaryError
from ocictl.transport.response import BLOCK
from ocictl.transport.session import RegistryClient
from tests.unit.transport.clients import QUICK, client
from tests.unit.transport.servers import Recorder, Reply, Seen, recorder, scripted

SECRET = "S3cr3t"
PRIVATE = (("X-Private", SECRET), ("Cookie", f"a={SECRET}"), ("Authorization", f"Bearer {SECRET}"))
NAMES = ("Authorization", "Cookie", "X-Private", "Proxy-Authorization")


def redirect(target: str, status: int = 307) -> Reply:
    """A redirect."""
    return Reply(status, (("Location", target), ("Set-Cookie", "c=d")))


@pytest.fixture
def attacker() -> Iterator[Recorder]:
    """Another origin, which records what it gets and always answers."""
    with recorder(lambda _: Reply(body=b"from elsewhere")) as server:
        yield server


def read(
    registry: RegistryClient, path: str = "/v2/a/b/blobs/x", method: str = "GET", **options: Any
) -> bytes:
    """The body of an answer."""
    with registry.request(method, path, expected=(200,), **options) as response:
        return response.body(10_000_000)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_redirects_to_another_origin(attacker: Recorder, status: int, method: str) -> None:
    """Reads follow every redirect; nothing private goes along, cookies of the answer neither (HTTP-02)."""
    with recorder(lambda _: redirect(f"{attacker.url}/blob?sig=1", status)) as home:
        with client(home.host, headers=PRIVATE) as registry:
            with registry.request(
                method, "/v2/x", expected=(200,), headers={"Range": "bytes=0-"}
            ) as response:
                assert response.url == f"{attacker.url}/blob?sig=1"
        assert home.secrets(*NAMES) == [f"Bearer {SECRET}", f"a={SECRET}", SECRET]
    (seen,) = attacker.seen
    assert (seen.method, seen.path) == (method, "/blob?sig=1")
    assert seen.headers["Range"] == "bytes=0-"
    assert attacker.secrets(*NAMES) == []
    assert SECRET not in seen.headers.as_string()


def test_another_host_name_on_the_same_port_is_another_origin() -> None:
    """`localhost` and 127.0.0.1 are two origins, even if they are one server."""

    def answer(request: Seen) -> Reply:
        return Reply(body=b"ok") if request.path == "/end" else redirect(f"http://localhost:{home.port}/end")

    with recorder(answer) as home, client(home.host, headers=PRIVATE) as registry:
        assert read(registry) == b"ok"
    assert [request.headers["Authorization"] for request in home.seen] == [f"Bearer {SECRET}", None]


def test_redirects_within_the_origin_keep_everything() -> None:
    """On the same origin credentials and custom headers go along."""

    def answer(request: Seen) -> Reply:
        return Reply(body=b"ok") if request.path == "/end?x=%2F" else redirect("/end?x=%2F")

    with recorder(answer) as home, client(home.host, headers=PRIVATE) as registry:
        assert read(registry) == b"ok"
    assert [request.headers["X-Private"] for request in home.seen] == [SECRET, SECRET]


def test_a_chain_that_comes_back() -> None:
    """Once a chain has left the origin, nothing private is sent any more, not even at home again."""
    with recorder(lambda _: redirect(f"{home.url}/back")) as away:

        def answer(request: Seen) -> Reply:
            return Reply(body=b"ok") if request.path == "/back" else redirect(f"{away.url}/on")

        with recorder(answer) as home, client(home.host, headers=PRIVATE) as registry:
            assert read(registry) == b"ok"
        assert [request.path for request in home.seen] == ["/v2/a/b/blobs/x", "/back"]
        assert home.seen[1].headers["X-Private"] is None
        assert home.seen[1].headers["Authorization"] is None
    assert away.secrets(*NAMES) == []


def test_tokens_do_not_follow(attacker: Recorder) -> None:
    """A bearer token from a token service is as private as a password."""

    def answer(request: Seen) -> Reply:
        if request.path.startswith("/token"):
            return Reply(body=b'{"token": "S3cr3t"}')
        if request.headers["Authorization"] != f"Bearer {SECRET}":
            return Reply(401, (("WWW-Authenticate", 'Bearer realm="/token"'),))
        return redirect(f"{attacker.url}/blob")

    with recorder(answer) as home, client(home.host, credentials=Explicit("u", SECRET)) as registry:
        assert read(registry) == b"from elsewhere"
    assert attacker.secrets(*NAMES) == []


@pytest.mark.parametrize("status", [301, 307])
def test_a_token_service_that_redirects(attacker: Recorder, status: int) -> None:
    """Neither password nor identity token follow a redirect of the token service to another origin."""

    def answer(request: Seen) -> Reply:
        if request.path.startswith("/token"):
            return redirect(f"{attacker.url}/token", status)
        return Reply(401, (("WWW-Authenticate", 'Bearer realm="/token"'),))

    with recorder(answer) as home:
        for credentials in (Explicit("u", SECRET), Explicit(None, SECRET)):
            with client(home.host, credentials=credentials) as registry, pytest.raises(RegistryError):
                read(registry)
    assert attacker.seen == []


def test_a_foreign_401_is_not_answered(attacker: Recorder) -> None:
    """A challenge from the host that a redirect led to gets no credentials."""
    challenge = (("WWW-Authenticate", f'Bearer realm="{attacker.url}/token"'),)
    with (
        recorder(lambda _: Reply(401, challenge)) as away,
        recorder(lambda _: redirect(f"{away.url}/x")) as home,
    ):
        with client(home.host, credentials=Explicit("u", SECRET)) as registry:
            with pytest.raises(UnauthorizedError) as raised:
                read(registry)
    assert attacker.seen == []
    assert len(away.seen) == 1
    assert away.url in raised.value.message


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("size", [0, 5, BLOCK + 1])
def test_bodies_are_sent_again(attacker: Recorder, tmp_path: Path, status: int, size: int) -> None:
    """307 and 308 keep method and body, read anew from its start (PUSH-22)."""
    file = tmp_path / "data"
    file.write_bytes(b"x" * size)

    with (
        recorder(lambda _: redirect(f"{attacker.url}/up", status)) as home,
        client(home.host, headers=PRIVATE) as registry,
    ):
        registry.request("PUT", "/v2/up", expected=(200,), content=FileContent(file)).close()
    assert [(seen.method, seen.body) for seen in (*home.seen, *attacker.seen)] == [("PUT", b"x" * size)] * 2
    assert attacker.secrets(*NAMES) == []


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_redirects_that_would_change_the_request(attacker: Recorder, status: int, method: str) -> None:
    """A write is never turned into a GET (PY-02)."""
    with recorder(lambda _: redirect(f"{attacker.url}/x", status)) as home, client(home.host) as registry:
        with pytest.raises(RegistryError) as raised:
            registry.request(method, "/v2/x", expected=(200,))
    assert raised.value.code == "registry-protocol"
    assert raised.value.status == status
    assert attacker.seen == []


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "http://u:S3cr3t@127.0.0.1/",
        "gopher://127.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "",
    ],
)
def test_redirects_that_are_refused(target: str) -> None:
    """A registry can't send us into the local network, to files, or with a password."""
    with recorder(lambda _: redirect(target)) as home, client(home.host) as registry:
        with pytest.raises(TransportError) as raised:
            read(registry)
    assert raised.value.code == "url-refused"
    assert SECRET not in raised.value.message


def test_redirects_end() -> None:
    """A circle of redirects stops at the limit."""
    with recorder(lambda _: redirect("/again")) as home, client(home.host) as registry:
        with pytest.raises(TransportError, match="more than 10 redirects"):
            read(registry)
    assert len(home.seen) == QUICK.redirects + 1


def test_a_redirect_without_a_target() -> None:
    """A redirect that names no target is an answer nobody asked for."""
    with recorder(lambda _: Reply(302)) as home, client(home.host) as registry:
        with pytest.raises(RegistryError, match="302"):
            read(registry)


@pytest.mark.parametrize(
    "target", ["{attacker}/login", "https://registry.example.com/login", "http://10.0.0.1/", "ftp://x/"]
)
def test_own_origin_redirects_only(attacker: Recorder, target: str) -> None:
    """On request a redirect to another origin is the answer; one within the origin is followed."""
    where = target.replace("{attacker}", attacker.url)

    def answer(request: Seen) -> Reply:
        return redirect(where, 303) if request.path == "/away" else redirect("/away", 308)

    with recorder(answer) as home, client(home.host) as registry:
        with registry.request("GET", "/v2/x", expected=(200, 303), redirects="own-origin") as response:
            assert response.status == 303
        with pytest.raises(RegistryError, match="303"):
            registry.request("GET", "/v2/x", expected=(200,), redirects="own-origin")
    assert attacker.seen == []


def test_urls_arrive_as_they_are() -> None:
    """Path and query are sent as they are: no dot segments resolved, no re-encoding (PUSH-04).

    Only the hexadecimal digits of an escape become upper case, which can't be switched off (PY-11).
    """
    path = "/v2/a/../b/uploads/1?_state=a%2Bb%3D%3D&b=&c=%41&d=~*'()!&e=x:y/z"
    with recorder(lambda _: Reply()) as home, client(home.host) as registry:
        read(registry, f"{home.url}{path}")
    assert home.seen[0].path == path


@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
def test_uploads(tmp_path: Path, size: int) -> None:
    """A file arrives whole, with its length and never chunked, whatever its size (PY-03)."""
    data = bytes(range(256)) * (size // 256 + 1)
    file = tmp_path / "data"
    file.write_bytes(data[:size])
    with recorder(lambda _: Reply(201)) as home, client(home.host) as registry:
        registry.request("PUT", "/v2/up", expected=(201,), content=FileContent(file)).close()
    (seen,) = home.seen
    assert hashlib.sha256(seen.body).digest() == hashlib.sha256(data[:size]).digest()
    assert seen.headers["Content-Length"] == str(size)
    assert seen.headers["Transfer-Encoding"] is None


class Odd:
    """Content that says one size and has another."""

    def __init__(self, size: int, data: bytes) -> None:
        self.size = size
        self._data = data

    def open(self) -> ByteStream:
        return BytesContent(self._data).open()


@pytest.mark.parametrize(
    ("announced", "actual"), [(5, 4), (5, 6), (2 * BLOCK, 2 * BLOCK - 1), (2 * BLOCK, 2 * BLOCK + 1)]
)
def test_content_of_another_size(announced: int, actual: int) -> None:
    """Content that is not as long as it said is never sent as if it were."""
    with recorder(lambda _: Reply(201)) as home, client(home.host) as registry:
        with pytest.raises(ContentError) as raised:
            registry.request("PUT", "/v2/up", expected=(201,), content=Odd(announced, b"x" * actual))
    assert raised.value.code == "size-mismatch"


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    """A source that fails is reported as that, not as a lost connection."""
    file = tmp_path / "data"
    file.write_bytes(b"x")
    content = FileContent(file)
    file.unlink()
    with recorder(lambda _: Reply(201)) as home, client(home.host) as registry:
        with pytest.raises(StorageError) as raised:
            registry.request("PUT", "/v2/up", expected=(201,), content=content)
    assert raised.value.code == "file-not-found"
    assert home.seen == []


def test_an_early_refusal_of_a_big_body() -> None:
    """A registry may refuse before it has read the body; its answer is what counts (T9)."""
    refusal = (
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 34\r\nConnection: close\r\n\r\n"
        b'{"errors": [{"code": "DENIED"}]}  '
    )
    with scripted(refusal) as (port, _), client(f"127.0.0.1:{port}") as registry:
        with pytest.raises((DeniedError, TemporaryError)) as raised:
            registry.request("PUT", "/v2/up", expected=(201,), content=BytesContent(b"x" * (40 * BLOCK)))
    # A reset may overtake the answer on its way; both are honest.
    assert raised.value.code in ("denied", "connection-failed")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    "reply",
    [
        HEAD + b"Content-Length: 10\r\n\r\n12345",
        HEAD + b"Content-Length: 10\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n123",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_answers_that_end_early(reply: bytes) -> None:
    """A body that is cut is an error, not a short body (T4)."""
    with scripted(reply) as (port, _), client(f"127.0.0.1:{port}") as registry:
        with (
            pytest.raises(TransportError) as raised,
            registry.request("GET", "/v2/", expected=(200,)) as response,
        ):
            response.read()
    assert raised.value.code == "response-truncated"


def test_what_came_before_the_cut_can_be_used() -> None:
    """The bytes before the cut are handed out first, so that a transfer can go on from there."""
    with (
        scripted(HEAD + b"Content-Length: 10\r\n\r\n12345") as (port, _),
        client(f"127.0.0.1:{port}") as registry,
    ):
        with registry.request("GET", "/v2/", expected=(200,)) as response:
            assert response.read(100) == b"12345"
            with pytest.raises(TemporaryError):
                response.read(100)


@pytest.mark.parametrize(
    "reply", [b"", b"\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1\r\n\r\n", HEAD[:10]]
)
def test_answers_that_are_none(reply: bytes) -> None:
    """Silence, half a head and other protocols are lost connections, and tried again."""
    with scripted(reply) as (port, seen):
        with client(f"127.0.0.1:{port}", limits=Limits(attempts=3, retry_base=0.0)) as registry:
            with pytest.raises(TransportError) as raised:
                registry.request("GET", "/v2/", expected=(200,))
    assert raised.value.code == "connection-failed"
    assert len(seen) == 3


def test_recovery() -> None:
    """A connection that was lost once does not spoil the next attempt."""
    with scripted(b"", HEAD + b"Content-Length: 2\r\n\r\nok") as (port, _):
        with client(f"127.0.0.1:{port}", limits=Limits(attempts=2, retry_base=0.0)) as registry:
            assert read(registry) == b"ok"


def test_nothing_listens() -> None:
    """A refused connection says so, and where."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with client(f"127.0.0.1:{port}") as registry, pytest.raises(TransportError) as raised:
            read(registry)
    assert raised.value.message == f"no connection to '127.0.0.1:{port}': connection refused"
    assert raised.value.hint is not None


def test_an_unknown_host() -> None:
    """A host that has no address is named, and not tried again."""
    with client("no-such-host.invalid", limits=Limits(attempts=3)) as registry:
        with pytest.raises(TransportError) as raised:
            read(registry)
    assert "'no-such-host.invalid' can't be resolved" in raised.value.message
    assert not isinstance(raised.value, TemporaryError)


def test_debug_log_of_a_failure() -> None:
    """A request without an answer is logged, too."""
    lines: list[str] = []
    with scripted(b"") as (port, _), client(f"127.0.0.1:{port}", debug=lines.append) as registry:
        with pytest.raises(TransportError):
            read(registry)
    assert [line[0] for line in lines] == [">", "!"]
    assert "closed without an answer" in lines[1]


def test_silence() -> None:
    """A host that accepts and then says nothing is given up after the idle time-out (T5)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        limits = Limits(attempts=1, idle_timeout=0.2)
        with client(f"127.0.0.1:{listener.getsockname()[1]}", limits=limits) as registry:
            with pytest.raises(TransportError) as raised:
                read(registry)
    assert raised.value.code == "timeout"


def test_a_body_that_stalls() -> None:
    """A body that stops coming is given up, too."""
    with recorder(lambda _: Reply(headers=(("Content-Length", "10"),), body=b"12345")) as home:
        with client(home.host, limits=Limits(attempts=1, idle_timeout=0.2)) as registry:
            with pytest.raises(TransportError) as raised:
                read(registry)
    assert raised.value.code == "timeout"


def test_encoded_bodies_stay_encoded() -> None:
    """A body is handed out as transferred, whatever the server says about its encoding (PY-04, T8)."""
    headers = (("Content-Encoding", "gzip"),)
    with recorder(lambda _: Reply(headers=headers, body=b"\x1f\x8bnot gzip at all")) as home:
        with client(home.host) as registry:
            assert read(registry) == b"\x1f\x8bnot gzip at all"
    assert home.seen[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(),
        Reply(204),
        Reply(body=b"x" * 5000),
        Reply(404, body=b'{"errors": []}'),
        Reply(503, body=b"x" * 20_000),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_connections_are_kept(monkeypatch: pytest.MonkeyPatch, reply: Reply, method: str) -> None:
    """After an answer, read or not, the connection serves the next request."""
    opened: list[Any] = []

    def count(*args: Any, **kwargs: Any) -> Any:
        opened.append(args)
        return original(*args, **kwargs)

    original = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", count)
    with recorder(lambda _: reply) as home, client(home.host) as registry:
        for _ in range(3):
            registry.request(method, "/v2/x", expected=(200, 204, 404, 503)).close()
        with pytest.raises(OcictlError):
            registry.request(method, "/v2/x", expected=())
        registry.request(method, "/v2/x", expected=(200, 204, 404, 503)).close()
    assert len(home.seen) == 5
    assert len(opened) == 1


def test_a_416_is_not_waited_for() -> None:
    """Distribution promises bytes with a 416 that it never sends: they are not read (PULL-08)."""
    with recorder(lambda _: Reply(416, (("Content-Length", "5"),))) as home:
        with client(home.host, limits=Limits(attempts=1, idle_timeout=30)) as registry:
            registry.request("GET", "/v2/x", expected=(416,)).close()
            with pytest.raises(RegistryError, match="416"):
                registry.request("GET", "/v2/x", expected=(200,))


def test_many_threads(run_threads: Callable[[Callable[[], object], int], list[object]]) -> None:
    """One client serves several threads at once."""
    with recorder(lambda request: Reply(body=request.path.encode())) as home, client(home.host) as registry:
        assert (
            run_threads(lambda: [read(registry, f"/v2/{number}") for number in range(20)], 8)
            == [[f"/v2/{number}".encode() for number in range(20)]] * 8
        )


@pytest.mark.parametrize("names", [("HTTP_PROXY",), ("http_proxy",), ("ALL_PROXY",)])
def test_proxies_are_not_for_loopback(
    monkeypatch: pytest.MonkeyPatch, attacker: Recorder, names: tuple[str]
) -> None:
    """A proxy from the environment is not used for this machine, as in Go."""
    for name in names:
        monkeypatch.setenv(name, attacker.url)
    with recorder(lambda _: Reply(body=b"direct")) as home, client(home.host) as registry:
        assert read(registry) == b"direct"
    assert attacker.seen == []


def test_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain request goes to the proxy whole, with the proxy's own credentials (NET-04)."""
    with recorder(lambda _: Reply(body=b"by proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://pu:pp@{proxy.host}")
        with client("registry.example.com", plain_http=True) as registry:
            assert read(registry, "/v2/x?y=%2F") == b"by proxy"
    (seen,) = proxy.seen
    assert seen.path == "http://registry.example.com/v2/x?y=%2F"
    assert seen.headers["Host"] == "registry.example.com"
    assert seen.headers["Proxy-Authorization"] == "Basic cHU6cHA="


@pytest.mark.parametrize("excluded", ["registry.example.com", ".example.com", "*"])
def test_no_proxy(monkeypatch: pytest.MonkeyPatch, attacker: Recorder, excluded: str) -> None:
    """Hosts of NO_PROXY are reached directly."""
    monkeypatch.setenv("HTTP_PROXY", attacker.url)
    monkeypatch.setenv("NO_PROXY", excluded)
    with client("registry.example.com", plain_http=True) as registry, pytest.raises(TransportError):
        read(registry)
    assert attacker.seen == []


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing proxy is named as the cause, without its password."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HTTP_PROXY", f"http://pu:{SECRET}@127.0.0.1:{free.getsockname()[1]}")
        with (
            client("registry.example.com", plain_http=True) as registry,
            pytest.raises(TransportError) as raised,
        ):
            read(registry)
    assert "through the proxy" in raised.value.message
    assert SECRET not in raised.value.message


def test_a_missing_document() -> None:
    """An error over the wire has its facts."""
    body = b'{"errors": [{"code": "NAME_UNKNOWN", "message": "no such repository"}]}'
    with recorder(lambda _: Reply(404, (("Content-Type", "application/json"),), body)) as home:
        with client(home.host) as registry, pytest.raises(NotFoundError) as raised:
            read(registry)
    assert raised.value.code == "repository-not-found"
    assert "NAME_UNKNOWN: no such repository" in raised.value.message
