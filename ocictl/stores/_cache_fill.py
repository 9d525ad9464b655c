"""An entry of a cache while it is being written."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from threading import RLock

from ocictl.content import BACKGROUND_FROM
from ocictl.hashing import BackgroundHasher
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import new_hasher
from ocictl.stores._cache_files import CacheFiles


class Fill:
    """An unfinished entry: write all of its bytes, then `commit`; or `discard`. Neither fails.

    One thread writes; another one may discard it meanwhile.

    Attributes:
        size: bytes that it shall have.
        count: bytes so far.
    """

    def __init__(
        self,
        files: CacheFiles,
        descriptor: Descriptor,
        *,
        on_error: Callable[[OSError], None],
        on_end: Callable[[Fill, int], None],
    ) -> None:
        """
        Args:
            files: where it goes.
            descriptor: what it shall be.
            on_error: told if it can't be written; it is discarded then.
            on_end: told in the end how many bytes are kept: all or none.

        Raises:
            OSError: it can't be begun; nobody is told.
        """
        algorithm = descriptor.digest.algorithm
        self._name, self._fd = files.create()
        self._files = files
        self._digest = descriptor.digest
        self._on_error = on_error
        self._on_end = on_end
        self._lock = RLock()
        self._open = True
        # The reader behind it hashes the same bytes; but what goes into a cache is not left to a reader's care.
        self._hasher = (
            BackgroundHasher(algorithm) if descriptor.size >= BACKGROUND_FROM else new_hasher(algorithm)
        )
        self.size = descriptor.size
        self.count = 0

    def write(self, data: bytes) -> None:
        """Add bytes."""
        with self._lock:
            if not self._open:
                return
            self.count += len(data)
            if self.count > self.size:
                self.discard()
                return
            self._hasher.update(data)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._fd, view) :]
            except OSError as error:
                self._fail(error)

    def commit(self) -> None:
        """Make it an entry, if size and digest are right.

        It is not forced to the disk: what a power failure spoils is found damaged when it is read.
        """
        with self._lock:
            if not self._open:
                return
            if self.count != self.size or self._hasher.hexdigest() != self._digest.encoded:
                self.discard()
                return
            try:
                self._files.finish(self._name, self._digest)
            except OSError as error:
                self._fail(error)
            else:
                self._end(self.count)

    def discard(self) -> None:
        """Leave nothing, unless it is committed. Doing so twice is no error."""
        with self._lock:
            if self._open:
                with suppress(OSError):
                    self._files.discard(self._name)
                self._end(0)

    def _fail(self, error: OSError) -> None:
        self.discard()
        self._on_error(error)

    def _end(self, kept: int) -> None:
        self._open = False
        os.close(self._fd)
        if isinstance(self._hasher, BackgroundHasher):
            self._hasher.close()
        self._on_end(self, kept)
