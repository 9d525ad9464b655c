"""Writing to a registry's repository: blobs, documents, tags, and the duty to list referrers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ocictl.errors import (
    ConflictError,
    ContentError,
    InvalidInputError,
    NotFoundError,
    RegistryError,
    StorageError,
    UnavailableError,
    UnsupportedError,
)
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import build_index, build_manifest
from ocictl.sources import BytesContent, FileContent, TargetContent
from ocictl.stores.referrers import entry_for, fallback_tag
from ocictl.transport.config import Limits
from ocictl.transport.credentials import Credential
from tests.support.registry import (
    DISTRIBUTION_2_8,
    GGCR,
    Fault,
    Quirks,
    Recorder,
    Registry,
    Reply,
    Request,
)
from tests.unit.stores.helpers_repository import (
    NAME,
    QUICK,
    Recorded,
    empty_index,
    listed_under_tag,
    make_referrer,
    open_repository,
    push,
    put_list,
    put_subject,
)

DATA = b"some content of a blob"
BLOB = Descriptor.of(DATA, "text/plain")
UPLOADS = f"/v2/{NAME}/blobs/uploads/"


def with_quirks(*values: Quirks) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("quirks", values, indirect=True)


def plain_manifest(**options: Any) -> Any:
    return build_manifest(config=EMPTY_DESCRIPTOR, layers=[EMPTY_DESCRIPTOR], **options)


class TestBlob:
    def test_post_then_one_put(self, registry: Registry) -> None:
        """PUSH-03: POST opens a session, one PUT with length and digest closes it."""
        receipt = open_repository(registry).push(BLOB, BytesContent(DATA))
        assert receipt.descriptor == BLOB
        assert receipt.listing is None
        post, put = registry.requests
        assert post.line == f"POST {UPLOADS}"
        assert put.method == "PUT"
        assert put.parameter("digest") == str(BLOB.digest)
        assert put.header("Content-Length") == str(len(DATA))
        assert put.header("Content-Type") == "application/octet-stream"
        assert put.header("Transfer-Encoding") is None
        assert registry.repository(NAME).blobs[str(BLOB.digest)] == DATA

    @with_quirks(
        Quirks(upload_location="relative"),
        Quirks(upload_query="state"),
        Quirks(upload_query="exact"),
        Quirks(upload_query="exact", upload_location="relative"),
        DISTRIBUTION_2_8,
    )
    def test_location_is_used_as_given(self, registry: Registry) -> None:
        """PUSH-04: the Location is resolved, its query stays as it is, and `digest=` is added."""
        open_repository(registry).push(BLOB, BytesContent(DATA))
        assert registry.repository(NAME).blobs[str(BLOB.digest)] == DATA

    @with_quirks(Quirks(upload_location="missing"))
    def test_missing_location(self, registry: Registry) -> None:
        """PUSH-03: a session without a Location breaks the protocol."""
        with pytest.raises(RegistryError) as caught:
            open_repository(registry).push(BLOB, BytesContent(DATA))
        assert caught.value.code == "registry-protocol"

    def test_foreign_location(self, registry: Registry) -> None:
        """PUSH-20: a Location on another host is used as it is."""
        with Recorder(Reply(status=201)) as elsewhere:
            registry.configure(upload_location="foreign", upload_host=elsewhere.url)
            open_repository(registry).push(BLOB, BytesContent(DATA))
            (request,) = elsewhere.requests
        assert request.body == DATA

    @pytest.mark.parametrize("status", [200, 202, 204])
    def test_other_success_is_judged_by_head(self, registry: Registry, status: int) -> None:
        """PUSH-19: 200, 202 or 204 in place of 201 is success if the blob is there afterwards."""
        registry.configure(close_status=status)
        open_repository(registry).push(BLOB, BytesContent(DATA))
        assert registry.lines[-1] == f"HEAD /v2/{NAME}/blobs/{BLOB.digest}"

        def forget(request: Request, _reply: Reply, app: Registry) -> None:
            if request.method == "PUT":
                app.repository(NAME).blobs.clear()

        registry.configure(after=forget)
        with pytest.raises(RegistryError) as caught:
            open_repository(registry).push(BLOB, BytesContent(DATA))
        assert caught.value.code == "registry-protocol"

    @pytest.mark.parametrize("stored", [True, False])
    def test_201_to_post_is_judged_by_head(self, registry: Registry, stored: bool) -> None:
        """PUSH-19: a registry that says "stored" at once is believed if it has the blob."""

        def stored_already(request: Request, app: Registry) -> Reply | None:
            return Reply(status=201) if request.method == "POST" else None

        registry.repository(NAME)
        registry.configure(before=stored_already)
        repository = open_repository(registry)
        if stored:
            registry.put_blob(NAME, DATA)
            repository.push(BLOB, BytesContent(DATA))
        else:
            with pytest.raises(RegistryError) as caught:
                repository.push(BLOB, BytesContent(DATA))
            assert caught.value.code == "registry-protocol"
        assert [request.method for request in registry.requests] == ["POST", "HEAD"]

    def test_empty_blob(self, registry: Registry) -> None:
        """PY-03, ART-06: an empty blob is sent with Content-Length 0, not in chunks."""
        empty = Descriptor.of(b"", media_types.OCTET_STREAM)
        open_repository(registry).push(empty, BytesContent(b""))
        assert registry.requests[-1].header("Content-Length") == "0"
        assert registry.repository(NAME).blobs[str(empty.digest)] == b""

    def test_other_algorithm_is_announced(self, registry: Registry) -> None:
        """PUSH-07: for a digest that is not sha256 the algorithm is named when the session opens."""
        blob = Descriptor.of(DATA, "text/plain", algorithm="sha512")
        open_repository(registry).push(blob, BytesContent(DATA))
        assert registry.requests[0].line == f"POST {UPLOADS}?digest-algorithm=sha512"
        assert registry.repository(NAME).blobs[str(blob.digest)] == DATA

    def test_lost_session_starts_again(self, registry: Registry) -> None:
        """PUSH-15: when the session is gone, the upload starts again from POST with a whole body."""
        registry.configure(
            faults=(
                Fault(
                    method="PUT",
                    path="uploads",
                    status=404,
                    body=b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}',
                ),
            )
        )
        recorded = Recorded()
        open_repository(registry, recorded=recorded).push(BLOB, BytesContent(DATA))
        assert [request.method for request in registry.requests] == ["POST", "PUT", "HEAD", "POST", "PUT"]
        assert registry.repository(NAME).blobs[str(BLOB.digest)] == DATA
        (retry,) = recorded.retries
        assert (retry.method, retry.attempt) == ("PUT", 1)
        assert "?" not in retry.url
        assert recorded.pauses == [retry.delay]

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(method="PUT", path="uploads", status=503),
            Fault(method="PUT", path="uploads", status=429),
            Fault(method="PUT", path="uploads", drop=True),
            Fault(method="PUT", path="uploads", reset=True, cut_request_after=5),
        ],
    )
    def test_passing_failures_are_repeated(self, registry: Registry, fault: Fault) -> None:
        """HTTP-06, PUSH-22: an upload that a passing failure ended is sent again from the first byte."""
        registry.configure(faults=(fault,))
        open_repository(registry).push(BLOB, BytesContent(DATA))
        assert registry.repository(NAME).blobs[str(BLOB.digest)] == DATA
        assert len(registry.matching("POST")) == 2

    def test_answer_that_got_lost(self, registry: Registry) -> None:
        """PUSH-19: when only the answer was lost, HEAD finds the blob and nothing is sent twice."""
        registry.configure(faults=(Fault(method="PUT", path="uploads", after=True, drop=True),))
        open_repository(registry).push(BLOB, BytesContent(DATA))
        assert [request.method for request in registry.requests] == ["POST", "PUT", "HEAD"]

    def test_attempts_are_bounded(self, registry: Registry) -> None:
        """HTTP-06: an upload that fails again and again ends with the registry's error."""
        registry.configure(faults=(Fault(method="PUT", path="uploads", status=503, times=None),))
        limits = Limits(attempts=3, retry_base=0.0, retry_max=0.0)
        with pytest.raises(UnavailableError):
            open_repository(registry, limits=limits).push(BLOB, BytesContent(DATA))
        assert len(registry.matching("PUT")) == 3

    @pytest.mark.parametrize("status", [400, 401, 403, 413])
    def test_refusals_are_final(self, registry: Registry, status: int) -> None:
        """HTTP-06: what will be refused again is not sent again."""
        registry.configure(faults=(Fault(method="PUT", path="uploads", status=status, times=None),))
        with pytest.raises(RegistryError):
            open_repository(registry).push(BLOB, BytesContent(DATA))
        assert len(registry.matching("PUT")) == 1

    def test_other_bytes_than_the_digest_names(self, registry: Registry) -> None:
        """PUSH-16: the registry's word that the bytes are wrong is a content error, and nothing is kept."""
        with pytest.raises(ContentError) as caught:
            open_repository(registry).push(BLOB, BytesContent(DATA[::-1]))
        assert caught.value.code == "digest-mismatch"
        assert registry.repository(NAME).blobs == {}

    def test_size_is_checked_first(self, registry: Registry) -> None:
        """DIG-06: content of another size is refused before anything is sent."""
        with pytest.raises(ContentError) as caught:
            open_repository(registry).push(BLOB, BytesContent(DATA + b"x"))
        assert caught.value.code == "size-mismatch"
        assert registry.requests == []

    @with_quirks(Quirks(content_digest="wrong"))
    def test_digest_of_the_answer(self, registry: Registry) -> None:
        """PUSH-18: another digest of the same algorithm in the answer is an error."""
        with pytest.raises(ContentError) as caught:
            open_repository(registry).push(BLOB, BytesContent(DATA))
        assert caught.value.code == "digest-mismatch"

    def test_source_file_that_changes(self, registry: Registry, tmp_path: Path) -> None:
        """PUSH-22: a file that changed under our hands is reported as such and not sent again."""
        path = tmp_path / "file"
        path.write_bytes(DATA)
        content = FileContent(path)
        path.write_bytes(DATA[:-3])
        with pytest.raises(StorageError) as caught:
            open_repository(registry).push(BLOB, content)
        assert caught.value.code == "file-changed"
        assert len(registry.matching("POST")) == 1

    def test_source_that_lacks_the_content(self, registry: Registry) -> None:
        """PUSH-15: a 404 of the source is not taken for a lost session of the destination."""
        registry.repository(NAME)
        source = open_repository(registry)
        with pytest.raises(NotFoundError):
            source.push(BLOB, TargetContent(source, BLOB))
        assert len(registry.matching("POST")) == 1

    @with_quirks(Quirks(create_repositories=False))
    def test_missing_repository(self, registry: Registry) -> None:
        """PULL-12: a repository that has to be created first is NotFoundError."""
        with pytest.raises(NotFoundError) as caught:
            open_repository(registry).push(BLOB, BytesContent(DATA))
        assert caught.value.code == "repository-not-found"


