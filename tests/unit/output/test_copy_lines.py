"""Copies as text: sizes and times as oras writes them, and lists of tags."""

from __future__ import annotations

import pytest

from ocictl.events import Event, TagCopied, TransferFinished, TransferSkipped, TransferStarted
from ocictl.model.descriptor import Descriptor
from ocictl.output.copy_lines import duration, size, tags_found
from ocictl.output.progress import Copying, status_line

PLAIN = Descriptor.of(b"hello\n", "text/plain")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0  B"),
        (1, "1  B"),
        (1023, "1023  B"),
        (1024, "1 KB"),
        (1030, "1.01 KB"),
        (29184, "28.5 KB"),
        (30720, "30 KB"),
        (150_000, "146 KB"),
        (1024**2, "1 MB"),
        (5 * 1024**3 + 5 * 1024**2, "5 GB"),
        (3000 * 1024**4, "3000 TB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    """Three digits and a unit, which is padded to two characters."""
    assert size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0000004, "0s"),
        (0.0005, "500µs"),
        (0.0391, "39ms"),
        (0.9996, "1s"),
        (1.2, "1s"),
        (59.4, "59s"),
        (60, "1m0s"),
        (125, "2m5s"),
        (3600, "1h0m0s"),
        (7384, "2h3m4s"),
    ],
)
def test_times(seconds: float, shown: str) -> None:
    """As Go writes a duration."""
    assert duration(seconds) == shown


def test_tags() -> None:
    """Five in a line, more in lines of their own."""
    assert tags_found(["a", "b"], "x") == ["Found 2 tag(s) in x: a, b"]
    assert tags_found(list("abcde"), "x") == ["Found 5 tag(s) in x: a, b, c, d, e"]
    assert tags_found(list("abcdef"), "x") == ["Found 6 tag(s) in x:", *"abcdef"]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            TransferStarted(descriptor=PLAIN, direction="copy"),
            {"cp": "Copying", "backup": "Pulling  ", "restore": "Pushing  "},
        ),
        (
            TransferFinished(descriptor=PLAIN, direction="copy"),
            {"cp": "Copied ", "backup": "Pulled   ", "restore": "Pushed   "},
        ),
        (
            TransferSkipped(descriptor=PLAIN, direction="copy", reason="exists"),
            {"cp": "Exists ", "backup": "Exists   ", "restore": "Exists   "},
        ),
        (
            TransferSkipped(descriptor=PLAIN, direction="copy", reason="duplicate"),
            {"cp": "Skipped", "backup": "Skipped  ", "restore": "Skipped  "},
        ),
        (
            TransferSkipped(descriptor=PLAIN, direction="copy", reason="foreign"),
            {"cp": "Skipped", "backup": "Skipped  ", "restore": "Skipped  "},
        ),
        (
            TransferSkipped(descriptor=PLAIN, direction="copy", reason="mounted"),
            {"cp": "Mounted", "backup": "Mounted  ", "restore": "Mounted  "},
        ),
    ],
)
def test_verbs(event: Event, lines: dict[Copying, str]) -> None:
    """Each command has its words, padded to one width."""
    for copying, verb in lines.items():
        assert status_line(event, copying) == f"{verb} 5891b5b522d5 text/plain"


def test_a_tag_that_is_done() -> None:
    """With the number of what is about it."""
    event = TagCopied(tag="v1", descriptor=PLAIN, referrers=3)
    assert status_line(event, "backup") == "Pulled tag v1 with 3 referrer(s)"
    assert status_line(event, "restore") == "Pushed tag v1 with 3 referrer(s)"
