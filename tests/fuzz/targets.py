"""What is fuzzed: each target takes any bytes, and may only end well or with an error of ours."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import zstandard

from ocictl.errors import ContentError, OcictlError
from ocictl.model import manifest
from ocictl.model.annotations import TITLE
from ocictl.model.descriptor import Descriptor
from ocictl.model.image_config import ImageConfig
from ocictl.model.platform import Platform
from ocictl.model.reference import Reference
from ocictl.ops.annotations import Annotations
from ocictl.ops.codec import Decompressed
from ocictl.ops.git_patterns import parse_patterns
from ocictl.ops.limits import UnpackLimits
from ocictl.ops.paths import OutputRoot
from ocictl.ops.titles import check_titles
from ocictl.ops.unpack import unpack
from ocictl.ops.zstd_frames import ZstdFrame
from ocictl.tar_reader import Member, TarReader
from ocictl.transport import challenge, failures, paging, token
from tests.fuzz.mutate import mend_checksums
from tests.support.archives import archive, device, directory, entry, file, hard_link, long_name, pax, symlink

__all__ = ["TARGETS", "Target"]

Run = Callable[[bytes], None]


def _same(data: bytes, chance: random.Random) -> bytes:
    return data


@dataclass(frozen=True, slots=True)
class Target:
    """Something to fuzz.

    Attributes:
        run: takes any bytes; what it raises is a finding.
        seeds: good input, to start from.
        tokens: words of the format.
        finish: applied to changed input, so that it gets past the first check.
    """

    run: Run
    seeds: list[bytes]
    tokens: list[bytes] = field(default_factory=lambda: [b"\0"])
    finish: Callable[[bytes, random.Random], bytes] = _same


def _expect(error: OcictlError, *codes: str) -> None:
    """Fail unless the error is one of these, and can be printed."""
    assert error.code in codes, error
    f"{error} {error.hint}".encode()


# Archives

_LIMITS: Final = UnpackLimits(entries=2000, total_bytes=8 << 20, ratio_from=1 << 20, memory_bytes=1 << 16)
_TAR_SEEDS: Final = [
    archive(directory("d"), file("d/f", b"1" * 700), symlink("d/l", "f"), hard_link("d/h", "d/f"), compressed=False),
    archive(
        directory("d"),
        directory("d/a"),
        symlink("d/a/up", ".."),
        symlink("d/b", "a/up/a"),
        file("d/a/x"),
        compressed=False,
    ),
    archive(directory("d"), long_name("d/" + "n" * 120), file("d/x"), pax({"path": "d/ü", "size": "3"}), file("d/y"), compressed=False),
    archive(file("f"), device("n"), entry("a/b/c", b"0", data=b"x", prefix=b"p/q"), pax({"comment": "x"}, kind=b"g"), file("g"), compressed=False),
    archive(symlink("d/one", "."), symlink("d/two", "one/.."), symlink("d/three", "two/d/x"), directory("d/x"), compressed=False),
]  # fmt: skip
_TAR_TOKENS: Final = [
    *(b"../", b"..", b"/", b"./", b"d/", b"d", b"secret", b"..\0", b"/etc/passwd\0", b"\0", b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"K", b"S"),
    *(b"ustar\x0000", b"ustar  \0", b"00000000000\0", b"77777777777\0", b"\x80" + bytes(11), b"\xff" * 12, b"11 path=..\n", b"9 size=9\n"),
    bytes(512),
]  # fmt: skip
_SECRET: Final = b"precious"


@contextmanager
def _guarded() -> Iterator[Path]:
    """An output directory; what is beside it must be the same afterwards, and nothing temporary left in it."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        secret = Path(folder) / "secret"
        secret.write_bytes(_SECRET)
        secret.chmod(0o640)
        root = Path(folder) / "out"
        root.mkdir()
        before = secret.stat()
        yield root
        after = secret.stat()
        assert sorted(os.listdir(folder)) == ["out", "secret"]
        assert (before.st_mode, before.st_nlink, before.st_ino, before.st_mtime_ns) == (
            after.st_mode,
            after.st_nlink,
            after.st_ino,
            after.st_mtime_ns,
        )
        assert secret.read_bytes() == _SECRET
        assert not [name for name in os.listdir(root) if name.startswith(".ocictl-")]
        real = os.path.realpath(root)
        for path in root.rglob("*"):
            facts = path.lstat()
            assert not facts.st_mode & 0o7000
            if path.is_symlink():
                assert (os.path.realpath(path) + "/").startswith(real + "/"), path


