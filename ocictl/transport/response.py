"""An answer of a registry: status, headers, and a body read as transferred."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException
from types import TracebackType
from typing import Any, Final, Self

from urllib3.exceptions import HTTPError

from ocictl.errors import ContentError
from ocictl.transport import network
from ocictl.transport.answers import Answer

BLOCK: Final = 256 * 1024
"""Bytes per read in the loops of this module."""


class Headers:
    """Header fields, looked up without regard to case."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Any) -> None:
        """Wrap urllib3's multi-valued dictionary."""
        self._raw = raw

    def get(self, name: str) -> str | None:
        """All lines of this field joined by `, `, or None."""
        value: str | None = self._raw.get(name)
        return value

    def getlist(self, name: str) -> list[str]:
        """Each line of this field as it came (PY-05)."""
        return list(self._raw.getlist(name))

    def items(self) -> list[tuple[str, str]]:
        """Every line, in order."""
        return list(self._raw.iteritems())


class Response:
    """An answer; also a `ByteStream` of its body. A context manager: leaving it frees the connection.

    Attributes:
        method: of the request.
        url: absolute, after redirects.
        status: HTTP status.
        headers: see `Headers`.
        at_home: the answer came from the origin the request was meant for, and no redirect led away in between.
    """

    __slots__ = (
        "_ahead",
        "_drain",
        "_on_body",
        "_raw",
        "_scrub",
        "at_home",
        "headers",
        "method",
        "status",
        "url",
    )

    def __init__(
        self,
        raw: Any,
        *,
        method: str,
        url: str,
        at_home: bool,
        drain: int,
        on_body: Callable[[bytes], None] | None = None,
        scrub: Callable[[str], str] | None = None,
    ) -> None:
        """
        Args:
            raw: urllib3's answer, nothing of its body read.
            method, url, at_home: see above.
            drain: an unread rest of at most so many bytes is read on closing, to keep the connection.
            on_body: told about every body that is read as a whole (debug log).
            scrub: takes the secrets that were sent out of a text.
        """
        self._raw = raw
        self._ahead = b""
        self._drain = drain
        self._on_body = on_body
        self._scrub = scrub
        self.method = method
        self.url = url
        self.at_home = at_home
        self.status: int = raw.status
        self.headers = Headers(raw.headers)

    @property
    def size(self) -> int | None:
        """The `Content-Length`, or None if there is none that makes sense."""
        text = self.headers.get("Content-Length") or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes of the body as transferred, never decoded (PY-04).

        Raises:
            TransportError: `response-truncated`, `timeout` or `connection-failed`; the connection is closed.
        """
        if size < 0:
            parts = []
            while part := self.read(BLOCK):
                parts.append(part)
            return b"".join(parts)
        data: bytes
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            data = self._raw.read(size, decode_content=False)
        except (HTTPError, OSError) as error:
            self._raw.close()
            raise network.reading_failed(error, self.method, self.url) from error
        return data

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into memory that is there already; return the number of bytes, 0 at the end.

        Raises:
            TransportError: as `read`.
        """
        raw = self._raw
        body = getattr(raw, "_fp", None)
        # urllib3 has no such call, so its own count of what is to come is kept right here.
        if self._ahead or not isinstance(body, Answer) or body.chunked or raw.length_remaining is None:
            data = self.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)
        try:
            count = body.readinto(buffer) if raw.length_remaining else 0
        except (HTTPException, OSError) as error:
            raw.close()
            raise network.reading_failed(error, self.method, self.url) from error
        raw.length_remaining -= count
        if not count:
            data = self.read(1)  # where urllib3 finds out that there should have been more
            buffer[: len(data)] = data
            count = len(data)
        return count

    def preload(self, limit: int) -> None:
        """Read the first bytes of the body now, so that one that breaks off is found out now.

        Raises:
            TransportError: as `read`.
        """
        self._ahead = self.beginning(limit)

    def body(self, limit: int, what: str = "answer") -> bytes:
        """Return the whole body of at most `limit` bytes, and free the connection.

        Raises:
            ContentError: `document-too-large`; the connection is closed.
            TransportError: as `read`.
        """
        data = self.beginning(limit + 1)
        if len(data) > limit:
            self._raw.close()
            raise ContentError(
                f"the {what} has more than {limit} bytes, the most that is read",
                code="document-too-large",
                details={"limit": limit, "url": network.shown(self.url), "rule": "PULL-11"},
            )
        self.close()
        self.report_body(data)
        return data

    def report_body(self, data: bytes) -> None:
        """Show a body that was read as a whole in the debug log."""
        if self._on_body is not None:
            self._on_body(data)

    def scrub(self, text: str) -> str:
        """Take secrets out of a text of this answer that is going to be shown: some servers echo what they got."""
        return text if self._scrub is None else self._scrub(text)

    def beginning(self, limit: int) -> bytes:
        """Return the first bytes of the body, at most `limit`.

        Raises:
            TransportError: as `read`.
        """
        parts = []
        while limit > 0 and (part := self.read(min(limit, BLOCK))):
            parts.append(part)
            limit -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Free the connection: for the next request if little is left to read, else by closing it."""
        raw = self._raw
        try:
            # A 416 may promise a body and never send it, so its rest is not waited for.
            left = getattr(raw, "length_remaining", None)
            if self.status != 416 and left is not None and left <= self._drain:
                while raw.read(BLOCK, decode_content=False):
                    pass
                raw.release_conn()
        except (HTTPError, OSError):
            pass  # The answer is not wanted any more, and the connection is closed below.
        finally:
            raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
