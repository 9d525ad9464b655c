"""Listing referrers: which source is used, and which artifact types are believed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ocictl.errors import ContentError, OcictlError, RegistryError, TransportError, UnsupportedError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import build_index
from ocictl.model.reference import Reference
from ocictl.stores.referrers import entry_for, fallback_tag
from ocictl.stores.repository import Repository
from ocictl.transport.config import Limits, TransportConfig
from tests.support.registry import (
    DISTRIBUTION_2_8,
    GGCR,
    GHCR,
    GITLAB,
    HARBOR,
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
    SBOM,
    SIGNATURE,
    Recorded,
    config_of,
    empty_index,
    make_referrer,
    open_repository,
    push,
    put_list,
    put_subject,
    store,
)

MODEL = "application/vnd.example.model.v1"
MODEL_CONFIG = "application/vnd.example.model.config.v1+json"


def with_quirks(*values: Quirks) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("quirks", values, indirect=True)


def found(repository: Repository, subject: Descriptor, artifact_type: str | None = None) -> list[Descriptor]:
    return list(repository.referrers(subject, artifact_type=artifact_type))


def asked(registry: Registry) -> list[str]:
    """The query of each request to the endpoint."""
    return [request.raw_query for request in registry.matching(path="/referrers/")]


def read_manifests(registry: Registry) -> list[Request]:
    return registry.matching("GET", "/manifests/sha256:")


class TestApi:
    def test_entries_with_types_and_annotations(self, registry: Registry) -> None:
        """RFR-01, RFR-05, RFR-06: the endpoint is asked by digest; an index without a type has none."""
        subject = put_subject(registry)
        sbom, index = make_referrer(subject), empty_index(subject)
        store(registry, sbom)
        store(registry, index)
        assert found(open_repository(registry), subject) == [entry_for(sbom), entry_for(index)]
        request = registry.requests[0]
        assert request.line == f"GET /v2/{NAME}/referrers/{subject.digest}"
        assert request.header("Accept") == media_types.OCI_INDEX

    def test_no_referrers(self, registry: Registry) -> None:
        """RFR-04, RFR-13: an empty list is an answer; the tag is not read then."""
        subject = put_subject(registry)
        put_list(registry, subject, entry_for(make_referrer(subject)).to_json())
        assert found(open_repository(registry), subject) == []
        assert len(registry.requests) == 1

    @with_quirks(Quirks(referrers_page_size=2))
    def test_pages_are_merged(self, registry: Registry) -> None:
        """RFR-07: all pages are read, and each referrer comes once."""
        subject = put_subject(registry)
        referrers = [make_referrer(subject, f"r{number}") for number in range(5)]
        for referrer in referrers:
            store(registry, referrer)

        def repeat(request: Request, reply: Reply, _registry: Registry) -> None:
            if "from=2" in request.target:
                page = json.loads(reply.body)
                page["manifests"].append(entry_for(referrers[0]).to_json())
                reply.body = json.dumps(page).encode()

        registry.configure(after=repeat)
        names = [entry.annotations["name"] for entry in found(open_repository(registry), subject)]
        assert names == ["r0", "r1", "r2", "r3", "r4"]

    @with_quirks(Quirks(referrers_page_size=1))
    @pytest.mark.parametrize("body", [b"<html>", b'{"schemaVersion":2,"config":{},"layers":[]}'])
    def test_later_page_that_is_no_list(self, registry: Registry, body: bytes) -> None:
        """RFR-07: a broken page in the middle is an error, not the end of the list."""
        subject = put_subject(registry)
        for name in "ab":
            store(registry, make_referrer(subject, name))

        def spoil(request: Request, reply: Reply, _registry: Registry) -> None:
            if "from=" in request.target:
                reply.body = body

        registry.configure(after=spoil)
        with pytest.raises(RegistryError) as caught:
            found(open_repository(registry), subject)
        assert caught.value.code == "registry-protocol"

    @with_quirks(Quirks(referrers_page_size=1, link=lambda url: f'<http://127.0.0.9:1{url}>; rel="next"'))
    def test_link_to_another_origin(self, registry: Registry) -> None:
        """TAG-07, RFR-07: a page on another origin is refused, not skipped."""
        subject = put_subject(registry)
        for name in "ab":
            store(registry, make_referrer(subject, name))
        with pytest.raises(TransportError):
            found(open_repository(registry), subject)

    @with_quirks(Quirks(referrers_content_type=f"{media_types.OCI_INDEX.upper()}; charset=utf-8"))
    def test_content_type_with_parameters(self, registry: Registry) -> None:
        """PULL-02, RFR-03: case and parameters of Content-Type don't matter."""
        subject = put_subject(registry)
        registry.configure(referrers_body=build_index().raw)
        recorded = Recorded()
        assert found(open_repository(registry, recorded=recorded), subject) == []
        assert recorded.fallbacks == []

    def test_subject_itself_is_dropped(self, registry: Registry) -> None:
        """RFT-11: nothing is its own referrer, not even an index that nobody looks into."""
        index = build_index()
        subject = store(registry, index)
        registry.configure(referrers_body=build_index(manifests=[subject]).raw)
        assert found(open_repository(registry), subject) == []


