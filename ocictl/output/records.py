"""What each command reports with `--format json`: the contract with scripts.

Records about artifacts are here, those about the program itself in `program_records`.

Members have the names of OCI where OCI has one. The top is always an object, lists are never null, and members
are only ever added within a major version. Each record has a JSON Schema in `schemas/` under its own name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

from ocictl.lazy_dataclass import dataclass, field

if TYPE_CHECKING:
    from pathlib import Path

    from ocictl.model.descriptor import Descriptor
    from ocictl.ops.discover import ReferrerNode
    from ocictl.ops.pull import PulledFile

_MAX_DEPTH: Final = 200
"""Levels of nesting in a fetched document that are shown; JSON is written by a function that recurses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorRecord:
    """Content and where it is: what `resolve` and `attach` report, and a part of most other records.

    Attributes:
        reference: `PATH@DIGEST`, to use in the next command.
        media_type, digest, size: as in the descriptor.
        annotations: left out when empty.
        artifact_type: left out when absent.
    """

    reference: str
    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str | None = None

    @classmethod
    def of(cls, path: str, descriptor: Descriptor) -> Self:
        """Describe content in the repository or layout at `path`."""
        return cls(**descriptor_members(path, descriptor))

    def to_json(self) -> dict[str, Any]:
        members: dict[str, Any] = {
            "reference": self.reference,
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
        }
        if self.annotations:
            members["annotations"] = dict(sorted(self.annotations.items()))
        if self.artifact_type:
            members["artifactType"] = self.artifact_type
        return members


def descriptor_members(path: str, descriptor: Descriptor) -> dict[str, Any]:
    """The attributes of a `DescriptorRecord`, for records that have more."""
    return {
        "reference": f"{path}@{descriptor.digest}",
        "media_type": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        "annotations": descriptor.annotations,
        "artifact_type": descriptor.artifact_type,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggedRecord(DescriptorRecord):
    """What `push` and `tag` report: a document and the tags that point to it now.

    Attributes:
        reference_as_tags: `PATH:TAG` for each tag, sorted; empty when the document got none.
    """

    reference_as_tags: tuple[str, ...] = ()

    @classmethod
    def tagged(cls, path: str, descriptor: Descriptor, tags: Sequence[str]) -> Self:
        """Describe a document and name its tags."""
        return cls(
            **descriptor_members(path, descriptor),
            reference_as_tags=tuple(sorted({f"{path}:{tag}" for tag in tags})),
        )

    def to_json(self) -> dict[str, Any]:
        return {**DescriptorRecord.to_json(self), "referenceAsTags": list(self.reference_as_tags)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord(DescriptorRecord):
    """A blob and the file it was written to.

    Attributes:
        path: absolute; a directory's ends in the separator. None (and left out) when nothing was written.
    """

    path: str | None = None

    @classmethod
    def written(cls, path: str, descriptor: Descriptor, file: str | None) -> Self:
        """Describe a blob and name its file."""
        return cls(**descriptor_members(path, descriptor), path=file)

    def to_json(self) -> dict[str, Any]:
        first = {} if self.path is None else {"path": self.path}
        return {**first, **DescriptorRecord.to_json(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRecord:
    """What `pull` reports.

    Attributes:
        reference: `PATH@DIGEST` of what was pulled.
        files: in the manifest's order.
    """

    reference: str
    files: tuple[FileRecord, ...]

    @classmethod
    def of(cls, path: str, root: Descriptor, files: Sequence[PulledFile]) -> Self:
        """Describe a pull."""
        return cls(
            reference=f"{path}@{root.digest}",
            files=tuple(
                FileRecord.written(path, file.descriptor, absolute(file.path, directory=file.is_directory))
                for file in files
            ),
        )

    def to_json(self) -> dict[str, Any]:
        return {"reference": self.reference, "files": [file.to_json() for file in self.files]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferrersRecord(DescriptorRecord):
    """What `discover` reports: a document and everything that is about it.

    Attributes:
        referrers: in the order the target lists them; empty when there is none.
    """

    referrers: tuple[ReferrersRecord, ...] = ()

    @classmethod
    def tree(cls, path: str, node: ReferrerNode) -> Self:
        """Describe a tree of referrers."""
        return cls(
            **descriptor_members(path, node.descriptor),
            referrers=tuple(cls.tree(path, child) for child in node.referrers),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **DescriptorRecord.to_json(self),
            "referrers": [referrer.to_json() for referrer in self.referrers],
        }

    def digests(self) -> Iterator[str]:
        """The digests of all referrers, in the order of the tree."""
        for referrer in self.referrers:
            yield referrer.digest
            yield from referrer.digests()


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRecord(DescriptorRecord):
    """What `manifest fetch` reports.

    Attributes:
        content: the parsed document, members sorted; None (null) when it is not JSON.
    """

    content: Any = None

    @classmethod
    def fetched(cls, path: str, descriptor: Descriptor, raw: bytes) -> Self:
        """Describe a document and show what is in it."""
        try:
            content = _sorted(json.loads(raw, parse_float=_finite, parse_constant=_no_constant))
        except (ValueError, RecursionError):
            content = None
        return cls(**descriptor_members(path, descriptor), content=content)

    def to_json(self) -> dict[str, Any]:
        return {**DescriptorRecord.to_json(self), "content": self.content}


def _sorted(value: Any, depth: int = 0) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply to be written again")
    if isinstance(value, dict):
        return {key: _sorted(value[key], depth + 1) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(entry, depth + 1) for entry in value]
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number too large to be written again")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def absolute(path: Path, *, directory: bool = False) -> str:
    """The absolute form of a path on disk; a directory's ends in the separator."""
    import os

    text = os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links, and the user wrote this path
    return text + os.sep if directory and not text.endswith(os.sep) else text
