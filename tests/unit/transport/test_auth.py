"""The flow of challenges, tokens and passwords (section AUTH)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import responses
from requests import PreparedRequest

from ocictl.errors import (
    CredentialError,
    DeniedError,
    OcictlError,
    RegistryError,
    TransportError,
    UnauthorizedError,
)
from ocictl.sources import BytesContent
from ocictl.transport import auth
from ocictl.transport.config import TransportConfig
from ocictl.transport.credentials import Anonymous, Credential, CredentialSource, Explicit
from ocictl.transport.session import RegistryClient
from ocictl.transport.url_policy import origin_of
from ocictl.transport.wire import Exchange
from tests.unit.transport.clients import client

pytestmark = pytest.mark.usefixtures("through_requests")

HOME = "https://registry.example.com"
URL = f"{HOME}/v2/a/b/manifests/v1"
REALM = "https://auth.example.net/token"
PULL = ("repository:a/b:pull",)
PUSH = ("repository:a/b:pull,push",)


def basic(user: str, password: str) -> str:
    """An Authorization for Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Given:
    """A source that knows one credential, and counts."""

    def __init__(self, **members: Any) -> None:
        self.credential = Credential(**members)
        self.asked: list[tuple[str, str]] = []

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        self.asked.append((registry, repository))
        return self.credential


