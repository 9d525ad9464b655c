"""Choosing some platforms of an index: the same index with fewer entries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from ocictl.errors import NotFoundError
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Index
from ocictl.model.platform import Platform

ATTESTED: Final = "vnd.docker.reference.digest"
"""BuildKit's annotation on an entry for attestations: which manifest of the index they are about."""


def choose_platforms(index: Index, root: Descriptor, platforms: Sequence[Platform]) -> Index:
    """Leave out the entries of other platforms.

    Attestations go with their manifest, and entries without a platform stay. Every byte of what stays is as it was,
    so two copies of the same choice have the same digest; if everything stays, it is the same index.

    Raises:
        NotFoundError: `platform-not-found`: one of the platforms is not there.
    """
    entries = index.manifests
    manifests = [
        entry for entry in entries if ATTESTED not in entry.annotations and entry.platform is not None
    ]
    for wanted in platforms:
        if not any(entry.platform is not None and entry.platform.satisfies(wanted) for entry in manifests):
            offered = ", ".join(dict.fromkeys(str(entry.platform) for entry in manifests))
            raise NotFoundError(
                f"index {root.digest} has no manifest for the platform {str(wanted)!r}",
                code="platform-not-found",
                hint=f"it offers: {offered}" if offered else "none of its manifests names a platform",
                details={"platform": str(wanted), "rule": "IDX-08"},
            )
    chosen = {
        place
        for place, entry in enumerate(entries)
        if entry.platform is not None and any(entry.platform.satisfies(wanted) for wanted in platforms)
    }
    kept = [place for place in range(len(entries)) if _stays(place, entries, chosen)]
    if len(kept) == len(entries):
        return index
    return Index.parse(_with_entries(index.raw, kept), index.media_type)


def _stays(place: int, entries: Sequence[Descriptor], chosen: set[int]) -> bool:
    entry = entries[place]
    attested = entry.annotations.get(ATTESTED)
    if attested:
        return any(str(entries[other].digest) == attested for other in chosen)
    if entry.platform is not None:
        return place in chosen
    left_out = (other for number, other in enumerate(entries) if other.platform and number not in chosen)
    return all(other.digest != entry.digest for other in left_out)


def _with_entries(raw: bytes, kept: Sequence[int]) -> bytes:
    """The same JSON object with these elements of `manifests` only, each value spelled as it was."""
    members = []
    for name, value in _members(raw.decode()):
        if name == "manifests":
            elements = list(_elements(value))
            value = f"[{','.join(elements[place] for place in kept)}]"
        members.append(f"{json.dumps(name, ensure_ascii=False)}:{value}")
    return f"{{{','.join(members)}}}".encode()


_DECODER: Final = json.JSONDecoder()
_BLANK: Final = " \t\r\n"


def _members(text: str) -> list[tuple[str, str]]:
    """The members of an object that is known to be right: names, and values as they are spelled."""
    found = []
    place = _past(text, text.index("{") + 1)
    while text[place] != "}":
        name, end = _DECODER.raw_decode(text, place)
        start = _past(text, _past(text, end) + 1)
        _value, end = _DECODER.raw_decode(text, start)
        found.append((name, text[start:end]))
        place = _next(text, end)
    return found


def _elements(text: str) -> list[str]:
    found = []
    place = _past(text, 1)
    while text[place] != "]":
        _value, end = _DECODER.raw_decode(text, place)
        found.append(text[place:end])
        place = _next(text, end)
    return found


def _next(text: str, place: int) -> int:
    """Behind a value: the next one, or the closing bracket."""
    place = _past(text, place)
    return _past(text, place + 1) if text[place] == "," else place


def _past(text: str, place: int) -> int:
    while text[place] in _BLANK:
        place += 1
    return place
