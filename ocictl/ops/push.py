"""push: pack files into an artifact, store it, tag it."""

from __future__ import annotations

from collections.abc import Sequence

from ocictl.events import EventSink, discard
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Manifest
from ocictl.ops.copy import push_artifact
from ocictl.ops.early import EarlyUploads
from ocictl.ops.pack import FileArgument, PackOptions, check_options, pack
from ocictl.ops.parallel import Concurrency
from ocictl.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What was pushed.

    Attributes:
        descriptor: of the manifest, with its artifact type and annotations.
        manifest: the manifest itself, with the exact bytes.
        tags: the tags that point to it now, in the order given.
    """

    descriptor: Descriptor
    manifest: Manifest
    tags: tuple[str, ...]


def push(
    target: Target,
    files: Sequence[FileArgument],
    *,
    tags: Sequence[str] = (),
    options: PackOptions | None = None,
    force: bool = False,
    concurrency: int | None = None,
    on_event: EventSink = discard,
) -> PushResult:
    """Push files as an artifact. The same input always gives the same digest.

    Args:
        target: where to.
        files: become the layers, in this order; none makes an artifact with one empty layer.
        tags: to point at the artifact; none leaves it reachable by digest only.
        options: how to build the manifest.
        force: look for every blob although the artifact is there, and send what is missing: registries may lose
            blobs.
        concurrency: how many blobs move at once; None: 5, and up to 12 while they are small.
        on_event: told what happens.

    Raises:
        InvalidInputError, PathError: an argument breaks a rule; nothing was sent.
        StorageError: a file can't be read.
        OcictlError: what the target raises.
    """
    options = options or PackOptions()
    check_options(files, options)
    early = EarlyUploads(target, [file.path for file in files], on_event)
    at_once = Concurrency.of(concurrency, 5)
    early.send_all(concurrency=at_once)
    with pack(files, options, on_event=on_event, digest_of=early.digest_of) as packed:
        push_artifact(
            target,
            packed.manifest,
            packed.blobs,
            tags=tags,
            concurrency=at_once,
            on_event=on_event,
            force=force,
            sent=early.sent,
        )
    return PushResult(descriptor=packed.manifest.descriptor(), manifest=packed.manifest, tags=tuple(tags))
