"""The simulator's authentication: challenges, tokens, scopes."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, urlencode

import pytest

from tests.support.raw_client import call
from tests.support.registry import Quirks, Registry

BASIC = "Basic " + base64.b64encode(b"user:secret").decode()
MANIFEST = "/v2/team/app/manifests/v1"
SCOPE = "repository:team/app:pull"


def token(registry: Registry, *scopes: str, authorization: str | None = BASIC) -> str:
    """Ask for a token by GET."""
    query = urlencode([("service", "simulator"), *(("scope", scope) for scope in scopes)], quote_via=quote)
    headers = {"Authorization": authorization} if authorization else {}
    answer = call(registry, "GET", f"/token?{query}", headers=headers)
    assert answer.status == 200
    assert answer.json["token"] == answer.json["access_token"]
    return f"Bearer {answer.json['token']}"


def test_basic() -> None:
    """AUTH-03: 401 with a challenge, then the credentials."""
    with Registry(Quirks(auth="basic")) as registry:
        refused = call(registry, "GET", "/v2/")
        assert (refused.status, refused.codes) == (401, ["UNAUTHORIZED"])
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="simulator"'
        assert call(registry, "GET", "/v2/", headers={"Authorization": "Basic eDp5"}).status == 401
        assert call(registry, "GET", "/v2/", headers={"Authorization": BASIC}).status == 200


def test_challenge_names_what_is_needed() -> None:
    """AUTH-04, AUTH-20, AUTH-21: realm, service, and the scopes of the request."""
    with Registry(Quirks(auth="bearer")) as registry:
        value = call(registry, "GET", MANIFEST).headers["WWW-Authenticate"]
        assert value == f'Bearer realm="{registry.url}/token",service="simulator",scope="{SCOPE}"'
        scopes = {}
        for method, target in [
            ("PUT", MANIFEST),
            ("DELETE", MANIFEST),
            ("POST", "/v2/team/app/blobs/uploads/?mount=sha256:x&from=other"),
            ("GET", "/v2/_catalog"),
        ]:
            challenge = call(registry, method, target).headers["WWW-Authenticate"]
            found = re.search('scope="([^"]*)"', challenge)
            scopes[method] = found and found[1]
        assert scopes == {
            "PUT": "repository:team/app:pull,push",
            "DELETE": "repository:team/app:delete",
            "POST": "repository:team/app:pull,push repository:other:pull",
            "GET": "registry:catalog:*",
        }


def test_tokens_allow_what_they_were_asked_for() -> None:
    """AUTH-19: a token for pulling is not enough for a push, and the challenge says so."""
    with Registry(Quirks(auth="bearer")) as registry:
        headers = {"Authorization": token(registry, SCOPE)}
        assert call(registry, "GET", MANIFEST, headers=headers).status == 404
        refused = call(registry, "PUT", MANIFEST, b"{}", headers=headers)
        assert refused.status == 401
        assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
        assert registry.token_requests[-1].scopes == (SCOPE,)
        assert registry.token_requests[-1].authorization == BASIC


def test_tokens_expire() -> None:
    """AUTH-11: after `expire_tokens`, or once used up, a token is invalid."""
    with Registry(Quirks(auth="bearer", token_uses=2)) as registry:
        headers = {"Authorization": token(registry, SCOPE)}
        assert [call(registry, "GET", MANIFEST, headers=headers).status for _ in range(3)] == [404, 404, 401]
        headers = {"Authorization": token(registry, SCOPE)}
        registry.expire_tokens()
        refused = call(registry, "GET", MANIFEST, headers=headers)
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(("allowed", "status"), [(True, 404), (False, 401)])
def test_anonymous(allowed: bool, status: int) -> None:
    """AUTH-09: an anonymous token pulls where that is allowed, and never pushes."""
    with Registry(Quirks(auth="bearer", anonymous_pull=allowed)) as registry:
        headers = {"Authorization": token(registry, "repository:team/app:pull,push", authorization=None)}
        assert call(registry, "GET", MANIFEST, headers=headers).status == status
        assert call(registry, "PUT", MANIFEST, b"{}", headers=headers).status == 401


def test_wrong_password_gets_no_token() -> None:
    """AUTH-16: 401 in OAuth form."""
    with Registry(Quirks(auth="bearer")) as registry:
        answer = call(registry, "GET", "/token", headers={"Authorization": "Basic eDp5"})
        assert (answer.status, answer.json["error"]) == (401, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "identity-token"}, 200),
        ({"grant_type": "refresh_token", "refresh_token": "stolen"}, 401),
        ({"grant_type": "password", "username": "user", "password": "secret"}, 200),
        ({"grant_type": "password", "username": "user", "password": "guess"}, 401),
    ],
)
def test_posted_forms(form: dict[str, str], status: int) -> None:
    """AUTH-07: refresh token and password grants."""
    with Registry(Quirks(auth="bearer")) as registry:
        answer = call(registry, "POST", "/token", urlencode({**form, "scope": SCOPE}).encode())
        assert answer.status == status
        assert registry.token_requests[0].form["grant_type"] == form["grant_type"]
        if status == 200:
            headers = {"Authorization": f"Bearer {answer.json['token']}"}
            assert call(registry, "GET", MANIFEST, headers=headers).status == 404


def test_methods_of_the_token_endpoint_can_be_off() -> None:
    """AUTH-08: 405 for POST, or for GET."""
    with Registry(Quirks(auth="bearer", token_post=False)) as registry:
        assert call(registry, "POST", "/token", b"grant_type=password").status == 405
        registry.configure(token_get=False)
        assert call(registry, "GET", "/token").status == 405


def test_denied_actions() -> None:
    """AUTH-18: 403 DENIED whoever asks."""
    with Registry(Quirks(denied_actions=frozenset({"push"}))) as registry:
        registry.put_artifact("team/app", tag="v1")
        assert call(registry, "PUT", MANIFEST, b"{}").codes == ["DENIED"]
        assert call(registry, "GET", MANIFEST).status == 200


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_own_challenge(kind: str) -> None:
    """AUTH-02: any text can be the challenge."""
    quirks = Quirks(auth="basic" if kind == "basic" else "bearer", challenge='BASIC Realm="{service}"')
    with Registry(quirks) as registry:
        assert call(registry, "GET", "/v2/").headers["WWW-Authenticate"] == 'BASIC Realm="simulator"'
