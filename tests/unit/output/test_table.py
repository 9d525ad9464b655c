"""The old table of referrers."""

from __future__ import annotations

from ocictl.output.records import ReferrersRecord
from ocictl.output.table import table_lines

DIGEST = "sha256:" + "0" * 64


def record(*types: str | None) -> ReferrersRecord:
    def one(artifact_type: str | None, *below: ReferrersRecord) -> ReferrersRecord:
        return ReferrersRecord(
            reference=f"r/x@{DIGEST}",
            media_type="a/b",
            digest=DIGEST,
            size=7,
            artifact_type=artifact_type,
            referrers=below,
        )

    return one(None, *map(one, types))


def test_without_referrers() -> None:
    """No head without rows."""
    assert table_lines(record(), "r/x:v1", metadata=True) == [
        "Discovered 0 artifacts referencing r/x:v1",
        f"Digest: {DIGEST}",
    ]


def test_columns_are_as_wide_as_needed() -> None:
    """By the head, or by the longest type."""
    assert table_lines(record("a/b"), "r/x:v1", metadata=False) == [
        "Discovered 1 artifact referencing r/x:v1",
        f"Digest: {DIGEST}",
        "",
        "Artifact Type   Digest",
        f"a/b             {DIGEST}",
    ]
    assert table_lines(record("application/long", None), "r/x:v1", metadata=False)[3:] == [
        "Artifact Type      Digest",
        f"application/long   {DIGEST}",
        f"                   {DIGEST}",
    ]


def test_with_metadata() -> None:
    """The descriptor under each row, without what is not part of one."""
    assert table_lines(record("a/b"), "r/x:v1", metadata=True)[5:] == [
        "{",
        '  "mediaType": "a/b",',
        f'  "digest": "{DIGEST}",',
        '  "size": 7,',
        '  "artifactType": "a/b"',
        "}",
    ]
