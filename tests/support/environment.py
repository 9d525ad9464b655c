"""The environment outside the tests, and the clean one that programs started by tests get."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

__all__ = ["OUTSIDE", "cache_directory", "clean_environment", "wait_for"]

OUTSIDE: Mapping[str, str] = dict(os.environ)
"""The environment as it was before any fixture changed it."""

_CACHE = Path(OUTSIDE.get("OCICTL_TEST_CACHE") or Path.home() / ".cache" / "ocictl-tests")
_PASSED_ON = ("PATH", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")

Found = TypeVar("Found")


def cache_directory() -> Path:
    """Where programs built for tests are kept; `OCICTL_TEST_CACHE` names another place."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    return _CACHE


def clean_environment(home: Path, **changes: str) -> dict[str, str]:
    """Build an environment without the user's settings, credentials and proxies.

    Args:
        home: the home directory in it.
        changes: further variables.
    """
    kept = {name: OUTSIDE[name] for name in _PASSED_ON if name in OUTSIDE}
    fixed = {
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    return {**kept, **fixed, **changes}


def wait_for(check: Callable[[], Found | None], what: str, *, seconds: float = 20.0) -> Found:
    """Ask again and again until the answer is not None.

    Raises:
        TimeoutError: `what` did not happen in time.
    """
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        found = check()
        if found is not None:
            return found
        pause.wait(0.02)
    raise TimeoutError(f"no {what} within {seconds} seconds")
