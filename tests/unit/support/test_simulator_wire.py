"""The simulator's sockets: connections, faults on the wire, TLS, an orderly end."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.certificates import make_certificate, server_context
from tests.support.raw_client import call
from tests.support.registry import Fault, Quirks, Recorder, Registry, Reply, Request, digest_of

NAME = "team/app"
DATA = bytes(range(256)) * 40
TARGET = f"/v2/{NAME}/blobs/{digest_of(DATA)}"


def serving(*faults: Fault) -> Registry:
    """A registry that holds one blob and has these faults."""
    registry = Registry(Quirks(faults=faults))
    registry.put_blob(NAME, DATA)
    return registry


def test_connections_are_kept_alive(registry: Registry) -> None:
    """Two requests share one connection."""
    with closing(http.client.HTTPConnection("127.0.0.1", registry.port, timeout=20)) as connection:
        for _ in range(2):
            connection.request("GET", "/v2/")
            assert connection.getresponse().read() == b"{}"
    assert (len(registry.requests), registry.connections) == (2, 1)


def test_request_bodies_in_chunks(registry: Registry) -> None:
    """A body without a length, in chunks, is understood (PUSH-21)."""
    registry.configure(upload_location="relative")
    location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
    with closing(http.client.HTTPConnection("127.0.0.1", registry.port, timeout=20)) as connection:
        connection.request("PATCH", location, body=iter([DATA[:100], DATA[100:]]))
        assert connection.getresponse().status == 202
    (upload,) = registry.repository(NAME).uploads.values()
    assert bytes(upload.data) == DATA


def test_status_for_the_first_requests() -> None:
    """429 with Retry-After twice, then the answer (T1)."""
    fault = Fault(method="GET", path="/blobs/", status=429, headers=(("Retry-After", "7"),), times=2)
    with serving(fault) as registry:
        answers = [call(registry, "GET", TARGET) for _ in range(3)]
        assert [answer.status for answer in answers] == [429, 429, 200]
        assert answers[0].headers["Retry-After"] == "7"
        assert call(registry, "HEAD", TARGET).status == 200


def test_faults_can_wait() -> None:
    """`skip` lets requests through first."""
    with serving(Fault(status=500, skip=1)) as registry:
        assert [call(registry, "GET", TARGET).status for _ in range(3)] == [200, 500, 200]


def test_truncated_body() -> None:
    """The body ends early although Content-Length promised all of it (T4)."""
    with serving(Fault(cut_after=1000)) as registry:
        with pytest.raises(http.client.IncompleteRead) as caught:
            call(registry, "GET", TARGET)
        assert caught.value.partial == DATA[:1000]
        assert call(registry, "GET", TARGET).body == DATA


def test_reset_in_the_body() -> None:
    """The connection is reset in the middle of the body (T3)."""
    with serving(Fault(cut_after=1000, reset=True)) as registry:
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            call(registry, "GET", TARGET)
        assert call(registry, "GET", TARGET).body == DATA


def test_no_answer_at_all() -> None:
    """The connection ends before an answer, in good order or by a reset, and nothing was done."""
    with serving(Fault(drop=True, method="DELETE"), Fault(reset=True, method="DELETE")) as registry:
        for expected in (http.client.RemoteDisconnected, ConnectionResetError):
            with pytest.raises(expected):
                call(registry, "DELETE", TARGET)
        assert digest_of(DATA) in registry.repository(NAME).blobs
        assert call(registry, "DELETE", TARGET).status == 202


def test_done_but_not_answered() -> None:
    """The request has its effect, but the client never hears of it (U10)."""
    with serving(Fault(drop=True, after=True, method="DELETE")) as registry:
        with pytest.raises(http.client.RemoteDisconnected):
            call(registry, "DELETE", TARGET)
        assert registry.repository(NAME).blobs == {}


def test_upload_cut_by_the_server() -> None:
    """The server stops reading in the middle of a request's body; nothing is stored."""
    body = b"x" * 2_000_000
    with serving(Fault(method="PUT", cut_request_after=1000, reset=True)) as registry:
        location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            call(registry, "PUT", f"{location}?digest={digest_of(body)}", body)
        assert registry.requests[-1].body_length == 1000
        assert digest_of(body) not in registry.repository(NAME).blobs
        assert call(registry, "PUT", f"{location}?digest={digest_of(body)}", body).status == 201