class TestDocument:
    def test_bytes_and_type_as_they_are(self, registry: Registry) -> None:
        """MPUT-02, MPUT-04: the exact bytes go out under the document's own media type."""
        registry.put_blob(NAME, b"{}")
        manifest = plain_manifest(artifact_type="a/b")
        spaced = json.dumps(json.loads(manifest.raw), indent=3).encode()
        descriptor = Descriptor.of(spaced, media_types.OCI_MANIFEST)
        receipt = open_repository(registry).push(descriptor, BytesContent(spaced), tag="v1")
        assert receipt.listing is None
        (request,) = registry.requests
        assert request.line == f"PUT /v2/{NAME}/manifests/v1"
        assert request.header("Content-Type") == media_types.OCI_MANIFEST
        assert request.body == spaced

    def test_without_a_tag_by_digest(self, registry: Registry) -> None:
        """MPUT-11: without a tag a document is put under its digest, and no tag is made."""
        document = build_index()
        push(open_repository(registry), document)
        assert registry.lines == [f"PUT /v2/{NAME}/manifests/{document.descriptor().digest}"]
        assert registry.repository(NAME).tags == {}

    @with_quirks(Quirks(content_digest="wrong"))
    def test_stored_under_another_digest(self, registry: Registry) -> None:
        """MPUT-05: a registry that reports another digest has not stored what was sent."""
        with pytest.raises(ContentError) as caught:
            push(open_repository(registry), build_index())
        assert caught.value.code == "digest-mismatch"

    def test_digest_of_another_algorithm_proves_nothing(self, registry: Registry) -> None:
        """PUSH-18, MPUT-05: a digest of another algorithm in the answer is not compared."""

        def other(_request: Request, reply: Reply, _registry: Registry) -> None:
            reply.set("Docker-Content-Digest", "sha512:" + "0" * 128)

        registry.configure(after=other)
        assert push(open_repository(registry), build_index()).listing is None

    def test_other_algorithm_with_a_tag(self, registry: Registry) -> None:
        """MPUT-06: a document under sha512 is put under its digest first, then under the tag."""
        raw = build_index().raw
        descriptor = Descriptor.of(raw, media_types.OCI_INDEX, algorithm="sha512")
        open_repository(registry).push(descriptor, BytesContent(raw), tag="v1")
        assert [request.target.rpartition("/")[2] for request in registry.requests] == [
            str(descriptor.digest),
            "v1",
        ]

    def test_wrong_bytes_are_never_sent(self, registry: Registry) -> None:
        """DIG-05: a document is verified against its descriptor before it is sent."""
        document = build_index()
        with pytest.raises(ContentError) as caught:
            open_repository(registry).push(document.descriptor(), BytesContent(b"x" * len(document.raw)))
        assert caught.value.code == "digest-mismatch"
        assert registry.requests == []

    @pytest.mark.parametrize("media_type", [media_types.OCI_MANIFEST, media_types.DOCKER_LIST])
    def test_type_must_be_the_documents_own(self, registry: Registry, media_type: str) -> None:
        """MPUT-02: a descriptor that calls a document something else is refused before it is sent."""
        raw = build_index().raw
        with pytest.raises(ContentError):
            open_repository(registry).push(Descriptor.of(raw, media_type), BytesContent(raw))
        assert registry.requests == []

    def test_size_limit(self, registry: Registry) -> None:
        """MPUT-07: what could not be read again is not written."""
        with pytest.raises(ContentError) as caught:
            push(open_repository(registry, limits=Limits(manifest_bytes=50)), build_index())
        assert caught.value.code == "document-too-large"
        assert registry.requests == []

    def test_document_of_unknown_type(self, registry: Registry) -> None:
        """IDX-04: what gets a tag is a document, whatever its type; it is copied without being parsed."""
        raw = b'{"x":1}'
        descriptor = Descriptor.of(raw, "application/vnd.example.unheard+json")
        repository = open_repository(registry)
        repository.push(descriptor, BytesContent(raw), tag="odd")
        assert registry.manifest(NAME, "odd").data == raw
        assert repository.exists(descriptor)

    def test_bad_tag_is_never_sent(self, registry: Registry) -> None:
        """REF-03: a tag that breaks the grammar goes into no URL."""
        with pytest.raises(InvalidInputError):
            push(open_repository(registry), build_index(), tag="a/b")
        assert registry.requests == []

    @with_quirks(Quirks(reject_artifact_type=True))
    def test_old_registry_that_refuses_artifacts(self, registry: Registry) -> None:
        """ART-02: the error of a registry that knows no artifactType says what to try."""
        registry.put_blob(NAME, b"{}")
        with pytest.raises(RegistryError) as caught:
            push(open_repository(registry), plain_manifest(artifact_type="a/b"))
        assert "--image-spec v1.0" in (caught.value.hint or "")

    @pytest.mark.parametrize("status", [415, 501])
    def test_other_ways_to_refuse_artifacts(self, registry: Registry, status: int) -> None:
        """ART-02: so does the error of one that says "unsupported"; a plain image is not explained that way."""
        registry.put_blob(NAME, b"{}")
        registry.configure(faults=(Fault(method="PUT", status=status, times=None),))
        with pytest.raises(RegistryError) as caught:
            push(open_repository(registry), plain_manifest())
        assert "--image-spec v1.0" in (caught.value.hint or "")
        image = build_manifest(config=Descriptor.of(b"{}", media_types.IMAGE_CONFIG), layers=[])
        with pytest.raises(RegistryError) as caught:
            push(open_repository(registry), image)
        assert "--image-spec" not in (caught.value.hint or "")

    def test_passing_failure(self, registry: Registry) -> None:
        """HTTP-06: the PUT of a manifest may be repeated."""
        registry.configure(faults=(Fault(method="PUT", status=503),))
        push(open_repository(registry), build_index())
        assert len(registry.matching("PUT")) == 2


