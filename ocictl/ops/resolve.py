"""resolve: from a tag or digest, and perhaps a platform, to one document."""

from __future__ import annotations

from ocictl.content import read_all, read_document
from ocictl.errors import NotFoundError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Index, Manifest
from ocictl.model.platform import Platform
from ocictl.target import ReadOnlyTarget


def resolve(target: ReadOnlyTarget, reference: str, *, platform: Platform | None = None) -> Descriptor:
    """Find the document that a tag or digest names.

    Args:
        target: where to look.
        reference: tag or digest.
        platform: choose this platform's manifest of an index (the first that matches, IDX-08); of a plain
            manifest, demand that its image config is for this platform.

    Raises:
        NotFoundError: there is no such document, or none for the platform.
        ContentError: a document is not what it should be.
    """
    descriptor = target.resolve(reference)
    if platform is None:
        return descriptor
    document = read_document(target, descriptor)
    if isinstance(document, Index):
        return _choose(document, descriptor, platform)
    _demand(target, document, descriptor, platform)
    return descriptor


def _choose(index: Index, descriptor: Descriptor, wanted: Platform) -> Descriptor:
    for entry in index.manifests:
        if entry.platform is not None and entry.platform.satisfies(wanted):
            return entry
    offered = ", ".join(str(entry.platform) for entry in index.manifests if entry.platform is not None)
    raise NotFoundError(
        f"index {descriptor.digest} has no manifest for the platform {str(wanted)!r}",
        code="platform-not-found",
        hint=f"it offers: {offered}" if offered else "none of its manifests names a platform",
        details={"platform": str(wanted), "rule": "IDX-08"},
    )


def _demand(target: ReadOnlyTarget, manifest: Manifest, descriptor: Descriptor, wanted: Platform) -> None:
    if manifest.config.media_type not in media_types.IMAGE_CONFIG_TYPES:
        raise NotFoundError(
            f"manifest {descriptor.digest} names no platform: its config is {manifest.config.media_type!r}",
            code="platform-not-found",
            hint="leave out --platform",
            details={"platform": str(wanted), "rule": "MAN-05"},
        )
    from ocictl.model.image_config import ImageConfig

    config = ImageConfig.parse(read_all(target, manifest.config))
    if not config.platform.satisfies(wanted):
        raise NotFoundError(
            f"manifest {descriptor.digest} is for {str(config.platform)!r}, not for {str(wanted)!r}",
            code="platform-not-found",
            hint=f"use --platform {config.platform}, or leave it out",
            details={"platform": str(wanted), "rule": "IDX-08"},
        )
