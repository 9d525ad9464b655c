"""Moving a finished tree into a directory that is already there, entry by entry."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ocictl.ops.files import exists, lstat, occupied, open_directory

__all__ = ["check_merge", "merge"]


def check_merge(source: int, target: int, *, shown: str, keep_existing: bool) -> None:
    """Find out whether a tree can be moved into a directory, and move nothing.

    Args:
        source: descriptor of the tree's top.
        target: descriptor of the directory.
        shown: the directory's path, for messages.
        keep_existing: refuse to replace anything.

    Raises:
        PathError: `path-exists`: a directory stands under the name of something that is none, or anything
            while existing files are kept.
        OSError: a directory can't be opened.
    """
    for name, is_directory in _entries(source):
        standing = lstat(name, dir_fd=target)
        if standing is None:
            continue
        path = f"{shown}/{os.fsdecode(name)}"
        if is_directory and stat.S_ISDIR(standing.st_mode):
            with _both(source, target, name) as (inner, outer):
                check_merge(inner, outer, shown=path, keep_existing=keep_existing)
        elif keep_existing:
            raise exists(path)
        elif stat.S_ISDIR(standing.st_mode):
            raise occupied(path)


def merge(source: int, target: int) -> None:
    """Move what a tree holds into a directory. What stands there is replaced, never opened or followed.

    Directories that are already there keep their permissions and their other entries.

    Args:
        source: descriptor of the tree's top. Directories whose content was moved stay behind, empty.
        target: descriptor of the directory.

    Raises:
        OSError: as the system says. What is moved by then stays, complete.
    """
    with _writable(target):
        for name, is_directory in _entries(source):
            standing = lstat(name, dir_fd=target)
            if is_directory and standing is not None:
                if stat.S_ISDIR(standing.st_mode):
                    with _both(source, target, name) as (inner, outer):
                        merge(inner, outer)
                    continue
                os.unlink(name, dir_fd=target)
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)


def _entries(fd: int) -> list[tuple[bytes, bool]]:
    # A list, since entries are moved away while it is walked.
    with os.scandir(fd) as entries:
        return [(os.fsencode(entry.name), entry.is_dir(follow_symlinks=False)) for entry in entries]


@contextmanager
def _both(source: int, target: int, name: bytes) -> Iterator[tuple[int, int]]:
    inner = open_directory(name, dir_fd=source, readable=True)
    try:
        outer = open_directory(name, dir_fd=target, readable=True)
        try:
            yield inner, outer
        finally:
            os.close(outer)
    finally:
        os.close(inner)


@contextmanager
def _writable(fd: int) -> Iterator[None]:
    """Let the owner write a read-only directory meanwhile: an earlier unpacking may have left it so."""
    facts = os.fstat(fd)
    mode = stat.S_IMODE(facts.st_mode)
    locked = mode & 0o300 != 0o300 and facts.st_uid == os.geteuid()
    if locked:
        os.fchmod(fd, mode | 0o300)
    try:
        yield
    finally:
        if locked:
            os.fchmod(fd, mode)
