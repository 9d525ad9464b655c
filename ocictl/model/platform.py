"""Platforms: for which operating system and processor something is (IDX-05)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.model import _fields
from ocictl.model.machine import machine_architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """An operating system and a processor.

    Attributes:
        os: for example `linux`.
        architecture: for example `amd64`.
        variant, os_version: or None.
        os_features: or an empty tuple.
        extra: members this package does not know, kept for a rewrite.
    """

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None
    os_features: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `os[/arch[/variant]][:os_version]`; a missing arch is the running machine's.

        Raises:
            InvalidInputError: `platform-invalid`.
        """
        main, colon, os_version = text.partition(":")
        parts = main.split("/")
        if len(parts) > 3 or not all(parts) or (colon and not os_version):
            raise InvalidInputError(
                f"platform {text!r} is not os[/arch[/variant]][:os_version]",
                code="platform-invalid",
                hint="for example linux/amd64 or linux/arm/v7",
                details={"value": text, "rule": "IDX-05"},
            )
        return cls(
            os=parts[0],
            architecture=parts[1] if len(parts) > 1 else machine_architecture(),
            variant=parts[2] if len(parts) > 2 else None,
            os_version=os_version or None,
        )

    @classmethod
    def from_json(cls, value: object, place: str) -> Platform:
        """Read a `platform` member.

        Raises:
            ContentError: `document-malformed`, naming the place (IDX-05).
        """
        known = _fields.Members(value, place, rule="IDX-05")
        return cls(
            architecture=known.string("architecture"),
            os=known.string("os"),
            os_version=known.optional_string("os.version"),
            os_features=known.optional_strings("os.features"),
            variant=known.optional_string("variant"),
            extra=known.rest(),
        )

    def to_json(self) -> dict[str, Any]:
        """The JSON members, known ones in the order of the Go types."""
        members: dict[str, Any] = {"architecture": self.architecture, "os": self.os}
        if self.os_version is not None:
            members["os.version"] = self.os_version
        if self.os_features:
            members["os.features"] = list(self.os_features)
        if self.variant is not None:
            members["variant"] = self.variant
        return {**members, **self.extra}

    def satisfies(self, wanted: Platform) -> bool:
        """Tell whether this is what is wanted: variant, version and features count only if asked for."""
        return (
            self.os == wanted.os
            and self.architecture == wanted.architecture
            and wanted.variant in (None, self.variant)
            and wanted.os_version in (None, self.os_version)
            and set(wanted.os_features) <= set(self.os_features)
        )

    def __str__(self) -> str:
        variant = f"/{self.variant}" if self.variant else ""
        version = f":{self.os_version}" if self.os_version else ""
        return f"{self.os}/{self.architecture}{variant}{version}"
