"""An answer of a registry: status, headers, and a body read as transferred."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ocictl.closing import Closing
from ocictl.errors import ContentError
from ocictl.transport import network
from ocictl.transport.answers import BrokenAnswer, RawAnswer

BLOCK: Final = 256 * 1024
"""Bytes per read in the loops of this module."""


class Response(Closing):
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
        raw: RawAnswer,
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
            raw: the answer as it comes off the wire, nothing of its body read.
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
        self.status = raw.status
        self.headers = raw.headers

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
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            return self._raw.read(size)
        except (BrokenAnswer, OSError) as error:
            self._raw.close()
            raise network.reading_failed(error, self.method, self.url) from error

    def readinto(self, buffer: memoryview, /) -> int:
        """Read into memory that is there already; return the number of bytes, 0 at the end.

        Raises:
            TransportError: as `read`.
        """
        if self._ahead:
            data = self.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)
        try:
            return self._raw.readinto(buffer)
        except (BrokenAnswer, OSError) as error:
            self._raw.close()
            raise network.reading_failed(error, self.method, self.url) from error

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
            if raw.left and raw.left <= self._drain and self.status != 416:
                while raw.read(BLOCK):
                    pass
        except (BrokenAnswer, OSError, ValueError):
            pass  # Closed already, or closed below: the answer is not wanted any more.
        finally:
            raw.close()
