"""cp, backup and restore on the command line: names, options of two places, output, and who spoke."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocictl.ops.backup import copy_tags, find_tags
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from tests.support.cli import Outcome, ocictl
from tests.support.graphs import put_repository
from tests.support.registry import DISTRIBUTION_2_8, Quirks, Registry

FROM_LAYOUT, TO_LAYOUT = "--from-oci-layout", "--to-oci-layout"
HELLO = "5891b5b522d5"


@pytest.fixture
def repository(work: Path) -> Any:
    """The repository of `put_repository` in the layout `repo`."""
    memory = MemoryStore()
    found = put_repository(memory)
    copy_tags(memory, Layout("repo", create=True), find_tags(memory), referrers=True, concurrency=1)
    return found


def push(name: str, *files: str) -> str:
    """Push to a registry or, without a slash, to a layout; return the digest."""
    layout = [] if "/" in name else ["--oci-layout"]
    return ocictl("push", "-q", *layout, name, *files, "--artifact-type", "a/b").stdout.strip()


def discovered(*arguments: str) -> Any:
    """The tree of `discover`, without what depends on the place."""

    def bare(node: dict[str, Any]) -> dict[str, Any]:
        below = sorted((bare(each) for each in node["referrers"]), key=lambda each: str(each["digest"]))
        return {**{key: value for key, value in node.items() if key != "reference"}, "referrers": below}

    return bare(ocictl("discover", "--format", "json", *arguments).json)


def without_times(outcome: Outcome) -> list[str]:
    """Lines of text with run times and temporary names taken out."""
    return [re.sub(r" in [0-9.]+(?:s|ms|µs)", " in TIME", line) for line in outcome.lines]


def test_cp_in_text(work: Path, registry: Registry) -> None:
    """The lines of oras: a padded verb, twelve digits, a name; then what was copied, tags, the digest."""
    digest = push("lay:v1", "hello.txt", "d/inner.txt")
    name = f"{registry.host}/app"
    outcome = ocictl("cp", "--concurrency", "1", FROM_LAYOUT, "lay:v1", f"{name}:v1,v2,v3")
    assert outcome.lines == [
        "Copying 44136fa355b3 application/vnd.oci.empty.v1+json",
        "Copied  44136fa355b3 application/vnd.oci.empty.v1+json",
        f"Copying {HELLO} hello.txt",
        f"Copied  {HELLO} hello.txt",
        "Copying 940a68104d3b d/inner.txt",
        "Copied  940a68104d3b d/inner.txt",
        f"Copying {digest[7:19]} application/vnd.oci.image.manifest.v1+json",
        f"Copied  {digest[7:19]} application/vnd.oci.image.manifest.v1+json",
        f"Copied [oci-layout] lay:v1 => [registry] {name}:v1",
        "Tagged v2",
        "Tagged v3",
        f"Digest: {digest}",
    ]
    assert outcome.stderr == ""
    assert set(registry.repository("app").tags) == {"v1", "v2", "v3"}
    again = ocictl("cp", FROM_LAYOUT, "lay:v1", f"{name}:v4")
    assert again.lines[0] == f"Exists  {digest[7:19]} application/vnd.oci.image.manifest.v1+json"
    assert len(again.lines) == 3


def test_cp_shows_a_second_name_of_the_same_content(work: Path) -> None:
    """It is skipped, after the first and before what both belong to."""
    Path("copy.txt").write_text("hello\n")
    push("lay:v1", "hello.txt", "copy.txt")
    lines = ocictl("cp", "--concurrency", "1", FROM_LAYOUT, TO_LAYOUT, "lay:v1", "other:v1").lines
    assert lines.index(f"Skipped {HELLO} copy.txt") == lines.index(f"Copied  {HELLO} hello.txt") + 2


def test_cp_inside_of_a_registry_mounts(work: Path, registry: Registry) -> None:
    """And says so."""
    push(f"{registry.host}/a:v1", "hello.txt")
    outcome = ocictl("copy", f"{registry.host}/a:v1", f"{registry.host}/b:v1")
    assert f"Mounted {HELLO} hello.txt" in outcome.lines
    assert registry.repository("b").tags == registry.repository("a").tags


def test_cp_quietly(work: Path) -> None:
    """The digest alone."""
    digest = push("lay:v1", "hello.txt")
    assert ocictl("cp", "-q", FROM_LAYOUT, TO_LAYOUT, "lay:v1", "other").stdout == f"{digest}\n"
    assert ocictl("resolve", "--oci-layout", f"other@{digest}").stdout == f"{digest}\n"


def test_cp_with_layout_paths(work: Path) -> None:
    """The whole name is the tag then, as in oras; several tags too."""
    digest = push("lay:v1", "hello.txt")
    ocictl("cp", FROM_LAYOUT, "lay:v1", "--to-oci-layout-path", "other", "example.com/a:v1,latest")
    shown = ocictl(
        "cp", "--from-oci-layout-path", "other", "example.com/a:v1", "--to-oci-layout-path", "third", "x"
    )
    assert shown.lines[-2:] == [
        "Copied [oci-layout] example.com/a:v1 => [oci-layout] x",
        f"Digest: {digest}",
    ]
    assert ocictl("resolve", "--oci-layout-path", "other", "latest").stdout == f"{digest}\n"


def test_cp_to_a_digest(work: Path) -> None:
    """The right one is accepted and needs no tag; another one is refused before anything is written."""
    digest = push("lay:v1", "hello.txt")
    outcome = ocictl("cp", FROM_LAYOUT, TO_LAYOUT, "lay:v1", f"other@{digest}")
    assert outcome.lines[-2] == f"Copied [oci-layout] lay:v1 => [oci-layout] other@{digest}"
    wrong = f"sha256:{'0' * 64}"
    failed = ocictl("cp", FROM_LAYOUT, TO_LAYOUT, "lay:v1", f"other@{wrong}", code=2)
    assert failed.stderr.startswith(f"error: the copy has the digest {digest}, not {wrong}\n")


def test_cp_of_a_digest_narrowed_to_a_platform(repository: Any) -> None:
    """The line names the digest of what was copied."""
    arm = str(repository.platforms["arm64"].digest)
    index = str(repository.index.digest)
    command = ["cp", FROM_LAYOUT, TO_LAYOUT, "--platform", "linux/arm64", f"repo@{index}", "arm:v1"]
    assert ocictl(*command).lines[-2:] == [
        f"Copied [oci-layout] repo@{arm} => [oci-layout] arm:v1",
        f"Digest: {arm}",
    ]


@pytest.mark.parametrize(
    "platforms",
    [
        ["--platform", "linux/amd64,linux/arm64"],
        ["--platform", "linux/amd64", "--platform", "linux/arm64"],
        ["--platform=linux/arm64, linux/amd64,linux/arm64"],
    ],
)
def test_cp_of_several_platforms(repository: Any, platforms: list[str]) -> None:
    """Repeated or with commas; what is attached to the index stays behind, and a warning says so."""
    outcome = ocictl(
        "cp", "-r", FROM_LAYOUT, TO_LAYOUT, *platforms, "repo:index", "two:v1", "--format", "json"
    )
    index = ocictl("manifest", "fetch", "--oci-layout", "two:v1").json
    assert [entry["platform"]["architecture"] for entry in index["manifests"]] == ["amd64", "arm64"]
    assert outcome.json["source"] == f"repo@{repository.index.digest}"
    assert outcome.json["referrerCount"] == 2
    assert "stays behind" in json.loads(outcome.stderr)["warning"]["message"]


@pytest.mark.parametrize("value", ["", "linux/amd64,", "a/b/c/d"])
def test_platforms_that_are_none(repository: Any, value: str) -> None:
    """An empty one is a mistake, not "all"."""
    failed = ocictl("cp", FROM_LAYOUT, TO_LAYOUT, "--platform", value, "repo:index", "x:v1", code=2)
    assert "platform" in failed.stderr
    assert not Path("x").exists()


def test_the_options_of_each_place_are_its_own(work: Path, registry: Registry) -> None:
    """Login, headers and referrers mode of one side are not those of the other."""
    digest = push(f"{registry.host}/a:v1", "hello.txt")
    with Registry(Quirks(auth="basic")) as other:
        outcome = ocictl(
            "cp",
            "-r",
            f"{registry.host}/a:v1",
            f"{other.host}/b:v1",
            *("--from-header", "X-Side: from", "--to-header", "X-Side: to"),
            *("--to-username", "user", "--to-password", "secret"),
            *("--from-distribution-spec", "v1.1-referrers-tag"),
        )
        assert {request.header("X-Side") for request in other.requests} == {"to"}
        assert other.repository("b").tags == {"v1": digest}
        assert all(request.authorization for request in other.requests[1:])
        assert other.violations == []
    ours = [request for request in registry.requests if request.header("X-Side")]
    assert {request.header("X-Side") for request in ours} == {"from"}
    assert not any(request.authorization for request in ours)
    assert not registry.matching("GET", "/referrers/")
    assert outcome.stderr.splitlines() == [
        "warning: a password on the command line can be seen by others; log in with: ocictl login"
    ]


def test_addresses_for_both_places(work: Path, registry: Registry) -> None:
    """`--resolve` is for both, and the one of a place comes after it."""
    push(f"{registry.host}/a:v1", "hello.txt")
    port = registry.host.rpartition(":")[2]
    both = f"some.example:{port}:127.0.0.1"
    plain = ("--from-plain-http", "--to-plain-http", "--resolve", both)
    ocictl("cp", *plain, f"some.example:{port}/a:v1", f"some.example:{port}/b:v1")
    assert registry.repository("b").tags == registry.repository("a").tags


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lay", "other:v1"], "no tag or digest specified in 'lay'"),
        (
            ["lay:v1", "other:v1", "--from-oci-layout-path", "x"],
            "--from-oci-layout and --from-oci-layout-path",
        ),
        (["lay:v1", "other:v1", "--to-oci-layout-path", "x"], "--to-oci-layout and --to-oci-layout-path"),
        (["lay:v1", "other:v1", "--to-username", "x"], "--to-username needs a password"),
        (["lay:v1", "other:v1", "--from-header", "A: b"], "custom headers can't be used with an OCI layout"),
        (
            ["lay:v1", "other:v1", "--to-cert-file", "x"],
            "--to-cert-file and --to-key-file are used together",
        ),
        (
            ["lay:v1", "other:v1", "--to-password", "x", "--to-identity-token", "y"],
            "--to-identity-token and --to-password can't be used together",
        ),
        (["lay:v1", "other:v1,,v2"], "is empty"),
        (["lay:v1"], "missing argument"),
        (["lay:v1", "other:v1", "--password-stdin"], "no such option '--password-stdin'"),
        (["lay:v1", "other:v1", "-u", "x"], "no such option '-u'"),
    ],
)
def test_command_lines_that_are_wrong(work: Path, arguments: list[str], message: str) -> None:
    """Found before anything is written; options are named as they are written here."""
    push("lay:v1", "hello.txt")
    failed = ocictl("cp", FROM_LAYOUT, TO_LAYOUT, *arguments, code=2)
    assert message in failed.stderr.splitlines()[0]
    assert not Path("other").exists()


def test_the_source_speaks(work: Path, registry: Registry) -> None:
    """A missing tag is the source's."""
    failed = ocictl("cp", f"{registry.host}/a:v9", TO_LAYOUT, "other:v1", code=3)
    lines = failed.stderr.splitlines()
    assert lines[1:] == [
        f"note: from the source [registry] {registry.host}/a:v9",
        f"hint: check that '{registry.host}/a:v9' is spelled right and has been pushed",
    ]


