"""Media types, in one place, and the rule for what is one (DESC-02)."""

from __future__ import annotations

import re
from typing import Final

from ocictl.errors import InvalidInputError
from ocictl.lazy_pattern import pattern

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
WITHDRAWN_ARTIFACT_MANIFEST: Final = "application/vnd.oci.artifact.manifest.v1+json"

EMPTY: Final = "application/vnd.oci.empty.v1+json"
IMAGE_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
UNKNOWN_CONFIG: Final = "application/vnd.unknown.config.v1+json"
UNKNOWN_ARTIFACT: Final = "application/vnd.unknown.artifact.v1"
LAYER_TAR: Final = "application/vnd.oci.image.layer.v1.tar"
LAYER_TAR_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_TAR_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
OCTET_STREAM: Final = "application/octet-stream"

MANIFEST_TYPES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
HAVE_SUBJECT: Final = frozenset({OCI_MANIFEST, OCI_INDEX})
"""Documents that may be about another one."""
INDEX_TYPES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
DOCUMENT_TYPES: Final = MANIFEST_TYPES | INDEX_TYPES
"""Documents that this package parses (IDX-07)."""
MANIFEST_ENDPOINT_TYPES: Final = DOCUMENT_TYPES | {WITHDRAWN_ARTIFACT_MANIFEST}
"""Content a registry keeps under /manifests/, parsed or not (MAN-10)."""
ACCEPT: Final = (
    f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}, {WITHDRAWN_ARTIFACT_MANIFEST}"
)
"""The Accept header for every request of a manifest (PULL-01)."""
FOREIGN_LAYERS: Final = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
"""Layers that somebody else distributes; registries need not have them (MAN-07)."""
IMAGE_CONFIG_TYPES: Final = frozenset({IMAGE_CONFIG, DOCKER_CONFIG})

_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = pattern(f"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}", re.ASCII)


def is_media_type(text: str) -> bool:
    """Tell whether this is `type/subtype` with restricted names of RFC 6838 section 4.2 (DESC-02)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def check_media_type(text: str, what: str = "media type") -> str:
    """Return the text unchanged if it is a media type.

    Raises:
        InvalidInputError: `media-type-invalid`, naming the value and the rule (DESC-02).
    """
    if is_media_type(text):
        return text
    hint = "write it as type/subtype, for example application/vnd.example.thing.v1+json"
    if ";" in text:
        hint = f"parameters are not allowed; leave out {text[text.index(';') :]!r}"
    raise InvalidInputError(
        f"{what} {text!r} is not type/subtype as in RFC 6838 section 4.2",
        code="media-type-invalid",
        hint=hint,
        details={"value": text, "rule": "DESC-02"},
    )


def same(left: str | None, right: str | None) -> bool:
    """Compare two media types without regard to case (DESC-03)."""
    if left is None or right is None:
        return left is right
    return left.lower() == right.lower()
