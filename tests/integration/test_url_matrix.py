"""A1: wherever a registry points, no secret goes along.

A registry with TLS answers with URLs of every kind in every place where a server may name one, and servers at the
other end write down what they get. The client has everything that is worth stealing: a password, a token, a custom
header, a cookie of the user's own and a client certificate. Each test prints what each origin received; run it with
`-s` to see.

Advisories: CVE-2026-48978 = GHSA-xf85-363p-868w and GHSA-28r5-37g7-p6mp (realms), GHSA-vh4v-2xq2-g5cg and
GHSA-qvqc-4c52-x6qp (redirects), CVE-2026-50151 = GHSA-jxpm-75mh-9fp7 (upload locations), GHSA-whvf-jp7m-59f3 and
GHSA-h3wm-jjqf-8jm2 (custom headers and client certificates), CVE-2020-15157 (`urls`), go-containerregistry #2332 and
Azure/acr #895 (links); CVE-2018-18074, CVE-2023-32681, CVE-2024-47081, CVE-2018-20060, CVE-2023-43804, CVE-2024-37891
and CVE-2025-50181 (what requests and urllib3 send along, or follow).
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import open_verified
from ocictl.errors import OcictlError
from ocictl.model.descriptor import Descriptor
from ocictl.model.reference import Reference
from ocictl.ops.pull import pull
from ocictl.sources import BytesContent
from ocictl.stores.repository import Repository
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.credentials import Explicit
from ocictl.transport.hosts import HostAddress
from tests.support.registry import EMPTY, INDEX, MANIFEST, digest_of
from tests.support.tls import Authority, Leaf
from tests.unit.transport.servers import Recorder, Reply, Seen, recorder

PASSWORD = "pass-S3cr3t"
TOKEN = "token-S3cr3t"
CUSTOM = "custom-S3cr3t"
COOKIE = "session=cookie-S3cr3t"
URL_SECRET = "url-S3cr3t"
BASIC = f"Basic {base64.b64encode(f'user:{PASSWORD}'.encode()).decode()}"
DATA = b"the bytes of the blob"
DIGEST = digest_of(DATA)
REDIRECTS = (301, 302, 303, 307, 308)

TARGETS = {
    "same host, other port": "https://registry.test:{tls}/x",
    "other host": "https://evil.test:{tls}/x",
    "other host, then home again": "https://evil.test:{tls}/hop",
    "downgrade, same host": "http://registry.test:{plain}/x",
    "downgrade, other host": "http://evil.test:{plain}/x",
    "user info": f"https://user:{URL_SECRET}@registry.test:{{tls}}/x",
    "home as user info": "https://registry.test:{home}@evil.test:{tls}/x",
    "backslash": "https://evil.test:{tls}\\@registry.test:{home}/x",
    "line end": "https://evil.test:{tls}/x\tX-Evil: 1",
    "loopback address": "https://127.0.0.1:{tls}/x",
    "another loopback address": "https://127.0.0.2:{tls}/x",
    "IPv6 loopback": "https://[::1]:{tls}/x",
    "IPv4 in IPv6": "https://[::ffff:127.0.0.1]:{tls}/x",
    "loopback as a number": "https://2130706433:{tls}/x",
    "localhost": "https://localhost:{tls}/x",
    "private address": "https://10.0.0.1:{tls}/x",
    "link-local metadata": "https://169.254.169.254/latest/meta-data",
    "link-local metadata, plain": "http://169.254.169.254/latest/meta-data",
    "a file": "file:///etc/passwd",
    "another scheme": "gopher://evil.test:{tls}/x",
    "without scheme": "//evil.test:{tls}/x",
}
ALLOWED = {"same host, other port", "other host", "other host, then home again", "without scheme"}


@dataclass
class World:
    """The registry, the other servers, and a way to reach each by names.

    Attributes:
        home: the registry; `answer` decides what it says.
        plain, tls: other origins, without and with TLS.
    """

    home: Recorder
    plain: Recorder
    tls: Recorder
    authority: Authority
    client: Leaf
    answer: Callable[[Seen], Reply] = field(default=lambda _: Reply(404))

    def url(self, form: str) -> str:
        """A URL of `TARGETS` with the ports of now."""
        return form.format(home=self.home.port, plain=self.plain.port, tls=self.tls.port)

    def repository(self) -> Repository:
        """The client with everything worth stealing."""
        ports = [("registry.test", server.port) for server in (self.home, self.plain, self.tls)]
        ports += [(name, port) for name in ("evil.test", "127.0.0.2") for _, port in ports[1:3]]
        config = TransportConfig(
            ca_file=self.authority.certificate,
            cert_file=self.client.certificate,
            key_file=self.client.key,
            headers=(("X-Private", CUSTOM), ("Cookie", COOKIE)),
            credentials=Explicit("user", PASSWORD),
            resolve=tuple(HostAddress(name, port, "127.0.0.1", port) for name, port in ports),
            limits=Limits(attempts=1, connect_timeout=5, idle_timeout=5),
        )
        return Repository(Reference.parse(f"registry.test:{self.home.port}/a/b"), config)

    def forget(self) -> None:
        """Begin again."""
        for server in (self.home, self.plain, self.tls):
            server.seen.clear()

    def foreign(self) -> list[Seen]:
        """What the other origins received."""
        return [*self.plain.seen, *self.tls.seen]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three servers; each asks for a client certificate, but does not insist."""
    folder = tmp_path_factory.mktemp("matrix")
    authority = Authority(folder)
    names = ("registry.test", "evil.test", "localhost", "127.0.0.1", "127.0.0.2", "::1", "10.0.0.1")

    def context() -> Any:
        return authority.issue(*names).server_context(clients=authority.certificate, optional=True)

    def elsewhere(request: Seen) -> Reply:
        if request.path.startswith("/hop"):
            return Reply(307, (("Location", made[0].url("https://registry.test:{home}/back")),))
        if "service=" in request.path or request.headers.get("Content-Type", "").endswith("urlencoded"):
            return Reply(body=json.dumps({"token": TOKEN}).encode())
        return Reply(201 if request.method in ("PUT", "POST") else 200, body=DATA)

    made: list[World] = []
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(recorder(lambda request: made[0].answer(request), context=context()))
        plain = stack.enter_context(recorder(elsewhere))
        tls = stack.enter_context(recorder(elsewhere, context=context()))
        made.append(
            World(home=home, plain=plain, tls=tls, authority=authority, client=authority.issue("client.test"))
        )
        yield made[0]


