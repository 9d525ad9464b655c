"""The program against real servers that ask who is there: TLS of an own authority, passwords, tokens, a proxy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.distribution import Distribution, distribution, htpasswd
from tests.support.program import Finished, Ocictl
from tests.support.proxy import ConnectProxy, Relay, tinyproxy
from tests.support.servers import RealRegistry
from tests.support.tls import Authority, Leaf
from tests.support.token_service import Signer, TokenService

pytestmark = pytest.mark.real

USER, PASSWORD = "alice", "wonder land:1"
LOGIN = ("-u", USER, "--password-stdin")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the files of this module's servers."""
    return tmp_path_factory.mktemp("auth-servers")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """The authority that signed the registry's certificate."""
    return Authority(folder, "own")


@pytest.fixture(scope="module")
def secured(folder: Path, authority: Authority) -> Iterator[Distribution]:
    """A registry with a password and a certificate of our authority, for this machine and for a name."""
    leaf = authority.issue("127.0.0.1", "registry.test")
    with distribution(folder / "secured", auth=htpasswd(folder, {USER: PASSWORD}), tls=leaf) as running:
        yield running


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A directory with files to push."""
    (tmp_path / "hello.txt").write_text("hello\n")
    (tmp_path / "note.txt").write_text("note\n")
    return tmp_path


def test_passwords_over_tls_of_an_own_authority(
    secured: Distribution, authority: Authority, run_ocictl: Ocictl, work: Path
) -> None:
    """The main job works with a password and `--ca-file`; a given authority means TLS, on this machine too."""
    name = f"{secured.host}/main/job"
    common = ("--ca-file", authority.certificate, *LOGIN)

    def run(*arguments: str, code: int = 0) -> Finished:
        return run_ocictl(*arguments, *common, cwd=work, stdin=f"{PASSWORD}\n", code=code)

    digest = run("push", f"{name}:v1", "hello.txt", "--quiet").stdout.strip()
    run("attach", f"{name}:v1", "note.txt", "--artifact-type", "application/vnd.example.note")
    tree = run("discover", f"{name}:v1", "--format", "json").json
    assert [entry["artifactType"] for entry in tree["referrers"]] == ["application/vnd.example.note"]
    run("tag", f"{name}:v1", "v2")
    assert run("resolve", f"{name}:v2").stdout.strip() == digest
    run("pull", f"{name}:v1", "-o", "out")
    assert (work / "out/hello.txt").read_text() == "hello\n"


def test_login_over_tls(secured: Distribution, authority: Authority, run_ocictl: Ocictl, work: Path) -> None:
    """A login is checked before it is stored, and serves every command after; a wrong one is not stored."""
    trust = ("--ca-file", authority.certificate)
    login = ("login", secured.host, *trust, *LOGIN)
    config = run_ocictl.home / ".docker/config.json"
    run_ocictl(*login, cwd=work, stdin="wrong-password", code=4)
    assert not config.exists()
    run_ocictl(*login, cwd=work, stdin=PASSWORD, code=0)
    assert config.stat().st_mode & 0o777 == 0o600
    name = f"{secured.host}/logged/in:v1"
    run_ocictl("push", name, "hello.txt", *trust, cwd=work, code=0)
    run_ocictl("login", "--check", name.removesuffix(":v1"), *trust, cwd=work, code=0)
    run_ocictl("logout", secured.host, cwd=work, code=0)
    run_ocictl("resolve", name, *trust, cwd=work, code=4)


def test_a_wrong_password(
    secured: Distribution, authority: Authority, run_ocictl: Ocictl, work: Path
) -> None:
    """A password that is not accepted ends with 4 and says where to log in; it is not shown."""
    done = run_ocictl(
        "resolve",
        f"{secured.host}/a/b:v1",
        "--debug",
        "--ca-file",
        authority.certificate,
        *LOGIN,
        cwd=work,
        stdin="wrong-password",
        code=4,
    )
    assert f"ocictl login {secured.host}" in done.stderr
    assert "wrong-password" not in done.stdout + done.stderr


def test_other_ways_to_trust(
    secured: Distribution, authority: Authority, run_ocictl: Ocictl, work: Path
) -> None:
    """certs.d, SSL_CERT_FILE and REQUESTS_CA_BUNDLE do the same; `--insecure` checks nothing, and says so."""
    name, trust = f"{secured.host}/trust/x:v1", str(authority.certificate)
    certificates = run_ocictl.home / ".config/containers/certs.d" / secured.host

    def run(*arguments: str, env: dict[str, str] | None = None, code: int = 0) -> Finished:
        options = ("--plain-http=false", *LOGIN, *arguments)
        return run_ocictl("push", name, "hello.txt", *options, cwd=work, stdin=PASSWORD, env=env, code=code)

    run(code=5)
    run(env={"SSL_CERT_FILE": trust})
    run(env={"REQUESTS_CA_BUNDLE": trust})
    warned = run("--insecure").stderr
    assert warned == "warning: TLS certificates are not checked (--insecure)\n"
    certificates.mkdir(parents=True)
    (certificates / "ca.crt").write_bytes(authority.certificate.read_bytes())
    assert run().stderr == ""
    (certificates / "client.cert").write_bytes(authority.certificate.read_bytes())
    assert "is without 'client.key'" in run(code=9).stderr


def test_an_address_for_a_name(
    secured: Distribution, authority: Authority, run_ocictl: Ocictl, work: Path
) -> None:
    """With `--resolve` a name leads to an address, and its certificate is still asked for (NET-03)."""
    place = f"registry.test:443:127.0.0.1:{secured.port}"
    options = ("--resolve", place, "--ca-file", authority.certificate, *LOGIN)
    run_ocictl("push", "registry.test/by/name:v1", "hello.txt", *options, cwd=work, stdin=PASSWORD, code=0)
    other = ("--resolve", place.replace("registry", "other"), *options[2:])
    done = run_ocictl("push", "other.test/by/name:v1", "hello.txt", *other, cwd=work, stdin=PASSWORD, code=5)
    assert "its certificate is for another host name" in done.stderr


@pytest.mark.parametrize(
    ("flaw", "words", "advice"),
    [
        ("unknown", "an authority that is not trusted", "--ca-file"),
        ("name", "another host name", "--resolve"),
        ("expired", "has expired", "clock"),
    ],
)
def test_certificates_that_are_not_accepted(
    flaw: str, words: str, advice: str, folder: Path, authority: Authority, run_ocictl: Ocictl, work: Path
) -> None:
    """T10: each ends with 5 and its own advice; nothing is asked without TLS instead (NET-03)."""
    leaf: Leaf = {
        "unknown": lambda: Authority(folder, "unknown").issue("127.0.0.1"),
        "name": lambda: authority.issue("elsewhere.test"),
        "expired": lambda: authority.issue("127.0.0.1", expired=True),
    }[flaw]()
    with distribution(folder / flaw, auth=htpasswd(folder, {USER: PASSWORD}), tls=leaf) as running:
        before = running.requests()
        done = run_ocictl(
            "push",
            f"{running.host}/a/b:v1",
            "hello.txt",
            "--ca-file",
            authority.certificate,
            *LOGIN,
            cwd=work,
            stdin=PASSWORD,
            code=5,
        )
        assert running.requests() == before
    assert words in done.stderr
    assert advice in done.stderr.splitlines()[-1]


def test_a_client_certificate(folder: Path, authority: Authority, run_ocictl: Ocictl, work: Path) -> None:
    """A registry that wants a client certificate gets it by option or from certs.d, and nothing works without."""
    leaf, mine = authority.issue("127.0.0.1"), authority.issue("client.test")
    with distribution(folder / "mutual", tls=leaf, clients=authority.certificate) as running:
        name = f"{running.host}/mutual/x:v1"
        trust = ("--ca-file", authority.certificate)
        denied = run_ocictl("push", name, "hello.txt", *trust, "--retries", "0", cwd=work, code=5)
        assert denied.stderr.startswith("error: ")
        pair = ("--cert-file", mine.certificate, "--key-file", mine.key)
        run_ocictl("push", name, "hello.txt", *trust, *pair, cwd=work, code=0)
        certificates = run_ocictl.home / ".config/containers/certs.d" / running.host
        certificates.mkdir(parents=True)
        (certificates / "ca.crt").write_bytes(authority.certificate.read_bytes())
        (certificates / "me.cert").write_bytes(mine.certificate.read_bytes())
        (certificates / "me.key").write_bytes(mine.key.read_bytes())
        run_ocictl("pull", name, "--plain-http=false", "-o", "out", cwd=work, code=0)


def test_tls_where_there_is_none_and_the_reverse(
    docker_registry: RealRegistry, secured: Distribution, run_ocictl: Ocictl, work: Path
) -> None:
    """A server that speaks the other protocol is named as such, with the option that fits."""
    without = run_ocictl("resolve", f"{docker_registry.host}/a:v1", "--plain-http=false", cwd=work, code=5)
    assert "does not speak TLS" in without.stderr
    assert "--plain-http" in without.stderr
    behind = run_ocictl("resolve", f"{secured.host}/a:v1", cwd=work)
    assert behind.code != 0
    assert "--plain-http=false" in behind.stderr


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
@pytest.mark.parametrize("way", ["GET", "POST", "POST refused"])
def test_tokens(way: str, algorithm: Any, tmp_path: Path, run_ocictl: Ocictl, work: Path) -> None:
    """A password gets its token by GET, an identity token by POST; scopes are what was needed, and no more."""
    service = TokenService(
        Signer(tmp_path, algorithm=algorithm),
        users={USER: PASSWORD},
        refresh_tokens={"identity-1": USER},
        post=way != "POST refused",
    )
    by_password = way != "POST"
    login, secret = (LOGIN, PASSWORD) if by_password else (("--password-stdin",), "identity-1")
    with service, distribution(tmp_path / "registry", auth=service.settings) as running:
        name = f"{running.host}/team/app"
        run_ocictl("push", f"{name}:v1", "hello.txt", *login, cwd=work, stdin=secret, code=0)
        run_ocictl("pull", f"{name}:v1", "-o", "out", *login, cwd=work, stdin=secret, code=0)
    assert {request.method for request in service.requests} == {"GET" if by_password else "POST"}
    assert (work / "out/hello.txt").read_text() == "hello\n"
    for request in service.requests:
        said = request.raw_query if by_password else request.body.decode()
        assert "repository" in said
        assert "team" in said
        assert "delete" not in said


def _big_file(path: Path, mebibytes: int) -> str:
    """Write a file without two equal blocks; return its digest."""
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(mebibytes):
            block = hashlib.sha256(b"%d" % number).digest() * (MIB // 32)
            hasher.update(block)
            file.write(block)
    return f"sha256:{hasher.hexdigest()}"


@pytest.mark.slow
@pytest.mark.parametrize("way", ["GET", "POST"])
def test_a_push_that_outlives_its_tokens(way: str, tmp_path: Path, run_ocictl: Ocictl) -> None:
    """300 MiB take longer than three tokens of five seconds: one upload session, and no byte is sent twice.

    A relay between the program and the registry slows the transfer down and counts.
    """
    size = 300 * MIB
    digest = _big_file(tmp_path / "big", 300)
    service = TokenService(
        Signer(tmp_path), users={USER: PASSWORD}, refresh_tokens={"identity-1": USER}, lifetime=5
    )
    login, secret = (LOGIN, PASSWORD) if way == "GET" else (("--password-stdin",), "identity-1")
    with service, distribution(tmp_path / "registry", auth=service.settings) as running:
        with Relay(running.port, rate=size / 16) as relay:
            name = f"{relay.host}/big/x:v1"
            done = run_ocictl("push", name, "big", *login, cwd=tmp_path, stdin=secret, code=0, timeout=200)
            sent = relay.sent
        seen = running.requests()
    assert done.stderr == ""
    assert size <= sent < size + MIB
    uploads = [line for line in seen if "/blobs/uploads/" in line and digest.replace(":", "%3A") in line]
    assert [(line.split()[0], line.split()[-1]) for line in uploads] == [("PUT", "201")]
    # Beside it there is the empty config, so two sessions were opened in all.
    assert len([line for line in seen if line.startswith("POST ")]) == 2
    # The token that opened the upload was over at its end, so another one was asked for.
    assert len(service.asked(way)) >= 2


@pytest.fixture
def proxied(secured: Distribution) -> Iterator[ConnectProxy]:
    """What knows the address of `registry.test`, at two ports."""
    known = {f"registry.test:{port}": secured.port for port in (443, secured.port)}
    with ConnectProxy(known) as proxy:
        yield proxy


def test_a_forward_proxy(
    proxied: ConnectProxy,
    secured: Distribution,
    authority: Authority,
    run_ocictl: Ocictl,
    tmp_path: Path,
    work: Path,
) -> None:
    """Through tinyproxy with a password everything works; NO_PROXY leads around it (NET-04)."""
    with tinyproxy(tmp_path / "tinyproxy", proxied, user="pu", password="proxy-secret") as proxy:
        name = "registry.test/by/proxy:v1"
        options = ("--ca-file", authority.certificate, *LOGIN)

        def run(*arguments: str, code: int = 0, **env: str) -> Finished:
            return run_ocictl(*arguments, *options, cwd=work, stdin=PASSWORD, env=env, code=code)

        way = proxy.url("pu", "proxy-secret")
        run("login", "registry.test", HTTPS_PROXY=way)
        pushed = run("push", name, "hello.txt", "--debug", HTTPS_PROXY=way)
        assert "proxy-secret" not in pushed.stdout + pushed.stderr
        run("pull", name, "-o", "out", https_proxy=way)
        run("resolve", name, ALL_PROXY=way, NO_PROXY="other.test,test.example")
        assert set(proxy.tunnels()) == {"registry.test:443"}
        used = len(proxy.tunnels())

        denied = run("resolve", name, HTTPS_PROXY=proxy.url("pu", "wrong"), code=5)
        assert "the proxy answered" in denied.stderr
        assert "wrong" not in denied.stderr

        around = ("--resolve", f"registry.test:443:127.0.0.1:{secured.port}")
        before = len(proxy.tunnels())
        run("login", "registry.test", *around, HTTPS_PROXY=way, NO_PROXY="registry.test")
        for excluded in ("registry.test", ".test", "*", "x.example, registry.test:443"):
            run("resolve", name, *around, HTTPS_PROXY=way, NO_PROXY=excluded)
        assert len(proxy.tunnels()) == before
    assert used > 0
    # The proxy keeps its password to itself, and learns nothing of what is for the registry.
    assert all("authorization" not in head.lower() for head in proxied.heads)
