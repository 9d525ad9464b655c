"""One exchange on the wire: a request out, redirects followed by us, an answer back.

Requests go over connections of our own, or through requests' adapter where a proxy leads to the host. Either way: no
cookies, no .netrc, no redirects but ours, no decoding of bodies (docs/adr/0017-own-connections.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

from ocictl._version import __version__
from ocictl.errors import ContentError, RegistryError, TransportError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.target import ByteStream, Content
from ocictl.transport import network, url_policy
from ocictl.transport.answers import BrokenAnswer, RawAnswer
from ocictl.transport.config import TransportConfig
from ocictl.transport.connections import Direct, Sender
from ocictl.transport.network import Unreached
from ocictl.transport.redact import Redactor
from ocictl.transport.response import BLOCK, Response
from ocictl.transport.url_policy import Origin, shown

if TYPE_CHECKING:
    from ocictl.transport.tls import Contexts
    from ocictl.transport.wirelog import WireLog

COMMON_HEADERS: Final[Mapping[str, str]] = {
    "User-Agent": f"ocictl/{__version__}",
    # Anything else would be decoded on the way or spoil sizes, ranges and digests (PY-04).
    "Accept-Encoding": "identity",
}
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_WITH_BODY: Final = ("POST", "PUT", "PATCH", "DELETE")

Redirects = Literal["anywhere", "own-origin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request as meant; it can be sent as often as needed.

    Attributes:
        method, url: absolute URL.
        home: the origin that the private headers are for.
        headers: sent to whatever host the request ends up at.
        private: sent to `home` only, and no more once a redirect has led away from it.
        content: the body, opened anew each time (PUSH-22); or None.
        redirects: `own-origin` makes a redirect to another origin the answer instead of following it.
        secret: neither request nor answer may be shown: a token service's.
    """

    method: str
    url: str
    home: Origin
    headers: Mapping[str, str] = field(default_factory=dict)
    private: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: Content | None = field(default=None, repr=False)
    redirects: Redirects = "anywhere"
    secret: bool = False


