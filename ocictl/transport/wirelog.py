"""The debug log of requests and answers, with everything secret taken out (AUTH-25)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from ocictl.lazy_pattern import pattern
from ocictl.model.text import escape
from ocictl.transport import redact
from ocictl.transport.redact import HIDDEN, Redactor
from ocictl.transport.url_policy import shown

_SECRET_NAMES: Final = pattern(
    r"auth|cookie|token|secret|passw|key|signature|credential|session|jwt|assertion", re.IGNORECASE
)
_CHALLENGES: Final = frozenset({"www-authenticate", "proxy-authenticate"})
_URL_FIELDS: Final = frozenset({"location", "content-location", "link", "refresh", "referer"})
_QUERY: Final = pattern(r"[?#][^\s>,;\"]*")
_USER_INFO: Final = pattern(r"//[^/\s>]*@")
_TEXT_TYPES: Final = pattern(r"text/|application/(?:[\w.+-]*\+)?json\b", re.IGNORECASE)


class WireLog:
    """Writes one line per request, answer and shown body."""

    def __init__(
        self,
        write: Callable[[str], None],
        custom_names: Iterable[str],
        limit: int,
        redactor: Redactor | None = None,
    ) -> None:
        """
        Args:
            write: receives the lines.
            custom_names: headers given by the user; their values are never shown.
            limit: most bytes of a body to show.
            redactor: knows the secrets that were sent.
        """
        self._out = write
        self._custom = frozenset(name.lower() for name in custom_names)
        self._limit = limit
        self._redactor = redactor or Redactor()

    def request(self, method: str, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """A request is about to be sent."""
        self._write(f"> {method} {shown(url)} {self._fields(headers)}")

    def answer(self, method: str, url: str, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """The head of an answer is there."""
        self._write(f"< {status} {method} {shown(url)} {self._fields(headers)}")

    def failure(self, method: str, url: str, why: str) -> None:
        """No answer came."""
        self._write(f"! {method} {shown(url)} {escape(why)}")

    def body(self, content_type: str | None, data: bytes) -> None:
        """A body that was read as a whole; shown only if it is JSON or text."""
        if not data:
            return
        if not _TEXT_TYPES.match(content_type or ""):
            self._write(f"< body of {len(data)} bytes, not shown")
            return
        # Secrets are removed before the cut, so that no half of one is left at its end.
        text = data[: 4 * self._limit].decode("utf-8", "replace")
        text = redact.in_body(self._redactor.scrub(text))
        cut = text[: self._limit]
        more = f" ... ({len(data)} bytes in all)" if len(cut) < len(text) else ""
        self._write(f"< body {escape(cut)}{more}")

    def _write(self, line: str) -> None:
        self._out(self._redactor.scrub(line))

    def _fields(self, headers: Iterable[tuple[str, str]]) -> str:
        return "{" + "; ".join(f"{escape(name)}: {self._value(name, value)}" for name, value in headers) + "}"

    def _value(self, name: str, value: str) -> str:
        lower = name.lower()
        if lower in self._custom or (_SECRET_NAMES.search(lower) and lower not in _CHALLENGES):
            return HIDDEN
        if lower in _URL_FIELDS:
            value = _USER_INFO.sub("//", _QUERY.sub(f"?{HIDDEN}", value))
        return escape(redact.in_urls(value))
