"""Getting a token by GET or by POST, whichever the service takes (AUTH-07 to AUTH-09, AUTH-20)."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
import responses

from ocictl.errors import OcictlError
from ocictl.sources import BytesContent
from ocictl.transport import endpoints
from ocictl.transport.credentials import Credential, CredentialSource, Explicit
from tests.support.registry import Quirks, Registry
from tests.unit.transport.clients import client

pytestmark = pytest.mark.usefixtures("through_requests")

URL = "https://registry.example.com/v2/a/b/manifests/v1"
REALM = "https://auth.example.net/token"
PULL = ("repository:a/b:pull",)


class Given:
    """A source that knows one credential."""

    def __init__(self, **members: str) -> None:
        self.credential = Credential(**members)

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        return self.credential


def ask(credentials: CredentialSource, times: int = 1) -> None:
    """Read something, with a new token each time."""
    with client(credentials=credentials) as registry:
        for _ in range(times):
            registry.request("GET", URL, expected=(200,), scopes=PULL).close()


def challenge(*bodies: bytes) -> None:
    """A registry that wants a new token for every request."""
    for _ in bodies:
        responses.get(
            URL,
            status=401,
            headers={"WWW-Authenticate": f'Bearer realm="{REALM}?a=b",service="reg",scope="{PULL[0]}"'},
        )
        responses.get(URL, body=b"yes")


def methods() -> list[str]:
    """How the token service was asked, in order."""
    return [str(call.request.method) for call in responses.calls if str(call.request.url).startswith(REALM)]


@pytest.mark.parametrize("status", [404, 405, 501])
@responses.activate
def test_a_password_is_posted_where_get_is_not_known(status: int) -> None:
    """The form has what RFC 6749 and the registry's documents ask for; nothing else goes along (AUTH-07)."""
    challenge(b"1")
    responses.get(REALM, status=status)
    responses.post(REALM, json={"access_token": "t"})
    ask(Explicit("u", "p:q&ü"))
    assert methods() == ["GET", "POST"]
    post = responses.calls[2].request
    assert post.url == f"{REALM}?a=b"
    assert "Authorization" not in post.headers
    assert dict(parse_qsl(bytes(post.body or b"").decode())) == {
        "grant_type": "password",
        "service": "reg",
        "client_id": "ocictl",
        "scope": PULL[0],
        "username": "u",
        "password": "p:q&ü",
    }


@responses.activate
def test_what_the_service_takes_is_remembered() -> None:
    """The second token is posted at once."""
    for number in (1, 2):
        responses.get(URL, status=401, headers={"WWW-Authenticate": f'Bearer realm="{REALM}",service="s"'})
        responses.get(URL, body=b"yes")
        responses.post(REALM, json={"token": f"t{number}"})
    responses.get(REALM, status=405)
    ask(Explicit("u", "p"), times=2)
    assert methods() == ["GET", "POST", "POST"]


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@responses.activate
def test_other_refusals_are_final(status: int) -> None:
    """Only "not known" leads to the other method: a password is not tried twice."""
    challenge(b"1")
    responses.get(REALM, status=status)
    with pytest.raises(OcictlError):
        ask(Explicit("u", "wrong"))
    assert methods() == ["GET"]


@pytest.mark.parametrize("status", [404, 405, 501])
@responses.activate
def test_an_identity_token_is_not_sent_by_get(status: int) -> None:
    """A service without POST can't take one; the error says what to do (AUTH-08)."""
    challenge(b"1")
    responses.post(REALM, status=status)
    with pytest.raises(OcictlError) as raised:
        ask(Explicit(None, "REFRESH"))
    assert methods() == ["POST"]
    assert raised.value.hint == (
        "this token service takes no identity tokens; log in with a user name and password: "
        "ocictl login -u USER registry.example.com"
    )


@responses.activate
def test_nobody_posts_nothing() -> None:
    """Without credentials there is nothing to post."""
    challenge(b"1")
    responses.get(REALM, status=405)
    with pytest.raises(OcictlError):
        ask(Given())
    assert methods() == ["GET"]


@pytest.mark.parametrize(
    ("quirks", "credentials"),
    [
        (Quirks(auth="bearer", token_post=False), Explicit("user", "secret")),
        (Quirks(auth="bearer", token_get=False), Explicit("user", "secret")),
        (Quirks(auth="bearer", token_get=False), Explicit(None, "identity-token")),
        (
            Quirks(auth="bearer", token_post=False),
            Given(username="user", password="secret", identity_token="identity-token"),
        ),
    ],
    ids=["GET alone", "POST alone", "identity token", "both known, GET alone"],
    indirect=["quirks"],
)
def test_against_the_simulator(registry: Registry, credentials: CredentialSource) -> None:
    """Push and pull work with every kind of service."""
    registry.put_artifact("a/b", {"f": b"f"}, tag="v1")
    with client(registry.host, credentials=credentials) as session:
        session.request("GET", endpoints.tags("a/b"), expected=(200,), scopes=PULL).close()
        with session.request(
            "POST", endpoints.uploads("a/b"), expected=(202,), scopes=(endpoints.push_scope("a/b"),)
        ) as begun:
            assert begun.status == 202


@pytest.mark.parametrize("quirks", [Quirks(auth="bearer")], indirect=True)
@pytest.mark.parametrize("known_before", [False, True])
def test_two_repositories_for_a_mount(registry: Registry, known_before: bool) -> None:
    """One token for both: push to the target and pull from the source, asked for in one request (AUTH-20)."""
    digest = registry.put_blob("src/x", b"blob")
    scopes = (endpoints.push_scope("a/b"), endpoints.pull_scope("src/x"))
    with client(registry.host, credentials=Explicit("user", "secret")) as session:
        if known_before:
            session.request(
                "GET", endpoints.blob("src/x", digest), expected=(200,), scopes=scopes[1:]
            ).close()
        url = endpoints.mount("a/b", digest, "src/x")
        session.request("POST", url, expected=(201,), scopes=scopes, repeatable=True).close()
        session.request("HEAD", endpoints.blob("a/b", digest), expected=(200,), scopes=PULL).close()
    assert set(registry.token_requests[-1].scopes) == set(scopes)
    assert len(registry.token_requests) == 1 + known_before


@pytest.mark.parametrize("quirks", [Quirks(auth="bearer", token_uses=2)], indirect=True)
def test_tokens_that_end_in_the_middle(registry: Registry) -> None:
    """A token that is refused is renewed, and only the refused request is sent again; no body is kept twice."""
    push = (endpoints.push_scope("a/b"),)
    bodies = [bytes([number]) * 100_000 for number in range(4)]
    with client(registry.host, credentials=Explicit("user", "secret")) as session:
        for body in bodies:
            with session.request(
                "POST", endpoints.uploads("a/b"), expected=(202,), scopes=push, repeatable=True
            ) as begun:
                location = begun.headers.get("Location") or ""
            digest = registry.put_blob("other", body)
            session.request(
                "PUT",
                endpoints.finish_upload(location, digest),
                expected=(201,),
                scopes=push,
                headers={"Content-Type": "application/octet-stream"},
                content=BytesContent(body),
            ).close()
    assert set(bodies) <= set(registry.repository("a/b").blobs.values())
    assert len(registry.token_requests) == 4
    sessions = [urlsplit(request.target).path for request in registry.matching("PUT", "/blobs/uploads/")]
    assert len(sessions) == len(set(sessions)) == 4