class Wire:
    """Sends exchanges for one registry. May be used by several threads at once."""

    def __init__(self, own: Origin, config: TransportConfig, registry: str = "") -> None:
        """
        Args:
            own: the registry's origin; the client certificate is for it alone.
            config: see there.
            registry: as the user wrote it, for its directory of certificates; "" for none.
        """
        self.own = own
        self._own_url = str(own)
        self._own_prefix = f"{own}/"
        self._config = config
        self._limits = config.limits
        self._registry = registry
        self._senders: dict[tuple[Origin, bool], Sender] = {}
        self._lock = Lock()
        self._redactor = Redactor()
        self._log = self._wire_log() if config.debug else None
        self._patience = config.limits.idle_timeout
        self._upload_patience = max(self._patience, config.limits.answer_timeout)

    def _wire_log(self) -> WireLog:
        from ocictl.transport.wirelog import WireLog

        config = self._config
        assert config.debug is not None  # noqa: S101 - see the caller
        names = [name for name, _ in config.headers]
        return WireLog(config.debug, names, config.limits.debug_bytes, self._redactor)

    def send(self, exchange: Exchange) -> Response:
        """Send a request and follow redirects; return the first answer that is none.

        Scheme, host and port are the boundary: once a redirect crosses it, neither private headers nor the client
        certificate are sent any more, not even if another redirect leads back (HTTP-02).

        Raises:
            TransportError: no answer, or a redirect that is refused.
            RegistryError: `registry-protocol`, a redirect that would drop the body or the method.
        """
        url = exchange.url
        origin = self.own if url.startswith(self._own_prefix) else url_policy.origin_of(url)
        at_home = origin == exchange.home
        for _ in range(self._limits.redirects + 1):
            response = self._send_once(exchange, url, origin, at_home=at_home)
            if response.status not in _REDIRECTS:
                return response
            target = self._redirect_target(exchange, response)
            if target is None:
                return response
            response.close()
            url = target
            origin = url_policy.origin_of(url)
            at_home = at_home and origin == exchange.home
        raise TransportError(
            f"more than {self._limits.redirects} redirects, beginning at {shown(exchange.url)!r}",
            code="url-refused",
            details={"url": shown(exchange.url), "rule": "HTTP-02"},
        )

    def close(self) -> None:
        """Close all kept connections."""
        with self._lock:
            senders = list(self._senders.values())
            self._senders.clear()
        for sender in senders:
            sender.close()

    def _redirect_target(self, exchange: Exchange, response: Response) -> str | None:
        """Where to go on, or None if this redirect is the answer."""
        location = response.headers.get("Location")
        if location is None:
            return None
        if exchange.redirects == "own-origin" and _leaves(location, response.url, exchange.home):
            return None
        try:
            target = url_policy.checked(location, response.url, self._own_url, "redirect")
        except TransportError:
            response.close()
            raise
        if response.status in (301, 302, 303) and exchange.method not in ("GET", "HEAD"):
            response.close()
            raise RegistryError(
                f"the registry redirected {exchange.method} {shown(response.url)!r} by {response.status}, "
                "which would turn it into another request",
                code="registry-protocol",
                status=response.status,
                method=exchange.method,
                url=shown(response.url),
                details={"location": shown(target), "rule": "PY-02"},
            )
        return target

    def _send_once(self, exchange: Exchange, url: str, origin: Origin, *, at_home: bool) -> Response:
        method = exchange.method
        headers = {**COMMON_HEADERS, **exchange.headers}
        if at_home:
            headers.update(exchange.private)
            self._redactor.learn(exchange.private)
        body: _Body | bytes | None = None
        patience = self._patience
        if exchange.content is not None:
            headers["Content-Length"] = str(exchange.content.size)
            body = _open(exchange.content)
            if isinstance(body, _Body):
                patience = self._upload_patience
            elif exchange.secret:
                self._redactor.learn_form(body)
        elif method in _WITH_BODY:
            headers["Content-Length"] = "0"
        if self._log is not None:
            self._log.request(method, url, headers.items())
        try:
            raw = self._sender(origin, own=at_home and origin == self.own).send(
                method, url, headers, body, patience
            )
        except (Unreached, BrokenAnswer, OSError, ValueError) as error:
            failure = network.sending_failed(error, method, url, connect_timeout=self._limits.connect_timeout)
            if self._log is not None:
                self._log.failure(method, url, failure.message)
            raise failure from error
        finally:
            if isinstance(body, _Body):
                body.close()
        return self._answer(exchange, raw, url, at_home=at_home)

    def _answer(self, exchange: Exchange, raw: RawAnswer, url: str, *, at_home: bool) -> Response:
        log = self._log
        on_body = None
        if log is not None:
            log.answer(exchange.method, url, raw.status, raw.headers.items())
            if not exchange.secret:
                content_type = raw.headers.get("Content-Type")

                def on_body(data: bytes) -> None:
                    log.body(content_type, data)

        response = Response(
            raw,
            method=exchange.method,
            url=url,
            at_home=at_home,
            drain=self._limits.drain_bytes,
            on_body=on_body,
            scrub=self._redactor.scrub,
        )
        if exchange.method == "HEAD" or response.status == 204 or response.size == 0:
            response.close()
        return response

    def _sender(self, origin: Origin, *, own: bool) -> Sender:
        """What sends requests to an origin; worked out at the first of them."""
        key = (origin, own)
        sender = self._senders.get(key)
        if sender is None:
            with self._lock:
                sender = self._senders.get(key)
                if sender is None:
                    sender = self._senders[key] = self._make_sender(origin, own=own)
        return sender

    def _make_sender(self, origin: Origin, *, own: bool) -> Sender:
        tls = self._contexts.get(own=own) if origin.scheme == "https" else None
        proxy = _proxy_for(origin)
        if proxy is None:
            known = [entry for entry in self._config.resolve if (entry.host, entry.port) == origin[1:]]
            return Direct(
                origin,
                self._limits,
                tls=tls,
                address=(known[-1].address, known[-1].address_port) if known else None,
                keep=self._config.pool_size,
            )
        from ocictl.transport.proxied import Proxied

        proxy_tls = self._contexts.get(own=False) if proxy.lower().startswith("https:") else None
        return Proxied(origin, self._config, proxy, tls=tls, proxy_tls=proxy_tls)

    @cached_property
    def _contexts(self) -> Contexts:
        from ocictl.transport.tls import Contexts

        return Contexts(self._config, self._registry)


def _proxy_for(origin: Origin) -> str | None:
    """The proxy that leads to an origin; never one to this machine, as in Go (NET-04)."""
    if url_policy.is_loopback(origin.host):
        return None
    from ocictl.transport.proxies import proxy_for

    return proxy_for(origin)


class _Body:
    """The body of a big upload: read in blocks, and exactly as long as announced (PY-03)."""

    def __init__(self, content: Content) -> None:
        self._left = content.size
        self._stream: ByteStream = content.open()

    def read(self, size: int = -1) -> bytes:
        """The next block; the last, empty read is passed on too, because it is where the source checks itself."""
        data = self._stream.read(BLOCK if size < 0 else size)
        self._left -= len(data)
        if self._left < 0 or (self._left and not data):
            raise _wrong_length()
        return data

    def close(self) -> None:
        self._stream.close()


def _open(content: Content) -> _Body | bytes:
    """Open content for sending; what fits into one block is read at once, and an empty body is `b""` (PY-03)."""
    if content.size > BLOCK:
        return _Body(content)
    parts = []
    with content.open() as stream:
        while part := stream.read(BLOCK):
            parts.append(part)
    data = b"".join(parts)
    if len(data) != content.size:
        raise _wrong_length()
    return data


def _wrong_length() -> ContentError:
    return ContentError(
        "content to send has more or fewer bytes than it said",
        code="size-mismatch",
        hint="the source changed while it was read; run the command again",
    )


def _leaves(location: str, request_url: str, home: Origin) -> bool:
    """Tell whether a redirect leads to another origin, or nowhere."""
    try:
        return url_policy.origin_of(url_policy.resolve(location, request_url, "redirect")) != home
    except TransportError:
        return True
