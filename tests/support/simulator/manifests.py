"""Manifests, tags and the catalogue of the registry simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.support.simulator.storage import DIGEST, TAG, Repository, StoredManifest, digest_of, error
from tests.support.simulator.wire import Reply, Request

if TYPE_CHECKING:
    from tests.support.registry import Registry

__all__ = ["catalog", "manifest", "next_link", "tags"]

EMPTY = "application/vnd.oci.empty.v1+json"


def manifest(request: Request, registry: Registry, name: str, reference: str) -> Reply:
    """GET, HEAD, PUT or DELETE of a manifest."""
    quirks = registry.quirks
    by_digest = re.fullmatch(DIGEST, reference) is not None
    if not by_digest and re.fullmatch(TAG, reference) is None:
        return error(400, "DIGEST_INVALID" if ":" in reference else "MANIFEST_INVALID")
    if request.method == "PUT":
        return _put(request, registry, name, reference, by_digest=by_digest)
    repository = registry.repositories.get(name)
    if repository is None:
        return error(404, "NAME_UNKNOWN")
    digest = _find(registry, repository, reference)
    if digest is None:
        return error(404, "MANIFEST_UNKNOWN", detail={"reference": reference})
    if request.method == "DELETE":
        return _delete(registry, repository, reference, digest, by_digest=by_digest)
    if request.method not in {"GET", "HEAD"}:
        return error(405, "UNSUPPORTED")
    if request.method == "HEAD" and quirks.head_status is not None:
        return Reply(status=quirks.head_status)
    stored = repository.manifests[digest]
    if quirks.strict_accept and not _accepts(request, stored.media_type):
        return error(404, "MANIFEST_UNKNOWN", "the type is not one of those in Accept")
    reply = Reply(body=stored.data)
    reply.set("Content-Type", quirks.manifest_content_type or stored.media_type)
    registry.add_digest(reply, digest)
    if quirks.etag != "none":
        reply.set("ETag", f'"{digest}"')
    return reply


def _find(registry: Registry, repository: Repository, reference: str) -> str | None:
    lookalike = re.fullmatch(r"(sha256|sha512)-([0-9a-f]{64,})", reference)
    if registry.quirks.tag_answers_subject and lookalike is not None:
        return repository.find(f"{lookalike[1]}:{lookalike[2]}")
    return repository.find(reference)


def _accepts(request: Request, media_type: str) -> bool:
    values = ",".join(request.headers.get_all("Accept") or [])
    return media_type in {value.partition(";")[0].strip() for value in values.split(",")}


def _put(request: Request, registry: Registry, name: str, reference: str, *, by_digest: bool) -> Reply:
    quirks, data = registry.quirks, request.body
    repository = registry.repositories.get(name)
    if repository is None and not quirks.create_repositories:
        return error(404, "NAME_UNKNOWN")
    if repository is None:
        repository = Repository()
    stored = StoredManifest(media_type=request.header("Content-Type") or "", data=data)
    algorithm = reference.partition(":")[0] if by_digest else "sha256"
    digest = digest_of(data, algorithm)
    problem = _problem(registry, repository, stored)
    if problem is not None:
        return problem
    if by_digest and digest != reference:
        return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    if quirks.etag == "honoured" and not _condition_holds(request, repository.find(reference)):
        return error(412, "PRECONDITION_FAILED")
    previous = repository.tags.get(reference)
    registry.repositories[name] = repository
    repository.manifests[digest] = stored
    reply = Reply(status=201, headers=[("Location", f"{registry.url}/v2/{name}/manifests/{digest}")])
    wanted = [value for key, value in request.parameters if key == "tag"] if quirks.tag_parameters else []
    for tag in wanted if by_digest else [reference]:
        repository.tags[tag] = digest
    if by_digest and wanted:
        reply.set("OCI-Tag", ", ".join(wanted))
    registry.add_digest(reply, digest)
    if quirks.sends_subject and stored.subject is not None:
        reply.set(
            "OCI-Subject", stored.subject if quirks.sends_subject is True else str(quirks.sends_subject)
        )
    if not by_digest:
        registry.lose_update(repository, reference, previous)
    return reply


def _problem(registry: Registry, repository: Repository, stored: StoredManifest) -> Reply | None:
    quirks, document = registry.quirks, stored.document
    if len(stored.data) > quirks.manifest_limit:
        status = quirks.manifest_limit_status
        return error(
            status, "SIZE_INVALID" if status == 413 else "MANIFEST_INVALID", "the manifest is too large"
        )
    if not document or document.get("mediaType", stored.media_type) != stored.media_type:
        return error(400, "MANIFEST_INVALID")
    if quirks.reject_artifact_type and ("artifactType" in document or stored.config_type == EMPTY):
        return error(400, "MANIFEST_INVALID", "unknown media type")
    if not quirks.require_blobs:
        return None
    missing = [digest for kind, digest in _needed(document) if digest not in getattr(repository, kind)]
    if missing:
        return error(400, "MANIFEST_BLOB_UNKNOWN", detail={"digest": missing[0]})
    return None


def _needed(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    blobs = [document.get("config"), *(document.get("layers") or [])]
    for entry in blobs:
        if isinstance(entry, dict) and not entry.get("urls"):
            yield "blobs", str(entry.get("digest"))
    for entry in document.get("manifests") or []:
        if isinstance(entry, dict):
            yield "manifests", str(entry.get("digest"))


def _condition_holds(request: Request, current: str | None) -> bool:
    match, none_match = request.header("If-Match"), request.header("If-None-Match")
    if match is not None and (current is None or match.strip('"') != current):
        return False
    return not (none_match == "*" and current is not None)


def _delete(
    registry: Registry, repository: Repository, reference: str, digest: str, *, by_digest: bool
) -> Reply:
    quirks = registry.quirks
    if not quirks.delete or not (by_digest or quirks.delete_tags):
        return error(quirks.delete_status if not quirks.delete else 400, "UNSUPPORTED")
    if by_digest:
        del repository.manifests[digest]
        for tag in [tag for tag, target in repository.tags.items() if target == digest]:
            del repository.tags[tag]
    else:
        del repository.tags[reference]
    return Reply(status=202)


def next_link(registry: Registry, target: str) -> tuple[str, str]:
    """Build the Link header to the next page (TAG-07)."""
    make = registry.quirks.link
    return "Link", make(target) if make is not None else f'<{target}>; rel="next"'


def tags(request: Request, registry: Registry, name: str) -> Reply:
    """GET of the tags (TAG-01 to TAG-07)."""
    quirks, repository = registry.quirks, registry.repositories.get(name)
    if repository is None:
        return error(404, "NAME_UNKNOWN")
    names = list(repository.tags) if quirks.tags_unsorted else sorted(repository.tags)
    reply = _page(request, registry, f"/v2/{name}/tags/list", names)
    shown: Any = json.loads(reply.body)
    if quirks.tags_null and not shown:
        shown = None
    reply.body = json.dumps({"name": name, "tags": shown}).encode()
    return reply


def catalog(request: Request, registry: Registry) -> Reply:
    """GET of the repositories (CAT-01)."""
    reply = _page(request, registry, "/v2/_catalog", sorted(registry.repositories))
    reply.body = json.dumps({"repositories": json.loads(reply.body)}).encode()
    return reply


def _page(request: Request, registry: Registry, path: str, names: list[str]) -> Reply:
    quirks = registry.quirks
    reply = Reply(headers=[("Content-Type", "application/json")])
    if not quirks.tags_ignore_n:
        last, asked = request.parameter("last"), request.parameter("n")
        names = [name for name in names if last is None or name > last]
        if asked is not None and not asked.isdecimal():
            return error(400, "PAGINATION_NUMBER_INVALID")
        sizes = [size for size in (int(asked) if asked else None, quirks.tags_page_size) if size is not None]
        shown = min(sizes, default=len(names))
        if 0 < shown < len(names):
            query = urlencode([("n", shown), ("last", names[shown - 1])])
            reply.headers.append(next_link(registry, f"{path}?{query}"))
        names = names[:shown]
    reply.body = json.dumps(names).encode()
    return reply