def test_the_destination_speaks(work: Path, registry: Registry) -> None:
    """A refusal is the destination's, and in JSON that is a member."""
    push("lay:v1", "hello.txt")
    registry.configure(denied_actions=frozenset({"push"}))
    command = ["cp", FROM_LAYOUT, "lay:v1", f"{registry.host}/a:v1"]
    failed = ocictl(*command, code=4)
    assert f"note: from the destination [registry] {registry.host}/a:v1" in failed.stderr.splitlines()
    assert ocictl(*command, "--format", "json", code=4).error["details"]["side"] == "destination"


def test_hints_name_the_options_of_the_side(work: Path, registry: Registry) -> None:
    """Who has to give a password for the destination is told its option."""
    push("lay:v1", "hello.txt")
    failed = ocictl(
        "cp",
        FROM_LAYOUT,
        "lay:v1",
        f"localhost:{registry.host.split(':')[1]}/a:v1",
        "--to-plain-http=false",
        code=5,
    )
    hint = failed.stderr.splitlines()[-1]
    assert "--to-plain-http" in hint
    assert " --plain-http" not in hint


def test_cp_repairs_what_is_half_there(repository: Any, registry: Registry) -> None:
    """An index without its manifests, as a cache leaves it."""
    registry.configure(require_blobs=False)
    raw = ocictl("manifest", "fetch", "--oci-layout", "repo:index").data
    registry.put_manifest("app", raw, tag="index", media_type="application/vnd.oci.image.index.v1+json")
    ocictl("cp", FROM_LAYOUT, "repo:index", f"{registry.host}/app:index")
    stored = registry.repository("app").manifests
    assert {str(each.digest) for each in repository.platforms.values()} <= set(stored)


