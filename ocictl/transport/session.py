"""The client of one registry: what a store asks for, with authentication, redirects, retries and errors done."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from threading import Lock
from typing import Final

from ocictl.closing import Closing
from ocictl.errors import InvalidInputError, OcictlError, UnauthorizedError
from ocictl.events import CredentialWarning, EventSink, RegistryWarning, discard
from ocictl.lazy_pattern import pattern
from ocictl.model.reference import Reference
from ocictl.model.text import escape
from ocictl.target import Content
from ocictl.transport import failures, url_policy
from ocictl.transport import scopes as scope_rules
from ocictl.transport.answers import Headers
from ocictl.transport.auth import Attempt, Authenticator
from ocictl.transport.config import TransportConfig
from ocictl.transport.credentials import CredentialSource, Later
from ocictl.transport.headers import warning_texts
from ocictl.transport.network import TemporaryError
from ocictl.transport.response import Response
from ocictl.transport.retry import Retrier
from ocictl.transport.token_service import TokenService
from ocictl.transport.wire import Exchange, Redirects, Wire

__all__ = ["Headers", "RegistryClient", "Response"]

_REPEATABLE: Final = ("GET", "HEAD")
_HEADER_NAME: Final = pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_OWNED: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say how a message is framed or what it holds; a custom one would break requests."""


_REPLACED: Final = {"authorization": "Authorization", "user-agent": "User-Agent"}
"""Headers of ours that a custom one takes the place of, as we spell them."""


class RegistryClient(Closing):
    """Talks to one registry, for the work on one repository. May be used by several threads at once.

    Attributes:
        config: see `TransportConfig`.
        registry: as the user wrote it.
        base_url: scheme and host that are contacted, such as `https://registry-1.docker.io`.
    """

    def __init__(
        self,
        reference: Reference,
        config: TransportConfig,
        on_event: EventSink = discard,
        *,
        always: Sequence[str] = (),
    ) -> None:
        """
        Args:
            reference: names the registry, and the repository for credentials and hints.
            config: how to reach it.
            on_event: receives `RegistryWarning`, `CredentialWarning` and `Retrying`.
            always: scopes that every request is to have beside its own, so that one token serves all of a push and
                nothing is done without the login that the push will need.

        Raises:
            InvalidInputError: `header-invalid`, or only one of certificate and key is given.
        """
        if (config.cert_file is None) != (config.key_file is None):
            raise InvalidInputError(
                "a client certificate needs both its certificate and its key",
                hint="give --cert-file and --key-file together",
            )
        self.config = config
        self.registry = reference.registry
        self.base_url = base_url(reference.api_host, _plain_http(config))
        self._repository = reference.repository
        self._origin = url_policy.origin_of(self.base_url, "registry")
        self._custom = check_headers(config.headers)
        self._own_authorization = any(name.lower() == "authorization" for name in self._custom)
        self._on_event = on_event
        self._always = tuple(always)
        self._wire = Wire(self._origin, config, self.registry)
        self._retrier = Retrier(self._wire, config.limits, on_event)
        self._auth = Authenticator(
            registry=self.registry,
            repository=self._repository,
            own_url=self.base_url,
            source=Later(self._stored) if config.credentials is None else config.credentials,
            service=TokenService(
                self._retrier, config.limits, registry=self.registry, repository=self._repository
            ),
            on_event=on_event,
        )
        self._warned: set[str] = set()
        self._lock = Lock()

    def request(
        self,
        method: str,
        url: str,
        *,
        expected: Container[int],
        scopes: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
        repeatable: bool | None = None,
        redirects: Redirects = "anywhere",
    ) -> Response:
        """Send a request; return its answer if the status is an expected one.

        Args:
            method: HTTP method.
            url: path from `endpoints`, or an absolute URL that went through `url_policy`. Credentials and custom
                headers are sent to the registry's own origin only, whatever the URL.
            expected: statuses that are returned; every other one is raised.
            scopes: what the request needs, such as `repository:a/b:pull` (AUTH-21).
            headers: more headers, sent to whatever host the request ends up at.
            content: the body; opened anew for each time it is sent (PUSH-22).
            repeatable: it does no harm to send the request twice, so it is tried again after temporary failures.
                None: yes for GET and HEAD. Say True for the PUT of a manifest and the POST that opens an upload.
            redirects: `own-origin` does not follow a redirect to another origin; the redirect is the answer then.

        Returns:
            The answer, its body unread. Close it, or use it as a context manager. Answers to HEAD and those
            without a body are closed already.

        Raises:
            NotFoundError: 404.
            UnauthorizedError, DeniedError, RateLimitedError, UnsupportedError, UnavailableError, RegistryError:
                every other status.
            CredentialError: credentials can't be read or used.
            TransportError: no answer.
        """
        if url.startswith("/"):
            url = self.base_url + url
        if self._always and scopes:
            scopes = scope_rules.merge(self._always, scopes)
        attempt = Attempt(tuple(scopes)) if self._own_authorization else self._auth.begin(scopes)
        again = method in _REPEATABLE if repeatable is None else repeatable
        while True:
            exchange = Exchange(
                method=method,
                url=url,
                home=self._origin,
                headers=headers or {},
                private=self._private(attempt.authorization),
                content=content,
                redirects=redirects,
            )
            response = self._retrier.send(exchange, repeatable=again)
            if response.at_home:
                self._report_warnings(response)
                if response.status in (401, 403) and self._answered(attempt, response):
                    continue
            if response.status in expected:
                return response
            raise self._failure(response, attempt)

    def read(
        self,
        url: str,
        limit: int,
        what: str = "answer",
        *,
        expected: Container[int] = (200,),
        scopes: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        redirects: Redirects = "anywhere",
        first: Response | None = None,
    ) -> tuple[Response, bytes]:
        """GET a document, and get it again from its beginning if its body breaks off (HTTP-06).

        Args:
            url, expected, scopes, headers, redirects: as for `request`.
            limit: most bytes of the body.
            what: name of the document for messages.
            first: the answer to the first attempt, if it is there already.

        Returns:
            The answer, closed, and its body.

        Raises:
            ContentError: `document-too-large`.
            TransportError, RegistryError, NotFoundError, CredentialError: as `request`.
        """
        response = first
        for attempt in range(1, self.config.limits.attempts + 1):
            if response is None:
                response = self.request(
                    "GET", url, expected=expected, scopes=scopes, headers=headers, redirects=redirects
                )
            try:
                with response:
                    return response, response.body(limit, what)
            except TemporaryError as error:
                if attempt == self.config.limits.attempts:
                    raise
                self._retrier.pause("GET", response.url, error.message, attempt)
            response = None
        raise AssertionError("unreachable")

    @property
    def was_asked(self) -> bool:
        """Whether the registry has asked for credentials so far, in a way that could be answered."""
        return self._auth.was_asked

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _private(self, authorization: str | None) -> Mapping[str, str]:
        if authorization is None:
            return self._custom
        return {**self._custom, "Authorization": authorization}

    def _answered(self, attempt: Attempt, response: Response) -> bool:
        """Answer a challenge; tell whether to send the request again."""
        if self._own_authorization:
            return False
        try:
            again = self._auth.answer(attempt, response)
        except OcictlError:
            response.close()
            raise
        if again:
            response.close()
        return again

    def _failure(self, response: Response, attempt: Attempt) -> OcictlError:
        with response:
            body = failures.read_body(response, self.config.limits.error_bytes)
        known = self._auth.credential
        sent = known is not None and attempt.authorization is not None
        bearer = (attempt.authorization or "").startswith("Bearer ")
        source = None
        if self._own_authorization:
            source = "the Authorization header"
        elif known is not None and (sent or self._auth.dropped):
            source = known.source or ""
        context = failures.Context(
            registry=self.registry,
            repository=self._repository,
            scopes=attempt.scopes,
            credential_source=source,
            login_option="" if known is None else known.login_option,
            token_given=sent and bearer and not self._auth.dropped and not (known and known.registry_token),
            plain_http=self._origin.scheme == "http",
        )
        error = failures.error_for(response, body, context)
        if self._auth.failure is not None and isinstance(error, UnauthorizedError):
            error.hint = self._auth.failure.hint
        return error

    def _stored(self) -> CredentialSource:
        """What is stored on this machine."""
        from ocictl.transport.credential_lookup import stored_credentials

        def warn(text: str) -> None:
            self._on_event(CredentialWarning(text=text))

        return stored_credentials(limits=self.config.limits, warn=warn)

    def _report_warnings(self, response: Response) -> None:
        """Report each warning text once (WRN-02, WRN-03)."""
        values = response.headers.getlist("Warning")
        if not values:
            return
        for text in map(response.scrub, warning_texts(values)):
            with self._lock:
                known = text in self._warned
                self._warned.add(text)
            if not known:
                self._on_event(RegistryWarning(host=self.registry, text=text))


