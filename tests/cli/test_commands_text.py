"""What each command prints as text: the lines of oras, in the places where oras prints them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.cli import ocictl

HELLO = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
EMPTY = "44136fa355b3 application/vnd.oci.empty.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _push(*arguments: str) -> str:
    return ocictl("push", "--oci-layout", *arguments, "-q").stdout.strip()


def test_push(work: Path) -> None:
    """Preparing, Uploading, Uploaded, then the four closing lines; blobs in any order, the manifest last."""
    outcome = ocictl("push", "--oci-layout", "lay:v1,v2", "hello.txt", "--artifact-type", "a/b")
    digest = ocictl("resolve", "--oci-layout", "lay:v2").stdout.strip()
    short = digest.partition(":")[2][:12]
    lines = outcome.lines
    assert lines[0] == "Preparing hello.txt"
    assert sorted(lines[1:5]) == [
        f"Uploaded  {EMPTY}",
        "Uploaded  5891b5b522d5 hello.txt",
        f"Uploading {EMPTY}",
        "Uploading 5891b5b522d5 hello.txt",
    ]
    assert lines[5:] == [
        f"Uploading {short} {MANIFEST}",
        f"Uploaded  {short} {MANIFEST}",
        "Pushed [oci-layout] lay:v1",
        "Tagged v2",
        "ArtifactType: a/b",
        f"Digest: {digest}",
    ]
    assert outcome.stderr == ""


def test_push_without_files(work: Path) -> None:
    """It says that the artifact is empty, and names the type that oras gives it."""
    lines = ocictl("push", "--oci-layout", "lay:v1").lines
    assert lines[0] == "Uploading empty artifact"
    assert lines[-2] == "ArtifactType: application/vnd.unknown.artifact.v1"


def test_push_without_a_tag(work: Path) -> None:
    """The artifact can be found by its digest only."""
    assert "Pushed [oci-layout] lay" in ocictl("push", "--oci-layout", "lay", "hello.txt").lines


def test_push_again(work: Path) -> None:
    """What exists is not sent again, and the digest is the same."""
    first = _push("lay:v1", "hello.txt", "d")
    lines = ocictl("push", "--oci-layout", "lay:v1", "hello.txt", "d").lines
    assert not [line for line in lines if line.startswith("Uploading")]
    assert lines[-1] == f"Digest: {first}"


def test_push_into_a_layout_by_path(work: Path) -> None:
    """With --oci-layout-path the whole name is the tag."""
    lines = ocictl("push", "--oci-layout-path", "lay", "r.io/x:v1,v2", "hello.txt").lines
    assert "Pushed [oci-layout] r.io/x:v1" in lines
    assert "Tagged v2" in lines
    assert ocictl("resolve", "--oci-layout", "lay:v2").stdout in lines[-1] + "\n"


def test_push_with_a_config(work: Path) -> None:
    """Without an artifact type the config's media type is shown as the type."""
    lines = ocictl("push", "--oci-layout", "lay:v1", "--config", "hello.txt:a/cfg", "d").lines
    assert lines[-2] == "ArtifactType: a/cfg"


def test_export_manifest(work: Path) -> None:
    """The exported file holds the exact bytes that the digest names."""
    digest = _push("lay:v1", "hello.txt", "--export-manifest", "m.json")
    assert f"sha256:{hashlib.sha256(Path('m.json').read_bytes()).hexdigest()}" == digest


def test_created_and_source_date_epoch(work: Path) -> None:
    """No time stamp unless asked for: by option, else by SOURCE_DATE_EPOCH."""

    def created(*arguments: str, env: dict[str, str] | None = None) -> str | None:
        ocictl("push", "--oci-layout", "lay:v1", "hello.txt", *arguments, env=env)
        manifest = ocictl("manifest", "fetch", "--oci-layout", "lay:v1").json
        found: str | None = manifest.get("annotations", {}).get("org.opencontainers.image.created")
        return found

    epoch = {"SOURCE_DATE_EPOCH": "1700000000"}
    assert created() is None
    assert created(env=epoch) == "2023-11-14T22:13:20Z"
    assert created("--created", "2020-01-01T00:00:00Z", env=epoch) == "2020-01-01T00:00:00Z"
    assert created(env={"SOURCE_DATE_EPOCH": ""}) is None


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        (["--created", "yesterday"], {}),
        ([], {"SOURCE_DATE_EPOCH": "x"}),
        ([], {"SOURCE_DATE_EPOCH": "9" * 12}),
    ],
)
def test_times_that_are_none(work: Path, arguments: list[str], env: dict[str, str]) -> None:
    """Found before anything is written."""
    outcome = ocictl("push", "--oci-layout", "lay:v1", "hello.txt", *arguments, env=env, code=2)
    assert outcome.stderr.startswith("error: ")
    assert not Path("lay").exists()


