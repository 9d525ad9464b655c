"""Reading from a registry's repository: resolve, fetch, exists, resolve_blob, tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.content import read_all, read_document
from ocictl.errors import ContentError, InvalidInputError, NotFoundError, RegistryError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.target import Target
from ocictl.transport.config import Limits
from tests.support.registry import DISTRIBUTION_2_8, Quirks, Registry, Reply, Request
from tests.unit.stores.helpers_repository import NAME, open_repository, put_subject


def blob_of(data: bytes) -> Descriptor:
    return Descriptor.of(data, media_types.OCTET_STREAM)


def with_quirks(*values: Quirks) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("quirks", values, indirect=True)


class TestTarget:
    def test_is_a_target(self, registry: Registry) -> None:
        """A repository is a peer of the other targets and says what it is."""
        repository = open_repository(registry)
        assert isinstance(repository, Target)
        assert repository.kind == "registry"
        assert repository.path == f"{registry.host}/{NAME}"


class TestResolve:
    def test_one_head_request_is_enough(self, registry: Registry) -> None:
        """PULL-01, PULL-07: HEAD with every manifest type in Accept gives type, digest and size."""
        subject = put_subject(registry)
        assert open_repository(registry).resolve("v1") == subject
        (request,) = registry.requests
        assert request.line == f"HEAD /v2/{NAME}/manifests/v1"
        for media_type in media_types.MANIFEST_ENDPOINT_TYPES:
            assert media_type in (request.header("Accept") or "")

    def test_by_digest(self, registry: Registry) -> None:
        """DIG-07: a digest that was asked for is the digest of what is found."""
        subject = put_subject(registry)
        assert open_repository(registry).resolve(str(subject.digest)) == subject

    @with_quirks(Quirks(content_digest="missing"))
    def test_by_digest_without_the_header(self, registry: Registry) -> None:
        """PULL-04: a missing Docker-Content-Digest costs nothing when the digest is known."""
        subject = put_subject(registry)
        assert open_repository(registry).resolve(str(subject.digest)) == subject
        assert len(registry.requests) == 1

    @with_quirks(
        *(Quirks(head_status=status) for status in (400, 403, 405, 501)), Quirks(content_digest="missing")
    )
    def test_get_where_head_is_not_enough(self, registry: Registry) -> None:
        """PULL-04, PULL-07: where HEAD is refused or lacks the digest, GET is asked and the digest computed."""
        subject = put_subject(registry)
        assert open_repository(registry).resolve("v1") == subject
        assert [request.method for request in registry.requests] == ["HEAD", "GET"]

    @pytest.mark.parametrize("length", [0, -1])
    def test_get_where_head_lacks_the_size(self, registry: Registry, length: int) -> None:
        """PULL-07: a HEAD answer without a size, or with 0 in its place, is not enough."""
        subject = put_subject(registry)

        def spoil(request: Request, reply: Reply, _registry: Registry) -> None:
            if request.method == "HEAD":
                reply.length = length

        registry.configure(after=spoil)
        assert open_repository(registry).resolve("v1") == subject

    @with_quirks(Quirks(content_digest="wrong", head_status=405))
    @pytest.mark.parametrize("by_digest", [False, True])
    def test_lying_digest_header_is_fatal(self, registry: Registry, by_digest: bool) -> None:
        """PULL-03: a Docker-Content-Digest that is not the body's digest is an error."""
        subject = put_subject(registry)
        with pytest.raises(ContentError) as caught:
            open_repository(registry).resolve(str(subject.digest) if by_digest else "v1")
        assert caught.value.code == "digest-mismatch"

    @with_quirks(Quirks(content_digest="wrong"))
    def test_header_never_outranks_the_digest_asked_for(self, registry: Registry) -> None:
        """DIG-07: HEAD by digest with another digest in the answer is checked by GET, and refused."""
        subject = put_subject(registry)
        with pytest.raises(ContentError, match="does not match its digest"):
            open_repository(registry).resolve(str(subject.digest))

    def test_other_content_under_a_digest(self, registry: Registry) -> None:
        """PULL-03: bytes that don't have the digest they were asked for by are refused."""
        subject = put_subject(registry)
        registry.repository(NAME).manifests[str(subject.digest)].data += b" "
        registry.configure(head_status=405, content_digest="missing")
        with pytest.raises(ContentError) as caught:
            open_repository(registry).resolve(str(subject.digest))
        assert caught.value.code == "digest-mismatch"

    @with_quirks(
        Quirks(manifest_content_type=f"{media_types.OCI_MANIFEST}; charset=utf-8"),
        Quirks(manifest_content_type=media_types.OCI_MANIFEST.upper()),
    )
    def test_parameters_and_case_of_content_type(self, registry: Registry) -> None:
        """PULL-02: parameters of Content-Type are ignored, and so is its case."""
        subject = put_subject(registry)
        assert open_repository(registry).resolve("v1").media_type == subject.media_type

    @with_quirks(Quirks(manifest_content_type="application/json"), Quirks(manifest_content_type="text/plain"))
    def test_useless_content_type(self, registry: Registry) -> None:
        """PULL-05: where Content-Type says nothing, the document's own member counts."""
        subject = put_subject(registry)
        assert open_repository(registry).resolve("v1") == subject

    @with_quirks(Quirks(manifest_content_type="application/json"))
    @pytest.mark.parametrize(
        ("document", "expected"),
        [
            ({"schemaVersion": 2, "manifests": []}, media_types.OCI_INDEX),
            ({"mediaType": "application/vnd.example.own+json"}, "application/vnd.example.own+json"),
        ],
    )
    def test_document_that_does_not_say_its_type(
        self, registry: Registry, document: Any, expected: str
    ) -> None:
        """PULL-05: without header and member the form of the document decides."""
        registry.put_manifest(NAME, json.dumps(document).encode(), tag="odd")
        assert open_repository(registry).resolve("odd").media_type == expected

    @with_quirks(Quirks(manifest_content_type="text/html"), Quirks(manifest_content_type="application/json"))
    @pytest.mark.parametrize("raw", [b"<html>login</html>", b"[]", b"{}"])
    def test_what_is_no_document_is_not_resolved(self, registry: Registry, raw: bytes) -> None:
        """PULL-05: a web page or other JSON is an error, and its digest is not passed off as a manifest's."""
        registry.put_manifest(NAME, raw, tag="page")
        with pytest.raises(ContentError) as caught:
            open_repository(registry).resolve("page")
        assert caught.value.code == "document-malformed"

    def test_sha512(self, registry: Registry) -> None:
        """DIG-04: content under a sha512 digest is found and verified."""
        raw = b'{"schemaVersion":2,"manifests":[]}'
        digest = registry.put_manifest(NAME, raw, media_type=media_types.OCI_INDEX, algorithm="sha512")
        repository = open_repository(registry)
        found = repository.resolve(digest)
        assert str(found.digest) == digest
        assert read_all(repository, found) == raw

    def test_unknown_tag(self, registry: Registry) -> None:
        """PULL-12: a tag that is not there is NotFoundError."""
        put_subject(registry)
        with pytest.raises(NotFoundError):
            open_repository(registry).resolve("absent")

    @pytest.mark.parametrize(
        ("reference", "code"),
        [
            ("no spaces", "tag-invalid"),
            ("../v1", "tag-invalid"),
            ("", "tag-invalid"),
            ("sha256:abc", "digest-invalid"),
            ("sha256:" + "A" * 64, "digest-invalid"),
            ("blake3:" + "a" * 64, "digest-invalid"),
        ],
    )
    def test_other_references_are_never_sent(self, registry: Registry, reference: str, code: str) -> None:
        """REF-04, DIG-03: what is neither a tag nor a digest that can be verified goes into no URL."""
        with pytest.raises(InvalidInputError) as caught:
            open_repository(registry).resolve(reference)
        assert caught.value.code == code
        assert registry.requests == []

    @with_quirks(Quirks(head_status=405))
    def test_documents_are_read_up_to_a_limit(self, registry: Registry) -> None:
        """PULL-11, CVE-2020-1702: a document above the limit is not read into memory."""
        put_subject(registry)
        with pytest.raises(ContentError) as caught:
            open_repository(registry, limits=Limits(manifest_bytes=100)).resolve("v1")
        assert caught.value.code == "document-too-large"


