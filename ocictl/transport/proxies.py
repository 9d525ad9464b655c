"""Which proxy leads to a host, by the environment (NET-04)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from ocictl.errors import TransportError
from ocictl.transport import url_policy
from ocictl.transport.url_policy import Origin

_SCHEMES: Final = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})


def proxy_for(origin: Origin) -> str | None:
    """The URL of the proxy that leads to an origin, or None if it is reached directly.

    HTTPS_PROXY or HTTP_PROXY by the origin's scheme, else ALL_PROXY; in lower case too, which wins. NO_PROXY takes
    hosts out. `localhost` and loopback addresses are always reached directly, as in Go.

    Raises:
        TransportError: it is no URL of a proxy.
    """
    if url_policy.is_loopback(origin.host):
        return None
    proxies: Mapping[str, str] = getproxies()
    proxy = (proxies.get(origin.scheme) or proxies.get("all") or "").strip()
    if not proxy or is_excluded(origin, proxies.get("no") or ""):
        return None
    return _checked(proxy if "://" in proxy else f"http://{proxy}")


def unusable(details: Mapping[str, str] | None = None) -> TransportError:
    """The error for a proxy that can't be used. It does not show the value, which may hold a password."""
    return TransportError(
        "the proxy named in the environment can't be used",
        hint="check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY; SOCKS needs: pip install 'requests[socks]'",
        details=details,
    )


def _checked(proxy: str) -> str:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise unusable()
    return proxy


def is_excluded(origin: Origin, listed: str) -> bool:
    """Tell whether the value of NO_PROXY names this origin.

    Entries stand between commas or blanks: `*` for all; `example.com` for this name and all below it, `.example.com`
    and `*.example.com` likewise; an address; a network such as `10.0.0.0/8`. A port after an entry limits it.
    """
    return any(_matches(origin, entry) for entry in listed.lower().replace(",", " ").split())


def _matches(origin: Origin, entry: str) -> bool:
    if entry == "*":
        return True
    host, port = _split_port(entry)
    if port and port != str(origin.port):
        return False
    address = _address(origin.host)
    if address is None:
        name = host.removeprefix("*").strip(".")
        return bool(name) and f".{origin.host.rstrip('.')}".endswith(f".{name}")
    try:
        return address in ipaddress.ip_network(host, strict=False)
    except ValueError:
        return False


def _split_port(entry: str) -> tuple[str, str]:
    """Host without brackets, and the port or ""."""
    if entry.startswith("["):
        host, _bracket, rest = entry[1:].partition("]")
        return host, rest.removeprefix(":")
    if entry.count(":") == 1:
        host, _colon, port = entry.partition(":")
        return host, port
    return entry, ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