class TestTag:
    def test_same_bytes_under_another_tag(self, registry: Registry) -> None:
        """MPUT-04: a tag is made by putting the very same bytes."""
        subject = put_subject(registry)
        open_repository(registry).tag(subject, "v2")
        assert registry.lines == [
            f"GET /v2/{NAME}/manifests/{subject.digest}",
            f"PUT /v2/{NAME}/manifests/v2",
        ]
        assert registry.repository(NAME).tags == {"v1": str(subject.digest), "v2": str(subject.digest)}

    def test_more_tags_read_once(self, registry: Registry) -> None:
        """PULL-10: the document is read once for several tags, and not at all after its push."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        repository.tag(subject, "v2")
        repository.tag(subject, "v3")
        assert len(registry.matching("GET")) == 1
        document = build_index()
        push(repository, document)
        repository.tag(document.descriptor(), "i1")
        assert len(registry.matching("GET")) == 1
        assert registry.manifest(NAME, "i1").data == document.raw

    def test_missing_document(self, registry: Registry) -> None:
        """PULL-12: a document that is not there can't be tagged."""
        put_subject(registry)
        with pytest.raises(NotFoundError):
            open_repository(registry).tag(build_index().descriptor(), "v2")

    def test_changed_document(self, registry: Registry) -> None:
        """DIG-05: what is tagged is verified first."""
        subject = put_subject(registry)
        stored = registry.repository(NAME).manifests[str(subject.digest)]
        stored.data = stored.data.replace(b"2", b"3", 1)
        with pytest.raises(ContentError):
            open_repository(registry).tag(subject, "v2")
        assert registry.matching("PUT") == []


