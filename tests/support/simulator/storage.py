"""What the registry simulator stores, and the grammar it insists on."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.simulator.wire import Reply

__all__ = [
    "DIGEST",
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "INDEX",
    "MANIFEST",
    "NAME",
    "TAG",
    "Repository",
    "StoredManifest",
    "Upload",
    "digest_of",
    "error",
]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = rf"{_PART}(?:/{_PART})*"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
DIGEST = r"(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return `algorithm:hex` of these bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def error(status: int, code: str, message: str = "", *, detail: object = None) -> Reply:
    """Build an error answer in the registry's form (ERR-01)."""
    entry: dict[str, Any] = {"code": code, "message": message or code.lower().replace("_", " ")}
    if detail is not None:
        entry["detail"] = detail
    body = json.dumps({"errors": [entry]}).encode()
    return Reply(status=status, headers=[("Content-Type", "application/json")], body=body)


@dataclass(kw_only=True)
class StoredManifest:
    """A manifest or index as it was pushed."""

    media_type: str
    data: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The parsed document; empty when it is not a JSON object."""
        try:
            parsed = json.loads(self.data)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def subject(self) -> str | None:
        """Digest of the subject."""
        subject = self.document.get("subject")
        return subject.get("digest") if isinstance(subject, dict) else None

    @property
    def config_type(self) -> str | None:
        """Media type of the config."""
        config = self.document.get("config")
        return config.get("mediaType") if isinstance(config, dict) else None

    def descriptor(self, algorithm: str = "sha256") -> dict[str, Any]:
        """Build a plain descriptor of the document."""
        return {
            "mediaType": self.media_type,
            "digest": digest_of(self.data, algorithm),
            "size": len(self.data),
        }


@dataclass(kw_only=True)
class Upload:
    """An upload session."""

    data: bytearray = field(default_factory=bytearray)
    state: int = 0
    patches: int = 0


@dataclass(kw_only=True)
class Repository:
    """One repository. Tests may read and change everything."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, StoredManifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def find(self, reference: str) -> str | None:
        """Return the digest of the manifest under a tag or digest."""
        digest = reference if re.fullmatch(DIGEST, reference) else self.tags.get(reference)
        return digest if digest in self.manifests else None

    def referrers(self, subject: str) -> list[str]:
        """Return the digests of the manifests with this subject, in the order of their pushes."""
        return [digest for digest, manifest in self.manifests.items() if manifest.subject == subject]
