"""The paths of the distribution specification's endpoints (section HTTP, the table of end-1 to end-14).

Names and tags have been checked against their grammars, so they need no escaping (HTTP-01).
"""

from __future__ import annotations

from urllib.parse import quote


def base() -> str:
    """end-1: the version check."""
    return "/v2/"


def blob(name: str, digest: object) -> str:
    """end-2, end-10."""
    return f"/v2/{name}/blobs/{digest}"


def manifest(name: str, reference: object) -> str:
    """end-3, end-7, end-9: by tag or digest (REF-04)."""
    return f"/v2/{name}/manifests/{reference}"


def uploads(name: str, *, algorithm: str = "sha256") -> str:
    """end-4a; end-4c for a digest algorithm other than sha256 (PUSH-07)."""
    query = "" if algorithm == "sha256" else f"?digest-algorithm={quote(algorithm, safe='')}"
    return f"/v2/{name}/blobs/uploads/{query}"


def mount(name: str, digest: object, source: str) -> str:
    """end-11: take the blob from another repository of the same registry (PUSH-17)."""
    return f"/v2/{name}/blobs/uploads/?mount={quote(str(digest), safe='')}&from={quote(source, safe='')}"


def tags(name: str, *, last: str | None = None, count: int | None = None) -> str:
    """end-8: one page of tags, after `last` (exclusive) if given (TAG-04, TAG-05)."""
    return f"/v2/{name}/tags/list" + _page(last, count)


def catalog(*, last: str | None = None, count: int | None = None) -> str:
    """One page of repository names (CAT-01)."""
    return "/v2/_catalog" + _page(last, count)


def referrers(name: str, digest: object, *, artifact_type: str | None = None) -> str:
    """end-12. An empty type is no filter: leave it out, some registries take it as one. `+` goes as %2B (RFR-08)."""
    query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
    return f"/v2/{name}/referrers/{digest}{query}"


def finish_upload(location: str, digest: object) -> str:
    """end-6: an upload location with `digest=` added; its query is kept byte for byte (PUSH-04)."""
    head, _hash, _fragment = location.partition("#")
    separator = "&" if "?" in head else "?"
    if head.endswith(("?", "&")):
        separator = ""
    return f"{head}{separator}digest={quote(str(digest), safe='')}"


def pull_scope(name: str) -> str:
    """What reading from a repository needs (AUTH-21)."""
    return f"repository:{name}:pull"


def push_scope(name: str) -> str:
    """What writing to a repository needs (AUTH-21)."""
    return f"repository:{name}:pull,push"


def delete_scope(name: str) -> str:
    """What deleting from a repository needs (AUTH-21, DEL-07)."""
    return f"repository:{name}:delete,pull"


CATALOG_SCOPE = "registry:catalog:*"
"""What listing repositories needs (AUTH-21)."""


def _page(last: str | None, count: int | None) -> str:
    parts = []
    if count is not None:
        parts.append(f"n={count}")
    if last is not None:
        parts.append(f"last={quote(last, safe='')}")
    return "?" + "&".join(parts) if parts else ""
