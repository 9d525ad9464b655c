"""pull: write the files of an artifact back, complete and verified, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ocictl.content import copy_verified
from ocictl.errors import ContentError, RegistryError
from ocictl.events import (
    EventSink,
    TransferAdvanced,
    TransferFinished,
    TransferKept,
    TransferSkipped,
    TransferStarted,
    discard,
)
from ocictl.lazy_dataclass import dataclass
from ocictl.model import media_types
from ocictl.model.annotations import TITLE, UNPACKED_DIGEST
from ocictl.model.descriptor import Descriptor, read_digest
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index
from ocictl.model.platform import Platform
from ocictl.ops.charts import chart_title, is_chart
from ocictl.ops.conventions import has_bare_names, holds_directory, is_directory, may_hold_directory
from ocictl.ops.file_mode import restore_mode
from ocictl.ops.files import copy_bytes
from ocictl.ops.graph import walk
from ocictl.ops.limits import UnpackLimits
from ocictl.ops.parallel import Cancellation, Concurrency, run_all, transfer
from ocictl.ops.partial import PartialFile
from ocictl.ops.paths import OutputRoot, check_titles
from ocictl.ops.resolve import resolve
from ocictl.target import ReadOnlyTarget

if TYPE_CHECKING:
    from ocictl.ops.pack import FileArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledFile:
    """A file or directory that was written.

    Attributes:
        path: absolute.
        is_directory: it was unpacked from an archive.
        descriptor: of the blob it came from.
    """

    path: Path
    is_directory: bool
    descriptor: Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """What was pulled.

    Attributes:
        descriptor: of the document that the reference named.
        files: in the order of the manifest.
        untitled: blobs without a file name, which were left alone.
    """

    descriptor: Descriptor
    files: tuple[PulledFile, ...]
    untitled: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A blob and the title it is to be written under."""

    descriptor: Descriptor
    title: str
    is_directory: bool
    listed: bool = True


def pull(
    target: ReadOnlyTarget,
    reference: str,
    output: Path,
    *,
    keep_existing: bool = False,
    allow_traversal: bool = False,
    include_subject: bool = False,
    config: FileArgument | None = None,
    platform: Platform | None = None,
    concurrency: int | None = None,
    limits: UnpackLimits | None = None,
    on_event: EventSink = discard,
) -> PullResult:
    """Write every titled blob of an artifact, and of all manifests below an index, into a directory.

    All titles are checked before anything is written. A file gets its name when size and digest are right.

    Args:
        target: where from.
        reference: tag or digest.
        output: the directory; it is created.
        keep_existing: a file that is already there is an error, found before anything is written.
        allow_traversal: let titles lead out of the directory.
        include_subject: pull the files of the subject as well, and of its subject.
        config: write the config under this path below the output; with a media type only if it matches.
        platform: pull this platform's manifest of an index.
        concurrency: how many blobs move at once; None: 3, and up to 12 while they are small.
        limits: what directory archives may ask for; None for the defaults.
        on_event: told what happens.

    Raises:
        NotFoundError: there is no such artifact, or a blob of it is missing.
        PathError: a title is not safe, or collides with another one or an existing file.
        ContentError: bytes are not what they should be.
        StorageError: a file can't be written.
        OcictlError: what the target raises.
    """
    root = resolve(target, reference, platform=platform)
    entries: list[_Entry] = []
    untitled: list[Descriptor] = []
    finished: list[Descriptor] = []
    for descriptor, document in walk(target, root, include_subject=include_subject, on_event=on_event):
        _collect(document, config, entries, untitled)
        finished.append(descriptor)
    entries = list({(entry.title, entry.descriptor.digest): entry for entry in reversed(entries)}.values())[
        ::-1
    ]
    directories = {entry.title for entry in entries if entry.is_directory}
    check_titles([entry.title for entry in entries], allow_traversal=allow_traversal, directories=directories)
    for descriptor in untitled:
        on_event(TransferSkipped(descriptor=descriptor, direction="pull", reason="untitled"))
    with OutputRoot(output, keep_existing=keep_existing, allow_traversal=allow_traversal) as place:
        for entry in entries:
            place.check(entry.title, directory=entry.is_directory or may_hold_directory(entry.descriptor))
        turned_out: set[str] = set()
        unpacker = partial(_unpack, place=place, limits=limits)
        tasks = [
            transfer(
                group[0].descriptor.size, _pull_blob, target, group, place, unpacker, turned_out, on_event
            )
            for group in _by_digest(entries)
        ]
        run_all(tasks, concurrency=Concurrency.of(concurrency, 3))
        files = tuple(
            PulledFile(
                path=place.location(entry.title),
                is_directory=entry.is_directory or entry.title in turned_out,
                descriptor=entry.descriptor,
            )
            for entry in entries
            if entry.listed
        )
    for descriptor in reversed(finished):
        on_event(TransferFinished(descriptor=descriptor, direction="pull"))
    return PullResult(descriptor=root, files=files, untitled=tuple(untitled))


