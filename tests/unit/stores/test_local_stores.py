"""The contract of `Target`, kept alike by the store in memory and the layout."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ocictl.content import read_all, read_document
from ocictl.errors import ContentError, InvalidInputError, NotFoundError, OcictlError
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index, Manifest, build_index, build_manifest
from ocictl.sources import BytesContent, TargetContent
from ocictl.stores.layout import Layout
from ocictl.stores.memory import MemoryStore
from ocictl.target import ReadOnlyTarget, Target

HELLO = Descriptor.of(b"hello\n", "text/plain")


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """An empty store of each kind."""
    return MemoryStore() if request.param == "memory" else Layout(tmp_path / "layout", create=True)


def manifest(**more: Any) -> Manifest:
    return build_manifest(**{"config": EMPTY_DESCRIPTOR, "layers": [HELLO], "artifact_type": "a/b", **more})


def put(store: Target, document: Manifest | Index, tag: str | None = None) -> Descriptor:
    descriptor = document.descriptor().plain()
    store.push(descriptor, BytesContent(document.raw), tag=tag)
    return descriptor


def test_both_are_targets(store: Target) -> None:
    """The stores have every method of the protocol."""
    assert isinstance(store, Target)
    assert isinstance(store, ReadOnlyTarget)


def test_blob_round_trip(store: Target) -> None:
    """Content comes back under its digest, whole or from an offset, and as often as wanted."""
    receipt = store.push(HELLO, BytesContent(b"hello\n"))
    assert (receipt.descriptor, receipt.listing, receipt.fallback_tag) == (HELLO, None, None)
    assert store.exists(HELLO)
    assert read_all(store, HELLO) == b"hello\n"
    with store.fetch(HELLO, start=2) as stream:
        assert stream.read(2) == b"ll"
        assert stream.read() == b"o\n"
        assert stream.read(1) == b""
    with store.fetch(HELLO, start=100) as stream:
        assert stream.read() == b""
    assert store.resolve_blob(HELLO.digest) == Descriptor(
        media_type=media_types.OCTET_STREAM, digest=HELLO.digest, size=6
    )


def test_empty_blob(store: Target) -> None:
    """ART-06: nothing is content too."""
    nothing = Descriptor.of(b"", "text/plain")
    assert not store.exists(nothing)
    store.push(nothing, BytesContent(b""))
    assert store.exists(nothing)
    assert read_all(store, nothing) == b""


def test_sha512_is_stored_under_its_own_name(store: Target) -> None:
    """DIG-04: the algorithm is part of the name."""
    descriptor = Descriptor.of(b"hello\n", "text/plain", algorithm="sha512")
    store.push(descriptor, BytesContent(b"hello\n"))
    assert read_all(store, descriptor) == b"hello\n"
    assert not store.exists(HELLO)


def test_pushing_again_changes_nothing(store: Target) -> None:
    """What is already there may be sent again."""
    document = manifest()
    for _ in range(2):
        store.push(HELLO, BytesContent(b"hello\n"))
        put(store, document, "v1")
    assert list(store.tags()) == ["v1"]


@pytest.mark.parametrize("wrong", [b"", b"hell", b"hello", b"hello\n\n", b"jello\n"])
def test_wrong_bytes_are_not_kept(store: Target, wrong: bytes) -> None:
    """DIG-05, DIG-06: size and digest are checked, and nothing is left of a failure."""
    with pytest.raises(ContentError) as caught:
        store.push(HELLO, BytesContent(wrong))
    assert caught.value.code in ("size-mismatch", "digest-mismatch")
    assert not store.exists(HELLO)
    with pytest.raises(NotFoundError):
        store.resolve_blob(HELLO.digest)


@pytest.mark.parametrize("algorithm", ["blake3", "sha384"])
def test_unverifiable_content_is_not_taken(store: Target, algorithm: str) -> None:
    """DIG-03: it could never be checked again."""
    descriptor = Descriptor(media_type="a/b", digest=Digest(algorithm, "0" * 64), size=0)
    with pytest.raises(ContentError) as caught:
        store.push(descriptor, BytesContent(b""))
    assert caught.value.code == "digest-unverifiable"
    assert not store.exists(descriptor)


@pytest.mark.parametrize(
    "raw",
    [b"{}", b"hello\n", b'{"schemaVersion":2}', build_index().raw],
    ids=["object", "text", "half", "index"],
)
def test_malformed_documents_are_not_kept(store: Target, raw: bytes) -> None:
    """A document has to be what its descriptor says, or nobody could list it."""
    descriptor = Descriptor.of(raw, media_types.OCI_MANIFEST)
    with pytest.raises(ContentError) as caught:
        store.push(descriptor, BytesContent(raw), tag="v1")
    assert caught.value.code == "document-malformed"
    assert not store.exists(descriptor)
    assert list(store.tags()) == []


def test_too_large_documents_are_not_read(store: Target) -> None:
    """PULL-11: the size is refused before a byte is read."""

    class Unread(BytesContent):
        def open(self) -> Any:
            pytest.fail("the content was opened")

    descriptor = Descriptor(media_type=media_types.OCI_INDEX, digest=HELLO.digest, size=4 * 1024 * 1024 + 1)
    with pytest.raises(ContentError) as caught:
        store.push(descriptor, Unread(b""))
    assert caught.value.code == "document-too-large"


def test_resolving_by_tag_and_digest(store: Target) -> None:
    """Both give media type, digest and size, and nothing else."""
    descriptor = put(store, manifest(annotations={"k": "v"}), "v1")
    assert store.resolve("v1") == descriptor
    assert store.resolve(str(descriptor.digest)) == descriptor
    assert read_document(store, descriptor) == manifest(annotations={"k": "v"})


@pytest.mark.parametrize("reference", ["v2", "V1", "", "sha256:" + "0" * 64, "host:5000/x:v1"])
def test_what_is_not_there_is_not_found(store: Target, reference: str) -> None:
    """Tags are compared as a whole and with case."""
    put(store, manifest(), "v1")
    with pytest.raises(NotFoundError) as caught:
        store.resolve(reference)
    assert caught.value.code == "not-found"
    assert caught.value.details["reference"] == reference


def test_a_blob_is_not_a_document(store: Target) -> None:
    """Resolving finds documents only."""
    store.push(HELLO, BytesContent(b"hello\n"))
    with pytest.raises(NotFoundError):
        store.resolve(str(HELLO.digest))


@pytest.mark.parametrize(
    ("reference", "error", "code"),
    [
        ("blake3:" + "0" * 64, ContentError, "digest-unverifiable"),
        ("sha256:" + "0" * 63, InvalidInputError, "digest-invalid"),
        ("sha256:" + "A" * 64, InvalidInputError, "digest-invalid"),
        ("sha512:../../x", InvalidInputError, "digest-invalid"),
    ],
)
def test_wrong_digests_are_refused(
    store: Target, reference: str, error: type[OcictlError], code: str
) -> None:
    """DIG-02, DIG-03, LAY-03: what looks like a digest has to be a right one."""
    with pytest.raises(error) as caught:
        store.resolve(reference)
    assert caught.value.code == code


def test_missing_content(store: Target) -> None:
    """Everything that needs content says so if there is none."""
    with pytest.raises(NotFoundError):
        store.fetch(HELLO)
    with pytest.raises(NotFoundError):
        store.resolve_blob(HELLO.digest)
    with pytest.raises(NotFoundError):
        store.tag(manifest().descriptor(), "v1")
    assert not store.exists(HELLO)
    assert list(store.tags()) == []


def test_existence_needs_the_size(store: Target) -> None:
    """A descriptor with another size names something else."""
    store.push(HELLO, BytesContent(b"hello\n"))
    assert not store.exists(Descriptor(media_type="a/b", digest=HELLO.digest, size=7))


def test_tags_are_sorted_and_continue(store: Target) -> None:
    """TAG-03, TAG-05: sorted; `last` is exclusive and need not exist."""
    descriptor = put(store, manifest(), "b")
    for tag in ("c", "B", "a"):
        store.tag(descriptor, tag)
    assert list(store.tags()) == ["B", "a", "b", "c"]
    assert list(store.tags(last="a")) == ["b", "c"]
    assert list(store.tags(last="aa")) == ["b", "c"]
    assert list(store.tags(last="c")) == []


def test_tags_move(store: Target) -> None:
    """LAY-06: the newest holder of a name has it; the document that lost it is still there."""
    first = put(store, manifest(), "v1")
    second = put(store, manifest(annotations={"n": "2"}), "v1")
    assert store.resolve("v1") == second
    assert store.resolve(str(first.digest)) == first
    store.tag(first, "v1")
    assert store.resolve("v1") == first
    assert list(store.tags()) == ["v1"]


@pytest.mark.parametrize("tag", ["ghcr.io/a/b:v1", "host:5000/a@x", "a+b", "_x", "0.1", "a--b", "alpine:3"])
def test_tags_may_be_whole_references(store: Target, tag: str) -> None:
    """LAY-06: there is no grammar to hold them to; even what fits the digest grammar (`alpine:3`) is a tag."""
    descriptor = put(store, manifest(), tag)
    assert store.resolve(tag) == descriptor
    store.tag(descriptor, tag + "x")
    assert list(store.tags()) == [tag, tag + "x"]


@pytest.mark.parametrize("tag", ["", "a b", "a\nb", "\x1b[31m", "sha256:" + "0" * 64, "sha512:x"])
def test_tags_that_could_not_be_used_are_refused(store: Target, tag: str) -> None:
    """Nothing that is taken for a digest or spoils a terminal becomes a tag."""
    descriptor = put(store, manifest())
    with pytest.raises(InvalidInputError) as caught:
        store.tag(descriptor, tag)
    assert caught.value.code == "tag-invalid"
    with pytest.raises(InvalidInputError):
        put(store, manifest(annotations={"k": "v"}), tag)
    assert list(store.tags()) == []


def test_referrers_have_type_and_annotations(store: Target) -> None:
    """RFT-05, RFR-06: a manifest's type or its config's, an index's or none, and all annotations."""
    subject = put(store, manifest(), "v1")
    typed = manifest(subject=subject, artifact_type="sbom/x", annotations={"k": "v"})
    config = Descriptor.of(b"{}", "config/x")
    untyped = manifest(subject=subject, artifact_type=None, config=config)
    index = build_index(subject=subject, annotations={"i": "x"})
    pushed = [put(store, document) for document in (typed, untyped, index)]
    found = list(store.referrers(subject))
    assert [entry.plain() for entry in found] == pushed
    assert [entry.artifact_type for entry in found] == ["sbom/x", "config/x", None]
    assert [entry.annotations for entry in found] == [{"k": "v"}, {}, {"i": "x"}]
    assert [entry.platform for entry in found] == [None, None, None]


