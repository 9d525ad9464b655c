"""Which `Authorization` a request carries: the flow of challenges and tokens (section AUTH)."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from ocictl.content import BytesContent
from ocictl.errors import CredentialError, OcictlError, RegistryError, UnauthorizedError
from ocictl.transport import challenge as challenges
from ocictl.transport import failures, token, url_policy
from ocictl.transport import scopes as scope_rules
from ocictl.transport.challenge import Challenge
from ocictl.transport.config import Limits
from ocictl.transport.credentials import Credential, CredentialSource
from ocictl.transport.response import Response
from ocictl.transport.retry import Retrier
from ocictl.transport.wire import Exchange

_NO_POST: Final = (404, 405, 501)
_EARLY: Final = 10.0
"""A token is renewed so many seconds before its end, or a quarter of its life before if that is shorter."""


@dataclass(slots=True)
class Attempt:
    """What has been tried for one request.

    Attributes:
        scopes: what the request needs.
        authorization: sent with the last attempt, or None.
        renewed: a token or password was already answered to a challenge (AUTH-17).
        merged: more scopes were already asked for (AUTH-19).
    """

    scopes: tuple[str, ...]
    authorization: str | None = field(default=None, repr=False)
    renewed: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in use: the scopes it was asked for, and when to renew it on the monotonic clock."""

    authorization: str = field(repr=False)
    scopes: tuple[str, ...]
    until: float


