"""Events as lines: the transfers on standard output, warnings and the like on standard error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeAlias

from ocictl.events import (
    CacheWarning,
    CredentialWarning,
    Event,
    EventSink,
    FallbackUsed,
    FilePreparing,
    FileWarning,
    ReferrerMissing,
    RegistryWarning,
    Retrying,
    TagCopied,
    TransferFinished,
    TransferKept,
    TransferSkipped,
    TransferStarted,
    discard,
)
from ocictl.model.descriptor import Descriptor
from ocictl.output.console import Console

Mode: TypeAlias = Literal["lines", "bars", "none"]
Copying: TypeAlias = Literal["cp", "backup", "restore"]
"""Which words a copy is told in."""

_COPIES: Final = {
    "cp": ("Copying", "Copied"),
    "backup": ("Pulling", "Pulled"),
    "restore": ("Pushing", "Pushed"),
}
_WIDTH: Final = {"push": 9, "pull": 11, "cp": 7, "backup": 9, "restore": 9}
_STARTED: Final = {"push": "Uploading", "pull": "Downloading"}
_FINISHED: Final = {
    ("push", "moved"): "Uploaded",
    ("pull", "moved"): "Downloaded",
    ("pull", "processed"): "Processing",
    ("pull", "restored"): "Restored",
}
_SKIPPED: Final = {
    ("push", "exists"): "Exists",
    ("push", "duplicate"): "Exists",
    ("push", "mounted"): "Mounted",
    ("pull", "exists"): "Exists",
    ("copy", "exists"): "Exists",
    ("copy", "mounted"): "Mounted",
}


def status_line(event: Event, copying: Copying = "cp") -> str | None:
    """The line that oras prints for this event: a padded verb, twelve digits, title or media type."""
    match event:
        case FilePreparing():
            return f"Preparing {event.name}"
        case TagCopied():
            return f"{_COPIES[copying][1]} tag {event.tag} with {event.referrers} referrer(s)"
        case TransferStarted(direction="copy"):
            verb = _COPIES[copying][0]
        case TransferFinished(direction="copy"):
            verb = _COPIES[copying][1]
        case TransferStarted():
            verb = "Resuming" if event.offset else _STARTED[event.direction]
        case TransferFinished():
            verb = _FINISHED.get((event.direction, event.action), event.action.capitalize())
        case TransferSkipped():
            verb = _SKIPPED.get((event.direction, event.reason), "Skipped")
        case _:
            return None
    width = _WIDTH[copying if event.direction == "copy" else event.direction]
    return f"{verb:<{width}} {event.descriptor.digest.short} {shown_name(event.descriptor)}"


def shown_name(descriptor: Descriptor) -> str:
    """What to call content: its title, else its media type."""
    return descriptor.title or descriptor.media_type


class StatusLines:
    """Reports each transfer as lines on standard output."""

    def __init__(self, console: Console, copying: Copying = "cp") -> None:
        self._console = console
        self._copying: Copying = copying
        self._lock = threading.Lock()
        self._named: set[tuple[str, str]] = set()

    def __call__(self, event: Event) -> None:
        line = status_line(event, self._copying)
        if line is not None and not self._is_repetition(event):
            self._console.line(line)

    def _is_repetition(self, event: Event) -> bool:
        """Whether this is the same content under the same name again, which oras does not mention twice."""
        if not isinstance(event, TransferStarted | TransferSkipped):
            return False
        key = (str(event.descriptor.digest), shown_name(event.descriptor))
        with self._lock:
            known = key in self._named
            self._named.add(key)
        return known and isinstance(event, TransferSkipped) and event.reason == "duplicate"


class Notices:
    """Tells of warnings (each text once), of requests that are sent again, and if wanted of fallbacks."""

    def __init__(self, console: Console, *, retries: bool, fallbacks: bool) -> None:
        self._console = console
        self._retries = retries
        self._fallbacks = fallbacks
        self._lock = threading.Lock()
        self._told: set[tuple[str, str]] = set()

    def __call__(self, event: Event) -> None:
        match event:
            case RegistryWarning() if self._is_new(event.host, event.text):
                self._console.message("warning", f"{event.host}: {event.text}", host=event.host)
            case CredentialWarning() | CacheWarning() if self._is_new("", event.text):
                self._console.message("warning", event.text)
            case FileWarning() if self._is_new(event.name, event.text):
                self._console.message("warning", f"{event.name}: {event.text}")
            case ReferrerMissing() if self._is_new("", str(event.descriptor.digest)):
                self._console.message(
                    "warning",
                    f"{event.descriptor.digest} is listed as attached to {event.subject}, but is not there; it is left out",
                )
            case TransferKept():
                self._console.message(
                    "notice",
                    f"{shown_name(event.descriptor)}: {event.offset} of {event.descriptor.size} bytes are kept; "
                    "run the same command again to go on from there",
                )
            case Retrying() if self._retries:
                self._console.message(
                    "retrying",
                    f"{event.method} {event.url} in {event.delay:.1f} s after attempt {event.attempt}: {event.reason}",
                )
            case FallbackUsed() if self._fallbacks:
                self._console.message("notice", f"referrers tag {event.tag!r} used: {event.action}")

    def _is_new(self, host: str, text: str) -> bool:
        key = (host, text)
        with self._lock:
            known = key in self._told
            self._told.add(key)
        return not known


@contextmanager
def showing_transfers(
    console: Console, mode: Mode, opening: str | None = None, copying: Copying = "cp"
) -> Iterator[EventSink]:
    """Show transfers in one of three ways while the context lasts.

    Args:
        console: where to.
        mode: in which way.
        opening: the line to begin with.
        copying: the words for copies.
    """
    if mode == "bars":
        from ocictl.output.bars import Bars

        with Bars(console, copying) as bars:
            yield bars
    elif mode == "lines":
        if opening is not None:
            console.line(opening)
        yield StatusLines(console, copying)
    else:
        yield discard