def secrets_in(request: Seen) -> list[str]:
    """What of value a request carried."""
    text = f"{request.method} {request.path}\n{request.headers}".encode() + request.body
    found = [
        name
        for name, value in {
            "password": PASSWORD,
            "basic": BASIC,
            "token": TOKEN,
            "custom header": CUSTOM,
            "cookie": COOKIE,
            "user info": URL_SECRET,
        }.items()
        if value.encode() in text
    ]
    found += ["authorization"] if request.headers["Authorization"] and "basic" not in found else []
    return found + (["client certificate"] if request.certificate is not None else [])


def table(title: str, rows: list[tuple[str, str, list[Seen]]]) -> None:
    """Print what each origin received."""
    print(f"\n{title}")
    for name, outcome, foreign in rows:
        got = [
            f"{seen.method} {seen.path[:40]}: {', '.join(secrets_in(seen)) or 'nothing secret'}"
            for seen in foreign
        ]
        print(f"  {name:32} {outcome:18} {'; '.join(got) or '-'}")


def play(
    world: World, case: Callable[[str], Callable[[Seen], Reply]], act: Callable[[Repository], object]
) -> Any:
    """Let the registry name each target in turn, act, and note what happened.

    Returns:
        For each target: its name, `followed` or the error's code, and what other origins received.
    """
    rows = []
    for name, form in TARGETS.items():
        world.forget()
        world.answer = case(world.url(form))
        repository = world.repository()
        try:
            act(repository)
            outcome = "followed"
            said = ""
        except OcictlError as error:
            outcome = error.code
            said = f"{error.message}{error.hint}{error.details}"
        finally:
            repository.close()
        assert URL_SECRET not in said
        rows.append((name, outcome, world.foreign()))
        # The registry itself got what is its own; else the test would prove nothing.
        assert "client certificate" in secrets_in(world.home.seen[0])
        assert "custom header" in secrets_in(world.home.seen[0])
        back = [seen for seen in world.home.seen if seen.path == "/back"]
        assert [secrets_in(seen) for seen in back] == [[] for _ in back]
    return rows


def authorized(request: Seen, reply: Reply) -> Reply:
    """Ask for the password first."""
    if request.path == "/back":
        return Reply(body=DATA)
    if request.headers["Authorization"] == BASIC:
        return reply
    return Reply(401, (("WWW-Authenticate", 'Basic realm="x"'),))


def check(rows: list[tuple[str, str, list[Seen]]], allowed: set[str]) -> None:
    """Only these were followed, and nothing secret left the registry's origin."""
    assert {name for name, outcome, _ in rows if outcome == "followed"} == allowed
    for name, outcome, foreign in rows:
        assert [secrets_in(seen) for seen in foreign] == [[] for _ in foreign], name
        assert bool(foreign) is (name in allowed), name
        assert outcome in ("followed", "url-refused"), name


