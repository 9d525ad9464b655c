"""AUTH-25, GHSA-5jhf-2qmf-m8c5: no command shows a secret, not even with --debug, not even when it fails.

Secrets are planted wherever one may be: on the command line, in stored logins, in tokens, custom headers, cookies,
signed URLs, and in answers of a registry that says back what it was told, in JSON, in JSON within JSON, and in HTML.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import Outcome, ocictl
from tests.support.registry import HttpServer, Quirks, Registry, Reply, Request

PASSWORD = "planted-password:1"
IDENTITY = "planted-identity"
HEADER = "planted-header"
COOKIE = "sid=planted-cookie"
SIGNATURE = "planted-signature"
ANSWERED = "planted-answer"
USER_INFO = "planted-userinfo"
PLANTED = ("planted", base64.b64encode(f"me:{PASSWORD}".encode()).decode())
HEADERS = ("-H", f"X-Private: {HEADER}", "-H", f"Cookie: {COOKIE}")


class Storage(HttpServer):
    """Where blobs are redirected to; the query of its URLs opens everything."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(self)
        self._registry = registry

    def early(self, request: Request) -> Reply | None:
        """Read every body."""
        return None

    def respond(self, request: Request) -> Reply:
        """Send the blob, if the signature is right."""
        digest = re.search(r"sha256:[0-9a-f]{64}", request.path)
        blobs = self._registry.repository("a/b").blobs
        if SIGNATURE not in request.raw_query or digest is None:
            return Reply(status=403, body=b"<html>sign first</html>")
        return Reply(body=blobs[digest[0]], headers=[("Set-Cookie", f"a={ANSWERED}")])


def _echo(request: Request, reply: Reply, registry: Registry) -> Reply:
    """Say back what was sent, and more that nobody should see, in every answer."""
    said = {
        "headers": dict(request.headers.items()),
        "token": ANSWERED,
        "text": f"you sent {request.authorization} and {request.header('X-Private')}",
        "link": f"https://me:{USER_INFO}@cdn.example/x?X-Amz-Signature={SIGNATURE}",
    }
    said["detail"] = json.dumps({"again": json.dumps(said), "password": ANSWERED})
    reply.headers += [
        ("Set-Cookie", f"session={ANSWERED}"),
        ("X-Auth-Token", ANSWERED),
        ("X-Echo", f"{request.authorization} {request.header('X-Private')} {request.header('Cookie')}"),
        ("Content-Location", f"/somewhere?sig={SIGNATURE}"),
        ("X-See", f"https://me:{USER_INFO}@cdn.example/x?sig={SIGNATURE}"),
        ("Warning", f'299 - "you sent {request.authorization}"'),
    ]
    if reply.status >= 400 and request.path != "/token":
        words = (
            f"not for {request.authorization} with {request.header('X-Private')}, {request.header('Cookie')}"
        )
        errors = [{"code": "DENIED" if reply.status == 403 else "UNKNOWN", "message": words, "detail": said}]
        reply.body = json.dumps({"errors": errors, **said}).encode()
        reply.set("Content-Type", "application/json")
    return reply


@pytest.fixture(autouse=True)
def cookies_of_the_user(registry: Registry) -> Iterator[None]:
    """The simulator takes every cookie for one that the program kept; these are the user's own."""
    yield
    registry.violations[:] = [text for text in registry.violations if "a cookie is sent" not in text]


@pytest.fixture
def hostile(registry: Registry) -> Iterator[Registry]:
    """A registry with tokens, signed URLs, and a loose tongue."""
    with Storage(registry) as storage:
        registry.configure(
            auth="bearer",
            username="me",
            password=PASSWORD,
            identity_token=IDENTITY,
            realm=f"{registry.url}/token?session={SIGNATURE}",
            redirect_blobs=f"{storage.url}/signed/",
            upload_query="state",
            referrers_api=False,
            after=lambda request, reply, running: _signed(_echo(request, reply, running)),
        )
        yield registry


def _signed(reply: Reply) -> Reply:
    """Add a signature to the URL of a redirect."""
    location = reply.header("Location")
    if reply.status == 307 and location is not None:
        reply.set("Location", f"{location}?X-Amz-Signature={SIGNATURE}&X-Amz-Credential={ANSWERED}")
    return reply


def clean(outcome: Outcome) -> Outcome:
    """Check that nothing planted can be seen, and that there was something to see."""
    for planted in PLANTED:
        assert planted not in outcome.stdout
        assert planted not in outcome.stderr
    return outcome


def _login(way: str, home: Path, host: str) -> tuple[tuple[str, ...], bytes]:
    """Options and standard input for a way of logging in."""
    if way == "stored":
        pair = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        (home / ".docker").mkdir(exist_ok=True)
        (home / ".docker/config.json").write_text(json.dumps({"auths": {host: {"auth": pair}}}))
        return (), b""
    return {
        "option": (("-u", "me", "-p", PASSWORD), b""),
        "stdin": (("-u", "me", "--password-stdin"), PASSWORD.encode()),
        "identity": (("--identity-token", IDENTITY), b""),
        "wrong": (("-u", "me", "--password-stdin"), b"planted-wrong-password"),
    }[way]


