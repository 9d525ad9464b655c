"""Time stamps in annotations (ANN-06)."""

from __future__ import annotations

import pytest

from ocictl.model.annotations import is_rfc3339


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-01T00:00:00Z",
        "2015-10-31T22:22:56.015925234Z",
        "2020-02-29T23:59:59.5+23:59",
        "2020-01-01t00:00:00z",
        "2020-01-01T00:00:00.123456789012-00:00",
    ],
)
def test_accepted(text: str) -> None:
    """PY-12: any number of fraction digits, as Go services send them."""
    assert is_rfc3339(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2020-01-01",
        "2020-01-01T00:00:00",
        "2020-01-01 00:00:00Z",
        "2020-01-01T00:00Z",
        "2020-13-01T00:00:00Z",
        "2021-02-29T00:00:00Z",
        "2020-01-01T24:00:00Z",
        "2020-01-01T00:60:00Z",
        "2020-01-01T00:00:00.Z",
        "2020-01-01T00:00:00+0100",
        "2020-01-01T00:00:00+24:00",
        "2020-01-01T00:00:00Z\n",
        "٢٠٢٠-01-01T00:00:00Z",
        "20200101T000000Z",
    ],
)
def test_refused(text: str) -> None:
    """Other spellings of ISO 8601 and impossible times are not RFC 3339."""
    assert not is_rfc3339(text)
