"""Bad input, from the command line and from registries: a clear message, its exit code, nothing left on disk."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.program import Finished, Ocictl
from tests.support.registry import Fault, Registry, digest_of
from tests.support.shared import present, spec_path, vector_rows
from tests.support.trees import snapshot

ZERO = "0" * 64


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry that holds one good artifact, `app:v1`."""
    with Registry() as running:
        running.put_artifact("app", {"hello.txt": b"hello\n"}, tag="v1")
        yield running


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A working directory with good and bad files."""
    work = tmp_path / "desk"
    work.mkdir()
    (work / "hello.txt").write_text("hello\n")
    (work / "other").mkdir()
    (work / "other" / "hello.txt").write_text("other\n")
    (work / "HELLO.TXT").write_text("upper\n")
    (work / "aux.txt").write_text("device\n")
    (work / "broken.json").write_text('{"$manifest": ')
    (work / "list.json").write_text("[]")
    (work / "nested.json").write_text('{"$manifest": {"a": {"b": "c"}}}')
    (work / "twice.json").write_text('{"$manifest": {"a": "1"}, "$manifest": {"a": "2"}}')
    os.mkfifo(work / "fifo")
    (work / "layout2").mkdir()
    (work / "layout2" / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}')
    (work / "layout2" / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
    (work / "layout2" / "blobs").mkdir()
    return work


def check_failure(finished: Finished, code: int, *words: str) -> None:
    """A failure says what and why in one line, has its exit code, and no traceback."""
    assert finished.code == code, finished
    errors = [line for line in finished.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, finished.stderr
    for word in words:
        assert word.lower() in finished.stderr.lower(), finished.stderr
    assert "Traceback" not in finished.stderr + finished.stdout


@dataclass(frozen=True)
class Case:
    """A command line, with `{host}` for the registry, its exit code, and words of its message."""

    line: str
    code: int
    words: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()


def case(line: str, code: int, *words: str, **env: str) -> Case:
    return Case(line, code, words, tuple(env.items()))


COMMAND_LINES = [
    case("push alpine:3 hello.txt", 2, "alpine:3", "docker.io/library/alpine:3"),
    case("push {host} hello.txt", 2, "repository"),
    case(f"pull sha256:{ZERO}", 2, "a digest alone names no repository"),
    case("push {host}/App:v1 hello.txt", 2, "lower case", "app"),
    case("push {host}/a___b:v1 hello.txt", 2, "a___b"),
    case("push {host}/app:-v1 hello.txt", 2, "'-v1'"),
    case("push {host}/app:v1+build hello.txt", 2, "v1_build"),
    case("push {host}/app:v1,bad~tag hello.txt", 2, "bad~tag"),
    case(f"push {{host}}/app:{'t' * 129} hello.txt", 2, "127"),
    case(f"push {{host}}/app@sha256:{ZERO} hello.txt", 2, "digest"),
    case("pull {host}/app", 2, "no tag or digest"),
    case(f"pull {{host}}/app@sha256:{'A' * 64}", 2, "lower-case hex"),
    case("pull {host}/app@sha256:abc", 2, "64 hex digits"),
    case("pull {host}/app@md5:d41d8cd98f00b204e9800998ecf8427e", 2, "md5"),
    case("resolve localhost:99999/app:v1", 2, "99999"),
    case("resolve [zz]/app:v1", 2, "[zz]"),
    case("push {host}/app:v1 missing.txt", 9, "missing.txt", "does not exist"),
    case("push {host}/app:v1 /etc/hostname", 9, "absolute"),
    case("push {host}/app:v1 ../desk/hello.txt", 9, "'..'", "cd .."),
    case("push {host}/app:v1 hello.txt ./hello.txt", 9, "hello.txt"),
    case("push {host}/app:v1 hello.txt HELLO.TXT", 9, "HELLO.TXT"),
    case("push {host}/app:v1 aux.txt", 9, "device"),
    case("push {host}/app:v1 fifo", 9, "fifo"),
    case("push {host}/app:v1 other other/hello.txt", 9, "inside"),
    case("push {host}/app:v1 hello.txt --artifact-type text", 2, "'text'", "RFC 6838"),
    case("push {host}/app:v1 hello.txt --artifact-type text/plain;charset=utf-8", 2, "parameters"),
    case("push {host}/app:v1 hello.txt:plain", 2, "plain"),
    case("push {host}/app:v1 hello.txt -a novalue", 2, "key=value"),
    case("push {host}/app:v1 hello.txt -a a=1 -a a=2", 2, "twice"),
    case("push {host}/app:v1 hello.txt --annotation-file broken.json", 2, "broken.json"),
    case("push {host}/app:v1 hello.txt --annotation-file list.json", 2, "object"),
    case("push {host}/app:v1 hello.txt --annotation-file nested.json", 2, "$manifest"),
    case("push {host}/app:v1 hello.txt --annotation-file twice.json", 2, "twice"),
    case("push {host}/app:v1 hello.txt --annotation-file none.json", 9, "none.json"),
    case("push {host}/app:v1 hello.txt -a a=b --annotation-file nested.json", 2, "--annotation-file"),
    case("push {host}/app:v1 hello.txt --created yesterday", 2, "RFC 3339"),
    case("push {host}/app:v1 hello.txt -a org.opencontainers.image.created=now", 2, "RFC 3339"),
    case("push {host}/app:v1 hello.txt", 2, "SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH="tomorrow"),
    case("push {host}/app:v1 --config hello.txt --artifact-platform linux/amd64", 2, "--artifact-platform"),
    case("push {host}/app:v1 --config hello.txt --image-spec v1.1", 2, "--artifact-type"),
    case("push {host}/app:v1 --config hello.txt --image-spec v1.0 --artifact-type a/b", 2, "v1.0"),
    case("push {host}/app:v1 --image-spec v9 hello.txt", 2, "v9"),
    case("push {host}/app:v1 --artifact-platform linux/ hello.txt", 2, "linux/"),
    case("push {host}/app:v1 --concurrency 0 hello.txt", 2, "concurrency"),
    case("push {host}/app:v1 --format xml hello.txt", 2, "xml"),
    case("push {host}/app:v1 --cert-file hello.txt hello.txt", 2, "--key-file"),
    case("push {host}/app:v1 -H nocolon hello.txt", 2, "Name: value"),
    case("attach {host}/app:v1 hello.txt", 2, "--artifact-type"),
    case("attach {host}/app:v1 --artifact-type a/b", 2, "--annotation"),
    case("attach {host}/app:nope --artifact-type a/b hello.txt", 3, "nope"),
    case("attach {host}/app:v1 --artifact-type a/b --platform linux/s390x hello.txt", 3, "platform"),
    case("discover {host}/app:v1 --depth -1", 2, "depth"),
    case("discover {host}/app:nope", 3, "nope"),
    case("pull {host}/app:nope", 3, "nope"),
    case("pull {host}/nothing:v1", 3, "nothing"),
    case(f"manifest fetch {{host}}/app@sha256:{ZERO}", 3, ZERO),
    case(f"blob fetch {{host}}/app@sha256:{ZERO} -o -", 3, ZERO),
    case("tag {host}/app:v1 bad~tag", 2, "bad~tag"),
    case("pull --oci-layout nowhere:v1", 3, "nowhere"),
    case("pull --oci-layout other:v1", 9, "other"),
    case("pull --oci-layout layout2:v1", 9, "2.0.0"),
    case("push --oci-layout other:v1 hello.txt", 9, "other"),
    case("push --oci-layout a:v1 --oci-layout-path b hello.txt", 2, "--oci-layout-path"),
    case("push --oci-layout a:v1 -H a:b hello.txt", 2, "--header"),
    case("pull 127.0.0.1:1/app:v1", 5, "127.0.0.1:1"),
    case("frobnicate", 2, "frobnicate"),
    case("push {host}/app:v1 --frobnicate", 2, "--frobnicate"),
]


@pytest.mark.parametrize("bad", COMMAND_LINES, ids=lambda bad: bad.line[:60])
def test_bad_command_line(bad: Case, registry: Registry, work: Path, run_ocictl: Ocictl) -> None:
    """What a person writes wrong is named, with the rule and the next step; nothing is written anywhere."""
    before, stored = snapshot(work), json.dumps(sorted(registry.repositories["app"].manifests))
    args = bad.line.format(host=registry.host).split()
    finished = run_ocictl(*args, cwd=work, env=dict(bad.env))
    check_failure(finished, bad.code, *bad.words)
    assert snapshot(work) == before
    assert json.dumps(sorted(registry.repositories["app"].manifests)) == stored


def layer(registry: Registry, title: str | None, data: bytes = b"x", **more: Any) -> dict[str, Any]:
    annotations = {"org.opencontainers.image.title": title} if title is not None else {}
    descriptor = {
        "mediaType": "application/octet-stream",
        "digest": registry.put_blob("bad", data),
        "size": len(data),
        "annotations": annotations,
    }
    return {**descriptor, **more}


def manifest(registry: Registry, *layers: dict[str, Any], **more: Any) -> None:
    empty = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": registry.put_blob("bad", b"{}"),
        "size": 2,
    }
    document = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.example.bad",
        "config": empty,
        "layers": list(layers),
    }
    registry.put_manifest("bad", {**document, **more}, tag="v1")


BAD_TITLES = [
    "../escape", "a/../../escape", "/etc/escape", "..", ".", "", "a\\b", "C:escape", "C:\\escape", "\\\\host\\share",
    "nul\x00byte", "line\nbreak", "\x1b[31mred", "con", "aux.txt", "LPT1.log", "trailing.", "trailing ", "n" * 256,
    "a/./../../b",
]  # fmt: skip


@pytest.mark.parametrize("title", BAD_TITLES, ids=repr)
def test_title_that_must_not_be_written(
    title: str, registry: Registry, work: Path, run_ocictl: Ocictl
) -> None:
    """F1, ECO-18: a title that escapes, is no file name or names a device is refused before anything is written."""
    if title == "":
        pytest.skip("an empty title is no title: the layer is unnamed")
    manifest(registry, layer(registry, "good.txt", b"good"), layer(registry, title))
    before = snapshot(work.parent)
    finished = run_ocictl("pull", f"{registry.host}/bad:v1", "-o", "out", cwd=work)
    check_failure(finished, 9, "title")
    assert "\x1b" not in finished.stderr
    assert snapshot(work.parent) == before


@pytest.mark.parametrize(
    "titles",
    [("a", "a"), ("a", "A"), ("é", "e\u0301"), ("a", "a/b"), ("d/x", "D/x"), ("straße", "STRASSE")],
    ids=repr,
)
def test_titles_that_meet(
    titles: tuple[str, str], registry: Registry, work: Path, run_ocictl: Ocictl
) -> None:
    """F1: two titles that some file system takes for one are refused before anything is written."""
    manifest(registry, *(layer(registry, title, title.encode()) for title in titles))
    if titles == ("a", "a"):
        manifest(registry, layer(registry, "a", b"1"), layer(registry, "a", b"2"))
    before = snapshot(work.parent)
    finished = run_ocictl("pull", f"{registry.host}/bad:v1", "-o", "out", cwd=work)
    check_failure(finished, 9)
    assert snapshot(work.parent) == before


def tar_of(*members: tuple[str, str, str]) -> bytes:
    """A gzipped tar of (kind, name, target or content)."""
    buffer = io.BytesIO()
    kinds = {"dir": tarfile.DIRTYPE, "sym": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "file": tarfile.REGTYPE}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind, name, text in members:
            member = tarfile.TarInfo(name)
            member.type = kinds[kind]
            if kind == "file":
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
            else:
                member.linkname = text
                archive.addfile(member)
    return gzip.compress(buffer.getvalue())


BAD_ARCHIVES = {
    "escape": tar_of(("file", "tree/../../escape", "x")),
    "absolute": tar_of(("file", "/tmp/escape", "x")),
    "link-out": tar_of(("sym", "tree/out", "../.."), ("file", "tree/out/escape", "x")),
    "link-absolute": tar_of(("sym", "tree/passwd", "/etc/passwd")),
    "hard-link-out": tar_of(("hard", "tree/leak", "hello.txt")),
    "link-chain": tar_of(
        ("dir", "tree/a", ""),
        ("sym", "tree/a/up", ".."),
        ("sym", "tree/b", "a/up/.."),
        ("file", "tree/b/escape", "x"),
    ),
    "not-gzip": b"plain text",
    "cut-gzip": gzip.compress(bytes(10_000))[:-6],
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_archive_that_must_not_be_unpacked(
    name: str, registry: Registry, work: Path, run_ocictl: Ocictl
) -> None:
    """F2, CVE-2021-21272, CVE-2026-50163, CVE-2026-85731: nothing outside the root changes, nothing half-done stays."""
    unpack = {"org.opencontainers.image.title": "tree", "io.deis.oras.content.unpack": "true"}
    manifest(registry, layer(registry, None, BAD_ARCHIVES[name], annotations=unpack))
    before = snapshot(work.parent)
    finished = run_ocictl("pull", f"{registry.host}/bad:v1", "-o", ".", cwd=work)
    assert finished.code in (6, 9), finished
    check_failure(finished, finished.code)
    assert snapshot(work.parent) == before


def answer(**quirks: Any) -> Callable[[Registry], None]:
    return lambda registry: registry.configure(**quirks)


def wrong_bytes(registry: Registry) -> None:
    registry.configure(blob_bytes=lambda _digest, data: bytes(len(data)))


def wrong_size(registry: Registry) -> None:
    registry.configure(blob_bytes=lambda _digest, data: data + b"more")


def wrong_manifest(registry: Registry) -> None:
    stored = registry.manifest("app", "v1")
    registry.repositories["app"].manifests[registry.repositories["app"].tags["v1"]].data = stored.data + b" "


PULLS = [
    ("wrong bytes", wrong_bytes, 6, ("digest",)),
    ("more bytes", wrong_size, 6, ("bytes",)),
    ("wrong manifest", wrong_manifest, 6, ()),
    ("lying header", answer(content_digest="wrong"), 3, ()),
    ("401", answer(auth="basic"), 4, ("login",)),
    ("bearer 401", answer(auth="bearer"), 4, ()),
    ("denied", answer(faults=(Fault(status=403, times=None),)), 4, ("403",)),
    ("429", answer(faults=(Fault(status=429, times=None, headers=(("Retry-After", "0"),)),)), 5, ("429",)),
    ("500", answer(faults=(Fault(status=500, times=None, body=b"<html>oops</html>"),)), 5, ("500",)),
    ("html 404", answer(faults=(Fault(status=404, times=None, body=b"<html>"),)), 3, ()),
    ("html 200", answer(faults=(Fault(status=200, times=None, body=b"<html>"),)), 6, ()),
    ("cut", answer(faults=(Fault(path="/blobs/", cut_after=0, times=None),)), 5, ()),
    ("reset", answer(faults=(Fault(path="/blobs/", drop=True, times=None),)), 5, ()),
    ("gzip", answer(gzip_blobs=True), 1, ()),
    ("redirect to file", answer(redirect_blobs="file:///etc"), 5, ("redirect",)),
    ("redirect to metadata", answer(redirect_blobs="http://169.254.169.254"), 5, ()),
]


@pytest.mark.parametrize(
    ("change", "code", "words"), [row[1:] for row in PULLS], ids=[row[0] for row in PULLS]
)
def test_registry_that_misbehaves_on_pull(
    change: Callable[[Registry], None],
    code: int,
    words: tuple[str, ...],
    registry: Registry,
    work: Path,
    run_ocictl: Ocictl,
) -> None:
    """I1 to I4, T3, T4, ERR-04: each fault has its exit code, and no file appears."""
    change(registry)
    before = snapshot(work.parent)
    finished = run_ocictl("pull", f"{registry.host}/app:v1", "-o", "out", cwd=work)
    check_failure(finished, code, *words)
    assert snapshot(work.parent) == before


PUSHES = [
    ("no location", answer(upload_location="missing"), 1, ("location",)),
    ("denied", answer(faults=(Fault(method="POST", status=403, times=None),)), 4, ()),
    ("unsupported", answer(faults=(Fault(method="PUT", path="/manifests/", status=405, times=None),)), 7, ()),
    ("manifest refused", answer(reject_artifact_type=True), 1, ("MANIFEST_INVALID",)),
    (
        "not stored",
        answer(faults=(Fault(method="PUT", path="/uploads/", status=500, times=None),)),
        5,
        ("500",),
    ),
]


@pytest.mark.parametrize(
    ("change", "code", "words"), [row[1:] for row in PUSHES], ids=[row[0] for row in PUSHES]
)
def test_registry_that_misbehaves_on_push(
    change: Callable[[Registry], None],
    code: int,
    words: tuple[str, ...],
    registry: Registry,
    work: Path,
    run_ocictl: Ocictl,
) -> None:
    """U1, ERR-04: each refusal has its exit code and says what the registry said; the tag is not moved."""
    before = dict(registry.repositories["app"].tags)
    change(registry)
    finished = run_ocictl("push", f"{registry.host}/app:v1", "HELLO.TXT", cwd=work)
    check_failure(finished, code, *words)
    assert registry.repositories["app"].tags == before


def test_referrers_tag_that_holds_something_else(registry: Registry, work: Path, run_ocictl: Ocictl) -> None:
    """RFT-03: nothing is overwritten, the referrer itself stays, and the exit code says conflict."""
    registry.configure(referrers_api=False)
    subject = registry.repositories["app"].tags["v1"]
    registry.put_artifact("app", {"x": b"x"}, tag=subject.replace(":", "-"))
    held = dict(registry.repositories["app"].tags)
    finished = run_ocictl(
        "attach", f"{registry.host}/app:v1", "--artifact-type", "a/b", "hello.txt", cwd=work
    )
    check_failure(finished, 8, "referrer")
    assert registry.repositories["app"].tags == held


@pytest.mark.parametrize("row", vector_rows("manifest", "index"))
def test_invalid_document_from_a_registry(
    row: dict[str, Any] | None, registry: Registry, work: Path, run_ocictl: Ocictl
) -> None:
    """I6, I7, I8: pulling a document of the specification's vectors gives a result or a clear error, never a file more.

    Documents that may not be read (`valid` false without a milder policy, or `policy` reject) end with exit code 6
    (or 9 for a title, 3 for a blob that is not there).
    """
    vector = present(row)
    data = spec_path(*vector["file"].split("/")).read_bytes()
    kind = "index" if vector["kind"] == "index" else "manifest"
    digest = registry.put_manifest(
        "bad", data, tag="v1", media_type=f"application/vnd.oci.image.{kind}.v1+json"
    )
    assert digest == digest_of(data)
    before = snapshot(work.parent)
    finished = run_ocictl("pull", f"{registry.host}/bad:v1", "-o", "out", cwd=work)
    assert "Traceback" not in finished.stderr
    if finished.code != 0:
        check_failure(finished, finished.code)
        assert finished.code in (3, 6, 9)
        assert snapshot(work.parent) == before
    if vector.get("policy") == "reject":
        assert finished.code in (6, 9)
