"""A cache: an image layout that keeps content which was fetched once, verified, for whoever wants it again.

The layout is one that oras can use too (`ORAS_CACHE`), at the same time. Any number of processes may share it:
an entry appears whole and verified under its digest or not at all, what is being written is locked, and what is
read is verified before a byte of it is handed out. So no lock is needed for reading or filling, and whatever
damages an entry costs a transfer and never an error. A cache in trouble warns and steps aside.
"""

from __future__ import annotations

import errno
import io
import os
import shlex
from contextlib import suppress
from threading import RLock
from typing import BinaryIO, Final, cast

from ocictl.errors import ConflictError, OcictlError, StorageError
from ocictl.events import CacheWarning, EventSink, discard
from ocictl.hashing import BUFFER
from ocictl.lazy_dataclass import dataclass
from ocictl.model import _fields
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest, new_hasher
from ocictl.sources import unreadable
from ocictl.stores._cache_files import MARKER, CacheFiles, Entry, touch
from ocictl.stores._cache_fill import Fill
from ocictl.stores._layout_files import ABSENT, LayoutFiles, unwritable
from ocictl.stores._layout_index import Snapshot, invalid

_LOCK_TIMEOUT: Final = 10.0
_IN_MEMORY: Final = 1024 * 1024
"""Entries of at most this size in bytes are read into memory once, larger ones are read twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUsage:
    """What a cache holds.

    Attributes:
        entries: number of blobs and documents.
        size: their bytes.
        unfinished: number of files that are being written or were left behind.
        oldest: when the entry that was unused for longest was used, in seconds since 1970; None without entries.
        is_prunable: it says that it is a cache and has no tags.
    """

    entries: int
    size: int
    unfinished: int
    oldest: float | None
    is_prunable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult:
    """What pruning did.

    Attributes:
        removed: number of entries that are gone.
        freed: their bytes.
        entries: number of those that are left.
        size: their bytes.
    """

    removed: int
    freed: int
    entries: int
    size: int


class Cache:
    """A directory of verified content. It must be closed, and may be used from several threads at once."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        create: bool = False,
        max_size: int | None = None,
        on_event: EventSink = discard,
    ) -> None:
        """
        Args:
            path: the directory: an image layout.
            create: make it if it is missing or empty, and let it say that it is a cache unless it has tags.
            max_size: bytes that its entries may have; filling it removes what was unused for longest.
            on_event: told of `CacheWarning`s.

        Raises:
            NotFoundError: there is no such directory (and `create` is off).
            StorageError: `layout-invalid`, `file-unreadable`, `file-unwritable` or `disk-full`.
        """
        self._layout = LayoutFiles(os.fspath(path), lock_timeout=_LOCK_TIMEOUT)
        if create:
            self._layout.create()
        else:
            self._layout.check()
        try:
            self._files = CacheFiles(self._layout.path)
        except OSError as error:
            if error.errno not in ABSENT:
                raise unreadable(self._layout.path, error) from error
            raise invalid(
                self._layout.path, "blobs in it is a symbolic link or no directory", "LAY-03"
            ) from error
        self.max_size = max_size
        self._on_event = on_event
        self._lock = RLock()
        self._total: int | None = None
        self._pending = 0
        self._filled = False
        self._fills: set[Fill] = set()
        self._writable = True
        self._prunable = True
        self._closed = False
        if create and not self._files.is_marked():
            with suppress(OSError, OcictlError):
                if not self._tags():
                    self._files.mark()

    @property
    def path(self) -> str:
        """The directory as the user wrote it."""
        return self._layout.path

    def open(self, descriptor: Descriptor, start: int = 0) -> BinaryIO | None:
        """Open an entry from an offset on, verified as a whole; None if there is none.

        An entry that is damaged is removed. Reading raises OSError as any file does.
        """
        file = self._files.open_entry(descriptor.digest)
        if file is None:
            return None
        stream: BinaryIO | None = None
        try:
            size = os.fstat(file.fileno()).st_size
            if size <= descriptor.size:
                stream = self._verified(file, size, descriptor.digest)
            # A right entry of another size than the descriptor says: the source decides who is wrong.
            if size < descriptor.size:
                stream = None
            if stream is not None:
                touch(file)
                stream.seek(start)
        except OSError as error:
            stream = None
            self.warn(f"an entry of the cache {self.path!r} can't be read: {error.strerror or error}")
        finally:
            if stream is not file:
                file.close()
        return stream

    def open_unverified(self, descriptor: Descriptor, start: int = 0) -> BinaryIO | None:
        """Open an entry that is too large for memory as it is; None for any other. It is read once only."""
        if descriptor.size <= _IN_MEMORY:
            return None
        file = self._files.open_entry(descriptor.digest)
        if file is None or os.fstat(file.fileno()).st_size != descriptor.size:
            if file is not None:
                file.close()
            return None
        touch(file)
        file.seek(start)
        return file

    def _verified(self, file: io.FileIO, size: int, digest: Digest) -> BinaryIO | None:
        """The first bytes of an open entry, or None after they were found damaged and removed."""
        hasher = new_hasher(digest.algorithm)
        memory = io.BytesIO() if size <= _IN_MEMORY else None
        left = size
        while left and (data := file.read(min(left, BUFFER))):
            hasher.update(data)
            left -= len(data)
            if memory is not None:
                memory.write(data)
        if not left and hasher.hexdigest() == digest.encoded:
            return cast("BinaryIO", file) if memory is None else memory
        self.warn(f"{digest} in the cache {self.path!r} was damaged; it is fetched again")
        with suppress(OSError):
            self._files.drop(digest, file)
        return None

    def begin(self, descriptor: Descriptor) -> Fill | None:
        """Begin to write an entry; None if it can't or shall not be kept."""
        size = descriptor.size
        with self._lock:
            if not self._writable or not self._has_room(size):
                return None
            if not self._filled:
                self._filled = True
                with suppress(OSError):
                    self._files.sweep()
            self._pending += size
        try:
            fill = Fill(self._files, descriptor, on_error=self._give_up, on_end=self._settle)
        except OSError as error:
            with self._lock:
                self._pending -= size
            self._give_up(error)
            return None
        with self._lock:
            self._fills.add(fill)
            closed = self._closed
        if closed:
            fill.discard()
        return fill

    def usage(self) -> CacheUsage:
        """Count what is there.

        Raises:
            StorageError: `file-unreadable` or `layout-invalid`.
        """
        entries = self._entries()
        return CacheUsage(
            entries=len(entries),
            size=sum(entry.size for entry in entries),
            unfinished=self._files.unfinished(),
            oldest=min((entry.used / 1e9 for entry in entries), default=None),
            is_prunable=self._files.is_marked() and not self._tags(),
        )

    def prune(self, max_size: int = 0) -> PruneResult:
        """Remove entries, those first that were unused for longest, and what killed processes left behind.

        Nothing but entries is removed. What other processes are writing is left alone, and so is, unless all
        shall go, what one of them has used meanwhile; what they are reading they can read to its end.

        Args:
            max_size: bytes that may stay.

        Raises:
            StorageError: `cache-invalid`: the directory does not say that it is a cache, or it has tags, so
                somebody keeps artifacts in it; `file-unwritable`.
            ConflictError: `layout-locked`.
        """
        if not self._files.is_marked():
            raise self._refused(
                f"it has no {MARKER}",
                f"if it is one, use it once as such: ocictl pull --cache {shlex.quote(self.path)} REFERENCE",
            )
        with self._layout.locked():
            if self._tags():
                raise self._refused(
                    "it has tags", "remove the directory yourself, or use another one as cache"
                )
            entries = sorted(self._entries(), key=lambda entry: (entry.used, str(entry.digest)))
            size = sum(entry.size for entry in entries)
            excess = size - max_size
            chosen: list[Entry] = []
            for entry in entries:
                if excess <= 0 and max_size > 0:
                    break
                chosen.append(entry)
                excess -= entry.size
            try:
                self._files.sweep()
                removed = [e for e in chosen if self._files.remove(e, even_if_used=max_size == 0)]
                self._unlist()
            except OSError as error:
                raise unwritable(self.path, error) from error
        freed = sum(entry.size for entry in removed)
        return PruneResult(
            removed=len(removed), freed=freed, entries=len(entries) - len(removed), size=size - freed
        )

    def close(self) -> None:
        """Forget what is unfinished and keep the limit. Doing so twice is no error.

        A thread that is still reading may go on, but keeps nothing.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writable = False
            open_fills, self._fills = self._fills, set()
        for fill in open_fills:
            fill.discard()
        if self._filled and self.max_size is not None:
            self._shrink(self.max_size)

    def warn(self, text: str) -> None:
        """Tell that something about the cache is wrong; the work goes on without it."""
        self._on_event(CacheWarning(text))

    def _entries(self) -> list[Entry]:
        try:
            return list(self._files.entries())
        except OSError as error:
            raise StorageError(
                f"the cache {self.path!r} can't be read: {error.strerror or error}", code="file-unreadable"
            ) from error

    def _tags(self) -> bool:
        return bool(Snapshot.parse(self._layout.read_index(), self.path).by_tag)

    def _unlist(self) -> None:
        """Take out of `index.json`, where oras lists documents, what is not stored any more."""
        snapshot = Snapshot.parse(self._layout.read_index(), self.path)
        listed = snapshot.members.get("manifests") or []
        stored = {str(entry.digest) for entry in self._entries()} if listed else set()
        kept = [item for item in listed if not isinstance(item, dict) or item.get("digest") in stored]
        if len(kept) != len(listed):
            self._layout.write_index(_fields.dump({**snapshot.members, "manifests": kept}))

    def _refused(self, why: str, hint: str) -> StorageError:
        return StorageError(
            f"{self.path!r} is not pruned, because {why}",
            code="cache-invalid",
            hint=hint,
            details={"path": self.path},
        )

    def _has_room(self, size: int) -> bool:
        """Whether so many bytes more may be written; makes room within the limit."""
        free = self._files.free()
        # As much is needed beside the cache: it must not take the space that the files themselves will need.
        if free is not None and 2 * (self._pending + size) > free:
            self.warn(f"there is not enough space to keep everything in the cache {self.path!r}")
            return False
        if self.max_size is None:
            return True
        if size > self.max_size:
            return False
        if self._total is None:
            self._total = self._count()
        if self._total + self._pending + size > self.max_size:
            # A bit more than needed, so that not every entry of a full cache needs a look at all others.
            self._shrink(max(0, self.max_size * 9 // 10 - self._pending - size))
            self._total = self._count()
        return self._writable and self._total + self._pending + size <= self.max_size

    def _count(self) -> int:
        try:
            return sum(entry.size for entry in self._files.entries())
        except OSError as error:
            self._give_up(error)
            return 0

    def _shrink(self, max_size: int) -> None:
        if not self._prunable or (max_size > 0 and self._count() <= max_size):
            return
        try:
            self.prune(max_size)
        except ConflictError:
            pass  # another process is pruning it now
        except OcictlError as error:
            self._prunable = False
            self.warn(f"the cache can't be kept within its size: {error.message}")

    def _settle(self, fill: Fill, kept: int) -> None:
        with self._lock:
            self._fills.discard(fill)
            self._pending -= fill.size
            if self._total is not None:
                self._total += kept

    def _give_up(self, error: OSError) -> None:
        """Write nothing more in the life of this object."""
        with self._lock:
            if not self._writable:
                return
            self._writable = False
        why = "it is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        self.warn(f"nothing more is kept in the cache {self.path!r}: {why}")
