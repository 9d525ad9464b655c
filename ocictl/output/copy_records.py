"""Records about copies. Part of the contract in `records`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ocictl.lazy_dataclass import dataclass
from ocictl.output.records import DescriptorRecord, TaggedRecord, absolute, descriptor_members

if TYPE_CHECKING:
    from ocictl.events import TagCopied
    from ocictl.ops.copy_artifact import CopyResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRecord(TaggedRecord):
    """What `cp` reports: the document at the destination.

    Attributes:
        source: `PATH@DIGEST` of what was copied.
        referrer_count: documents about it, or about anything below it; 0 without --recursive.
    """

    source: str
    referrer_count: int

    @classmethod
    def copied(cls, source: str, path: str, result: CopyResult) -> Self:
        """Describe a copy from one path to another."""
        return cls(
            **descriptor_members(path, result.descriptor),
            reference_as_tags=tuple(sorted({f"{path}:{tag}" for tag in result.tags})),
            source=f"{source}@{result.source.digest}",
            referrer_count=result.referrers,
        )

    def to_json(self) -> dict[str, Any]:
        own = {"source": self.source, "referrerCount": self.referrer_count}
        return {**TaggedRecord.to_json(self), **own}


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRecord(DescriptorRecord):
    """A tag that was copied, and the document it points to.

    Attributes:
        tag: its name.
        referrer_count: documents about it, or about anything below it, that were copied with it.
    """

    tag: str
    referrer_count: int

    @classmethod
    def copied(cls, path: str, copied: TagCopied) -> Self:
        """Describe a tag in the place at `path`."""
        return cls(
            **descriptor_members(path, copied.descriptor), tag=copied.tag, referrer_count=copied.referrers
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "tag": self.tag,
            **DescriptorRecord.to_json(self),
            "referrerCount": self.referrer_count,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecord:
    """What `backup` reports.

    Attributes:
        source: the repository.
        output: the archive or directory, absolute.
        tags: in the order of their copying. Their references are into the output.
    """

    source: str
    output: str
    tags: tuple[TagRecord, ...]

    @classmethod
    def of(cls, source: str, output: str, tags: Sequence[TagCopied]) -> Self:
        """Describe a backup."""
        records = tuple(TagRecord.copied(output, tag) for tag in tags)
        return cls(source=source, output=absolute(Path(output)), tags=records)

    def to_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "output": self.output,
            "tags": [tag.to_json() for tag in self.tags],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRecord:
    """What `restore` reports.

    Attributes:
        input: the archive or directory, absolute.
        destination: the repository.
        dry_run: nothing was written.
        tags: in the order of their copying. Their references are into the destination.
    """

    input: str
    destination: str
    dry_run: bool
    tags: tuple[TagRecord, ...]

    @classmethod
    def of(cls, input_path: str, destination: str, tags: Sequence[TagCopied], *, dry_run: bool) -> Self:
        """Describe a restoration."""
        records = tuple(TagRecord.copied(destination, tag) for tag in tags)
        return cls(input=absolute(Path(input_path)), destination=destination, dry_run=dry_run, tags=records)

    def to_json(self) -> dict[str, Any]:
        return {
            "input": self.input,
            "destination": self.destination,
            "dryRun": self.dry_run,
            "tags": [tag.to_json() for tag in self.tags],
        }
