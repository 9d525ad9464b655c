"""Which list a referrer is put into when it is pushed, and taken out of when it is deleted (RFT)."""

from __future__ import annotations

from ocictl.content import read_document
from ocictl.errors import ContentError, OcictlError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Document
from ocictl.stores import referrers
from ocictl.stores._pushing import wrong_subject
from ocictl.stores.referrers_api import ReferrersApi
from ocictl.stores.referrers_reader import no_endpoint
from ocictl.stores.referrers_tag import ReferrersTag
from ocictl.target import PushReceipt, ReadOnlyTarget, ReferrersMode


class ReferrersWriter:
    """Keeps the lists of one repository's referrers right, where that is the client's duty."""

    def __init__(
        self, target: ReadOnlyTarget, api: ReferrersApi, tag: ReferrersTag, mode: ReferrersMode
    ) -> None:
        self._target = target
        self._api = api
        self._tag = tag
        self._mode = mode

    def add(
        self, descriptor: Descriptor, document: Document, subject: Descriptor, answer: str | None
    ) -> PushReceipt:
        """See to it that a pushed referrer is listed: the table of RFT-02."""
        if self._mode != "tag" and answer:
            if answer.strip() != str(subject.digest):
                raise wrong_subject(descriptor, subject, answer)
            self._api.confirm()
            return PushReceipt(descriptor=descriptor, listing="registry")
        if self._mode == "api":
            self._check_api(descriptor, subject)
            return PushReceipt(descriptor=descriptor, listing="registry")
        action = self._tag.add(subject, referrers.entry_for(document, descriptor))
        return PushReceipt(
            descriptor=descriptor, listing=action, fallback_tag=referrers.fallback_tag(subject.digest)
        )

    def remove(self, descriptor: Descriptor) -> Document | None:
        """Take a document out of its subject's referrers tag; return it if it was there."""
        if self._mode == "api" or descriptor.media_type not in media_types.HAVE_SUBJECT:
            return None
        try:
            document = read_document(self._target, descriptor)
        except ContentError:
            # Broken content can't say what it is about, and may be deleted for just that reason.
            return None
        if document.subject is None or (self._mode == "auto" and self._has_api(document.subject)):
            return None
        return document if self._tag.remove(document.subject, descriptor) else None

    def put_back(self, document: Document, descriptor: Descriptor) -> None:
        """Undo `remove`."""
        if document.subject is not None:
            self._tag.add(document.subject, referrers.entry_for(document, descriptor))

    def _check_api(self, descriptor: Descriptor, subject: Descriptor) -> None:
        try:
            pages = self._api.pages(subject)
        except OcictlError as error:
            error.details.setdefault("pushed", str(descriptor.digest))
            error.add_note(f"the referrer {descriptor.digest} is pushed; that it is listed is not confirmed")
            raise
        if pages is None:
            missing = no_endpoint(subject)
            missing.details["pushed"] = str(descriptor.digest)
            missing.add_note(f"the referrer {descriptor.digest} is pushed, but not listed")
            raise missing

    def _has_api(self, subject: Descriptor) -> bool:
        """Whether the registry keeps the lists itself."""
        return self._api.support == "yes" or (
            self._api.support == "unknown" and self._api.pages(subject) is not None
        )
