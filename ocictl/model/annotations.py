"""Annotation keys, and the rules for annotation maps (section ANN)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from ocictl.lazy_pattern import pattern

TITLE: Final = "org.opencontainers.image.title"
CREATED: Final = "org.opencontainers.image.created"
REF_NAME: Final = "org.opencontainers.image.ref.name"
UNPACK: Final = "io.deis.oras.content.unpack"
UNPACKED_DIGEST: Final = "io.deis.oras.content.digest"
EXECUTABLE: Final = "dev.ocictl.file.executable"
"""`true` on a layer that is a file which its owner may execute (docs/from-oras.md)."""

_RFC3339 = pattern(
    r"(\d{4}-\d{2}-\d{2})[Tt]((?:[01]\d|2[0-3]):\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def is_rfc3339(text: str) -> bool:
    """Tell whether this is a date-time of RFC 3339, with any number of fraction digits (ANN-06, PY-12)."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return False
    day, clock, _fraction, zone = match.groups()
    try:
        datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError:
        return False
    return True
