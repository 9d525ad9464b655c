"""The official JSON schemas against the shared test documents: this guards how the documents are used.

The verdicts were recorded with draft-04 semantics and format checks. If a schema, the validator or a
document changes, a verdict changes here before a wrong conclusion is drawn from it elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
import referencing
from referencing.jsonschema import DRAFT4

from ocictl.model.annotations import is_rfc3339
from ocictl.model.descriptor import _is_uri
from tests.support.shared import present, spec_path, vector_rows

BASES = ("https://opencontainers.org/schema/", "https://opencontainers.org/schema/image/")
SCHEMAS = {
    "descriptor": "content-descriptor.json",
    "manifest": "image-manifest-schema.json",
    "index": "image-index-schema.json",
    "referrers": "image-index-schema.json",
    "layout": "image-layout-schema.json",
    "config": "config-schema.json",
}

FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("uri")(lambda value: not isinstance(value, str) or _is_uri(value))
FORMATS.checks("date-time")(lambda value: not isinstance(value, str) or is_rfc3339(value))


def resources() -> Iterator[tuple[str, referencing.Resource[Any]]]:
    """Every schema file under both base URLs, because they refer to each other relatively (PY-08)."""
    for path in sorted(spec_path("schema").glob("*.json")):
        # defs.json names no draft.
        resource = DRAFT4.create_resource(json.loads(path.read_bytes()))
        for base in BASES:
            yield base + path.name, resource


@cache
def validator(kind: str) -> jsonschema.Draft4Validator:
    """The validator for one kind; later drafts take 7682.0 for an integer (PY-09)."""
    schema = json.loads(spec_path("schema", SCHEMAS[kind]).read_bytes())
    registry: referencing.Registry[Any] = referencing.Registry().with_resources(resources())
    return jsonschema.Draft4Validator(schema, registry=registry, format_checker=FORMATS)


def verdict(kind: str, raw: bytes) -> str:
    try:
        value = json.loads(raw.decode("utf-8"))
    except ValueError:
        return "unparseable"
    return "valid" if validator(kind).is_valid(value) else "invalid"


@pytest.mark.parametrize("vector", vector_rows(*SCHEMAS))
def test_schema_verdict(vector: dict[str, Any] | None) -> None:
    """The schema says of each document what the table says it says."""
    vector = present(vector)
    assert verdict(vector["kind"], spec_path(vector["file"]).read_bytes()) == vector["schema"]


@pytest.mark.parametrize("vector", vector_rows(*SCHEMAS))
def test_agreement_is_as_recorded(vector: dict[str, Any] | None) -> None:
    """Prose and schema differ exactly where the table says so (GAP-01, GAP-02)."""
    vector = present(vector)
    if vector["schema"] == "n/a":
        assert vector["schema_agrees_with_prose"] is None
    else:
        agrees = (vector["schema"] == "valid") == vector["valid"]
        assert vector["schema_agrees_with_prose"] is agrees
