"""Work on single manifests, indexes and blobs as text, in the lines of oras (ORAS.md 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ocictl.events import IndexStep
    from ocictl.model.descriptor import Descriptor

_WIDTH: Final = len("Fetching ")


def pushed(descriptor: Descriptor, shown: str, more_tags: Sequence[str] = ()) -> list[str]:
    """The end of `blob push` and `manifest push`.

    Args:
        descriptor: what was pushed.
        shown: `[kind] REFERENCE` as it was given, with the first tag only.
        more_tags: the tags after the first.
    """
    return [
        f"Pushed: {shown}",
        *(f"Tagged {tag}" for tag in more_tags),
        f"Digest: {descriptor.digest}",
    ]


def index_step(step: IndexStep) -> str:
    """A line while an index is put together."""
    verb = step.action.capitalize()
    parts = [str(step.digest)] if step.digest is not None else []
    if step.name not in parts:
        parts.append(step.name)
    return _line(verb, " ".join(parts))


def index_built(index: Descriptor, *, updated: bool) -> str:
    """The line for an index that is complete, and not pushed yet."""
    if updated:
        return _line("Updated", str(index.digest))
    return _line("Packed", f"{index.digest.short} {index.media_type}")


def index_pushed(index: Descriptor, shown: str | None, more_tags: Sequence[str]) -> list[str]:
    """The end of `manifest index create` and `update`; `shown` is None if nothing was pushed."""
    if shown is None:
        return [f"Digest: {index.digest}"]
    return [_line("Pushed", shown), *(f"Tagged {tag}" for tag in more_tags), f"Digest: {index.digest}"]


def deleted(shown: str) -> list[str]:
    """All of `manifest delete` and `blob delete`; `shown` is `[kind] REFERENCE` as it was given."""
    return [f"Deleted {shown}"]


def missing(name: str) -> list[str]:
    """What `--force` says of something that is not there."""
    return [f"Missing {name}"]


def _line(verb: str, rest: str) -> str:
    return f"{verb:<{_WIDTH}} {rest}"
