"""Listing the referrers of a subject: by API or by tag, with the artifact types they really have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, Literal

from ocictl.content import read_document
from ocictl.errors import ContentError, NotFoundError, OcictlError, UnsupportedError
from ocictl.lazy_dataclass import dataclass, replace
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index
from ocictl.stores import referrers
from ocictl.stores.referrers_api import ReferrersApi
from ocictl.stores.referrers_tag import ReferrersTag
from ocictl.target import ReadOnlyTarget, ReferrersMode

_SAVING: Final = 8
"""Lookups that a page of the list of tags must replace to be worth its request."""
SAMPLES: Final = 32
"""Manifests of one page that are read at most to learn whether a registry's lists are right."""


@dataclass(slots=True)
class _Trust:
    """What manifests have proved about the lists of this registry.

    Attributes:
        entries: artifact types and annotations in its lists are those of the manifests (RFR-05). Some
            servers always list the media type of the config, some leave things out.
        filter_works: its filter goes by the manifest's artifact type (RFR-08). Some went by the config.
    """

    entries: Literal["unknown", "right", "wrong"] = "unknown"
    filter_works: bool = False


@dataclass(frozen=True, slots=True)
class _Looked:
    """An entry compared with its manifest.

    Attributes:
        entry: as it should be listed; None if the manifest is about something else (RFT-11).
        document: the manifest; None if it can't be read, and then the entry is as listed.
    """

    entry: Descriptor | None
    document: Document | None


class ReferrersReader:
    """Lists referrers in one repository."""

    def __init__(
        self, target: ReadOnlyTarget, api: ReferrersApi, tag: ReferrersTag, mode: ReferrersMode
    ) -> None:
        """
        Args:
            target: where the referrers' manifests are read, verified.
            api: the endpoint.
            tag: the referrers tags.
            mode: which of them may be used; `auto`: the tag where there is no endpoint (RFR-09).
        """
        self._target = target
        self._api = api
        self._tag = tag
        self._mode = mode
        self._trust = _Trust()
        self._witness: str | None = None

    def find(self, subject: Descriptor, artifact_type: str | None) -> Iterator[Descriptor]:
        """Yield each referrer once. The filter is applied here, whatever the registry did (RFR-08).

        Raises:
            UnsupportedError: the mode is `api` and there is no endpoint.
            RegistryError: the registry refused; never taken for "no referrers" (RFR-10).
        """
        for entry in referrers.unique(self._listed(subject, artifact_type)):
            if entry.digest != subject.digest and referrers.matches(entry, artifact_type):
                yield entry

    def _listed(self, subject: Descriptor, artifact_type: str | None) -> Iterable[Descriptor]:
        lookup = _Lookup(self._target, subject, self._trust)
        if self._mode == "tag" or (self._mode == "auto" and self._api.support == "no"):
            return self._from_tag(lookup, subject)
        try:
            pages = self._pages(lookup, subject, artifact_type)
        except NotFoundError:
            # The repository is missing, says the registry. If it is wrong, the tag may still be there.
            return self._from_tag(lookup, subject) if self._mode == "auto" else ()
        if pages is not None:
            return lookup.from_api(pages)
        if self._mode == "api":
            raise no_endpoint(subject)
        return self._from_tag(lookup, subject)

    def _from_tag(self, lookup: _Lookup, subject: Descriptor) -> Iterator[Descriptor]:
        entries = self._tag.read(subject)
        if entries:
            self._witness = referrers.fallback_tag(subject.digest)
        return lookup.from_tag(entries)

    def without(self, subjects: Sequence[Descriptor], pages: Iterable[Sequence[str]]) -> frozenset[Digest]:
        """Those subjects that have no referrers, as the list of all tags shows: one request for many.

        Only where referrers are looked up by tag. The list counts only if it has a referrers tag that was read
        before, since some registries leave tags out; and it is given up if it is so long that nothing is saved.

        Args:
            subjects: which to tell about.
            pages: the list of tags, page by page, fetched on demand.
        """
        by_tag = self._mode == "tag" or (self._mode == "auto" and self._api.support == "no")
        if not by_tag or self._witness is None:
            return frozenset()
        tags: set[str] = set()
        wanted = {referrers.fallback_tag(subject.digest) for subject in subjects} | {self._witness}
        try:
            for number, page in enumerate(pages):
                if number * _SAVING >= len(subjects):
                    return frozenset()
                tags.update(wanted.intersection(page))
        except OcictlError:
            return frozenset()  # whoever may not list tags may still read one
        if self._witness not in tags:
            return frozenset()
        return frozenset(
            subject.digest for subject in subjects if referrers.fallback_tag(subject.digest) not in tags
        )

    def _pages(
        self, lookup: _Lookup, subject: Descriptor, artifact_type: str | None
    ) -> Iterator[Index] | None:
        """The pages of the endpoint: filtered by the registry only if it proves that it can."""
        if artifact_type is not None and self._trust.entries != "wrong":
            pages = self._api.pages(subject, artifact_type)
            if pages is None:
                return None
            first = next(pages)
            if lookup.proves_filter(first.manifests, artifact_type):
                return _again(first, pages)
        # Also when the filtered list was empty: that may be the filter's fault.
        return self._api.pages(subject)


