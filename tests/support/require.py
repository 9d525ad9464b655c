"""Tests that need something the machine may not have: skip with the reason, or fail where it must be there."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

__all__ = ["require"]


def require(what: str, reason: str) -> NoReturn:
    """Skip the test, or fail it when OCICTL_REQUIRE (a comma list) names what is missing.

    Args:
        what: `shared` (specification vectors), `real` (registry programs), `interop` (peer programs).
        reason: what is missing and how to get it.
    """
    wanted = {name.strip() for name in os.environ.get("OCICTL_REQUIRE", "").split(",")}
    if what in wanted:
        pytest.fail(f"{what} tests are required here: {reason}")
    pytest.skip(reason)
