"""Where symbolic links inside of a tree lead, found out without following one.

A link may lead to anything in its own tree, in any number of steps, whether it exists or not. It may not
lead out of the tree: neither at once nor through other links (GHSA-m37j-52j7-pjw7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["Links"]

_FARTHEST: Final = 8192
"""Most bytes of a path that a link may lead to; longer ones are only made to fill memory."""


class _OutsideError(Exception):
    """The way leads out of the tree."""


class Links:
    """The symbolic links of a tree: for each its path below the top, and its text."""

    def __init__(self, title: bytes = b".") -> None:
        """
        Args:
            title: the path of the tree's top. A link may climb above the top if it comes back by this way.
        """
        parts = [part for part in title.split(b"/") if part not in (b"", b".")]
        self._base = [] if title.startswith(b"/") or b".." in parts else parts
        self._targets: dict[bytes, bytes] = {}
        self._known: dict[bytes, list[bytes] | None] = {}

    def add(self, path: bytes, target: bytes) -> None:
        """Note a link, in place of one that had this path."""
        self._targets[path] = target

    def discard(self, path: bytes) -> None:
        """Forget a link, if there is one of this path."""
        self._targets.pop(path, None)

    def leading_out(self, is_directory: Callable[[bytes], bool]) -> Iterator[bytes]:
        """Yield the paths of the links that lead out of the tree.

        Args:
            is_directory: tells whether a path in the tree, free of links, is a directory. A step up is only
                allowed from one: from anything else it would lead somewhere else once a link stands there.
        """
        self._known = {}
        for path in self._targets:
            try:
                self._resolve(path, is_directory)
            except _OutsideError:
                yield path

    def _resolve(self, path: bytes, is_directory: Callable[[bytes], bool]) -> None:
        """Follow one link to its end, and remember the ends of all links on the way.

        Steps to do are kept on a list, so that no chain is too long. Between them stand links, marked: when
        such a one is met, its own end is reached. Links in a circle end nowhere: no system follows them.
        """
        parent, _, name = path.rpartition(b"/")
        here = self._base + [part for part in parent.split(b"/") if part]
        steps: list[tuple[bytes, bool]] = [(name, False)]
        active: set[bytes] = set()
        while steps:
            step, is_end = steps.pop()
            if is_end:
                active.discard(step)
                self._known[step] = here
                continue
            if step in (b"", b"."):
                continue
            if step == b"..":
                here = self._up(here, is_directory)
                continue
            here = self._down(here, step)
            link = b"/".join(here[len(self._base) :])
            target = self._targets.get(link) if self._inside(here) else None
            if target is None:
                continue
            if link in self._known:
                end = self._known[link]
            elif link in active:
                end = None
            else:
                if target.startswith(b"/"):
                    raise _OutsideError
                active.add(link)
                here = here[:-1]
                steps.append((link, True))
                steps.extend((part, False) for part in reversed(target.split(b"/")))
                continue
            if end is None:
                # As from anything else that is no directory, there is no step up from a circle.
                if any(later == b".." for later, _ in steps):
                    raise _OutsideError
                self._known.update(dict.fromkeys(active))
                return
            here = end
        if not self._inside(here):
            raise _OutsideError

    def _inside(self, here: list[bytes]) -> bool:
        return here[: len(self._base)] == self._base

    def _up(self, here: list[bytes], is_directory: Callable[[bytes], bool]) -> list[bytes]:
        if not here:
            raise _OutsideError
        relative = b"/".join(here[len(self._base) :])
        if relative and not is_directory(relative):
            raise _OutsideError
        return here[:-1]

    def _down(self, here: list[bytes], step: bytes) -> list[bytes]:
        deeper = [*here, step]
        if not self._inside(deeper) and deeper != self._base[: len(deeper)]:
            raise _OutsideError
        if sum(map(len, deeper)) + len(deeper) > _FARTHEST:
            raise _OutsideError
        return deeper
