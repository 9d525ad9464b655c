"""requests' adapter, with the work that is the same for every request of an origin done once."""

from __future__ import annotations

from ssl import CERT_NONE
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocictl.transport import url_policy
from ocictl.transport.config import TransportConfig
from ocictl.transport.response import BLOCK
from ocictl.transport.url_policy import Origin


class Route:
    """How to reach an origin; worked out at the first request."""

    __slots__ = ("origin", "own", "pool", "proxied")

    def __init__(self, origin: Origin, *, own: bool) -> None:
        self.origin = origin
        self.own = own
        self.pool: Any = None
        # A plain request through a proxy names the whole URL.
        self.proxied = False

    def target(self, url: str) -> str:
        """Path and query, byte for byte."""
        rest = url.partition("://")[2]
        start = len(rest)
        for mark in "/?":
            found = rest.find(mark, 0, start)
            start = found if found >= 0 else start
        path = rest[start:]
        return path if path.startswith("/") else f"/{path}"


class Request(requests.PreparedRequest):
    """A request that is exactly what we made it: nothing is added, normalised or looked up."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: object, route: Route) -> None:
        super().__init__()
        self.method = method
        self.url = url
        self.headers = cast("Any", headers)
        self.body = cast("Any", body)
        self.route = route

    @property
    def path_url(self) -> str:
        return self.route.target(self.url or "/")


class Adapter(HTTPAdapter):
    """The adapter, with the work that is the same for every request of an origin done once."""

    def __init__(self, config: TransportConfig) -> None:
        self._config = config
        self._contexts: Any = None
        super().__init__(pool_connections=32, pool_maxsize=config.pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Send bodies in bigger blocks than urllib3's own."""
        super().init_poolmanager(*args, blocksize=BLOCK, **kwargs)

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        """The connection pool for a request; TLS and proxies are ours to decide."""
        route: Route = request.route
        if route.pool is None:
            route.pool = self._pool(route)
        return route.pool

    def cert_verify(self, *_: Any) -> None:
        """Nothing to do: the pool has its TLS context already."""

    def request_url(self, request: Any, *_: Any) -> str:
        """What goes into the request line."""
        url: str = request.url if request.route.proxied else request.path_url
        return url

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """A minimal answer: no cookies, no guess at an encoding."""
        answer = requests.Response()
        answer.status_code = resp.status
        answer.headers = resp.headers
        answer.raw = resp
        answer.url = req.url
        answer.request = req
        return answer

    def _pool(self, route: Route) -> Any:
        origin = route.origin
        kwargs: dict[str, Any] = {}
        if origin.scheme == "https":
            kwargs["ssl_context"] = self._context(own=route.own)
            # Part of the pool's identity: the context with the client certificate is never shared.
            if self._config.insecure:
                kwargs["cert_reqs"] = "CERT_NONE"
                kwargs["assert_hostname"] = False
        proxy = _proxy_for(origin)
        if proxy:
            route.proxied = origin.scheme == "http" and not proxy.lower().startswith("socks")
            manager = self.proxy_manager_for(proxy, blocksize=BLOCK)
        else:
            manager = self.poolmanager
        pool = manager.connection_from_host(
            host=origin.host, port=origin.port, scheme=origin.scheme, pool_kwargs=kwargs
        )
        if pool.ConnectionCls in (HTTPConnection, HTTPSConnection):
            pool.ConnectionCls = _Https if origin.scheme == "https" else _Http
            pool.conn_kw["idle_timeout"] = self._config.limits.idle_timeout
        return pool

    def _context(self, *, own: bool) -> Any:
        if self._contexts is None:
            from ocictl.transport.tls import Contexts

            self._contexts = Contexts(self._config)
        return self._contexts.get(own=own)


class _Http(HTTPConnection):
    """A connection whose sends may take as long as nothing moves for the idle time-out.

    urllib3 gives each send the connect time-out, which a slow line exceeds on one block.
    """

    def __init__(self, *args: Any, idle_timeout: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_timeout = idle_timeout

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        self.timeout = self._idle_timeout
        super().request(*args, **kwargs)


class _Https(HTTPSConnection):
    """The same with TLS."""

    def __init__(self, *args: Any, idle_timeout: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_timeout = idle_timeout

    def connect(self) -> None:
        super().connect()
        if self.ssl_context is not None and self.ssl_context.verify_mode == CERT_NONE:
            # The user asked for this with --insecure; urllib3 would warn on standard error at every request.
            self.is_verified = True

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.timeout = self._idle_timeout
        super().request(*args, **kwargs)


def _proxy_for(origin: Origin) -> str | None:
    """The proxy from the environment, or None; never one for loopback addresses, as in Go (NET-04)."""
    if url_policy.is_loopback(origin.host):
        return None
    url = f"{origin}/"
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
