"""Basic and token authentication of the registry simulator."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tests.support.simulator.quirks import Quirks
from tests.support.simulator.storage import error
from tests.support.simulator.wire import Reply, Request

if TYPE_CHECKING:
    from tests.support.registry import Registry

__all__ = ["Guard", "TokenRequest", "needed_access", "token_reply"]

Access = dict[str, set[str]]


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """One request to the token endpoint, as the test wants to see it."""

    method: str
    scopes: tuple[str, ...]
    authorization: str | None
    service: str | None
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Token:
    """A token that was given out: what it allows, and how many requests it is still good for."""

    access: Access
    uses: int | None


def needed_access(request: Request) -> Access:
    """Say which actions on which resources a request needs (AUTH-20, AUTH-21)."""
    if request.path == "/v2/_catalog":
        return {"registry:catalog": {"*"}}
    match = re.match(r"/v2/(.+?)/(?:manifests|blobs|tags|referrers)/", request.path)
    if match is None:
        return {}
    resource = f"repository:{match[1]}"
    if request.method in {"GET", "HEAD"} and "/blobs/uploads/" not in request.path:
        return {resource: {"pull"}}
    if request.method == "DELETE" and "/blobs/uploads/" not in request.path:
        return {resource: {"delete"}}
    access: Access = {resource: {"pull", "push"}}
    source = request.parameter("from")
    if source is not None:
        access.setdefault(f"repository:{source}", set()).add("pull")
    return access


def _scope(access: Access) -> str:
    return " ".join(f"{resource}:{','.join(sorted(actions))}" for resource, actions in access.items())


def _basic(value: str | None) -> tuple[str, str] | None:
    scheme, _, encoded = (value or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def _parse_scopes(texts: list[str]) -> Access:
    access: Access = {}
    for scope in " ".join(texts).split():
        resource, _, actions = scope.rpartition(":")
        access.setdefault(resource, set()).update(actions.split(","))
    return access


class Guard:
    """Knows the tokens and decides whether a request may pass.

    Attributes:
        token_requests: every request to the token endpoint.
    """

    def __init__(self) -> None:
        self.token_requests: list[TokenRequest] = []
        self._tokens: dict[str, Token] = {}
        self._count = 0

    def expire_tokens(self) -> None:
        """Let every token given out so far be invalid from now on."""
        self._tokens.clear()

    def check(self, request: Request, registry: Registry) -> Reply | None:
        """Answer 401 or 403, or let the request pass (None)."""
        quirks = registry.quirks
        needed = needed_access(request)
        denied = {action for actions in needed.values() for action in actions} & quirks.denied_actions
        if quirks.auth is None:
            return error(403, "DENIED") if denied else None
        reading = bool(needed) and all(actions <= {"pull"} for actions in needed.values())
        if quirks.auth == "basic":
            known = _basic(request.authorization) == (quirks.username, quirks.password)
            if not known and not (quirks.anonymous_pull and reading and request.authorization is None):
                return self._challenge(registry, f'Basic realm="{quirks.service}"')
        else:
            problem = self._check_token(request, needed)
            if problem is not None:
                return self._bearer_challenge(registry, needed, problem)
        return error(403, "DENIED") if denied else None

    def _check_token(self, request: Request, needed: Access) -> str | None:
        scheme, _, value = (request.authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return ""
        token = self._tokens.get(value)
        if token is None or token.uses == 0:
            return "invalid_token"
        for resource, actions in needed.items():
            held = token.access.get(resource, set())
            if not actions <= held and "*" not in held:
                return "insufficient_scope"
        if token.uses is not None:
            token.uses -= 1
        return None

    def _bearer_challenge(self, registry: Registry, needed: Access, problem: str) -> Reply:
        quirks, scope = registry.quirks, _scope(needed)
        realm = quirks.realm or f"{registry.url}/token"
        if quirks.challenge is not None:
            value = quirks.challenge.format(realm=realm, service=quirks.service, scope=scope)
            return self._challenge(registry, value)
        parts = [f'realm="{realm}"', f'service="{quirks.service}"']
        parts += [f'scope="{scope}"'] if scope else []
        parts += [f'error="{problem}"'] if problem else []
        return self._challenge(registry, "Bearer " + ",".join(parts))

    def _challenge(self, registry: Registry, value: str) -> Reply:
        if registry.quirks.auth == "basic" and registry.quirks.challenge is not None:
            value = registry.quirks.challenge.format(
                realm=registry.url, service=registry.quirks.service, scope=""
            )
        return error(401, "UNAUTHORIZED", "authentication required").set("WWW-Authenticate", value)

    def issue(self, access: Access, quirks: Quirks) -> str:
        """Make a token that allows this."""
        self._count += 1
        name = f"token-{self._count}-abcdef0123456789"
        self._tokens[name] = Token(access=access, uses=quirks.token_uses)
        return name


def token_reply(request: Request, quirks: Quirks, guard: Guard) -> Reply:
    """Answer the token endpoint (AUTH-04 to AUTH-12)."""
    posted = request.method == "POST"
    form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()} if posted else {}
    scopes = [form["scope"]] if form.get("scope") else []
    if not posted:
        scopes = [value for key, value in request.parameters if key == "scope"]
    guard.token_requests.append(
        TokenRequest(
            method=request.method,
            scopes=tuple(scopes),
            authorization=request.authorization,
            service=form.get("service") if posted else request.parameter("service"),
            form=form,
        )
    )
    allowed = quirks.token_post if posted else quirks.token_get
    if request.method not in {"GET", "POST"} or not allowed:
        return Reply(status=405, body=b"method not allowed\n")
    identity = _identify(request, form, quirks)
    if identity is None:
        body = json.dumps({"error": "invalid_grant", "error_description": "wrong user or password"}).encode()
        return Reply(status=401, headers=[("Content-Type", "application/json")], body=body)
    access = _parse_scopes(scopes)
    if identity == "anonymous":
        access = (
            {name: actions & {"pull"} for name, actions in access.items()} if quirks.anonymous_pull else {}
        )
    token = guard.issue(access, quirks)
    members = ("token", "access_token") if quirks.token_member == "both" else (quirks.token_member,)
    answer: dict[str, Any] = dict.fromkeys(members, token)
    if quirks.expires_in is not None:
        answer["expires_in"] = quirks.expires_in
    if form.get("access_type") == "offline" or request.parameter("offline_token") == "true":
        answer["refresh_token"] = quirks.identity_token
    return Reply(headers=[("Content-Type", "application/json")], body=json.dumps(answer).encode())


def _identify(request: Request, form: Mapping[str, str], quirks: Quirks) -> str | None:
    if request.method == "POST":
        if form.get("grant_type") == "refresh_token":
            return "user" if form.get("refresh_token") == quirks.identity_token else None
        given = (form.get("username"), form.get("password"))
        return "user" if given == (quirks.username, quirks.password) else None
    if request.authorization is None:
        return "anonymous"
    return "user" if _basic(request.authorization) == (quirks.username, quirks.password) else None
