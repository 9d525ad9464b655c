"""Telling which of two places an error came from, in the words of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from ocictl.errors import OcictlError

_OF_A_PLACE: Final = re.compile(
    r"--(?=(?:oci-layout|oci-layout-path|distribution-spec|username|password|identity-token|registry-config|"
    r"plain-http|insecure|ca-file|cert-file|key-file|resolve|header)(?![\w-]))"
)
_STDIN: Final = re.compile(r"--(password|identity-token)-stdin\b")


@contextmanager
def attributing(shown: Mapping[str, str], prefixes: Mapping[str, str] | None = None) -> Iterator[None]:
    """Add a note about its side to an error that comes out of this block.

    Args:
        shown: `[kind] REFERENCE` of the `source` and of the `destination`.
        prefixes: what the options of each side begin with, for hints.
    """
    try:
        yield
    except OcictlError as error:
        side = str(error.details.get("side"))
        if side in shown:
            error.add_note(f"from the {side} {shown[side]}")
            if side == "destination" and error.hint is None and error.code.endswith("not-found"):
                error.hint = "check that the destination is spelled right"
            prefix = (prefixes or {}).get(side, "")
            if prefix and error.hint and "ocictl " not in error.hint:
                error.hint = _OF_A_PLACE.sub(f"--{prefix}", _STDIN.sub(r"--\1", error.hint))
        raise
