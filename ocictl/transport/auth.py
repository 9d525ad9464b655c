"""Which `Authorization` a request carries: the flow of challenges and tokens (section AUTH)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final

from ocictl.errors import CredentialError, DeniedError, UnauthorizedError
from ocictl.events import CredentialWarning, EventSink
from ocictl.lazy_dataclass import dataclass, field
from ocictl.transport import challenge as challenges
from ocictl.transport import scopes as scope_rules
from ocictl.transport import token, url_policy
from ocictl.transport.challenge import Challenge
from ocictl.transport.credentials import AUTH_VARIABLE, Credential, CredentialSource
from ocictl.transport.failures import login_command
from ocictl.transport.response import Response
from ocictl.transport.token_service import TokenService

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

    @property
    def is_reading(self) -> bool:
        """The request only reads, so that it may be worth to go on without credentials."""
        return bool(self.scopes) and scope_rules.only_pulls(self.scopes)


@dataclass(frozen=True, slots=True)
class _Held:
    """A token in use.

    Attributes:
        authorization: what is sent.
        scopes: what the token was asked for.
        until: when to renew it, on the monotonic clock.
        makeshift: an anonymous token in place of one for the stored login: for reading alone.
    """

    authorization: str = field(repr=False)
    scopes: tuple[str, ...]
    until: float
    makeshift: bool = False


class Authenticator:
    """Knows how one registry wants to be talked to, and with which token. For several threads.

    Nothing is looked up or sent before the registry has asked (AUTH-01). From then on requests carry what they need
    from the start; tokens are kept by the scopes they were asked for and serve everything within (AUTH-15).

    A stored login that is not accepted, or can't be read from its helper, does not stand in the way of what anybody
    may read: reading goes on without it, and that is told. Writing never does, nor do credentials that the caller
    gave (AUTH-16).
    """

    def __init__(
        self,
        *,
        registry: str,
        repository: str,
        own_url: str,
        source: CredentialSource,
        service: TokenService,
        on_event: EventSink,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            registry, repository: for looking up credentials, as the user wrote them.
            own_url: the registry's base URL.
            source: where credentials are.
            service: gets tokens.
            on_event: receives `CredentialWarning`.
            clock: seconds, monotonic.
        """
        self._registry = registry
        self._repository = repository
        self._own_url = own_url
        self._source = source
        self._service = service
        self._on_event = on_event
        self._clock = clock
        self._lock = Lock()
        self._looked_up = False
        self._credential: Credential | None = None
        self._failure: CredentialError | None = None
        self._dropped = False
        self._told: set[str] = set()
        self._basic: str | None = None
        self._bearer: tuple[str, str] | None = None
        self._tokens: list[_Held] = []
        self._by_need: dict[tuple[str, ...], _Held] = {}

    @property
    def was_asked(self) -> bool:
        """The registry asked for credentials, and they were looked up."""
        return self._looked_up

    @property
    def credential(self) -> Credential | None:
        """What was found; None before the registry has asked."""
        return self._credential

    @property
    def dropped(self) -> bool:
        """The stored login was not accepted, and reading goes on without it."""
        return self._dropped

    @property
    def failure(self) -> CredentialError | None:
        """Why the stored login can't be had, although reading goes on."""
        return self._failure

    def begin(self, needed: Sequence[str]) -> Attempt:
        """Start a request that needs these scopes, with what is known so far.

        Raises:
            CredentialError, RegistryError, TransportError: the token service gave no token.
        """
        attempt = Attempt(tuple(needed))
        if self._basic is not None:
            attempt.authorization = None if self._is_without(attempt) else self._basic
        elif self._bearer is not None:
            held = self._find(attempt)
            if held is None and attempt.scopes:
                held = self._obtain(attempt, attempt.scopes, rejected=None)
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
        credential = self._identity(attempt)
        if credential is None or attempt.renewed:
            return False
        if not credential.username and not credential.password:
            raise CredentialError(
                f"the registry {self._registry!r} wants a user name and password, but only a token is known",
                code="credential-invalid",
                hint=f"log in with a user name: ocictl login -u USER {self._registry}",
                details={"rule": "AUTH-03"},
            )
        attempt.renewed = True
        basic = token.basic(credential.username, credential.password)
        if attempt.authorization != basic:
            self._basic = attempt.authorization = basic
            return True
        # It was sent unasked, so nobody knows yet what the registry would have given to anybody.
        if not self._may_drop(credential, attempt):
            return False
        self._drop(credential)
        attempt.authorization = None
        return True

    def _answer_bearer(self, attempt: Attempt, chosen: Challenge, response: Response) -> bool:
        sent = attempt.authorization
        credential = self._credential
        if (
            credential is not None
            and credential.registry_token
            and sent == _bearer(credential.registry_token)
        ):
            # No other token can be had with it; what is left is to do without.
            if response.status != 401 or not self._may_drop(credential, attempt):
                return False
            self._drop(credential)
            return self._answer_with_token(attempt, chosen, response, attempt.scopes)
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
        return self._answer_with_token(attempt, chosen, response, wanted)

    def _answer_with_token(
        self, attempt: Attempt, chosen: Challenge, response: Response, wanted: tuple[str, ...]
    ) -> bool:
        sent = attempt.authorization
        attempt.renewed = True
        realm = url_policy.checked(chosen.params["realm"], response.url, self._own_url, "token realm")
        self._bearer = (realm, chosen.params.get("service", ""))
        attempt.authorization = self._obtain(attempt, wanted, rejected=sent).authorization
        return attempt.authorization != sent

    def _scopes_of(self, authorization: str | None) -> tuple[str, ...] | None:
        """What a token in use was asked for; None if it is not one of ours."""
        with self._lock:
            return next((held.scopes for held in self._tokens if held.authorization == authorization), None)

    def _find(self, attempt: Attempt) -> _Held | None:
        """A token that serves the scopes of an attempt and is not about to end."""
        needed = attempt.scopes
        now = self._clock()
        held = self._by_need.get(needed)
        if held is not None and now < held.until:
            return held
        with self._lock:
            for held in self._tokens:
                if now < held.until and _serves(held, needed, attempt):
                    self._by_need[needed] = held
                    return held
        return None

    def _obtain(self, attempt: Attempt, wanted: tuple[str, ...], *, rejected: str | None) -> _Held:
        """Get a token from the service, unless another thread has just got one."""
        credential = self._identity(attempt)
        with self._lock:
            now = self._clock()
            self._tokens = [
                held for held in self._tokens if held.authorization != rejected and now < held.until
            ]
            for held in self._tokens:
                if _serves(held, wanted, attempt):
                    return held
            held = self._fetch(attempt, wanted, credential)
            self._tokens.insert(0, held)
            self._by_need = {attempt.scopes: held}
            return held

    def _fetch(self, attempt: Attempt, wanted: tuple[str, ...], credential: Credential | None) -> _Held:
        assert self._bearer is not None  # noqa: S101 (set before any token is asked for)
        realm, service = self._bearer
        if credential is not None and credential.registry_token:
            return _Held(_bearer(credential.registry_token), wanted, float("inf"))
        makeshift = self._is_without(attempt)
        try:
            fresh = self._service.fetch(realm, service, wanted, credential)
        except (UnauthorizedError, DeniedError) as refusal:
            if credential is None or not self._may_drop(credential, attempt):
                raise
            self._drop(credential)
            makeshift = True
            try:
                fresh = self._service.fetch(realm, service, wanted, None)
            except (UnauthorizedError, DeniedError):
                raise refusal from None
        early = min(_EARLY, fresh.lifetime / 4)
        return _Held(_bearer(fresh.value), wanted, self._clock() + fresh.lifetime - early, makeshift)

    def _identity(self, attempt: Attempt) -> Credential | None:
        """The credentials for an attempt, or None to go on without.

        Raises:
            CredentialError: they can't be had, and the attempt is not for reading.
        """
        credential = self._lookup()
        if self._failure is not None:
            if not attempt.is_reading:
                raise self._failure
            self._tell(f"{self._failure.message}; going on without credentials")
        return None if self._is_without(attempt) else credential

    def _lookup(self) -> Credential | None:
        """The credentials, looked up when the registry first asks for some."""
        if not self._looked_up:
            with self._lock:
                if not self._looked_up:
                    try:
                        self._credential = self._source.lookup(self._registry, self._repository)
                    except CredentialError as error:
                        if error.code != "credential-helper-failed":
                            raise
                        self._failure = error
                self._looked_up = True
        return self._credential

    def _is_without(self, attempt: Attempt) -> bool:
        """Whether this attempt goes without the login that is stored."""
        return (self._dropped or self._failure is not None) and attempt.is_reading

    def _may_drop(self, credential: Credential, attempt: Attempt) -> bool:
        return attempt.is_reading and credential.source is not None

    def _drop(self, credential: Credential) -> None:
        """Read on without a stored login that was not accepted."""
        self._dropped = True
        renew = (
            f"change that variable, or log in with: {login_command(self._registry)}"
            if credential.source == AUTH_VARIABLE
            else f"renew it with: {login_command(self._registry, credential.login_option)}"
        )
        self._tell(
            f"the login for {credential.key or self._registry!r} in {credential.source!r} was not accepted; "
            f"going on without it; {renew}"
        )

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._on_event(CredentialWarning(text=text))

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


def _bearer(value: str) -> str:
    return f"Bearer {value}"


def _serves(held: _Held, needed: tuple[str, ...], attempt: Attempt) -> bool:
    """Whether a token was asked for all that is needed, by whom it takes (AUTH-15)."""
    return (attempt.is_reading or not held.makeshift) and scope_rules.covers(held.scopes, needed)