def _unpacking(data: bytes) -> None:
    with _guarded() as root:
        for _ in range(2):
            try:
                with OutputRoot(root) as output:
                    unpack(io.BytesIO(data), output, "d", limits=_LIMITS)
            except OcictlError as error:
                _expect(error, "archive-malformed", "path-unsafe", "file-unwritable", "path-exists")
        for path in [root, *root.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)


class _Careful(TarReader):
    def _plain(self, block: bytes) -> Member | None:
        return None


def _members(kind: type[TarReader], data: bytes) -> Any:
    reader = kind(io.BytesIO(data).read, longest_name=4096)
    found: list[Any] = []
    try:
        for member in reader:
            content = b""
            while part := reader.read(4096):
                content += part
            linked = member.kind in ("symlink", "hardlink")
            found.append((member if linked else member._replace(link=b""), content))
    except ContentError as error:
        _expect(error, "archive-malformed")
        found.append(error.message)
    return found


def _reading(data: bytes) -> None:
    assert _members(TarReader, data) == _members(_Careful, data)


# Compressed data

_PLAIN: Final = b"".join(b"%d of the same bytes again and again\n" % number for number in range(300))
_STREAM: Final = zstandard.ZstdCompressor(write_checksum=True, write_content_size=False)
_COMPRESSED: Final = [
    *(pack(_PLAIN) + pack(b"") + pack(bytes(5000)) for pack in (gzip.compress, bz2.compress, lzma.compress, _STREAM.compress)),
    zstandard.ZstdCompressor(level=19).compress(_PLAIN) + b"\x50\x2a\x4d\x18\x02\0\0\0ab",
    _PLAIN[:100],
]  # fmt: skip


def _decompressing(data: bytes) -> None:
    try:
        stream = Decompressed(io.BytesIO(data))
        count = 0
        while (part := stream.read(100_000)) and count < 32 << 20:
            assert len(part) <= 100_000
            count += len(part)
    except ContentError as error:
        _expect(error, "archive-malformed")


def _zstd(data: bytes) -> None:
    """One frame: the same as the library finds when it gets everything at once, or an error."""
    frame, out = ZstdFrame(), b""
    try:
        out = frame.decompress(data, 256 * 1024)
        while not frame.eof and not frame.needs_input and len(out) < 4 << 20:
            part = frame.decompress(b"", 256 * 1024)
            assert len(part) <= 256 * 1024
            out += part
    except (ValueError, zstandard.ZstdError):
        return
    if frame.eof and data.startswith(b"\x28\xb5\x2f\xfd"):
        whole = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        try:
            found = whole.decompress(data)
        except zstandard.ZstdError:
            return  # in one go the library also finds an empty last block that leaves less than was promised
        assert found == out
        assert whole.eof
        assert whole.unused_data == frame.unused_data


# Documents and answers

_DIGEST: Final = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
_DESCRIPTOR: Final[dict[str, Any]] = {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": _DIGEST,
    "size": 2,
    "data": "e30=",
    "urls": ["https://example.com/x"],
    "annotations": {TITLE: "a"},
    "artifactType": "a/b",
    "platform": {"os": "linux", "architecture": "arm64", "variant": "v8", "os.features": ["x"]},
}
_MANIFEST: Final = {
    "schemaVersion": 2,
    "mediaType": manifest.media_types.OCI_MANIFEST,
    "artifactType": "a/b",
    "config": _DESCRIPTOR,
    "layers": [_DESCRIPTOR, _DESCRIPTOR],
    "subject": _DESCRIPTOR,
    "annotations": {"k": "v"},
}
_INDEX: Final = {
    "schemaVersion": 2,
    "mediaType": manifest.media_types.OCI_INDEX,
    "manifests": [_DESCRIPTOR],
    "annotations": {},
}
_IMAGE: Final = {
    "os": "linux",
    "architecture": "amd64",
    "config": {"Env": ["A=b"], "Labels": {"a": "b"}, "ExposedPorts": {"80/tcp": {}}},
    "rootfs": {"type": "layers", "diff_ids": [_DIGEST]},
    "history": [{"created": "2026-01-01T00:00:00Z", "empty_layer": True}],
}
_JSON_TOKENS: Final = [
    *(b"null", b"true", b"0", b"-1", b"1e999", b"NaN", b"1.0", b'""', b"{}", b"[]", b'"a"', b",", b":", b"{", b"}", b"[", b"]", b'"'),
    *(b'"size":', b'"digest":', b'"mediaType":', b'"layers":', b'"manifests":', b'"\\ud800"', b"\xff", b"\xef\xbb\xbf", b"[" * 3000),
    b'{"a":' * 3000, b"9" * 5000, b"4611686018427387904",
]  # fmt: skip


