"""Asking a token service for a token (sections AUTH-04 to AUTH-16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ocictl.errors import ContentError, RegistryError
from ocictl.lazy_dataclass import dataclass
from ocictl.model import _fields
from ocictl.transport.url_policy import shown

DEFAULT_LIFETIME: Final = 60.0
_LONGEST: Final = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Token:
    """What a token service gave. Its text never shows the secret (AUTH-25).

    Attributes:
        value: opaque, for `Authorization: Bearer`.
        lifetime: seconds from receipt. `issued_at` is ignored: clocks differ (AUTH-11).
    """

    value: str
    lifetime: float

    def __repr__(self) -> str:
        return f"Token(lifetime={self.lifetime:g}, value hidden)"


def parse(raw: bytes, url: str = "") -> Token:
    """Read a token service's answer.

    Raises:
        RegistryError: `registry-protocol`, there is no usable token in it. The answer is never shown.
    """
    try:
        members = _fields.load(raw, "answer")
    except ContentError:
        # Not even the place is kept: a JSON error may quote what it choked on.
        raise _unusable(url, "is not JSON") from None
    if not isinstance(members, dict):
        raise _unusable(url, "is not a JSON object")
    # Both spellings mean the same; `token` is the older one and is preferred wherever both are given (AUTH-10).
    value = members.get("token") or members.get("access_token")
    if not isinstance(value, str) or not value:
        raise _unusable(url, "holds no token")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise _unusable(url, "holds a token that can't be sent")
    return Token(value, _lifetime(members.get("expires_in")))


def query(realm: str, service: str, scopes: Sequence[str]) -> str:
    """The URL of a token request by GET: one `scope` each, empty ones left out, the realm's query kept.

    Rules AUTH-04, AUTH-06.
    """
    from urllib.parse import quote

    parts = [("service", service), *(("scope", scope) for scope in scopes)]
    added = "&".join(f"{name}={quote(value, safe=':,/*@')}" for name, value in parts if value)
    head = realm.partition("#")[0]
    if not added:
        return head
    separator = "" if head.endswith(("?", "&")) else "&" if "?" in head else "?"
    return f"{head}{separator}{added}"


def refresh_form(service: str, scopes: Sequence[str], refresh_token: str) -> bytes:
    """The body of a token request by POST with an identity token (AUTH-07)."""
    return _form("refresh_token", service, scopes, refresh_token=refresh_token)


def password_form(service: str, scopes: Sequence[str], username: str, password: str) -> bytes:
    """The body of a token request by POST with a user name and password (AUTH-07)."""
    return _form("password", service, scopes, username=username, password=password)


def basic(username: str, password: str) -> str:
    """The value of `Authorization` for a user name and password (AUTH-03)."""
    from base64 import b64encode

    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode('ascii')}"


def _form(grant_type: str, service: str, scopes: Sequence[str], **proof: str) -> bytes:
    from urllib.parse import urlencode

    fields = {
        "grant_type": grant_type,
        "service": service,
        "client_id": "ocictl",
        "scope": " ".join(scopes),
        **proof,
    }
    return urlencode({name: value for name, value in fields.items() if value}).encode("ascii")


def _lifetime(value: Any) -> float:
    """Seconds; the default for everything that is not a positive number, or digits as some services send."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return DEFAULT_LIFETIME
    return float(min(value, _LONGEST))


def _unusable(url: str, why: str) -> RegistryError:
    return RegistryError(
        f"the answer of the token service {shown(url)!r} {why}",
        code="registry-protocol",
        url=shown(url),
        details={"rule": "AUTH-10"},
    )