class TestListingDuty:
    @pytest.mark.parametrize("make", [make_referrer, empty_index])
    def test_registry_lists_it(self, registry: Registry, make: Any) -> None:
        """RFT-02: OCI-Subject equal to the subject's digest: nothing to do, for manifests and indexes (GAP-05)."""
        subject = put_subject(registry)
        recorded = Recorded()
        receipt = push(open_repository(registry, recorded=recorded), make(subject))
        assert (receipt.listing, receipt.fallback_tag) == ("registry", None)
        assert len(registry.requests) == 1
        assert recorded.fallbacks == []

    @with_quirks(Quirks(oci_subject="sha256:" + "0" * 64))
    def test_other_subject_in_the_answer(self, registry: Registry) -> None:
        """RFT-02: OCI-Subject with another value is a protocol error; the tag is not touched."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        with pytest.raises(RegistryError) as caught:
            push(open_repository(registry), referrer)
        assert caught.value.code == "registry-protocol"
        assert caught.value.details["pushed"] == str(referrer.descriptor().digest)
        assert len(registry.requests) == 1

    @with_quirks(DISTRIBUTION_2_8, Quirks(referrers_api=True, oci_subject=False), GGCR)
    @pytest.mark.parametrize("make", [make_referrer, empty_index])
    def test_absent_header_means_the_tag(self, registry: Registry, make: Any) -> None:
        """RFT-02, RFT-04, RFT-05, MPUT-10: without OCI-Subject we write the list, whatever a probe would say."""
        subject = put_subject(registry)
        referrer = make(subject)
        recorded = Recorded()
        receipt = push(open_repository(registry, recorded=recorded), referrer)
        tag = fallback_tag(subject.digest)
        assert (receipt.listing, receipt.fallback_tag) == ("added", tag)
        assert listed_under_tag(registry, subject) == [entry_for(referrer).to_json()]
        assert "subject" not in registry.manifest(NAME, tag).document
        assert registry.manifest(NAME, tag).media_type == media_types.OCI_INDEX
        assert recorded.fallbacks == [(tag, "added")]
        assert registry.matching(path="referrers") == []

    @with_quirks(DISTRIBUTION_2_8)
    def test_again_it_is_present(self, registry: Registry) -> None:
        """RFT-06: pushed again, an entry is found and nothing is written."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        push(repository, make_referrer(subject))
        before = registry.repository(NAME).tags[fallback_tag(subject.digest)]
        recorded = Recorded()
        receipt = push(open_repository(registry, recorded=recorded), make_referrer(subject))
        assert receipt.listing == "present"
        assert registry.repository(NAME).tags[fallback_tag(subject.digest)] == before
        assert recorded.pauses == []

    @with_quirks(DISTRIBUTION_2_8)
    def test_incomplete_entry_is_repaired(self, registry: Registry) -> None:
        """RFT-09: an entry of an older writer is completed, others stay."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        other = make_referrer(subject, "other")
        entry = entry_for(referrer).plain().to_json()
        other_entry = registry_entry(registry, other)
        put_list(registry, subject, {**entry, "artifactType": media_types.EMPTY}, other_entry)
        registry.put_blob(NAME, b"{}")
        registry.put_manifest(NAME, referrer.raw, media_type=referrer.media_type)
        receipt = push(open_repository(registry), referrer)
        assert receipt.listing == "repaired"
        first, second = listed_under_tag(registry, subject)
        assert first == entry_for(referrer).to_json()
        assert second == other_entry

    @with_quirks(DISTRIBUTION_2_8)
    def test_with_a_tag_of_its_own(self, registry: Registry) -> None:
        """MPUT-11: a referrer may have a tag; it is listed by its digest all the same."""
        subject = put_subject(registry)
        receipt = push(open_repository(registry), make_referrer(subject), tag="sbom")
        assert receipt.listing == "added"
        assert registry.repository(NAME).tags["sbom"] == str(receipt.descriptor.digest)

    def test_docker_type_has_no_duty(self, registry: Registry) -> None:
        """MAN-08: only OCI documents have a subject that counts."""
        subject = put_subject(registry)
        raw = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": media_types.DOCKER_LIST,
                "manifests": [],
                "subject": subject.to_json(),
            }
        ).encode()
        descriptor = Descriptor.of(raw, media_types.DOCKER_LIST)
        registry.configure(oci_subject=False)
        assert open_repository(registry).push(descriptor, BytesContent(raw)).listing is None
        assert len(registry.requests) == 1

    @with_quirks(DISTRIBUTION_2_8)
    def test_later_reading_does_not_ask_the_api_in_vain(self, registry: Registry) -> None:
        """RFT-02: the missing header is no evidence about the API: the first listing still asks it."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        push(repository, make_referrer(subject))
        assert len(list(repository.referrers(subject))) == 1
        assert len(registry.matching(path="/referrers/")) == 1