def referrer_in_tag(registry: Registry) -> tuple[Descriptor, Descriptor]:
    """A subject, and a referrer that is listed under its referrers tag."""
    subject = put_subject(registry)
    referrer = make_referrer(subject)
    store(registry, referrer)
    put_list(registry, subject, entry_for(referrer).to_json())
    return subject, entry_for(referrer)


def several_subjects(registry: Registry) -> tuple[Repository, list[Descriptor]]:
    """A repository that has read one list by tag, and twelve subjects of which the first has that list."""
    subject, _entry = referrer_in_tag(registry)
    others = [Descriptor.of(f"{number}".encode(), media_types.OCI_MANIFEST) for number in range(11)]
    repository = open_repository(registry)
    assert found(repository, subject) != []
    return repository, [subject, *others]


class TestFallback:
    @with_quirks(
        *(Quirks(referrers_status=status) for status in (400, 404, 405, 406, 501)),
        DISTRIBUTION_2_8,
        Quirks(referrers_content_type="text/html", referrers_body=b"<html>login</html>"),
        Quirks(referrers_body=b"<html>login</html>"),
        Quirks(referrers_content_type=media_types.OCI_MANIFEST, referrers_body=b"{}"),
        Quirks(referrers_content_type="application/json", referrers_body=build_index().raw),
        Quirks(referrers_body=b'{"referrers":[]}'),
    )
    def test_answers_that_mean_there_is_no_api(self, registry: Registry) -> None:
        """RFR-03, RFR-09, RFR-10: these answers lead to the tag, and the API is not asked again (RFR-12)."""
        subject, entry = referrer_in_tag(registry)
        recorded = Recorded()
        repository = open_repository(registry, recorded=recorded)
        assert found(repository, subject) == [entry]
        assert found(repository, subject) == [entry]
        assert len(asked(registry)) == 1
        assert recorded.fallbacks == [(fallback_tag(subject.digest), "read")] * 2

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirect_to_another_origin_is_not_followed(self, registry: Registry, status: int) -> None:
        """RFR-10: a redirect that leaves the registry means "no API", and nothing is asked over there."""
        subject, entry = referrer_in_tag(registry)
        with Recorder(Reply(status=200, body=build_index().raw)) as elsewhere:
            registry.configure(
                referrers_status=status, referrers_headers=(("Location", f"{elsewhere.url}/login"),)
            )
            assert found(open_repository(registry), subject) == [entry]
            assert elsewhere.requests == []

    @with_quirks(GHCR)
    def test_ghcr(self, registry: Registry) -> None:
        """RFR-10: the registry that redirects to its web pages is read by the tag."""
        subject, entry = referrer_in_tag(registry)
        assert found(open_repository(registry), subject) == [entry]

    def test_redirect_at_home_is_followed(self, registry: Registry) -> None:
        """HTTP-02: a redirect within the registry is an ordinary one."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        store(registry, referrer)
        path = f"/v2/{NAME}/referrers/{subject.digest}"

        def move(request: Request, _registry: Registry) -> Reply | None:
            if request.target == path:
                return Reply(status=307, headers=[("Location", f"{path}?moved=1")])
            return None

        registry.configure(before=move)
        assert found(open_repository(registry), subject) == [entry_for(referrer)]

    @pytest.mark.parametrize("status", [401, 403, 424, 429, 500, 502, 503, 504])
    def test_refusals_are_never_taken_for_an_empty_list(self, registry: Registry, status: int) -> None:
        """RFR-10: after 401, 403, 429 and 5xx "no referrers" would be a lie; and they prove nothing."""
        subject, _entry = referrer_in_tag(registry)
        registry.configure(faults=(Fault(path="/referrers/", status=status, times=None),))
        repository = open_repository(registry)
        with pytest.raises(RegistryError) as caught:
            found(repository, subject)
        assert caught.value.status == status
        registry.configure(faults=())
        store(registry, make_referrer(subject, "b"))
        assert len(found(repository, subject)) == 2

    @with_quirks(Quirks(referrers_unknown_repository=404))
    def test_missing_repository_proves_nothing(self, registry: Registry) -> None:
        """RFR-11: NAME_UNKNOWN means no referrers now, and leaves open whether there is an API."""
        subject = Descriptor.of(b"subject", media_types.OCI_MANIFEST)
        repository = open_repository(registry)
        assert found(repository, subject) == []
        referrer = make_referrer(subject)
        store(registry, referrer)
        assert found(repository, subject) == [entry_for(referrer)]

    def test_support_is_never_taken_back(self, registry: Registry) -> None:
        """RFR-12: a single 404 after a good answer is not evidence; the API is asked again the next time."""
        subject = put_subject(registry)
        store(registry, make_referrer(subject))
        repository = open_repository(registry)
        assert len(found(repository, subject)) == 1
        registry.configure(faults=(Fault(path="/referrers/", status=404),))
        assert found(repository, subject) == []
        assert len(found(repository, subject)) == 1

    def test_unusual_digest_is_no_evidence(self, registry: Registry) -> None:
        """RFR-02: a 400 for a sha512 subject says nothing about sha256 ones."""
        odd = Descriptor.of(b"subject", media_types.OCI_MANIFEST, algorithm="sha512")
        subject = put_subject(registry)
        store(registry, make_referrer(subject))
        registry.configure(faults=(Fault(path="/referrers/sha512", status=400, times=None),))
        repository = open_repository(registry)
        assert found(repository, odd) == []
        assert len(found(repository, subject)) == 1

    def test_support_shown_by_a_push_counts(self, registry: Registry) -> None:
        """RFT-02, RFR-12: OCI-Subject proves that there is an API, whatever its endpoint says later."""
        subject = put_subject(registry)
        repository = open_repository(registry)
        referrer = make_referrer(subject)
        push(repository, referrer)
        registry.configure(faults=(Fault(path="/referrers/", status=404),))
        assert found(repository, subject) == []
        assert len(found(repository, subject)) == 1


class TestTagContent:
    @with_quirks(DISTRIBUTION_2_8)
    @pytest.mark.parametrize(
        ("raw", "media_type"),
        [
            (None, ""),
            (b"{}", media_types.OCI_MANIFEST),
            (b"<html>", media_types.OCI_INDEX),
            (b"<html>", "text/html"),
            (b'{"schemaVersion":2,"manifests":[]}', media_types.DOCKER_LIST),
        ],
    )
    def test_no_valid_list_means_no_referrers(
        self, registry: Registry, raw: bytes | None, media_type: str
    ) -> None:
        """RFR-09: a tag that is missing or holds something else means that there are no referrers."""
        subject = put_subject(registry)
        if raw is not None:
            registry.put_manifest(NAME, raw, media_type=media_type, tag=fallback_tag(subject.digest))
        assert found(open_repository(registry), subject) == []

    @with_quirks(GITLAB)
    def test_subject_itself_is_no_list(self, registry: Registry) -> None:
        """RFT-10: children of a multi-platform subject are not its referrers."""
        child = put_subject(registry)
        raw = build_index(manifests=[child]).raw
        registry.put_manifest(NAME, raw)
        assert found(open_repository(registry), Descriptor.of(raw, media_types.OCI_INDEX)) == []

    @with_quirks(DISTRIBUTION_2_8)
    def test_children_under_the_tag_are_dropped(self, registry: Registry) -> None:
        """RFT-10, RFT-11: what has a platform has to prove that it is about the subject."""
        child = Descriptor.from_json(registry.put_artifact(NAME, {"child": b"child"}))
        subject = put_subject(registry)
        platform = {"os": "linux", "architecture": "amd64"}
        entry = {**child.to_json(), "artifactType": SBOM, "platform": platform}
        put_list(registry, subject, entry)
        assert found(open_repository(registry), subject) == []

    @with_quirks(DISTRIBUTION_2_8)
    def test_list_that_is_too_large_is_an_error(self, registry: Registry) -> None:
        """PULL-11: "no referrers" would be a lie where the list is only too large."""
        subject, _entry = referrer_in_tag(registry)
        limits = Limits(manifest_bytes=100, retry_base=0.0, retry_max=0.0)
        with pytest.raises(ContentError):
            found(open_repository(registry, limits=limits), subject)

    @with_quirks(DISTRIBUTION_2_8)
    def test_sha512_subject(self, registry: Registry) -> None:
        """RFT-01: the tag of a sha512 subject is cut to a legal one."""
        subject = Descriptor.of(b"subject", media_types.OCI_MANIFEST, algorithm="sha512")
        referrer = make_referrer(subject)
        store(registry, referrer)
        put_list(registry, subject, entry_for(referrer).to_json())
        assert found(open_repository(registry), subject) == [entry_for(referrer)]

    @with_quirks(DISTRIBUTION_2_8)
    @pytest.mark.parametrize("listed_as", [None, media_types.EMPTY, media_types.IMAGE_CONFIG])
    def test_vague_types_are_looked_up(self, registry: Registry, listed_as: str | None) -> None:
        """RFT-09: where an entry lacks its type or has one that says nothing, the manifest tells."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        entry = store(registry, referrer).to_json()
        put_list(registry, subject, {**entry, **({"artifactType": listed_as} if listed_as else {})})
        repository = open_repository(registry)
        assert found(repository, subject, SBOM) == [entry_for(referrer)]
        assert found(repository, subject, SIGNATURE) == []

    @with_quirks(DISTRIBUTION_2_8)
    def test_entry_about_something_else(self, registry: Registry) -> None:
        """RFT-11: an entry whose manifest is about another subject does not count, where that is seen."""
        subject, other = put_subject(registry), put_subject(registry, None)
        elsewhere = Descriptor.of(b"elsewhere", media_types.OCI_MANIFEST)
        put_list(registry, subject, store(registry, make_referrer(elsewhere)).to_json(), other.to_json())
        assert found(open_repository(registry), subject) == []

    @with_quirks(DISTRIBUTION_2_8)
    def test_entry_whose_manifest_is_gone(self, registry: Registry) -> None:
        """RFT-09: a manifest that can't be read leaves the entry as it is listed, and the others too."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        store(registry, referrer)
        gone = {"mediaType": media_types.OCI_MANIFEST, "digest": "sha256:" + "9" * 64, "size": 9}
        odd = {"mediaType": media_types.OCI_MANIFEST, "digest": "blake3:" + "9" * 64, "size": 9}
        broken = {**store(registry, make_referrer(subject, "b")).to_json(), "size": 3}
        put_list(registry, subject, gone, odd, broken, entry_for(referrer).plain().to_json())
        listed = found(open_repository(registry), subject)
        assert [entry.artifact_type for entry in listed] == [None, None, None, SBOM]
        assert found(open_repository(registry), subject, SBOM) == [entry_for(referrer)]

    @with_quirks(DISTRIBUTION_2_8)
    def test_failing_registry_is_not_a_missing_manifest(self, registry: Registry) -> None:
        """RFR-10: when a manifest can't be asked for, the list is not shown as if it were complete."""
        subject = put_subject(registry)
        entry = store(registry, make_referrer(subject)).to_json()
        put_list(registry, subject, entry)
        registry.configure(faults=(Fault(path="/manifests/sha256:", status=503, times=None),))
        with pytest.raises(RegistryError):
            found(open_repository(registry), subject)

    @with_quirks(DISTRIBUTION_2_8)
    def test_typed_entries_cost_nothing(self, registry: Registry) -> None:
        """RFR-06: complete entries, and indexes without a type, are believed without a look."""
        subject = put_subject(registry)
        index = empty_index(subject)
        put_list(registry, subject, entry_for(make_referrer(subject)).to_json(), entry_for(index).to_json())
        assert len(found(open_repository(registry), subject)) == 2
        assert read_manifests(registry) == []


