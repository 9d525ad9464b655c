"""Creating what an archive's entries describe, below one directory and nowhere else.

Every entry is created anew, with the directories above it opened one by one without following links, so
no entry is ever written through a link: not through one of the archive, nor through one that somebody
puts there meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from ocictl.content import CHUNK
from ocictl.errors import ContentError, PathError
from ocictl.lazy_dataclass import dataclass
from ocictl.ops.files import lstat, open_directory, temporary_name, write_error
from ocictl.ops.limits import UnpackLimits, too_much
from ocictl.ops.links import Links
from ocictl.ops.member_names import MemberNames
from ocictl.tar_reader import Member, TarReader, malformed

__all__ = ["LockedDirectory", "Tree", "lock"]

_PERMISSIONS: Final = 0o777
"""What an archive may set: never setuid, setgid or sticky."""
_OWNER: Final = 0o700
_MOST_SHOWN: Final = 100
_HOLE: Final = 4096
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Where these happen a hard link can't be made, and its target is copied instead.
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


class Tree:
    """The tree that grows in the private directory. Paths in it are bytes, relative to its top."""

    def __init__(
        self, top: int, shown: str, title: bytes, limits: UnpackLimits, stored: Callable[[int], None]
    ) -> None:
        """
        Args:
            top: descriptor of an empty directory that nobody else uses.
            shown: its path, for messages.
            title: what the names of the entries may begin with.
            limits: what the archive may ask for.
            stored: called with a number of bytes before they are written; may refuse.
        """
        self.count = 0
        self.skipped: list[str] = []
        self.skipped_count = 0
        self._top = top
        self._shown = shown
        self._names = MemberNames(title, limits.depth)
        self._limits = limits
        self._stored = stored
        self._links = Links(title)
        # Mode (None: not in the archive) and time of each directory that has an entry, and of the top.
        self._directories: dict[bytes, tuple[int | None, int]] = {b"": (None, 0)}
        self._memory = 0
        self._umask = _umask(top)
        # Entries mostly follow others of the same directory: the last one stays open.
        self._last: tuple[list[bytes], int] = ([], os.dup(top))

    def close(self) -> None:
        os.close(self._last[1])

    def add(self, member: Member, reader: TarReader) -> None:
        """Create what an entry describes.

        Raises:
            ContentError: `archive-malformed`.
            PathError: `path-unsafe`.
            StorageError: it can't be written.
        """
        if self.count + self.skipped_count >= self._limits.entries:
            raise too_much(f"it has more than {self._limits.entries} entries", "entries")
        parts = self._names.of_member(member)
        if member.kind in ("device", "other"):
            self.skipped_count += 1
            if len(self.skipped) < _MOST_SHOWN:
                self.skipped.append(member.name.decode(errors="backslashreplace"))
            return
        self.count += 1
        try:
            if member.kind == "directory":
                self._add_directory(parts, member)
            elif not parts:
                raise malformed("its top is not a directory")
            elif member.kind == "file":
                self._add_file(parts, member, reader)
            elif member.kind == "symlink":
                self._add_symlink(parts, member)
            else:
                self._add_hard_link(parts, member)
        except OSError as error:
            shown = member.name.decode(errors="backslashreplace")
            raise write_error(f"{self._shown}: {shown}", error) from error

    def finish(self) -> list[LockedDirectory]:
        """Look through the links; give the directories their times and permissions.

        Returns:
            The directories whose owner has more permissions for now than the archive gives.

        Raises:
            PathError: `path-unsafe`: a link leads out.
        """
        outside = next(self._links.leading_out(self._is_directory), None)
        if outside is not None:
            raise _leads_out(outside)
        locked = []
        for path, (given, mtime) in self._directories.items():
            fd = self._enter(path.split(b"/") if path else [])
            mode = (_PERMISSIONS if given is None else given) & ~self._umask
            os.fchmod(fd, mode | _OWNER)
            _set_time(fd, mtime)
            if given is not None and given & _OWNER != _OWNER:
                locked.append(LockedDirectory(path, mode, os.fstat(fd).st_ino))
        return locked

    def _add_directory(self, parts: list[bytes], member: Member) -> None:
        if parts:
            parent, name = self._enter(parts[:-1], create=True), parts[-1]
            try:
                os.mkdir(name, _PERMISSIONS, dir_fd=parent)
            except FileExistsError:
                facts = lstat(name, dir_fd=parent)
                if facts is None or not stat.S_ISDIR(facts.st_mode):
                    raise _clash(parts) from None
        path = b"/".join(parts)
        self._remember(len(path))
        self._directories[path] = (member.mode & _PERMISSIONS, member.mtime)

    def _add_file(self, parts: list[bytes], member: Member, reader: TarReader) -> None:
        fd = self._create(self._enter(parts[:-1], create=True), parts, member.mode)
        try:
            ends_in_hole = False
            while data := reader.read(CHUNK):
                ends_in_hole = _is_hole(data)
                if ends_in_hole:
                    os.lseek(fd, len(data), os.SEEK_CUR)
                else:
                    self._stored(len(data))
                    _write(fd, data)
            if ends_in_hole:
                os.ftruncate(fd, member.size)
            if member.mtime:
                _set_time(fd, member.mtime)
        finally:
            os.close(fd)

    def _create(self, parent: int, parts: list[bytes], mode: int) -> int:
        try:
            return os.open(parts[-1], _CREATE, mode & _PERMISSIONS, dir_fd=parent)
        except FileExistsError:
            self._clear(parent, parts)
            return os.open(parts[-1], _CREATE, mode & _PERMISSIONS, dir_fd=parent)

    def _add_symlink(self, parts: list[bytes], member: Member) -> None:
        if not member.link:
            raise malformed("a symbolic link leads nowhere")
        parent, name = self._enter(parts[:-1], create=True), parts[-1]
        try:
            os.symlink(member.link, name, dir_fd=parent)
        except FileExistsError:
            self._clear(parent, parts)
            os.symlink(member.link, name, dir_fd=parent)
        path = b"/".join(parts)
        self._remember(len(path) + len(member.link))
        self._links.add(path, member.link)
        if member.mtime:
            try:
                os.utime(name, ns=(member.mtime, member.mtime), dir_fd=parent, follow_symlinks=False)
            except (OSError, OverflowError):
                pass  # as in _set_time

    def _add_hard_link(self, parts: list[bytes], member: Member) -> None:
        target = self._names.of_hard_link(member)
        # Looked up in the tree, entry by entry: never where this process happens to be (CVE-2026-50163).
        holder = os.dup(self._enter(target[:-1])) if target else -1
        try:
            facts = lstat(target[-1], dir_fd=holder) if target else None
            if facts is None or not stat.S_ISREG(facts.st_mode):
                raise malformed(f"the hard link {_text(parts)!r} is to no file before it in the archive")
            if target == parts:
                return
            parent = self._enter(parts[:-1], create=True)
            if lstat(parts[-1], dir_fd=parent) is not None:
                self._clear(parent, parts)
            try:
                os.link(target[-1], parts[-1], src_dir_fd=holder, dst_dir_fd=parent, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                self._copy(holder, target[-1], parent, parts)
        finally:
            if holder >= 0:
                os.close(holder)

    def _copy(self, holder: int, name: bytes, parent: int, parts: list[bytes]) -> None:
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=holder)
        try:
            facts = os.fstat(source)
            fd = self._create(parent, parts, facts.st_mode)
            try:
                while data := os.read(source, CHUNK):
                    self._stored(len(data))
                    _write(fd, data)
                _set_time(fd, facts.st_mtime_ns)
            finally:
                os.close(fd)
        finally:
            os.close(source)

    def _clear(self, parent: int, parts: list[bytes]) -> None:
        """Make room for a later entry of the same name."""
        try:
            os.unlink(parts[-1], dir_fd=parent)
        except (IsADirectoryError, PermissionError) as error:
            raise _clash(parts) from error
        self._links.discard(b"/".join(parts))

    def _enter(self, parts: list[bytes], *, create: bool = False) -> int:
        """Open a directory of the tree, perhaps creating it and those above. Valid until the next call."""
        known, fd = self._last
        if known == parts:
            return fd
        if known != parts[: len(known)]:
            known, fd = [], self._top
        fd = os.dup(fd)
        try:
            for count, name in enumerate(parts[len(known) :], len(known) + 1):
                deeper = self._enter_one(fd, name, parts[:count], create=create)
                os.close(fd)
                fd = deeper
        except BaseException:
            os.close(fd)
            raise
        os.close(self._last[1])
        self._last = (list(parts), fd)
        return fd

    def _enter_one(self, fd: int, name: bytes, parts: list[bytes], *, create: bool) -> int:
        try:
            return open_directory(name, dir_fd=fd, readable=True)
        except FileNotFoundError:
            if not create:
                raise malformed(f"there is no {_text(parts)!r} to link to") from None
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            facts = lstat(name, dir_fd=fd)
            if facts is not None and stat.S_ISLNK(facts.st_mode):
                raise PathError(
                    f"an entry of the archive would be written through its symbolic link {_text(parts)!r}",
                    hint="nothing of the directory was kept; whoever made the archive has to make it anew",
                ) from error
            raise _clash(parts) from error
        os.mkdir(name, _PERMISSIONS, dir_fd=fd)
        return open_directory(name, dir_fd=fd, readable=True)

    def _is_directory(self, path: bytes) -> bool:
        try:
            facts = lstat(path, dir_fd=self._top)
        except OSError:
            return False
        return facts is not None and stat.S_ISDIR(facts.st_mode)

    def _remember(self, count: int) -> None:
        self._memory += count
        if self._memory > self._limits.memory_bytes:
            raise too_much("the names of its directories and links are too many or too long", "entries")


@dataclass(frozen=True, slots=True)
class LockedDirectory:
    """A directory that its owner may not list, change or enter, as the archive says."""

    path: bytes
    mode: int
    inode: int


def lock(top: int, directories: list[LockedDirectory]) -> None:
    """Take away the permissions that were needed to move the tree, except from what was there before."""
    for directory in sorted(directories, key=lambda each: each.path, reverse=True):
        fd = os.dup(top)
        try:
            for name in directory.path.split(b"/") if directory.path else []:
                deeper = open_directory(name, dir_fd=fd, readable=True)
                os.close(fd)
                fd = deeper
            if os.fstat(fd).st_ino == directory.inode:
                os.fchmod(fd, directory.mode)
        finally:
            os.close(fd)


def _umask(fd: int) -> int:
    """Find out the umask in this directory. Asking the system for it would change it for other threads."""
    name = temporary_name()
    probe = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PERMISSIONS, dir_fd=fd)
    try:
        return ~os.fstat(probe).st_mode & _PERMISSIONS
    finally:
        os.close(probe)
        os.unlink(name, dir_fd=fd)


def _set_time(fd: int, mtime: int) -> None:
    """Set the modification time, unless it is 0: that means none (docs/adr/0003)."""
    if mtime:
        try:
            os.utime(fd, ns=(mtime, mtime))
        except (OSError, OverflowError):
            pass  # a time that the file system can't hold is no reason to refuse the content


def _write(fd: int, data: bytes) -> None:
    count = os.write(fd, data)
    while count < len(data):
        count += os.write(fd, memoryview(data)[count:])


def _is_hole(data: bytes) -> bool:
    return len(data) >= _HOLE and not data[0] and not data[-1] and data.count(0) == len(data)


def _text(parts: list[bytes]) -> str:
    return b"/".join(parts).decode(errors="backslashreplace")


def _clash(parts: list[bytes]) -> ContentError:
    return malformed(f"{_text(parts)!r} is a directory and something else in it")


def _leads_out(path: bytes) -> PathError:
    return PathError(
        f"the symbolic link {path.decode(errors='backslashreplace')!r} in the archive leads out of its directory",
        hint="nothing of the directory was kept; fetch the blob with 'ocictl blob fetch --output FILE' "
        "to look at it",
    )
