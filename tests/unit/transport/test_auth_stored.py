"""Stored logins that don't work: reading goes on without them, writing does not (CRED, AUTH-16, FIELD row 10)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from requests import PreparedRequest

from ocictl.errors import CredentialError, DeniedError, OcictlError, UnauthorizedError
from ocictl.events import CredentialWarning, Event
from ocictl.transport.credentials import Credential, Explicit
from ocictl.transport.session import RegistryClient
from tests.unit.transport.clients import client

pytestmark = pytest.mark.usefixtures("through_requests")

URL = "https://registry.example.com/v2/a/b/manifests/v1"
REALM = "https://auth.example.net/token"
PULL = ("repository:a/b:pull",)
PUSH = ("repository:a/b:pull,push",)
FILE = "/home/me/.docker/config.json"


def basic(user: str, password: str) -> str:
    """An Authorization for Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Stored:
    """A source that knows one stored login, or fails."""

    def __init__(self, error: CredentialError | None = None, **members: Any) -> None:
        self.error = error
        self.members = {"source": FILE, "key": "registry.example.com", **members}
        self.asked = 0

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Credential(**self.members)


def helper_failure() -> CredentialError:
    """What a source raises whose helper is gone."""
    return CredentialError(
        "the credential helper 'docker-credential-x' is gone",
        code="credential-helper-failed",
        hint="install it",
    )


