"""Deleting from a registry: the referrers tag first, then the manifest (section DEL)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from ocictl.errors import ConflictError, ContentError, NotFoundError, OcictlError, UnsupportedError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.sources import BytesContent
from ocictl.stores.referrers import entry_for, fallback_tag, read_list, without_entry
from ocictl.target import Deleter, DocumentWriter
from ocictl.transport.credentials import Explicit
from tests.support.registry import DISTRIBUTION_2_8, GITLAB, Fault, LostUpdates, Quirks, Registry, Request
from tests.unit.stores.helpers_repository import (
    NAME,
    SIGNATURE,
    Recorded,
    digests,
    listed_under_tag,
    make_referrer,
    open_repository,
    push,
    put_list,
    put_subject,
    store,
)

NO_API = Quirks(referrers_api=False)


def changes(registry: Registry) -> list[str]:
    """Method and last part of the path of each request that changes something."""
    return [
        f"{request.method} {request.path.rpartition('/')[2]}"
        for request in registry.requests
        if request.method in {"PUT", "DELETE"}
    ]


class TestDocument:
    def test_goes_by_digest(self, registry: Registry) -> None:
        """DEL-02: tags never stand in the request, because old registries delete the wrong thing then."""
        subject = put_subject(registry, tag="v1")
        repository = open_repository(registry)
        assert isinstance(repository, Deleter)
        repository.delete(repository.resolve("v1"))
        assert changes(registry) == [f"DELETE {subject.digest}"]
        assert registry.repository(NAME).tags == {}

    def test_that_is_missing_is_not_found(self, registry: Registry) -> None:
        """404 from the registry is told as it is (DEL-08)."""
        put_subject(registry)
        missing = Descriptor.of(b"{}", media_types.DOCKER_MANIFEST)
        with pytest.raises(NotFoundError):
            open_repository(registry).delete(missing)

    @pytest.mark.parametrize(
        "quirks", [Quirks(delete=False), Quirks(delete=False, delete_status=400)], indirect=True
    )
    def test_where_deletion_is_off(self, registry: Registry) -> None:
        """DEL-02: 405 and 400 mean that the registry does not do this."""
        subject = put_subject(registry)
        with pytest.raises(UnsupportedError) as caught:
            open_repository(registry).delete(subject)
        assert "does not delete" in (caught.value.hint or "")
        assert caught.value.status in (400, 405)

    def test_asks_for_the_right_to_delete(self, registry: Registry) -> None:
        """DEL-07."""
        subject = put_subject(registry)
        registry.configure(auth="bearer", anonymous_pull=True, username="u", password="p")
        repository = open_repository(registry, credentials=Explicit("u", "p"))
        repository.delete(subject)
        assert any("delete" in scope for request in registry.token_requests for scope in request.scopes)

    def test_broken_content_can_be_deleted(self, registry: Registry) -> None:
        """Nobody can say what it is about; that must not keep it there for ever."""
        raw = b'{"subject": 1}'
        digest = registry.put_manifest(NAME, raw, media_type=media_types.OCI_MANIFEST, tag="broken")
        repository = open_repository(registry)
        repository.delete(repository.resolve("broken"))
        assert digest not in registry.repository(NAME).manifests


class TestReferrer:
    @pytest.mark.parametrize("quirks", [NO_API, DISTRIBUTION_2_8], indirect=True)
    def test_leaves_its_subject_s_list_first(self, registry: Registry) -> None:
        """DEL-04: whoever is interrupted leaves no entry that leads nowhere."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        gone, kept = make_referrer(subject, "gone"), make_referrer(subject, "kept")
        push(repository, gone)
        push(repository, kept)
        registry.requests.clear()
        recorded = Recorded()
        open_repository(registry, recorded=recorded).delete(gone.descriptor().plain())
        tag = fallback_tag(subject.digest)
        assert changes(registry) == [f"PUT {tag}", f"DELETE {gone.descriptor().digest}"]
        assert digests(listed_under_tag(registry, subject)) == [str(kept.descriptor().digest)]
        assert recorded.fallbacks == [(tag, "removed")]

    @pytest.mark.parametrize("quirks", [NO_API], indirect=True)
    def test_an_emptied_list_stays(self, registry: Registry) -> None:
        """DEL-04: an empty list is pushed; deleting the tag could delete what it points to."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        push(repository, make_referrer(subject))
        repository.delete(make_referrer(subject).descriptor().plain())
        assert listed_under_tag(registry, subject) == []
        assert list(repository.referrers(subject)) == []

    def test_the_registry_keeps_its_own_lists(self, registry: Registry) -> None:
        """With a referrers API no tag is read or written."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        store(registry, referrer)
        repository = open_repository(registry)
        repository.delete(referrer.descriptor().plain())
        assert changes(registry) == [f"DELETE {referrer.descriptor().digest}"]
        assert list(repository.referrers(subject)) == []

    @pytest.mark.parametrize("quirks", [Quirks(), NO_API], indirect=True)
    def test_the_mode_decides(self, registry: Registry) -> None:
        """`tag` tends to the tag although there is an API; `api` never does."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        described = store(registry, referrer)
        entry = entry_for(referrer, described).to_json()
        put_list(registry, subject, entry)
        open_repository(registry, mode="api").delete(described)
        assert digests(listed_under_tag(registry, subject)) == [str(described.digest)]
        store(registry, referrer)
        open_repository(registry, mode="tag").delete(described)
        assert listed_under_tag(registry, subject) == []

    @pytest.mark.parametrize("quirks", [NO_API], indirect=True)
    def test_that_is_not_listed(self, registry: Registry) -> None:
        """Nothing is written where there is nothing to take out; other members stay."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        described = store(registry, referrer)
        open_repository(registry).delete(described)
        assert changes(registry) == [f"DELETE {described.digest}"]

    @pytest.mark.parametrize("quirks", [GITLAB], indirect=True)
    def test_a_tag_that_holds_something_else(self, registry: Registry) -> None:
        """RFT-10: what is no list is neither read as one nor written."""
        subject = put_subject(registry)
        described = store(registry, make_referrer(subject))
        open_repository(registry).delete(described)
        assert changes(registry) == [f"DELETE {described.digest}"]

    @pytest.mark.parametrize("quirks", [Quirks(referrers_api=False, require_blobs=False)], indirect=True)
    def test_the_rest_of_the_list_stays_as_it_is(self, registry: Registry) -> None:
        """RFT-07: foreign entries, their order, and members that ocictl does not know."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        described = store(registry, referrer)
        foreign = {"mediaType": "x/y", "digest": "sha256:" + "1" * 64, "size": 1, "odd": True}
        put_list(registry, subject, foreign, described.to_json(), {"broken": 1}, extra="kept")
        open_repository(registry).delete(described)
        index = registry.manifest(NAME, fallback_tag(subject.digest)).document
        assert (index["manifests"], index["extra"]) == ([foreign, {"broken": 1}], "kept")

    @pytest.mark.parametrize(
        "quirks", [Quirks(referrers_api=False, lost_updates=LostUpdates(times=2))], indirect=True
    )
    def test_lost_updates_are_noticed(self, registry: Registry) -> None:
        """RFT-08: another writer brings the entry back, and it is taken out again."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        described = store(registry, referrer)
        put_list(registry, subject, described.to_json())
        open_repository(registry).delete(described)
        assert str(described.digest) not in digests(listed_under_tag(registry, subject))
        assert str(described.digest) not in registry.repository(NAME).manifests

    @pytest.mark.parametrize("quirks", [NO_API], indirect=True)
    def test_gives_up_with_nothing_deleted(self, registry: Registry) -> None:
        """Where another writer never ends, the referrer stays."""
        subject = put_subject(registry)
        described = store(registry, make_referrer(subject))
        put_list(registry, subject, described.to_json())
        registry.configure(before=_bring_back(subject, described))
        with pytest.raises(ConflictError) as caught:
            open_repository(registry).delete(described)
        assert caught.value.code == "delete-unconfirmed"
        assert str(described.digest) in registry.repository(NAME).manifests

    @pytest.mark.parametrize("quirks", [Quirks(referrers_api=False, delete=False)], indirect=True)
    def test_is_put_back_where_it_can_t_be_deleted(self, registry: Registry) -> None:
        """A referrer that is still there is still found."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        described = store(registry, referrer)
        put_list(registry, subject, described.to_json())
        with pytest.raises(UnsupportedError) as caught:
            open_repository(registry).delete(described)
        assert "put back" in " ".join(caught.value.__notes__)
        assert digests(listed_under_tag(registry, subject)) == [str(described.digest)]


def _bring_back(subject: Descriptor, entry: Descriptor) -> Callable[[Request, Registry], None]:
    """Another writer who lists the entry anew before each request."""

    def before(_request: Request, registry: Registry) -> None:
        put_list(registry, subject, entry.to_json())

    return before


class TestBlobAndTag:
    def test_a_blob(self, registry: Registry) -> None:
        """DEL-03."""
        digest = Digest.parse(registry.put_blob(NAME, b"data"))
        repository = open_repository(registry)
        blob = repository.resolve_blob(digest)
        repository.delete_blob(blob)
        assert changes(registry) == [f"DELETE {digest}"]
        with pytest.raises(NotFoundError):
            repository.delete_blob(blob)

    def test_a_tag(self, registry: Registry) -> None:
        """DEL-01: the document stays."""
        subject = put_subject(registry, tag="v1")
        repository = open_repository(registry)
        repository.untag("v1")
        assert registry.repository(NAME).tags == {}
        assert repository.exists(subject)
        with pytest.raises(NotFoundError):
            repository.untag("v1")

    @pytest.mark.parametrize("quirks", [DISTRIBUTION_2_8], indirect=True)
    def test_a_tag_where_only_digests_can_be_deleted(self, registry: Registry) -> None:
        """DEL-01: 400 from registries that are older than OCI."""
        put_subject(registry, tag="v1")
        with pytest.raises(UnsupportedError):
            open_repository(registry).untag("v1")
        assert registry.repository(NAME).tags != {}

    @pytest.mark.parametrize("quirks", [Quirks(faults=(Fault(method="DELETE", status=500),))], indirect=True)
    def test_a_temporary_failure_is_tried_again(self, registry: Registry) -> None:
        """It does no harm to send a DELETE twice."""
        digest = Digest.parse(registry.put_blob(NAME, b"data"))
        repository = open_repository(registry)
        repository.delete_blob(repository.resolve_blob(digest))
        assert changes(registry) == [f"DELETE {digest}"] * 2


class TestWithoutEntry:
    def test_every_entry_of_the_digest_goes(self) -> None:
        """Careless writers list things twice."""
        one, two = Descriptor.of(b"1", "a/b"), Descriptor.of(b"2", "a/b")
        raw = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": media_types.OCI_INDEX,
                "manifests": [one.to_json(), two.to_json(), one.to_json()],
            }
        ).encode()
        index = read_list(raw)
        shorter = without_entry(index, one.digest)
        assert [entry.digest for entry in shorter.manifests] == [two.digest]
        assert without_entry(shorter, one.digest) is shorter

    def test_an_empty_list(self) -> None:
        """`manifests: null` is one, as some programs write it."""
        index = read_list(b'{"schemaVersion":2,"manifests":null}')
        assert without_entry(index, Descriptor.of(b"", "a/b").digest) is index


class TestPushDocument:
    def test_an_unknown_type_goes_to_the_manifests(self, registry: Registry) -> None:
        """By `push` it would become a blob where no tag is given."""
        repository = open_repository(registry)
        assert isinstance(repository, DocumentWriter)
        raw = b'{"mediaType":"a/unknown"}'
        descriptor = Descriptor.of(raw, "a/unknown")
        repository.push_document(descriptor, BytesContent(raw))
        assert registry.manifest(NAME, str(descriptor.digest)).data == raw
        repository.tag(descriptor, "v1")
        assert registry.repository(NAME).tags == {"v1": str(descriptor.digest)}

    @pytest.mark.parametrize("quirks", [NO_API], indirect=True)
    def test_a_referrer_is_listed(self, registry: Registry) -> None:
        """RFT-02 holds, whoever made the manifest."""
        subject = put_subject(registry)
        referrer = make_referrer(subject, artifact_type=SIGNATURE)
        registry.put_blob(NAME, b"{}")
        receipt = open_repository(registry).push_document(
            referrer.descriptor().plain(), BytesContent(referrer.raw)
        )
        assert receipt.listing == "added"
        assert listed_under_tag(registry, subject)[0]["artifactType"] == SIGNATURE

    def test_a_malformed_referrer_is_refused(self, registry: Registry) -> None:
        """It could not be put into any list."""
        raw = b'{"schemaVersion":2,"subject":{}}'
        with pytest.raises(ContentError):
            open_repository(registry).push_document(
                Descriptor.of(raw, media_types.OCI_MANIFEST), BytesContent(raw)
            )
        assert changes(registry) == []

    def test_wrong_bytes_are_refused(self, registry: Registry) -> None:
        """Nothing is sent of what is not as it should be."""
        descriptor = Descriptor.of(b"{}", "a/unknown")
        for raw in (b"{ }", b"[]"):
            with pytest.raises(OcictlError):
                open_repository(registry).push_document(descriptor, BytesContent(raw))
        assert changes(registry) == []