class TestFetch:
    def test_documents_and_blobs_come_from_their_endpoints(self, registry: Registry) -> None:
        """PULL-06: documents come from manifests/, everything else from blobs/; no Range for the whole."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        document = read_document(repository, subject)
        (layer,) = document.successors()[1:]
        assert read_all(repository, layer) == b"content"
        assert registry.lines == [
            f"GET /v2/{NAME}/manifests/{subject.digest}",
            f"GET /v2/{NAME}/blobs/{layer.digest}",
        ]
        assert all(request.header("Range") is None for request in registry.requests)

    def test_document_of_unknown_type_that_was_resolved(self, registry: Registry) -> None:
        """IDX-04: a document of a type that nobody knows is fetched from where it was found."""
        media_type = "application/vnd.example.unheard+json"
        registry.put_manifest(NAME, b'{"x":1}', media_type=media_type, tag="odd")
        repository = open_repository(registry)
        found = repository.resolve("odd")
        assert found.media_type == media_type
        registry.configure(strict_accept=True)
        assert read_all(repository, found) == b'{"x":1}'
        assert repository.exists(found)

    @pytest.mark.parametrize("start", [1, 3, 9])
    @with_quirks(Quirks(), Quirks(ranges="ignored"), DISTRIBUTION_2_8)
    def test_from_an_offset(self, registry: Registry, start: int) -> None:
        """PULL-08: the stream begins at the offset, whether the registry honours Range (206) or not (200)."""
        data = b"0123456789"
        registry.put_blob(NAME, data)
        with open_repository(registry).fetch(blob_of(data), start=start) as stream:
            assert stream.read(100) + stream.read(100) == data[start:]
        assert registry.requests[0].header("Range") == f"bytes={start}-9"

    @with_quirks(DISTRIBUTION_2_8)
    def test_at_the_end_nothing_is_asked(self, registry: Registry) -> None:
        """PULL-08: at or after the end there is nothing to ask for, so no 416 is provoked."""
        data = b"0123456789"
        registry.put_blob(NAME, data)
        with open_repository(registry).fetch(blob_of(data), start=10) as stream:
            assert stream.read(10) == b""
        assert registry.requests == []

    @with_quirks(Quirks(), DISTRIBUTION_2_8)
    def test_body_of_416_is_not_read(self, registry: Registry) -> None:
        """PULL-08: a 416 is an error at once; a body that is promised and never sent is not waited for."""
        digest = Digest.parse(registry.put_blob(NAME, b"0123"))
        longer = Descriptor(media_type=media_types.OCTET_STREAM, digest=digest, size=10)
        with pytest.raises(RegistryError) as caught:
            open_repository(registry).fetch(longer, start=6)
        assert caught.value.status == 416

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "bytes 0-9/10",
            "bytes 4-9/10",
            "bytes 3-9/11",
            "bytes 3-10/*",
            "bytes 3-9",
            "3-9/10",
            "bytes */10",
            "bytes 9-3/10",
        ],
    )
    def test_range_of_the_answer_must_fit(self, registry: Registry, value: str | None) -> None:
        """PULL-08: a 206 for another range, of another total, or without a range is refused."""
        data = b"0123456789"
        registry.put_blob(NAME, data)

        def spoil(_request: Request, reply: Reply, _registry: Registry) -> None:
            reply.set("Content-Range", value)

        registry.configure(after=spoil)
        with pytest.raises(RegistryError) as caught:
            open_repository(registry).fetch(blob_of(data), start=3)
        assert caught.value.code == "registry-protocol"

    def test_unknown_total_and_shorter_range_are_legal(self, registry: Registry) -> None:
        """PULL-08: `*` for the total is fine, and so is a range that ends earlier."""
        data = b"0123456789"
        registry.put_blob(NAME, data)

        def shorten(_request: Request, reply: Reply, _registry: Registry) -> None:
            reply.body = data[3:6]
            reply.set("Content-Range", "bytes 3-5/*")

        registry.configure(after=shorten)
        with open_repository(registry).fetch(blob_of(data), start=3) as stream:
            assert stream.read() == b"345"

    @with_quirks(Quirks(gzip_blobs=True))
    @pytest.mark.parametrize("start", [0, 2])
    def test_encoded_answers_are_refused(self, registry: Registry, start: int) -> None:
        """DIG-08, PY-04: digests cover bytes as stored, so an encoding nobody asked for is an error."""
        data = b"0123456789"
        registry.put_blob(NAME, data)
        with pytest.raises(RegistryError, match="gzip"):
            open_repository(registry).fetch(blob_of(data), start=start)

    def test_missing_content(self, registry: Registry) -> None:
        """PULL-12: content that is not there is NotFoundError."""
        put_subject(registry)
        with pytest.raises(NotFoundError):
            open_repository(registry).fetch(blob_of(b"absent"))


class TestExists:
    @with_quirks(Quirks(), Quirks(head_status=405), Quirks(head_status=403))
    def test_blobs_and_documents(self, registry: Registry) -> None:
        """PUSH-02, PULL-07: HEAD tells, and GET where HEAD is refused; 404 is an answer, not an error."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        assert repository.exists(subject)
        assert repository.exists(blob_of(b"content"))
        registry.configure(head_status=None)
        assert not repository.exists(Descriptor.of(b"x", media_types.OCI_INDEX))
        assert not repository.exists(blob_of(b"absent"))

    def test_failures_are_not_absence(self, registry: Registry) -> None:
        """PUSH-02: a registry that refuses has not said that the content is missing."""
        put_subject(registry)
        registry.configure(denied_actions=frozenset({"pull"}))
        with pytest.raises(RegistryError):
            open_repository(registry).exists(blob_of(b"content"))