class _Lookup:
    """Corrects the entries of one list by their manifests, where that is needed."""

    def __init__(self, target: ReadOnlyTarget, subject: Descriptor, trust: _Trust) -> None:
        self._target = target
        self._subject = subject
        self._trust = trust
        self._looked: dict[Digest, _Looked] = {}

    def from_api(self, pages: Iterable[Index]) -> Iterator[Descriptor]:
        """The entries of the endpoint's lists, right."""
        for page in pages:
            self._sample(page.manifests)
            for entry in page.manifests:
                known = entry.digest in self._looked
                if known or self._trust.entries == "wrong" or referrers.is_vague(entry):
                    yield from self._right(entry)
                else:
                    yield entry

    def from_tag(self, entries: Iterable[Descriptor]) -> Iterator[Descriptor]:
        """The entries of a referrers tag, right where they are vague (RFT-09).

        An entry with a platform looks like a child of an index that was taken for a list of referrers,
        and has to prove that it is about the subject (RFT-10, RFT-11).
        """
        for entry in entries:
            if referrers.is_vague(entry) or entry.platform is not None:
                yield from self._right(entry)
            else:
                yield entry

    def proves_filter(self, entries: Sequence[Descriptor], artifact_type: str) -> bool:
        """Whether a list that was asked for with a filter can be relied on to be complete.

        A manifest proves it that the filter found by its artifact type and not by its config's media type.
        """
        self._sample(entries)
        if self._trust.entries == "wrong" or not entries:
            return False
        for entry in _samples(entries):
            if self._trust.filter_works:
                break
            document = self._look_up(entry).document
            if document is not None and referrers.is_own_type_evidence(document):
                self._trust.filter_works = media_types.same(document.artifact_type, artifact_type)
        return self._trust.filter_works

    def _sample(self, entries: Sequence[Descriptor]) -> None:
        """Read manifests until one proves by which rule this registry fills its lists (RFR-05)."""
        for entry in _samples(entries):
            if self._trust.entries != "unknown":
                return
            document = self._look_up(entry).document
            if document is not None and referrers.is_own_type_evidence(document):
                stale = referrers.is_stale(entry, referrers.entry_for(document, entry))
                self._trust.entries = "wrong" if stale else "right"

    def _right(self, entry: Descriptor) -> Iterator[Descriptor]:
        right = self._look_up(entry).entry
        if right is not None:
            yield right

    def _look_up(self, entry: Descriptor) -> _Looked:
        if entry.digest not in self._looked:
            self._looked[entry.digest] = self._compare(entry)
        return self._looked[entry.digest]

    def _compare(self, entry: Descriptor) -> _Looked:
        if not entry.is_document:
            return _Looked(entry, None)
        try:
            document = read_document(self._target, entry)
        except (NotFoundError, ContentError):
            # Listed but gone or broken: show what the list says, it is not the list's fault.
            return _Looked(entry, None)
        if document.subject is None or document.subject.digest != self._subject.digest:
            return _Looked(None, document)
        right = referrers.entry_for(document, entry)
        annotations = {**entry.annotations, **right.annotations}
        return _Looked(replace(entry, artifact_type=right.artifact_type, annotations=annotations), document)


def no_endpoint(subject: Descriptor) -> UnsupportedError:
    """The error where only the referrers API may be used and it is not there."""
    return UnsupportedError(
        f"the registry has no referrers API to list what is about {subject.digest}",
        hint="leave out --distribution-spec, or give it the value v1.1-referrers-tag",
        details={"subject": str(subject.digest), "rule": "RFT-12"},
    )


def _samples(entries: Sequence[Descriptor]) -> Iterator[Descriptor]:
    """Entries that may prove something, one of each artifact type first."""
    manifests = [entry for entry in entries if entry.media_type in media_types.MANIFEST_TYPES]
    first_of_type = {entry.artifact_type: entry for entry in reversed(manifests)}
    ordered = referrers.unique([*reversed(first_of_type.values()), *manifests])
    return islice(ordered, SAMPLES)


def _again(first: Index, others: Iterator[Index]) -> Iterator[Index]:
    yield first
    yield from others
