"""TLS: whom we trust, whom we show a certificate, and what is said when it fails (section NET)."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import InvalidInputError, OcictlError, StorageError, TransportError
from ocictl.transport import tls
from ocictl.transport.config import TransportConfig
from ocictl.transport.session import RegistryClient
from tests.support.certificates import Certificate, make_certificate, server_context
from tests.support.tls import Authority
from tests.unit.transport.clients import client
from tests.unit.transport.servers import Reply, Seen, recorder, tunnel

NAMES = "IP:127.0.0.1,DNS:localhost"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the certificates of this module are."""
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def home_certificate(folder: Path) -> Certificate:
    """The registry's."""
    return make_certificate(folder, "home", alternative_names=NAMES)


@pytest.fixture(scope="module")
def other_certificate(folder: Path) -> Certificate:
    """Another host's."""
    return make_certificate(folder, "other", alternative_names=NAMES)


def optional_client(certificate: Certificate, known: Certificate) -> ssl.SSLContext:
    """A server that asks for a client certificate, but does not insist."""
    context = server_context(certificate, client=known)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def ok(_: Seen) -> Reply:
    """Answers every request."""
    return Reply(body=b"ok")


def read(host: str, **config: Any) -> bytes:
    """What the registry answers over TLS."""
    with client(host, plain_http=False, **config) as registry:
        return registry.request("GET", "/v2/", expected=(200,)).body(100)


def test_an_unknown_authority(home_certificate: Certificate) -> None:
    """A certificate of unknown origin is refused with advice, and http is not tried instead (NET-03)."""
    with recorder(ok, context=server_context(home_certificate)) as home:
        with pytest.raises(TransportError) as raised:
            read(home.host)
    assert raised.value.code == "tls-failed"
    assert "authority that is not trusted" in raised.value.message
    assert "--ca-file" in (raised.value.hint or "")
    assert home.seen == []