class Service:
    """A registry that wants tokens, and its token service.

    Attributes:
        needs: scopes that a token must have been asked for; more than what the client knows, if wanted.
        issued: the scopes of each token, in order.
        lifetime: `expires_in` of the tokens.
        good: decides about a token; None accepts what was issued and not revoked.
    """

    def __init__(self, *, needs: str = PULL[0], lifetime: int = 300) -> None:
        self.needs = needs
        self.lifetime = lifetime
        self.issued: list[set[str]] = []
        self.revoked: set[str] = set()
        self.token_requests: list[PreparedRequest] = []
        self.error = ""
        self.extra_error: dict[str, str] = {}
        responses.add_callback("GET", REALM, callback=self.token)
        for method in ("GET", "PUT", "HEAD"):
            responses.add_callback(method, URL, callback=self.registry)

    def token(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        self.token_requests.append(request)
        query = parse_qs(urlsplit(str(request.url)).query)
        self.issued.append(set(query.get("scope", [])))
        return 200, {}, f'{{"token": "T{len(self.issued)}", "expires_in": {self.lifetime}}}'

    def registry(self, request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        sent = request.headers.get("Authorization", "")
        token = str(sent).removeprefix("Bearer ")
        if (
            token.startswith("T")
            and token not in self.revoked
            and self.needs in self.issued[int(token[1:]) - 1]
        ):
            return 200, {}, "yes"
        error = f',error="{self.error}"' if self.error else ""
        challenge = f'Bearer realm="{REALM}",service="reg",scope="{self.needs}"{error}'
        return 401, {"WWW-Authenticate": challenge}, '{"errors":[{"code":"UNAUTHORIZED"}]}'


def sent() -> list[tuple[str, str]]:
    """Host and Authorization of each request so far."""
    return [
        (str(urlsplit(str(call.request.url)).hostname), str(call.request.headers.get("Authorization", "")))
        for call in responses.calls
    ]


def get(registry: RegistryClient, scopes: tuple[str, ...] = PULL) -> bytes:
    """Read the document."""
    with registry.request("GET", URL, expected=(200,), scopes=scopes) as response:
        return response.body(100)


@responses.activate
def test_nothing_is_sent_unasked() -> None:
    """The registry is asked first, and no credentials are looked up if it is content (AUTH-01)."""
    responses.get(URL, body=b"open")
    source = Given(username="u", password="p")
    with client(credentials=source) as registry:
        assert get(registry) == b"open"
    assert sent() == [("registry.example.com", "")]
    assert source.asked == []


@responses.activate
def test_anonymous_token() -> None:
    """Without credentials a token is asked for without an Authorization, and used from then on."""
    service = Service()
    with client(credentials=Anonymous()) as registry:
        assert get(registry) == b"yes"
        assert get(registry) == b"yes"
    assert sent() == [
        ("registry.example.com", ""),
        ("auth.example.net", ""),
        ("registry.example.com", "Bearer T1"),
        ("registry.example.com", "Bearer T1"),
    ]
    assert parse_qsl(urlsplit(str(service.token_requests[0].url)).query) == [
        ("service", "reg"),
        ("scope", PULL[0]),
    ]


@responses.activate
def test_token_with_password() -> None:
    """User name and password go to the token service by Basic, the token alone to the registry (AUTH-09)."""
    Service()
    source = Given(username="u", password="p:q")
    with client(credentials=source) as registry:
        get(registry)
    assert sent() == [
        ("registry.example.com", ""),
        ("auth.example.net", basic("u", "p:q")),
        ("registry.example.com", "Bearer T1"),
    ]
    assert source.asked == [("registry.example.com", "a/b")]


@responses.activate
def test_wanted_scopes_are_asked_for_up_front() -> None:
    """The scopes of the request are merged with the challenge's, so one token serves what comes next (AUTH-15)."""
    service = Service(needs=PUSH[0])
    with client(credentials=Anonymous()) as registry:
        get(registry, PUSH)
        get(registry, PULL)
    assert service.issued == [{PUSH[0]}]
    assert [name for name, _ in sent()].count("registry.example.com") == 3


@responses.activate
def test_a_smaller_token_is_not_used_for_more() -> None:
    """A token for pulling is not tried for pushing: the bigger one is asked for before the request (AUTH-15)."""
    service = Service(needs=PULL[0])
    with client(credentials=Anonymous()) as registry:
        get(registry, PULL)
        service.needs = PUSH[0]
        get(registry, PUSH)
    assert service.issued == [{PULL[0]}, {PUSH[0]}]
    assert sent()[3:] == [("auth.example.net", ""), ("registry.example.com", "Bearer T2")]


@responses.activate
def test_odd_scopes() -> None:
    """A scope of another form, such as ECR's, is asked for beside ours, and the token found again."""
    service = Service(needs="aws")
    with client(credentials=Anonymous()) as registry:
        get(registry)
        get(registry)
    assert service.issued == [{"aws", PULL[0]}]


@responses.activate
def test_insufficient_scope() -> None:
    """When more is needed than known, one more token is asked for, with all scopes together (AUTH-19, AUTH-20)."""
    service = Service(needs=PULL[0])
    with client(credentials=Anonymous()) as registry:
        get(registry, PULL)
        service.needs = "repository:c/d:pull"
        service.error = "insufficient_scope"
        get(registry, PULL)
    assert service.issued == [{PULL[0]}, {PULL[0], "repository:c/d:pull"}]


@responses.activate
def test_insufficient_scope_with_403() -> None:
    """RFC 6750 pairs the error with 403; that is understood too (GAP-09)."""
    needs = "repository:a/b:pull,push"
    challenge = f'Bearer realm="{REALM}",service="reg",scope="{needs}",error="insufficient_scope"'
    first = f'Bearer realm="{REALM}",service="reg",scope="{PULL[0]}"'
    responses.get(URL, status=401, headers={"WWW-Authenticate": first})
    responses.get(URL, status=403, headers={"WWW-Authenticate": challenge})
    responses.get(URL, body=b"yes")
    responses.get(REALM, json={"token": "small"})
    responses.get(REALM, json={"token": "big"})
    with client(credentials=Anonymous()) as registry:
        assert get(registry) == b"yes"
    assert [value for _, value in sent()] == ["", "", "Bearer small", "", "Bearer big"]


@responses.activate
def test_a_rejected_token_is_renewed_once() -> None:
    """A token that the registry no longer takes is dropped, and the request sent again (AUTH-17, AUTH-19)."""
    service = Service()
    with client(credentials=Anonymous()) as registry:
        get(registry)
        service.revoked.add("T1")
        service.error = "invalid_token"
        assert get(registry) == b"yes"
    assert [value for host, value in sent() if host == "registry.example.com"] == [
        "",
        "Bearer T1",
        "Bearer T1",
        "Bearer T2",
    ]


@responses.activate
def test_a_second_401_is_final() -> None:
    """A fresh token that is refused is not renewed again (AUTH-17)."""
    service = Service()
    service.revoked = {f"T{number}" for number in range(1, 20)}
    with client(credentials=Explicit("u", "p")) as registry:
        with pytest.raises(UnauthorizedError) as raised:
            get(registry)
        assert len(service.issued) == 1
        with pytest.raises(UnauthorizedError):
            get(registry)
    assert len(service.issued) == 2
    assert raised.value.hint is not None
    assert "may not allow 'pull' on repository 'a/b'" in raised.value.hint


@responses.activate
def test_a_service_that_repeats_its_token() -> None:
    """The same token again is no renewal."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    responses.get(REALM, json={"token": "same"})
    with client(credentials=Anonymous()) as registry, pytest.raises(UnauthorizedError) as raised:
        get(registry)
    assert len(responses.calls) == 3
    assert raised.value.code == "login-required"


@responses.activate
def test_tokens_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token near its end is replaced before it is used; one with a short life does not loop (AUTH-11)."""
    now = [1000.0]
    service = Service(lifetime=60)
    with client(credentials=Anonymous()) as registry:
        registry._auth._clock = lambda: now[0]
        get(registry)
        now[0] += 49
        get(registry)
        assert len(service.issued) == 1
        now[0] += 2
        get(registry)
        assert len(service.issued) == 2
        service.lifetime = 1
        now[0] += 60
        get(registry)
        assert len(service.issued) == 3
    assert [value for host, value in sent() if host == "registry.example.com"].count("") == 1


@responses.activate
def test_basic() -> None:
    """A registry that wants Basic gets user name and password, from the second request on unasked (AUTH-03)."""

    def answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        if request.headers.get("Authorization") == basic("ü", "p"):
            return 200, {}, "yes"
        return 401, {"WWW-Authenticate": "BASIC realm=Nexus"}, ""

    responses.add_callback("GET", URL, callback=answer)
    with client(credentials=Explicit("ü", "p")) as registry:
        assert get(registry) == b"yes"
        assert get(registry) == b"yes"
    assert [value for _, value in sent()] == ["", basic("ü", "p"), basic("ü", "p")]


@responses.activate
def test_basic_is_sent_once() -> None:
    """A refused password is not sent twice for one request: that may lock accounts."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with client(credentials=Explicit("u", "wrong")) as registry:
        with pytest.raises(UnauthorizedError) as raised:
            get(registry)
        assert [value for _, value in sent()] == ["", basic("u", "wrong")]
        with pytest.raises(UnauthorizedError):
            get(registry)
        assert len(responses.calls) == 3
    assert raised.value.code == "unauthorized"
    assert "wrong" not in raised.value.message


@responses.activate
def test_basic_without_a_user() -> None:
    """An identity token can't be used for Basic, and that is said (AUTH-03)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": "Basic"})
    with client(credentials=Explicit(None, "secret")) as registry, pytest.raises(CredentialError) as raised:
        get(registry)
    assert raised.value.code == "credential-invalid"
    assert len(responses.calls) == 1


@pytest.mark.parametrize("credentials", [Anonymous(), None])
@responses.activate
def test_basic_without_credentials(credentials: CredentialSource | None) -> None:
    """Without credentials the error says how to log in; by default none are known in an empty home."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})
    with client(credentials=credentials) as registry, pytest.raises(UnauthorizedError) as raised:
        get(registry)
    assert raised.value.code == "login-required"
    assert raised.value.hint == "log in first: ocictl login registry.example.com"


@responses.activate
def test_bearer_before_basic() -> None:
    """With both offered, Bearer is answered (AUTH-02)."""
    challenge = f'Basic realm="r", Bearer realm="{REALM}",service="s"'
    responses.get(URL, status=401, headers={"WWW-Authenticate": challenge})
    responses.get(URL, body=b"yes")
    responses.get(REALM, json={"access_token": "t"})
    with client(credentials=Explicit("u", "p")) as registry:
        get(registry)
    assert sent()[-1] == ("registry.example.com", "Bearer t")


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        ('Digest realm="r",nonce="n"', "'digest'"),
        ("Negotiate YWJj==", "'negotiate'"),
        ('Bearer service="s"', "names no realm"),
    ],
)
@responses.activate
def test_challenges_that_cant_be_answered(challenge: str, words: str) -> None:
    """Another scheme, or a Bearer without a realm, is an error that names it (AUTH-02, AUTH-04)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": challenge})
    with client(credentials=Explicit("u", "p")) as registry, pytest.raises(UnauthorizedError) as raised:
        get(registry)
    assert words in raised.value.message
    assert len(responses.calls) == 1


@responses.activate
def test_401_without_a_challenge() -> None:
    """A 401 that offers nothing is final."""
    responses.get(URL, status=401)
    with client(credentials=Explicit("u", "p")) as registry, pytest.raises(UnauthorizedError):
        get(registry)
    assert len(responses.calls) == 1


@responses.activate
def test_403_is_final() -> None:
    """403 is about permission: no token helps (AUTH-18)."""
    responses.get(URL, status=403, json={"errors": [{"code": "DENIED"}]})
    with client(credentials=Explicit("u", "p")) as registry, pytest.raises(DeniedError):
        get(registry)
    assert len(responses.calls) == 1


@responses.activate
def test_registry_token() -> None:
    """A registry token goes to the registry as it is, after it has asked, and to no token service (CRED-03)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    responses.get(URL, body=b"yes")
    with client(credentials=Given(registry_token="RT")) as registry:
        assert get(registry) == b"yes"
    assert sent() == [("registry.example.com", ""), ("registry.example.com", "Bearer RT")]


@responses.activate
def test_refused_registry_token() -> None:
    """A registry token that is refused is final, and the hint says so."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    with (
        client(credentials=Given(registry_token="RT")) as registry,
        pytest.raises(UnauthorizedError) as raised,
    ):
        get(registry)
    assert len(responses.calls) == 2
    assert raised.value.hint is not None
    assert "not accepted" in raised.value.hint


@responses.activate
def test_identity_token() -> None:
    """An identity token goes by POST, in the body, to the token service alone (AUTH-07, AUTH-13)."""
    responses.get(
        URL,
        status=401,
        headers={"WWW-Authenticate": f'Bearer realm="{REALM}?x=1",service="s",scope="{PULL[0]}"'},
    )
    responses.get(URL, body=b"yes")
    responses.post(f"{REALM}?x=1", json={"access_token": "t"})
    with client(credentials=Explicit(None, "REFRESH")) as registry:
        get(registry)
    post = responses.calls[1].request
    assert post.url == f"{REALM}?x=1"
    assert dict(parse_qsl(bytes(post.body or b"").decode())) == {
        "grant_type": "refresh_token",
        "service": "s",
        "client_id": "ocictl",
        "scope": PULL[0],
        "refresh_token": "REFRESH",
    }
    assert [value for _, value in sent()] == ["", "", "Bearer t"]


@pytest.mark.parametrize("status", [404, 405, 501])
@responses.activate
def test_services_without_post(status: int) -> None:
    """If the service has no POST and a password is known, GET is used (AUTH-08)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    responses.get(URL, body=b"yes")
    responses.post(REALM, status=status)
    responses.get(REALM, json={"token": "t"})
    with client(credentials=Given(username="u", password="p", identity_token="R")) as registry:
        get(registry)
    assert [value for _, value in sent()] == ["", "", basic("u", "p"), "Bearer t"]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, UnauthorizedError, "unauthorized"),
        (403, DeniedError, "denied"),
        (400, UnauthorizedError, "unauthorized"),
        (404, RegistryError, "registry-protocol"),
        (500, RegistryError, "unavailable"),
        (302, RegistryError, "registry-protocol"),
    ],
)
@responses.activate
def test_the_service_refuses(status: int, kind: type[OcictlError], code: str) -> None:
    """The service's own words are shown; with credentials given there is no silent anonymous try (AUTH-16, ERR-06)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}?secret=x"'})
    responses.get(
        REALM,
        status=status,
        json={"error": "invalid_grant", "error_description": "no such user"},
        headers={"Location": "https://elsewhere.example.net/token"},
    )
    responses.post(REALM, status=status, json={"error": "invalid_grant", "error_description": "no such user"})
    with client(credentials=Explicit("u", "p")) as registry, pytest.raises(kind) as raised:
        get(registry)
    assert raised.value.code == code
    assert raised.value.message.startswith("the token service answered")
    assert "secret" not in raised.value.message
    if status >= 400:
        assert "invalid_grant: no such user" in raised.value.message
    methods = [call.request.method for call in responses.calls]
    assert methods == ["GET", "GET", "POST"] if status == 404 else ["GET", "GET"]


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b"x" * 200_000])
@responses.activate
def test_the_service_talks_nonsense(raw: bytes) -> None:
    """CVE-2020-1702: an answer without a token, or without an end, is an error."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    responses.get(REALM, body=raw)
    with client(credentials=Anonymous()) as registry, pytest.raises(OcictlError) as raised:
        get(registry)
    assert raised.value.code in ("registry-protocol", "document-too-large")


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.example.net/token",
        "https://u:p@auth.example.net/token",
        "https://169.254.169.254/token",
        "https://127.0.0.1/token",
        "file:///etc/passwd",
        "ftp://auth.example.net/",
    ],
)
@responses.activate
def test_realms_that_are_refused(realm: str) -> None:
    """No realm without TLS, with user info, in the local network, or of another scheme (AUTH-22)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'})
    with client(credentials=Explicit("u", "p")) as registry, pytest.raises(TransportError) as raised:
        get(registry)
    assert raised.value.code == "url-refused"
    assert len(responses.calls) == 1


