"""Certificates per registry, where Podman and Docker keep them (NET-01, NET-02)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocictl.errors import StorageError, TransportError
from ocictl.transport import certs_d
from ocictl.transport.certs_d import HostCertificates
from ocictl.transport.hosts import HostAddress
from tests.support.tls import Authority
from tests.unit.transport.clients import client
from tests.unit.transport.servers import Recorder, Reply, Seen, recorder


def _fill(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def test_the_directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's own first, then Podman's, then Docker's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert certs_d.standard_directories() == (
        tmp_path / ".config/containers/certs.d",
        Path("/etc/containers/certs.d"),
        Path("/etc/docker/certs.d"),
    )


def test_the_first_that_exists_is_the_only_one(tmp_path: Path) -> None:
    """Directories are not merged, not even if the first is empty."""
    _fill(tmp_path / "b/registry.test:5000", "b.crt")
    _fill(tmp_path / "c/registry.test:5000", "c.crt")
    places = [tmp_path / name for name in "abc"]
    assert certs_d.find("registry.test:5000", places).authorities == (
        tmp_path / "b/registry.test:5000/b.crt",
    )
    _fill(tmp_path / "a/registry.test:5000")
    assert certs_d.find("registry.test:5000", places) == HostCertificates()


@pytest.mark.parametrize("name", ["registry.test", "registry.test:5001", "test:5000", ""])
def test_the_name_is_the_registry_as_written(tmp_path: Path, name: str) -> None:
    """Host and port, no others."""
    _fill(tmp_path / "registry.test:5000", "a.crt")
    assert certs_d.find(name, [tmp_path]) == HostCertificates()


def test_what_is_in_there(tmp_path: Path) -> None:
    """*.crt are authorities; X.cert and X.key a client certificate, the first by name; the rest is not ours."""
    folder = _fill(
        tmp_path / "r.test", "b.crt", "a.crt", "z.cert", "z.key", "m.cert", "m.key", "README", "x.pem"
    )
    assert certs_d.find("r.test", [tmp_path]) == HostCertificates(
        authorities=(folder / "a.crt", folder / "b.crt"), pair=(folder / "m.cert", folder / "m.key")
    )


@pytest.mark.parametrize(
    ("names", "there", "missing"),
    [
        (["a.cert"], "a.cert", "a.key"),
        (["a.key"], "a.key", "a.cert"),
        (["a.crt", "a.key"], "a.key", "a.cert"),
        (["a.cert", "a.key", "b.cert"], "b.cert", "b.key"),
    ],
)
def test_half_a_pair(tmp_path: Path, names: list[str], there: str, missing: str) -> None:
    """A certificate without its key, or the reverse, is an error that names both (NET-02)."""
    _fill(tmp_path / "r.test", *names)
    with pytest.raises(StorageError) as raised:
        certs_d.find("r.test", [tmp_path])
    assert there in raised.value.message
    assert missing in raised.value.message
    assert raised.value.code == "file-not-found"


def test_what_can_not_be_seen_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of the administrator's that is closed to this user does not stop the user's work."""
    _fill(tmp_path / "b/r.test", "b.crt")
    original = os.listdir

    def listdir(path: Path) -> list[str]:
        if path.parent.name == "a":
            raise PermissionError(13, "Permission denied")
        return original(path)

    monkeypatch.setattr(os, "listdir", listdir)
    found = certs_d.find("r.test", [tmp_path / "a", tmp_path / "b"])
    assert [path.name for path in found.authorities] == ["b.crt"]


def test_what_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other trouble is said."""

    def listdir(_: Path) -> list[str]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(StorageError, match="r\\.test"):
        certs_d.find("r.test", [tmp_path])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs everything here."""
    return Authority(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def home(authority: Authority) -> Iterator[Recorder]:
    """A registry with TLS that insists on a client certificate."""
    leaf = authority.issue("127.0.0.1", "registry.test")
    context = leaf.server_context(clients=authority.certificate)
    with recorder(lambda _: Reply(body=b"ok"), context=context) as server:
        yield server


def _install(folder: Path, authority: Authority, *, pair: bool = True) -> None:
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(authority.certificate.read_bytes())
    if pair:
        mine = authority.issue("client.test")
        (folder / "me.cert").write_bytes(mine.certificate.read_bytes())
        (folder / "me.key").write_bytes(mine.key.read_bytes())


def _read(host: str, **config: object) -> bytes:
    with client(host, plain_http=False, **config) as registry:
        return registry.request("GET", "/v2/", expected=(200,)).body(10)


def test_authority_and_client_certificate_are_used(
    home: Recorder, authority: Authority, clean_environment: Path
) -> None:
    """What is in the user's own directory opens the registry, without any option."""
    _install(clean_environment / ".config/containers/certs.d" / home.host, authority)
    assert _read(home.host) == b"ok"
    assert home.seen[0].certificate is not None


def test_options_take_the_place_of_what_is_found(
    home: Recorder, authority: Authority, tmp_path: Path
) -> None:
    """`ca_file` replaces the authorities, `cert_file` the client certificate; an empty list switches all off."""
    _install(tmp_path / "certs" / home.host, authority)
    other = Authority(tmp_path, "other")
    where = (tmp_path / "certs",)
    with pytest.raises(TransportError, match="not trusted"):
        _read(home.host, certs_dirs=where, ca_file=other.certificate)
    stranger = other.issue("client.test")
    with pytest.raises(TransportError):
        _read(home.host, certs_dirs=where, cert_file=stranger.certificate, key_file=stranger.key)
    with pytest.raises(TransportError, match="not trusted"):
        _read(home.host, certs_dirs=())
    assert _read(home.host, certs_dirs=where) == b"ok"


def test_insecure_still_shows_the_client_certificate(
    home: Recorder, authority: Authority, tmp_path: Path
) -> None:
    """`insecure` is about whom we trust, not about who we are."""
    _install(tmp_path / "certs" / home.host, authority)
    assert _read(home.host, certs_dirs=(tmp_path / "certs",), insecure=True) == b"ok"


def test_other_origins_see_no_client_certificate(authority: Authority, tmp_path: Path) -> None:
    """The authorities serve for storage and token service, too; the client certificate does not."""

    def optional() -> object:
        leaf = authority.issue("registry.test", "storage.test")
        return leaf.server_context(clients=authority.certificate, optional=True)

    def stored(_: Seen) -> Reply:
        return Reply(body=b"stored")

    with recorder(stored, context=optional()) as storage:  # type: ignore[arg-type]

        def answer(_: Seen) -> Reply:
            return Reply(307, (("Location", f"https://storage.test:{storage.port}/x"),))

        with recorder(answer, context=optional()) as registry:  # type: ignore[arg-type]
            name = f"registry.test:{registry.port}"
            _install(tmp_path / name, authority)
            places = tuple(
                HostAddress(host, server.port, "127.0.0.1", server.port)
                for host, server in (("registry.test", registry), ("storage.test", storage))
            )
            assert _read(name, certs_dirs=(tmp_path,), resolve=places) == b"stored"
    assert [seen.certificate is not None for seen in registry.seen] == [True]
    assert [seen.certificate for seen in storage.seen] == [None]