def test_a_given_authority(home_certificate: Certificate) -> None:
    """With `ca_file` it is trusted."""
    with recorder(ok, context=server_context(home_certificate)) as home:
        assert read(home.host, ca_file=home_certificate.certificate) == b"ok"


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_from_the_environment(
    home_certificate: Certificate, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The usual variables name authorities."""
    monkeypatch.setenv(name, str(home_certificate.certificate))
    with recorder(ok, context=server_context(home_certificate)) as home:
        assert read(home.host) == b"ok"


def test_a_directory_of_authorities(
    home_certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """REQUESTS_CA_BUNDLE may be a directory with hashed names."""
    hashed = subprocess.run(
        ["openssl", "x509", "-noout", "-hash", "-in", str(home_certificate.certificate)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()
    (tmp_path / f"{hashed}.0").write_bytes(home_certificate.certificate.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with recorder(ok, context=server_context(home_certificate)) as home:
        assert read(home.host) == b"ok"


def test_ca_file_replaces_the_systems(
    home_certificate: Certificate, other_certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the registry itself `ca_file` is the only authority, as in oras."""
    monkeypatch.setenv("SSL_CERT_FILE", str(home_certificate.certificate))
    with recorder(ok, context=server_context(home_certificate)) as home:
        with pytest.raises(TransportError) as raised:
            read(home.host, ca_file=other_certificate.certificate)
    assert raised.value.code == "tls-failed"


def test_other_hosts_need_the_systems_authorities(
    home_certificate: Certificate, other_certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage and token services with a public certificate work beside a registry with a private one."""
    with recorder(ok, context=server_context(other_certificate)) as other:

        def answer(_: Seen) -> Reply:
            return Reply(307, (("Location", f"{other.url}/blob"),))

        with recorder(answer, context=server_context(home_certificate)) as home:
            with pytest.raises(TransportError):
                read(home.host, ca_file=home_certificate.certificate)
            monkeypatch.setenv("SSL_CERT_FILE", str(other_certificate.certificate))
            assert read(home.host, ca_file=home_certificate.certificate) == b"ok"


def test_another_host_name(folder: Path) -> None:
    """A certificate for another name is refused, and the names are the advice."""
    certificate = make_certificate(folder, "elsewhere", alternative_names="DNS:elsewhere.example")
    with recorder(ok, context=server_context(certificate)) as home:
        with pytest.raises(TransportError) as raised:
            read(home.host, ca_file=certificate.certificate)
    assert "another host name" in raised.value.message
    assert home.host in (raised.value.hint or "")


def test_insecure(home_certificate: Certificate) -> None:
    """`insecure` checks nothing, and warns nowhere by itself; the next client checks again (CVE-2024-35195)."""
    with recorder(ok, context=server_context(home_certificate)) as home:
        assert read(home.host, insecure=True) == b"ok"
        with pytest.raises(TransportError) as raised:
            read(home.host)
    assert raised.value.code == "tls-failed"


def test_a_server_without_tls() -> None:
    """A plain server is not talked to in plain, but the option for it is named."""
    with recorder(ok) as home:
        with pytest.raises(TransportError) as raised:
            read(home.host)
    assert raised.value.code == "tls-failed"
    assert "--plain-http" in (raised.value.hint or "")
    assert home.seen == []


def test_a_redirect_out_of_tls(home_certificate: Certificate) -> None:
    """A redirect from https to http is refused (HTTP-02)."""
    with recorder(ok) as plain:

        def answer(_: Seen) -> Reply:
            return Reply(307, (("Location", f"{plain.url}/blob"),))

        with recorder(answer, context=server_context(home_certificate)) as home:
            with pytest.raises(TransportError, match="leaves https"):
                read(home.host, ca_file=home_certificate.certificate)
    assert plain.seen == []


def test_client_certificate(home_certificate: Certificate, other_certificate: Certificate) -> None:
    """The client certificate opens the registry; without it the advice is to give one."""
    trust = home_certificate.certificate
    with recorder(ok, context=server_context(home_certificate, client=other_certificate)) as home:
        mine = {"cert_file": other_certificate.certificate, "key_file": other_certificate.key}
        assert read(home.host, ca_file=trust, **mine) == b"ok"
        assert home.seen[0].certificate is not None
        with pytest.raises(TransportError) as raised:
            read(home.host, ca_file=trust)
    # TLS 1.3 tells a client only after the handshake, so the reset may be all that is seen.
    assert raised.value.code in ("tls-failed", "connection-failed")


def test_client_certificate_is_for_the_registry_only(
    home_certificate: Certificate, other_certificate: Certificate
) -> None:
    """No other origin sees the client certificate, nor does the registry once a chain has left it."""
    with recorder(lambda _: ok(_), context=optional_client(home_certificate, other_certificate)) as away:

        def answer(request: Seen) -> Reply:
            return Reply(307, (("Location", f"{away.url}/blob"),)) if request.path == "/v2/" else ok(request)

        with recorder(answer, context=optional_client(home_certificate, other_certificate)) as home:
            mine = {"cert_file": other_certificate.certificate, "key_file": other_certificate.key}
            assert read(home.host, ca_file=home_certificate.certificate, **mine) == b"ok"
    assert [seen.certificate is not None for seen in home.seen] == [True]
    assert [seen.certificate for seen in away.seen] == [None]


def test_a_tunnel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a proxy TLS is spoken with the registry; the proxy sees host, port and its own password only (NET-04)."""
    certificate = make_certificate(folder, "tunnelled", alternative_names="DNS:registry.example.com")
    with recorder(ok, context=server_context(certificate)) as home, tunnel(home.port) as (port, seen):
        monkeypatch.setenv("HTTPS_PROXY", f"pu:pp@127.0.0.1:{port}")
        answer = read(
            "registry.example.com", ca_file=certificate.certificate, headers=(("X-Private", "S3cr3t"),)
        )
    assert answer == b"ok"
    assert home.seen[0].headers["X-Private"] == "S3cr3t"
    assert home.seen[0].headers["Proxy-Authorization"] is None
    (head,) = seen
    assert head.startswith(b"CONNECT registry.example.com:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic cHU6cHA=\r\n" in head
    assert b"S3cr3t" not in head


@pytest.mark.parametrize("option", ["ca_file", "cert_file"])
def test_missing_files(option: str, home_certificate: Certificate, tmp_path: Path) -> None:
    """A file that is not there is named, before anything is sent."""
    config: dict[str, Any] = {option: tmp_path / "none.pem"}
    if option == "cert_file":
        config["key_file"] = home_certificate.key
    with recorder(ok, context=server_context(home_certificate)) as home:
        with pytest.raises(StorageError) as raised:
            read(home.host, **config)
    assert raised.value.code == "file-not-found"
    assert "none.pem" in raised.value.message


def test_files_that_are_no_certificates(
    home_certificate: Certificate, other_certificate: Certificate, tmp_path: Path
) -> None:
    """Junk, and a key that belongs to another certificate, are refused with the files' names."""
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    wrong: list[dict[str, Any]] = [
        {"ca_file": junk},
        {"cert_file": junk, "key_file": home_certificate.key},
        {"cert_file": home_certificate.certificate, "key_file": other_certificate.key},
    ]
    for config in wrong:
        with pytest.raises(InvalidInputError) as raised:
            tls.Contexts(TransportConfig(**config)).get(own=True)
        assert ".pem" in raised.value.message or ".crt" in raised.value.message


def test_encrypted_keys(home_certificate: Certificate, tmp_path: Path) -> None:
    """An encrypted key is refused; nobody is asked for a password in between."""
    key = tmp_path / "encrypted.key"
    subprocess.run(
        [
            "openssl",
            "pkey",
            "-aes256",
            "-passout",
            "pass:x",
            "-in",
            str(home_certificate.key),
            "-out",
            str(key),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    config = TransportConfig(cert_file=home_certificate.certificate, key_file=key)
    with pytest.raises(InvalidInputError, match="encrypted"):
        tls.Contexts(config).get(own=True)


def test_contexts_are_built_once(home_certificate: Certificate) -> None:
    """One context serves all origins, unless the registry's own differs."""
    plain = tls.Contexts(TransportConfig())
    assert plain.get(own=True) is plain.get(own=False)
    special = tls.Contexts(TransportConfig(ca_file=home_certificate.certificate))
    assert special.get(own=True) is special.get(own=True)
    assert special.get(own=True) is not special.get(own=False)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (10, "has expired"),
        (9, "not valid yet"),
        (62, "another host name"),
        (64, "another host name"),
        (18, "not trusted"),
        (20, "not trusted"),
        (1, "was not accepted (odd\\x1b)"),
    ],
)
def test_reasons_of_distrust(number: int, words: str) -> None:
    """Each reason is said in words, with something to do about it."""
    cause = ssl.SSLCertVerificationError(1, "failed")
    cause.verify_code = number
    cause.verify_message = "odd\x1b"
    error = tls.handshake_failed(cause, "h", "GET", "https://h/")
    assert words in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a client certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "wants a client certificate"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "sslv3 alert handshake failure"),
        (None, "handshake failed"),
    ],
)
def test_reasons_of_failure(reason: str | None, words: str) -> None:
    """Failures other than distrust are named, too."""
    cause = ssl.SSLError(1, "failed")
    cause.reason = reason  # type: ignore[assignment]
    error: OcictlError = tls.handshake_failed(cause, "h", "GET", "https://h/")
    assert words in error.message
    assert error.code == "tls-failed"