def test_the_source_may_be_an_archive(repository: Any) -> None:
    """For cp and for every command that reads a layout; none of them changes it."""
    with tarfile.open("repo.tar", "w") as archive:
        archive.add("repo", arcname=".", filter=lambda member: None if ".lock" in member.name else member)
    before = Path("repo.tar").read_bytes()
    ocictl("cp", "-r", FROM_LAYOUT, TO_LAYOUT, "repo.tar:index", "out:index")
    assert discovered("--oci-layout", "out:index") == discovered("--oci-layout", "repo.tar:index")
    assert ocictl("resolve", "--oci-layout", "repo.tar:index").stdout == f"{repository.index.digest}\n"
    ocictl("manifest", "fetch", "--oci-layout", "repo.tar:plain")
    blob = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert ocictl("blob", "fetch", "--oci-layout", f"repo.tar@{blob}", "-o", "-").data == b"hello"
    ocictl("pull", "--oci-layout", "repo.tar:plain", "-o", "pulled")
    failed = ocictl("push", "--oci-layout", "repo.tar:new", "hello.txt", code=9)
    assert "is not a directory" in failed.stderr
    ocictl("cp", FROM_LAYOUT, TO_LAYOUT, "repo:plain", "repo.tar:new", code=9)
    assert Path("repo.tar").read_bytes() == before


