"""Records about what a registry or layout holds, and about what is gone from it. Part of the contract in `records`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from ocictl.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from ocictl.model.descriptor import Descriptor


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsRecord:
    """What `repo tags` reports.

    Attributes:
        tags: sorted.
    """

    tags: tuple[str, ...]

    @classmethod
    def of(cls, tags: Sequence[str]) -> Self:
        """Describe a list of tags."""
        return cls(tags=tuple(tags))

    def to_json(self) -> dict[str, Any]:
        return {"tags": list(self.tags)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoriesRecord:
    """What `repo ls` reports.

    Attributes:
        registry: host and perhaps port, as the user wrote it.
        repositories: full names, sorted.
    """

    registry: str
    repositories: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"registry": self.registry, "repositories": list(self.repositories)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedRecord:
    """What `manifest delete` and `blob delete` report.

    Attributes:
        reference: `PATH@DIGEST` of what was found, else the name as it was given.
        descriptor: of what was found; None (and its members left out) if it was missing.
        deleted: whether it is gone by this command; false for what was missing, and for an answer of no.
    """

    reference: str
    descriptor: Descriptor | None
    deleted: bool

    def to_json(self) -> dict[str, Any]:
        found = self.descriptor
        members: dict[str, Any] = {"reference": self.reference}
        if found is not None:
            members |= {"mediaType": found.media_type, "digest": str(found.digest), "size": found.size}
        return {**members, "deleted": self.deleted}
