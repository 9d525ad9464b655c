"""Events become the lines of oras; warnings are told once, on standard error."""

from __future__ import annotations

import io

import pytest

from ocictl.events import (
    CredentialWarning,
    Event,
    FallbackUsed,
    FilePreparing,
    RegistryWarning,
    Retrying,
    TagWritten,
    TransferAdvanced,
    TransferFinished,
    TransferSkipped,
    TransferStarted,
)
from ocictl.model.descriptor import Descriptor
from ocictl.output.console import Console
from ocictl.output.progress import Notices, StatusLines, showing_transfers, status_line

TITLED = Descriptor.of(b"hello\n", "text/plain", annotations={"org.opencontainers.image.title": "hello.txt"})
PLAIN = Descriptor.of(b"hello\n", "text/plain")


@pytest.fixture
def console() -> Console:
    """A console whose output can be read."""
    return Console(io.StringIO(), io.StringIO(), {})


def _out(console: Console) -> str:
    assert isinstance(console.stdout, io.StringIO)
    return console.stdout.getvalue()


def _err(console: Console) -> str:
    assert isinstance(console.stderr, io.StringIO)
    return console.stderr.getvalue()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (FilePreparing(name="hello.txt"), "Preparing hello.txt"),
        (TransferStarted(descriptor=TITLED, direction="push"), "Uploading 5891b5b522d5 hello.txt"),
        (TransferFinished(descriptor=PLAIN, direction="push"), "Uploaded  5891b5b522d5 text/plain"),
        (
            TransferSkipped(descriptor=PLAIN, direction="push", reason="exists"),
            "Exists    5891b5b522d5 text/plain",
        ),
        (
            TransferSkipped(descriptor=PLAIN, direction="push", reason="mounted"),
            "Mounted   5891b5b522d5 text/plain",
        ),
        (TransferStarted(descriptor=TITLED, direction="pull"), "Downloading 5891b5b522d5 hello.txt"),
        (TransferFinished(descriptor=TITLED, direction="pull"), "Downloaded  5891b5b522d5 hello.txt"),
        (
            TransferFinished(descriptor=PLAIN, direction="pull", action="processed"),
            "Processing  5891b5b522d5 text/plain",
        ),
        (
            TransferFinished(descriptor=TITLED, direction="pull", action="restored"),
            "Restored    5891b5b522d5 hello.txt",
        ),
        (
            TransferSkipped(descriptor=PLAIN, direction="pull", reason="untitled"),
            "Skipped     5891b5b522d5 text/plain",
        ),
        (TransferAdvanced(descriptor=PLAIN, offset=1), None),
        (TagWritten(tag="v1", descriptor=PLAIN), None),
    ],
)
def test_the_line_of_an_event(event: Event, line: str | None) -> None:
    """Verbs are padded to the widest of their direction, as oras pads them."""
    assert status_line(event) == line


def test_the_same_content_under_the_same_name_is_mentioned_once(console: Console) -> None:
    """The empty config that is also the empty layer is one line; another name is another line."""
    lines = StatusLines(console)
    lines(TransferSkipped(descriptor=PLAIN, direction="push", reason="exists"))
    lines(TransferSkipped(descriptor=PLAIN, direction="push", reason="duplicate"))
    lines(TransferSkipped(descriptor=TITLED, direction="push", reason="duplicate"))
    assert _out(console) == "Exists    5891b5b522d5 text/plain\nExists    5891b5b522d5 hello.txt\n"


def test_names_are_escaped(console: Console) -> None:
    """F10: a title with a line end can't forge a line."""
    title = {"org.opencontainers.image.title": "a\nPulled [registry] x"}
    evil = Descriptor.of(b"", "text/plain", annotations=title)
    StatusLines(console)(TransferStarted(descriptor=evil, direction="pull"))
    assert len(_out(console).splitlines()) == 1


def test_warnings_are_told_once_per_text(console: Console) -> None:
    """WRN-02: however many answers repeat a warning, it is one line, and not on standard output."""
    notices = Notices(console, retries=True, fallbacks=False)
    for text in ("old API", "old API", "quota"):
        notices(RegistryWarning(host="r.example", text=text))
    assert _err(console) == "warning: r.example: old API\nwarning: r.example: quota\n"
    assert _out(console) == ""


def test_warnings_about_logins(console: Console) -> None:
    """Each is one line, once, whatever else is told."""
    notices = Notices(console, retries=False, fallbacks=False)
    for text in ("the login is old", "the login is old", "the file is\nbroken"):
        notices(CredentialWarning(text=text))
    assert _err(console) == "warning: the login is old\nwarning: the file is\\x0abroken\n"


RETRY = Retrying(method="GET", url="https://r/v2/", reason="503", attempt=1, delay=0.5)
FALLBACK = FallbackUsed(tag="sha256-00", action="added")


@pytest.mark.parametrize(
    ("retries", "fallbacks", "told"),
    [
        (True, False, "retrying: GET https://r/v2/ in 0.5 s after attempt 1: 503\n"),
        (False, True, "notice: referrers tag 'sha256-00' used: added\n"),
        (False, False, ""),
    ],
)
def test_what_is_told_besides_warnings(console: Console, retries: bool, fallbacks: bool, told: str) -> None:
    """Repeated requests are told unless quiet, fallbacks only when somebody looks for trouble."""
    notices = Notices(console, retries=retries, fallbacks=fallbacks)
    notices(RETRY)
    notices(FALLBACK)
    assert _err(console) == told


def test_lines_mode_begins_with_the_opening(console: Console) -> None:
    """A push without files says so first."""
    with showing_transfers(console, "lines", "Uploading empty artifact") as sink:
        sink(TransferStarted(descriptor=PLAIN, direction="push"))
    assert _out(console).splitlines() == ["Uploading empty artifact", "Uploading 5891b5b522d5 text/plain"]


def test_none_shows_nothing(console: Console) -> None:
    """Quiet is quiet."""
    with showing_transfers(console, "none", "Uploading empty artifact") as sink:
        sink(TransferStarted(descriptor=PLAIN, direction="push"))
    assert _out(console) + _err(console) == ""


def test_bars_are_drawn_on_standard_error(console: Console) -> None:
    """What is done stays as a line, escaped; standard output is left alone; messages come between."""
    title = {"org.opencontainers.image.title": "a\x1b[2J[red]"}
    blob = Descriptor.of(b"x" * 10, "text/plain", annotations=title)
    with showing_transfers(console, "bars", "Uploading empty artifact") as sink:
        sink(FilePreparing(name="a"))
        sink(TransferStarted(descriptor=blob, direction="push"))
        sink(TransferAdvanced(descriptor=blob, offset=5))
        sink(TransferAdvanced(descriptor=blob, offset=10))
        console.message("warning", "between")
        sink(TransferFinished(descriptor=blob, direction="push"))
        sink(TransferFinished(descriptor=PLAIN, direction="pull", action="processed"))
        sink(TransferSkipped(descriptor=PLAIN, direction="push", reason="exists"))
    assert _out(console) == ""
    shown = _err(console)
    assert "warning: between\n" in shown
    assert f"Uploaded  {blob.digest.short} a\\x1b[2J[red]\n" in shown
    assert "Exists    5891b5b522d5 text/plain\n" in shown
    assert "\x1b[2J" not in shown
