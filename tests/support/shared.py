"""Access to the shared specification data: schemas, vectors and tables, kept beside the repository.

They are read where they are and never copied. `OCICTL_SPEC_DIR` names another place for the `spec` folder.
Without the data a test skips and says why; with `OCICTL_REQUIRE=shared` it fails instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.require import require

_REPOSITORY = Path(__file__).resolve().parents[2]


def spec_folder() -> Path:
    """Where the `spec` folder should be, whether it is there or not."""
    place = os.environ.get("OCICTL_SPEC_DIR")
    return Path(place) if place else _REPOSITORY.parent / "shared" / "spec"


def spec_path(*parts: str) -> Path:
    """A file or folder below `spec`, for example `spec_path("schema")`. Skips where it is absent."""
    path = spec_folder().joinpath(*parts)
    if not path.exists():
        require("shared", f"no specification data at {path} (OCICTL_SPEC_DIR can name another place)")
    return path


def shared_path() -> Path:
    """The folder that holds `spec`. Skips where it is absent."""
    return spec_path().parent


def spec_json(name: str) -> Any:
    """The parsed content of one table, for example `spec_json("digests.json")`. Skips where it is absent."""
    return json.loads(spec_path(name).read_bytes())


def spec_rows(name: str, member: str) -> list[Any]:
    """The rows of one table, for `parametrize`.

    Where the data is absent this is a single None: each test is collected once, gives it to `present`,
    and so says why it does nothing.
    """
    if not (spec_folder() / name).exists():
        return [None]
    rows: list[Any] = spec_json(name)[member]
    return rows


def vector_rows(*kinds: str, where: Callable[[dict[str, Any]], bool] = lambda row: True) -> list[Any]:
    """The test documents of these kinds for `parametrize`, each a row of `vectors.json` under its file name.

    Args:
        kinds: for example `"manifest", "index"`.
        where: leaves out the rows for which it is false.
    """
    return [
        pytest.param(row, id=row["file"].removeprefix("vectors/") if row else "absent")
        for row in spec_rows("vectors.json", "vectors")
        if row is None or (row["kind"] in kinds and where(row))
    ]


def present(row: dict[str, Any] | None) -> dict[str, Any]:
    """The row itself; skips (or fails) for the None that stands for absent data."""
    if row is None:
        require(
            "shared", f"no specification data at {spec_folder()} (OCICTL_SPEC_DIR can name another place)"
        )
    return row
