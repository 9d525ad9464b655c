"""Skipping a test for want of something, unless that something was promised."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def require(what: str, reason: str) -> NoReturn:
    """Skip the test because `what` is not there.

    Where the environment variable `OCICTL_REQUIRE` lists it (words with commas between), the test fails
    instead: in CI a missing program or file must not look like success.
    """
    required = os.environ.get("OCICTL_REQUIRE", "").replace(",", " ").split()
    if what in required:
        pytest.fail(f"{what} is required here: {reason}")
    pytest.skip(reason)