def test_a_push_that_can_not_begin_makes_no_layout(work: Path) -> None:
    """A missing file is found before anything is made."""
    ocictl("push", "--oci-layout", "lay:v1", "hello.txt", "nofile", code=9)
    assert not Path("lay").exists()


def test_pull(work: Path) -> None:
    """Downloading, Processing, Downloaded, then the two closing lines."""
    digest = _push("lay:v1", "hello.txt")
    short = digest.partition(":")[2][:12]
    assert ocictl("pull", "--oci-layout", "lay:v1", "-o", "out").lines == [
        f"Downloading {short} {MANIFEST}",
        f"Processing  {short} {MANIFEST}",
        "Downloading 5891b5b522d5 hello.txt",
        "Downloaded  5891b5b522d5 hello.txt",
        f"Downloaded  {short} {MANIFEST}",
        "Pulled [oci-layout] lay:v1",
        f"Digest: {digest}",
    ]
    assert Path("out/hello.txt").read_text() == "hello\n"


def test_pull_of_one_content_under_two_names(work: Path) -> None:
    """The second file is restored from the first."""
    Path("copy.txt").write_text("hello\n")
    _push("lay:v1", "hello.txt", "copy.txt")
    lines = ocictl("pull", "--oci-layout", "lay:v1", "-o", "out").lines
    assert [line.split()[0] for line in lines if "5891b5b522d5" in line] == [
        "Downloading",
        "Downloaded",
        "Restored",
    ]


def test_pull_of_layers_without_names(work: Path) -> None:
    """They are skipped, the closing lines are a hint instead, and the exit code stays 0."""
    _push("lay:v1", "--config", "hello.txt:a/cfg", "d")
    lines = ocictl("pull", "--oci-layout", "lay:v1", "-o", "out").lines
    assert "Skipped     5891b5b522d5 a/cfg" in lines
    assert lines[-2:] == [
        'Skipped pulling layers without file name in "org.opencontainers.image.title"',
        "Use 'ocictl copy --from-oci-layout lay:v1 --to-oci-layout <layout-dir>' to pull all layers.",
    ]
    fetched = ocictl("blob", "fetch", "--oci-layout", f"lay@{HELLO}", "--output", "-")
    assert fetched.data == b"hello\n"


def test_pull_keeps_old_files_if_told(work: Path) -> None:
    """-k makes a file that is there an error, of number 9."""
    _push("lay:v1", "hello.txt")
    outcome = ocictl("pull", "--oci-layout", "lay:v1", "-k", code=9)
    assert "hello.txt" in outcome.stderr
    ocictl("pull", "--oci-layout", "lay:v1")


def test_attach(work: Path) -> None:
    """The subject and the new digest are named; doing it again says that nothing was new."""
    subject = _push("lay:v1", "hello.txt")
    arguments = ("attach", "--oci-layout", "lay:v1", "--artifact-type", "a/sig", "-a", "by=me")
    lines = ocictl(*arguments).lines
    assert lines[0] == "Uploading empty artifact"
    assert lines[-2] == f"Attached to [oci-layout] lay@{subject}"
    again = ocictl(*arguments).lines
    assert again[-2:] == [f"Already attached to [oci-layout] lay@{subject}", lines[-1]]
    assert [line for line in again if line.startswith("Exists    ")] != []


def test_attach_exports_its_manifest(work: Path) -> None:
    """The exported file holds the exact bytes that the digest names."""
    _push("lay:v1", "hello.txt")
    arguments = ("attach", "--oci-layout", "lay:v1", "hello.txt", "--artifact-type", "a/b", "-q")
    digest = ocictl(*arguments, "--export-manifest", "m.json").stdout.strip()
    assert f"sha256:{hashlib.sha256(Path('m.json').read_bytes()).hexdigest()}" == digest


def test_attach_needs_something_to_attach(work: Path) -> None:
    """A type alone is not enough."""
    outcome = ocictl("attach", "--oci-layout", "lay:v1", "--artifact-type", "a/b", code=2)
    assert outcome.stderr.splitlines()[0] == "error: neither file nor annotation is provided"