def put_several(registry: Registry) -> tuple[Descriptor, dict[str, Descriptor]]:
    """A subject with one referrer of each kind: empty config, own config and type, type by config, index."""
    subject = put_subject(registry)
    documents = {
        "config": make_referrer(subject, "config", artifact_type=None, config=config_of(SBOM)),
        "model": make_referrer(subject, "model", artifact_type=MODEL, config=config_of(MODEL_CONFIG)),
        "sbom": make_referrer(subject, "sbom"),
        "signature": make_referrer(subject, "signature", artifact_type=SIGNATURE),
        "index": build_index(subject=subject, artifact_type=SIGNATURE, annotations={"name": "index"}),
    }
    for document in documents.values():
        store(registry, document)
    return subject, {name: entry_for(document) for name, document in documents.items()}


EVERY_KIND = (
    Quirks(),
    Quirks(filters="unsaid"),
    Quirks(filters="lying"),
    Quirks(filters="ignored"),
    HARBOR,
    GGCR,
    Quirks(referrers_type="config", filters="config"),
    Quirks(referrers_type="missing"),
    Quirks(referrers_annotations=False),
    Quirks(referrers_page_size=1),
    Quirks(referrers_page_size=1, filters="config"),
    Quirks(referrers_page_size=1, referrers_type="config", filters="config"),
)


