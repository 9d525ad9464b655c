"""Fixtures for the tests of the transport."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest


@pytest.fixture
def run_threads() -> Callable[[Callable[[], object], int], list[object]]:
    """Run a function in several threads that start together; return what each returned."""

    def run(work: Callable[[], object], count: int) -> list[object]:
        start = Barrier(count)

        def one(_: int) -> object:
            start.wait(10)
            return work()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    return run


@pytest.fixture
def through_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send requests the way through a proxy: with requests, so that `responses` can answer them."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example.com:3128")