class TestResolveBlob:
    @with_quirks(Quirks(), Quirks(head_status=405), Quirks(head_status=403))
    def test_size_by_head_or_get(self, registry: Registry) -> None:
        """PULL-07: the size comes from HEAD, or from the head of GET where HEAD is refused."""
        digest = Digest.parse(registry.put_blob(NAME, b"0123"))
        found = open_repository(registry).resolve_blob(digest)
        assert found == Descriptor(media_type=media_types.OCTET_STREAM, digest=digest, size=4)

    def test_empty_blob(self, registry: Registry) -> None:
        """ART-06: a size of 0 is believed of the blob that is empty."""
        digest = Digest.parse(registry.put_blob(NAME, b""))
        assert open_repository(registry).resolve_blob(digest).size == 0
        assert len(registry.requests) == 1

    def test_zero_is_not_believed_otherwise(self, registry: Registry) -> None:
        """PULL-07: HEAD that says 0 for a blob that isn't empty means "not told"; GET is asked."""
        digest = Digest.parse(registry.put_blob(NAME, b"0123"))

        def spoil(request: Request, reply: Reply, _registry: Registry) -> None:
            if request.method == "HEAD":
                reply.length = 0

        registry.configure(after=spoil)
        assert open_repository(registry).resolve_blob(digest).size == 4

    @with_quirks(Quirks(chunked=True))
    def test_size_that_nobody_tells(self, registry: Registry) -> None:
        """PULL-07: a registry that never tells the size is reported, not guessed at."""
        digest = Digest.parse(registry.put_blob(NAME, b"0123"))

        def hide(request: Request, reply: Reply, _registry: Registry) -> None:
            if request.method == "HEAD":
                reply.length = -1

        registry.configure(after=hide)
        with pytest.raises(RegistryError) as caught:
            open_repository(registry).resolve_blob(digest)
        assert caught.value.code == "registry-protocol"

    def test_missing(self, registry: Registry) -> None:
        """PULL-12: a blob that is not there is NotFoundError."""
        put_subject(registry)
        with pytest.raises(NotFoundError):
            open_repository(registry).resolve_blob(Digest.of(b"absent"))