def test_referrers_are_filtered(store: Target) -> None:
    """RFR-08: a document of another type is never yielded; case does not matter (DESC-03)."""
    subject = put(store, manifest())
    wanted = put(store, manifest(subject=subject, artifact_type="sbom/x"))
    put(store, manifest(subject=subject, artifact_type="sig/x"))
    put(store, build_index(subject=subject))
    assert [entry.plain() for entry in store.referrers(subject, artifact_type="SBOM/X")] == [wanted]
    assert list(store.referrers(subject, artifact_type="none/such")) == []


def test_referrers_come_once_and_only_for_their_subject(store: Target) -> None:
    """RFT-06, RFT-11: pushed twice and tagged twice is one referrer; a referrer's referrer is another list."""
    subject = put(store, manifest(), "v1")
    referrer = manifest(subject=subject, artifact_type="sbom/x")
    pushed = put(store, referrer, "one")
    put(store, referrer, "two")
    second = put(store, manifest(subject=pushed, artifact_type="sig/x"))
    assert [entry.plain() for entry in store.referrers(subject)] == [pushed]
    assert [entry.plain() for entry in store.referrers(pushed)] == [second]
    assert list(store.referrers(second)) == []


def test_a_subject_need_not_exist(store: Target) -> None:
    """MPUT-09: the link is weak, and either may come first."""
    document = manifest()
    pushed = put(store, manifest(subject=document.descriptor().plain()))
    assert [entry.plain() for entry in store.referrers(document.descriptor())] == [pushed]


