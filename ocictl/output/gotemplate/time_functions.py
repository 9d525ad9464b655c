"""Functions of Sprig about times."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from ocictl.output.gotemplate.functions import Function
from ocictl.output.gotemplate.problems import Fault
from ocictl.output.gotemplate.time_layout import format_time, moment_text, parse_time
from ocictl.output.gotemplate.values import Budget, Int64, Moment, Value, is_integer, type_name

_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART: Final = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)"
_DURATION: Final = re.compile(rf"[+-]?(?:{_PART})+")
_PIECE: Final = re.compile(r"([0-9.]+)([a-zµμ]+)")
_ZERO: Final = Moment(datetime(1, 1, 1, tzinfo=UTC))


def _now() -> Moment:
    return Moment(datetime.now(UTC).astimezone())


def _moment(value: Value) -> Moment:
    """What Sprig takes for a time: a time, a number of seconds; anything else is now."""
    if isinstance(value, Moment):
        return value
    if is_integer(value):
        try:
            return Moment(datetime.fromtimestamp(value, UTC))
        except (ValueError, OverflowError, OSError) as error:
            raise Fault(f"{value} seconds are no time that can be shown") from error
    return _now()


def _zone(name: str) -> tzinfo | None:
    """A time zone; None for the local one, UTC where there is none of this name."""
    if name == "Local":
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def _in_zone(layout: str, value: Value, zone: str) -> str:
    try:
        return format_time(Moment(_moment(value).at.astimezone(_zone(zone))), layout)
    except (ValueError, OverflowError, OSError) as error:
        raise Fault("the time can't be shown in this time zone") from error


def _local(at: datetime) -> datetime:
    return at.astimezone()


def _to_date(_: Budget, layout: str, text: str) -> Moment:
    return parse_time(layout, text, _local) or _ZERO


def _must_to_date(_: Budget, layout: str, text: str) -> Moment:
    found = parse_time(layout, text, _local)
    if found is None:
        raise Fault(f"{text!r} is no time like {layout!r}")
    return found


def _nanoseconds(text: str) -> int | None:
    """Read a duration like `1h30m`; None if it is none."""
    if text in {"0", "+0", "-0"}:
        return 0
    if not _DURATION.fullmatch(text) or len(text) > 100:
        return None
    total = sum(round(float(number) * _UNITS[unit]) for number, unit in _PIECE.findall(text))
    return -total if text.startswith("-") else total


def _modified(moment: Moment, nanoseconds: int) -> Moment:
    try:
        return Moment(moment.at + timedelta(microseconds=nanoseconds / 1000))
    except OverflowError as error:
        raise Fault("there is no such time") from error


def _modify(_: Budget, text: str, moment: Moment) -> Moment:
    nanoseconds = _nanoseconds(text)
    return moment if nanoseconds is None else _modified(moment, nanoseconds)


def _must_modify(_: Budget, text: str, moment: Moment) -> Moment:
    nanoseconds = _nanoseconds(text)
    if nanoseconds is None:
        raise Fault(f"{text!r} is no duration")
    return _modified(moment, nanoseconds)


def _seconds_text(seconds: int) -> str:
    """A duration as Go writes it, `1h2m3s`."""
    hours, rest = divmod(abs(seconds), 3600)
    minutes, left = divmod(rest, 60)
    text = f"{hours}h{minutes}m{left}s" if hours else f"{minutes}m{left}s" if minutes else f"{left}s"
    return ("-" if seconds < 0 else "") + text


def _ago(_: Budget, value: Value) -> str:
    return _seconds_text(round((datetime.now(UTC) - _moment(value).at).total_seconds()))


def _duration(_: Budget, value: Value) -> str:
    if isinstance(value, str):
        fits = re.fullmatch(r"[+-]?[0-9]{1,9}", value)
        return _seconds_text(int(value)) if fits else "0s"
    return _seconds_text(int(value)) if isinstance(value, Int64) and abs(value) < 10**9 else "0s"


def _duration_round(_: Budget, value: Value) -> str:
    if isinstance(value, Moment):
        nanoseconds = round((datetime.now(UTC) - value.at).total_seconds() * 10**9)
    elif isinstance(value, str):
        nanoseconds = _nanoseconds(value) or 0
    else:
        nanoseconds = int(value) if isinstance(value, Int64) else 0
    hours = 3600 * 10**9
    for unit, size in (
        ("y", 365 * 24 * hours),
        ("mo", 30 * 24 * hours),
        ("d", 24 * hours),
        ("h", hours),
        ("m", 60 * 10**9),
        ("s", 10**9),
    ):
        if abs(nanoseconds) > size:
            return f"{abs(nanoseconds) // size}{unit}"
    return "0s"


_METHODS: Final[Mapping[str, Function]] = {
    "Format": Function(lambda _, moment, layout: format_time(moment, layout), ("time", "string")),
    "String": Function(lambda _, moment: moment_text(moment), ("time",)),
    "UTC": Function(lambda _, moment: Moment(moment.at.astimezone(UTC)), ("time",)),
    "Unix": Function(lambda _, moment: Int64(moment.at.timestamp() // 1), ("time",)),
    "Year": Function(lambda _, moment: moment.at.year, ("time",)),
    "Day": Function(lambda _, moment: moment.at.day, ("time",)),
    "YearDay": Function(lambda _, moment: moment.at.timetuple().tm_yday, ("time",)),
    "Hour": Function(lambda _, moment: moment.at.hour, ("time",)),
    "Minute": Function(lambda _, moment: moment.at.minute, ("time",)),
    "Second": Function(lambda _, moment: moment.at.second, ("time",)),
}


def method(name: str) -> Function:
    """A method of times, which takes the time first.

    Raises:
        Fault: there is none of that name.
    """
    if name not in _METHODS:
        raise Fault(f"the field or method {name!r} of {type_name(_ZERO)} does not exist or is not supported")
    return _METHODS[name]


def _dated(call: Callable[..., Any]) -> Function:
    return Function(call, ("string", "any"))


FUNCTIONS: Final[Mapping[str, Function]] = {
    "now": Function(lambda _: _now()),
    "date": _dated(lambda _, layout, value: _in_zone(layout, value, "Local")),
    **dict.fromkeys(
        ("dateInZone", "date_in_zone"),
        Function(lambda _, layout, value, zone: _in_zone(layout, value, zone), ("string", "any", "string")),
    ),
    "htmlDate": Function(lambda _, value: _in_zone("2006-01-02", value, "Local"), ("any",)),
    "htmlDateInZone": Function(lambda _, value, zone: _in_zone("2006-01-02", value, zone), ("any", "string")),
    **dict.fromkeys(("dateModify", "date_modify"), Function(_modify, ("string", "time"))),
    **dict.fromkeys(("mustDateModify", "must_date_modify"), Function(_must_modify, ("string", "time"))),
    "toDate": Function(_to_date, ("string", "string")),
    "mustToDate": Function(_must_to_date, ("string", "string")),
    "unixEpoch": Function(lambda _, moment: str(int(moment.at.timestamp() // 1)), ("time",)),
    "ago": Function(_ago, ("any",)),
    "duration": Function(_duration, ("any",)),
    "durationRound": Function(_duration_round, ("any",)),
}
