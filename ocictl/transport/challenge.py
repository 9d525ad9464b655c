"""`WWW-Authenticate`: how a registry wants to be talked to (RFC 9110 section 11.6.1, AUTH-02)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from ocictl.lazy_dataclass import dataclass, field
from ocictl.lazy_pattern import pattern

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = pattern(_WORD)
_TOKEN68 = pattern(r"([A-Za-z0-9._~+/-]+=*)[ \t]*(?=,|\Z)")
_PARAM = pattern(
    rf"""({_WORD})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|([^\s",=][^\s",]*)|(?=[ \t]*(?:,|\Z)))""",
    re.DOTALL,
)
_PAIR = pattern(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge.

    Attributes:
        scheme: lower case.
        params: names in lower case; the first of a name counts.
        token68: the other form a challenge may have, or None.
    """

    scheme: str
    params: Mapping[str, str] = field(default_factory=dict)
    token68: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """The resource scopes of a Bearer challenge (AUTH-06)."""
        return tuple(self.params.get("scope", "").split())


def parse(values: Iterable[str]) -> list[Challenge]:
    """Read all challenges from the lines of the header field.

    What can't be read is skipped: a malformed challenge next to a good one is no reason to fail.
    """
    return [challenge for value in values for challenge in _parse_line(value)]


def choose(challenges: Sequence[Challenge]) -> Challenge | None:
    """Pick the challenge to answer: Bearer that names a realm, then Basic, then none (AUTH-02, AUTH-04)."""
    for challenge in challenges:
        if challenge.scheme == "bearer" and challenge.params.get("realm"):
            return challenge
    return next((challenge for challenge in challenges if challenge.scheme == "basic"), None)


def _parse_line(value: str) -> list[Challenge]:
    found: list[Challenge] = []
    position = 0
    while position < len(value):
        if value[position] in ", \t":
            position += 1
            continue
        scheme = _SCHEME.match(value, position)
        if scheme is None:
            # Not the start of anything: go on after the next comma.
            comma = value.find(",", position)
            position = len(value) if comma < 0 else comma + 1
            continue
        position = _skip(value, scheme.end(), " \t")
        params: dict[str, str] = {}
        token68 = _TOKEN68.match(value, position) if position > scheme.end() else None
        param = _PARAM.match(value, position)
        if token68 is not None and (param is None or (param[2] is None and param[3] is None)):
            found.append(Challenge(scheme[0].lower(), token68=token68[1]))
            position = token68.end()
            continue
        position = _read_params(value, position, params)
        found.append(Challenge(scheme[0].lower(), params))
    return found


def _read_params(value: str, position: int, params: dict[str, str]) -> int:
    """Read parameters until something begins that is none, such as the next challenge; return where."""
    while True:
        start = _skip(value, position, ", \t")
        match = _PARAM.match(value, start)
        if match is None:
            return position
        quoted, bare = match[2], match[3]
        text = _PAIR.sub(r"\1", quoted) if quoted is not None else bare or ""
        params.setdefault(match[1].lower(), text)
        position = match.end()


def _skip(value: str, position: int, characters: str) -> int:
    while position < len(value) and value[position] in characters:
        position += 1
    return position