@responses.activate
def test_relative_realm() -> None:
    """A relative realm belongs to the registry (AUTH-04)."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": 'Bearer realm="/token",service="s"'})
    responses.get(URL, body=b"yes")
    responses.get(f"{HOME}/token", json={"token": "t"})
    with client(credentials=Explicit("u", "p")) as registry:
        get(registry)
    assert [value for _, value in sent()] == ["", basic("u", "p"), "Bearer t"]


@responses.activate
def test_a_plain_registry_may_have_a_plain_realm() -> None:
    """A registry that is reached without TLS on purpose may have its token service without TLS."""
    responses.get(
        "http://registry.example.com/v2/",
        status=401,
        headers={"WWW-Authenticate": 'Bearer realm="http://auth.example.net/t"'},
    )
    responses.get("http://registry.example.com/v2/", body=b"yes")
    responses.get("http://auth.example.net/t", json={"token": "t"})
    with client(credentials=Anonymous(), plain_http=True) as registry:
        registry.request("GET", "/v2/", expected=(200,)).close()
    assert sent()[-1] == ("registry.example.com", "Bearer t")


@responses.activate
def test_bodies_are_sent_again() -> None:
    """The body is read anew after the challenge (PUSH-22)."""
    Service()
    with client(credentials=Anonymous()) as registry:
        registry.request("PUT", URL, expected=(200,), scopes=PULL, content=BytesContent(b"document")).close()
    bodies = [call.request.body for call in responses.calls if call.request.method == "PUT"]
    assert bodies == [b"document", b"document"]


@responses.activate
def test_a_custom_authorization() -> None:
    """A header given by the user replaces all of this; a 401 is final then."""
    responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'})
    source = Given(username="u", password="p")
    with client(credentials=source, headers=(("authorization", "Bearer mine"),)) as registry:
        with pytest.raises(UnauthorizedError) as raised:
            get(registry)
    assert sent() == [("registry.example.com", "Bearer mine")]
    assert source.asked == []
    assert raised.value.hint is not None
    assert "the Authorization header" in raised.value.hint


@responses.activate
def test_a_broken_credential_file_is_reported() -> None:
    """If credentials can't be read, that is the error, not a missing login."""

    class Broken:
        def lookup(self, registry: str, repository: str, /) -> Credential | None:
            raise CredentialError("broken", code="credential-file-invalid")

    responses.get(URL, status=401, headers={"WWW-Authenticate": "Basic"})
    with client(credentials=Broken()) as registry, pytest.raises(CredentialError, match="broken"):
        get(registry)


