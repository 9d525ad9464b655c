"""The way through a proxy: requests' adapter, which knows tunnels, proxies behind TLS and SOCKS (NET-04)."""

from __future__ import annotations

import io
import socket
from collections.abc import Mapping
from ssl import CERT_NONE, SSLContext
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)
from urllib3.util import Timeout

from ocictl.transport.answers import BrokenAnswer, Headers
from ocictl.transport.config import TransportConfig
from ocictl.transport.connections import Body, target_of
from ocictl.transport.network import Unreached, causes
from ocictl.transport.paced import PacedReader
from ocictl.transport.proxies import unusable
from ocictl.transport.response import BLOCK
from ocictl.transport.url_policy import Origin


class Proxied:
    """Sends requests to one origin through a proxy."""

    def __init__(
        self,
        origin: Origin,
        config: TransportConfig,
        proxy: str,
        *,
        tls: SSLContext | None,
        proxy_tls: SSLContext | None,
    ) -> None:
        """
        Args:
            origin: where to.
            config: see there.
            proxy: its URL.
            tls: settings for https.
            proxy_tls: settings for a proxy that is itself reached by TLS. It is checked like any other host, and sees
                no client certificate.
        """
        self._limits = config.limits
        # A plain request names the whole URL; what goes through a tunnel or SOCKS does not.
        self._whole_url = origin.scheme == "http" and not proxy.lower().startswith("socks")
        kwargs: dict[str, Any] = {}
        if tls is not None:
            kwargs["ssl_context"] = tls
            if config.insecure:
                kwargs["cert_reqs"] = "CERT_NONE"
                kwargs["assert_hostname"] = False
        options: dict[str, Any] = {}
        if proxy_tls is not None:
            options["proxy_ssl_context"] = proxy_tls
            kwargs.setdefault("ssl_context", proxy_tls)
        self._adapter = _Adapter(config.pool_size)
        try:
            manager = self._adapter.proxy_manager_for(proxy, blocksize=BLOCK, **options)
        except (requests.RequestException, HTTPError) as error:
            raise _translated(error) from error
        pool = manager.connection_from_host(
            host=origin.host, port=origin.port, scheme=origin.scheme, pool_kwargs=kwargs
        )
        self._adapter.pool = pool
        ours = {HTTPConnection: _Http, HTTPSConnection: _Https}.get(pool.ConnectionCls)
        if ours is not None:
            pool.ConnectionCls = ours
            pool.conn_kw["idle_timeout"] = config.limits.idle_timeout
            pool.conn_kw["trickle"] = config.limits.trickle_bytes

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Body | None, patience: float
    ) -> RequestsAnswer:
        request = _Request(method, url, dict(headers), body, url if self._whole_url else target_of(url))
        timeout: Any = Timeout(connect=self._limits.connect_timeout, read=patience)
        try:
            return RequestsAnswer(self._adapter.send(request, stream=True, timeout=timeout).raw)
        except (requests.RequestException, HTTPError) as error:
            raise _translated(error) from error

    def close(self) -> None:
        self._adapter.close()


def _translated(error: requests.RequestException | HTTPError) -> Exception:
    """What happened, in the words of the standard library."""
    if isinstance(error, requests.exceptions.InvalidSchema | requests.exceptions.InvalidProxyURL):
        return unusable()
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidHeader):
        return ValueError("no URL or header")
    if isinstance(error, requests.ReadTimeout):
        return TimeoutError()
    through_proxy = any(isinstance(cause, ProxyError) for cause in causes(error))
    if through_proxy or any(
        isinstance(cause, NewConnectionError | ConnectTimeoutError) for cause in causes(error)
    ):
        return Unreached(through_proxy=through_proxy)
    return ConnectionError()


