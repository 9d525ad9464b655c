"""An OCI registry in the test's own process: real sockets, content in memory, and a switch for every bad habit.

    with Registry(Quirks(referrers_api=False)) as registry:
        registry.put_manifest("team/app", {...}, tag="v1")
        ...  # run a client against registry.host
        assert [request.line for request in registry.requests] == [...]

Everything stored can be read and changed: `registry.repository("team/app").tags`. Quirks can change while it runs:
`registry.configure(referrers_api=True)`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import ssl
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.support.simulator import blobs, manifests, referrers
from tests.support.simulator.auth import Guard, TokenRequest, token_reply
from tests.support.simulator.duties import breaches
from tests.support.simulator.quirks import (
    DISTRIBUTION_2_8,
    GGCR,
    GHCR,
    GITLAB,
    HARBOR,
    Fault,
    LostUpdates,
    Quirks,
)
from tests.support.simulator.storage import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    NAME,
    Repository,
    StoredManifest,
    digest_of,
    error,
)
from tests.support.simulator.wire import App, HttpServer, Reply, Request

__all__ = [
    "DISTRIBUTION_2_8",
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "EMPTY",
    "EMPTY_DIGEST",
    "GGCR",
    "GHCR",
    "GITLAB",
    "HARBOR",
    "INDEX",
    "MANIFEST",
    "App",
    "Fault",
    "HttpServer",
    "LostUpdates",
    "Quirks",
    "Recorder",
    "Registry",
    "Reply",
    "Repository",
    "Request",
    "StoredManifest",
    "TokenRequest",
    "digest_of",
    "error",
]

EMPTY = "application/vnd.oci.empty.v1+json"
EMPTY_DIGEST = digest_of(b"{}")


class Registry(HttpServer):
    """The simulator. A context manager.

    Attributes:
        repositories: everything that is stored, by name.
        quirks: how it behaves now; see `configure`.
        guard: tokens and the requests for them.
        violations: duties that a client named ocictl did not keep; see `simulator.duties`.
    """

    def __init__(self, quirks: Quirks = Quirks(), *, tls: ssl.SSLContext | None = None) -> None:  # noqa: B008
        super().__init__(self, tls=tls)
        self.quirks = quirks
        self.repositories: dict[str, Repository] = {}
        self.guard = Guard()
        self.violations: list[str] = []
        self._lock = threading.RLock()
        self._seen: Counter[int] = Counter()
        self._lost = 0

    # What tests use

    def configure(self, **changes: Any) -> None:
        """Change quirks while the registry runs. Counts of faults and lost updates begin again."""
        with self._lock:
            self.quirks = dataclasses.replace(self.quirks, **changes)
            self._seen.clear()
            self._lost = 0

    @property
    def token_requests(self) -> list[TokenRequest]:
        """Every request to the token endpoint."""
        return self.guard.token_requests

    def expire_tokens(self) -> None:
        """Let every token given out so far be invalid from now on."""
        self.guard.expire_tokens()

    @property
    def lines(self) -> list[str]:
        """Method and target of every request so far."""
        return [request.line for request in self.requests]

    def matching(self, method: str = "", path: str = "") -> list[Request]:
        """Return the requests whose method is this and in whose target that regular expression is found."""
        found = (request for request in self.requests if re.fullmatch(method or ".*", request.method))
        return [request for request in found if re.search(path, request.target)]

    def repository(self, name: str) -> Repository:
        """Return a repository; make it if there is none."""
        return self.repositories.setdefault(name, Repository())

    def put_blob(self, name: str, data: bytes) -> str:
        """Store a blob without HTTP and return its digest."""
        digest = digest_of(data)
        self.repository(name).blobs[digest] = data
        return digest

    def put_manifest(
        self,
        name: str,
        document: Mapping[str, Any] | bytes,
        *,
        tag: str | None = None,
        media_type: str | None = None,
        algorithm: str = "sha256",
    ) -> str:
        """Store a manifest or index without HTTP, without any check, and return its digest."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        stored = StoredManifest(media_type=media_type or "", data=data)
        stored.media_type = media_type or stored.document.get("mediaType", MANIFEST)
        digest = digest_of(data, algorithm)
        self.repository(name).manifests[digest] = stored
        if tag is not None:
            self.repository(name).tags[tag] = digest
        return digest

    def put_artifact(
        self,
        name: str,
        files: Mapping[str, bytes] | None = None,
        *,
        tag: str | None = None,
        artifact_type: str | None = "application/vnd.example.test",
        subject: Mapping[str, Any] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Store an artifact with these titled files and return its descriptor."""
        empty = {"mediaType": EMPTY, "digest": self.put_blob(name, b"{}"), "size": 2}
        layers = [
            {
                "mediaType": "application/octet-stream",
                "digest": self.put_blob(name, data),
                "size": len(data),
                "annotations": {"org.opencontainers.image.title": title},
            }
            for title, data in (files or {}).items()
        ]
        document: dict[str, Any] = {"schemaVersion": 2, "mediaType": MANIFEST, "config": empty}
        document |= {"artifactType": artifact_type} if artifact_type else {}
        document |= {"layers": layers or [empty]}
        document |= {"subject": dict(subject)} if subject else {}
        document |= {"annotations": dict(annotations)} if annotations else {}
        digest = self.put_manifest(name, document, tag=tag)
        return self.repository(name).manifests[digest].descriptor()

    def manifest(self, name: str, reference: str) -> StoredManifest:
        """Return the manifest under a tag or digest.

        Raises:
            KeyError: there is none.
        """
        repository = self.repositories[name]
        return repository.manifests[repository.find(reference) or reference]

    # What answers requests

    def early(self, request: Request) -> Reply | None:
        """Answer before the body is read, if a fault wants it."""
        fault = self._fault(request, before_body=True)
        return fault.reply() if fault is not None else None

    def broken(self, request: Request) -> None:
        """The client, or a fault, ended the request in the middle of its body."""
        with self._lock:
            blobs.broken(request, self)

    def respond(self, request: Request) -> Reply:
        """Answer one request: hooks and faults around what the registry itself does."""
        quirks = self.quirks
        reply = quirks.before(request, self) if quirks.before is not None else None
        fault = self._fault(request, before_body=False) if reply is None else None
        if fault is not None and fault.replaces:
            reply = fault.reply()
        elif reply is None:
            with self._lock:
                self.violations.extend(breaches(request))
                reply = self.guard.check(request, self) if request.raw_path != "/token" else None
                reply = reply or self._route(request)
            if quirks.after is not None:
                reply = quirks.after(request, reply, self) or reply
            if fault is not None:
                reply = fault.amend(reply)
        for text in quirks.warnings:
            reply.headers.append(("Warning", f'299 - "{text}"'))
        return reply

    def _fault(self, request: Request, *, before_body: bool) -> Fault | None:
        with self._lock:
            for number, fault in enumerate(self.quirks.faults):
                if fault.before_body != before_body or not fault.matches(request):
                    continue
                self._seen[number] += 1
                turn = self._seen[number] - fault.skip
                if turn >= 1 and (fault.times is None or turn <= fault.times):
                    return fault
        return None

    def _route(self, request: Request) -> Reply:
        path = request.path
        if path == "/token":
            return token_reply(request, self.quirks, self.guard)
        if path in {"/v2/", "/v2"}:
            return Reply(headers=[("Content-Type", "application/json")], body=b"{}")
        if path == "/v2/_catalog":
            return manifests.catalog(request, self)
        match = re.fullmatch(r"/v2/(.+)/(blobs/uploads|blobs|manifests|tags|referrers)/([^/]*)", path)
        if match is None:
            return Reply(status=404, headers=[("Content-Type", "text/plain")], body=b"404 page not found\n")
        name, kind, rest = match.groups()
        if re.fullmatch(NAME, name) is None:
            return error(400, "NAME_INVALID")
        if kind == "blobs/uploads":
            return blobs.upload(request, self, name, rest) if rest else blobs.open_upload(request, self, name)
        if kind == "blobs":
            return blobs.blob(request, self, name, rest)
        if kind == "manifests":
            return manifests.manifest(request, self, name, rest)
        if request.method not in {"GET", "HEAD"}:
            return error(405, "UNSUPPORTED")
        if kind == "referrers":
            return referrers.referrers(request, self, name, rest)
        return manifests.tags(request, self, name) if rest == "list" else error(404, "UNSUPPORTED")

    def add_digest(self, reply: Reply, digest: str) -> None:
        """Set Docker-Content-Digest as the quirks want it."""
        if self.quirks.content_digest != "missing":
            wrong = digest_of(b"something else")
            reply.set("Docker-Content-Digest", wrong if self.quirks.content_digest == "wrong" else digest)

    def lose_update(self, repository: Repository, tag: str, previous: str | None) -> None:
        """Let another writer, who knew only the previous index, write the tag after our client."""
        plan = self.quirks.lost_updates
        if plan is None or self._lost >= plan.times or re.fullmatch(plan.tag, tag) is None:
            return
        self._lost += 1
        if plan.rival is None and previous is None:
            del repository.tags[tag]
            return
        old = repository.manifests[previous].document if previous else {}
        entries = [*old.get("manifests", []), *([plan.rival] if plan.rival else [])]
        index = {**old, "schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
        data = json.dumps(index).encode()
        repository.manifests[digest_of(data)] = StoredManifest(media_type=INDEX, data=data)
        repository.tags[tag] = digest_of(data)


class Recorder(HttpServer):
    """Another origin: records what it is sent, and answers each request in the same way.

    Use it as the place that redirects, realms, Locations and Links point to.
    """

    def __init__(self, reply: Reply | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(self, tls=tls)
        self.reply = reply or Reply(status=404)

    def early(self, request: Request) -> Reply | None:
        """Read every body."""
        return None

    def broken(self, request: Request) -> None:
        """Nothing is kept."""

    def respond(self, request: Request) -> Reply:
        """Answer what the test said, and nothing else."""
        return dataclasses.replace(self.reply, headers=list(self.reply.headers))
