"""Taking secrets out of texts before anybody sees them (AUTH-25).

Two ways, used together: by form (names of headers, members and parameters that hold secrets, queries and user info
of URLs), and by value (what was sent as a secret is taken out wherever it comes back).
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from threading import Lock
from typing import Final
from urllib.parse import parse_qsl, quote

from ocictl.lazy_pattern import pattern

HIDDEN: Final = "***"
_SHORTEST: Final = 6
"""Shorter values are not looked for: they would be found in harmless words, and hide nothing."""
_MOST: Final = 300
"""How many values are remembered; the oldest are forgotten. A long run gets many tokens."""

_NAME: Final = (
    r"token|passw(?:or)?d|secret|credential|signature|authorization|assertion|cookie|session"
    r"|(?:api|access|private)[-_]?key|(?<![a-z])auth(?![a-z])"
)
# Any member that may hold a secret, also in JSON that was put into a string of JSON (any number of backslashes).
_MEMBER: Final = pattern(
    rf"""(?<!\\)(\\*+"[^"\\]*(?:{_NAME})[^"\\]*\\*"\s*:\s*)"""
    r"""(?:(\\*")(?:[^"\\]|\\.)*?(?:\2|"|\Z)|[\[{][^\]}]*(?:[\]}]|\Z)|-?[0-9][0-9.eE+-]*)""",
    re.IGNORECASE | re.DOTALL,
)
# A word in small letters alone is one of a sentence.
_AUTHORIZATION: Final = pattern(r"\b((?i:basic|bearer)) +(?=[a-z]*[^a-z\s])(?!realm=)[\w.~+/=-]{6,}")
_PARAMETER: Final = pattern(rf"((?:{_NAME}|\bsig)[\w-]*=)[^&\s\"]+", re.IGNORECASE)
_URL: Final = pattern(r"[a-z][a-z0-9+.-]{0,30}:(?:\\*/){2}[^\s\"'<>,;]*", re.IGNORECASE)
_USER_INFO: Final = pattern(r"((?:\\*/){2})[^/\\?#@]*(?:@[^/\\?#@]*)*@")
_QUERY: Final = pattern(r"[?#].*", re.DOTALL)


def in_urls(text: str) -> str:
    """The text with user info, queries and fragments of the absolute URLs in it replaced."""
    return _URL.sub(lambda match: _in_url(match[0]), text)


def in_body(text: str) -> str:
    """The text with what may be a secret in JSON, forms and URLs replaced."""
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", _MEMBER.sub(_hide_member, text))
    return in_urls(_PARAMETER.sub(rf"\1{HIDDEN}", text))


def _hide_member(match: re.Match[str]) -> str:
    quotes = match[2] or '"'
    return f"{match[1]}{quotes}{HIDDEN}{quotes}"


def _in_url(url: str) -> str:
    return _QUERY.sub(f"?{HIDDEN}", _USER_INFO.sub(r"\1", url))


class Redactor:
    """Remembers what was sent as a secret, and takes it out of texts. For several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: set[str] = set()
        self._values: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, headers: Mapping[str, str]) -> None:
        """Remember the values of private headers: whole, without their scheme, and the password of Basic."""
        for value in headers.values():
            if value not in self._seen:
                _scheme, _blank, rest = value.partition(" ")
                self._add(value, value, rest.strip(), _password(value))

    def learn_form(self, form: bytes) -> None:
        """Remember the secrets of a form that was sent to a token service."""
        text = form.decode("ascii", "replace")
        if text not in self._seen:
            fields = dict(parse_qsl(text))
            self._add(text, *(fields.get(name, "") for name in ("password", "refresh_token")))

    def scrub(self, text: str) -> str:
        """The text without what was sent as a secret."""
        if not self._values:
            return text
        with self._lock:
            if self._pattern is None:
                longest_first = sorted(self._values, key=len, reverse=True)
                self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            pattern = self._pattern
        return pattern.sub(HIDDEN, text)

    def _add(self, source: str, *values: str) -> None:
        with self._lock:
            self._seen.add(source)
            for value in values:
                for form in (value, quote(value, safe=""), json.dumps(value)[1:-1]):
                    if len(form) >= _SHORTEST:
                        self._values[form] = None
            for value in list(self._values)[:-_MOST]:
                del self._values[value]
            if len(self._seen) > _MOST:
                self._seen = {source}
            self._pattern = None


def _password(value: str) -> str:
    scheme, _blank, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:
        return ""