class Bearer:
    """A registry whose content anybody may read with a token; its service refuses one login.

    Attributes:
        refusal: status for a request with credentials.
        anonymous: status for a request without.
        tokens: who got each token: `anybody` or `somebody`.
    """

    def __init__(self, refusal: int = 401, anonymous: int = 200) -> None:
        self.refusal = refusal
        self.anonymous = anonymous
        self.accepts: set[str] = set()
        self.tokens: list[str] = []
        responses.add_callback("GET", REALM, callback=self.token)
        responses.add_callback("POST", REALM, callback=self.token)
        for method in ("GET", "PUT"):
            responses.add_callback(method, URL, callback=self.registry)

    def token(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        known = "Authorization" in request.headers or request.method == "POST"
        status = self.refusal if known else self.anonymous
        if status != 200:
            return status, {}, '{"error": "invalid_grant"}'
        self.tokens.append("somebody" if known else "anybody")
        scopes = parse_qs(urlsplit(str(request.url)).query).get("scope", [])
        value = f"T{len(self.tokens)}"
        if not known and any("push" in scope for scope in scopes):
            return 200, {}, f'{{"token": "{value}"}}'
        self.accepts.add(f"Bearer {value}")
        return 200, {}, f'{{"token": "{value}"}}'

    def registry(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        if request.headers.get("Authorization") in self.accepts and request.method == "GET":
            return 200, {}, "public"
        return 401, {"WWW-Authenticate": f'Bearer realm="{REALM}",service="r",scope="{PULL[0]}"'}, ""


def read(registry: RegistryClient) -> bytes:
    """Read the public document."""
    with registry.request("GET", URL, expected=(200,), scopes=PULL) as response:
        return response.body(100)


def write(registry: RegistryClient) -> None:
    """Ask for something that only who may push gets."""
    registry.request("PUT", URL, expected=(201,), scopes=PUSH, repeatable=True).close()


def warnings(events: list[Event]) -> list[str]:
    """The texts of the warnings; there is nothing else."""
    assert all(isinstance(event, CredentialWarning) for event in events)
    return [event.text for event in events if isinstance(event, CredentialWarning)]


def authorizations() -> list[str]:
    """What was sent to whom, in order."""
    return [str(call.request.headers.get("Authorization", "")) for call in responses.calls]


LOGINS = [{"username": "u", "password": "old-SECRET"}, {"identity_token": "old-SECRET"}]


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("login", LOGINS, ids=["password", "identity token"])
@responses.activate
def test_an_expired_login_does_not_hide_what_is_public(login: dict[str, str], status: int) -> None:
    """The token service refuses it: once without, told once, with the entry and the command to renew it."""
    service = Bearer(refusal=status)
    events: list[Event] = []
    with client(credentials=Stored(**login), events=events) as registry:
        assert read(registry) == b"public"
        assert read(registry) == b"public"
    assert service.tokens == ["anybody"]
    [text] = warnings(events)
    assert text.startswith(f"the login for 'registry.example.com' in '{FILE}' was not accepted; going on")
    assert text.endswith("; renew it with: ocictl login registry.example.com")


@responses.activate
def test_the_command_to_renew_names_the_file() -> None:
    """A login of another file than the usual one is renewed there; one of the variable can't be."""
    Bearer()
    events: list[Event] = []
    source = Stored(username="u", password="p", login_option="--registry-config '/a b'")
    with client(credentials=source, events=events) as registry:
        read(registry)
    assert warnings(events)[0].endswith("ocictl login --registry-config '/a b' registry.example.com")
    events.clear()
    with client(
        credentials=Stored(username="u", password="p", source="DOCKER_AUTH_CONFIG"), events=events
    ) as registry:
        read(registry)
    assert "change that variable" in warnings(events)[0]


@pytest.mark.parametrize("first_read", [False, True])
@responses.activate
def test_writing_never_goes_on_without(first_read: bool) -> None:
    """A push with an expired login fails as a login, also when something was read before without it (AUTH-16)."""
    service = Bearer()
    events: list[Event] = []
    with client(credentials=Stored(username="u", password="old-SECRET"), events=events) as registry:
        if first_read:
            read(registry)
        with pytest.raises(UnauthorizedError) as raised:
            write(registry)
    assert raised.value.message.startswith("the token service answered 401")
    assert raised.value.hint == (
        f"the credentials of {FILE} were not accepted; log in again: ocictl login registry.example.com"
    )
    assert service.tokens == (["anybody"] if first_read else [])
    assert len(warnings(events)) == int(first_read)


@responses.activate
def test_a_token_got_without_is_not_used_for_writing() -> None:
    """Even if the registry had asked for more scopes than reading needs."""
    service = Bearer()
    with client(credentials=Stored(username="u", password="p")) as registry:
        read(registry)
        service.refusal = 200
        with pytest.raises(UnauthorizedError):
            write(registry)
    assert service.tokens[0] == "anybody"
    assert service.tokens[1] == "somebody"
    assert not any(value == "Bearer T1" for value in authorizations()[4:])


@pytest.mark.parametrize("credentials", [Explicit("u", "p"), Explicit(None, "t")])
@responses.activate
def test_given_credentials_are_never_dropped(credentials: Explicit) -> None:
    """Who gives credentials wants them used (AUTH-16)."""
    service = Bearer()
    with client(credentials=credentials) as registry, pytest.raises(UnauthorizedError):
        read(registry)
    assert service.tokens == []


@responses.activate
def test_when_nobody_else_gets_a_token_either() -> None:
    """The refusal of the login is what is reported: that is what can be mended."""
    Bearer(refusal=403, anonymous=401)
    events: list[Event] = []
    with client(credentials=Stored(username="u", password="p"), events=events) as registry:
        with pytest.raises(DeniedError, match="the token service answered 403"):
            read(registry)
    assert len(warnings(events)) == 1


@responses.activate
def test_when_it_is_not_public() -> None:
    """The registry refuses the anonymous token: the hint is about the login, not "log in first"."""
    responses.get(REALM, status=401)
    responses.get(REALM, json={"token": "anonymous"})
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    with client(credentials=Stored(username="u", password="p")) as registry:
        with pytest.raises(UnauthorizedError) as raised:
            read(registry)
    assert raised.value.code == "unauthorized"
    assert raised.value.hint is not None
    assert f"the credentials of {FILE} were not accepted" in raised.value.hint
    assert authorizations() == ["", basic("u", "p"), "", "Bearer anonymous"]


@responses.activate
def test_trouble_of_the_service_is_not_an_expired_login() -> None:
    """A service that is down says nothing about the login: it is not dropped."""
    service = Bearer(refusal=503)
    events: list[Event] = []
    with client(credentials=Stored(username="u", password="p"), events=events) as registry:
        with pytest.raises(OcictlError, match="503"):
            read(registry)
    assert service.tokens == []
    assert events == []


@responses.activate
def test_by_default_the_machine_s_logins_are_used(clean_environment: Path) -> None:
    """Without a source of its own a client looks where Docker does; what is passed over comes as an event."""
    file = clean_environment / ".docker" / "config.json"
    file.parent.mkdir()
    file.write_text(
        '{"auths": {"registry.example.com/a": {"auth": "@"}, "registry.example.com": {"auth": "dTpw"}}}'
    )
    file.chmod(0o600)
    responses.add_callback("GET", URL, callback=answer_basic(basic("u", "p"), public=False))
    events: list[Event] = []
    with client(events=events) as registry:
        assert read(registry) == b"public"
    assert warnings(events) == [
        f"the entry for 'registry.example.com/a' in '{file}' is broken and is skipped"
    ]


def answer_basic(known: str | None, *, public: bool) -> Callable[[PreparedRequest], Any]:
    """A registry with Basic that reads for anybody but refuses wrong passwords, as some do."""

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        sent = request.headers.get("Authorization")
        if (sent is not None and sent == known) or (sent is None and public):
            return 200, {}, "public"
        return 401, {"WWW-Authenticate": 'Basic realm="r"'}, ""

    return answer


@responses.activate
def test_basic_that_was_sent_unasked() -> None:
    """After the first challenge a password goes along everywhere; where it spoils reading, it is left out."""
    private = f"{URL}-private"
    responses.add_callback("GET", private, callback=answer_basic(basic("u", "p"), public=False))
    responses.add_callback("GET", URL, callback=answer_basic(None, public=True))
    events: list[Event] = []
    with client(credentials=Stored(username="u", password="p"), events=events) as registry:
        registry.request("GET", private, expected=(200,), scopes=PULL).close()
        assert read(registry) == b"public"
        assert read(registry) == b"public"
    assert authorizations() == ["", basic("u", "p"), basic("u", "p"), "", ""]
    assert len(warnings(events)) == 1


@responses.activate
def test_basic_that_was_asked_for() -> None:
    """The registry has refused to answer without already, so nothing is tried again."""
    responses.add_callback("GET", URL, callback=answer_basic(None, public=False))
    events: list[Event] = []
    with client(credentials=Stored(username="u", password="p"), events=events) as registry:
        with pytest.raises(UnauthorizedError) as raised:
            read(registry)
    assert authorizations() == ["", basic("u", "p")]
    assert events == []
    assert raised.value.hint is not None
    assert FILE in raised.value.hint


@responses.activate
def test_an_expired_registry_token() -> None:
    """It is dropped for reading, and an anonymous token asked for in its place (CRED-03)."""
    service = Bearer()
    events: list[Event] = []
    with client(credentials=Stored(registry_token="old-SECRET"), events=events) as registry:
        assert read(registry) == b"public"
        assert read(registry) == b"public"
        with pytest.raises(UnauthorizedError) as raised:
            write(registry)
    assert service.tokens == ["anybody"]
    assert authorizations()[:4] == ["", "Bearer old-SECRET", "", "Bearer T1"]
    assert len(warnings(events)) == 1
    assert raised.value.hint is not None
    assert "not accepted" in raised.value.hint


@responses.activate
def test_a_helper_that_fails_does_not_hide_what_is_public() -> None:
    """Reading goes on without credentials, told once; the helper is not asked again (FIELD A3)."""
    service = Bearer()
    source = Stored(helper_failure())
    events: list[Event] = []
    with client(credentials=source, events=events) as registry:
        assert read(registry) == b"public"
        assert read(registry) == b"public"
        with pytest.raises(CredentialError) as raised:
            write(registry)
    assert raised.value.code == "credential-helper-failed"
    assert service.tokens == ["anybody"]
    assert source.asked == 1
    assert warnings(events) == [
        "the credential helper 'docker-credential-x' is gone; going on without credentials"
    ]


@pytest.mark.parametrize("challenge", [f'Bearer realm="{REALM}"', 'Basic realm="r"'])
@responses.activate
def test_a_helper_that_fails_for_what_is_not_public(challenge: str) -> None:
    """The hint says how to mend the helper; a login would need it as well."""
    responses.get(REALM, json={"token": "anonymous"})
    responses.get(URL, status=401, headers={"WWW-Authenticate": challenge})
    with client(credentials=Stored(helper_failure())) as registry:
        with pytest.raises(UnauthorizedError) as raised:
            read(registry)
    assert raised.value.hint == "install it"


@pytest.mark.parametrize("challenge", [f'Bearer realm="{REALM}"', 'Basic realm="r"'])
@responses.activate
def test_a_helper_that_fails_for_a_write(challenge: str) -> None:
    """Nothing is sent to a token service, and the failure is the error."""
    responses.put(URL, status=401, headers={"WWW-Authenticate": challenge})
    with client(credentials=Stored(helper_failure())) as registry:
        with pytest.raises(CredentialError, match="is gone"):
            write(registry)
    assert len(responses.calls) == 1


@responses.activate
def test_a_broken_file_is_always_an_error() -> None:
    """It has to be mended, whatever is asked for."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    error = CredentialError("the credential file is broken", code="credential-file-invalid")
    with client(credentials=Stored(error)) as registry, pytest.raises(CredentialError, match="broken"):
        read(registry)


@responses.activate
def test_threads_tell_once(run_threads: Callable[[Callable[[], object], int], list[object]]) -> None:
    """Several pulls at once meet the expired login together: one warning, one anonymous token."""
    service = Bearer()
    events: list[Event] = []
    with client(credentials=Stored(username="u", password="p"), events=events) as registry:
        assert run_threads(lambda: read(registry), 6) == [b"public"] * 6
    assert len(warnings(events)) == 1
    assert service.tokens.count("somebody") == 0
