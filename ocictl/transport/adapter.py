"""requests' adapter, with the work that is the same for every request of an origin done once."""

from __future__ import annotations

from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from ocictl.transport.config import TransportConfig
from ocictl.transport.connections import Http, Https
from ocictl.transport.proxies import proxy_for
from ocictl.transport.response import BLOCK
from ocictl.transport.url_policy import Origin


class Route:
    """How to reach an origin; worked out at the first request."""

    __slots__ = ("host", "origin", "own", "pool", "proxied")

    def __init__(self, origin: Origin, *, own: bool) -> None:
        self.origin = origin
        self.own = own
        self.pool: Any = None
        # A plain request through a proxy names the whole URL.
        self.proxied = False
        # The Host header, where the connection goes to an address that the user gave.
        self.host: str | None = None

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

    def __init__(self, config: TransportConfig, registry: str) -> None:
        """
        Args:
            config: see there.
            registry: as the user wrote it; names a directory of certificates.
        """
        self._config = config
        self._registry = registry
        self._contexts: Any = None
        self._addresses = {(known.host, known.port): known for known in config.resolve}
        super().__init__(pool_connections=32, pool_maxsize=config.pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Send bodies in bigger blocks than urllib3's own."""
        super().init_poolmanager(*args, blocksize=BLOCK, **kwargs)

    def get_connection_with_tls_context(self, request: Any, *_: Any, **__: Any) -> Any:
        """The connection pool for a request; TLS and proxies are ours to decide."""
        route: Route = request.route
        if route.pool is None:
            route.pool = self._pool(route)
        if route.host is not None:
            request.headers["Host"] = route.host
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
        host, port = origin.host, origin.port
        kwargs: dict[str, Any] = {}
        if origin.scheme == "https":
            kwargs["ssl_context"] = self._tls.get(own=route.own)
            # Part of the pool's identity: the context with the client certificate is never shared.
            if self._config.insecure:
                kwargs["cert_reqs"] = "CERT_NONE"
                kwargs["assert_hostname"] = False
        proxy = proxy_for(origin)
        if proxy:
            manager = self.proxy_manager_for(proxy, blocksize=BLOCK, **self._proxy_options(proxy))
            if origin.scheme == "http":
                route.proxied = not proxy.lower().startswith("socks")
                kwargs.update(self._proxy_options(proxy, "ssl_context"))
        else:
            manager = self.poolmanager
            known = self._addresses.get((host, port))
            if known is not None:
                # TLS still asks for a certificate of the name, and the registry is told the name.
                if origin.scheme == "https":
                    kwargs["server_hostname"] = host
                route.host = str(origin).partition("://")[2]
                host, port = known.address, known.address_port
        pool = manager.connection_from_host(host=host, port=port, scheme=origin.scheme, pool_kwargs=kwargs)
        ours = {HTTPConnection: Http, HTTPSConnection: Https}.get(pool.ConnectionCls)
        if ours is not None:
            pool.ConnectionCls = ours
            pool.conn_kw["idle_timeout"] = self._config.limits.idle_timeout
            pool.conn_kw["trickle"] = self._config.limits.trickle_bytes
        return pool

    def _proxy_options(self, proxy: str, name: str = "proxy_ssl_context") -> dict[str, Any]:
        """A proxy that is itself reached by TLS is checked like any other host, and sees no client certificate."""
        return {name: self._tls.get(own=False)} if proxy.lower().startswith("https:") else {}

    @property
    def _tls(self) -> Any:
        if self._contexts is None:
            from ocictl.transport.tls import Contexts

            self._contexts = Contexts(self._config, self._registry)
        return self._contexts
