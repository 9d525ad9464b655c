"""Where a title goes, and files and directories on their way there.

Directories are held by file descriptor and opened one by one without following links, so nobody can swap one for
a link between the check and the use. What stands under a title is replaced, never opened.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ocictl.closing import Closing
from ocictl.errors import PathError
from ocictl.ops.files import (
    CheckedFile,
    exists,
    lstat,
    occupied,
    open_directory,
    remove_tree,
    write_error,
    writing,
)
from ocictl.ops.merge import check_merge, merge

__all__ = ["PendingDirectory", "PendingFile", "Place"]


class Place(Closing):
    """Where a title goes: the deepest directory on its way that exists, the ones to create, the name.

    Temporary names live in that deepest directory. It is on the same file system as the directories that
    are created below it, and a transfer that fails leaves no empty directories.
    """

    def __init__(
        self, start: int, parts: list[str], *, shown: str, follow: bool, keep_existing: bool
    ) -> None:
        self.shown = shown
        self.keep_existing = keep_existing
        self.name = parts[-1] if parts else None
        self.missing = parts[:-1]
        self.anchor = start
        self.parent = start
        self._follow = follow
        self._stack = ExitStack()
        self._stack.callback(os.close, start)
        try:
            while self.missing:
                deeper = self._enter(self.missing[0])
                if deeper is None:
                    break
                self.anchor = self.parent = deeper
                del self.missing[0]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stack.close()

    def check(self, *, directory: bool) -> None:
        """
        Raises:
            PathError: `path-exists`.
        """
        if self.missing or self.name is None:
            return
        with writing(self.shown):
            standing = lstat(self.name, dir_fd=self.parent)
        if standing is None:
            return
        if self.keep_existing:
            raise exists(self.shown)
        if not directory and stat.S_ISDIR(standing.st_mode):
            raise occupied(self.shown)

    def make_parents(self) -> None:
        """Create the directories that are missing, so that `parent` is the one to put the name into."""
        with writing(self.shown):
            while self.missing:
                try:
                    os.mkdir(self.missing[0], 0o777, dir_fd=self.parent)
                except FileExistsError:
                    pass  # another thread was faster, or somebody put something here: looked at next
                deeper = self._enter(self.missing[0])
                if deeper is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                self.parent = deeper
                del self.missing[0]

    def take(self, temporary: str, *, directory: int) -> None:
        """Give a finished file its final name, in place of whatever stands there.

        Args:
            temporary: the name it has.
            directory: descriptor of the directory it is in.

        Raises:
            PathError: `path-exists`: a directory stands there, or anything while existing files are kept.
            StorageError: it can't be written.
        """
        with writing(self.shown):
            self.make_parents()
            self.check(directory=False)
            try:
                os.rename(temporary, self.name or ".", src_dir_fd=directory, dst_dir_fd=self.parent)
            except (IsADirectoryError, NotADirectoryError) as error:
                raise occupied(self.shown) from error

    def open_regular(self, size: int) -> int | None:
        """Open what stands under the final name for reading; None unless it is a plain file of this size.

        A file with further names is none: whoever has those may change it.
        """
        if self.missing or self.name is None:
            return None
        standing = lstat(self.name, dir_fd=self.parent)
        if standing is None or not _is_plain(standing, size):
            return None
        fd = os.open(
            self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.parent
        )
        if _is_plain(os.fstat(fd), size):
            return fd
        os.close(fd)
        return None

    def open_target(self, name: str) -> int:
        """Open an existing directory under the final name; it is closed with this object."""
        fd = open_directory(name, dir_fd=self.parent, readable=True)
        self._stack.callback(os.close, fd)
        return fd

    def _enter(self, name: str) -> int | None:
        try:
            fd = open_directory(name, dir_fd=self.parent, follow=self._follow)
        except FileNotFoundError:
            return None
        except OSError as error:
            standing = lstat(name, dir_fd=self.parent)
            if standing is not None and stat.S_ISLNK(standing.st_mode) and not self._follow:
                raise PathError(
                    f"{self.shown!r} would be written through the symbolic link {name!r}",
                    hint="put a directory in place of the link, or choose another output directory; "
                    "--allow-path-traversal follows such links",
                    details={"path": self.shown, "link": name},
                ) from error
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise PathError(
                    f"{self.shown!r} can't be written: {name!r} is there and not a directory",
                    code="path-exists",
                    hint="move it away, or choose another output directory",
                    details={"path": self.shown},
                ) from error
            raise write_error(self.shown, error) from error
        self._stack.callback(os.close, fd)
        return fd


def _is_plain(status: os.stat_result, size: int) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size == size


class PendingFile:
    """A file without its name yet: write to `file`, then `commit`. Leaving it otherwise removes it.

    Attributes:
        file: open for reading and writing; its failures are ours already.
    """

    def __init__(self, place: Place, temporary: str, fd: int) -> None:
        self.file = CheckedFile(fd, place.shown)
        self._place = place
        self._temporary = temporary
        self._pending = True

    def commit(self) -> None:
        """Make the bytes durable and give the file its name, in place of whatever stands there.

        Raises:
            PathError: `path-exists`: a directory stands there, or anything while existing files are kept.
            StorageError: it can't be written.
        """
        with writing(self._place.shown):
            os.fsync(self.file.fileno())
        self._place.take(self._temporary, directory=self._place.anchor)
        self._pending = False
        self.discard()

    def discard(self) -> None:
        """Remove the file, unless it is committed. Doing so twice is no error."""
        self.file.close()
        if self._pending:
            self._pending = False
            try:
                os.unlink(self._temporary, dir_fd=self._place.anchor)
            except OSError:
                pass  # no reason to hide the error that led here
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


class PendingDirectory:
    """A private directory without its name yet: fill it through `fd`, then `commit`.

    Leaving it otherwise removes it with all it holds.

    Attributes:
        fd: descriptor of the directory, readable. Nobody else may enter it (mode 0700).
        shown: the path that it will have.
    """

    def __init__(self, place: Place, temporary: str, fd: int) -> None:
        self.fd = fd
        self.shown = place.shown
        self._place = place
        self._temporary = temporary

    def commit(self) -> int:
        """Put the directory, or what it holds, under the final name.

        An existing directory is kept, and the new entries are moved into it one by one, in place of what
        has their name. Anything else that stands there is replaced. Nothing is moved if something is in
        the way.

        Returns:
            A descriptor of the directory under its final name; it is closed with this object.

        Raises:
            PathError: `path-exists`: a directory stands under the name of something that is none, or
                anything under the name of something while existing files are kept.
            StorageError: it can't be written.
        """
        place = self._place
        with writing(place.shown):
            place.make_parents()
            place.check(directory=True)
            name = place.name or "."
            standing = lstat(name, dir_fd=place.parent)
            if standing is None or not stat.S_ISDIR(standing.st_mode):
                if standing is not None:
                    os.unlink(name, dir_fd=place.parent)
                os.rename(self._temporary, name, src_dir_fd=place.anchor, dst_dir_fd=place.parent)
                return self.fd
            target = place.open_target(name)
            check_merge(self.fd, target, shown=place.shown, keep_existing=place.keep_existing)
            merge(self.fd, target)
            return target

    def discard(self) -> None:
        """Remove the directory, unless it is committed. Doing so twice is no error."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            # A tree under a name nobody looks for is no reason to hide the error that led here.
            remove_tree(self._temporary, dir_fd=self._place.anchor)
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
