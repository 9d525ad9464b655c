"""Copies as text, in the lines of oras (ORAS.md 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ocictl.output.copy_records import CopyRecord

_UNITS: Final = ("B", "KB", "MB", "GB", "TB")
_IN_ONE_LINE: Final = 5


def copied(record: CopyRecord, source: str, destination: str, more_tags: Sequence[str]) -> list[str]:
    """The end of `cp`.

    Args:
        record: what was copied.
        source: `[kind] REFERENCE`.
        destination: `[kind] REFERENCE` with the first tag, if any.
        more_tags: the tags after the first.
    """
    return [
        f"Copied {source} => {destination}",
        *(f"Tagged {tag}" for tag in more_tags),
        f"Digest: {record.digest}",
    ]


def tags_found(tags: Sequence[str], place: str) -> list[str]:
    """What `backup` and `restore` begin with."""
    head = f"Found {len(tags)} tag(s) in {place}:"
    return [f"{head} {', '.join(tags)}"] if len(tags) <= _IN_ONE_LINE else [head, *tags]


def backed_up(count: int, source: str, output: str, seconds: float) -> str:
    """The end of `backup`."""
    return f'Successfully backed up {count} tag(s) from "{source}" to "{output}" in {duration(seconds)}.'


def restored(count: int, destination: str, seconds: float) -> str:
    """The end of `restore`."""
    return f'Successfully restored {count} tag(s) to "{destination}" in {duration(seconds)}'


def would_restore(count: int, destination: str) -> str:
    """The end of `restore --dry-run`."""
    return f'Dry run complete: {count} tag(s) would be restored to "{destination}" (no data pushed)'


def size(count: int) -> str:
    """A number of bytes in three digits and a unit; a KB is 1024 bytes here, as in oras."""
    step = min(int(math.log(count, 1024)), len(_UNITS) - 1) if count >= 1024 else 0
    value = count / 1024**step
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{round(value, digits):g} {_UNITS[step]:>2}"


def duration(seconds: float) -> str:
    """A time as Go writes it: whole seconds with minutes and hours, else milliseconds, else microseconds."""
    micros = round(seconds * 1_000_000)
    if micros < 1000:
        return f"{micros}µs" if micros else "0s"
    millis = round(seconds * 1000)
    if millis < 1000:
        return f"{millis}ms"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest}s"
    if hours or minutes:
        shown = f"{minutes}m{shown}"
    return f"{hours}h{shown}" if hours else shown
