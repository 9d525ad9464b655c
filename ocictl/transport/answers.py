"""Answers as they come off a connection: head read quickly where it is ordinary, body read as transferred.

See docs/adr/0015-ordinary-answers.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from ocictl.lazy_pattern import pattern

if TYPE_CHECKING:
    from http.client import HTTPResponse

_Read = TypeVar("_Read", int, bytes)

_STATUS: Final = pattern(r"HTTP/1\.1 ([2-5][0-9][0-9])(?: [ -~]*)?")
_NAME: Final = pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MOST: Final = 100
"""Header lines; http.client's own limit."""
_FRAMING: Final = frozenset({"transfer-encoding", "connection"})
_known: dict[str, str] = {}
"""Names of headers that were found to be well-formed, and how they are in lower case."""


class BrokenAnswer(Exception):  # noqa: N818 - it never leaves this layer
    """An answer that can't be read, or ended early. The cause says more, if there is one."""


class Headers:
    """Header fields in the order they came, looked up without regard to case."""

    __slots__ = ("_fields", "_pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = list(pairs)
        self._fields: dict[str, list[str]] = {}
        for name, value in self._pairs:
            self._fields.setdefault(name.lower(), []).append(value)

    def get(self, name: str) -> str | None:
        """All lines of this field joined by `, `, or None."""
        values = self._fields.get(name.lower())
        return None if values is None else values[0] if len(values) == 1 else ", ".join(values)

    def getlist(self, name: str) -> list[str]:
        """Each line of this field as it came (PY-05)."""
        return list(self._fields.get(name.lower(), ()))

    def items(self) -> list[tuple[str, str]]:
        """Every line, in order."""
        return list(self._pairs)


class RawAnswer(Protocol):
    """An answer whose body is still to be read.

    Attributes:
        status: HTTP status.
        headers: see `Headers`.
        left: bytes of the body that are still to come; None if that is not known.
    """

    status: int
    headers: Headers

    @property
    def left(self) -> int | None: ...

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes of the body as transferred; nothing at its end.

        Raises:
            OSError, BrokenAnswer: it broke off.
        """
        ...

    def readinto(self, buffer: memoryview, /) -> int:
        """The same into memory that is there already; the number of bytes."""
        ...

    def close(self) -> None:
        """Let go of the connection: for the next request if the body was read whole. Doing so twice is no error."""
        ...


class Lender(Protocol):
    """What an answer is read from, and given back to."""

    stream: io.BufferedReader

    def give_back(self) -> None:
        """The answer was read whole, and another request may follow."""
        ...

    def close(self) -> None:
        """Nothing more can be read."""
        ...


class Answer:
    """An answer on a connection.

    http.client hands the head to the parser of e-mails, which takes more time than the rest of a small request. Here
    only HTTP/1.1 with a known length, a kept connection and plain ASCII in well-formed lines is read; anything else
    is left untouched for http.client, which also reads bodies that come in chunks.
    """

    __slots__ = ("_chunked", "_connection", "_kept", "headers", "left", "status")

    def __init__(self, connection: Lender, method: str) -> None:
        """Read the head.

        Raises:
            OSError, BrokenAnswer: it does not come, or is no head.
        """
        self._connection: Lender | None = connection
        self._chunked: HTTPResponse | None = None
        self._kept = True
        self.left: int | None
        stream = connection.stream
        found = ordinary(stream.peek(1), method)
        if found is not None:
            size, self.status, self.headers, self.left = found
            stream.read(size)
            return
        answer = _unusual(stream, method)
        self.status = answer.status
        self.headers = Headers(answer.msg.items())
        self.left = answer.length
        self._kept = not answer.will_close
        if answer.chunked and method != "HEAD":
            self._chunked = answer

    def read(self, size: int, /) -> bytes:
        if self._chunked is not None:
            return _of_chunks(lambda answer: answer.read(size), self._chunked)
        left = self.left
        if left == 0:
            return b""
        data = self._stream.read(size if left is None else min(size, left))
        self._count(len(data), size)
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        if self._chunked is not None:
            return _of_chunks(lambda answer: answer.readinto(buffer), self._chunked)
        left = self.left
        if left == 0:
            return 0
        count = self._stream.readinto(buffer if left is None or left >= len(buffer) else buffer[:left])
        self._count(count, len(buffer))
        return count

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        ended = self.left == 0 if self._chunked is None else self._chunked.isclosed()
        if ended and self._kept:
            connection.give_back()
        else:
            connection.close()

    @property
    def _stream(self) -> io.BufferedReader:
        if self._connection is None:
            raise ValueError("read of a closed answer")
        return self._connection.stream

    def _count(self, count: int, wanted: int) -> None:
        """Take note of what was read."""
        if self.left is not None:
            if not count and self.left and wanted:
                raise BrokenAnswer
            self.left -= count


class _AsSocket:
    """A stream as http.client wants it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def makefile(self, *_args: Any) -> io.BufferedReader:
        return self._stream


def _unusual(stream: io.BufferedReader, method: str) -> HTTPResponse:
    """Let http.client read the head."""
    from http.client import HTTPException, HTTPResponse

    try:
        answer = HTTPResponse(_AsSocket(stream), method=method)  # type: ignore[arg-type] # all that it asks of one
        answer.begin()
    except HTTPException as error:
        raise BrokenAnswer from error
    return answer


def _of_chunks(read: Callable[[HTTPResponse], _Read], answer: HTTPResponse) -> _Read:
    from http.client import HTTPException

    try:
        return read(answer)
    except HTTPException as error:
        raise BrokenAnswer from error


def ordinary(data: bytes, method: str) -> tuple[int, int, Headers, int] | None:
    """Length of the head, status, headers and length of the body; None for whatever is unusual."""
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
        lower = _known.get(name) or _lower(name)
        if not colon or not value.isprintable() or lower is None or lower in _FRAMING:
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
    return end + 4, status, Headers(pairs), length


def _lower(name: str) -> str | None:
    """The name in lower case if it is one."""
    if not _NAME.fullmatch(name):
        return None
    lower = name.lower()
    if len(_known) < 100 and len(name) < 50:
        _known[name] = lower
    return lower