@pytest.mark.parametrize("quirks", [Quirks(), DISTRIBUTION_2_8], ids=["api", "tag"], indirect=True)
def test_backup_and_restore(repository: Any, registry: Registry) -> None:
    """From a layout to a registry, to an archive, to a registry of the other kind, to a directory: all the same."""
    api = registry.quirks.referrers_api
    first, second = f"{registry.host}/first", "second"
    ocictl("restore", "--input", "repo", first)
    ocictl("backup", "-o", "saved.tar", "--include-referrers", first)
    with Registry(DISTRIBUTION_2_8 if api else Quirks()) as other:
        ocictl("restore", "--input", "saved.tar", f"{other.host}/{second}")
        ocictl("backup", "-o", "saved", "--include-referrers", f"{other.host}/{second}")
        trees = [
            [discovered(*place, f"{name}:{tag}") for tag in ("index", "plain")]
            for place, name in (
                (["--oci-layout"], "repo"),
                ([], first),
                (["--oci-layout"], "saved.tar"),
                ([], f"{other.host}/{second}"),
                (["--oci-layout"], "saved"),
            )
        ]
        tags = {tag for tag in other.repository(second).tags if not re.fullmatch("sha256-[0-9a-f]{64}", tag)}
        assert other.violations == []
    assert all(tree == trees[0] for tree in trees)
    assert len(trees[0][0]["referrers"]) == 1
    assert tags == {"index", "plain", f"sha256-{repository.index.digest.encoded}.sig"}
    assert sorted(Layout("saved").tags()) == sorted(tags)
    stored = {str(digest): data for digest, data in _blobs("saved").items()}
    assert stored == {str(digest): data for digest, data in _blobs("repo").items()}


