"""What a registry may do to content and documents, through the program (FIELD.md 3c: T6, T7, I1 to I8, S4)."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_torture import DATA, HEX, pull, stored, waits
from tests.support.cli import ocictl
from tests.support.registry import Registry, Reply, Request

__all__ = ["stored", "waits"]

HALF = len(DATA) // 2
TYPE = "application/vnd.oci.image.manifest.v1+json"
EMPTY = {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "size": 2,
}


def is_blob(request: Request) -> bool:
    return request.method == "GET" and HEX in request.path


def break_first(registry: Registry, second: Any) -> None:
    """Cut the first answer with the blob in half, and let `second` change the answers to what comes after it."""

    def after(request: Request, reply: Reply, _: Registry) -> Reply:
        if is_blob(request):
            if request.header("Range") is None and len(registry.matching("GET", HEX)) == 1:
                reply.cut_after = HALF
            else:
                second(request, reply)
        return reply

    registry.configure(after=after)


RANGES = {
    "another start": f"bytes {HALF - 1}-{len(DATA) - 1}/{len(DATA)}",
    "from the first byte": f"bytes 0-{len(DATA) - 1}/{len(DATA)}",
    "another total": f"bytes {HALF}-{len(DATA) - 1}/{len(DATA) + 1}",
    "beyond the end": f"bytes {HALF}-{len(DATA)}/{len(DATA)}",
    "backwards": f"bytes {len(DATA) - 1}-{HALF}/{len(DATA)}",
    "no range": f"bytes */{len(DATA)}",
    "another unit": f"lines {HALF}-{len(DATA) - 1}/{len(DATA)}",
    "nonsense": "bytes 1e5-oo/x",
    "nothing": "",
}


@pytest.mark.parametrize("value", RANGES.values(), ids=RANGES)
def test_t6_partial_answers_that_lie(registry: Registry, stored: str, value: str) -> None:
    """T6: a 206 whose range is not what was asked for is never put together with what is there."""

    def lie(_: Request, reply: Reply) -> None:
        reply.set("Content-Range", value)

    break_first(registry, lie)
    outcome = ocictl("pull", stored, "-o", "out", code=None)
    written = Path("out/data")
    assert outcome.code in (0, 1, 6), outcome.stderr
    assert (written.read_bytes() == DATA) if outcome.code == 0 else not written.exists()
    # The lie goes on, and what is kept of the first run must not stand in the way for ever.

    def lie_on(request: Request, reply: Reply, _: Registry) -> Reply:
        if is_blob(request) and reply.status == 206:
            lie(request, reply)
        return reply

    registry.configure(after=lie_on)
    pull(stored)


def test_t6_several_ranges_at_once(registry: Registry, stored: str) -> None:
    """T6: an answer in parts (multipart/byteranges) was not asked for, and is not taken for content."""

    def parts(_: Request, reply: Reply) -> None:
        reply.headers[:] = [each for each in reply.headers if each[0].lower() != "content-range"]
        reply.set("Content-Type", "multipart/byteranges; boundary=x")

    break_first(registry, parts)
    assert ocictl("pull", stored, "-o", "out", code=None).code in (1, 6)
    assert not Path("out/data").exists()


@pytest.mark.parametrize("ranges", ["ignored", "lying_416"])
def test_t6_ranges_that_are_not_served(registry: Registry, stored: str, ranges: str) -> None:
    """T6: 200 in place of 206 starts again, and a 416 with a length and no body does not hang."""
    break_first(registry, lambda *_: None)
    registry.configure(ranges=ranges)
    pull(stored)


def test_t7_content_that_changes_on_the_way(registry: Registry, stored: str) -> None:
    """T7: what comes after the break belongs to something else; the digest catches it, and the next run is right."""

    def change(_: Request, reply: Reply) -> None:
        reply.set("ETag", '"other"')
        reply.body = bytes(len(reply.body))

    break_first(registry, change)
    assert "does not match its digest" in pull(stored, code=6).stderr
    assert [path.name for path in Path("out").glob("*")] == []
    registry.configure(after=None)
    pull(stored)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda data: data[::-1], "digest"),
        (lambda data: data + b"x", "has more"),
        (lambda data: data[:-1], "ended"),
    ],
    ids=["wrong", "longer", "shorter"],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_i1_i2_wrong_blobs(registry: Registry, stored: str, change: Any, word: str, chunked: bool) -> None:
    """I1, I2: wrong bytes of the right size, and more or fewer bytes, with a length or in chunks: 6, and no file."""
    registry.configure(blob_bytes=lambda _digest, data: change(data), chunked=chunked)
    assert word in pull(stored, code=6).stderr
    assert [path.name for path in Path().glob("out/*") if path.name == "data"] == []


@pytest.mark.parametrize("header", ["yes", "missing"])
def test_i3_wrong_manifest(registry: Registry, stored: str, header: str) -> None:
    """I3: a manifest with other bytes than its digest is not used, whatever the header says."""
    repository = registry.repository("a/b")
    held = repository.manifests[repository.tags["v1"]]
    held.data += b"\n"
    registry.configure(content_digest=header)
    name = f"{registry.host}/a/b@{repository.tags['v1']}"
    ocictl("pull", name, "-o", "out", code=6)
    ocictl("manifest", "fetch", name, code=6)
    assert not Path("out").exists()


def test_i4_lying_header(registry: Registry, stored: str) -> None:
    """I4: a Docker-Content-Digest that names other content never leads to a file."""
    registry.configure(content_digest="wrong")
    assert ocictl("pull", stored, "-o", "out", code=None).code in (3, 6)
    assert not Path("out").exists()


@pytest.mark.parametrize("command", ["pull", "cp"])
def test_i5_tag_that_moves(registry: Registry, stored: str, command: str) -> None:
    """I5: a tag that moves between two requests gives one artifact or the other, never some of both."""
    registry.put_artifact("a/b", {"data": b"new", "more": b"new"}, tag="v2")
    tags = registry.repository("a/b").tags
    old, new = tags["v1"], tags["v2"]

    def move(request: Request, reply: Reply, _: Registry) -> Reply:
        if "/manifests/v1" in request.path:
            tags["v1"] = new
        return reply

    registry.configure(after=move)
    if command == "pull":
        ocictl("pull", stored, "-o", "out", code=0)
    else:
        ocictl("cp", stored, "--to-oci-layout", "lay:v1", code=0)
        ocictl("pull", "--oci-layout", "lay:v1", "-o", "out", code=0)
    found = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    assert old != new
    assert found in ({"data": DATA}, {"data": b"new", "more": b"new"})


def manifest(**members: Any) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "mediaType": TYPE, "config": EMPTY, "layers": [EMPTY], **members}
    ).encode()


DOCUMENTS = {
    "large": manifest(annotations={"k": "v" * 20_000_000}),
    "deep": b'{"schemaVersion":2,"mediaType":"'
    + TYPE.encode()
    + b'","x":'
    + b"[" * 100_000
    + b"]" * 100_000
    + b"}",
    "duplicate": manifest()[:-1] + b',"layers":[]}',
    "nan": manifest()[:-1] + b',"x":NaN}',
    "utf-8": manifest()[:-1] + b',"x":"\xff\xfe"}',
    "bom": b"\xef\xbb\xbf" + manifest(),
    "utf-16": manifest().decode().encode("utf-16"),
    "html": b"<!doctype html><title>login</title>",
    "nothing": b"",
    "null": b"null",
    "list": b"[]",
    "cut": manifest()[:-20],
    "trailing": manifest() + b"{}",
    "surrogate": manifest()[:-1] + b',"x":"\\ud800"}',
}


@pytest.mark.parametrize("data", DOCUMENTS.values(), ids=DOCUMENTS)
def test_i6_documents_that_are_none(registry: Registry, work: Path, data: bytes) -> None:
    """I6: too large, too deep, ambiguous or no JSON at all: 6, in one line, and no file."""
    registry.put_manifest("bad", data, tag="v1", media_type=TYPE)
    outcome = ocictl("pull", f"{registry.host}/bad:v1", "-o", "out", code=6)
    assert outcome.stderr.startswith("error: ")
    assert len(outcome.stderr) < 2000
    assert not Path("out").exists()


def layer(**members: Any) -> dict[str, Any]:
    made: dict[str, Any] = {**EMPTY, "annotations": {"org.opencontainers.image.title": "f"}, **members}
    return {key: value for key, value in made.items() if value is not ...}


DESCRIPTORS = {
    "size 2^62": layer(size=1 << 62),
    "size 2^63": layer(size=1 << 63),
    "size below 0": layer(size=-1),
    "size 2.0": layer(size=2.0),
    "size as text": layer(size="2"),
    "size true": layer(size=True),
    "size null": layer(size=None),
    "no size": layer(size=...),
    "size too small": layer(size=1),
    "size too large": layer(size=3),
    "no digest": layer(digest=...),
    "digest null": layer(digest=None),
    "digest with a path": layer(digest="sha256:../../../../etc/passwd"),
    "digest in capitals": layer(digest=EMPTY["digest"].upper()),  # type: ignore[attr-defined]
    "digest too short": layer(digest="sha256:44136f"),
    "digest escaped": layer(digest="sha256:%2e%2e%2f" + "a" * 55),
    "digest with a line": layer(digest=f"{EMPTY['digest']}\n"),
    "no media type": layer(mediaType=...),
    "media type null": layer(mediaType=None),
    "media type with a line": layer(mediaType="a/b\r\nX: y"),
    "annotation of a number": layer(annotations={"org.opencontainers.image.title": 1}),
    "layer null": None,
    "layer as text": EMPTY["digest"],
    "wrong data": layer(data="e30k"),
    "data that is none": layer(data="%%%"),
}


@pytest.mark.parametrize("entry", DESCRIPTORS.values(), ids=DESCRIPTORS)
def test_i7_descriptors_that_are_none(registry: Registry, work: Path, entry: Any) -> None:
    """I7, CVE-2024-3727 = GHSA-6wvf-f2vw-3425 (digests in URLs and paths), GHSA-f36w-mj3v-6jqv (sizes): 6, and no file."""
    registry.put_blob("bad", b"{}")
    registry.put_manifest("bad", manifest(layers=[entry]), tag="v1", media_type=TYPE)
    outcome = ocictl("pull", f"{registry.host}/bad:v1", "-o", "out", code=6)
    assert outcome.stderr.startswith("error: ")
    assert not Path("out").exists()
    assert {
        request.path for request in registry.requests if ".." in request.path or "%" in request.path
    } == set()


def test_i7_large_sizes_that_are_true(registry: Registry, work: Path) -> None:
    """GHSA-f36w-mj3v-6jqv: what is said to be large and is costs its bytes, and works."""
    data = bytes(20_000_000)
    registry.put_artifact("a/b", {"f": data}, tag="v1")
    ocictl("pull", f"{registry.host}/a/b:v1", "-o", "out", code=0)
    assert Path("out/f").read_bytes() == data


@pytest.mark.parametrize("algorithm", ["sha512", "sha3-256", "md5", "blake3"])
def test_i8_algorithms(registry: Registry, work: Path, algorithm: str) -> None:
    """I8: sha512 is verified; content under an algorithm that can't be is never written."""
    content = b"content"
    registry.put_blob("a/b", content)
    digest = (
        f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
        if algorithm != "blake3"
        else "blake3:" + "a" * 64
    )
    repository = registry.repository("a/b")
    repository.blobs[digest] = content
    entry = layer(digest=digest, size=len(content), mediaType="a/b")
    registry.put_manifest("a/b", manifest(layers=[entry]), tag="v1", media_type=TYPE)
    outcome = ocictl("pull", f"{registry.host}/a/b:v1", "-o", "out", code=0 if algorithm == "sha512" else 6)
    if algorithm == "sha512":
        assert Path("out/f").read_bytes() == content
        repository.blobs[digest] = b"CONTENT"
        Path("out/f").unlink()
        ocictl("pull", f"{registry.host}/a/b:v1", "-o", "out", code=6)
    assert "Traceback" not in outcome.stderr
    assert not [path for path in Path().glob("out/*") if path.name == "f" and algorithm != "sha512"]


