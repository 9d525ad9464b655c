"""The referrers tag of a subject (RFT-01)."""

from __future__ import annotations

from typing import Any

import pytest

from ocictl.model.digest import Digest
from ocictl.model.reference import check_tag
from ocictl.stores.referrers import fallback_tag
from tests.support.shared import present, spec_rows


@pytest.mark.parametrize(
    "row", spec_rows("referrers_tags.json", "tags"), ids=lambda row: row["digest"][:40] if row else "absent"
)
def test_table(row: dict[str, Any] | None) -> None:
    """Both parts are cut, foreign characters replaced, and the result is a legal tag."""
    row = present(row)
    tag = fallback_tag(Digest.parse(row["digest"]))
    assert tag == row["tag"]
    assert check_tag(tag) == tag