BLOB = Descriptor.from_json({"mediaType": "application/octet-stream", "digest": DIGEST, "size": len(DATA)})
SUBJECT = Descriptor.from_json({"mediaType": MANIFEST, "digest": digest_of(b"subject"), "size": 7})


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_of_a_download(world: World, status: int) -> None:
    """A blob may come from elsewhere; nothing secret goes there, nor home again from there (HTTP-02)."""

    def case(target: str) -> Callable[[Seen], Reply]:
        return lambda request: authorized(
            request, Reply(status, (("Location", target), ("Set-Cookie", "a=b")))
        )

    def act(repository: Repository) -> None:
        with open_verified(repository, BLOB) as stream:
            assert stream.read() == DATA

    rows = play(world, case, act)
    table(f"redirect of a blob by {status}", rows)
    check(rows, ALLOWED)


@pytest.mark.parametrize("status", REDIRECTS)
def test_redirects_of_an_upload(world: World, status: int) -> None:
    """An upload follows 307 and 308 with its body; the others would make it another request (PY-02)."""

    def case(target: str) -> Callable[[Seen], Reply]:
        def answer(request: Seen) -> Reply:
            if request.method == "POST":
                return authorized(request, Reply(202, (("Location", "/v2/a/b/blobs/uploads/1"),)))
            if request.method == "PUT" and request.path != "/back":
                return authorized(request, Reply(status, (("Location", target),)))
            return authorized(request, Reply(404 if request.method == "HEAD" else 201))

        return answer

    rows = play(world, case, lambda repository: repository.push(BLOB, BytesContent(DATA)))
    table(f"redirect of an upload by {status}", rows)
    if status in (307, 308):
        # The registry's own answer to the PUT that came back is no success, so that chain ends as an error.
        check(
            [row for row in rows if row[0] != "other host, then home again"],
            ALLOWED - {"other host, then home again"},
        )
        assert {seen.body for row in rows for seen in row[2]} == {DATA}
    else:
        assert [foreign for _, _, foreign in rows] == [[] for _ in rows]
        assert {outcome for _, outcome, _ in rows} == {"registry-protocol", "url-refused"}


def test_upload_locations(world: World) -> None:
    """An upload may go to another host, with nothing but the bytes (PUSH-20)."""

    def case(target: str) -> Callable[[Seen], Reply]:
        def answer(request: Seen) -> Reply:
            if request.method == "POST":
                return authorized(request, Reply(202, (("Location", target),)))
            return authorized(request, Reply(404 if request.method == "HEAD" else 201))

        return answer

    rows = play(world, case, lambda repository: repository.push(BLOB, BytesContent(DATA)))
    table("Location of an upload", rows)
    skipped = "other host, then home again"
    check([row for row in rows if row[0] != skipped], ALLOWED - {skipped})


@pytest.mark.parametrize("what", ["tags", "referrers"])
def test_links(world: World, what: str) -> None:
    """A list never goes on at another origin (TAG-07)."""

    def case(target: str) -> Callable[[Seen], Reply]:
        body = {"tags": ["v1"], "schemaVersion": 2, "mediaType": INDEX, "manifests": []}
        headers = (("Link", f'<{target}>; rel="next"'), ("Content-Type", INDEX))
        return lambda request: authorized(request, Reply(200, headers, json.dumps(body).encode()))

    def act(repository: Repository) -> object:
        return list(repository.tags() if what == "tags" else repository.referrers(SUBJECT))

    rows = play(world, case, act)
    table(f"Link to more {what}", rows)
    check(rows, set())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_of_the_referrers_endpoint(world: World, status: int) -> None:
    """A referrers endpoint that leads elsewhere is none; only its own origin is asked further (finding 6)."""

    def case(target: str) -> Callable[[Seen], Reply]:
        def answer(request: Seen) -> Reply:
            if "/referrers/" in request.path:
                return authorized(request, Reply(status, (("Location", target),)))
            return authorized(request, Reply(404))

        return answer

    rows = play(world, case, lambda repository: list(repository.referrers(SUBJECT)))
    table(f"redirect of the referrers endpoint by {status}", rows)
    assert [foreign for _, _, foreign in rows] == [[] for _ in rows]


def _bearer(realm: str) -> Callable[[Seen], Reply]:
    challenge = (("WWW-Authenticate", f'Bearer realm="{realm}",service="s"'),)

    def answer(request: Seen) -> Reply:
        if request.headers["Authorization"] == f"Bearer {TOKEN}":
            return Reply(body=b'{"tags": []}')
        return Reply(401, challenge)

    return answer


def test_realms(world: World) -> None:
    """A token service may be another host, as Docker Hub's is. It gets the password that is asked for, and no more.

    A realm without TLS, by address, or with user info gets nothing (AUTH-22).
    """
    rows = play(world, _bearer, lambda repository: list(repository.tags()))
    table("realm", rows)
    services = {"same host, other port", "other host", "without scheme"}
    assert {name for name, outcome, _ in rows if outcome == "followed"} == services
    for name, _, foreign in rows:
        if name in services | {"other host, then home again"}:
            assert [secrets_in(seen) for seen in foreign] == [["basic"]], name
        else:
            assert foreign == [], name