def test_one_token_for_many_threads(run_threads: Callable[[Callable[[], object], int], list[object]]) -> None:
    """Threads that need the same token at once ask for it once."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        issued: list[str] = []

        def token(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
            issued.append(str(request.url))
            return 200, {}, '{"token": "T"}'

        def registry_answer(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
            if request.headers.get("Authorization") == "Bearer T":
                return 200, {}, "yes"
            return 401, {"WWW-Authenticate": f'Bearer realm="{REALM}",scope="{PULL[0]}"'}, ""

        mock.add_callback("GET", REALM, callback=token)
        mock.add_callback("GET", URL, callback=registry_answer)
        with client(credentials=Anonymous()) as registry:
            assert run_threads(lambda: get(registry), 8) == [b"yes"] * 8
        assert len(issued) == 1


def test_tokens_are_not_shown() -> None:
    """A held token in a traceback is not readable (AUTH-25)."""
    assert "SECRET" not in repr(auth._Held("Bearer SECRET", (), 0.0))
    assert "SECRET" not in repr(auth.Attempt((), "Bearer SECRET"))
    private = {"Authorization": "Bearer SECRET"}
    assert "SECRET" not in repr(Exchange(method="GET", url=URL, home=origin_of(URL), private=private))
    assert "SECRET" not in repr(TransportConfig(headers=(("X-Private", "SECRET"),)))