class TestTypes:
    @with_quirks(*EVERY_KIND)
    def test_every_registry_gives_the_same(self, registry: Registry) -> None:
        """RFR-05, RFR-08, RFT-09: types and annotations are the manifests', whatever the registry lists."""
        subject, entries = put_several(registry)
        assert found(open_repository(registry), subject) == list(entries.values())

    @with_quirks(*EVERY_KIND)
    @pytest.mark.parametrize(
        ("artifact_type", "names"),
        [
            (SBOM, ["config", "sbom"]),
            (SIGNATURE, ["signature", "index"]),
            (MODEL, ["model"]),
            (MODEL_CONFIG, []),
            (media_types.EMPTY, []),
            ("application/vnd.example.absent+json", []),
        ],
    )
    def test_filter(self, registry: Registry, artifact_type: str, names: list[str]) -> None:
        """RFR-08: the filter finds exactly the referrers of that type, on every kind of registry."""
        subject, entries = put_several(registry)
        repository = open_repository(registry)
        wanted = [entries[name] for name in names]
        assert found(repository, subject, artifact_type) == wanted
        # And again, with what the first listing taught.
        assert found(repository, subject, artifact_type) == wanted

    @with_quirks(*EVERY_KIND)
    def test_filters_one_after_another(self, registry: Registry) -> None:
        """RFR-08: what one filter proved about a registry does not spoil the next one."""
        subject, entries = put_several(registry)
        repository = open_repository(registry)
        for artifact_type, names in ((SIGNATURE, ["signature", "index"]), (SBOM, ["config", "sbom"])):
            assert found(repository, subject, artifact_type) == [entries[name] for name in names]

    @with_quirks(HARBOR)
    def test_filter_by_config_is_not_taken_for_proof(self, registry: Registry) -> None:
        """RFR-08: a manifest that passed a filter by its config's type proves nothing good about the filter."""
        subject, entries = put_several(registry)
        repository = open_repository(registry)
        assert found(repository, subject, MODEL_CONFIG) == []
        assert found(repository, subject, SBOM) == [entries["config"], entries["sbom"]]

    def test_proved_filter_is_used_but_for_empty_answers(self, registry: Registry) -> None:
        """RFR-08: a filter that has proved itself saves the second request, unless nothing passed it."""
        subject, entries = put_several(registry)
        repository = open_repository(registry)
        for _ in range(2):
            assert found(repository, subject, SIGNATURE) == [entries["signature"], entries["index"]]
        assert all(asked(registry))
        assert found(repository, subject, "application/vnd.example.absent+json") == []
        assert [bool(query) for query in asked(registry)] == [True, True, True, False]

    def test_one_manifest_proves_an_honest_registry(self, registry: Registry) -> None:
        """RFR-05: a registry that lists right types costs one look, for as long as the repository is used."""
        subject = put_subject(registry)
        for name in "abcde":
            store(registry, make_referrer(subject, name))
        repository = open_repository(registry)
        assert len(found(repository, subject)) == 5
        assert len(found(repository, subject)) == 5
        assert len(read_manifests(registry)) == 1

    def test_one_manifest_of_each_type_is_read_first(self, registry: Registry) -> None:
        """RFR-05: many referrers that prove nothing don't have to be read before one that does."""
        subject = put_subject(registry)
        for number in range(6):
            by_config = make_referrer(subject, f"r{number}", artifact_type=None, config=config_of(SIGNATURE))
            store(registry, by_config)
        store(registry, make_referrer(subject))
        assert len(found(open_repository(registry), subject)) == 7
        assert len(read_manifests(registry)) == 2

    @with_quirks(Quirks(referrers_type="config"))
    def test_registry_that_lists_wrong_types_is_remembered(self, registry: Registry) -> None:
        """RFR-05: once a type was wrong, every entry is looked up, plausible ones too."""
        subject, _entries = put_several(registry)
        repository = open_repository(registry)
        found(repository, subject)
        other = Descriptor.of(b"other", media_types.OCI_MANIFEST)
        model = make_referrer(other, artifact_type=MODEL, config=config_of(SBOM))
        store(registry, model)
        assert found(repository, other) == [entry_for(model)]
        assert found(repository, other, SBOM) == []

    def test_plus_goes_escaped(self, registry: Registry) -> None:
        """RFR-08: `+` in the filter is sent as %2B."""
        subject = put_subject(registry)
        wanted = "application/vnd.example.thing.v1+json"
        store(registry, make_referrer(subject, artifact_type=wanted))
        assert len(found(open_repository(registry), subject, wanted)) == 1
        assert asked(registry) == ["artifactType=application%2Fvnd.example.thing.v1%2Bjson"]

    def test_empty_answer_to_a_filter_is_asked_again(self, registry: Registry) -> None:
        """RFR-08: that nothing passed the filter may be the filter's fault; the whole list decides."""
        subject = put_subject(registry)
        store(registry, make_referrer(subject))
        repository = open_repository(registry)
        assert found(repository, subject, SIGNATURE) == []
        assert [bool(query) for query in asked(registry)] == [True, False]

    def test_listed_manifest_about_something_else(self, registry: Registry) -> None:
        """RFT-11: where a manifest is read anyway, its subject has to be the one asked about."""
        subject = put_subject(registry)
        elsewhere = Descriptor.of(b"elsewhere", media_types.OCI_MANIFEST)
        stray = make_referrer(elsewhere)
        store(registry, stray)
        registry.configure(referrers_body=build_index(manifests=[entry_for(stray)]).raw)
        assert found(open_repository(registry), subject) == []