def _blobs(layout: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(layout, "blobs/sha256").iterdir()}


def test_backup_in_text(work: Path, registry: Registry) -> None:
    """The lines of oras."""
    digest = push(f"{registry.host}/app:v1,v2", "hello.txt")[7:19]
    name = f"{registry.host}/app"
    outcome = ocictl("backup", "--concurrency", "1", "-o", "saved.TAR", name)
    size = Path("saved.TAR").stat().st_size
    assert without_times(outcome) == [
        f"Found 2 tag(s) in {name}: v1, v2",
        "Pulling   44136fa355b3 application/vnd.oci.empty.v1+json",
        "Pulled    44136fa355b3 application/vnd.oci.empty.v1+json",
        f"Pulling   {HELLO} hello.txt",
        f"Pulled    {HELLO} hello.txt",
        f"Pulling   {digest} application/vnd.oci.image.manifest.v1+json",
        f"Pulled    {digest} application/vnd.oci.image.manifest.v1+json",
        "Pulled tag v1 with 0 referrer(s)",
        "Pulled tag v2 with 0 referrer(s)",
        "Exporting to saved.TAR",
        f"Exported to saved.TAR ({size // 1024} KB)",
        f'Successfully backed up 2 tag(s) from "{name}" to "saved.TAR" in TIME.',
    ]


def test_restore_in_text(work: Path, registry: Registry) -> None:
    """The lines of oras, and of the archive that is read."""
    digest = push(f"{registry.host}/app:v1", "hello.txt")[7:19]
    ocictl("backup", "-o", "saved.tar", f"{registry.host}/app")
    outcome = ocictl("restore", "--concurrency", "1", "--input", "saved.tar", f"{registry.host}/new")
    assert without_times(outcome) == [
        "Loaded backup archive: saved.tar (10 KB)",
        "Found 1 tag(s) in the backup: v1",
        "Pushing   44136fa355b3 application/vnd.oci.empty.v1+json",
        "Pushed    44136fa355b3 application/vnd.oci.empty.v1+json",
        f"Pushing   {HELLO} hello.txt",
        f"Pushed    {HELLO} hello.txt",
        f"Pushing   {digest} application/vnd.oci.image.manifest.v1+json",
        f"Pushed    {digest} application/vnd.oci.image.manifest.v1+json",
        "Pushed tag v1 with 0 referrer(s)",
        f'Successfully restored 1 tag(s) to "{registry.host}/new" in TIME',
    ]


def test_a_dry_run(repository: Any, registry: Registry) -> None:
    """It tells what would be pushed, and asks the registry nothing."""
    outcome = ocictl("restore", "--dry-run", "--input", "repo", f"{registry.host}/app:index,plain")
    assert outcome.lines == [
        "Found 2 tag(s) in the backup: index, plain",
        "Dry run: would push tag index with 4 referrer(s)",
        "Dry run: would push tag plain with 0 referrer(s)",
        f'Dry run complete: 2 tag(s) would be restored to "{registry.host}/app" (no data pushed)',
    ]
    assert registry.requests == []
    shown = ocictl("restore", "--dry-run", "--format", "json", "--input", "repo", f"{registry.host}/app")
    assert shown.json["dryRun"] is True
    without = ("restore", "--dry-run", "--exclude-referrers", "--input", "repo", f"{registry.host}/app:index")
    assert "Dry run: would push tag index with 0 referrer(s)" in ocictl(*without).lines