class Weather:
    """Spoils answers at random, always the same way for the same seed."""

    def __init__(self, seed: int, chance: float) -> None:
        self._random = random.Random(seed)
        self._chance = chance
        self.spoiled = 0

    def __call__(self, request: Request, reply: Reply, _: Registry) -> Reply:
        if self._random.random() >= self._chance:
            return reply
        self.spoiled += 1
        kind = self._random.randrange(6)
        if kind == 0:
            return Reply(status=self._random.choice((429, 500, 502, 503, 504)), body=b"busy")
        if kind == 1:
            reply.drop = True
        elif kind == 2:
            reply.drop = reply.reset = True
        elif reply.body:
            reply.cut_after = self._random.randrange(len(reply.body))
            reply.reset = kind == 3
        return reply


@pytest.mark.parametrize("seed", range(4))
def test_s4_soak(registry: Registry, work: Path, waits: list[float], seed: int) -> None:
    """S4: pushes and pulls in bad weather end right, or with 5 and then right by another run."""
    chance = random.Random(seed)
    weather = Weather(seed, 0.15)
    registry.configure(after=weather)
    attempts = 0
    for number in range(8):
        folder = Path(f"{seed}-{number}")
        folder.mkdir()
        files = {f"f{each}": chance.randbytes(chance.choice((0, 10, 5000, 300_000))) for each in range(5)}
        for name, data in files.items():
            (folder / name).write_bytes(data)
        name = f"{registry.host}/soak/n{number}:v1"
        out = f"{folder}.out"
        for arguments in (
            ["push", name, *(f"{folder}/{each}" for each in files)],
            ["pull", name, "-o", out],
        ):
            for _ in range(10):
                attempts += 1
                outcome = ocictl(*arguments, "--concurrency", "1", code=None)
                if outcome.code == 0:
                    break
                assert outcome.code == 5, outcome.stderr
            assert outcome.code == 0
        found = {
            str(path.relative_to(out)): path.read_bytes() for path in Path(out).rglob("*") if path.is_file()
        }
        assert found == {f"{folder}/{each}": data for each, data in files.items()}
    assert weather.spoiled > 10
    assert attempts < 40
