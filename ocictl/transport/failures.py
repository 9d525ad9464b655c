"""Answers that are errors, as our errors: what was asked, the status, what the registry says, what to do next.

The status decides first, the registry's code second, message text never (ERR-05).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ocictl.errors import (
    DeniedError,
    NotFoundError,
    OcictlError,
    RateLimitedError,
    RegistryError,
    TransportError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedError,
)
from ocictl.lazy_dataclass import dataclass
from ocictl.model.text import shorten
from ocictl.transport import scopes as scope_rules
from ocictl.transport.credentials import AUTH_VARIABLE
from ocictl.transport.headers import media_type, retry_after
from ocictl.transport.response import Response
from ocictl.transport.url_policy import shown

_SHOWN_ENTRIES: Final = 5
_SHOWN_LENGTH: Final = 300
_UNSUPPORTED: Final = (405, 415, 501)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """What the body of an error says.

    Attributes:
        entries: the registry's list; each has `code` (upper case) and `message`, both strings, perhaps `detail`.
        text: a line of another format (a token service's, a proxy's), or "".
        html: the body is a web page.
    """

    entries: tuple[Mapping[str, Any], ...] = ()
    text: str = ""
    html: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known about the request, for hints.

    Attributes:
        registry: as the user wrote it.
        repository: within it, or "".
        scopes: what the request needs.
        credential_source: where the credentials that were sent came from; "" for the command line;
            None if none were sent.
        login_option: what `ocictl login` needs beside the registry, to store new ones in their place.
        token_given: the token service accepted the credentials, so only permission can be missing.
        plain_http: the registry is reached without TLS.
        speaker: who answered, for messages.
    """

    registry: str
    repository: str = ""
    scopes: Sequence[str] = ()
    credential_source: str | None = None
    login_option: str = ""
    token_given: bool = False
    plain_http: bool = False
    speaker: str = "the registry"


def parse_body(raw: bytes, content_type: str | None = None) -> ErrorBody:
    """Read an error's body of whatever format; never fails (ERR-01 to ERR-04, ERR-06)."""
    text = raw.decode("utf-8", "replace").strip()
    if not text:
        return ErrorBody()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if media_type(content_type) == "text/html" or text[:1] == "<":
            return ErrorBody(html=True)
        return ErrorBody(text=shorten(text.splitlines()[0], _SHOWN_LENGTH))
    if not isinstance(value, dict):
        return ErrorBody()
    listed = value.get("errors")
    if isinstance(listed, dict):
        listed = [listed]
    if isinstance(listed, list):
        return ErrorBody(entries=tuple(_entry(entry) for entry in listed if isinstance(entry, dict)))
    # Token services (RFC 6749) and others: two words for code and text are common.
    words = [value.get(name) for name in ("error", "error_description", "message", "details")]
    return ErrorBody(
        text=shorten(": ".join(word for word in words if isinstance(word, str) and word), _SHOWN_LENGTH)
    )


def read_body(response: Response, limit: int) -> ErrorBody:
    """Read at most `limit` bytes of an error's body. A body that breaks off says nothing, and hides nothing."""
    # A 416 may promise a body and never send it; a HEAD has none (ERR-04).
    if response.method == "HEAD" or response.status == 416:
        return ErrorBody()
    try:
        raw = response.beginning(limit)
    except TransportError:
        return ErrorBody()
    if len(raw) < limit:
        response.report_body(raw)
    # What a server says is shown to people, and some say back what they were sent.
    said = response.scrub(raw.decode("utf-8", "replace")).encode()
    return parse_body(said, response.headers.get("Content-Type"))


def error_for(response: Response, body: ErrorBody, context: Context) -> OcictlError:
    """The error for an answer with an unwanted status."""
    status = response.status
    place = shown(response.url)
    codes = {str(entry["code"]) for entry in body.entries}
    from http.client import responses as phrases  # loaded only here: half of a command's start-up

    phrase = phrases.get(status, "")
    message = f"{context.speaker} answered {status}{' ' if phrase else ''}{phrase} to {response.method} {place!r}{_said(body)}"
    if status < 400:
        return RegistryError(
            f"{context.speaker} answered {status} to {response.method} {place!r}, which is not an answer to this request",
            code="registry-protocol",
            status=status,
            method=response.method,
            url=place,
            hint=_html_hint(body),
        )
    if status == 404:
        missing = "NAME_UNKNOWN" in codes
        facts: dict[str, Any] = {"status": status, "method": response.method, "url": place}
        if body.entries:
            facts["errors"] = [dict(entry) for entry in body.entries]
        return NotFoundError(
            message,
            code="repository-not-found" if missing else "not-found",
            hint=_missing_hint(context) if missing else _html_hint(body),
            details=facts,
        )
    kind = _kind(status, codes)
    asked = retry_after(response.headers.get("Retry-After"), time.time())
    return kind(
        message,
        code="login-required" if kind is UnauthorizedError and context.credential_source is None else None,
        hint=_hint(kind, response, body, context),
        details={} if asked is None else {"retry_after": asked},
        status=status,
        method=response.method,
        url=place,
        errors=body.entries,
    )