def test_a_dry_run_finds_a_hole(repository: Any, registry: Registry) -> None:
    """Before somebody relies on the backup."""
    lost = Path("repo/blobs/sha256/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    lost.unlink()
    failed = ocictl("restore", "--dry-run", "--input", "repo", f"{registry.host}/app", code=3)
    assert failed.stderr.splitlines()[1:3] == [
        "note: this was about the tag 'plain'",
        "note: from the source [oci-layout] repo",
    ]


def test_many_tags_stand_in_lines_of_their_own(work: Path, registry: Registry) -> None:
    """More than five, as in oras."""
    push(f"{registry.host}/app:{','.join(f'v{number}' for number in range(6))}", "hello.txt")
    lines = ocictl("backup", "-o", "saved", f"{registry.host}/app").lines
    assert lines[:7] == [f"Found 6 tag(s) in {registry.host}/app:", *(f"v{number}" for number in range(6))]


def test_referrers_are_left_out_or_taken(repository: Any, registry: Registry) -> None:
    """A backup leaves them out unless asked to, a restoration takes them unless asked not to."""
    name = f"{registry.host}/app"
    ocictl("restore", "--exclude-referrers", "--input", "repo", f"{name}:index")
    assert discovered(f"{name}:index")["referrers"] == []
    ocictl("restore", "--input", "repo", f"{name}:index")
    assert len(discovered(f"{name}:index")["referrers"]) == 1
    ocictl("backup", "-o", "without", f"{name}:index")
    assert discovered("--oci-layout", "without:index")["referrers"] == []


def test_quiet_prints_the_digests(repository: Any, registry: Registry) -> None:
    """One line for each tag, in their order."""
    outcome = ocictl("restore", "-q", "--input", "repo", f"{registry.host}/app:plain,index")
    plain, index = outcome.lines
    assert index == str(repository.index.digest)
    assert ocictl("backup", "-q", "-o", "x", f"{registry.host}/app:index,plain").lines == [index, plain]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["backup", "-o", "x", "HOST/app@sha256:" + "0" * 64], 2, "a backup goes by tags, but"),
        (["backup", "-o", "x", "HOST/app:v1@sha256:" + "0" * 64], 2, "a backup goes by tags, but"),
        (["backup", "-o", "x", "HOST/app:v1,,v2"], 2, "is empty"),
        (["backup", "-o", "", "HOST/app:v1"], 2, "the output path is empty"),
        (["backup", "HOST/app:v1"], 2, "missing option '-o' / '--output'"),
        (["backup", "-o", "x", "HOST/app:v9"], 3, "404"),
        (["backup", "-o", "x", "HOST/none"], 3, "NAME_UNKNOWN"),
        (["backup", "-o", "d", "HOST/app:v1"], 9, "holds other things"),
        (["backup", "-o", "none/x.tar", "HOST/app:v1"], 9, "can't be written"),
        (["restore", "HOST/app:v1"], 2, "missing option '--input'"),
        (["restore", "--input", "none", "HOST/app"], 3, "there is no layout 'none'"),
        (["restore", "--input", "hello.txt", "HOST/app"], 9, "is not an OCI image layout"),
        (["restore", "--input", "d", "HOST/app"], 9, "it has no oci-layout"),
        (["restore", "--input", "lay", "HOST/app:v9"], 3, "layout 'lay' has no tag 'v9'"),
        (["restore", "--input", "empty", "HOST/app"], 3, "'empty' has no tags"),
        (["restore", "--input", "lay", "HOST/app@sha256:" + "0" * 64], 2, "a backup goes by tags, but"),
    ],
)
def test_backups_that_fail(
    work: Path, registry: Registry, arguments: list[str], code: int, message: str
) -> None:
    """Each with a number, a reason and a hint; nothing half-done is left."""
    push(f"{registry.host}/app:v1", "hello.txt")
    push("lay:v1", "hello.txt")
    push("empty", "hello.txt")
    before = sorted(path.name for path in work.iterdir())
    failed = ocictl(*[argument.replace("HOST", registry.host) for argument in arguments], code=code)
    assert message in failed.stderr.splitlines()[0]
    assert failed.stderr.splitlines()[-1].startswith("hint: ")
    assert failed.stdout == "" or "Found" in failed.lines[0]
    assert sorted(path.name for path in work.iterdir()) == before