def registry_entry(registry: Registry, document: Any) -> dict[str, Any]:
    """Store a referrer, and return its complete entry."""
    registry.put_blob(NAME, b"{}")
    registry.put_manifest(NAME, document.raw, media_type=document.media_type)
    entry: dict[str, Any] = entry_for(document).to_json()
    return entry


class TestModes:
    @with_quirks(Quirks(oci_subject=False))
    def test_api_mode_without_header_asks_the_api(self, registry: Registry) -> None:
        """RFT-12: with the API alone allowed, an endpoint that answers is enough; no tag is written."""
        subject = put_subject(registry)
        receipt = push(open_repository(registry, mode="api"), make_referrer(subject))
        assert (receipt.listing, receipt.fallback_tag) == ("registry", None)
        assert set(registry.repository(NAME).tags) == {"v1"}
        assert len(registry.matching("GET", "/referrers/")) == 1

    @with_quirks(DISTRIBUTION_2_8)
    def test_api_mode_where_there_is_none(self, registry: Registry) -> None:
        """RFT-12: with the API alone allowed, a registry without it is an error that tells what is pushed."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        with pytest.raises(UnsupportedError) as caught:
            push(open_repository(registry, mode="api"), referrer)
        pushed = str(referrer.descriptor().digest)
        assert caught.value.details["pushed"] == pushed
        assert any(pushed in note for note in caught.value.__notes__)
        assert "v1.1-referrers-tag" in (caught.value.hint or "")
        assert set(registry.repository(NAME).tags) == {"v1"}

    @with_quirks(Quirks(oci_subject=False))
    def test_api_mode_with_a_failing_endpoint(self, registry: Registry) -> None:
        """RFR-10: an endpoint that fails is neither "there" nor "not there"; the error tells what is pushed."""
        subject = put_subject(registry)
        registry.configure(faults=(Fault(path="/referrers/", status=403, times=None),))
        with pytest.raises(RegistryError) as caught:
            push(open_repository(registry, mode="api"), make_referrer(subject))
        assert caught.value.status == 403
        assert any("is pushed" in note for note in caught.value.__notes__)

    @with_quirks(Quirks(), Quirks(oci_subject="sha256:" + "0" * 64))
    def test_tag_mode_always_writes_the_tag(self, registry: Registry) -> None:
        """RFT-02: with the tag alone allowed it is written even if the registry lists by itself."""
        subject = put_subject(registry)
        receipt = push(open_repository(registry, mode="tag"), make_referrer(subject))
        assert receipt.listing == "added"
        assert len(listed_under_tag(registry, subject)) == 1


class _User:
    """The credentials that the simulator takes."""

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        return Credential(username="user", password="secret")


class TestScopes:
    @with_quirks(Quirks(auth="bearer"), Quirks(auth="bearer", referrers_api=False))
    def test_what_is_asked_for(self, registry: Registry) -> None:
        """AUTH-21: writing asks for pull,push on the repository at once, reading for pull alone."""
        subject = put_subject(registry)
        pull, push_ = f"repository:{NAME}:pull", f"repository:{NAME}:pull,push"
        reader = open_repository(registry, credentials=_User())
        reader.resolve("v1")
        assert list(reader.referrers(subject)) == []
        assert list(reader.tags()) == ["v1"]
        assert {scope for request in registry.token_requests for scope in request.scopes} == {pull}
        writer = open_repository(registry, credentials=_User())
        writer.push(BLOB, BytesContent(DATA))
        push(writer, make_referrer(subject))
        assert len(list(writer.referrers(subject))) == 1
        asked = [scope for request in registry.token_requests[1:] for scope in request.scopes]
        assert push_ in asked
        assert set(asked) <= {pull, push_}

    @with_quirks(Quirks(auth="basic"))
    def test_foreign_upload_host_gets_no_credentials(self, registry: Registry) -> None:
        """PUSH-20: credentials that the registry got are not shown to the host of the upload."""
        with Recorder(Reply(status=201)) as elsewhere:
            registry.configure(upload_location="foreign", upload_host=elsewhere.url)
            open_repository(registry, credentials=_User()).push(BLOB, BytesContent(DATA))
            (request,) = elsewhere.requests
        assert registry.requests[-1].authorization is not None
        assert request.authorization is None


class TestFailedListing:
    @with_quirks(DISTRIBUTION_2_8)
    @pytest.mark.parametrize("status", [403, 400])
    def test_the_referrer_stays_pushed(self, registry: Registry, status: int) -> None:
        """RFT-03: whatever stops the listing, the error says that the referrer itself is pushed."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        tag = fallback_tag(subject.digest)
        registry.configure(faults=(Fault(method="PUT", path=tag, status=status, times=None),))
        with pytest.raises(RegistryError) as caught:
            push(open_repository(registry), referrer)
        pushed = str(referrer.descriptor().digest)
        assert caught.value.details["pushed"] == pushed
        assert any(pushed in note and tag in note for note in caught.value.__notes__)
        assert registry.manifest(NAME, pushed).data == referrer.raw

    @with_quirks(DISTRIBUTION_2_8)
    def test_occupied_tag_is_reported(self, registry: Registry) -> None:
        """RFT-03: a tag that holds something else is a conflict that names the pushed referrer."""
        subject = put_subject(registry)
        registry.repository(NAME).tags[fallback_tag(subject.digest)] = str(subject.digest)
        referrer = make_referrer(subject)
        with pytest.raises(ConflictError) as caught:
            push(open_repository(registry, limits=QUICK), referrer)
        assert caught.value.code == "referrers-tag-occupied"
        assert str(referrer.descriptor().digest) in caught.value.message
