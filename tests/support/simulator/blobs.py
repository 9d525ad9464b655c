"""Blobs and uploads of the registry simulator."""

from __future__ import annotations

import gzip
import re
import uuid
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from tests.support.simulator.storage import DIGEST, Repository, Upload, digest_of, error
from tests.support.simulator.wire import Reply, Request

if TYPE_CHECKING:
    from tests.support.registry import Registry

__all__ = ["blob", "broken", "open_upload", "upload"]


def _has_algorithm(digest: str) -> bool:
    return re.fullmatch(DIGEST, digest) is not None


def blob(request: Request, registry: Registry, name: str, digest: str) -> Reply:
    """GET, HEAD or DELETE of a blob."""
    quirks, repository = registry.quirks, registry.repositories.get(name)
    if not _has_algorithm(digest):
        return error(400, "DIGEST_INVALID")
    if repository is None:
        return error(404, "NAME_UNKNOWN")
    if digest not in repository.blobs:
        return error(404, "BLOB_UNKNOWN", detail={"digest": digest})
    if request.method == "DELETE":
        if not quirks.delete:
            return error(quirks.delete_status, "UNSUPPORTED")
        del repository.blobs[digest]
        return Reply(status=202)
    if request.method == "HEAD" and quirks.head_status is not None:
        return Reply(status=quirks.head_status)
    if request.method not in {"GET", "HEAD"}:
        return error(405, "UNSUPPORTED")
    if request.method == "GET" and quirks.redirect_blobs is not None:
        location = quirks.redirect_blobs + request.target
        return Reply(status=quirks.redirect_status, headers=[("Location", location)])
    return _send(request, registry, digest, repository.blobs[digest])


def _send(request: Request, registry: Registry, digest: str, data: bytes) -> Reply:
    quirks = registry.quirks
    if quirks.blob_bytes is not None:
        data = quirks.blob_bytes(digest, data)
    reply = Reply(headers=[("Content-Type", "application/octet-stream")], chunked=quirks.chunked)
    registry.add_digest(reply, digest)
    if quirks.gzip_blobs:
        reply.set("Content-Encoding", "gzip")
        data = gzip.compress(data, mtime=0)
    reply.set("ETag", f'"{digest}"')
    if quirks.ranges != "ignored":
        reply.set("Accept-Ranges", "bytes")
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.header("Range") or "")
    if wanted is None or quirks.ranges == "ignored" or request.method == "HEAD":
        reply.body = data
        return reply
    start = int(wanted[1])
    stop = min(int(wanted[2]) + 1 if wanted[2] else len(data), len(data))
    if start >= len(data) or stop <= start:
        if quirks.ranges == "lying_416":
            return Reply(status=416, headers=reply.headers, length=5)
        return error(416, "RANGE_INVALID").set("Content-Range", f"bytes */{len(data)}")
    reply.status, reply.body = 206, data[start:stop]
    return reply.set("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")


def open_upload(request: Request, registry: Registry, name: str) -> Reply:
    """POST that begins an upload, mounts a blob, or brings a whole blob."""
    quirks = registry.quirks
    if request.method != "POST":
        return error(405, "UNSUPPORTED")
    if not quirks.create_repositories and name not in registry.repositories:
        return error(404, "NAME_UNKNOWN")
    mounted = request.parameter("mount")
    if mounted is not None and quirks.mount != "ignored":
        if isinstance(quirks.mount, int):
            return error(quirks.mount, "UNSUPPORTED" if quirks.mount == 405 else "DENIED")
        source = registry.repositories.get(request.parameter("from") or "")
        if source is not None and mounted in source.blobs:
            registry.repository(name).blobs[mounted] = source.blobs[mounted]
            return _stored(registry, name, mounted, 201)
    digest = request.parameter("digest")
    if digest is not None and quirks.single_post:
        return _store(registry, name, digest, request.body, 201)
    session = str(uuid.uuid4())
    registry.repository(name).uploads[session] = Upload()
    reply = _progress(registry, name, session, 202)
    if quirks.chunk_min_length is not None:
        reply.set("OCI-Chunk-Min-Length", str(quirks.chunk_min_length))
    return reply