def test_a_failed_backup_leaves_the_older_one(work: Path, registry: Registry) -> None:
    """The archive is replaced when the new one is whole."""
    push(f"{registry.host}/app:v1", "hello.txt")
    ocictl("backup", "-o", "saved.tar", f"{registry.host}/app")
    before = Path("saved.tar").read_bytes()
    push(f"{registry.host}/app:v2", "d/inner.txt")
    registry.repository("app").blobs = {
        digest: data for digest, data in registry.repository("app").blobs.items() if data != b"inner\n"
    }
    failed = ocictl("backup", "-o", "saved.tar", f"{registry.host}/app", code=3)
    assert "this was about the tag 'v2'" in failed.stderr
    assert Path("saved.tar").read_bytes() == before
    assert [path.name for path in work.iterdir() if "ocictl" in path.name] == []


def test_a_second_backup_fetches_what_is_new(work: Path, registry: Registry) -> None:
    """Into the same directory."""
    push(f"{registry.host}/app:v1", "hello.txt")
    ocictl("backup", "-o", "saved", f"{registry.host}/app")
    push(f"{registry.host}/app:v2", "hello.txt", "d/inner.txt")
    count = len(registry.requests)
    lines = ocictl("backup", "-o", "saved", f"{registry.host}/app").lines
    fetched = [request.target for request in registry.requests[count:] if "/blobs/" in request.target]
    assert len(fetched) == 1
    assert "Pulling   940a68104d3b d/inner.txt" in lines
    assert f"Exists    {HELLO} hello.txt" in lines
    assert sorted(Layout("saved").tags()) == ["v1", "v2"]


@pytest.mark.parametrize("command", ["cp", "backup", "restore"])
@pytest.mark.parametrize("flag", ["-v", "--verbose"])
def test_verbose_is_deprecated(work: Path, registry: Registry, command: str, flag: str) -> None:
    """It still parses, with a warning."""
    push("lay:v1", "hello.txt")
    push(f"{registry.host}/app:v1", "hello.txt")
    lines: dict[str, Callable[[], Outcome]] = {
        "cp": lambda: ocictl("cp", flag, FROM_LAYOUT, "lay:v1", f"{registry.host}/x:v1"),
        "backup": lambda: ocictl("backup", flag, "-o", "x", f"{registry.host}/app"),
        "restore": lambda: ocictl("restore", flag, "--input", "lay", f"{registry.host}/x"),
    }
    assert lines[command]().stderr == "warning: --verbose is deprecated; use --debug\n"


@pytest.mark.parametrize("quirks", [DISTRIBUTION_2_8], indirect=True)
def test_a_stale_list_of_referrers(work: Path, registry: Registry) -> None:
    """What it names and is gone is left out, with a warning."""
    subject = registry.put_artifact("app", {"a": b"a"}, tag="v1")
    gone = {**subject, "digest": f"sha256:{'0' * 64}", "artifactType": "a/b"}
    index = {"schemaVersion": 2, "manifests": [gone], "mediaType": "application/vnd.oci.image.index.v1+json"}
    registry.put_manifest("app", index, tag=subject["digest"].replace(":", "-"))
    outcome = ocictl("backup", "-o", "saved", "--include-referrers", f"{registry.host}/app")
    assert outcome.stderr == (
        f"warning: {gone['digest']} is listed as attached to {subject['digest']}, but is not there; it is left out\n"
    )
    assert "Pulled tag v1 with 0 referrer(s)" in outcome.lines


def test_nothing_secret_is_told(work: Path, registry: Registry) -> None:
    """Passwords of both sides stay out of the debug log."""
    push("lay:v1", "hello.txt")
    registry.configure(auth="basic")
    outcome = ocictl(
        *("cp", "--debug", FROM_LAYOUT, "lay:v1", f"{registry.host}/x:v1"),
        *("--to-username", "user", "--to-password", "secret"),
    )
    assert "PUT" in outcome.stderr
    assert "secret" not in outcome.stderr
