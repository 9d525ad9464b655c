"""Two equal worlds, one for each of two programs: working directories, layouts, and repositories of a registry."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.peers import Peer

__all__ = ["CREATED", "Template", "World", "build", "make_world", "state_of_folder", "state_of_repository"]

CREATED = "-a=org.opencontainers.image.created=2020-01-01T00:00:00Z"
ACCEPT = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.config.v1+json, a/unknown"
)


class Http:
    """One connection to a registry, for speed."""

    def __init__(self, host: str) -> None:
        self._connection = http.client.HTTPConnection(host, timeout=20)

    def __call__(
        self, method: str, target: str, body: bytes = b"", **headers: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and body of the answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, target, body=body or None, headers=named)
        answer = self._connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def close(self) -> None:
        self._connection.close()


@dataclass(kw_only=True)
class Template:
    """What every world begins with.

    Attributes:
        folder: files, and the layout `lay`.
        host, repository: where the same artifacts are in a registry.
        digests: by names that command lines use.
        documents: media type and bytes by digest, children before indexes.
        tags: digests by tag.
    """

    folder: Path
    host: str
    repository: str
    digests: dict[str, str] = field(default_factory=dict)
    documents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def http(self) -> Iterator[Http]:
        http_client = Http(self.host)
        try:
            yield http_client
        finally:
            http_client.close()

    def clone(self, repository: str) -> None:
        """Fill a fresh repository with everything: blobs are mounted, documents sent."""
        blobs = {path.name for path in (self.folder / "lay" / "blobs" / "sha256").iterdir()}
        blobs -= {digest.partition(":")[2] for digest in self.documents}
        with self.http() as call:
            for name in blobs:
                target = f"/v2/{repository}/blobs/uploads/?mount=sha256:{name}&from={self.repository}"
                assert call("POST", target)[0] == 201
            for digest, (media_type, raw) in self.documents.items():
                status, _headers, said = call(
                    "PUT", f"/v2/{repository}/manifests/{digest}", raw, Content_Type=media_type
                )
                assert status == 201, said
            for tag, digest in self.tags.items():
                media_type, raw = self.documents[digest]
                assert (
                    call("PUT", f"/v2/{repository}/manifests/{tag}", raw, Content_Type=media_type)[0] == 201
                )


@dataclass(frozen=True, kw_only=True)
class World:
    """Where one program works.

    Attributes:
        folder: its working directory.
        name: what a command line calls the place: `lay`, or the repository.
        repository: None for a layout.
    """

    folder: Path
    name: str
    repository: str | None = None


FILES: dict[str, bytes] = {
    "hello.txt": b"hello\n",
    "other.txt": b"other\n",
    "config.json": b'{"a": 1}\n',
    "broken.json": b"{broken\n",
    "array.json": b"[]\n",
    "unnamed.json": b'{"schemaVersion":2,"manifests":[]}\n',
    "unknown.json": b'{"mediaType":"a/unknown","x":1}\n',
    "untyped.json": (
        b'{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:'
        b'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}'
    ),
    "notes.json": json.dumps(
        {
            "$manifest": {"org.opencontainers.image.created": "2020-01-01T00:00:00Z", "m": "1"},
            "$config": {"c": "2"},
            "hello.txt": {"f": "3"},
        }
    ).encode(),
    "d/inner.txt": b"inner\n",
    "d/deep/er.txt": b"deeper\n",
}


def build(oras: Peer, folder: Path, host: str, repository: str) -> Template:
    """Make the template with oras: artifacts of many kinds, first in the registry and then in a layout."""
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    name = f"{host}/{repository}"
    run = _Oras(oras, folder)
    run("push", f"{name}:v1,latest", "hello.txt", "other.txt:text/plain", CREATED, "-a=k=v")
    run("push", f"{name}:dir", "d", CREATED)
    run("push", f"{name}:amd", "hello.txt", CREATED, "--artifact-platform=linux/amd64")
    run("push", f"{name}:arm", "hello.txt", CREATED, "--artifact-platform=linux/arm64/v8")
    run("push", f"{name}:plain", "other.txt", CREATED, "--artifact-type=a/plain")
    run("push", f"{name}:old", "hello.txt", CREATED, "--image-spec=v1.0", "--artifact-type=a/old")
    run("push", f"{name}:config", "hello.txt", CREATED, "--config=other.txt:a/config")
    run("push", f"{name}:nothing", CREATED)
    run("manifest", "index", "create", f"{name}:idx", "amd", "arm")
    run("manifest", "index", "create", f"{name}:nested", "idx", "plain", "--artifact-type=a/nested")
    attach = ("attach", "--format=json", CREATED, "--artifact-type")
    digests: dict[str, str] = {}
    digests["sbom"] = json.loads(run(*attach, "a/sbom", f"{name}:v1", "hello.txt"))["digest"]
    digests["sig"] = json.loads(run(*attach, "a/sig", f"{name}@{digests['sbom']}", "-a=n=1"))["digest"]
    digests["idxsig"] = json.loads(run(*attach, "a/sig", f"{name}:idx", "-a=n=2"))["digest"]
    template = Template(folder=folder, host=host, repository=repository, digests=digests)
    tags = json.loads(run("repo", "tags", name, "--format=json"))["tags"]
    for tag in tags:
        digests[tag] = run("resolve", f"{name}:{tag}").strip()
        if not tag.startswith("sha256-"):
            run("cp", "-r", "--to-oci-layout", f"{name}:{tag}", f"lay:{tag}")
    (folder / "m.json").write_bytes(run("manifest", "fetch", f"{name}:v1").encode())
    _fetch(template, tags)
    template.digests |= {
        "hello": _sha(FILES["hello.txt"]),
        "other": _sha(FILES["other.txt"]),
        "zero": "sha256:" + "0" * 64,
    }
    return template


@dataclass(frozen=True)
class _Oras:
    peer: Peer
    folder: Path

    def __call__(self, *arguments: str) -> str:
        return self.peer.run(*arguments, cwd=self.folder).stdout


def _sha(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _fetch(template: Template, tags: list[str]) -> None:
    """Read every document of the template's repository, also those without tags."""
    with template.http() as call:
        waiting = [*tags, *(template.digests[name] for name in ("sbom", "sig", "idxsig"))]
        found: dict[str, tuple[str, bytes]] = {}
        for reference in waiting:
            _status, headers, raw = call(
                "GET", f"/v2/{template.repository}/manifests/{reference}", Accept=ACCEPT
            )
            digest = str(headers["Docker-Content-Digest"])
            found[digest] = (str(headers["Content-Type"]), raw)
            if reference in tags:
                template.tags[reference] = digest

    def depth(digest: str) -> int:
        document = json.loads(found[digest][1])
        return max([0, *(1 + depth(entry["digest"]) for entry in document.get("manifests", ()))])

    template.documents = {digest: found[digest] for digest in sorted(found, key=depth)}