def test_identity_tokens_and_realms(world: World) -> None:
    """An identity token goes in the body of a POST, to a token service only."""
    for name, form in TARGETS.items():
        world.forget()
        world.answer = _bearer(world.url(form))
        repository = world.repository()
        repository._client._auth._source = Explicit(None, URL_SECRET)
        with contextlib.suppress(OcictlError):
            list(repository.tags())
        repository.close()
        found = [secrets_in(seen) for seen in world.foreign()]
        assert found == ([["user info"]] if name in ALLOWED else []), name


@pytest.mark.parametrize("status", REDIRECTS)
def test_token_services_that_redirect(world: World, status: int) -> None:
    """A token service can't hand the password on to another origin."""

    def case(target: str) -> Callable[[Seen], Reply]:
        def answer(request: Seen) -> Reply:
            if request.path.startswith("/token"):
                return Reply(status, (("Location", target),))
            return _bearer("/token")(request)

        return answer

    rows = play(world, case, lambda repository: list(repository.tags()))
    table(f"redirect of the token service by {status}", rows)
    assert [foreign for _, _, foreign in rows] == [[] for _ in rows]
    assert "followed" not in {outcome for _, outcome, _ in rows}


def test_urls_of_descriptors(world: World, tmp_path: Path) -> None:
    """`urls` in a manifest are not asked for bytes (DESC-12); the registry is, even if it lacks them."""

    def case(target: str) -> Callable[[Seen], Reply]:
        layer = {
            "mediaType": "application/octet-stream",
            "digest": DIGEST,
            "size": len(DATA),
            "urls": [target],
            "annotations": {"org.opencontainers.image.title": "data"},
        }
        empty = {"mediaType": EMPTY, "digest": digest_of(b"{}"), "size": 2}
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [layer]}
        raw = json.dumps(document).encode()

        def answer(request: Seen) -> Reply:
            if "/manifests/" in request.path:
                return authorized(request, Reply(200, (("Content-Type", MANIFEST),), raw))
            return authorized(request, Reply(404))

        return answer

    rows = play(world, case, lambda repository: pull(repository, "v1", tmp_path / "out"))
    table("urls of a layer", rows)
    assert [foreign for _, _, foreign in rows] == [[] for _ in rows]
    # What is no URL at all makes the manifest malformed (DESC-05).
    assert {outcome for _, outcome, _ in rows} == {"not-found", "document-malformed"}
    assert not (tmp_path / "out/data").exists()


LOCAL = {
    "other port": "http://127.0.0.1:{plain}/x",
    "other address": "http://127.0.0.2:{plain}/x",
    "other name": "http://localhost:{plain}/x",
    "other scheme": "https://127.0.0.1:{tls}/x",
    "other host": "http://evil.test:{plain}/x",
    "private address": "http://10.0.0.1:{plain}/x",
    "link-local metadata": "http://169.254.169.254/latest/meta-data",
}


@pytest.mark.parametrize("place", ["redirect", "location"])
def test_a_registry_on_this_machine(world: World, place: str) -> None:
    """A registry on a loopback address may name others here, and they get no secret either."""

    def answer(request: Seen) -> Reply:
        if request.headers["Authorization"] != BASIC:
            return Reply(401, (("WWW-Authenticate", 'Basic realm="x"'),))
        if place == "redirect" or request.method == "POST":
            return Reply(307 if place == "redirect" else 202, (("Location", target),))
        return Reply(404 if request.method == "HEAD" else 201)

    rows = []
    with recorder(answer) as home:
        known = tuple(
            HostAddress(name, port, "127.0.0.1", port)
            for name in ("127.0.0.2", "evil.test")
            for port in (world.plain.port, world.tls.port)
        )
        config = TransportConfig(
            headers=(("X-Private", CUSTOM), ("Cookie", COOKIE)),
            credentials=Explicit("user", PASSWORD),
            resolve=known,
            insecure=True,
            limits=Limits(attempts=1, connect_timeout=5, idle_timeout=5),
        )
        for name, form in LOCAL.items():
            world.forget()
            target = world.url(form)
            repository = Repository(Reference.parse(f"{home.host}/a/b"), config)
            try:
                if place == "redirect":
                    with open_verified(repository, BLOB) as stream:
                        stream.read()
                else:
                    repository.push(BLOB, BytesContent(DATA))
                outcome = "followed"
            except OcictlError as error:
                outcome = error.code
            finally:
                repository.close()
            rows.append((name, outcome, world.foreign()))
    table(f"{place} of a registry on this machine", rows)
    check(rows, set(LOCAL) - {"private address", "link-local metadata"})