def _kind(status: int, codes: set[str]) -> type[RegistryError]:
    if status == 401:
        return UnauthorizedError
    if status == 403:
        return DeniedError
    if status == 429:
        return RateLimitedError
    if status in _UNSUPPORTED:
        return UnsupportedError
    if status == 408 or status >= 500:
        return UnavailableError
    # What is left is 400 and its like: here the registry's own code tells more.
    if "DENIED" in codes:
        return DeniedError
    if "UNAUTHORIZED" in codes:
        return UnauthorizedError
    if "TOOMANYREQUESTS" in codes:
        return RateLimitedError
    if "UNSUPPORTED" in codes:
        return UnsupportedError
    return RegistryError


def _hint(kind: type[RegistryError], response: Response, body: ErrorBody, context: Context) -> str | None:
    if not response.at_home:
        return (
            "the registry had sent the request on to that host, where no credentials go; "
            "run the command again to get a fresh link"
        )
    if kind is UnauthorizedError:
        return login_hint(context)
    if kind is DeniedError:
        needed = scope_rules.describe(context.scopes)
        return (
            f"the credentials need {needed}" if needed else "use credentials that may do this"
        ) + f"; other credentials: ocictl login {context.registry}"
    if kind is RateLimitedError:
        after = response.headers.get("Retry-After")
        wait = f"wait (the registry says: Retry-After {shorten(after, 40)})" if after else "wait"
        extra = (
            ""
            if context.credential_source is not None
            else f", or log in first: ocictl login {context.registry}"
        )
        return f"{wait} and run the command again{extra}"
    if kind is UnavailableError:
        return _html_hint(body) or "wait and run the command again"
    if response.status == 407:
        return "the proxy wants a user name and password: HTTP_PROXY=http://USER:PASSWORD@HOST:PORT"
    if response.status == 413:
        return "the registry does not take content of this size"
    if response.status == 400 and context.plain_http and not body.entries:
        return "if the registry speaks TLS on this port: --plain-http=false"
    return _html_hint(body)


def login_hint(context: Context) -> str:
    """What to do about a 401 (AUTH-16)."""
    login = login_command(context.registry, context.login_option)
    if context.credential_source is None:
        hint = f"log in first: {login}"
    elif context.token_given:
        needed = scope_rules.describe(context.scopes) or "this"
        hint = f"the credentials are good, but may not allow {needed}; other credentials: {login}"
    else:
        source = context.credential_source
        origin = f"of {source} " if source else ""
        renew = f"change the variable {source}" if source == AUTH_VARIABLE else f"log in again: {login}"
        hint = f"the credentials {origin}were not accepted; {renew}"
    if context.registry == "docker.io" and context.repository and "/" not in context.repository:
        hint += f"; for an official image write docker.io/library/{context.repository}"
    return hint


def login_command(registry: str, option: str = "") -> str:
    """The command that stores new credentials."""
    return f"ocictl login {option} {registry}" if option else f"ocictl login {registry}"


def _missing_hint(context: Context) -> str:
    return f"check the name {context.repository!r}; some registries need the repository to be created first"


def _html_hint(body: ErrorBody) -> str | None:
    if not body.html:
        return None
    return "a web page came back: perhaps a proxy or login page answered, or the host is no registry"


def _said(body: ErrorBody) -> str:
    """The registry's own words for the message, escaped and bounded; "" if there are none."""
    parts = []
    for entry in body.entries[:_SHOWN_ENTRIES]:
        words = [str(entry["code"]), str(entry["message"])]
        parts.append(shorten(": ".join(word for word in words if word), _SHOWN_LENGTH))
    if len(body.entries) > _SHOWN_ENTRIES:
        parts.append(f"and {len(body.entries) - _SHOWN_ENTRIES} more")
    said = "; ".join(part for part in parts if part) or body.text
    return f": {said.rstrip('.')}" if said else ""


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """One entry with `code` and `message` as strings; what is missing is empty (ERR-02, ERR-03)."""
    code, message = entry.get("code"), entry.get("message")
    clean: dict[str, Any] = {
        "code": code.upper() if isinstance(code, str) else "",
        "message": message if isinstance(message, str) else "",
    }
    if entry.get("detail") is not None:
        clean["detail"] = entry["detail"]
    return clean
