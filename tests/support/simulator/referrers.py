"""The referrers endpoint of the registry simulator."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.support.simulator.manifests import next_link
from tests.support.simulator.storage import DIGEST, INDEX, Repository, error
from tests.support.simulator.wire import Reply, Request

if TYPE_CHECKING:
    from tests.support.registry import Registry

__all__ = ["entry_of", "referrers"]


def entry_of(
    repository: Repository, digest: str, *, source: str = "spec", annotations: bool = True
) -> dict[str, Any]:
    """Build the descriptor of a referrer as the specification wants it (RFR-05, RFR-06)."""
    stored = repository.manifests[digest]
    entry: dict[str, Any] = {
        "mediaType": stored.media_type,
        "digest": digest,
        "size": len(stored.data),
    }
    document = stored.document
    kind = document.get("artifactType") or (stored.config_type if "config" in document else None)
    if source == "config":
        kind = stored.config_type or kind
    if kind and source != "missing":
        entry["artifactType"] = kind
    if document.get("annotations") and annotations:
        entry["annotations"] = document["annotations"]
    return entry


def referrers(request: Request, registry: Registry, name: str, digest: str) -> Reply:
    """GET of the referrers of a subject (RFR-01 to RFR-08)."""
    quirks = registry.quirks
    fixed = (quirks.referrers_status, quirks.referrers_content_type, quirks.referrers_body)
    if any(value is not None for value in fixed) or quirks.referrers_headers:
        reply = Reply(status=quirks.referrers_status or 200, body=quirks.referrers_body or b"")
        reply.headers.extend(quirks.referrers_headers)
        return reply.set("Content-Type", quirks.referrers_content_type or INDEX)
    if not quirks.referrers_api:
        return error(404, "UNSUPPORTED", "no such endpoint")
    if re.fullmatch(DIGEST, digest) is None:
        return error(400, "DIGEST_INVALID")
    repository = registry.repositories.get(name)
    if repository is None:
        if quirks.referrers_unknown_repository == 200:
            return _index([])
        return error(quirks.referrers_unknown_repository, "NAME_UNKNOWN")
    wanted = request.parameter("artifactType")
    entries = [
        entry_of(repository, found, source=quirks.referrers_type, annotations=quirks.referrers_annotations)
        for found in repository.referrers(digest)
        if wanted is None or _passes(registry, repository, found, wanted)
    ]
    page = quirks.referrers_page_size or max(len(entries), 1)
    start = int(request.parameter("from") or 0)
    reply = _index(entries[start : start + page])
    if start + page < len(entries):
        kept = [("artifactType", wanted)] if wanted is not None else []
        query = urlencode([*kept, ("from", start + page)])
        reply.headers.append(next_link(registry, f"/v2/{name}/referrers/{digest}?{query}"))
    if wanted is not None and quirks.filters in {"applied", "lying", "config"}:
        reply.set("OCI-Filters-Applied", "artifactType")
    return reply


def _passes(registry: Registry, repository: Repository, digest: str, wanted: str) -> bool:
    quirks = registry.quirks
    if quirks.filters in {"lying", "ignored"}:
        return True
    if quirks.filters == "config":
        return repository.manifests[digest].config_type == wanted
    return entry_of(repository, digest).get("artifactType") == wanted


def _index(entries: list[dict[str, Any]]) -> Reply:
    body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    return Reply(headers=[("Content-Type", INDEX)], body=body)
