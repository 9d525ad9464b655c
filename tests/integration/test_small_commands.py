"""Single manifests, blobs and tags on real registries, with the installed program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.program import Ocictl
from tests.support.servers import RealRegistry

pytestmark = pytest.mark.real


@pytest.fixture
def name(real_registry: RealRegistry, run_ocictl: Ocictl, tmp_path: Path) -> str:
    """A repository with an artifact under v1, and two things attached to it."""
    path = real_registry.fresh()
    (tmp_path / "a.txt").write_text("a")
    run_ocictl("push", f"{path}:v1", "a.txt", cwd=tmp_path, code=0)
    for number in "12":
        run_ocictl("attach", f"{path}:v1", "--artifact-type", "a/note", "-a", f"n={number}", code=0)
    return path


def attached(run_ocictl: Ocictl, name: str) -> list[str]:
    return run_ocictl("discover", f"{name}:v1", "-q", code=0).stdout.split()


def test_what_is_attached_is_deleted(name: str, run_ocictl: Ocictl) -> None:
    """DEL-04: it leaves the tree, the other one stays, and nobody has to know how the registry lists."""
    first, second = attached(run_ocictl, name)
    done = run_ocictl("manifest", "delete", f"{name}@{first}", "--force")
    if done.code == 7:
        # A registry that deletes nothing still lists what it has.
        assert set(attached(run_ocictl, name)) == {first, second}
        return
    assert (done.code, done.stdout) == (0, f"Deleted [registry] {name}@{first}\n")
    assert attached(run_ocictl, name) == [second]
    assert (
        run_ocictl("manifest", "delete", f"{name}@{first}", "-f", code=0).stdout
        == f"Missing {name}@{first}\n"
    )


def test_an_index_is_made_and_changed(name: str, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """Its manifests come from the repository; a manifest from a file gets a tag of its own."""
    raw = run_ocictl("manifest", "fetch", f"{name}:v1", code=0).stdout
    run_ocictl("manifest", "push", f"{name}:v2,v3", "-", stdin=raw, code=0)
    other = json.loads(raw) | {"annotations": {"other": "yes"}}
    run_ocictl("manifest", "push", f"{name}:other", "-", stdin=json.dumps(other), code=0)
    run_ocictl("manifest", "index", "create", f"{name}:all", "v1", "v2", code=0)
    run_ocictl("manifest", "index", "update", f"{name}:all", "--add", "other", "--tag", "more", code=0)
    index = run_ocictl("manifest", "fetch", f"{name}:more", code=0).json
    assert len(index["manifests"]) == 2
    tags = run_ocictl("repo", "tags", name, "--exclude-digest-tags", code=0).stdout.split()
    assert tags == ["all", "more", "other", "v1", "v2", "v3"]
    assert run_ocictl("repo", "tags", f"{name}:v3", code=0).stdout.split() == ["v1", "v2", "v3"]


def test_blobs(name: str, run_ocictl: Ocictl, tmp_path: Path) -> None:
    """What comes through a pipe is there afterwards, and can be taken away where the registry does that."""
    pushed = run_ocictl("blob", "push", name, "a.txt", "--descriptor", cwd=tmp_path, code=0).json
    digest = "sha256:486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7"
    run_ocictl("blob", "push", f"{name}@{digest}", "-", "--size", "5", stdin="world", code=0)
    assert run_ocictl("blob", "fetch", f"{name}@{digest}", "-o", "-", code=0).stdout == "world"
    done = run_ocictl("blob", "delete", f"{name}@{pushed['digest']}", "-f")
    assert done.code in (0, 7), done.stderr
    fetched = run_ocictl("blob", "fetch", f"{name}@{pushed['digest']}", "--descriptor")
    assert fetched.code == (3 if done.code == 0 else 0)


def test_repositories(name: str, real_registry: RealRegistry, run_ocictl: Ocictl) -> None:
    """The registry's list has the new one."""
    host, _slash, repository = name.partition("/")
    namespace, _slash, last = repository.rpartition("/")
    listed = run_ocictl("repo", "ls", host, "--format", "json", code=0).json
    assert repository in listed["repositories"]
    assert last in run_ocictl("repo", "ls", f"{host}/{namespace}", code=0).stdout.split()
