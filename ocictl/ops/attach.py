"""attach: push an artifact that is about another one, and see to it that it is listed there."""

from __future__ import annotations

from collections.abc import Sequence

from ocictl.errors import InvalidInputError
from ocictl.events import EventSink, discard
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Manifest
from ocictl.model.platform import Platform
from ocictl.ops.copy import push_artifact
from ocictl.ops.pack import FileArgument, PackOptions, check_options, pack
from ocictl.ops.parallel import Concurrency
from ocictl.ops.resolve import resolve
from ocictl.target import Listing, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachResult:
    """What was attached.

    Attributes:
        subject: what it is about.
        descriptor: of the new referrer, with its artifact type and annotations.
        manifest: the referrer itself, with the exact bytes.
        listing: how it got into the subject's list.
        already_attached: it was stored and listed before; nothing has changed.
    """

    subject: Descriptor
    descriptor: Descriptor
    manifest: Manifest
    listing: Listing
    already_attached: bool


def attach(
    target: Target,
    reference: str,
    files: Sequence[FileArgument],
    *,
    options: PackOptions,
    platform: Platform | None = None,
    concurrency: int | None = None,
    on_event: EventSink = discard,
) -> AttachResult:
    """Attach files or annotations to what a tag or digest names. Doing it again changes nothing.

    Args:
        target: where the subject is and the referrer goes. The referrer gets no tag (MPUT-11).
        reference: tag or digest of the subject.
        files: become the layers; may be empty if there are annotations.
        options: how to build the manifest; `artifact_type` is required.
        platform: attach to this platform's manifest of an index.
        concurrency: how many blobs move at once; None: 5, and up to 12 while they are small.
        on_event: told what happens.

    Raises:
        InvalidInputError, PathError: an argument breaks a rule; nothing was sent.
        NotFoundError: there is no such subject.
        ConflictError: the referrer is stored, but its listing can't be confirmed.
        OcictlError: what the target raises.
    """
    if options.artifact_type is None:
        raise InvalidInputError("attach needs an artifact type", hint="add --artifact-type TYPE")
    if not files and not options.annotations.manifest:
        raise InvalidInputError(
            "there is neither a file nor an annotation to attach",
            hint="name a file, or add --annotation KEY=VALUE",
        )
    check_options(files, options)
    subject = resolve(target, reference, platform=platform)
    with pack(files, options, subject=subject, on_event=on_event) as packed:
        receipt, existed = push_artifact(
            target,
            packed.manifest,
            packed.blobs,
            tags=(),
            concurrency=Concurrency.of(concurrency, 5),
            on_event=on_event,
        )
    listing = receipt.listing or "registry"
    return AttachResult(
        subject=subject,
        descriptor=packed.manifest.descriptor(),
        manifest=packed.manifest,
        listing=listing,
        already_attached=existed and listing in ("registry", "present"),
    )
