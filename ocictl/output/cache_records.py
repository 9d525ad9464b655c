"""Records about the cache of content. Part of the contract in `records`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ocictl.lazy_dataclass import dataclass
from ocictl.output.records import absolute

if TYPE_CHECKING:
    from ocictl.stores.cache import CacheUsage, PruneResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRecord:
    """What `cache info` reports.

    Attributes:
        directory: absolute.
        entries, size: number of entries, and their bytes.
        unfinished: number of files that are being written or were left behind.
        prunable: `cache prune` would work on it.
        max_size: the limit in bytes; left out when there is none.
        oldest: when the entry that was unused for longest was used, RFC 3339; left out without entries.
    """

    directory: str
    entries: int
    size: int
    unfinished: int
    prunable: bool
    max_size: int | None = None
    oldest: str | None = None

    @classmethod
    def of(cls, directory: str, usage: CacheUsage, max_size: int | None) -> Self:
        """Describe a cache."""
        return cls(
            directory=absolute(Path(directory)),
            entries=usage.entries,
            size=usage.size,
            unfinished=usage.unfinished,
            prunable=usage.is_prunable,
            max_size=max_size,
            oldest=None if usage.oldest is None else _moment(usage.oldest),
        )

    def to_json(self) -> dict[str, Any]:
        members: dict[str, Any] = {
            "directory": self.directory,
            "entries": self.entries,
            "size": self.size,
            "unfinished": self.unfinished,
            "prunable": self.prunable,
        }
        if self.max_size is not None:
            members["maxSize"] = self.max_size
        if self.oldest is not None:
            members["oldest"] = self.oldest
        return members

    def lines(self) -> Sequence[str]:
        """The record as text."""
        limit = "none" if self.max_size is None else shown_size(self.max_size)
        return [
            f"Directory:  {self.directory}",
            f"Entries:    {self.entries}",
            f"Size:       {shown_size(self.size)}",
            f"Limit:      {limit}",
            f"Unfinished: {self.unfinished}",
            f"Oldest use: {self.oldest or 'none'}",
            f"Prunable:   {'yes' if self.prunable else 'no'}",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRecord:
    """What `cache prune` reports.

    Attributes:
        directory: absolute.
        removed, freed: number of entries that are gone, and their bytes.
        entries, size: number of those that are left, and their bytes.
    """

    directory: str
    removed: int
    freed: int
    entries: int
    size: int

    @classmethod
    def of(cls, directory: str, result: PruneResult) -> Self:
        """Describe what was done."""
        return cls(
            directory=absolute(Path(directory)),
            removed=result.removed,
            freed=result.freed,
            entries=result.entries,
            size=result.size,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "directory": self.directory,
            "removed": self.removed,
            "freed": self.freed,
            "entries": self.entries,
            "size": self.size,
        }

    def lines(self) -> Sequence[str]:
        """The record as text."""
        return [
            f"Removed: {self.removed} ({shown_size(self.freed)})",
            f"Left:    {self.entries} ({shown_size(self.size)})",
        ]


def shown_size(size: int) -> str:
    """A number of bytes for people: with one digit behind the point in the largest unit that fits."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
