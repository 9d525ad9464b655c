"""Image configs: read for the platform of a plain manifest, and checked (image-spec `config.md`, MAN-04)."""

from __future__ import annotations

from typing import Any, NoReturn

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass
from ocictl.model import _fields
from ocictl.model.annotations import is_rfc3339
from ocictl.model.digest import Digest
from ocictl.model.platform import Platform

_RULE = "MAN-04"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The config of an image, OCI or Docker.

    Attributes:
        platform: what the image is for.
        raw: the exact bytes.
    """

    platform: Platform
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> ImageConfig:
        """Read an image config and check every member that the image specification defines.

        A member that is null counts as absent, as Docker writes them. Unknown members are ignored (JSON-04).
        `rootfs` may be missing: a config that carries only a platform is how ORAS types an artifact.

        Raises:
            ContentError: `document-malformed`, naming the place.
        """
        known = _object(_fields.load(raw, "image config"), "$")
        platform = Platform(
            architecture=known.string("architecture"),
            os=known.string("os"),
            variant=known.optional_string("variant") or None,
            os_version=known.optional_string("os.version") or None,
            os_features=known.optional_strings("os.features"),
        )
        known.optional_string("author")
        _time(known)
        if known.has("config"):
            _check_run_config(_object(known.take("config"), known.place("config")))
        if known.has("rootfs"):
            _check_rootfs(_object(known.take("rootfs"), known.place("rootfs")))
        if known.has("history"):
            for entry in known.array("history", _object):
                _check_history(entry)
        return cls(platform=platform, raw=raw)


def _object(value: object, place: str) -> _fields.Members:
    """An object's members without those that are null."""
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if member is not None}
    return _fields.Members(value, place, rule=_RULE)


def _check_run_config(known: _fields.Members) -> None:
    for name in ("User", "WorkingDir", "StopSignal"):
        known.optional_string(name)
    for name in ("Entrypoint", "Cmd"):
        known.optional_strings(name)
    for position, entry in enumerate(known.optional_strings("Env")):
        if "=" not in entry:
            known.fail(f"Env[{position}]", f"{entry!r} is not NAME=VALUE")
    for name in ("ExposedPorts", "Volumes"):
        for key, value in _map(known, name).items():
            if not isinstance(value, dict):
                _fail_entry(known, name, key, f"must be an object, not {_fields.kind(value)}")
    for key, value in _map(known, "Labels").items():
        if not isinstance(value, str):
            _fail_entry(known, "Labels", key, f"must be a string, not {_fields.kind(value)}")
    _boolean(known, "ArgsEscaped")


def _check_rootfs(known: _fields.Members) -> None:
    if (root_type := known.string("type")) != "layers":
        known.fail("type", f"must be 'layers', not {root_type!r}")
    if not known.has("diff_ids"):
        known.fail("diff_ids", "is required")
    for position, text in enumerate(known.optional_strings("diff_ids")):
        try:
            Digest.parse(text)
        except InvalidInputError as error:
            raise _fields.malformed(
                known.place(f"diff_ids[{position}]"), error.message, str(error.details["rule"])
            ) from error


def _check_history(known: _fields.Members) -> None:
    for name in ("author", "created_by", "comment"):
        known.optional_string(name)
    _time(known)
    _boolean(known, "empty_layer")


def _time(known: _fields.Members) -> None:
    text = known.optional_string("created")
    if text is not None and not is_rfc3339(text):
        known.fail("created", f"{text!r} is not RFC 3339")


def _boolean(known: _fields.Members, name: str) -> None:
    if known.has(name) and not isinstance(value := known.take(name), bool):
        known.fail(name, f"must be a boolean, not {_fields.kind(value)}")


def _map(known: _fields.Members, name: str) -> dict[str, Any]:
    if not known.has(name):
        return {}
    value = known.take(name)
    if not isinstance(value, dict):
        known.fail(name, f"must be an object, not {_fields.kind(value)}")
    return value


def _fail_entry(known: _fields.Members, name: str, key: str, why: str) -> NoReturn:
    known.fail(f"{name}[{key!r}]", why)
