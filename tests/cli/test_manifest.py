"""manifest fetch, fetch-config, push, delete, and manifest index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.model import media_types
from tests.cli.test_repo import on_terminal
from tests.support.cli import Outcome, ocictl
from tests.support.registry import DISTRIBUTION_2_8, Quirks, Registry

MANIFEST = media_types.OCI_MANIFEST
INDEX = media_types.OCI_INDEX
FETCH = ("manifest", "fetch", "--oci-layout")
CONFIG = ("manifest", "fetch-config", "--oci-layout")
PUSH = ("manifest", "push", "--oci-layout")
DELETE = ("manifest", "delete", "--oci-layout")
CREATE = ("manifest", "index", "create", "--oci-layout")
UPDATE = ("manifest", "index", "update", "--oci-layout")


def push(name: str, *arguments: str) -> str:
    """Push hello.txt; the digest."""
    return ocictl("push", "--oci-layout", name, "hello.txt", *arguments, "-q").lines[0]


def platforms() -> dict[str, str]:
    """Manifests for two platforms in the layout `lay`, and one for none; their digests by tag."""
    return {
        "amd": push("lay:amd", "--artifact-platform", "linux/amd64"),
        "arm": push("lay:arm", "--artifact-platform", "linux/arm64/v8"),
        "plain": push("lay:plain", "--artifact-type", "a/b"),
    }


def fetch(name: str) -> Any:
    return ocictl(*FETCH, name).json


class TestFetch:
    @pytest.mark.parametrize("quirks", [Quirks(), DISTRIBUTION_2_8], indirect=True)
    def test_of_certain_types(self, registry: Registry) -> None:
        """The registry is asked for them alone; one that does not look is not believed."""
        registry.put_artifact("a/b", {"a.txt": b"x"}, tag="v1")
        fetch = ("manifest", "fetch", f"{registry.host}/a/b:v1", "-q", "--media-type")
        ocictl(*fetch, f"a/b, {MANIFEST}")
        assert {request.header("Accept") for request in registry.matching("", "manifests")} == {
            f"a/b, {MANIFEST}"
        }
        registry.violations.clear()  # PULL-01 is not kept on purpose
        ocictl(*fetch, "a/b", "--media-type", MANIFEST)
        ocictl(*fetch, "a/b", code=3)
        registry.violations.clear()

    def test_certain_types_of_a_layout(self, work: Path) -> None:
        """There is nobody to ask."""
        push("lay:v1")
        assert "--media-type" in ocictl(*FETCH, "lay:v1", "--media-type", MANIFEST, code=2).stderr

    def test_the_descriptor_of_a_platform(self, work: Path) -> None:
        """As the index describes it."""
        found = platforms()
        ocictl(*CREATE, "lay:all", "amd", "arm", "-q")
        shown = ocictl(*FETCH, "lay:all", "--platform", "linux/arm64", "--descriptor").json
        assert shown == {
            "mediaType": MANIFEST,
            "digest": found["arm"],
            "size": shown["size"],
            "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"},
            "artifactType": "application/vnd.unknown.artifact.v1",
        }


class TestFetchConfig:
    def test_the_bytes(self, work: Path) -> None:
        """As they are, indented, or into a file."""
        platforms()
        raw = b'{"architecture":"arm64","os":"linux","variant":"v8"}'
        assert ocictl(*CONFIG, "lay:arm").data == raw
        assert ocictl(*CONFIG, "lay:arm", "-o", "-").data == raw
        assert ocictl(*CONFIG, "lay:arm", "--pretty").stdout == json.dumps(json.loads(raw), indent=2) + "\n"
        assert ocictl("manifest", "get-config", "--oci-layout", "lay:arm", "-o", "c.json").data == b""
        assert Path("c.json").read_bytes() == raw
        assert ocictl(*CONFIG, "lay:plain").data == b"{}"

    def test_the_descriptor(self, work: Path) -> None:
        """Of the config; the file is written too."""
        platforms()
        shown = ocictl(*CONFIG, "lay:amd", "--descriptor", "-o", "c.json").json
        assert (shown["mediaType"], shown["size"]) == (media_types.IMAGE_CONFIG, 37)
        assert Path("c.json").stat().st_size == 37
        assert ocictl(*CONFIG, "lay:amd", "-q").lines == [shown["digest"]]

    def test_of_an_index(self, work: Path) -> None:
        """An index has none; a platform chooses one that has."""
        platforms()
        ocictl(*CREATE, "lay:all", "amd", "arm", "-q")
        assert "--platform" in ocictl(*CONFIG, "lay:all", code=3).stderr
        assert ocictl(*CONFIG, "lay:all", "--platform", "linux/amd64").json["architecture"] == "amd64"
        ocictl(*CONFIG, "lay:all", "--platform", "linux/riscv64", code=3)

    def test_a_config_that_is_not_json(self, work: Path) -> None:
        """Comes out as it is, also with --pretty."""
        push("lay:v1", "--config", "hello.txt:a/b")
        assert ocictl(*CONFIG, "lay:v1", "--pretty").data == b"hello\n"
        assert ocictl(*CONFIG, "lay:v1", "--format", "json").json["content"] is None

    @pytest.mark.parametrize(
        "arguments", [["--descriptor", "-o", "-"], ["-q", "-o", "-"], ["--format", "json", "--pretty"]]
    )
    def test_outputs_that_exclude_each_other(self, work: Path, arguments: list[str]) -> None:
        """Standard output has one meaning at a time."""
        assert "can't be used together" in ocictl(*CONFIG, "lay:v1", *arguments, code=2).stderr


class TestPush:
    @pytest.fixture
    def raw(self, work: Path) -> bytes:
        """The manifest in m.json, of an artifact in the layout `lay`."""
        push("lay:v1", "--export-manifest", "m.json")
        return Path("m.json").read_bytes()

    def test_under_tags(self, raw: bytes) -> None:
        """The lines of oras; what is there is not sent again."""
        digest = ocictl("resolve", "--oci-layout", "lay:v1").lines[0]
        short = digest[7:19]
        assert ocictl(*PUSH, "lay:v2,v3", "m.json").lines == [
            f"Uploading {short} {MANIFEST}",
            f"Uploaded  {short} {MANIFEST}",
            "Pushed: [oci-layout] lay:v2",
            "Tagged v3",
            f"Digest: {digest}",
        ]
        assert ocictl(*PUSH, "lay:v1,v4", "m.json").lines == [
            f"Exists    {short} {MANIFEST}",
            "Pushed: [oci-layout] lay:v1",
            "Tagged v4",
            f"Digest: {digest}",
        ]
        assert ocictl(*PUSH, "lay", "m.json").lines[:2] == [
            f"Exists    {short} {MANIFEST}",
            "Pushed: [oci-layout] lay",
        ]
        assert ocictl("repo", "tags", "--oci-layout", "lay").lines == ["v1", "v2", "v3", "v4"]

    def test_from_standard_input(self, raw: bytes) -> None:
        """To another name, by its digest, to a new layout."""
        digest = ocictl(*PUSH, "lay:v2", "-", "-q", stdin=raw).lines[0]
        ocictl(*PUSH, f"lay@{digest}", "-", stdin=raw)
        assert (
            "the manifest has the digest"
            in ocictl(*PUSH, f"lay@{digest}", "-", stdin=b'{"mediaType":"a/b"}', code=6).stderr
        )
        ocictl(*PUSH, "new:v1", "-", stdin=raw)
        assert ocictl(*FETCH, "new:v1").data == raw
        ocictl(*PUSH, "lay:v2", "-", "--password-stdin", stdin=raw, code=2)

    def test_the_descriptor(self, raw: bytes) -> None:
        """Alone; tags are written all the same."""
        shown = ocictl(*PUSH, "lay:v5,v6", "m.json", "--descriptor", "--pretty").json
        assert (shown["mediaType"], shown["size"]) == (MANIFEST, len(raw))
        assert ocictl("resolve", "--oci-layout", "lay:v6").lines == [shown["digest"]]

    @pytest.mark.parametrize(
        ("content", "arguments", "code", "message"),
        [
            (b"{broken", [], 6, "is not JSON"),
            (b"{broken", ["--media-type", "a/b"], 6, "is not JSON"),
            (b"[]", ["--media-type", "a/b"], 6, "must be an object"),
            (b"{}", [], 2, "'f.json' does not say its media type"),
            (b'{"mediaType":"a/b"}', ["--media-type", "c/d"], 2, "can't be stored as 'c/d'"),
            (b'{"mediaType":"a/b"}', ["--descriptor", "-q"], 2, "can't be used together"),
        ],
    )
    def test_that_can_t_be(
        self, work: Path, content: bytes, arguments: list[str], code: int, message: str
    ) -> None:
        """Each says what is wrong, and stores nothing."""
        Path("f.json").write_bytes(content)
        assert message in ocictl(*PUSH, "lay:v1", "f.json", *arguments, code=code).stderr
        assert list(work.glob("lay/blobs/*/*")) == []

    def test_files_that_are_none(self, work: Path) -> None:
        """Missing, and a directory."""
        ocictl(*PUSH, "lay:v1", "none.json", code=9)
        ocictl(*PUSH, "lay:v1", "d", code=9)

    def test_what_is_too_large(self, work: Path) -> None:
        """MPUT-07: the limit of registries holds here too."""
        Path("f.json").write_bytes(b'{"mediaType":"a/b","x":"' + b"x" * (4 * 1024 * 1024) + b'"}')
        assert "has more than" in ocictl(*PUSH, "lay:v1", "f.json", code=6).stderr

    def test_an_unknown_kind(self, work: Path) -> None:
        """Is stored with a warning, also without a tag."""
        Path("f.json").write_bytes(b'{"mediaType":"a/b"}')
        outcome = ocictl(*PUSH, "lay", "f.json")
        assert outcome.stderr == "warning: f.json: ocictl does not know 'a/b', and stores it as it is\n"
        digest = outcome.lines[-1].removeprefix("Digest: ")
        assert ocictl(*FETCH, f"lay@{digest}", code=None).code in (0, 6)

    @pytest.mark.parametrize("quirks", [Quirks(referrers_api=False)], indirect=True)
    def test_a_referrer(self, work: Path, registry: Registry) -> None:
        """It is listed where that is the client's duty, whoever made the manifest."""
        name = f"{registry.host}/a/b"
        subject = ocictl("push", f"{name}:v1", "hello.txt", "-q").lines[0]
        ocictl(
            "attach",
            f"{name}:v1",
            "--artifact-type",
            "a/sig",
            "-a",
            "k=v",
            "--export-manifest",
            "r.json",
            "-q",
        )
        other = json.loads(Path("r.json").read_bytes())
        other["annotations"] = {"k": "w"}
        Path("r.json").write_text(json.dumps(other))
        digest = ocictl("manifest", "push", name, "r.json", "-q").lines[0]
        assert subject in Path("r.json").read_text()
        assert digest in ocictl("discover", f"{name}:v1", "-q").lines


