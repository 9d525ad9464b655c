"""What is closed when its `with` block is left."""

from __future__ import annotations

from abc import abstractmethod
from types import TracebackType
from typing import Self

__all__ = ["Closing"]


class Closing:
    """A context manager whose end is `close`.

    Not an `ABC`: mypy reports a missing `close` anyway, and a class with a metaclass takes longer to make.
    """

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Give up what is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