def make_world(template: Template, folder: Path, repository: str | None) -> World:
    """A copy of the template's folder, and perhaps of its repository."""
    shutil.copytree(template.folder, folder, symlinks=True)
    if repository is None:
        return World(folder=folder, name="lay")
    return World(folder=folder, name=f"{template.host}/{repository}", repository=repository)


def state_of_folder(folder: Path) -> dict[str, Any]:
    """Every file below a folder; a layout is told by what it holds, not by how its list is written."""
    found: dict[str, Any] = {}
    layouts = [path.parent for path in folder.rglob("oci-layout")]
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == ".ocictl.lock" or path.is_dir():
            continue
        if path.name == "index.json" and path.parent in layouts:
            found[name] = _listed(json.loads(path.read_bytes()))
        else:
            found[name] = path.read_bytes()
    return found


def _listed(index: dict[str, Any]) -> list[tuple[str, str]]:
    """Digest and tag of each entry of a layout's list."""
    entries = index["manifests"] or []
    return sorted(
        (entry["digest"], entry.get("annotations", {}).get("org.opencontainers.image.ref.name", ""))
        for entry in entries
    )


def state_of_repository(template: Template, repository: str, digests: set[str]) -> dict[str, Any]:
    """The tags of a repository, and which of the contents are there."""
    with template.http() as call:
        status, _headers, body = call("GET", f"/v2/{repository}/tags/list")
        tags = json.loads(body).get("tags") or [] if status == 200 else []
        found: dict[str, Any] = {}
        for tag in sorted(tags):
            _status, headers, _body = call("HEAD", f"/v2/{repository}/manifests/{tag}", Accept=ACCEPT)
            found[tag] = headers["Docker-Content-Digest"]
        for digest in sorted(digests):
            for kind in ("manifests", "blobs"):
                answer = call("HEAD", f"/v2/{repository}/{kind}/{digest}", Accept=ACCEPT)[0]
                found[f"{kind}/{digest}"] = answer
        return found