def _only_ours(call: Callable[[], object]) -> object:
    """What the call returns, or None if it raised one of our errors, whose text can be printed."""
    try:
        return call()
    except OcictlError as error:
        f"{error} {error.hint}".encode(errors="surrogateescape")
        return None


def _documents(data: bytes) -> None:
    for media_type in (
        None,
        manifest.media_types.OCI_MANIFEST,
        manifest.media_types.OCI_INDEX,
        manifest.media_types.DOCKER_LIST,
    ):

        def parse(media_type: str | None = media_type) -> manifest.Document:
            return manifest.parse_document(data, media_type)

        document = _only_ours(parse)
        if isinstance(document, manifest.Manifest | manifest.Index):
            assert document.raw == data
            assert document.descriptor().size == len(data)
            _only_ours(lambda found=document: manifest.check_for_writing(found))  # type: ignore[misc]
            for each in getattr(document, "layers", ()):
                assert Descriptor.from_json(each.to_json()) == each


def _answers(data: bytes) -> None:
    _only_ours(lambda: ImageConfig.parse(data))
    _only_ours(lambda: token.parse(data))
    _only_ours(lambda: paging.parse_tags(data))
    _only_ours(lambda: paging.parse_catalog(data))
    _only_ours(lambda: failures.parse_body(data, "application/json"))
    _only_ours(lambda: failures.parse_body(data, None))
    with tempfile.NamedTemporaryFile() as saved:
        saved.write(data)
        saved.flush()
        _only_ours(lambda: Annotations.from_file(saved.name))


def _texts(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    printable = data.decode("latin-1")
    reference = _only_ours(lambda: Reference.parse(printable))
    if isinstance(reference, Reference):
        assert Reference.parse(str(reference)) == reference
    _only_ours(lambda: Reference.parse(text))
    _only_ours(lambda: Platform.parse(text))
    _only_ours(lambda: check_titles(text.split("\n"), allow_traversal=len(data) % 2 == 0))
    _only_ours(lambda: paging.next_link([printable], "https://registry.example/v2/_catalog"))
    challenge.choose(challenge.parse([printable]))
    for pattern in parse_patterns(data[:200]):
        pattern.regex.fullmatch(b"a/b.txt")


TARGETS: Final[dict[str, Target]] = {
    "unpack": Target(_unpacking, _TAR_SEEDS, _TAR_TOKENS, mend_checksums),
    "tar-reader": Target(_reading, _TAR_SEEDS, _TAR_TOKENS, mend_checksums),
    "decompress": Target(_decompressing, _COMPRESSED, [seed[:4] for seed in _COMPRESSED] + [bytes(9)]),
    "zstd": Target(_zstd, [seed for seed in _COMPRESSED if seed[1:2] == b"\xb5"], [b"\x28\xb5\x2f\xfd", b"\x02\0\x10a", bytes(9)]),
    "documents": Target(_documents, [json.dumps(each).encode() for each in (_MANIFEST, _INDEX)], _JSON_TOKENS),
    "answers": Target(
        _answers,
        [
            json.dumps(each).encode()
            for each in (
                _IMAGE,
                {"token": "t", "access_token": "t", "expires_in": 60, "issued_at": "2026-01-01T00:00:00Z"},
                {"name": "a", "tags": ["b"], "repositories": ["c/d"]},
                {"errors": [{"code": "DENIED", "message": "no", "detail": {"a": [1]}}]},
                {"$manifest": {"a": "b"}, "$config": {}, "file": {"c": "d"}},
            )
        ],
        _JSON_TOKENS,
    ),
    "texts": Target(
        _texts,
        [
            b"localhost:5000/a/b:v1@" + _DIGEST.encode(),
            b"[::1]:5000/x",
            b"linux/arm64/v8:10.0",
            b'Bearer realm="https://a/t",service="b c",scope="x:y:z", Basic realm=q',
            b'</v2/_catalog?last=a&n=3>; rel="next"',
            b"!/a/**/b[a-z]*\\ /",
        ],
        [b"..", b"/", b"//", b":", b"@", b'"', b"\\", b"<", b">", b"\0", b"\r\n", b"%2e", b"[", b"]", b"**", b"\xc3", b" "],
    ),
}  # fmt: skip
