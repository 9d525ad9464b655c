"""Putting files under their titles: complete, never through a link, never outside the output directory.

Whatever is written gets a hidden temporary name first and its final name by a rename. Directories are
held by file descriptor and opened one by one without following links, so nobody can swap one for a link
between the check and the use. What stands under a title is replaced, never opened.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from ocictl.errors import PathError
from ocictl.ops.files import (
    THROUGH,
    CheckedFile,
    exists,
    lstat,
    occupied,
    open_directory,
    temporary_name,
    write_error,
    writing,
)
from ocictl.ops.merge import check_merge, merge
from ocictl.ops.titles import check_titles, clean_title, title_for

__all__ = ["OutputRoot", "PendingDirectory", "PendingFile", "check_titles", "clean_title", "title_for"]


class OutputRoot:
    """The directory that files are written below.

    A context manager; entering it creates the directory. Threads may share it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        keep_existing: bool = False,
        allow_traversal: bool = False,
    ) -> None:
        """
        Args:
            path: the directory. It may be a link; what is below it may not.
            keep_existing: refuse to replace anything.
            allow_traversal: follow links on the way to a title, and let it be absolute or contain `..`.
        """
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        self._created: list[Path] = []
        self.keep_existing = keep_existing
        self.allow_traversal = allow_traversal
        self._fd = -1

    def __enter__(self) -> Self:
        """
        Raises:
            StorageError: the directory can't be created or opened.
        """
        with writing(str(self.path)):
            self._created = [place for place in (self.path, *self.path.parents) if not place.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, THROUGH)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)
        self._fd = -1
        if kind is not None:
            self._remove_created()

    def _remove_created(self) -> None:
        """Take back the directories that were made for nothing."""
        for place in self._created:
            try:
                place.rmdir()
            except OSError:  # something was written into it after all
                return

    def location(self, title: str) -> Path:
        """Return the absolute path that a title is written to."""
        return self.path / clean_title(title)

    def check(self, title: str, *, directory: bool = False) -> None:
        """Find out early whether a title can be written, and write nothing.

        Args:
            title: it has passed `check_titles`.
            directory: it is a directory to be unpacked: what is below an existing one is not looked at.

        Raises:
            PathError: `path-exists` or `path-unsafe`.
            StorageError: a directory on the way can't be opened.
        """
        with self._place(title) as place:
            place.check(directory=directory)

    def create_file(self, title: str) -> PendingFile:
        """Open a new file that will stand under this title once it is committed.

        Raises:
            PathError: `path-exists` or `path-unsafe`.
            StorageError: it can't be created.
        """
        place = self._place(title)
        try:
            place.check(directory=False)
            temporary = temporary_name()
            with writing(place.shown):
                fd = os.open(
                    temporary,
                    os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
                    0o666,
                    dir_fd=place.anchor,
                )
        except BaseException:
            place.close()
            raise
        return PendingFile(place, temporary, fd)

    def create_directory(self, title: str) -> PendingDirectory:
        """Make a new, private directory that will stand under this title once it is committed.

        Raises:
            PathError: `path-exists` or `path-unsafe`.
            StorageError: it can't be created.
        """
        place = self._place(title)
        temporary = temporary_name()
        try:
            place.check(directory=True)
            with writing(place.shown):
                os.mkdir(temporary, 0o700, dir_fd=place.anchor)
                try:
                    fd = open_directory(temporary, dir_fd=place.anchor, readable=True)
                except BaseException:
                    os.rmdir(temporary, dir_fd=place.anchor)
                    raise
        except BaseException:
            place.close()
            raise
        return PendingDirectory(place, temporary, fd)

    def _place(self, title: str) -> _Place:
        cleaned = clean_title(title)
        if not self.allow_traversal and (cleaned.startswith("/") or cleaned.split("/")[0] == ".."):
            raise PathError(f"title {title!r} leads out of the output directory", details={"title": title})
        parts = [part for part in cleaned.split("/") if part not in ("", ".")]
        start = os.open("/", THROUGH) if cleaned.startswith("/") else os.dup(self._fd)
        return _Place(
            start,
            parts,
            shown=str(self.location(title)),
            follow=self.allow_traversal,
            keep_existing=self.keep_existing,
        )


class _Place:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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


class PendingFile:
    """A file without its name yet: write to `file`, then `commit`. Leaving it otherwise removes it.

    Attributes:
        file: open for reading and writing; its failures are ours already.
    """

    def __init__(self, place: _Place, temporary: str, fd: int) -> None:
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
        place = self._place
        with writing(place.shown):
            os.fsync(self.file.fileno())
            place.make_parents()
            place.check(directory=False)
            try:
                os.rename(
                    self._temporary, place.name or ".", src_dir_fd=place.anchor, dst_dir_fd=place.parent
                )
            except (IsADirectoryError, NotADirectoryError) as error:
                raise occupied(place.shown) from error
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

    def __init__(self, place: _Place, temporary: str, fd: int) -> None:
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
            shutil.rmtree(self._temporary, ignore_errors=True, dir_fd=self._place.anchor)
        self._place.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()
