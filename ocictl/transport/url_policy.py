"""Where requests may go when a server names the URL: realms, redirects, upload locations and links.

A server's URL is untrusted. It is resolved here, and refused unless it is plain http(s) without user info, does not
leave TLS, and does not point into the local network (sections HTTP-02, AUTH-22, PUSH-20, TAG-07).
The connection is later made to the origin that was parsed here, so no second parser can read another host.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from ocictl.errors import RegistryError, TransportError
from ocictl.lazy_pattern import pattern
from ocictl.model.text import escape, shorten

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_PORTS = {"https": 443, "http": 80}
_VISIBLE = pattern(r"[\x21-\x5b\x5d-\x7e]+")
_HOST = pattern(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_NUMERIC = pattern(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+)){0,3}")


class Origin(NamedTuple):
    """Scheme, host and port: the boundary that credentials never cross.

    Attributes:
        scheme: `https` or `http`.
        host: lower case; an IPv6 address without brackets.
        port: as connected to; the scheme's own port if none was written.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def origin_of(url: str, what: str = "URL") -> Origin:
    """Read the origin of an absolute URL, which must be http(s) without user info.

    Raises:
        TransportError: `url-refused`.
    """
    if not _VISIBLE.fullmatch(url):
        raise refused(what, url, "it holds blanks, control characters, backslashes or non-ASCII characters")
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise refused(what, url, "its host or port is malformed") from None
    if scheme not in _PORTS:
        raise refused(what, url, "only https and http are followed")
    if "@" in parts.netloc:
        raise refused(what, url, "it holds a user name or password")
    if not _HOST.fullmatch(host) or port == 0:
        raise refused(what, url, "its host or port is malformed")
    return Origin(scheme, host, _PORTS[scheme] if port is None else port)


def same_origin(left: str, right: str) -> bool:
    """Tell whether two absolute URLs have scheme, host and port in common; `:443` equals none.

    Raises:
        TransportError: `url-refused` if one is not an http(s) URL.
    """
    return origin_of(left) == origin_of(right)


def resolve(target: str, request_url: str, what: str) -> str:
    """Make a URL reference absolute against the URL of the request that was answered with it (PUSH-04).

    Path and query stay byte for byte as sent; a fragment is dropped.

    Raises:
        TransportError: `url-refused`.
    """
    reference = target.strip(" \t").partition("#")[0]
    if not reference:
        raise refused(what, target, "it is empty")
    if not _VISIBLE.fullmatch(reference):
        raise refused(
            what, target, "it holds blanks, control characters, backslashes or non-ASCII characters"
        )
    if reference[:8].lower().startswith(("https://", "http://")):
        return reference
    scheme, _colon, rest = request_url.partition("://")
    if reference.startswith("//"):
        return f"{scheme}:{reference}"
    if reference.startswith("/"):
        return f"{scheme}://{rest.partition('/')[0].partition('?')[0]}{reference}"
    if reference.startswith("?"):
        return request_url.partition("#")[0].partition("?")[0] + reference
    return urljoin(request_url, reference)


def checked(target: str, request_url: str, own: str, what: str) -> str:
    """Resolve a URL sent by a server and make sure that a request may go there.

    Args:
        target: URL reference as sent.
        request_url: absolute URL of the request that was answered with it.
        own: the registry's own base URL; its host is allowed even if it is a local address.
        what: name of the thing for messages, such as `redirect`.

    Raises:
        TransportError: `url-refused`: other schemes, user info, https to http, addresses of the local network.
    """
    url = resolve(target, request_url, what)
    origin = origin_of(url, what)
    home = origin_of(own)
    if origin.scheme == "http" and "https" in (home.scheme, origin_of(request_url).scheme):
        raise refused(
            what,
            url,
            "it leaves https",
            "the registry may stand behind a proxy that does not tell it about https; its operator has to fix "
            "the URLs that it sends (often by the header X-Forwarded-Proto)",
        )
    if (
        origin.host != home.host
        and is_internal(origin.host)
        and not (is_loopback(origin.host) and is_loopback(home.host))
    ):
        raise refused(
            what,
            url,
            "it points to an address of the local network",
            "a registry may name only its own address or a host name; its operator has to use a host name",
        )
    return url


def upload_location(location: str | None, request_url: str, own: str) -> str:
    """Resolve the `Location` of an answer to an upload request. It may be on another host (PUSH-04, PUSH-20).

    Raises:
        RegistryError: `registry-protocol`, there is no Location.
        TransportError: `url-refused`.
    """
    if location is None:
        raise RegistryError(
            f"the registry began an upload without a Location (asked at {shown(request_url)})",
            code="registry-protocol",
            url=shown(request_url),
            details={"rule": "PUSH-03"},
        )
    return checked(location, request_url, own, "upload location")


def is_loopback(host: str) -> bool:
    """Tell whether this is `localhost` or an address of 127.0.0.0/8 or ::1, brackets or not."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost":
        return True
    address = _address(bare)
    return address is not None and address.is_loopback


def is_internal(host: str) -> bool:
    """Tell whether this is an address (or `localhost`) that is not reachable from everywhere.

    Private, loopback, link-local, reserved and multicast addresses count, in every spelling that the C library
    resolves (`127.1`, `0x7f000001`), and IPv6 addresses that carry such an IPv4 address.
    """
    bare = host.strip("[]").rstrip(".").lower()
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    address = _address(bare)
    return address is not None and (not address.is_global or address.is_multicast)


def shown(url: str) -> str:
    """The URL for messages and logs: without user info, query and fragment, escaped (AUTH-25)."""
    head = re.split(r"[?#]", url, maxsplit=1)[0]
    scheme, separator, rest = head.partition("://")
    if not separator:
        return shorten(head, 300)
    authority, slash, path = rest.partition("/")
    return shorten(f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}", 300)


def refused(what: str, url: str, why: str, hint: str | None = None) -> TransportError:
    """The error for a URL that is not followed; it never shows user info or query."""
    return TransportError(
        f"refused the {what} {shown(url)!r}: {escape(why)}",
        code="url-refused",
        hint=hint or "nothing was sent there; tell the registry's operator",
        details={"url": shown(url), "reason": why},
    )


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a host part is or carries, or None for a name."""
    if ":" not in host and not _NUMERIC.fullmatch(host):
        return None
    import ipaddress
    import socket

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