def test_the_receipt_tells_how_a_referrer_was_listed(store: Target) -> None:
    """First it is added, then it is present; a document without a subject has no listing."""
    subject = put(store, manifest())
    referrer = manifest(subject=subject)
    content = BytesContent(referrer.raw)
    assert store.push(referrer.descriptor(), content).listing == "added"
    assert store.push(referrer.descriptor(), content).listing == "present"
    assert store.push(manifest().descriptor(), BytesContent(manifest().raw)).listing is None


def test_docker_documents_are_kept_as_they_are(store: Target) -> None:
    """IDX-07: byte for byte, under their own type."""
    raw = b'{"schemaVersion":2,"mediaType":"%s","manifests":[] }' % media_types.DOCKER_LIST.encode()
    descriptor = Descriptor.of(raw, media_types.DOCKER_LIST)
    store.push(descriptor, BytesContent(raw), tag="v1")
    assert store.resolve("v1") == descriptor
    assert read_all(store, descriptor) == raw


def test_documents_of_unknown_type_are_kept(store: Target) -> None:
    """MAN-10, LAY-05: what is not parsed can be stored, tagged and found."""
    withdrawn = Descriptor.of(b"{}", media_types.WITHDRAWN_ARTIFACT_MANIFEST)
    store.push(withdrawn, BytesContent(b"{}"), tag="old")
    assert store.resolve("old") == withdrawn
    assert store.resolve(str(withdrawn.digest)) == withdrawn
    other = Descriptor.of(b"<a/>", "application/xml")
    store.push(other, BytesContent(b"<a/>"), tag="xml")
    assert store.resolve("xml") == other


