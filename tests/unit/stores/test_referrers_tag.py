"""Updating the list under a referrers tag: nothing is lost, nothing foreign is overwritten."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ocictl.errors import ConflictError, ContentError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.stores.referrers import entry_for, fallback_tag
from ocictl.transport.config import Limits
from tests.support.registry import (
    DISTRIBUTION_2_8,
    GITLAB,
    Fault,
    LostUpdates,
    Quirks,
    Registry,
    Reply,
    Request,
)
from tests.unit.stores.helpers_repository import (
    NAME,
    QUICK,
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
RIVAL = {
    "mediaType": media_types.OCI_MANIFEST,
    "digest": "sha256:" + "7" * 64,
    "size": 7,
    "artifactType": "a/b",
}


def with_quirks(*values: Quirks) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("quirks", values, indirect=True)


def writes(registry: Registry, subject: Descriptor) -> list[Request]:
    """The requests that wrote the subject's referrers tag."""
    return registry.matching("PUT", fallback_tag(subject.digest))


def reads(registry: Registry, subject: Descriptor) -> list[Request]:
    return registry.matching("GET", fallback_tag(subject.digest))


class TestOccupiedTag:
    def hold(self, registry: Registry, subject: Descriptor, raw: bytes, media_type: str) -> str:
        return registry.put_manifest(NAME, raw, media_type=media_type, tag=fallback_tag(subject.digest))

    @with_quirks(NO_API)
    @pytest.mark.parametrize(
        ("raw", "media_type"),
        [
            (b"any manifest", media_types.OCI_MANIFEST),
            (b'{"schemaVersion":2,"manifests":[]}', media_types.DOCKER_LIST),
            (b'{"schemaVersion":2,"manifests":{}}', media_types.OCI_INDEX),
            (b"<html>", media_types.OCI_INDEX),
            (b"<html>", "text/html"),
            (b'{"schemaVersion":2,"manifests":[],"layers":[]}', media_types.OCI_INDEX),
        ],
    )
    def test_is_left_alone(self, registry: Registry, raw: bytes, media_type: str) -> None:
        """RFT-03: what is not an OCI image index is reported and not overwritten; the referrer stays pushed."""
        subject = put_subject(registry)
        held = self.hold(registry, subject, raw, media_type)
        referrer = make_referrer(subject)
        with pytest.raises(ConflictError) as caught:
            push(open_repository(registry), referrer)
        assert caught.value.code == "referrers-tag-occupied"
        assert str(referrer.descriptor().digest) in caught.value.message
        assert fallback_tag(subject.digest) in (caught.value.hint or "")
        assert registry.repository(NAME).tags[fallback_tag(subject.digest)] == held
        assert writes(registry, subject) == []

    @with_quirks(GITLAB)
    @pytest.mark.parametrize("as_index", [False, True])
    def test_the_subject_itself_is_no_list(self, registry: Registry, as_index: bool) -> None:
        """RFT-10: a tag that gives the subject itself is not its list, even if the subject is an index."""
        subject = put_subject(registry)
        if as_index:
            raw = json.dumps(
                {"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [subject.to_json()]}
            ).encode()
            registry.put_manifest(NAME, raw)
            subject = Descriptor.of(raw, media_types.OCI_INDEX)
        with pytest.raises(ConflictError) as caught:
            push(open_repository(registry), make_referrer(subject))
        assert caught.value.code == "referrers-tag-occupied"
        assert writes(registry, subject) == []


class TestSize:
    @with_quirks(NO_API)
    def test_list_that_would_grow_too_large(self, registry: Registry) -> None:
        """RFT-07, MPUT-07: a list is not written beyond what can be read again."""
        subject = put_subject(registry)
        put_list(registry, subject, RIVAL, annotations={"filler": "x" * 900})
        with pytest.raises(ContentError) as caught:
            push(open_repository(registry, limits=Limits(manifest_bytes=1200)), make_referrer(subject))
        assert caught.value.code == "document-too-large"
        assert any("is pushed" in note for note in caught.value.__notes__)
        assert writes(registry, subject) == []

    @with_quirks(NO_API)
    def test_list_that_is_too_large(self, registry: Registry) -> None:
        """PULL-11: a list that is too large to read is not replaced by a new one."""
        subject = put_subject(registry)
        held = put_list(registry, subject, RIVAL, annotations={"filler": "x" * 2000})
        with pytest.raises(ContentError) as caught:
            push(open_repository(registry, limits=Limits(manifest_bytes=1200)), make_referrer(subject))
        assert caught.value.code == "document-too-large"
        assert registry.repository(NAME).tags[fallback_tag(subject.digest)] == held


class TestConditions:
    @with_quirks(DISTRIBUTION_2_8, Quirks(referrers_api=False, etag="honoured"))
    def test_are_sent_as_hints(self, registry: Registry) -> None:
        """RFT-08: a new list is put with If-None-Match, a changed one with If-Match."""
        subject = put_subject(registry)
        push(open_repository(registry), make_referrer(subject, "a"))
        first = registry.repository(NAME).tags[fallback_tag(subject.digest)]
        push(open_repository(registry), make_referrer(subject, "b"))
        new, changed = writes(registry, subject)
        assert new.header("If-None-Match") == "*"
        assert new.header("If-Match") is None
        assert changed.header("If-Match") == f'"{first}"'
        assert changed.header("If-None-Match") is None
        assert len(listed_under_tag(registry, subject)) == 2

    @with_quirks(NO_API)
    def test_without_an_etag_there_is_none(self, registry: Registry) -> None:
        """RFT-08: a registry that sends no ETag gets no condition."""
        subject = put_subject(registry)
        put_list(registry, subject, require(registry, subject))
        push(open_repository(registry), make_referrer(subject))
        (request,) = writes(registry, subject)
        assert request.header("If-Match") is None

    @with_quirks(NO_API)
    def test_weak_etags_are_not_used(self, registry: Registry) -> None:
        """RFT-08: a weak ETag never satisfies If-Match, so it is not sent as one."""
        subject = put_subject(registry)
        put_list(registry, subject, require(registry, subject))

        def weak(request: Request, reply: Reply, _registry: Registry) -> None:
            if request.method == "GET":
                reply.set("ETag", 'W/"1"')

        registry.configure(after=weak)
        push(open_repository(registry), make_referrer(subject))
        (request,) = writes(registry, subject)
        assert request.header("If-Match") is None

    @with_quirks(Quirks(referrers_api=False, etag="honoured", require_blobs=False))
    @pytest.mark.parametrize("fresh", [True, False])
    def test_412_starts_over(self, registry: Registry, fresh: bool) -> None:
        """RFT-08: when another writer was faster, the list is read again, and both entries are in it."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        if not fresh:
            put_list(registry, subject, {**RIVAL, "digest": "sha256:" + "6" * 64})
        intrude = once(lambda: put_list(registry, subject, RIVAL))

        def rival(request: Request, _registry: Registry) -> None:
            if request.method == "PUT" and fallback_tag(subject.digest) in request.target:
                intrude()

        registry.configure(before=rival)
        recorded = Recorded()
        receipt = push(open_repository(registry, recorded=recorded), referrer)
        assert receipt.listing == "added"
        assert digests(listed_under_tag(registry, subject)) == [
            RIVAL["digest"],
            str(referrer.descriptor().digest),
        ]
        assert len(writes(registry, subject)) == 2
        assert len(recorded.pauses) == 2

    @with_quirks(NO_API, DISTRIBUTION_2_8)
    @pytest.mark.parametrize("fresh", [True, False])
    def test_412_without_a_reason(self, registry: Registry, fresh: bool) -> None:
        """RFT-08: a registry that refuses a condition although nothing has changed gets none the next time."""
        subject = put_subject(registry)
        if not fresh:
            put_list(registry, subject, require(registry, subject))

        def refuse(request: Request, _registry: Registry) -> Reply | None:
            conditional = request.header("If-Match") or request.header("If-None-Match")
            return Reply(status=412) if conditional else None

        registry.configure(before=refuse, etag="sent")
        assert push(open_repository(registry), make_referrer(subject)).listing == "added"
        assert len(writes(registry, subject)) == 2


def require(registry: Registry, subject: Descriptor) -> dict[str, Any]:
    """The entry of another referrer, which is stored as well."""
    other = make_referrer(subject, "other")
    store(registry, other)
    entry: dict[str, Any] = entry_for(other).to_json()
    return entry


def once(action: Callable[[], object]) -> Callable[[], None]:
    """Do something the first time only."""
    todo = [action]

    def run() -> None:
        if todo:
            todo.pop()()

    return run


class TestConfirmation:
    @with_quirks(Quirks(referrers_api=False, lost_updates=LostUpdates(times=1)))
    def test_written_and_read_back_twice(self, registry: Registry) -> None:
        """RFT-08: an entry is confirmed at once, and again after a pause in which late writers finish."""
        registry.configure(lost_updates=None)
        subject = put_subject(registry)
        recorded = Recorded()
        push(open_repository(registry, recorded=recorded), make_referrer(subject))
        assert len(writes(registry, subject)) == 1
        assert len(reads(registry, subject)) == 3
        assert len(recorded.pauses) == 1

    @pytest.mark.parametrize("rival", [None, RIVAL])
    @pytest.mark.parametrize("times", [1, 3])
    @with_quirks(Quirks(referrers_api=False, require_blobs=False))
    def test_lost_entry_is_written_again(
        self, registry: Registry, rival: dict[str, Any] | None, times: int
    ) -> None:
        """RFT-08: an entry that another writer overwrote is merged again, into what that writer wrote."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        registry.configure(lost_updates=LostUpdates(times=times, rival=rival))
        recorded = Recorded()
        receipt = push(open_repository(registry, recorded=recorded), referrer)
        assert receipt.listing == "added"
        listed = digests(listed_under_tag(registry, subject))
        assert str(referrer.descriptor().digest) in listed
        assert (RIVAL["digest"] in listed) is (rival is not None)
        assert len(writes(registry, subject)) == times + 1
        assert recorded.fallbacks == [(fallback_tag(subject.digest), "added")]

    @with_quirks(Quirks(referrers_api=False, require_blobs=False))
    def test_entry_that_is_lost_late(self, registry: Registry) -> None:
        """RFT-08: a writer who comes after the first look is noticed by the second."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        intrude = once(lambda: put_list(registry, subject, RIVAL))
        recorded = Recorded(on_sleep=intrude)
        push(open_repository(registry, recorded=recorded), referrer)
        assert digests(listed_under_tag(registry, subject)) == [
            RIVAL["digest"],
            str(referrer.descriptor().digest),
        ]

    @pytest.mark.parametrize(("changes", "looks"), [(1, 3), (4, 6), (100, 10)])
    @with_quirks(Quirks(referrers_api=False, require_blobs=False))
    def test_looks_until_the_list_is_quiet(self, registry: Registry, changes: int, looks: int) -> None:
        """RFT-08: as long as others write between two looks, the entry is looked for again; but not for ever."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        added: list[int] = []

        def add_another() -> None:
            if len(added) < changes:
                added.append(len(added))
                other = {**RIVAL, "digest": f"sha256:{len(added):064x}"}
                put_list(registry, subject, *listed_under_tag(registry, subject), other)

        recorded = Recorded(on_sleep=add_another)
        assert push(open_repository(registry, recorded=recorded), referrer).listing == "added"
        assert len(reads(registry, subject)) == 1 + looks
        assert len(writes(registry, subject)) == 1

    @with_quirks(Quirks(referrers_api=False, require_blobs=False))
    def test_entry_that_comes_back_by_itself(self, registry: Registry) -> None:
        """RFT-08: a registry that shows a write late has not lost it; it is not written again."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        tag = fallback_tag(subject.digest)
        hide = once(lambda: registry.configure(faults=(Fault(method="GET", path=tag, status=404),)))

        def after_write(request: Request, _reply: Reply, _registry: Registry) -> None:
            if request.method == "PUT" and tag in request.target:
                hide()

        registry.configure(after=after_write)
        assert push(open_repository(registry), referrer).listing == "added"
        assert len(writes(registry, subject)) == 1

    @with_quirks(Quirks(referrers_api=False, require_blobs=False))
    def test_gives_up_in_the_end(self, registry: Registry) -> None:
        """RFT-08: attempts are bounded; the error says what is pushed, and to run the command again."""
        subject = put_subject(registry)
        referrer = make_referrer(subject)
        registry.configure(lost_updates=LostUpdates(times=1000, rival=RIVAL))
        recorded = Recorded()
        limits = Limits(referrers_attempts=4, retry_base=0.0, retry_max=0.0)
        with pytest.raises(ConflictError) as caught:
            push(open_repository(registry, recorded=recorded, limits=limits), referrer)
        error = caught.value
        assert error.code == "attach-unconfirmed"
        assert str(referrer.descriptor().digest) in error.message
        assert error.details["pushed"] == str(referrer.descriptor().digest)
        assert "again" in (error.hint or "")
        assert len(writes(registry, subject)) == 4
        assert RIVAL["digest"] in digests(listed_under_tag(registry, subject))
        assert recorded.fallbacks == []

    @with_quirks(Quirks(referrers_api=False, require_blobs=False, lost_updates=LostUpdates(times=6)))
    def test_pauses_are_bounded(self, registry: Registry) -> None:
        """RFT-08: the random waits between rounds grow, but never beyond the limit."""
        subject = put_subject(registry)
        recorded = Recorded()
        limits = Limits(retry_base=0.0, retry_max=0.02)
        push(open_repository(registry, recorded=recorded, limits=limits), make_referrer(subject))
        assert len(recorded.pauses) == 7
        assert all(0 <= pause <= 0.02 for pause in recorded.pauses)


class TestConcurrency:
    @with_quirks(NO_API, DISTRIBUTION_2_8)
    def test_threads_with_own_repository_objects(self, registry: Registry) -> None:
        """RFT-08: updates of one tag are serialised inside a process; every referrer ends up listed."""
        subject = put_subject(registry)
        referrers = [make_referrer(subject, f"r{number}") for number in range(8)]
        gate = threading.Barrier(len(referrers))
        failures: list[BaseException] = []

        def attach(number: int) -> None:
            repository = open_repository(registry)
            gate.wait(10)
            try:
                push(repository, referrers[number])
            except BaseException as error:
                failures.append(error)
                raise

        threads = [threading.Thread(target=attach, args=(number,)) for number in range(len(referrers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        wanted = {str(referrer.descriptor().digest) for referrer in referrers}
        assert set(digests(listed_under_tag(registry, subject))) == wanted
        # No round was wasted: the lock kept them apart.
        assert len(writes(registry, subject)) == len(referrers)

    @with_quirks(NO_API)
    def test_other_subjects_do_not_wait(self, registry: Registry) -> None:
        """RFT-08: only updates of the same tag queue; another subject's list is free meanwhile."""
        first, second = put_subject(registry), put_subject_named(registry, "other")
        done: list[str] = []

        def attach_elsewhere() -> None:
            done.append(str(push(open_repository(registry), make_referrer(second)).listing))

        def during_the_pause() -> None:
            thread = threading.Thread(target=attach_elsewhere)
            thread.start()
            thread.join(20)

        recorded = Recorded(on_sleep=during_the_pause)
        push(open_repository(registry, recorded=recorded, limits=QUICK), make_referrer(first))
        assert done == ["added"]


def put_subject_named(registry: Registry, name: str) -> Descriptor:
    return Descriptor.from_json(registry.put_artifact(NAME, {name: name.encode()}))
