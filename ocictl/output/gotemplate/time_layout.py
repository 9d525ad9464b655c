"""Times written and read by an example, as Go does it: `2006-01-02 15:04:05`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from ocictl.output.gotemplate.values import Moment

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CHUNK: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm"
    r"|[-Z]07:00:00|[-Z]070000|[-Z]07:00|[-Z]0700|[-Z]07|[.,](?:0+|9+)(?![0-9])"
)
_STRING: Final = "2006-01-02 15:04:05.999999999 -0700 MST"

_WRITE: Final[dict[str, Callable[[datetime], str]]] = {
    "January": lambda at: _MONTHS[at.month - 1],
    "Jan": lambda at: _MONTHS[at.month - 1][:3],
    "Monday": lambda at: _DAYS[at.weekday()],
    "Mon": lambda at: _DAYS[at.weekday()][:3],
    "MST": lambda at: _zone_name(at),
    "002": lambda at: f"{_day_of_year(at):03d}",
    "__2": lambda at: f"{_day_of_year(at):3d}",
    "01": lambda at: f"{at.month:02d}",
    "1": lambda at: str(at.month),
    "02": lambda at: f"{at.day:02d}",
    "_2": lambda at: f"{at.day:2d}",
    "2": lambda at: str(at.day),
    "15": lambda at: f"{at.hour:02d}",
    "03": lambda at: f"{at.hour % 12 or 12:02d}",
    "3": lambda at: str(at.hour % 12 or 12),
    "04": lambda at: f"{at.minute:02d}",
    "4": lambda at: str(at.minute),
    "05": lambda at: f"{at.second:02d}",
    "5": lambda at: str(at.second),
    "06": lambda at: f"{at.year % 100:02d}",
    "2006": lambda at: f"{at.year:04d}",
    "PM": lambda at: "PM" if at.hour >= 12 else "AM",
    "pm": lambda at: "pm" if at.hour >= 12 else "am",
}
_READ: Final = {
    "January": "(?P<month>[A-Z][a-z]+)",
    "Jan": "(?P<month>[A-Z][a-z][a-z])",
    "Monday": "[A-Z][a-z]+",
    "Mon": "[A-Z][a-z][a-z]",
    "MST": "(?P<zone>[A-Z]{3,5})",
    "01": r"(?P<month>\d\d)",
    "1": r"(?P<month>\d\d?)",
    "02": r"(?P<day>\d\d)",
    "_2": r" ?(?P<day>\d\d?)",
    "2": r"(?P<day>\d\d?)",
    "15": r"(?P<hour>\d\d?)",
    "03": r"(?P<hour>\d\d)",
    "3": r"(?P<hour>\d\d?)",
    "04": r"(?P<minute>\d\d)",
    "4": r"(?P<minute>\d\d?)",
    "05": r"(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?",
    "5": r"(?P<second>\d\d?)(?:[.,](?P<fraction>\d+))?",
    "06": r"(?P<short>\d\d)",
    "2006": r"(?P<year>\d{4})",
    "PM": "(?P<half>[AP]M)",
    "pm": "(?P<half>[ap]m)",
}


def format_time(moment: Moment, layout: str) -> str:
    """Write a time like the example."""
    return _CHUNK.sub(lambda match: _write(moment.at, match[0]), layout)


def moment_text(moment: Moment) -> str:
    """Write a time as Go does when nothing else is said."""
    return format_time(moment, _STRING)


def parse_time(layout: str, text: str, local: Callable[[datetime], datetime]) -> Moment | None:
    """Read a time that is written like the example; None if it is not.

    Args:
        layout: the example.
        text: the time.
        local: gives a time without a zone the local one.
    """
    pattern: list[str] = []
    position = 0
    for match in _CHUNK.finditer(layout):
        pattern += [re.escape(layout[position : match.start()]), _reading(match[0])]
        position = match.end()
    pattern.append(re.escape(layout[position:]))
    try:
        found = re.fullmatch("".join(pattern), text, re.ASCII)
        return None if found is None else _moment(found.groupdict(), local)
    except (
        ValueError,
        OverflowError,
        OSError,
        re.error,
    ):  # a day that does not exist; a field that is there twice
        return None


def _moment(fields: dict[str, str | None], local: Callable[[datetime], datetime]) -> Moment:
    def number(name: str, default: int) -> int:
        return int(fields.get(name) or default)

    short = number("short", 1)
    year = number("year", 0) if fields.get("year") else short + (1900 if short >= 69 else 2000)
    year = year if fields.get("year") or fields.get("short") else 1
    hour = number("hour", 0)
    if half := fields.get("half"):
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    micro = int((fields.get("fraction") or "0")[:6].ljust(6, "0"))
    day = number("day", 1)
    at = datetime(  # noqa: DTZ001 - the zone follows
        year, _month(fields.get("month")), day, hour, number("minute", 0), number("second", 0), micro
    )
    offset = fields.get("offset")
    if offset is not None:
        return Moment(at.replace(tzinfo=_zone(offset)))
    return Moment(at.replace(tzinfo=UTC) if fields.get("zone") else local(at))


def _month(text: str | None) -> int:
    if text is None or text.isdecimal():
        return int(text or 1)
    return [name[: len(text)] for name in _MONTHS].index(text) + 1


def _zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "").ljust(6, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-shift if text[0] == "-" else shift)


def _write(at: datetime, chunk: str) -> str:
    if chunk in _WRITE:
        return _WRITE[chunk](at)
    if chunk[0] in ".,":
        digits = f"{at.microsecond:06d}000".ljust(len(chunk) - 1, "0")[: len(chunk) - 1]
        digits = digits.rstrip("0") if chunk[1] == "9" else digits
        return chunk[0] + digits if digits else ""
    return _offset(at, chunk)


def _offset(at: datetime, chunk: str) -> str:
    seconds = round((at.utcoffset() or timedelta()).total_seconds())
    if chunk[0] == "Z" and seconds == 0:
        return "Z"
    colon = ":" if ":" in chunk else ""
    hours, rest = divmod(abs(seconds), 3600)
    parts = [f"{hours:02d}", f"{rest // 60:02d}", f"{rest % 60:02d}"]
    count = len(chunk.replace(":", "")[1:]) // 2
    return ("-" if seconds < 0 else "+") + colon.join(parts[:count])


def _reading(chunk: str) -> str:
    if chunk in _READ:
        return _READ[chunk]
    if chunk[0] in ".,":
        return ""  # the seconds before it take the fraction along
    colon = ":" if ":" in chunk else ""
    count = len(chunk.replace(":", "")[1:]) // 2
    digits = colon.join([r"\d\d"] * count)
    return f"(?P<offset>{'Z|' if chunk[0] == 'Z' else ''}[+-]{digits})"


def _day_of_year(at: datetime) -> int:
    return at.timetuple().tm_yday


def _zone_name(at: datetime) -> str:
    name = at.tzname() or ""
    return _offset(at, "-0700") if name.startswith(("UTC+", "UTC-")) or not name else name
