"""Two equal worlds, one for each of two programs: working directories, layouts, and repositories of a registry."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.peers import Peer
from tests.support.servers import RealRegistry

__all__ = ["CREATED", "Template", "World", "build", "make_world", "state_of_folder", "state_of_repository"]

CREATED = "-a=org.opencontainers.image.created=2020-01-01T00:00:00Z"
LAYOUT = "box"
"""The name of the layout in the folder."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """What every world begins with.

    Attributes:
        folder: files, and the layout.
        host, repository: where the same artifacts are in a registry.
        repositories: the directory in which the registry keeps its repositories.
        digests: by names that command lines use.
    """

    folder: Path
    host: str
    repository: str
    repositories: Path
    digests: dict[str, str] = field(default_factory=dict)

    def clone(self, repository: str) -> None:
        """Make a repository with the same content, in the registry's own files: hundreds of requests are slow."""
        shutil.copytree(self.repositories / self.repository, self.repositories / repository)


@dataclass(frozen=True, kw_only=True)
class World:
    """Where one program works.

    Attributes:
        folder: its working directory.
        name: what a command line calls the place: the layout, or the repository.
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


def build(oras: Peer, folder: Path, registry: RealRegistry, repository: str) -> Template:
    """Make the template with oras: artifacts of many kinds, first in the registry and then in a layout."""
    assert registry.repositories is not None
    for file, data in FILES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(data)
    # oras speaks plain HTTP to this name by itself.
    host = registry.host.replace("127.0.0.1", "localhost")
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
    digests = {"hello": _sha("hello.txt"), "other": _sha("other.txt"), "zero": "sha256:" + "0" * 64}
    digests["sbom"] = json.loads(run(*attach, "a/sbom", f"{name}:v1", "hello.txt"))["digest"]
    digests["sig"] = json.loads(run(*attach, "a/sig", f"{name}@{digests['sbom']}", "-a=n=1"))["digest"]
    run(*attach, "a/sig", f"{name}:idx", "-a=n=2")
    for tag in json.loads(run("repo", "tags", name, "--format=json"))["tags"]:
        digests[tag] = run("resolve", f"{name}:{tag}").strip()
        if not tag.startswith("sha256-"):
            run("cp", "-r", "--to-oci-layout", f"{name}:{tag}", f"{LAYOUT}:{tag}")
    (folder / "m.json").write_bytes(run("manifest", "fetch", f"{name}:v1").encode())
    return Template(
        folder=folder, host=host, repository=repository, repositories=registry.repositories, digests=digests
    )


@dataclass(frozen=True)
class _Oras:
    peer: Peer
    folder: Path

    def __call__(self, *arguments: str) -> str:
        return self.peer.run(*arguments, cwd=self.folder).stdout


def _sha(file: str) -> str:
    return f"sha256:{hashlib.sha256(FILES[file]).hexdigest()}"


def make_world(template: Template, folder: Path, repository: str | None) -> World:
    """A copy of the template's folder, and perhaps of its repository."""
    shutil.copytree(template.folder, folder, symlinks=True)
    if repository is None:
        return World(folder=folder, name=LAYOUT)
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


def state_of_repository(template: Template, repository: str) -> dict[str, str]:
    """What a repository has: its tags with their digests, its manifests and its layers."""
    folder = template.repositories / repository
    patterns = ("_manifests/tags/*/current/link", "_manifests/revisions/**/link", "_layers/**/link")
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for pattern in patterns
        for path in folder.glob(pattern)
    }