class RequestsAnswer:
    """An answer that requests got, as a `RawAnswer`."""

    def __init__(self, raw: Any) -> None:
        """Wrap urllib3's answer, nothing of its body read."""
        self._raw = raw
        self.status: int = raw.status
        self.headers = Headers(raw.headers.iteritems())

    @property
    def left(self) -> int | None:
        left: int | None = getattr(self._raw, "length_remaining", None)
        return left

    def read(self, size: int, /) -> bytes:
        try:
            data: bytes = self._raw.read(size, decode_content=False)
        except ReadTimeoutError as error:
            raise TimeoutError from error
        except HTTPError as error:
            raise BrokenAnswer from error
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self.left == 0:
            self._raw.release_conn()
        self._raw.close()


class _Request(requests.PreparedRequest):
    """A request that is exactly what we made it: nothing is added, normalised or looked up."""

    def __init__(self, method: str, url: str, headers: dict[str, str], body: object, line: str) -> None:
        super().__init__()
        self.method = method
        self.url = url
        self.headers = cast("Any", headers)
        self.body = cast("Any", body)
        self.line = line

    @property
    def path_url(self) -> str:
        return target_of(self.url or "/")


class _Adapter(HTTPAdapter):
    """The adapter, with what is the same for every request of an origin done once.

    Attributes:
        pool: the connections, with TLS and proxy as we decided.
    """

    def __init__(self, size: int) -> None:
        self.pool: Any = None
        super().__init__(pool_connections=1, pool_maxsize=size, max_retries=0)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        """The connection pool for a request."""
        return self.pool

    def cert_verify(self, *_: Any) -> None:
        """Nothing to do: the pool has its TLS context already."""

    def request_url(self, request: Any, *_: Any) -> str:
        """What goes into the request line."""
        line: str = request.line
        return line

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """A minimal answer: no cookies, no guess at an encoding."""
        answer = requests.Response()
        answer.status_code = resp.status
        answer.headers = resp.headers
        answer.raw = resp
        answer.url = req.url
        answer.request = req
        return answer


class _Http(HTTPConnection):
    """A plain connection.

    urllib3 gives each send the connect time-out, which a slow line exceeds on one block; here sends may take as long
    as nothing moves for the idle time-out. Answers are read by `PacedReader`.
    """

    def __init__(self, *args: Any, idle_timeout: float, trickle: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_timeout = idle_timeout
        self.trickle = trickle

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is None:
            self.connect()
        self.timeout = self._idle_timeout
        super().request(*args, **kwargs)


class _Https(HTTPSConnection):
    """The same with TLS."""

    def __init__(self, *args: Any, idle_timeout: float, trickle: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._idle_timeout = idle_timeout
        self.trickle = trickle

    def connect(self) -> None:
        super().connect()
        if self.ssl_context is not None and self.ssl_context.verify_mode == CERT_NONE:
            # The user asked for this with --insecure; urllib3 would warn on standard error at every request.
            self.is_verified = True

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.timeout = self._idle_timeout
        super().request(*args, **kwargs)


def _answer(connection: _Http | _Https, sock: socket.socket, *args: Any, **kwargs: Any) -> Any:
    """What http.client calls to read an answer."""
    from http.client import HTTPResponse

    paced: Any = _PacedSocket(sock, connection.trickle)
    return HTTPResponse(paced, *args, **kwargs)


_Http.response_class = _answer  # type: ignore[assignment]
_Https.response_class = _answer  # type: ignore[assignment]


class _PacedSocket:
    """A socket as an answer sees it: something to read from."""

    def __init__(self, sock: socket.socket, trickle: int) -> None:
        self._sock = sock
        self._trickle = trickle

    def makefile(self, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        raw = self._sock.makefile("rb", buffering=0)
        patience = self._sock.gettimeout()
        if patience is None:
            return io.BufferedReader(raw)
        return io.BufferedReader(_Owner(raw, patience, self._trickle))


class _Owner(PacedReader):
    """A reader that closes what it reads from."""

    def __init__(self, raw: io.RawIOBase, patience: float, trickle: int) -> None:
        super().__init__(raw.readinto, patience, trickle)
        self._source = raw

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()
