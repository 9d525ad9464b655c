"""Records about the program itself: its version, and what went wrong. Part of the contract in `records`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from ocictl.lazy_dataclass import dataclass, field

if TYPE_CHECKING:
    from ocictl.errors import OcictlError


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """What `version` reports.

    Attributes:
        version: of ocictl.
        python_version: of the interpreter.
        platform: `os/architecture` in the words of OCI.
    """

    version: str
    python_version: str
    platform: str

    def to_json(self) -> dict[str, Any]:
        return {"version": self.version, "pythonVersion": self.python_version, "platform": self.platform}


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRecord:
    """What a failed command writes to standard error.

    Attributes:
        code: from the list in docs/errors.md.
        message: one line.
        exit_code: of the process.
        hint: what to do next; left out when there is nothing to say.
        notes: what was going on, innermost first.
        details: facts that depend on the code, for example the registry's `status` and `errors`.
    """

    code: str
    message: str
    exit_code: int
    hint: str | None = None
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: OcictlError, exit_code: int) -> Self:
        """Describe an error."""
        return cls(
            code=error.code,
            message=error.message,
            exit_code=exit_code,
            hint=error.hint,
            notes=tuple(getattr(error, "__notes__", ())),
            details=error.details,
        )

    def to_json(self) -> dict[str, Any]:
        members: dict[str, Any] = {"code": self.code, "message": self.message, "exitCode": self.exit_code}
        if self.hint:
            members["hint"] = self.hint
        if self.notes:
            members["notes"] = list(self.notes)
        return {"error": {**members, "details": dict(self.details)}}
