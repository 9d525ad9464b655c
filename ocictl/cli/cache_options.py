"""Options for the cache of content: which directory, and how large it may grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ocictl.cli.grouping import F, grouped
from ocictl.cli.values import byte_size
from ocictl.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """Which cache to use.

    Attributes:
        directory: None for no cache.
        max_size: bytes that its content may have; None for no limit.
    """

    directory: str | None
    max_size: int | None


def cache_options(
    *,
    purpose: str = "Keep what is fetched in this directory, and look there first; '' for no cache.",
    size: str = "--cache-size",
    size_purpose: str = "How large the cache may grow, for example 10GiB. Default: no limit.",
) -> Callable[[F], F]:
    """Add the options of the cache to a command that reads content, passed on as `cache: CacheOptions`.

    Args:
        purpose: the help of `--cache`.
        size: the option that limits the size.
        size_purpose: its help.
    """
    return grouped(
        [
            click.option(
                "--cache",
                "cache__directory",
                metavar="DIR",
                envvar=["OCICTL_CACHE", "ORAS_CACHE"],
                show_envvar=True,
                help=purpose,
            ),
            click.option(
                size,
                "cache__max_size",
                metavar="SIZE",
                type=byte_size,
                envvar="OCICTL_CACHE_SIZE",
                show_envvar=True,
                help=size_purpose,
            ),
        ],
        "cache",
        _build,
    )


def _build(own: dict[str, Any]) -> CacheOptions:
    return CacheOptions(directory=own["directory"] or None, max_size=own["max_size"])
