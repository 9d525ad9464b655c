"""The token service of a registry: gets a token by GET or POST, whichever it takes (AUTH-04 to AUTH-16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ocictl.errors import OcictlError, RegistryError, UnauthorizedError
from ocictl.sources import BytesContent
from ocictl.transport import failures, token, url_policy
from ocictl.transport.config import Limits
from ocictl.transport.credentials import Credential
from ocictl.transport.response import Response
from ocictl.transport.retry import Retrier
from ocictl.transport.wire import Exchange

_NOT_THERE: Final = (404, 405, 501)
"""How a service says that it does not know a method (AUTH-08)."""


class TokenService:
    """Asks for tokens, on behalf of one registry's repository."""

    def __init__(self, retrier: Retrier, limits: Limits, *, registry: str, repository: str) -> None:
        """
        Args:
            retrier: sends the requests.
            limits: of what is read.
            registry, repository: for hints.
        """
        self._retrier = retrier
        self._limits = limits
        self._registry = registry
        self._repository = repository
        self._refuses_get: set[str] = set()

    def fetch(
        self, realm: str, service: str, scopes: Sequence[str], credential: Credential | None
    ) -> token.Token:
        """Get a token.

        An identity token is posted; a password goes by GET, or is posted where GET is not known; and it is what is
        left where an identity token can't be posted (AUTH-08, AUTH-09).

        Args:
            realm: absolute URL that went through `url_policy`.
            service: name of the registry towards the service, or "".
            scopes: what the token is for.
            credential: who asks; None for anybody.

        Raises:
            UnauthorizedError, DeniedError: the service does not accept the credentials.
            RegistryError, TransportError: no token, for another reason.
        """
        if credential is not None and credential.identity_token:
            form = token.refresh_form(service, scopes, credential.identity_token)
            response = self._post(realm, form)
            if response.status not in _NOT_THERE:
                return self._read(response, credential)
            if not credential.password:
                raise self._no_identity_tokens(response, credential)
            response.close()
        password = credential if credential is not None and credential.username else None
        if password is not None and realm in self._refuses_get:
            return self._read(self._post_password(realm, service, scopes, password), credential)
        response = self._get(realm, service, scopes, credential)
        if response.status in _NOT_THERE and password is not None:
            response.close()
            response = self._post_password(realm, service, scopes, password)
            if response.status == 200:
                self._refuses_get.add(realm)
        return self._read(response, credential)

    def _get(
        self, realm: str, service: str, scopes: Sequence[str], credential: Credential | None
    ) -> Response:
        private = {}
        if credential is not None and (credential.username or credential.password):
            private["Authorization"] = token.basic(credential.username, credential.password)
        return self._retrier.send(
            Exchange(
                method="GET",
                url=token.query(realm, service, scopes),
                home=url_policy.origin_of(realm, "token realm"),
                headers={"Accept": "application/json"},
                private=private,
                redirects="own-origin",
                secret=True,
            ),
            repeatable=True,
        )

    def _post_password(
        self, realm: str, service: str, scopes: Sequence[str], credential: Credential
    ) -> Response:
        return self._post(
            realm, token.password_form(service, scopes, credential.username, credential.password)
        )

    def _post(self, realm: str, form: bytes) -> Response:
        return self._retrier.send(
            Exchange(
                method="POST",
                url=realm.partition("#")[0],
                home=url_policy.origin_of(realm, "token realm"),
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                content=BytesContent(form),
                redirects="own-origin",
                secret=True,
            ),
            repeatable=True,
        )

    def _read(self, response: Response, credential: Credential | None) -> token.Token:
        with response:
            if response.status == 200:
                return token.parse(response.body(self._limits.token_bytes, "token"), response.url)
            body = failures.read_body(response, self._limits.error_bytes)
        raise self._refused(response, body, credential)

    def _refused(
        self, response: Response, body: failures.ErrorBody, credential: Credential | None
    ) -> OcictlError:
        """The error for a refusal. 400 is how RFC 6749 says that a refresh token is bad (AUTH-16)."""
        context = failures.Context(
            registry=self._registry,
            repository=self._repository,
            credential_source=None if credential is None else credential.source or "",
            login_option="" if credential is None else credential.login_option,
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

    def _no_identity_tokens(self, response: Response, credential: Credential) -> OcictlError:
        with response:
            body = failures.read_body(response, self._limits.error_bytes)
        error = self._refused(response, body, credential)
        error.hint = (
            "this token service takes no identity tokens; log in with a user name and password: "
            f"ocictl login -u USER {self._registry}"
        )
        return error