class TestTags:
    @with_quirks(Quirks(), Quirks(tags_page_size=2), Quirks(tags_unsorted=True), DISTRIBUTION_2_8)
    def test_all_pages_sorted(self, registry: Registry) -> None:
        """TAG-03, TAG-06: all pages are followed, and the order is ours whatever the registry's is."""
        for tag in ("v2", "V1", "a", "v10", "_x"):
            put_subject(registry, tag)
        assert list(open_repository(registry).tags()) == ["V1", "_x", "a", "v10", "v2"]

    @with_quirks(Quirks(tags_null=True))
    def test_null(self, registry: Registry) -> None:
        """TAG-02: `tags: null` means none."""
        put_subject(registry, None)
        assert list(open_repository(registry).tags()) == []

    @with_quirks(Quirks(), Quirks(tags_page_size=1), Quirks(tags_ignore_n=True))
    def test_after_one(self, registry: Registry) -> None:
        """TAG-05: only what comes after `last`, also where the registry ignores the parameter."""
        for tag in ("a", "b", "c"):
            put_subject(registry, tag)
        assert list(open_repository(registry).tags(last="a")) == ["b", "c"]
        assert registry.requests[0].parameter("last") == "a"

    def test_missing_repository(self, registry: Registry) -> None:
        """PULL-12: a repository that is not there has no list of tags, which is not an empty one."""
        with pytest.raises(NotFoundError):
            list(open_repository(registry).tags())
