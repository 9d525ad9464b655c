"""What each command prints with --format json: the records, against their schemas and golden files.

`OCICTL_UPDATE_GOLDEN=1` writes the golden files anew; read the difference before it is committed.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from ocictl import __version__
from ocictl.cli.lazy import LazyGroup
from tests.cli.test_help import LEAVES
from tests.support.cli import Outcome, ocictl, schema, strict
from tests.support.environment import OUTSIDE
from tests.support.registry import Quirks, Registry

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
HELLO = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
LAYOUT = ("--format", "json", "--oci-layout")


def _push(work: Path) -> Outcome:
    return ocictl(
        "push",
        *LAYOUT,
        "lay:v2,v1",
        "hello.txt:text/plain",
        "d/inner.txt",
        "--artifact-type",
        "a/b",
        "-a",
        "note=a<b>&ü\u202e",
    )


def _attach(work: Path) -> Outcome:
    return ocictl(
        "attach", *LAYOUT, "lay:v1", "hello.txt", "--artifact-type", "a/sig", "-a", "b=2", "-a", "a=1"
    )


def _pull(work: Path) -> Outcome:
    return ocictl("pull", *LAYOUT, "lay:v1", "-o", "out")


def _discover(work: Path) -> Outcome:
    first = _attach(work).json["digest"]
    ocictl("attach", *LAYOUT, f"lay@{first}", "-a", "x=y", "--artifact-type", "a/more")
    return ocictl("discover", *LAYOUT, "lay:v1")


def _manifest_fetch(work: Path) -> Outcome:
    return ocictl("manifest", "fetch", *LAYOUT, "lay:v1", "-o", "m.json")


def _blob_fetch(work: Path) -> Outcome:
    return ocictl("blob", "fetch", *LAYOUT, f"lay@{HELLO}", "-o", "blob")


def _resolve(work: Path) -> Outcome:
    return ocictl("resolve", *LAYOUT, "lay:v1")


def _tag(work: Path) -> Outcome:
    return ocictl("tag", *LAYOUT, "lay:v1", "v4", "v3")


def _cp(work: Path) -> Outcome:
    _attach(work)
    ends = ("--from-oci-layout", "--to-oci-layout")
    return ocictl("cp", "--format", "json", "-r", *ends, "lay:v1", "copy:v4,v3")


def _backup(work: Path) -> Outcome:
    _attach(work)
    with Registry() as registry:
        ocictl("cp", "-r", "--from-oci-layout", "lay:v1", f"{registry.host}/app:v1,v2")
        command = ("backup", "--format", "json", "--include-referrers", "-o", "saved.tar")
        return ocictl(*command, f"{registry.host}/app:v2,v1")


def _restore(work: Path) -> Outcome:
    _attach(work)
    with Registry() as registry:
        return ocictl("restore", "--format", "json", "--input", "lay", f"{registry.host}/app")


def _version(work: Path) -> Outcome:
    return ocictl("version", "--format", "json")


def _login(work: Path) -> Outcome:
    Path("auth.json").write_text('{"auths": {}}')
    with Registry(Quirks(auth="basic")) as registry:
        login = ("login", registry.host, "-u", "user", "--password-stdin", "--registry-config", "auth.json")
        ocictl(*login, stdin=b"secret")  # the first time warns that the file holds plain text
        return ocictl(*login, "--format", "json", stdin=b"secret")


def _logout(work: Path) -> Outcome:
    Path("auth.json").write_text('{"auths": {"127.0.0.1:5000": {"auth": "dTpw"}}}')
    return ocictl("logout", "127.0.0.1:5000", "--format", "json", "--registry-config", "auth.json")


def _fill_cache() -> None:
    with Registry() as registry:
        registry.put_artifact("team/app", {"hello.txt": b"hello\n"}, tag="v1")
        ocictl("pull", f"{registry.host}/team/app:v1", "-o", "out", "--cache", "cache")
    for file in Path("cache/blobs/sha256").iterdir():
        os.utime(file, (10**9, 10**9))


def _cache_info(work: Path) -> Outcome:
    _fill_cache()
    return ocictl("cache", "info", "--cache", "cache", "--cache-size", "10GiB", "--format", "json")


def _cache_prune(work: Path) -> Outcome:
    _fill_cache()
    return ocictl("cache", "prune", "--cache", "cache", "--all", "--format", "json")


def _manifest_push(work: Path) -> Outcome:
    ocictl("manifest", "fetch", "--oci-layout", "lay:v1", "-o", "m.json")
    return ocictl("manifest", "push", *LAYOUT, "lay:v4,v3", "m.json")


def _manifest_fetch_config(work: Path) -> Outcome:
    Path("c.json").write_text('{"b": [1, {}], "a": null}')
    ocictl("push", *LAYOUT, "lay:c", "--config", "c.json:a/b")
    return ocictl("manifest", "fetch-config", *LAYOUT, "lay:c")


def _manifest_delete(work: Path) -> Outcome:
    return ocictl("manifest", "delete", *LAYOUT, "lay:v1", "--force")


def _index_create(work: Path) -> Outcome:
    return ocictl(
        "manifest", "index", "create", *LAYOUT, "lay:i2,i1", "v1", "-a", "k=v", "--artifact-type", "a/b"
    )


def _index_update(work: Path) -> Outcome:
    _index_create(work)
    return ocictl("manifest", "index", "update", *LAYOUT, "lay:i1", "--artifact-type", "a/c", "--tag", "i0")


def _blob_push(work: Path) -> Outcome:
    return ocictl("blob", "push", *LAYOUT, "lay", "d/inner.txt", "--media-type", "a/b")


def _blob_delete(work: Path) -> Outcome:
    return ocictl("blob", "delete", *LAYOUT, f"lay@{HELLO}", "--force")


def _repo_tags(work: Path) -> Outcome:
    return ocictl("repo", "tags", *LAYOUT, "lay")


def _repo_ls(work: Path) -> Outcome:
    with Registry() as registry:
        for name in ("b", "a/c"):
            registry.put_blob(name, b"")
        return ocictl("repo", "ls", registry.host, "--format", "json")


COMMANDS: dict[str, Callable[[Path], Outcome]] = {
    "push": _push,
    "attach": _attach,
    "pull": _pull,
    "discover": _discover,
    "manifest-fetch": _manifest_fetch,
    "manifest-fetch-config": _manifest_fetch_config,
    "manifest-push": _manifest_push,
    "manifest-delete": _manifest_delete,
    "manifest-index-create": _index_create,
    "manifest-index-update": _index_update,
    "blob-fetch": _blob_fetch,
    "blob-push": _blob_push,
    "blob-delete": _blob_delete,
    "repo-ls": _repo_ls,
    "repo-tags": _repo_tags,
    "resolve": _resolve,
    "tag": _tag,
    "cp": _cp,
    "backup": _backup,
    "restore": _restore,
    "login": _login,
    "logout": _logout,
    "cache-info": _cache_info,
    "cache-prune": _cache_prune,
    "version": _version,
}


def _normal(text: str, work: Path) -> str:
    """Replace what differs between machines."""
    python = ".".join(map(str, sys.version_info[:3]))
    text = (
        text.replace(str(work), "$WORK")
        .replace(f'"{python}"', '"$PYTHON"')
        .replace(f'"{__version__}"', '"$VERSION"')
    )
    text = re.sub(r"127\.0\.0\.1:\d+", "$REGISTRY", text)
    from ocictl.model.platform import machine_architecture

    return text.replace(f"{sys.platform}/{machine_architecture()}", "$PLATFORM")


@pytest.mark.parametrize("name", COMMANDS)
def test_json(name: str, work: Path) -> None:
    """Every byte is a promise: members, order, indentation, final newline; the schema names all of it."""
    _push(work)
    outcome = COMMANDS[name](work)
    jsonschema.Draft202012Validator.check_schema(schema(name))
    jsonschema.validate(outcome.json, strict(schema(name)))
    assert outcome.stderr == ""
    golden = GOLDEN / f"{name}.json"
    text = _normal(outcome.stdout, work)
    if OUTSIDE.get("OCICTL_UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_schemas_notice_a_difference(name: str) -> None:
    """A golden file with one more member, or one less, does not pass the strict schema."""
    golden = json.loads((GOLDEN / f"{name}.json").read_text())
    found = strict(schema(name))
    golden.setdefault("path", "/x")
    golden.setdefault("digest", HELLO)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**golden, "surprise": 1}, found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({key: golden[key] for key in golden if key not in found["required"][:1]}, found)


def test_every_command_has_a_golden_file_and_a_schema() -> None:
    """A new command brings both."""
    names = {"-".join(path) for path, command in LEAVES if not isinstance(command, LazyGroup)}
    assert names == set(COMMANDS)
    assert {file.stem for file in GOLDEN.glob("*.json")} == names
    import ocictl.output

    schemas = {file.stem for file in (Path(ocictl.output.__file__).parent / "schemas").glob("*.json")}
    assert schemas == names | {"error", "login-check"}


def test_lists_are_never_null(work: Path) -> None:
    """Nothing pulled, nothing tagged, nothing attached: empty lists."""
    pushed = ocictl("push", *LAYOUT, "lay").json
    assert pushed["referenceAsTags"] == []
    assert ocictl("pull", *LAYOUT, f"lay@{pushed['digest']}").json["files"] == []
    assert ocictl("discover", *LAYOUT, f"lay@{pushed['digest']}").json["referrers"] == []


def test_the_path_of_a_directory_ends_in_the_separator(work: Path) -> None:
    """Scripts can tell an unpacked directory from a file."""
    ocictl("push", *LAYOUT, "lay:v1", "d", "hello.txt")
    record = _pull(work).json
    jsonschema.validate(record, strict(schema("pull")))
    assert [file["path"] for file in record["files"]] == [f"{work}/out/d/", f"{work}/out/hello.txt"]


def test_a_blob_can_be_described_without_fetching_it(work: Path) -> None:
    """Without --output there is no path in the record."""
    _push(work)
    record = ocictl("blob", "fetch", *LAYOUT, f"lay@{HELLO}").json
    jsonschema.validate(record, strict(schema("blob-fetch")))
    assert "path" not in record


def test_warnings_do_not_disturb_json(work: Path) -> None:
    """Standard output is the record alone; the warning is an object on standard error."""
    outcome = ocictl("push", *LAYOUT, "lay:v1", "hello.txt", "-v")
    assert outcome.json["referenceAsTags"] == ["lay:v1"]
    assert json.loads(outcome.stderr) == {"warning": {"message": "--verbose is deprecated; use --debug"}}
