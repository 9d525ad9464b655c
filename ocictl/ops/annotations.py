"""Annotations as a person gives them: `key=value` pairs or a file (ORAS.md: annotation file)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ocictl.errors import ContentError, InvalidInputError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.model import _fields
from ocictl.sources import unreadable

_MANIFEST_KEY: Final = "$manifest"
_CONFIG_KEY: Final = "$config"
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """Annotations for the manifest, for its config, and for files by the argument that names them."""

    manifest: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_pairs(cls, pairs: Iterable[str]) -> Annotations:
        """Read manifest annotations from `key=value` texts.

        Raises:
            InvalidInputError: `annotation-invalid`: no `=`, or a key given twice (ANN-01).
        """
        manifest: dict[str, str] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            if not equals:
                raise InvalidInputError(
                    f"annotation {pair!r} is not key=value",
                    code="annotation-invalid",
                    hint=f"write it as --annotation {pair!r}=VALUE",
                    details={"value": pair, "rule": "ANN-01"},
                )
            if key in manifest:
                raise InvalidInputError(
                    f"annotation {key!r} is given twice",
                    code="annotation-invalid",
                    hint="keys are unique; leave one of them out",
                    details={"value": key, "rule": "ANN-01"},
                )
            manifest[key] = value
        return cls(manifest=manifest)

    @classmethod
    def from_file(cls, path: str | Path) -> Annotations:
        """Read an annotation file: a JSON object of objects of strings.

        The keys are `$manifest`, `$config`, or a file argument exactly as typed, without its type.

        Raises:
            StorageError: the file can't be read.
            InvalidInputError: `annotation-file-invalid`, naming the place.
        """
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise unreadable(path, error) from error
        try:
            value = _fields.load(raw, "annotation file")
        except ContentError as error:
            raise _invalid(path, error.message) from error
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match

        problem = best_match(Draft202012Validator(_SCHEMA).iter_errors(value))
        if problem is not None:
            raise _invalid(path, f"{problem.json_path}: {problem.message}")
        files = {key: entry for key, entry in value.items() if key not in (_MANIFEST_KEY, _CONFIG_KEY)}
        return cls(manifest=value.get(_MANIFEST_KEY, {}), config=value.get(_CONFIG_KEY, {}), files=files)


def _invalid(path: str | Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"annotation file {str(path)!r} is not valid: {why}",
        code="annotation-file-invalid",
        hint='for example {"$manifest": {"key": "value"}, "file.txt": {"key": "value"}}',
        details={"path": str(path), "rule": "ANN-01"},
    )
