"""Sending large files while they are hashed, before the manifest is made: one read instead of two."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from ocictl.events import EventSink, FileAdvanced
from ocictl.model.digest import Digest
from ocictl.ops.parallel import Cancellation, Concurrency, CountingStream, run_all
from ocictl.sources import FileContent, changed
from ocictl.target import ByteStream, ReadOnlyTarget

LARGE: Final = 32 * 1024 * 1024
"""Smaller files are hashed first; that takes no time."""
_SAMPLE: Final = 4096
_SAMPLES: Final = 3

DigestOf: TypeAlias = Callable[[FileContent], Digest | None]
"""Tells the digest of a file that was sent already."""


class EarlyUploads:
    """Sends the large files of one push that are worth it, and remembers which those were."""

    def __init__(self, target: ReadOnlyTarget, paths: Sequence[str], on_event: EventSink) -> None:
        """
        Args:
            target: may be able to take content without its digest (`ocictl.target.TakesUnnamed`).
            paths: all that is to be pushed. Nothing is sent early if one of them is missing.
            on_event: told how far a file is (`FileAdvanced`).
        """
        self._digests: dict[str, tuple[FileContent, Digest]] = {}
        self._push = getattr(target, "push_unnamed", None)  # as in `TakesUnnamed`; isinstance is slow
        self._on_event = on_event
        self._single = _without_doubles(paths) if self._push is not None else []

    def send_all(self, *, concurrency: Concurrency) -> None:
        """Send the files, several at once.

        Raises:
            StorageError: a file can't be read, or changed.
        """
        run_all([partial(self._send, path) for path in self._single], concurrency=concurrency)

    def digest_of(self, content: FileContent) -> Digest | None:
        """The digest of a file that was sent; None if it has to be sent in the usual way.

        Raises:
            StorageError: the file is another one by now.
        """
        path = str(content.path)
        if path not in self._digests:
            return None
        before, digest = self._digests[path]
        if content.facts != before.facts:
            raise changed(content.path)
        return digest

    @property
    def sent(self) -> frozenset[Digest]:
        """The blobs that the target has now."""
        return frozenset(digest for _content, digest in self._digests.values())

    def _send(self, path: str, stop: Cancellation) -> None:
        if self._push is None:
            return
        content = FileContent(path)
        digest: Digest | None = self._push(_Counted(path, content, self._on_event, stop))
        if digest is None:
            self._push = None
        else:
            self._digests[path] = (content, digest)


class _Counted:
    """A file whose readers report how far they are."""

    def __init__(self, name: str, content: FileContent, on_event: EventSink, stop: Cancellation) -> None:
        self._name = name
        self._content = content
        self._on_event = on_event
        self._stop = stop

    @property
    def size(self) -> int:
        return self._content.size

    def open(self) -> ByteStream:
        def advance(offset: int) -> None:
            self._on_event(FileAdvanced(name=self._name, offset=offset, size=self.size))

        return CountingStream(self._content.open(), advance, self._stop)


def _without_doubles(paths: Sequence[str]) -> list[str]:
    """The large files that are surely not equal to another one: equal blobs are sent once (PUSH-02)."""
    by_facts: dict[tuple[int, bytes], list[str]] = {}
    try:
        for path in paths:
            status = Path(path).stat()
            if stat.S_ISREG(status.st_mode) and status.st_size >= LARGE:
                by_facts.setdefault((status.st_size, _sample(path, status.st_size)), []).append(
                    str(Path(path))
                )
    except OSError:
        return []
    return [group[0] for group in by_facts.values() if len(group) == 1]


def _sample(path: str, size: int) -> bytes:
    """Bytes from here and there in a file."""
    with Path(path).open("rb", buffering=0) as file:
        parts = []
        for number in range(_SAMPLES):
            file.seek((size - _SAMPLE) * number // (_SAMPLES - 1))
            parts.append(file.read(_SAMPLE))
    return b"".join(parts)
