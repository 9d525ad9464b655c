"""OCI image layouts in tar archives: one to read from, and one that is being made (LAY-08)."""

from __future__ import annotations

import os

from ocictl.closing import Closing
from ocictl.stores._tar_files import TarFiles
from ocictl.stores._tar_writer import TarWriter
from ocictl.stores.layout import LayoutWriter
from ocictl.stores.layout_reader import LayoutReader


class TarLayout(LayoutReader, Closing):
    """A `ReadOnlyTarget` in an archive. A context manager; leaving it closes the archive."""

    _files: TarFiles

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """
        Args:
            path: the archive, not compressed.

        Raises:
            NotFoundError: there is no such file.
            StorageError: `layout-invalid` (LAY-01, LAY-02, LAY-08) or `file-unreadable`.
        """
        super().__init__(TarFiles(os.fspath(path)))

    def close(self) -> None:
        """Close the archive."""
        self._files.close()


class NewTarLayout(LayoutWriter, Closing):
    """A `Target` in an archive that gets its name when it is finished.

    A context manager; leaving it without `commit` leaves nothing.
    """

    _files: TarWriter

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """
        Args:
            path: the archive; a file that is there is replaced in the end.

        Raises:
            ConflictError: `layout-locked`: another process is writing it.
            StorageError: `file-unwritable` or `disk-full`.
        """
        super().__init__(TarWriter(os.fspath(path)))

    def commit(self) -> int:
        """Finish the archive; return its size in bytes.

        Raises:
            StorageError: `file-unwritable` or `disk-full`.
        """
        return self._files.commit()

    def close(self) -> None:
        """Close the archive, and remove it unless it is finished."""
        self._files.close()
