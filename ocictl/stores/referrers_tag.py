"""The referrers tag of a subject: a list of referrers kept by clients (section RFT).

Nothing on the registry's side protects this list. Two writers who read it at the same time overwrite each
other, and few registries honour conditional requests. So each update is confirmed by reading the tag again,
at once and after a pause that is longer than another writer's round, until the list is quiet; and it is
repeated if the entry is gone. A writer that stalls for longer than that can still undo a confirmed update:
whoever needs more has to look again later.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, NoReturn, TypeAlias
from weakref import WeakValueDictionary

from ocictl.errors import ConflictError, ContentError, NotFoundError, OcictlError
from ocictl.events import EventSink, FallbackUsed
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Index
from ocictl.stores import referrers
from ocictl.stores.manifests import Manifests, check_document_size
from ocictl.transport.config import Limits

_Action: TypeAlias = Literal["added", "repaired", "present", "removed"]
_NEVER: Final = object()
_SHORTEST_PAUSE: Final = 0.2
"""Seconds that another writer's round is taken to last at least, however fast ours was. With eight writers at once
on two busy cores, 0.05 still lost an entry now and then, and 0.2 lost none."""
_MOST_LOOKS: Final = 10
"""Looks at a list that never gets quiet before an entry that was there each time is taken as confirmed."""

_locks: WeakValueDictionary[tuple[str, str], threading.Lock] = WeakValueDictionary()
_locks_guard = threading.Lock()
# Process-wide by purpose: all repository objects of one process have to queue at the same lock. A lock lives
# only as long as somebody holds it or waits for it.


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What the tag holds: the list, and by what to recognise this very state."""

    index: Index
    digest: Digest | None
    etag: str | None

    @property
    def conditions(self) -> dict[str, str]:
        """The precondition "the tag still holds this". A weak ETag can't be one (RFC 9110, 13.1.1)."""
        if self.digest is None:
            return {"If-None-Match": "*"}
        return {"If-Match": self.etag} if self.etag and not self.etag.startswith("W/") else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Addition:
    """A pushed referrer comes into its subject's list."""

    tag: str
    subject: Descriptor
    entry: Descriptor

    @property
    def pushed(self) -> Descriptor | None:
        return self.entry

    def apply(self, index: Index) -> tuple[Index, _Action]:
        return referrers.merge_entry(index, self.entry)

    def is_in(self, index: Index) -> bool:
        return referrers.lists(index, self.entry.digest)

    def unconfirmed(self) -> ConflictError:
        return ConflictError(
            f"{self.entry.digest} is pushed, but other writers kept overwriting its entry under the referrers tag "
            f"{self.tag!r}",
            code="attach-unconfirmed",
            hint="run the same command again; what is pushed is not sent twice",
            details={"tag": self.tag, "subject": str(self.subject.digest), "rule": "RFT-08"},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Removal:
    """A referrer that will be deleted leaves its subject's list."""

    tag: str
    subject: Descriptor
    entry: Descriptor

    @property
    def pushed(self) -> Descriptor | None:
        return None

    def apply(self, index: Index) -> tuple[Index, _Action]:
        shorter = referrers.without_entry(index, self.entry.digest)
        return shorter, "present" if shorter is index else "removed"

    def is_in(self, index: Index) -> bool:
        return not referrers.lists(index, self.entry.digest)

    def unconfirmed(self) -> ConflictError:
        return ConflictError(
            f"other writers kept bringing {self.entry.digest} back under the referrers tag {self.tag!r}; "
            "nothing was deleted",
            code="delete-unconfirmed",
            hint="run the same command again",
            details={"tag": self.tag, "subject": str(self.subject.digest), "rule": "DEL-04"},
        )


_Change: TypeAlias = _Addition | _Removal


class ReferrersTag:
    """Reads and updates the referrers tags of one repository."""

    def __init__(
        self,
        manifests: Manifests,
        path: str,
        *,
        limits: Limits,
        on_event: EventSink,
        sleep: Callable[[float], None],
    ) -> None:
        """
        Args:
            manifests: the endpoint.
            path: registry and repository, for messages and for the lock.
            limits: see there.
            on_event: told about each use (`FallbackUsed`).
            sleep: waits so many seconds.
        """
        self._manifests = manifests
        self._path = path
        self._limits = limits
        self._on_event = on_event
        self._sleep = sleep
        self._random = random.SystemRandom()

    def read(self, subject: Descriptor) -> tuple[Descriptor, ...]:
        """The entries under the subject's referrers tag; none if the tag holds no such list (RFR-09, RFT-10).

        Raises:
            ContentError: `document-too-large` or `digest-mismatch`: "no referrers" would be a lie.
        """
        tag = referrers.fallback_tag(subject.digest)
        self._on_event(FallbackUsed(tag=tag, action="read"))
        try:
            return self._state(tag, subject).index.manifests
        except ConflictError:
            return ()

    def add(self, subject: Descriptor, entry: Descriptor) -> referrers.MergeAction:
        """Put a pushed referrer into its subject's list, and confirm that it is there (RFT-02 to RFT-09).

        Raises:
            ConflictError: `referrers-tag-occupied`: the tag holds something else, which was left alone;
                `attach-unconfirmed`: other writers overwrote the entry again and again.
            ContentError: `document-too-large`: the list is or would become too large.
            OcictlError: a request failed. In all cases the referrer itself stays pushed, and notes say so.
        """
        tag = referrers.fallback_tag(subject.digest)
        try:
            with self._lock(tag):
                action = self._update(_Addition(tag=tag, subject=subject, entry=entry))
        except OcictlError as error:
            error.details.setdefault("pushed", str(entry.digest))
            if not isinstance(error, ConflictError):
                error.add_note(
                    f"the referrer {entry.digest} is pushed; its entry under the tag {tag!r} is not confirmed"
                )
            raise
        self._on_event(FallbackUsed(tag=tag, action=action))
        return "present" if action == "removed" else action

    def remove(self, subject: Descriptor, entry: Descriptor) -> bool:
        """Take a referrer out of its subject's list, and confirm that it is gone (DEL-04). An emptied list stays.

        Returns:
            Whether it was listed. It was not where the tag holds no list at all.

        Raises:
            ConflictError: `delete-unconfirmed`: other writers brought the entry back again and again.
            ContentError: `document-too-large` or `digest-mismatch`: the list can't be trusted.
        """
        tag = referrers.fallback_tag(subject.digest)
        with self._lock(tag):
            try:
                self._state(tag, subject)
            except ConflictError:
                return False
            action = self._update(_Removal(tag=tag, subject=subject, entry=entry))
        if action == "removed":
            self._on_event(FallbackUsed(tag=tag, action=action))
        return action == "removed"

    def _update(self, change: _Change) -> _Action:
        """Make a change until the list is seen to have it; `present` if it had it before."""
        done: _Action | None = None
        refused: object = _NEVER
        pause = self._limits.retry_base
        for attempt in range(self._limits.referrers_attempts):
            if attempt:
                self._sleep(self._random.uniform(0, min(pause * 2**attempt, self._limits.retry_max)))
            started = time.monotonic()
            state = self._state(change.tag, change.subject, pushed=change.pushed)
            index, action = change.apply(state.index)
            if action == "present":
                return done or action
            check_document_size(
                len(index.raw),
                self._limits.manifest_bytes,
                f"the list under the referrers tag {change.tag!r}",
            )
            # A registry that refused although nothing had changed gets no condition again.
            conditions = {} if state.digest == refused else state.conditions
            if self._manifests.put(change.tag, index.raw, index.descriptor(), conditions=conditions) is None:
                refused = state.digest
                continue
            done = done or action
            pause = max(time.monotonic() - started, _SHORTEST_PAUSE)
            if self._is_confirmed(change, Digest.of(index.raw), pause):
                return done
        raise change.unconfirmed()

    def _is_confirmed(self, change: _Change, written: Digest, round_time: float) -> bool:
        """Whether the list has the change to stay.

        It is looked for at once, and again after a pause in which whoever had read an older list will have
        written theirs. As long as the list changes between two looks, others are at work: the pauses get
        longer then, and the looks go on until the list is quiet.
        """
        seen = written
        for look in range(_MOST_LOOKS):
            if look:
                longer = 1 if seen == written else 2
                pause = self._random.uniform(1, 2) * longer * round_time
                self._sleep(min(pause, self._limits.retry_max))
            state = self._state(change.tag, change.subject, pushed=change.pushed)
            if not change.is_in(state.index):
                return False
            if look and state.digest == seen:
                return True
            seen = state.digest or written
        return True

    def _state(self, tag: str, subject: Descriptor, *, pushed: Descriptor | None = None) -> _State:
        try:
            fetched = self._manifests.get(tag)
        except NotFoundError:
            return _State(index=referrers.empty_list(), digest=None, etag=None)
        except ContentError as error:
            if error.code != "document-malformed":
                raise
            self._occupied(tag, subject, pushed, "holds no document")
        if Digest.of(fetched.raw, subject.digest.algorithm) == subject.digest:
            # GitLab takes the tag sha256-HEX for the digest sha256:HEX (RFT-10).
            self._occupied(tag, subject, pushed, "gives the subject itself")
        try:
            index = referrers.read_list(fetched.raw, fetched.descriptor.media_type)
        except ContentError:
            self._occupied(
                tag, subject, pushed, f"holds {fetched.descriptor.media_type}, not a list of referrers"
            )
        return _State(index=index, digest=fetched.descriptor.digest, etag=fetched.etag)

    def _occupied(self, tag: str, subject: Descriptor, pushed: Descriptor | None, what: str) -> NoReturn:
        state = f"; {pushed.digest} is pushed, but not listed" if pushed else ""
        raise ConflictError(
            f"the referrers tag {tag!r} {what}, and was left as it is{state}",
            code="referrers-tag-occupied",
            hint=f"see what it is with: ocictl manifest fetch {self._path}:{tag}",
            details={"tag": tag, "subject": str(subject.digest), "rule": "RFT-03"},
        )

    def _lock(self, tag: str) -> threading.Lock:
        key = (self._path, tag)
        with _locks_guard:
            lock = _locks.get(key)
            if lock is None:
                lock = _locks[key] = threading.Lock()
            return lock
