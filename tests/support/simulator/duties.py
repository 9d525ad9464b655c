"""What a client owes a registry in each request. Only clients that call themselves ocictl are judged."""

from __future__ import annotations

import re

from tests.support.simulator.storage import DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST
from tests.support.simulator.wire import Request

__all__ = ["breaches"]


def breaches(request: Request) -> list[str]:
    """Name the rules that a request breaks, each as `RULE-ID METHOD target: what`."""
    if not (request.header("User-Agent") or "").startswith("ocictl"):
        return []
    found: list[str] = []
    kind = re.fullmatch(r"/v2/.+/(manifests|blobs/uploads|blobs|referrers|tags)/.*", request.path)
    place = kind[1] if kind else ""
    if place == "manifests":
        found += _manifest(request)
    if place == "blobs/uploads":
        found += _upload(request)
    if request.method == "GET" and (request.header("Accept-Encoding") or "gzip").lower() != "identity":
        found.append("PY-04: Accept-Encoding is not identity")
    if request.header("Cookie") is not None:
        found.append("HTTP-02: a cookie is sent")
    return [f"{text} ({request.line})" for text in found]


def _manifest(request: Request) -> list[str]:
    found: list[str] = []
    accepted = ",".join(request.headers.get_all("Accept") or [])
    if request.method in {"GET", "HEAD"}:
        missing = [name for name in (INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST) if name not in accepted]
        found += [f"PULL-01: Accept lacks {name}" for name in missing]
    if request.method == "PUT":
        content_type = request.header("Content-Type")
        if content_type is None:
            found.append("MPUT-02: no Content-Type")
        elif ";" in content_type:
            found.append("MPUT-02: Content-Type has a parameter")
        if request.header("Content-Length") is None:
            found.append("MPUT-01: no Content-Length")
    return found


def _upload(request: Request) -> list[str]:
    found: list[str] = []
    if request.method in {"POST", "PUT", "PATCH"} and request.header("Content-Length") is None:
        found.append("PUSH-03: no Content-Length")
    if request.method in {"PUT", "PATCH"} and request.body:
        if request.header("Content-Type") != "application/octet-stream":
            found.append("PUSH-03: Content-Type is not application/octet-stream")
    if request.method == "PATCH":
        given = request.header("Content-Range")
        if given is None or re.fullmatch(r"[0-9]+-[0-9]+", given) is None:
            found.append("PUSH-09: Content-Range is not first-last")
    if request.method == "PUT" and request.parameter("digest") is None:
        found.append("PUSH-03: no digest")
    return found
