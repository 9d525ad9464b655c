"""Which of two targets an error came from: whoever copies talks to both at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

from ocictl.closing import Closing
from ocictl.errors import NotFoundError, OcictlError
from ocictl.target import ByteStream, Content

__all__ = ["INCOMPLETE", "FromSource", "Side", "speaking"]

Side: TypeAlias = Literal["source", "destination"]

INCOMPLETE: Final = "the source is incomplete: something in it points to this; ask whoever pushed it"
"""What to say of content that only has to be there because something else points to it."""


@contextmanager
def speaking(side: Side) -> Iterator[None]:
    """Note in an error from this block which side it came from, unless that is noted already."""
    try:
        yield
    except OcictlError as error:
        error.details.setdefault("side", side)
        raise


class FromSource:
    """Content of the source, whose errors say so."""

    def __init__(self, content: Content) -> None:
        self._content = content

    @property
    def size(self) -> int:
        return self._content.size

    def open(self) -> ByteStream:
        with speaking("source"):
            try:
                return _SourceStream(self._content.open())
            except NotFoundError as error:
                error.hint = INCOMPLETE
                raise


class _SourceStream(Closing):
    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        with speaking("source"):
            return self._stream.read(size)

    def close(self) -> None:
        self._stream.close()
