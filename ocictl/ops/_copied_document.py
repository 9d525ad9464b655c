"""What a copy knows of one document on its way."""

from __future__ import annotations

from ocictl.events import SkipReason
from ocictl.lazy_dataclass import dataclass, field
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest


@dataclass(slots=True, eq=False)
class CopiedDocument:
    """A document on its way.

    Attributes:
        descriptor: without annotations.
        expands: its referrers are wanted.
        root: a copy began here.
        required: the source must have it; a subject may be missing (MAN-08), and what a list of referrers names.
        about: what it was listed as a referrer of.
        tag: what to push it under.
        raw: its bytes, while they are held.
        open: how many things it points to are not there yet; one more while it is being read.
        existed: it was there before.
        sends: it has to be pushed.
        pushed: it has been, and under its tag.
        done: it is at the destination.
        waiting: documents that point to it.
        skipped: what it points to that is no work of its own, to be told in the end.
        below: documents it points to.
        referrers: what is about it.
    """

    descriptor: Descriptor
    expands: bool
    root: bool
    required: bool
    about: Digest | None
    tag: str | None = None
    raw: bytes | None = None
    open: int = 1
    existed: bool = False
    sends: bool = False
    pushed: bool = False
    done: bool = False
    waiting: list[CopiedDocument] = field(default_factory=list)
    skipped: list[tuple[Descriptor, SkipReason]] = field(default_factory=list)
    below: list[Digest] = field(default_factory=list)
    referrers: list[Digest] = field(default_factory=list)