def upload(request: Request, registry: Registry, name: str, session: str) -> Reply:
    """PATCH, PUT, GET or DELETE of an upload session."""
    repository = registry.repositories.get(name, Repository())
    current = repository.uploads.get(session)
    if current is None:
        return error(404, "BLOB_UPLOAD_UNKNOWN")
    if not _same_state(request, registry, session, current):
        return error(404, "BLOB_UPLOAD_INVALID", "the query is not the one of the newest Location")
    if request.method == "GET":
        return _progress(registry, name, session, 204)
    if request.method == "DELETE":
        del repository.uploads[session]
        return Reply(status=204)
    limit = registry.quirks.body_limit
    if limit is not None and len(request.body) > limit:
        return error(413, "SIZE_INVALID")
    if request.method == "PATCH":
        return _patch(request, registry, name, session)
    if request.method != "PUT":
        return error(405, "UNSUPPORTED")
    digest = request.parameter("digest") or ""
    if not _wanted_offset(request, current):
        return error(416, "RANGE_INVALID")
    # Large blobs come in one piece, and are not copied then.
    data = bytes(current.data) + request.body if current.data else request.body
    reply = _store(registry, name, digest, data, registry.quirks.close_status)
    if reply.status < 300:
        repository.uploads.pop(session, None)
    return reply


def broken(request: Request, registry: Registry) -> None:
    """A PATCH ended in the middle of its body; the request has what came."""
    match = re.fullmatch(r"/v2/(.+)/blobs/uploads/([^/]+)", request.path)
    how = registry.quirks.broken_patch
    if match is None or request.method != "PATCH" or how == "lost":
        return
    current = registry.repository(match[1]).uploads.get(match[2])
    start = (request.header("Content-Range") or "0-").partition("-")[0]
    if current is not None and int(start) == len(current.data):
        current.data += request.body
        current.state += how == "poisoned"


def _patch(request: Request, registry: Registry, name: str, session: str) -> Reply:
    quirks, current = registry.quirks, registry.repository(name).uploads[session]
    if quirks.chunk_max is not None and len(request.body) > quirks.chunk_max:
        return error(416, "SIZE_INVALID", f"a chunk has at most {quirks.chunk_max} bytes")
    if not _wanted_offset(request, current):
        reply = _progress(registry, name, session, 416)
        reply.body = error(416, "RANGE_INVALID").body
        return reply
    kept = request.body
    if quirks.patch_keeps is not None and current.patches:
        kept = kept[: quirks.patch_keeps]
    current.data += kept
    current.patches += 1
    current.state += 1
    return _progress(registry, name, session, quirks.patch_status)


def _wanted_offset(request: Request, current: Upload) -> bool:
    """Tell whether Content-Range, if any, goes on where the session ends (PUSH-09, PUSH-11)."""
    given = request.header("Content-Range")
    if given is None:
        return True
    match = re.fullmatch(r"(\d+)-(\d+)", given)
    if match is None:
        return False
    first, last = int(match[1]), int(match[2])
    return first == len(current.data) and last - first + 1 == len(request.body)


def _state_query(session: str, current: Upload) -> str:
    # Blank value, escapes in lower case and an odd order: a client that takes it apart spoils it.
    return f"_state={session[:8]}%2f{current.state}%3d%3d&z=&a=1+1"


def _same_state(request: Request, registry: Registry, session: str, current: Upload) -> bool:
    wanted = _state_query(session, current)
    if registry.quirks.upload_query == "none":
        return True
    if registry.quirks.upload_query == "state":
        return request.parameter("_state") == dict(parse_qsl(wanted))["_state"]
    # Clients that normalise escapes write them in upper case, which means the same.
    given = re.sub("%[0-9A-Fa-f]{2}", lambda match: match[0].lower(), request.raw_query)
    return given == wanted or given.startswith(wanted + "&")


def _progress(registry: Registry, name: str, session: str, status: int) -> Reply:
    quirks, current = registry.quirks, registry.repository(name).uploads[session]
    target = f"/v2/{name}/blobs/uploads/{session}"
    if quirks.upload_query != "none":
        target += "?" + _state_query(session, current)
    reply = Reply(status=status, headers=[("Docker-Upload-UUID", session)])
    reply.set("Range", f"0-{max(len(current.data) - 1, 0)}")
    if callable(quirks.upload_location):
        return reply.set("Location", quirks.upload_location(target))
    if quirks.upload_location == "missing":
        return reply
    prefix = {"absolute": registry.url, "relative": "", "foreign": quirks.upload_host}[quirks.upload_location]
    return reply.set("Location", prefix + target)


def _store(registry: Registry, name: str, digest: str, data: bytes, status: int) -> Reply:
    if not _has_algorithm(digest) or digest_of(data, digest.partition(":")[0]) != digest:
        return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    registry.repository(name).blobs[digest] = data
    return _stored(registry, name, digest, status)


def _stored(registry: Registry, name: str, digest: str, status: int) -> Reply:
    reply = Reply(status=status, headers=[("Location", f"{registry.url}/v2/{name}/blobs/{digest}")])
    registry.add_digest(reply, digest)
    return reply