class TestModes:
    @with_quirks(DISTRIBUTION_2_8)
    def test_api_alone(self, registry: Registry) -> None:
        """RFT-12: with the API alone allowed, a registry without it is an error; the tag is not read."""
        subject, _entry = referrer_in_tag(registry)
        with pytest.raises(UnsupportedError):
            found(open_repository(registry, mode="api"), subject)
        assert len(registry.requests) == 1

    def test_api_alone_in_a_missing_repository(self, registry: Registry) -> None:
        """RFR-11: a repository that is missing has no referrers."""
        subject = Descriptor.of(b"subject", media_types.OCI_MANIFEST)
        assert found(open_repository(registry, mode="api"), subject) == []

    def test_tag_alone(self, registry: Registry) -> None:
        """RFR-13: with the tag alone allowed, the API is not asked even if it is there."""
        subject, entry = referrer_in_tag(registry)
        store(registry, make_referrer(subject, "b"))
        assert found(open_repository(registry, mode="tag"), subject) == [entry]
        assert asked(registry) == []


class TestManySubjects:
    """RFR-09: one list of tags tells which of many subjects have no referrers tag, where that is certain."""

    @with_quirks(DISTRIBUTION_2_8, replace(DISTRIBUTION_2_8, tags_page_size=2, tags_ignore_n=False))
    def test_subjects_without_a_tag(self, registry: Registry) -> None:
        """Whoever has a referrers tag stays to be asked for."""
        repository, subjects = several_subjects(registry)
        assert repository.without_referrers(subjects) == {subject.digest for subject in subjects[1:]}
        assert len(registry.matching("GET", "/tags/list")) in (1, 2)

    @with_quirks(DISTRIBUTION_2_8)
    def test_nothing_is_certain_before_a_list_was_read(self, registry: Registry) -> None:
        """Only a list of tags that has a known referrers tag counts."""
        _, subjects = several_subjects(registry)
        assert open_repository(registry).without_referrers(subjects) == frozenset()
        assert registry.matching("GET", "/tags/list") == []

    @with_quirks(DISTRIBUTION_2_8)
    @pytest.mark.parametrize(
        "fault",
        [
            Fault(path="/tags/list", status=403),
            Fault(path="/tags/list", status=200, body=b'{"name":"a","tags":["v1"]}'),
            Fault(path="/tags/list", status=200, body=b"nonsense"),
        ],
    )
    def test_a_list_that_is_refused_or_leaves_tags_out(self, registry: Registry, fault: Fault) -> None:
        """Then each subject is asked for."""
        repository, subjects = several_subjects(registry)
        registry.configure(faults=(fault,))
        assert repository.without_referrers(subjects) == frozenset()

    @with_quirks(replace(DISTRIBUTION_2_8, tags_page_size=1, tags_ignore_n=False))
    def test_a_list_that_is_too_long_is_given_up(self, registry: Registry) -> None:
        """It is read no further than it can save requests."""
        repository, subjects = several_subjects(registry)
        for number in range(9):
            registry.put_manifest(NAME, b'{"schemaVersion":2}', tag=f"v{number}")
        assert repository.without_referrers(subjects) == frozenset()
        assert len(registry.matching("GET", "/tags/list")) == 3

    @with_quirks(GGCR)
    def test_a_registry_with_the_api_is_asked_for_each(self, registry: Registry) -> None:
        """Tags tell nothing there."""
        repository, subjects = several_subjects(registry)
        assert repository.without_referrers(subjects) == frozenset()
        assert registry.matching("GET", "/tags/list") == []


class TestErrors:
    def test_no_connection(self) -> None:
        """RFR-10: a registry that can't be reached is an error, never an empty list."""
        with Registry() as registry:
            host = registry.host
        repository = Repository(Reference(registry=host, repository=NAME), TransportConfig(limits=QUICK))
        subject = Descriptor(media_type=media_types.OCI_MANIFEST, digest=Digest.of(b""), size=0)
        with pytest.raises(OcictlError) as caught:
            found(repository, subject)
        assert isinstance(caught.value, TransportError)
