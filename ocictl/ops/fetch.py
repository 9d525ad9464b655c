"""fetch: one document as it is stored, and where its config is."""

from __future__ import annotations

from ocictl.content import read_all, read_document
from ocictl.errors import NotFoundError
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Manifest
from ocictl.model.platform import Platform
from ocictl.ops.resolve import resolve
from ocictl.target import ReadOnlyTarget


def fetch_manifest(
    target: ReadOnlyTarget, reference: str, *, platform: Platform | None = None
) -> tuple[Descriptor, bytes]:
    """Fetch the exact bytes of the document that a tag or digest names, verified.

    Raises:
        NotFoundError: there is no such document, or none for the platform.
        ContentError: the bytes are not what they should be.
    """
    descriptor = resolve(target, reference, platform=platform)
    return descriptor, read_all(target, descriptor)


def find_config(target: ReadOnlyTarget, reference: str, *, platform: Platform | None = None) -> Descriptor:
    """Find the config of the manifest that a tag or digest names.

    Raises:
        NotFoundError: there is no such manifest, none for the platform, or it is an index and has no config.
        ContentError: the manifest is not what it should be.
    """
    descriptor = resolve(target, reference, platform=platform)
    document = read_document(target, descriptor)
    if isinstance(document, Manifest):
        return document.config
    raise NotFoundError(
        f"{descriptor.digest} is an index and has no config",
        hint="choose one of its manifests with --platform, or by digest",
        details={"mediaType": descriptor.media_type},
    )
