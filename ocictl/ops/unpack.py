"""Unpacking a directory archive: all of it or nothing, and nothing outside of its directory.

The archive is unpacked into a private directory beside the final name. When all is there, links are looked
through, the digest is compared, and the tree gets its name. Python's `tarfile` extraction is not used: its
filters have been bypassed again and again.
"""

from __future__ import annotations

from contextlib import closing
from typing import BinaryIO

from ocictl.content import CHUNK
from ocictl.errors import ContentError
from ocictl.lazy_dataclass import dataclass
from ocictl.model.digest import Digest, new_hasher
from ocictl.ops.codec import Decompressed
from ocictl.ops.extract import Tree, lock
from ocictl.ops.files import writing
from ocictl.ops.limits import UnpackLimits, too_much
from ocictl.ops.paths import OutputRoot
from ocictl.ops.read_ahead import ReadAhead
from ocictl.ops.titles import clean_title
from ocictl.tar_reader import TarReader

__all__ = ["UnpackLimits", "UnpackResult", "unpack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackResult:
    """What came out of an archive.

    Attributes:
        entries: number of files, directories and links.
        skipped: names of devices and other entries that were left out, at most a hundred.
        skipped_count: number of all of those.
    """

    entries: int
    skipped: tuple[str, ...] = ()
    skipped_count: int = 0


def unpack(
    archive: BinaryIO,
    root: OutputRoot,
    title: str,
    *,
    unpacked_digest: Digest | None = None,
    bare: bool = False,
    limits: UnpackLimits | None = None,
) -> UnpackResult:
    """Unpack an archive so that `title` below `root` is the directory it was made of.

    Names in the archive may or may not begin with the title, and directories need no entry of their own:
    archives of oras, oras-py and regctl are read, with gzip, zstd, xz, bzip2 or no compression.

    Args:
        archive: the blob, verified, open at its first byte.
        root: an entered output directory.
        title: it has passed `check_titles`.
        unpacked_digest: of the uncompressed archive, if known. It is compared before anything gets its
            final name.
        bare: names in the archive don't begin with the title, even if they look so.
        limits: what the archive may ask for; None for the defaults.

    Raises:
        ContentError: `archive-malformed`, `digest-mismatch`, `digest-unverifiable`.
        PathError: `path-unsafe`: an entry or a link leads out of the directory; `path-exists`.
        StorageError: it can't be written.
    """
    limits = limits or UnpackLimits()
    with root.create_directory(title) as pending, writing(pending.shown):
        with closing(_Source(archive, unpacked_digest, limits)) as source:
            reader = TarReader(source.read, longest_name=limits.name_bytes + len(title.encode()))
            top = "." if bare else clean_title(title)
            with closing(Tree(pending.fd, pending.shown, top.encode(), limits, source.stored)) as tree:
                for member in reader:
                    tree.add(member, reader)
                source.finish()
                locked = tree.finish()
        lock(pending.commit(), locked)
    return UnpackResult(entries=tree.count, skipped=tuple(tree.skipped), skipped_count=tree.skipped_count)


class _Source:
    """The uncompressed archive, bounded; decompressed and hashed on a thread of its own. It must be closed."""

    def __init__(self, archive: BinaryIO, expected: Digest | None, limits: UnpackLimits) -> None:
        self._stream = Decompressed(archive)
        self._expected = expected
        self._hasher = None if expected is None else new_hasher(expected.algorithm)
        self._limits = limits
        self._count = 0
        self._stored = 0
        self._piece = b""
        self._at = 0
        self._ahead = ReadAhead(self._produce)

    def close(self) -> None:
        self._ahead.close()

    def read(self, size: int) -> bytes:
        """Return at least one and at most `size` bytes, `b""` only at the end.

        Raises:
            ContentError: `archive-malformed`.
        """
        at = self._at
        data = self._piece[at : at + size]
        if not data and size:
            self._piece = self._ahead.read()
            at = 0
            data = self._piece[:size]
        self._at = at + len(data)
        return data

    def stored(self, count: int) -> None:
        """Note that so many bytes go to disk.

        Raises:
            ContentError: `archive-malformed`: more than the compressed bytes justify.
        """
        self._stored += count
        limits = self._limits
        if self._stored > max(limits.ratio_from, limits.ratio * self._stream.consumed):
            raise too_much(f"it grows to more than {limits.ratio} times its size", "ratio")

    def finish(self) -> None:
        """Read to the end, also what follows the last entry, and compare the digest.

        Raises:
            ContentError: `digest-mismatch`.
        """
        while self.read(CHUNK):
            pass
        if self._expected is None or self._hasher is None:
            return
        actual = Digest(self._expected.algorithm, self._hasher.hexdigest())
        if actual != self._expected:
            raise ContentError(
                f"the unpacked content does not match its digest: expected {self._expected}, got {actual}",
                code="digest-mismatch",
                hint="the artifact was made wrong; nothing of the directory was kept",
                details={"expected": str(self._expected), "actual": str(actual)},
            )

    def _produce(self) -> bytes:
        data = self._stream.read(CHUNK)
        self._count += len(data)
        if self._count > self._limits.total_bytes:
            raise too_much(f"it has more than {self._limits.total_bytes} uncompressed bytes", "bytes")
        if self._hasher is not None:
            self._hasher.update(data)
        return data
