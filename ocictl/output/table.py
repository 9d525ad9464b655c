"""The table of direct referrers, an old format of oras that scripts may still ask for (ORAS.md 3)."""

from __future__ import annotations

from ocictl.output.console import dump_json
from ocictl.output.records import ReferrersRecord

_HEAD = "Artifact Type"
_GAP = 3


def table_lines(record: ReferrersRecord, name: str, *, metadata: bool) -> list[str]:
    """Draw a document's direct referrers.

    Args:
        record: the document and its referrers.
        name: the document's name as it was given.
        metadata: show the descriptor of each referrer, too.
    """
    count = len(record.referrers)
    lines = [
        f"Discovered {count} {'artifact' if count == 1 else 'artifacts'} referencing {name}",
        f"Digest: {record.digest}",
    ]
    if not record.referrers:
        return lines
    types = [referrer.artifact_type or "" for referrer in record.referrers]
    width = max(len(_HEAD), *map(len, types)) + _GAP
    lines += ["", f"{_HEAD:<{width}}Digest"]
    for artifact_type, referrer in zip(types, record.referrers, strict=True):
        lines.append(f"{artifact_type:<{width}}{referrer.digest}")
        if metadata:
            members = referrer.to_json()
            del members["reference"], members["referrers"]
            lines += dump_json(members).splitlines()
    return lines