def _collect(
    document: Document, config: FileArgument | None, entries: list[_Entry], untitled: list[Descriptor]
) -> None:
    """Sort what a document points to into what is written and what has no name."""
    if isinstance(document, Index):
        blobs: Sequence[Descriptor] = [entry for entry in document.manifests if not entry.is_document]
    else:
        blobs = document.layers
        found = document.config
        if config is not None and config.media_type in (None, found.media_type):
            found = found.with_annotations({**found.annotations, TITLE: config.path})
        if found.title is not None:
            entries.append(_Entry(descriptor=found, title=found.title, is_directory=False, listed=False))
        elif document.config.media_type != media_types.EMPTY and not is_chart(document):
            untitled.append(document.config)
    for blob in blobs:
        title = blob.title or chart_title(document, blob)
        if title is not None:
            entries.append(_Entry(descriptor=blob, title=title, is_directory=is_directory(blob)))
        elif blob.media_type != media_types.EMPTY:
            untitled.append(blob)


def _by_digest(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Group what comes from the same bytes, files before directories."""
    groups: dict[Digest, list[_Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.descriptor.digest, []).append(entry)
    for group in groups.values():
        yield sorted(group, key=lambda entry: entry.is_directory)


def _pull_blob(
    target: ReadOnlyTarget,
    group: list[_Entry],
    place: OutputRoot,
    unpacker: Callable[[BinaryIO, _Entry], None],
    turned_out: set[str],
    on_event: EventSink,
    stop: Cancellation,
) -> None:
    """Download content once, unless it is there, and write it under each of its titles.

    Titles that turn out to be directories' are added to `turned_out`.
    """
    stop.check()
    missing = [
        entry for entry in group if entry.is_directory or not place.holds(entry.title, entry.descriptor)
    ]
    for entry in group:
        if entry not in missing:
            on_event(TransferSkipped(descriptor=entry.descriptor, direction="pull", reason="exists"))
    if not missing:
        return
    first, *others = missing
    with place.gather(first.descriptor) as partial:
        _download(target, first.descriptor, partial, on_event, stop)
        for entry in missing:
            if not entry.is_directory and may_hold_directory(entry.descriptor):
                if holds_directory(partial.file, entry.descriptor):
                    turned_out.add(entry.title)
        for entry in others:
            if entry.is_directory or entry.title in turned_out:
                unpacker(partial.file, entry)
                continue
            with place.create_file(entry.title) as copy:
                partial.file.seek(0)
                copy_bytes(partial.file, copy.file)
                restore_mode(copy.file.fileno(), entry.descriptor)
                copy.commit()
        if first.is_directory or first.title in turned_out:
            unpacker(partial.file, first)
            partial.discard()
        else:
            restore_mode(partial.file.fileno(), first.descriptor)
            place.commit(partial, first.title)
    on_event(TransferFinished(descriptor=first.descriptor, direction="pull"))
    for entry in others:
        on_event(TransferFinished(descriptor=entry.descriptor, direction="pull", action="restored"))


def _download(
    target: ReadOnlyTarget,
    descriptor: Descriptor,
    partial: PartialFile,
    on_event: EventSink,
    stop: Cancellation,
) -> None:
    """Complete a partial file. What an earlier run left is used if it is right, else thrown away."""

    def advance(offset: int) -> None:
        stop.check()
        on_event(TransferAdvanced(descriptor=descriptor, offset=offset))

    while True:
        on_event(TransferStarted(descriptor=descriptor, direction="pull", offset=partial.kept))
        try:
            copy_verified(target, descriptor, partial.file, advance, kept=partial.kept)
        except ContentError:
            if not partial.kept:
                partial.discard()
                raise
            partial.restart()
        except BaseException as error:
            if partial.kept and isinstance(error, RegistryError) and error.code == "registry-protocol":
                partial.restart()  # a registry that can't serve the rest may serve the whole
                continue
            if partial.worth_keeping:
                offset = partial.file.tell()
                on_event(TransferKept(descriptor=descriptor, direction="pull", offset=offset))
            raise
        else:
            return


def _unpack(source: BinaryIO, entry: _Entry, place: OutputRoot, limits: UnpackLimits | None) -> None:
    text = entry.descriptor.annotations.get(UNPACKED_DIGEST)
    wanted = read_digest(text, f"annotation {UNPACKED_DIGEST!r}") if text else None
    from ocictl.ops.unpack import unpack

    source.seek(0, os.SEEK_SET)
    bare = has_bare_names(entry.descriptor)
    unpack(source, place, entry.title, unpacked_digest=wanted, bare=bare, limits=limits)