@pytest.mark.parametrize(
    ("config", "scheme"),
    [
        ({}, "http"),
        ({"insecure": True}, "http"),
        ({"ca_file": Path("x")}, "https"),
        ({"cert_file": Path("x"), "key_file": Path("x")}, "https"),
        ({"ca_file": Path("x"), "plain_http": True}, "http"),
        ({"plain_http": False}, "https"),
    ],
)
def test_whoever_names_certificates_wants_tls(config: dict[str, Any], scheme: str) -> None:
    """On this machine http is the rule, unless a file is named that only TLS can use (NET-03)."""
    with client("localhost:5000", **config) as registry:
        assert isinstance(registry, RegistryClient)
        assert registry.base_url == f"{scheme}://localhost:5000"


def test_a_trusted_certificate_need_not_be_an_authority(tmp_path: Path) -> None:
    """As in Go and curl: `ca_file` may hold the server's own certificate, whoever signed it."""
    leaf = Authority(tmp_path).issue("127.0.0.1")
    with recorder(ok, context=leaf.server_context()) as home:
        assert read(home.host, ca_file=leaf.certificate) == b"ok"


def test_an_expired_certificate(tmp_path: Path) -> None:
    """It is refused, and its operator or the clock is to blame (T10)."""
    authority = Authority(tmp_path)
    with recorder(ok, context=authority.issue("127.0.0.1", expired=True).server_context()) as home:
        with pytest.raises(TransportError, match="has expired") as raised:
            read(home.host, ca_file=authority.certificate)
    assert "clock" in (raised.value.hint or "")
    assert home.seen == []


def test_ipv6(tmp_path: Path) -> None:
    """An IPv6 address in brackets is a registry like any other, with TLS for the address."""
    if not socket.has_ipv6:
        pytest.skip("this Python has no IPv6")
    authority = Authority(tmp_path)
    context = authority.issue("::1").server_context()
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 on this machine: {error}")
    heads: list[bytes] = []

    def serve() -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as connection:
            heads.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        host = f"[::1]:{listener.getsockname()[1]}"
        assert read(host, ca_file=authority.certificate) == b"ok"
        thread.join(5)
    assert f"Host: {host}\r\n".encode() in heads[0]


def test_a_host_that_hangs_up_on_tls() -> None:
    """It may just be restarting, so this is tried again; and it may have no TLS, which the advice says."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[int] = []

    def serve() -> None:
        for number in range(2):
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.close()
            accepted.append(number)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    from ocictl.transport.config import Limits

    with listener:
        limits = Limits(attempts=2, retry_base=0.0, connect_timeout=5, idle_timeout=5)
        with pytest.raises(TransportError) as raised:
            read(f"127.0.0.1:{listener.getsockname()[1]}", limits=limits)
        thread.join(5)
    assert raised.value.code == "connection-failed"
    assert "--plain-http" in (raised.value.hint or "")
    assert len(accepted) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_with_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """A proxy that is reached by TLS is checked, and sees no client certificate of the registry's (GHSA-h3wm)."""
    authority = Authority(tmp_path)
    mine = authority.issue("client.test")
    context = authority.issue("localhost").server_context(clients=authority.certificate, optional=True)
    seen: list[tuple[bytes, object]] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as connection:
            head = connection.recv(65536)
            seen.append((head, connection.getpeercert(binary_form=True)))
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"https://localhost:{listener.getsockname()[1]}")
    files = {"ca_file": authority.certificate, "cert_file": mine.certificate, "key_file": mine.key}
    with listener, client("registry.test", plain_http=scheme == "http", **files) as registry:
        with pytest.raises(OcictlError, match="403"):
            registry.request("GET", "/v2/", expected=(200,))
        thread.join(5)
    ((head, shown),) = seen
    assert head.startswith(
        b"CONNECT registry.test:443 " if scheme == "https" else b"GET http://registry.test/v2/ "
    )
    assert shown is None
