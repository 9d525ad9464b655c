"""The debug log of requests and answers, with everything secret taken out (AUTH-25)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from ocictl.model.text import escape
from ocictl.transport.url_policy import shown

HIDDEN: Final = "***"
_SECRET_NAMES: Final = re.compile(
    r"authori[sz]ation|cookie|token|secret|password|passwd|api-?key|access-?key|signature|credential|session|"
    r"x-registry-auth",
    re.IGNORECASE,
)
_URL_FIELDS: Final = frozenset({"location", "content-location", "link", "refresh", "referer"})
_QUERY: Final = re.compile(r"[?#][^\s>,;\"]*")
_USER_INFO: Final = re.compile(r"//[^/\s>@]*@")
# Any member that may hold a secret, also in JSON that was put into a string of JSON (any number of backslashes).
_SECRET_MEMBER: Final = re.compile(
    r"""(?<!\\)(\\*+"[^"\\]*(?:token|password|passwd|secret|credential|signature|authorization)[^"\\]*\\*"\s*:\s*)"""
    r"""(\\*")(?:[^"\\]|\\.)*?(?:\2|"|\Z)""",
    re.IGNORECASE | re.DOTALL,
)
_FORM_SECRET: Final = re.compile(r"((?:token|password|secret|signature)[\w-]*=)[^&\s\"]+", re.IGNORECASE)
_TEXT_TYPES: Final = re.compile(r"text/|application/(?:[\w.+-]*\+)?json\b", re.IGNORECASE)


class WireLog:
    """Writes one line per request, answer and shown body."""

    def __init__(self, write: Callable[[str], None], custom_names: Iterable[str], limit: int) -> None:
        """
        Args:
            write: receives the lines.
            custom_names: headers given by the user; their values are never shown.
            limit: most bytes of a body to show.
        """
        self._write = write
        self._custom = frozenset(name.lower() for name in custom_names)
        self._limit = limit

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
        text = hide_members(data[: 4 * self._limit].decode("utf-8", "replace"))
        cut = text[: self._limit]
        more = f" ... ({len(data)} bytes in all)" if len(cut) < len(text) else ""
        self._write(f"< body {escape(cut)}{more}")

    def _fields(self, headers: Iterable[tuple[str, str]]) -> str:
        return "{" + "; ".join(f"{escape(name)}: {self._value(name, value)}" for name, value in headers) + "}"

    def _value(self, name: str, value: str) -> str:
        lower = name.lower()
        if lower in self._custom or (_SECRET_NAMES.search(lower) and lower != "www-authenticate"):
            return HIDDEN
        if lower in _URL_FIELDS:
            value = _USER_INFO.sub("//", _QUERY.sub(f"?{HIDDEN}", value))
        return escape(value)


def hide_members(text: str) -> str:
    """The text with the values of JSON members and form fields that hold secrets replaced."""
    return _FORM_SECRET.sub(rf"\1{HIDDEN}", _SECRET_MEMBER.sub(rf"\1\2{HIDDEN}\2", text))