def test_answer_before_the_body() -> None:
    """413 comes while the body is still unread, and can be read (T9)."""
    with serving(Fault(method="PUT", status=413, early=True)) as registry:
        assert call(registry, "PUT", "/v2/x/manifests/v1", b"x" * 1_000_000).status == 413
        assert registry.requests[-1].body_length == 0


def test_stalled_body() -> None:
    """After some bytes nothing more comes, until the client gives up (T5)."""
    with serving(Fault(stall_after=10)) as registry:
        with socket.create_connection(("127.0.0.1", registry.port), timeout=20) as client:
            client.sendall(f"GET {TARGET} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = b""
            while not received.endswith(DATA[:10]):
                received += client.recv(4096)
            client.settimeout(0.05)
            with pytest.raises(TimeoutError):
                client.recv(1)


def test_body_without_a_length() -> None:
    """`length=-1`: the end of the connection ends the body."""
    with Recorder(Reply(body=b"to the end", length=-1)) as server:
        answer = call(server, "GET", "/")
        assert (answer.body, answer.headers["Content-Length"]) == (b"to the end", None)


def test_raw_bytes() -> None:
    """`raw` sends what is no HTTP at all."""
    with Recorder(Reply(raw=b"SSH-2.0-not http\r\n")) as server, pytest.raises(http.client.BadStatusLine):
        call(server, "GET", "/")


def test_lying_416() -> None:
    """Distribution's 416 promises a body and sends none."""
    with Registry(Quirks(ranges="lying_416")) as registry:
        registry.put_blob(NAME, DATA)
        with pytest.raises(http.client.IncompleteRead):
            call(registry, "GET", TARGET, headers={"Range": f"bytes={len(DATA)}-"})


def test_chunked_answer_can_be_cut() -> None:
    """A body in chunks, without length; cut, the last chunk is missing (T4)."""
    with Registry(Quirks(chunked=True, faults=(Fault(skip=1, cut_after=50),))) as registry:
        registry.put_blob(NAME, DATA)
        whole = call(registry, "GET", TARGET)
        assert (whole.body, whole.headers["Content-Length"]) == (DATA, None)
        with pytest.raises(http.client.IncompleteRead):
            call(registry, "GET", TARGET)


def test_tls_and_client_certificates(tmp_path: Path) -> None:
    """With `tls` it speaks https and can insist on a client certificate (T10)."""
    import ssl

    server, client = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    with Registry(tls=server_context(server, client=client)) as registry:
        context = ssl.create_default_context(cafile=server.certificate)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            call(registry, "GET", "/v2/", tls=context)
        context.load_cert_chain(client.certificate, client.key)
        assert call(registry, "GET", "/v2/", tls=context).status == 200
        assert registry.url == f"https://127.0.0.1:{registry.port}"


def test_end_is_quick_and_complete() -> None:
    """Idle connections and stalled answers don't hold the end up; no thread and no port is left."""
    before = set(threading.enumerate())
    registry = serving(Fault(stall_after=1)).start()
    port = registry.port
    idle = socket.create_connection(("127.0.0.1", port), timeout=20)
    stalled = socket.create_connection(("127.0.0.1", port), timeout=20)
    stalled.sendall(f"GET {TARGET} HTTP/1.1\r\n\r\n".encode())
    stalled.recv(1)
    registry.stop()
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
    for client in (idle, stalled):
        client.close()


def test_a_failing_hook_fails_the_test() -> None:
    """An assertion in a hook is not lost in the server's thread."""

    def broken(request: Request, registry: Registry) -> Reply | None:
        raise KeyError("in the hook")

    registry = Registry(Quirks(before=broken)).start()
    with pytest.raises(http.client.RemoteDisconnected):
        call(registry, "GET", "/v2/")
    with pytest.raises(AssertionError) as caught:
        registry.__exit__(None, None, None)
    assert isinstance(caught.value.__cause__, KeyError)


def test_many_clients_at_once(registry: Registry) -> None:
    """Parallel uploads end up whole."""
    blobs = [bytes([number]) * 50_000 for number in range(16)]

    def push(data: bytes) -> None:
        location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        call(registry, "PUT", f"{location}?digest={digest_of(data)}", data)

    threads = [threading.Thread(target=push, args=(data,)) for data in blobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(registry.repository(NAME).blobs.values()) == sorted(blobs)
