"""Putting files under their titles: complete, never through a link, never outside the output directory.

Whatever is written gets a hidden temporary name first and its final name by a rename.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from ocictl.content import CHUNK
from ocictl.errors import PathError, StorageError
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import new_hasher
from ocictl.ops.file_mode import restore_mode
from ocictl.ops.files import THROUGH, claim, copy_bytes, open_directory, sweep, temporary_name, writing
from ocictl.ops.partial import PartialFile
from ocictl.ops.placing import PendingDirectory, PendingFile, Place
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
        self._text = str(self.path)
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
        sweep(self.path)
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
            claim(fd)
        except BaseException:
            place.close()
            raise
        return PendingFile(place, temporary, fd)

    def gather(self, descriptor: Descriptor) -> PartialFile:
        """Open the partial file of this content; bytes of an earlier run may be in it.

        Raises:
            StorageError: it can't be created.
        """
        return PartialFile(self._fd, descriptor, shown=str(self.path))

    def commit(self, partial: PartialFile, title: str) -> None:
        """Make gathered bytes durable and give them their name, in place of whatever stands there.

        Raises:
            PathError: `path-exists` or `path-unsafe`.
            StorageError: it can't be written.
        """
        with self._place(title) as place:
            with writing(place.shown):
                os.fsync(partial.file.fileno())
            try:
                place.take(partial.name, directory=self._fd)
            except StorageError as error:
                if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.EXDEV:
                    raise
            else:
                partial.moved()
                return
        # The directory of the title is on another file system.
        with self.create_file(title) as copy:
            partial.file.seek(0)
            copy_bytes(partial.file, copy.file)
            with writing(str(self.location(title))):
                os.fchmod(copy.file.fileno(), stat.S_IMODE(os.fstat(partial.file.fileno()).st_mode))
            copy.commit()
        partial.discard()

    def holds(self, title: str, descriptor: Descriptor) -> bool:
        """Tell whether a plain file with exactly this content stands under the title already.

        If so, it is made executable where the descriptor says that it is.

        Raises:
            ContentError: `digest-unverifiable`.
        """
        hasher = new_hasher(descriptor.digest.algorithm)
        with self._place(title) as place, writing(place.shown):
            fd = place.open_regular(descriptor.size)
            if fd is None:
                return False
            with io.FileIO(fd, "rb") as file:
                # One buffer for all: memory that is got anew for each read costs as much as a quarter of the hashing.
                buffer = memoryview(bytearray(min(CHUNK, descriptor.size + 1)))
                while count := file.readinto(buffer):
                    hasher.update(buffer[:count])
                if hasher.hexdigest() != descriptor.digest.encoded:
                    return False
                try:
                    restore_mode(fd, descriptor)
                except PermissionError:
                    return False  # somebody else's file: put ours in its place
                return True

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
                    claim(fd)
                except BaseException:
                    os.rmdir(temporary, dir_fd=place.anchor)
                    raise
        except BaseException:
            place.close()
            raise
        return PendingDirectory(place, temporary, fd)

    def _place(self, title: str) -> Place:
        cleaned = clean_title(title)
        if not self.allow_traversal and (cleaned.startswith("/") or cleaned.split("/")[0] == ".."):
            raise PathError(f"title {title!r} leads out of the output directory", details={"title": title})
        parts = [part for part in cleaned.split("/") if part not in ("", ".")]
        start = os.open("/", THROUGH) if cleaned.startswith("/") else os.dup(self._fd)
        return Place(
            start,
            parts,
            shown=os.path.join(self._text, cleaned),  # noqa: PTH118 - thrice for each file, and six times faster
            follow=self.allow_traversal,
            keep_existing=self.keep_existing,
        )
