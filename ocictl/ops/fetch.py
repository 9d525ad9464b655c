"""fetch: one document as it is stored."""

from __future__ import annotations

from ocictl.content import read_all
from ocictl.model.descriptor import Descriptor
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
