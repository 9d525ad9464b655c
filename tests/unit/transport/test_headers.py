"""Header fields of registries, by the rows of the shared table."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from ocictl.errors import RegistryError
from ocictl.transport import headers
from tests.support.shared import present, spec_rows

TABLE = "headers.json"


@pytest.mark.parametrize("row", spec_rows(TABLE, "content_range"))
def test_content_range(row: dict[str, Any] | None) -> None:
    """A range is read in full or not at all (PULL-08)."""
    row = present(row)
    read = headers.content_range(row["value"])
    if row["first"] is None and row["total"] is None:
        assert read is None
    else:
        assert read == headers.ContentRange(row["first"], row["last"], row["total"])


@pytest.mark.parametrize(
    "value", [None, "", "bytes 0-9/9", "bytes */*", "bytes 0-1/2, bytes 3-4/5", "items 0-1/2"]
)
def test_content_range_nonsense(value: str | None) -> None:
    """A range that contradicts itself, or is of another form, is none."""
    assert headers.content_range(value) is None


@pytest.mark.parametrize("row", spec_rows(TABLE, "upload_range"))
def test_upload_range(row: dict[str, Any] | None) -> None:
    """The next offset of an upload; `0-0` counts only if something was acknowledged (PUSH-12)."""
    row = present(row)
    if row.get("policy") == "error":
        with pytest.raises(RegistryError) as raised:
            headers.upload_offset(row["value"], acknowledged=1)
        assert raised.value.code == "registry-protocol"
    elif row["next_offset"] is None:
        assert headers.upload_offset(row["value"], acknowledged=0) == 0
        assert headers.upload_offset(row["value"], acknowledged=1) == 1
    else:
        assert headers.upload_offset(row["value"], acknowledged=0) == row["next_offset"]


def test_upload_range_missing() -> None:
    """Without the header nothing is known to be stored."""
    assert headers.upload_offset(None, acknowledged=7) == 0


@pytest.mark.parametrize("row", spec_rows(TABLE, "retry_after"))
def test_retry_after(row: dict[str, Any] | None) -> None:
    """Seconds and dates are read, everything else is None (LIM-01)."""
    row = present(row)
    now = datetime.fromisoformat(row["now"]).timestamp()
    assert headers.retry_after(row["value"], now) == row["seconds"]


@pytest.mark.parametrize(
    "value", [None, "", "9" * 400, "Tue, 99 Jan 2024 03:05:05 GMT", "Tue, 02 Jan 99999 03:05:05 GMT"]
)
def test_retry_after_nonsense(value: str | None) -> None:
    """No value makes it fail, and none is infinite."""
    read = headers.retry_after(value, 0.0)
    assert read is None or read <= 1e9


@pytest.mark.parametrize("row", spec_rows(TABLE, "oci_filters_applied"))
def test_filters_applied(row: dict[str, Any] | None) -> None:
    """A filter counts as applied only if it is listed as spelled (RFR-08)."""
    row = present(row)
    assert headers.filter_applied(row["values"]) is row["artifactType"]


@pytest.mark.parametrize("row", spec_rows(TABLE, "oci_tag"))
def test_tags_written(row: dict[str, Any] | None) -> None:
    """All tags of all lines are listed (MPUT-06)."""
    row = present(row)
    assert headers.tags_written(row["values"]) == row["tags"]


@pytest.mark.parametrize("row", spec_rows(TABLE, "content_type"))
def test_media_type(row: dict[str, Any] | None) -> None:
    """Parameters and case don't count (PULL-02)."""
    row = present(row)
    assert headers.media_type(row["value"]) == row["base"]


def test_retry_after_without_a_zone() -> None:
    """A date of unknown zone is taken as UTC, as HTTP dates are."""
    assert headers.retry_after("Thu, 01 Jan 1970 00:01:00 -0000", 0.0) == 60


def test_media_type_missing() -> None:
    """A missing header is no media type."""
    assert headers.media_type(None) is None


@pytest.mark.parametrize("row", spec_rows(TABLE, "warning"))
def test_warning_texts(row: dict[str, Any] | None) -> None:
    """Only `299 - "text"` is reported, once each, without control characters (WRN-01, WRN-03, WRN-04)."""
    row = present(row)
    assert headers.warning_texts(row["values"]) == row["texts"]


@pytest.mark.parametrize("value", ['299 - "open', "299", '299 - ""', ",,,", '299 - "a" junk, 299 - "b"'])
def test_warning_nonsense(value: str) -> None:
    """A broken field yields what could be read before the break, and never fails."""
    assert headers.warning_texts([value]) in ([], ["a"])
