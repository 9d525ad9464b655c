"""Failures of the network, as our errors: no foreign exception leaves this layer."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

from ocictl.errors import TransportError
from ocictl.lazy_pattern import pattern
from ocictl.model.text import escape
from ocictl.transport.url_policy import shown

_REFUSED_TUNNEL = pattern(r"Tunnel connection failed: ([0-9]{3})\b")

__all__ = ["TemporaryError", "Unreached", "causes", "reading_failed", "sending_failed", "shown"]


class TemporaryError(TransportError):
    """A failure that may be over at the next attempt (HTTP-06)."""


class Unreached(Exception):  # noqa: N818 - it never leaves this layer
    """No connection was made; the cause says why.

    Attributes:
        through_proxy: the proxy is not there, or does not want to lead to the host.
    """

    def __init__(self, *, through_proxy: bool = False) -> None:
        super().__init__()
        self.through_proxy = through_proxy


def sending_failed(error: BaseException, method: str, url: str, *, connect_timeout: float) -> TransportError:
    """The error for a request that got no answer.

    Args:
        error: `Unreached`, `BrokenAnswer`, or what the system or the making of a request raised.
        method, url: of the request.
        connect_timeout: seconds, for the message.
    """
    place = shown(url)
    host = place.partition("://")[2].partition("/")[0]
    details = {"method": method, "url": place}
    chain = list(causes(error))
    proxied = isinstance(error, Unreached) and error.through_proxy
    if "ssl" in sys.modules:
        from ocictl.transport import tls

        found = tls.find_error(chain)
        if found is not None:
            if tls.is_lost(found):
                return _lost_in_tls(host, details)
            return tls.handshake_failed(found, host, method, place)
    for cause in chain:
        if isinstance(cause, socket.gaierror):
            return _unknown_host(cause, "the proxy" if proxied else host, details)
    if any(isinstance(cause, TimeoutError) for cause in chain):
        if isinstance(error, Unreached):
            return TemporaryError(
                f"no connection to {host!r} within {connect_timeout:g} seconds",
                code="timeout",
                hint="check the network, the port, and whether a proxy is needed (HTTPS_PROXY)",
                details=details,
            )
        return _silent(method, place, details)
    if isinstance(error, ValueError):
        return TransportError(f"{place!r} can't be requested", code="url-refused", details=details)
    if proxied:
        return _not_through_proxy(chain, host, details)
    return _lost(chain, method, place, host, details)


def reading_failed(error: BaseException, method: str, url: str) -> TransportError:
    """The error for an answer whose body broke off."""
    place = shown(url)
    details = {"method": method, "url": place}
    chain = list(causes(error))
    if any(isinstance(cause, TimeoutError) for cause in chain):
        return _silent(method, place, details)
    if any(isinstance(cause, ConnectionError) for cause in chain):
        return TemporaryError(
            f"the connection broke during {method} {place!r}: {_reason(chain)}", details=details
        )
    return TemporaryError(
        f"the answer to {method} {place!r} ended too early",
        code="response-truncated",
        hint="run the command again; if it stays, the registry or a proxy cuts answers short",
        details=details,
    )


def _lost(
    chain: list[BaseException], method: str, place: str, host: str, details: dict[str, str]
) -> TransportError:
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in chain)
    unreached = isinstance(chain[0], Unreached)
    what = f"no connection to {host!r}" if unreached else f"the connection broke during {method} {place!r}"
    hint = None
    if refused:
        hint = "check the host name and port; nothing listens there now"
    elif not unreached and place.startswith("http:"):
        hint = "if this stays, the host may speak TLS on this port: add --plain-http=false"
    return TemporaryError(f"{what}: {_reason(chain)}", hint=hint, details=details)


def _lost_in_tls(host: str, details: dict[str, str]) -> TransportError:
    return TemporaryError(
        f"{host!r} closed the connection while TLS was spoken",
        hint="if this stays, check the port; only if the registry really has no TLS, add --plain-http",
        details=details,
    )


def _not_through_proxy(chain: list[BaseException], host: str, details: dict[str, str]) -> TransportError:
    """The proxy is not there, or does not want to lead to the host."""
    refusals = [match for cause in chain if (match := _REFUSED_TUNNEL.match(str(cause)))]
    status = int(refusals[0][1]) if refusals else 0
    reason = f"the proxy answered {status}" if status else _reason(chain)
    # A proxy that wants a password, or forbids a host, does so the next time too; one in trouble may recover.
    kind = TransportError if 400 <= status < 500 else TemporaryError
    hint = "check HTTPS_PROXY and HTTP_PROXY; list hosts to reach without it in NO_PROXY"
    if status in (401, 407):
        hint = "the proxy wants a user name and password: HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
    return kind(f"no connection to {host!r} through the proxy: {reason}", hint=hint, details=details)


def _unknown_host(cause: socket.gaierror, host: str, details: dict[str, str]) -> TransportError:
    kind = TemporaryError if cause.errno == socket.EAI_AGAIN else TransportError
    return kind(
        f"the name of {host!r} can't be resolved: {cause.strerror or 'unknown'}",
        hint="check the host name and the network",
        details=details,
    )


def _silent(method: str, place: str, details: dict[str, str]) -> TransportError:
    return TemporaryError(
        f"nothing came from the host for too long during {method} {place!r}",
        code="timeout",
        hint="check the network and run the command again",
        details=details,
    )


def _reason(chain: list[BaseException]) -> str:
    """A few words from the operating system; never a library's text, which may hold proxy passwords."""
    for cause in reversed(chain):
        if isinstance(cause, OSError) and cause.strerror:
            return escape(cause.strerror.lower())
    if any(type(cause).__name__ == "RemoteDisconnected" for cause in chain):
        return "closed without an answer"
    if any(type(cause).__name__ in ("BadStatusLine", "LineTooLong") for cause in chain):
        return "the answer is not HTTP"
    return "connection lost"


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and whatever it wraps, in any of the ways that the libraries do."""
    todo: list[object] = [error]
    seen: set[int] = set()
    while todo and len(seen) < 50:
        cause = todo.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        todo += [getattr(cause, "reason", None), cause.__cause__, cause.__context__, *cause.args]
