"""Lists: the tags of a repository, the repositories of a registry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from ocictl.errors import NotFoundError
from ocictl.lazy_pattern import pattern
from ocictl.model.digest import Digest
from ocictl.ops.parallel import Cancellation, run_all
from ocictl.target import Catalog, ReadOnlyTarget

LOOKUPS: Final = 8
"""Tags that are looked up at once."""
_DIGEST_TAG: Final = pattern(r"sha256-[0-9a-f]{64}|sha384-[0-9a-f]{96}|sha512-[0-9a-f]{128}", re.ASCII)


def list_tags(
    target: ReadOnlyTarget,
    *,
    last: str | None = None,
    prefix: str = "",
    digest_tags: bool = True,
) -> list[str]:
    """List the tags of a repository or layout, sorted.

    Args:
        target: where they are.
        last: only those after this one.
        prefix: only those that begin so, the prefix removed.
        digest_tags: false leaves out those that are a digest written as a tag, as referrers tags are (TAG-08).

    Raises:
        NotFoundError: there is no such repository.
    """
    named = [tag.removeprefix(prefix) for tag in target.tags(last=last) if tag.startswith(prefix)]
    return [tag for tag in named if digest_tags or not _DIGEST_TAG.fullmatch(tag)]


def tags_of(
    target: ReadOnlyTarget, tags: Sequence[str], digest: Digest, *, concurrency: int = LOOKUPS
) -> list[str]:
    """Choose the tags that point to a document. Each is looked up; one that is gone by then is left out.

    Args:
        target: where they are.
        tags: to choose from.
        digest: of the document.
        concurrency: how many are looked up at once.

    Raises:
        OcictlError: what the target raises.
    """
    found: set[str] = set()

    def look(tag: str, stop: Cancellation) -> None:
        stop.check()
        try:
            if target.resolve(tag).digest == digest:
                found.add(tag)
        except NotFoundError:
            return

    run_all([partial(look, tag) for tag in tags], concurrency=concurrency)
    return [tag for tag in tags if tag in found]


def list_repositories(catalog: Catalog, *, namespace: str = "", last: str | None = None) -> list[str]:
    """List the full names of repositories, sorted.

    Args:
        catalog: what to ask.
        namespace: only those below this one, such as `team/tools`.
        last: only those after this full name.

    Raises:
        RegistryError, NotFoundError: the registry does not list its repositories (CAT-03).
    """
    start = f"{namespace.strip('/')}/" if namespace.strip("/") else ""
    return [name for name in catalog.repositories(last=last) if name.startswith(start)]