def test_discover(work: Path) -> None:
    """The tree of oras; with -q the digests alone."""
    subject = _push("lay:v1", "hello.txt")
    attach = ("attach", "--oci-layout", "-q", "--artifact-type")
    first = ocictl(*attach, "a/sig", "lay:v1", "-a", "by=yes").stdout.strip()
    second = ocictl(*attach, "a/more", f"lay@{first}", "hello.txt").stdout.strip()
    assert ocictl("discover", "--oci-layout", "lay:v1").stdout == (
        f"lay@{subject}\n"
        "└── a/sig\n"
        f"    └── {first}\n"
        "        ├── [annotations]\n"
        "        │   └── by: 'yes'\n"
        "        └── a/more\n"
        f"            └── {second}\n"
    )
    assert ocictl("discover", "--oci-layout", "lay:v1", "-q").lines == [first, second]
    assert ocictl("discover", "--oci-layout", "lay:v1", "-q", "--depth", "1").lines == [first]
    assert ocictl("discover", "--oci-layout", "lay:v1", "-q", "--artifact-type", "a/none").lines == []


def test_a_tree_that_was_cut_says_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes the end of the search for the end of the tree."""
    from ocictl.ops import discover

    digest = _push("lay:v1", "hello.txt")
    for number in range(3):
        type_ = f"a/{number}"
        digest = ocictl(
            "attach", "--oci-layout", "-q", f"lay@{digest}", "--artifact-type", type_, "-a", "k=v"
        ).lines[0]
    assert ocictl("discover", "--oci-layout", "lay:v1").stderr == ""
    monkeypatch.setattr(discover, "MAX_DEPTH", 2)
    assert ocictl("discover", "--oci-layout", "lay:v1").stderr.startswith("warning: the tree is deeper")


def test_discover_with_the_old_spelling_of_format(work: Path) -> None:
    """`-o json` still works and says what to write."""
    _push("lay:v1", "hello.txt")
    outcome = ocictl("discover", "--oci-layout", "lay:v1", "-o", "json")
    assert outcome.json["referrers"] == []
    assert json.loads(outcome.stderr)["warning"]["message"] == "--output is deprecated here; use --format"


def test_resolve(work: Path) -> None:
    """The digest, or the name with the digest."""
    digest = _push("lay:v1", "hello.txt")
    assert ocictl("resolve", "--oci-layout", "lay:v1").stdout == f"{digest}\n"
    assert ocictl("digest", "--oci-layout", "lay:v1", "-l").stdout == f"lay@{digest}\n"
    assert ocictl("resolve", "--oci-layout", "lay:v1", "-l", "-q").stdout == f"{digest}\n"


def test_tag(work: Path) -> None:
    """One line for the document, one per tag; the tags point to it."""
    digest = _push("lay:v1", "hello.txt")
    assert ocictl("tag", "--oci-layout", "lay:v1", "v2", "v3").lines == [
        f"Tagging [oci-layout] lay@{digest}",
        "Tagged v2",
        "Tagged v3",
    ]
    assert ocictl("tag", "--oci-layout", "lay:v3", "v4", "-q").stdout == f"{digest}\n"
    assert ocictl("resolve", "--oci-layout", "lay:v4").stdout == f"{digest}\n"


def test_manifest_fetch(work: Path) -> None:
    """Raw bytes without a newline, indented, into a file, or the descriptor."""
    digest = _push("lay:v1", "hello.txt", "--export-manifest", "m.json")
    raw = Path("m.json").read_bytes()
    fetch = ("manifest", "fetch", "--oci-layout", "lay:v1")
    assert ocictl(*fetch).data == raw
    assert ocictl(*fetch, "-o", "-").data == raw
    assert ocictl(*fetch, "--pretty").stdout == json.dumps(json.loads(raw), indent=2) + "\n"
    assert ocictl(*fetch, "-o", "copy.json").data == b""
    assert Path("copy.json").read_bytes() == raw
    descriptor = {"mediaType": MANIFEST, "digest": digest, "size": len(raw)}
    assert ocictl(*fetch, "--descriptor").stdout == json.dumps(descriptor, separators=(",", ":"))
    assert ocictl(*fetch, "--descriptor", "--pretty").stdout == json.dumps(descriptor, indent=2) + "\n"
    assert ocictl(*fetch, "-q").stdout == f"{digest}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["manifest", "fetch", "--format", "json", "--pretty"],
        ["manifest", "fetch", "--format", "json", "--descriptor"],
        ["manifest", "fetch", "--format", "json", "-o", "-"],
        ["manifest", "fetch", "--descriptor", "-o", "-"],
        ["manifest", "fetch", "-q", "-o", "-"],
        ["blob", "fetch", "--descriptor", "-o", "-"],
        ["blob", "fetch", "--format", "json", "-o", "-"],
        ["blob", "fetch", "-q", "--descriptor"],
    ],
)
def test_outputs_that_exclude_each_other(work: Path, arguments: list[str]) -> None:
    """Standard output has one meaning at a time."""
    outcome = ocictl(*arguments, "--oci-layout", f"lay@{HELLO}", code=2)
    assert "can't be used together" in outcome.stderr


def test_blob_fetch(work: Path) -> None:
    """Into a file, to standard output, or the descriptor; one of them is needed."""
    _push("lay:v1", "hello.txt")
    fetch = ("blob", "fetch", "--oci-layout", f"lay@{HELLO}")
    assert ocictl(*fetch, "-o", "-").data == b"hello\n"
    assert ocictl(*fetch, "-o", "f").data == b""
    assert Path("f").read_bytes() == b"hello\n"
    descriptor = f'{{"mediaType":"application/octet-stream","digest":"{HELLO}","size":6}}'
    assert ocictl(*fetch, "--descriptor").stdout == descriptor
    assert ocictl(*fetch, "-o", "g", "--descriptor").stdout == descriptor
    assert Path("g").exists()
    assert ocictl(*fetch, "-o", "h", "-q").stdout == f"{HELLO}\n"
    assert "neither --output nor --descriptor" in ocictl(*fetch, code=2).stderr


@pytest.mark.parametrize("place", ["f", "-"])
def test_blob_fetch_of_wrong_bytes(work: Path, place: str) -> None:
    """A file keeps its old content; standard output ends with number 6."""
    _push("lay:v1", "hello.txt")
    blob = Path("lay/blobs/sha256") / HELLO.partition(":")[2]
    blob.chmod(0o600)
    blob.write_bytes(b"jello\n")
    Path("f").write_text("old")
    outcome = ocictl("blob", "fetch", "--oci-layout", f"lay@{HELLO}", "-o", place, code=6)
    assert "does not match its digest" in outcome.stderr
    assert Path("f").read_text() == "old"
    assert sorted(path.name for path in work.iterdir()) == ["d", "f", "hello.txt", "lay"]


def test_version() -> None:
    """Three lines; the first is for scripts that cut out the second word."""
    from ocictl import __version__

    lines = ocictl("version").lines
    assert [line.split(":")[0] for line in lines] == ["Version", "Python version", "OS/Arch"]
    assert lines[0].split() == ["Version:", __version__]
    assert len({len(line) - len(line.split(":", 1)[1].lstrip()) for line in lines}) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["push", "--oci-layout", "lay:v1", "nofile"], 9, "'nofile' does not exist"),
        (["push", "--oci-layout", "lay:v1", "/etc/hostname"], 9, "absolute"),
        (["push", "--oci-layout", "lay:v1", "hello.txt", "hello.txt"], 9, "hello.txt"),
        (["push", "--oci-layout", "lay:v1", "-a", "x"], 2, "annotation 'x' is not key=value"),
        (["push", "--oci-layout", "lay:v1", "-a", "x=1", "-a", "x=2"], 2, "annotation 'x' is given twice"),
        (
            ["push", "--oci-layout", "lay:v1", "-a", "x=1", "--annotation-file", "f"],
            2,
            "can't be used together",
        ),
        (["push", "--oci-layout", "lay:v1", "--annotation-file", "nofile"], 9, "'nofile' does not exist"),
        (["push", "--oci-layout", "lay:v1", "--annotation-file", "hello.txt"], 2, "hello.txt"),
        (["push", "--oci-layout", "lay:v1", "--artifact-type", "x"], 2, "artifact type 'x'"),
        (["push", "--oci-layout", "lay:v1", "--artifact-platform", "/"], 2, "platform '/'"),
        (["pull", "--oci-layout", "nolay:v1"], 3, "nolay"),
        (["resolve", "--oci-layout", "there:nope"], 3, "nope"),
        (["resolve", "--oci-layout", "there:v1", "--platform", "a/b/c/d"], 2, "platform 'a/b/c/d'"),
        (["discover", "--oci-layout", "there:v1", "--artifact-type", "x"], 2, "artifact type 'x'"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_failures(work: Path, arguments: list[str], code: int, message: str, as_json: bool) -> None:
    """Each failure has its number, names the value, and is a result of its own in JSON."""
    _push("there:v1", "hello.txt")
    outcome = ocictl(*arguments, *(["--format", "json"] if as_json else []), code=code)
    if as_json:
        assert message in outcome.error["message"]
        assert outcome.error["exitCode"] == code
        assert outcome.data == b""
    else:
        assert message in outcome.stderr.splitlines()[0]


def test_verbose_is_accepted_and_deprecated(work: Path) -> None:
    """Old scripts go on working."""
    outcome = ocictl("push", "--oci-layout", "lay:v1", "-v", "hello.txt")
    assert outcome.stderr == "warning: --verbose is deprecated; use --debug\n"
