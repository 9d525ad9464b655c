"""Times are written and read by example."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from ocictl.errors import InvalidInputError
from ocictl.output.gotemplate import Template
from ocictl.output.gotemplate.time_layout import format_time, moment_text, parse_time
from ocictl.output.gotemplate.values import Moment

AT = datetime(2024, 2, 3, 4, 5, 6, 120_000, tzinfo=UTC)
EAST = timezone(timedelta(hours=5, minutes=30))


def render(template: str) -> str:
    """Apply a template to nothing."""
    return Template.parse(template).render(None).decode()


@pytest.mark.parametrize(
    ("layout", "written"),
    [
        ("2006-01-02T15:04:05Z07:00", "2024-02-03T04:05:06Z"),
        ("2006-01-02T15:04:05.000Z0700", "2024-02-03T04:05:06.120Z"),
        ("05.999999", "06.12"),
        ("05,000000000", "06,120000000"),
        ("Monday January 2, 3:4:5 PM pm", "Saturday February 3, 4:5:6 AM am"),
        ("Mon Jan _2 03 002 __2 06", "Sat Feb  3 04 034  34 24"),
        ("MST -0700 -07 -07:00:00", "UTC +0000 +00 +00:00:00"),
        ("Janet Monty .0x _2006", "Janet Monty .0x _2024"),
        ("", ""),
        ("text", "text"),
    ],
)
def test_writing(layout: str, written: str) -> None:
    """Every piece of the example stands for the same piece of the time."""
    expected = written.replace(".0x", ".1x")  # a point and zeros are a fraction, wherever they stand
    assert format_time(Moment(AT), layout) == expected


def test_zones() -> None:
    """A zone without a name is written as its distance."""
    assert format_time(Moment(AT.astimezone(EAST)), "15:04 MST Z07:00 -07") == "09:35 +0530 +05:30 +05"
    assert moment_text(Moment(AT)) == "2024-02-03 04:05:06.12 +0000 UTC"


def test_zones_by_name() -> None:
    """Those of the system."""
    try:
        ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time zones")
    shown = render('{{dateInZone "2006-01-02T15:04:05 MST Z07:00" 1577934245 "America/New_York"}}')
    assert shown == "2020-01-01T22:04:05 EST -05:00"


@pytest.mark.parametrize("zone", ["../../etc/passwd", "/etc/passwd", "Nowhere", "Europe"])
def test_no_other_files_are_read_for_a_zone(zone: str) -> None:
    """What is no zone is UTC."""
    assert render(f'{{{{dateInZone "15:04 MST" 0 "{zone}"}}}}') == "00:00 UTC"


@pytest.mark.parametrize(
    ("layout", "text", "read"),
    [
        ("2006-01-02T15:04:05Z07:00", "2024-02-03T04:05:06Z", AT.replace(microsecond=0)),
        ("2006-01-02T15:04:05Z07:00", "2024-02-03T04:05:06.12Z", AT),
        ("2006-01-02T15:04:05.000Z07:00", "2024-02-03T04:05:06.120Z", AT),
        ("2006-01-02T15:04:05Z07:00", "2024-02-03T09:35:06.12+05:30", AT),
        ("02 Jan 06 3:04:05PM MST", "03 Feb 24 4:05:06AM UTC", AT.replace(microsecond=0)),
        ("January 2 2006 15:04 -0700", "February 3 2024 00:05 -0400", AT.replace(second=0, microsecond=0)),
        ("2006-01-02 MST", "1969-12-31 UTC", datetime(1969, 12, 31, tzinfo=UTC)),
        ("06 MST", "69 UTC", datetime(1969, 1, 1, tzinfo=UTC)),
        ("06 MST", "68 UTC", datetime(2068, 1, 1, tzinfo=UTC)),
        ("2006-01-02", "2024-02-30", None),
        ("2006-01-02", "2024-2-3", None),
        ("2006-01-02", "2024-02-03 ", None),
        ("Jan 2006", "Xyz 2024", None),
        ("2006 2006", "2024 2024", None),
    ],
)
def test_reading(layout: str, text: str, read: datetime | None) -> None:
    """What does not look like the example, or does not exist, is not read."""
    found = parse_time(layout, text, lambda at: at.replace(tzinfo=UTC))
    assert (None if found is None else found.at) == read


def test_times_of_the_machine() -> None:
    """Now is now; the local zone is the machine's."""
    year = render("{{now.UTC.Year}}")
    assert int(year) in {datetime.now(UTC).year, datetime.now(UTC).year - 1}
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", render('{{now | date "2006-01-02"}}'))
    assert render("{{ago now}} {{now | unixEpoch | len}} {{durationRound now}}") == "0s 10 0s"
    local = datetime.fromtimestamp(1577934245).astimezone()
    assert render('{{date "2006-01-02 15:04" 1577934245}}') == f"{local:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    "template",
    [
        "{{date `2006` 99999999999999}}",
        "{{now | dateModify `99999999h`}}",
        "{{printf `%d` now}}",
        "{{now.Month}}",
    ],
)
def test_what_times_can_not_do(template: str) -> None:
    """Years after 9999, and what is not supported."""
    with pytest.raises(InvalidInputError, match="line 1, column"):
        render(template)