def test_a_graph_can_be_copied_between_stores(store: Target) -> None:
    """Stores are peers: content of one is content for another."""
    source = MemoryStore()
    source.push(HELLO, BytesContent(b"hello\n"))
    descriptor = put(source, manifest(), "v1")
    store.push(HELLO, TargetContent(source, HELLO))
    store.push(descriptor, TargetContent(source, descriptor), tag="v1")
    assert read_document(store, store.resolve("v1")) == manifest()


def run_at_once(jobs: list[Callable[[], object]]) -> None:
    """Run all jobs in threads that start together; raise what they raise."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        barrier.wait(timeout=30)
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        for future in [pool.submit(run, job) for job in jobs]:
            future.result(timeout=60)


def test_threads_lose_nothing(store: Target) -> None:
    """Several threads may push the same and different things at once."""
    subject = put(store, manifest())
    documents = [manifest(subject=subject, annotations={"n": str(number % 6)}) for number in range(12)]
    jobs: list[Callable[[], object]] = [
        lambda document=document, number=number: put(store, document, f"t{number}")  # type: ignore[misc]
        for number, document in enumerate(documents)
    ]
    jobs += [lambda: store.push(HELLO, BytesContent(b"hello\n"))] * 4
    run_at_once(jobs)
    assert sorted(store.tags()) == sorted(f"t{number}" for number in range(12))
    assert len(list(store.referrers(subject))) == 6
    assert read_all(store, HELLO) == b"hello\n"
