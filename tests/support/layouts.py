"""Making image layouts and looking into them, without the code under test where that matters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ocictl.model.annotations import REF_NAME
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index, Manifest, build_manifest
from ocictl.sources import BytesContent
from ocictl.stores.layout import Layout

HELLO = Descriptor.of(b"hello\n", "text/plain")
EMPTY_INDEX = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'


def manifest(**more: Any) -> Manifest:
    """An artifact with one layer, or what `more` makes of it."""
    return build_manifest(**{"config": EMPTY_DESCRIPTOR, "layers": [HELLO], "artifact_type": "a/b", **more})


def put(layout: Layout, document: Manifest | Index, tag: str | None = None) -> Descriptor:
    """Push a document; return its plain descriptor."""
    descriptor = document.descriptor().plain()
    layout.push(descriptor, BytesContent(document.raw), tag=tag)
    return descriptor


def entries(path: Path) -> list[Any]:
    """The entries of index.json as JSON values."""
    value: list[Any] = json.loads((path / "index.json").read_bytes())["manifests"]
    return value


def names(path: Path) -> list[str | None]:
    """The tag of each entry of index.json, in order."""
    return [entry.get("annotations", {}).get(REF_NAME) for entry in entries(path)]


def files(path: Path) -> list[str]:
    """Everything below a directory, without the lock file."""
    found = [each.relative_to(path).as_posix() for each in path.rglob("*")]
    return sorted(name for name in found if name != ".ocictl.lock")


def write_layout(
    path: Path,
    *manifests: Any,
    index: bytes | None = None,
    version: bytes = b'{"imageLayoutVersion":"1.0.0"}',
) -> None:
    """A layout as another tool might write it."""
    (path / "blobs" / "sha256").mkdir(parents=True)
    (path / "oci-layout").write_bytes(version)
    (path / "index.json").write_bytes(
        index or json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
    )


def write_blob(path: Path, content: bytes) -> Digest:
    """Put content among the blobs, unlisted."""
    digest = Digest.of(content)
    (path / "blobs" / "sha256" / digest.encoded).write_bytes(content)
    return digest