class Authenticator:
    """Knows how one registry wants to be talked to, and with which token. For several threads.

    Nothing is looked up or sent before the registry has asked (AUTH-01). From then on requests carry what they need
    from the start; tokens are kept by the scopes they were asked for and serve everything within (AUTH-15).
    """

    def __init__(
        self,
        *,
        registry: str,
        repository: str,
        own_url: str,
        source: CredentialSource,
        retrier: Retrier,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            registry, repository: for looking up credentials, as the user wrote them.
            own_url: the registry's base URL.
            source: where credentials are.
            retrier: sends token requests.
            limits: see there.
            clock: seconds, monotonic.
        """
        self._registry = registry
        self._repository = repository
        self._own_url = own_url
        self._source = source
        self._retrier = retrier
        self._limits = limits
        self._clock = clock
        self._lock = Lock()
        self._looked_up = False
        self._credential: Credential | None = None
        self._basic: str | None = None
        self._bearer: tuple[str, str] | None = None
        self._tokens: list[_Held] = []
        self._by_need: dict[tuple[str, ...], _Held] = {}

    @property
    def credential_source(self) -> str | None:
        """Where the credentials come from; "" for the command line, None if there are none."""
        credential = self._credential
        return None if credential is None else credential.source or ""

    @property
    def has_registry_token(self) -> bool:
        """The bearer token comes from the credentials, not from a token service."""
        return self._credential is not None and bool(self._credential.registry_token)

    def begin(self, needed: Sequence[str]) -> Attempt:
        """Start a request that needs these scopes, with what is known so far.

        Raises:
            CredentialError, RegistryError, TransportError: the token service gave no token.
        """
        attempt = Attempt(tuple(needed))
        if self._basic is not None:
            attempt.authorization = self._basic
        elif self._bearer is not None:
            held = self._find(attempt.scopes)
            if held is None and attempt.scopes:
                held = self._obtain(attempt.scopes, rejected=None)
                attempt.renewed = True
            attempt.authorization = held.authorization if held else None
        return attempt

    def answer(self, attempt: Attempt, response: Response) -> bool:
        """Answer a 401 (or a 403 for insufficient scope); tell whether to send the request again.

        Raises:
            UnauthorizedError: the registry asks in a way that can't be answered.
            CredentialError, RegistryError, TransportError: the token service gave no token.
        """
        offered = challenges.parse(response.headers.getlist("WWW-Authenticate"))
        chosen = challenges.choose(offered)
        if chosen is None:
            if offered and response.status == 401:
                raise self._unusable(offered, response)
            return False
        if chosen.scheme == "basic":
            return response.status == 401 and self._answer_basic(attempt)
        return self._answer_bearer(attempt, chosen, response)

    def _answer_basic(self, attempt: Attempt) -> bool:
        credential = self._lookup()
        if credential is None or attempt.renewed or attempt.authorization == _basic(credential):
            return False
        if not credential.username and not credential.password:
            raise CredentialError(
                f"the registry {self._registry!r} wants a user name and password, but only a token is known",
                code="credential-invalid",
                hint=f"log in with a user name: ocictl login -u USER {self._registry}",
                details={"rule": "AUTH-03"},
            )
        self._basic = _basic(credential)
        attempt.renewed = True
        attempt.authorization = self._basic
        return True

    def _answer_bearer(self, attempt: Attempt, chosen: Challenge, response: Response) -> bool:
        sent = attempt.authorization
        held = self._scopes_of(sent)
        wanted = scope_rules.merge(attempt.scopes, chosen.scopes)
        if held is not None and not scope_rules.covers(held, wanted):
            # More is needed than the token was asked for, whether or not the registry says insufficient_scope.
            if attempt.merged:
                return False
            attempt.merged = True
            wanted = scope_rules.merge(held, wanted)
        elif attempt.renewed or response.status != 401:
            return False
        attempt.renewed = True
        realm = url_policy.checked(chosen.params["realm"], response.url, self._own_url, "token realm")
        self._bearer = (realm, chosen.params.get("service", ""))
        attempt.authorization = self._obtain(wanted, rejected=sent, needed=attempt.scopes).authorization
        return attempt.authorization != sent

    def _scopes_of(self, authorization: str | None) -> tuple[str, ...] | None:
        """What a token in use was asked for; None if it is not one of ours."""
        with self._lock:
            return next((held.scopes for held in self._tokens if held.authorization == authorization), None)

    def _find(self, needed: tuple[str, ...]) -> _Held | None:
        """A token that serves these scopes and is not about to end."""
        now = self._clock()
        held = self._by_need.get(needed)
        if held is not None and now < held.until:
            return held
        with self._lock:
            for held in self._tokens:
                if now < held.until and scope_rules.covers(held.scopes, needed):
                    self._by_need[needed] = held
                    return held
        return None

    def _obtain(
        self, wanted: tuple[str, ...], *, rejected: str | None, needed: tuple[str, ...] | None = None
    ) -> _Held:
        """Get a token from the service, unless another thread has just got one."""
        credential = self._lookup()
        with self._lock:
            now = self._clock()
            self._tokens = [
                held for held in self._tokens if held.authorization != rejected and now < held.until
            ]
            for held in self._tokens:
                if scope_rules.covers(held.scopes, wanted):
                    return held
            if credential is not None and credential.registry_token:
                held = _Held(f"Bearer {credential.registry_token}", wanted, float("inf"))
            else:
                fresh = self._fetch(wanted, credential)
                early = min(_EARLY, fresh.lifetime / 4)
                held = _Held(f"Bearer {fresh.value}", wanted, self._clock() + fresh.lifetime - early)
            self._tokens.insert(0, held)
            self._by_need = {wanted: held, (wanted if needed is None else needed): held}
            return held

    def _fetch(self, wanted: tuple[str, ...], credential: Credential | None) -> token.Token:
        assert self._bearer is not None  # noqa: S101 (set before any token is asked for)
        realm, service = self._bearer
        home = url_policy.origin_of(realm, "token realm")
        if credential is not None and credential.identity_token:
            form = BytesContent(token.refresh_form(service, wanted, credential.identity_token))
            response = self._retrier.send(
                Exchange(
                    method="POST",
                    url=realm.partition("#")[0],
                    home=home,
                    headers={
                        "Content-Type": "application/x-www-form-urlencoded",
                        "Accept": "application/json",
                    },
                    content=form,
                    redirects="own-origin",
                    secret=True,
                ),
                repeatable=True,
            )
            if response.status not in _NO_POST or not credential.password:
                return self._read_token(response, credential)
            response.close()
        private = {}
        if credential is not None and (credential.username or credential.password):
            private["Authorization"] = _basic(credential)
        response = self._retrier.send(
            Exchange(
                method="GET",
                url=token.query(realm, service, wanted),
                home=home,
                headers={"Accept": "application/json"},
                private=private,
                redirects="own-origin",
                secret=True,
            ),
            repeatable=True,
        )
        return self._read_token(response, credential)

    def _read_token(self, response: Response, credential: Credential | None) -> token.Token:
        with response:
            if response.status == 200:
                return token.parse(response.body(self._limits.token_bytes, "token"), response.url)
            body = failures.read_body(response, self._limits.error_bytes)
        raise self._token_refused(response, body, credential)

    def _token_refused(
        self, response: Response, body: failures.ErrorBody, credential: Credential | None
    ) -> OcictlError:
        """The error for a token service's refusal. 400 is how RFC 6749 says that a refresh token is bad (AUTH-16)."""
        context = failures.Context(
            registry=self._registry,
            repository=self._repository,
            credential_source=None if credential is None else credential.source or "",
            speaker="the token service",
        )
        error = failures.error_for(response, body, context)
        if response.status == 400 and credential is not None and isinstance(error, RegistryError):
            return UnauthorizedError(
                error.message,
                hint=failures.login_hint(context),
                status=error.status,
                method=error.method,
                url=error.url,
                errors=error.errors,
            )
        if isinstance(error, RegistryError):
            return error
        # A realm that is not there is the registry's mistake; "not found" would be read as "no such artifact".
        return RegistryError(
            error.message,
            code="registry-protocol",
            status=response.status,
            method=response.method,
            url=url_policy.shown(response.url),
        )

    def _lookup(self) -> Credential | None:
        """The credentials, looked up when the registry first asks for some."""
        if not self._looked_up:
            with self._lock:
                if not self._looked_up:
                    self._credential = self._source.lookup(self._registry, self._repository)
                self._looked_up = True
        return self._credential

    def _unusable(self, offered: list[Challenge], response: Response) -> UnauthorizedError:
        schemes = ", ".join(dict.fromkeys(entry.scheme for entry in offered))
        bearer = any(entry.scheme == "bearer" for entry in offered)
        why = "names no realm to get a token from" if bearer else f"wants {schemes!r} authentication"
        return UnauthorizedError(
            f"the registry {self._registry!r} {why}, which can't be answered",
            hint="ocictl knows Basic, and Bearer with a realm; ask the registry's operator",
            status=response.status,
            method=response.method,
            url=url_policy.shown(response.url),
            details={"schemes": schemes, "rule": "AUTH-02"},
        )


def _basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.password}".encode()
    return f"Basic {b64encode(pair).decode('ascii')}"
