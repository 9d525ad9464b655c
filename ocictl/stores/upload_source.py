"""The bytes of a blob for a chunked upload: one stream that is read on, piece by piece."""

from __future__ import annotations

from typing import Final

from ocictl.closing import Closing
from ocictl.target import ByteStream, Content

_BLOCK: Final = 256 * 1024


class Source(Closing):
    """Content with a position. Going on where the last piece ended costs nothing; going back opens it again."""

    def __init__(self, content: Content) -> None:
        self.size = content.size
        self._content = content
        self._stream: ByteStream | None = None
        self._position = 0

    def piece(self, start: int, size: int) -> Content:
        """Part of the content as a request's body."""
        return _Piece(self, start, size)

    def seek(self, start: int) -> None:
        """Let the next byte read be the one at this offset."""
        if self._stream is None or self._position != start:
            self.close()
            self._stream = self._content.open()
            self._position = 0
            self._skip(start)

    def read(self, size: int) -> bytes:
        """The next bytes. At the end of the content the empty read is where the stream checks itself."""
        assert self._stream is not None  # noqa: S101 - `seek` comes first
        data = self._stream.read(size)
        self._position += len(data)
        return data

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def _skip(self, count: int) -> None:
        skip = getattr(self._stream, "skip", None)  # streams of files have it
        if count and skip is not None and skip(count):
            self._position = count
        while self._position < count and self.read(min(_BLOCK, count - self._position)):
            pass


class _Piece:
    """Some bytes of a source; opened anew, they are the same again (PUSH-22)."""

    def __init__(self, source: Source, start: int, size: int) -> None:
        self._source = source
        self._start = start
        self.size = size

    def open(self) -> ByteStream:
        self._source.seek(self._start)
        return _PieceStream(self._source, self.size, is_last=self._start + self.size == self._source.size)


class _PieceStream(Closing):
    def __init__(self, source: Source, size: int, *, is_last: bool) -> None:
        self._source = source
        self._left = size
        self._is_last = is_last

    def read(self, size: int = -1, /) -> bytes:
        if not self._left:
            return self._source.read(1) if self._is_last else b""
        data = self._source.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """The source stays open for the next piece."""