COMMANDS: dict[str, Callable[[str], list[Any]]] = {
    "push": lambda name: ["push", f"{name}:v1", "hello.txt", "d"],
    "attach": lambda name: ["attach", f"{name}:v1", "hello.txt", "--artifact-type", "application/vnd.x.y"],
    "discover": lambda name: ["discover", f"{name}:v1"],
    "resolve": lambda name: ["resolve", f"{name}:v1"],
    "tag": lambda name: ["tag", f"{name}:v1", "v2"],
    "pull": lambda name: ["pull", f"{name}:v1", "-o", "out"],
    "manifest fetch": lambda name: ["manifest", "fetch", f"{name}:v1"],
    "blob fetch": lambda name: ["blob", "fetch", f"{name}@sha256:{'0' * 64}", "-o", "blob"],
    "resolve nothing": lambda name: ["resolve", f"{name}:nothing"],
    "pull nothing": lambda name: ["pull", f"{name}:nothing"],
}


@pytest.mark.parametrize("way", ["option", "stdin", "identity", "stored", "wrong"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_every_command(hostile: Registry, work: Path, clean_environment: Path, way: str, form: str) -> None:
    """With every way of logging in, in text and JSON, whether it works or not."""
    name = f"{hostile.host}/a/b"
    options, stdin = _login(way, clean_environment, hostile.host)
    for command, build in COMMANDS.items():
        arguments = [*build(name), "--debug", "--retries", "0", *HEADERS, *options]
        if form == "json":
            arguments += ["--format", "json"]
        outcome = clean(ocictl(*arguments, stdin=stdin, code=None))
        fails = way == "wrong" or "nothing" in command or command == "blob fetch"
        assert (outcome.code != 0) is fails, f"{command}: {outcome.stderr[-2000:]}"
        lines = [line for line in outcome.stderr.splitlines() if " debug: " in line]
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z debug: > [A-Z]+ http://127", lines[0])
        assert any("***" in line for line in lines)


@pytest.mark.parametrize("form", ["text", "json"])
def test_login(hostile: Registry, work: Path, clean_environment: Path, form: str) -> None:
    """Logging in, right and wrong, checking, and logging out."""
    extra = ["--debug", "--retries", "0", *HEADERS, "--format", form]
    for way, code in (("wrong", 4), ("stdin", 0), ("identity", 0)):
        options, stdin = _login(way, clean_environment, hostile.host)
        clean(ocictl("login", hostile.host, *extra, *options, stdin=stdin, code=code))
    options, stdin = _login("stdin", clean_environment, hostile.host)
    clean(ocictl("login", "--check", f"{hostile.host}/a/b", *extra, *options, stdin=stdin))
    clean(ocictl("logout", hostile.host, "--debug", "--format", form))


def test_nothing_is_hidden_that_helps(hostile: Registry, work: Path, clean_environment: Path) -> None:
    """Methods, URLs without their queries, statuses, challenges and harmless headers are there."""
    options, stdin = _login("stdin", clean_environment, hostile.host)
    outcome = ocictl("resolve", f"{hostile.host}/a/b:none", "--debug", *options, stdin=stdin, code=3)
    assert f"> HEAD {hostile.url}/v2/a/b/manifests/none " in outcome.stderr
    assert f"< 401 HEAD {hostile.url}/v2/a/b/manifests/none " in outcome.stderr
    assert 'scope="repository:a/b:pull"' in outcome.stderr
    assert f"> GET {hostile.url}/token " in outcome.stderr
    assert "Accept: application/vnd.oci.image" in outcome.stderr


@pytest.mark.parametrize("quirks", [Quirks(auth="basic", username="me", password=PASSWORD)])
def test_basic(registry: Registry, work: Path, clean_environment: Path) -> None:
    """The password that goes to the registry itself in every request."""
    registry.configure(after=_echo)
    options, stdin = _login("stdin", clean_environment, registry.host)
    for tag in ("v1", "none"):
        arguments = (
            ("push", f"{registry.host}/a/b:v1", "hello.txt")
            if tag == "v1"
            else ("resolve", f"{registry.host}/a/b:none")
        )
        clean(ocictl(*arguments, "--debug", *HEADERS, *options, stdin=stdin, code=0 if tag == "v1" else 3))


def test_bodies_are_bounded(hostile: Registry, work: Path) -> None:
    """A long answer is cut."""

    def long(request: Request, reply: Reply, _: Registry) -> Reply:
        if reply.status == 404:
            reply.body = json.dumps({"errors": [{"code": "X", "message": "m" * 1_000_000}]}).encode()
            reply.set("Content-Type", "application/json")
        return reply

    hostile.configure(after=long)
    outcome = ocictl("resolve", f"{hostile.host}/a/b:none", "--debug", "-u", "me", "-p", PASSWORD, code=3)
    assert len(outcome.stderr) < 60_000


def test_tracebacks(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug's traceback shows where it is, not what the user gave or a server sent."""
    from ocictl.stores import repository

    def broken(*_args: object, **_options: object) -> None:
        raise ValueError(
            f'{{"token": "{ANSWERED}"}} {PASSWORD} {HEADER} https://h/?sig={SIGNATURE} Bearer {IDENTITY}-9'
        )

    monkeypatch.setattr(repository, "Repository", broken)
    outcome = clean(ocictl("resolve", "r.test/a:v1", "--debug", *HEADERS, "-u", "me", "-p", PASSWORD, code=1))
    assert "debug: ValueError: " in outcome.stderr
    assert "in broken" in outcome.stderr


def test_proxies(work: Path) -> None:
    """The password of a proxy is not shown, whether it works or not."""
    for proxy in ("http://pu:planted-proxy@127.0.0.1:1", "http://pu:planted-proxy@[::1"):
        env = {"HTTPS_PROXY": proxy}
        outcome = ocictl("resolve", "registry.test/a:v1", "--debug", "--retries", "0", env=env, code=5)
        assert "proxy" in clean(outcome).stderr