class TestDelete:
    def test_by_tag_and_digest(self, work: Path) -> None:
        """The lines of oras; all tags go."""
        digest = push("lay:v1,v2")
        assert ocictl(*DELETE, "lay:v1", "-f").lines == ["Deleted [oci-layout] lay:v1"]
        assert ocictl("repo", "tags", "--oci-layout", "lay").lines == []
        assert ocictl(*DELETE, f"lay@{digest}", "-f").lines == [f"Missing lay@{digest}"]
        assert ocictl("manifest", "rm", "--oci-layout", "none:v1", "-f").lines == ["Missing none:v1"]
        ocictl("manifest", "remove", "--oci-layout", "lay:v1", code=3)
        ocictl(*DELETE, "none:v1", code=3)
        push("lay:v1")
        assert ocictl(*DELETE, "lay:v1", "-f", "-q").lines == [digest]

    def test_asks_first(self, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """On a terminal, or it takes a yes from a pipe."""
        digest = push("lay:v1")
        assert "not confirmed" in ocictl(*DELETE, "lay:v1", code=2).stderr
        outcome = on_terminal(monkeypatch, "no\n", *DELETE, "lay:v1")
        assert outcome.stdout == "Operation cancelled.\n"
        assert outcome.stderr == (
            f'Are you sure you want to delete the manifest "{digest}" and all tags associated with it? [y/N] '
        )
        assert (
            on_terminal(monkeypatch, "no\n", *DELETE, "lay:v1", "--format", "json").json["deleted"] is False
        )
        assert ocictl(*DELETE, "lay:v1", stdin=b"y\n").lines == ["Deleted [oci-layout] lay:v1"]

    def test_the_descriptor(self, work: Path) -> None:
        """Only with --force, and then what is missing is an error."""
        digest = push("lay:v1")
        ocictl(*DELETE, "lay:v1", "--descriptor", code=2)
        assert ocictl(*DELETE, "lay:v1", "--descriptor", "-f").json["digest"] == digest
        ocictl(*DELETE, "lay:v1", "--descriptor", "-f", code=3)
        missing = ocictl(*DELETE, "lay:v1", "--format", "json", "-f").json
        assert missing == {"reference": "lay:v1", "deleted": False}

    @pytest.mark.parametrize("quirks", [Quirks(), Quirks(referrers_api=False)], indirect=True)
    def test_what_is_attached_leaves_the_tree(self, work: Path, registry: Registry) -> None:
        """DEL-04, with and without a referrers API; `--distribution-spec` is taken."""
        name = f"{registry.host}/a/b"
        ocictl("push", f"{name}:v1", "hello.txt", "-q")
        attach = ("attach", f"{name}:v1", "--artifact-type", "a/sig", "-q", "-a")
        first, second = (ocictl(*attach, f"n={number}").lines[0] for number in (1, 2))
        ocictl("manifest", "delete", f"{name}@{first}", "-f")
        assert ocictl("discover", f"{name}:v1", "-q").lines == [second]
        spec = "api" if registry.quirks.referrers_api else "tag"
        ocictl("manifest", "delete", f"{name}@{second}", "-f", f"--distribution-spec=v1.1-referrers-{spec}")
        assert ocictl("discover", f"{name}:v1", "-q").lines == []


class TestIndexCreate:
    def test_is_pushed_and_tagged(self, work: Path) -> None:
        """The lines of oras."""
        found = platforms()
        outcome = ocictl(
            *CREATE, "lay:all,latest", "amd", found["arm"], "-a", "k=v", "--artifact-type", "a/c"
        )
        digest = outcome.lines[-1].removeprefix("Digest: ")
        assert outcome.lines == [
            "Fetching  amd",
            f"Fetched   {found['amd']} amd",
            f"Fetching  {found['arm']}",
            f"Fetched   {found['arm']}",
            f"Packed    {digest[7:19]} {INDEX}",
            "Pushed    [oci-layout] lay:all",
            "Tagged latest",
            f"Digest: {digest}",
        ]
        index = fetch("lay:latest")
        assert (index["artifactType"], index["annotations"]) == ("a/c", {"k": "v"})
        assert [entry["digest"] for entry in index["manifests"]] == [found["amd"], found["arm"]]

    def test_without_tag_and_sources(self, work: Path) -> None:
        """An empty index, also in a new layout."""
        outcome = ocictl("manifest", "index", "pack", "--oci-layout", "new")
        assert outcome.lines[1] == "Pushed    [oci-layout] new"
        assert fetch(f"new@{outcome.lines[-1].removeprefix('Digest: ')}")["manifests"] == []

    def test_into_a_file(self, work: Path) -> None:
        """Nothing is pushed; the file is compact, standard output may be indented."""
        platforms()
        lines = ocictl(*CREATE, "lay:all", "amd", "-o", "i.json", "--pretty").lines
        assert [line.split()[0] for line in lines] == ["Fetching", "Fetched", "Packed", "Digest:"]
        raw = Path("i.json").read_bytes()
        assert ocictl(*CREATE, "lay:all", "amd", "-o", "-").data == raw
        pretty = json.dumps(json.loads(raw), indent=2) + "\n"
        assert ocictl(*CREATE, "lay:all", "amd", "-o", "-", "--pretty").stdout == pretty
        ocictl("resolve", "--oci-layout", "lay:all", code=3)
        ocictl(*CREATE, "none:all", "-o", "-", code=3)
        assert not Path("none").exists()

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["lay:all", "nope"], 3),
            (["lay:all", "amd", "--artifact-type", "bad"], 2),
            (["lay:all", "amd", "-a", "bad"], 2),
            (["lay:all", "amd", "-a", "a=b", "-a", "a=c"], 2),
            (["lay@sha256:" + "0" * 64, "amd"], 2),
            (["lay:all", "amd", "-o", "-", "-q"], 2),
        ],
    )
    def test_that_can_t_be(self, work: Path, arguments: list[str], code: int) -> None:
        """Nothing is pushed."""
        platforms()
        ocictl(*CREATE, *arguments, code=code)
        assert ocictl("repo", "tags", "--oci-layout", "lay").lines == ["amd", "arm", "plain"]