def _plain_http(config: TransportConfig) -> bool | None:
    """Whoever names certificates wants TLS, on this machine too."""
    named = config.ca_file is not None or config.cert_file is not None
    return False if config.plain_http is None and named else config.plain_http


def base_url(host: str, plain_http: bool | None) -> str:  # noqa: FBT001 (a setting with three values, always named)
    """The base URL of a registry's host; http by itself for `localhost` and loopback addresses (NET-03)."""
    name, port = _split_port(host.lower())
    scheme = "http" if (url_policy.is_loopback(name) if plain_http is None else plain_http) else "https"
    return f"{scheme}://{name}{f':{port}' if port else ''}"


def check_headers(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return custom headers as a mapping; values of one name are joined.

    `Authorization` is allowed: it replaces all other credentials, as in oras.

    Raises:
        InvalidInputError: `header-invalid`; the message never shows a value.
    """
    checked: dict[str, tuple[str, str]] = {}
    for name, value in headers:
        lower = name.lower()
        if not _HEADER_NAME.fullmatch(name):
            raise _bad_header(name, "is not a header name", "write it as 'Name: value'")
        if lower in _OWNED:
            raise _bad_header(name, "is set by ocictl itself", "leave this header out")
        text = value.strip(" \t")
        if not all(" " <= character <= "~" or character == "\t" for character in text):
            raise _bad_header(
                name, "has a value with control or non-ASCII characters", "write it on one line"
            )
        first, before = checked.get(lower, (_REPLACED.get(lower, name), None))
        glue = "; " if lower == "cookie" else ", "
        checked[lower] = (first, text if before is None else f"{before}{glue}{text}")
    return dict(checked.values())


def _bad_header(name: str, why: str, hint: str) -> InvalidInputError:
    shown = escape(name[:80])
    return InvalidInputError(
        f"custom header {shown!r} {why}", code="header-invalid", hint=hint, details={"name": shown}
    )


def _split_port(host: str) -> tuple[str, str]:
    """Host with its brackets, and the port or ""."""
    if host.startswith("["):
        name, _bracket, rest = host.partition("]")
        return f"{name}]", rest.lstrip(":")
    name, _colon, port = host.partition(":")
    return name, port
