"""Records as text, in the lines of oras (ORAS.md 8). Each function returns the lines a command ends with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocictl.model.annotations import TITLE
from ocictl.output.console import dump_json, dump_line

if TYPE_CHECKING:
    from ocictl.model.descriptor import Descriptor
    from ocictl.output.program_records import VersionRecord
    from ocictl.output.records import DescriptorRecord, PullRecord, TaggedRecord


def pushed(record: TaggedRecord, shown: str, more_tags: Sequence[str]) -> list[str]:
    """The end of `push`.

    Args:
        record: what was pushed.
        shown: `[kind] REFERENCE` with the first tag, if any.
        more_tags: the tags after the first.
    """
    return [
        f"Pushed {shown}",
        *(f"Tagged {tag}" for tag in more_tags),
        f"ArtifactType: {record.artifact_type}",
        f"Digest: {record.digest}",
    ]


def attached(record: DescriptorRecord, subject: str, *, already: bool) -> list[str]:
    """The end of `attach`; `subject` is `[kind] PATH@DIGEST`."""
    return [f"{'Already attached' if already else 'Attached'} to {subject}", f"Digest: {record.digest}"]


def pulled(record: PullRecord, shown: str, copy_all: str | None = None) -> list[str]:
    """The end of `pull`.

    Args:
        record: what was pulled.
        shown: `[kind] REFERENCE`.
        copy_all: if blobs were left out for want of a file name, the command that copies them too.
    """
    if copy_all is not None:
        return [
            f'Skipped pulling layers without file name in "{TITLE}"',
            f"Use '{copy_all}' to pull all layers.",
        ]
    return [f"Pulled {shown}", f"Digest: {record.reference.rpartition('@')[2]}"]


def version(record: VersionRecord) -> list[str]:
    """All of `version`."""
    return [
        f"Version:        {record.version}",
        f"Python version: {record.python_version}",
        f"OS/Arch:        {record.platform}",
    ]


def bare_descriptor(descriptor: Descriptor, *, pretty: bool) -> str:
    """The OCI descriptor for `--descriptor`: compact without a newline, or indented with one."""
    members = descriptor.to_json()
    return dump_json(members) + "\n" if pretty else dump_line(members)


def pretty_json(raw: bytes) -> bytes:
    """A JSON document indented by two, members in their order; bytes that are not JSON stay as they are."""
    import json

    try:
        text = dump_json(json.loads(raw))
    except (ValueError, RecursionError):
        return raw
    return f"{text}\n".encode()