class TestIndexUpdate:
    @pytest.fixture
    def found(self, work: Path) -> dict[str, str]:
        """An index of amd under `all`, one of plain under `other`; the digests by tag."""
        found = platforms()
        found["all"] = ocictl(*CREATE, "lay:all", "amd", "-q").lines[0]
        found["other"] = ocictl(*CREATE, "lay:other", "plain", "-q").lines[0]
        return found

    def run(self, *arguments: str) -> Outcome:
        return ocictl(*UPDATE, *arguments)

    def test_everything_at_once(self, found: dict[str, str]) -> None:
        """The lines of oras; the tag moves, and further ones are written."""
        changes = ["--add", "arm", "--merge", "other", "--remove", found["amd"], "--tag", "x", "--tag", "y"]
        outcome = self.run("lay:all", *changes)
        digest = outcome.lines[-1].removeprefix("Digest: ")
        assert outcome.lines == [
            "Fetching  all",
            f"Fetched   {found['all']} all",
            f"Removed   {found['amd']}",
            "Fetching  arm",
            f"Fetched   {found['arm']} arm",
            f"Added     {found['arm']} arm",
            "Fetching  other",
            f"Fetched   {found['other']} other",
            f"Merged    {found['other']} other",
            f"Updated   {digest}",
            "Pushed    [oci-layout] lay:all",
            "Tagged x",
            "Tagged y",
            f"Digest: {digest}",
        ]
        listed = [entry["digest"] for entry in fetch("lay:y")["manifests"]]
        assert listed == [found["arm"], found["plain"]]
        assert ocictl("resolve", "--oci-layout", "lay:all").lines == [digest]

    def test_by_digest(self, found: dict[str, str]) -> None:
        """No tag moves."""
        outcome = self.run(f"lay@{found['all']}", "--add", "arm", "--tag", "new")
        assert outcome.lines[-3:-1] == ["Pushed    [oci-layout] lay", "Tagged new"]
        assert ocictl("resolve", "--oci-layout", "lay:all").lines == [found["all"]]
        assert len(fetch("lay:new")["manifests"]) == 2

    def test_nothing_to_change(self, found: dict[str, str]) -> None:
        """Is no error, and nothing is written; a script learns the digest."""
        assert self.run("lay:all").lines == ["Nothing to update as no change is requested"]
        assert self.run("lay:all", "-q").lines == [found["all"]]
        assert self.run("lay:all", "--tag", "x", "--format", "json").json["digest"] == found["all"]
        ocictl("resolve", "--oci-layout", "lay:x", code=3)

    def test_the_artifact_type(self, found: dict[str, str]) -> None:
        """Set, and cleared again."""
        self.run("lay:all", "--artifact-type", "a/c")
        assert fetch("lay:all")["artifactType"] == "a/c"
        self.run("lay:all", "--artifact-type", "")
        assert ocictl("resolve", "--oci-layout", "lay:all").lines == [found["all"]]

    def test_into_a_file(self, found: dict[str, str]) -> None:
        """Nothing is pushed."""
        lines = self.run("lay:all", "--add", "arm", "-o", "i.json").lines
        assert lines[-2].startswith("Updated   ")
        assert len(json.loads(Path("i.json").read_bytes())["manifests"]) == 2
        assert self.run("lay:all", "--add", "arm", "-o", "-").data == Path("i.json").read_bytes()
        assert ocictl("resolve", "--oci-layout", "lay:all").lines == [found["all"]]

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["lay:all", "--add", "nope"], 3),
            (["lay:nope", "--add", "arm"], 3),
            (["lay:all", "--merge", "arm"], 2),
            (["lay:amd", "--add", "arm"], 2),
            (["lay:all", "--remove", "amd"], 2),
            (["lay:all", "--remove", "sha256:" + "0" * 64], 3),
            (["lay:all", "--artifact-type", "bad"], 2),
            (["lay:all", "--add", "arm", "--tag", "x", "-o", "i.json"], 2),
            (["lay", "--add", "arm"], 2),
        ],
    )
    def test_that_can_t_be(self, found: dict[str, str], arguments: list[str], code: int) -> None:
        """Nothing is pushed."""
        ocictl(*UPDATE, *arguments, code=code)
        assert ocictl("resolve", "--oci-layout", "lay:all").lines == [found["all"]]
