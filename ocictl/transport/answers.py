"""Reading the head of an answer, quickly where it is an ordinary one (docs/adr/0015-ordinary-answers.md)."""

from __future__ import annotations

from http.client import HTTPMessage, HTTPResponse
from typing import Any, Final

from ocictl.lazy_pattern import pattern

_STATUS: Final = pattern(r"HTTP/1\.1 ([2-5][0-9][0-9])(?: ([ -~]*))?")
_NAME: Final = pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST: Final = 100
"""Header lines; http.client's own limit."""


class Answer(HTTPResponse):
    """An answer whose head is read at once, where all of it is there and nothing about it is unusual.

    http.client hands the head to the parser of e-mails, which takes more time than the rest of a small request. Here
    only HTTP/1.1 with a known length, a kept connection and plain ASCII in well-formed lines is read; anything else
    is left untouched for http.client.
    """

    # What http.client has, and the stubs of it do not tell.
    fp: Any
    _method: str | None

    def begin(self) -> None:
        """Read the head."""
        found = _ordinary(self.fp.peek(1), self._method) if getattr(self, "headers", None) is None else None
        if found is None:
            super().begin()
            return
        size, status, reason, message, length = found
        self.fp.read(size)
        self.code = self.status = status
        self.reason = reason
        self.version = 11
        self.headers = self.msg = message
        self.chunked = False
        self.will_close = False
        self.length = length


class _Message(HTTPMessage):
    """Headers that were found to be plain, so that nothing needs to be done to them again."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        self._pairs = pairs
        for name, value in pairs:
            self.set_raw(name, value)

    def items(self) -> list[tuple[str, str]]:
        """Every line, in order."""
        return self._pairs


def _ordinary(data: bytes, method: str | None) -> tuple[int, int, str, _Message, int] | None:
    """Length of the head, status, reason, headers and length of the body; None for whatever is unusual."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    try:
        first, *lines = data[:end].decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        return None
    start = _STATUS.fullmatch(first)
    if start is None or len(lines) > _MOST:
        return None
    status = int(start[1])
    pairs: list[tuple[str, str]] = []
    length: int | None = None
    for line in lines:
        name, colon, rest = line.partition(":")
        value = rest.lstrip(" \t")
        if not colon or not value.isprintable() or not _NAME.fullmatch(name):
            return None
        lower = name.lower()
        if lower in ("transfer-encoding", "connection"):
            return None
        if lower == "content-length":
            if length is not None or not value.isdigit() or len(value) > 18:
                return None
            length = int(value)
        pairs.append((name, value))
    if method == "HEAD" or status in (204, 304):
        length = 0
    if length is None:
        return None
    return end + 4, status, (start[2] or "").strip(), _Message(pairs), length
