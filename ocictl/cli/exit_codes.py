"""The numbers a run ends with, and which error gets which. docs/exit-codes.md lists them; a test compares."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ocictl import errors


class ExitCode(IntEnum):
    """Why a run ended."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_ALLOWED = 4
    NETWORK = 5
    INTEGRITY = 6
    UNSUPPORTED = 7
    CONFLICT = 8
    LOCAL_FILES = 9
    INTERRUPTED = 130
    TERMINATED = 143

    @property
    def meaning(self) -> str:
        """What the number tells, in a few words."""
        return _MEANINGS[self]


_MEANINGS: Final = {
    ExitCode.OK: "done",
    ExitCode.FAILURE: "another failure, or a bug",
    ExitCode.USAGE: "the command line, or a value on it, is not valid",
    ExitCode.NOT_FOUND: "no such manifest, blob, tag, repository or platform",
    ExitCode.NOT_ALLOWED: "not logged in, or not allowed",
    ExitCode.NETWORK: "the registry can't be reached, or does not serve requests now",
    ExitCode.INTEGRITY: "content is not what its digest, size or format says",
    ExitCode.UNSUPPORTED: "the registry does not support this",
    ExitCode.CONFLICT: "something else is in the way, or the outcome is not confirmed",
    ExitCode.LOCAL_FILES: "a local file can't be read or written, or a file name is not safe",
    ExitCode.INTERRUPTED: "interrupted (Ctrl-C)",
    ExitCode.TERMINATED: "terminated (SIGTERM)",
}

# Subclasses stand before their bases: the first match counts.
_BY_CLASS: Final[tuple[tuple[type[errors.OcictlError], ExitCode], ...]] = (
    (errors.InvalidInputError, ExitCode.USAGE),
    (errors.NotFoundError, ExitCode.NOT_FOUND),
    (errors.ContentError, ExitCode.INTEGRITY),
    (errors.PathError, ExitCode.LOCAL_FILES),
    (errors.CredentialError, ExitCode.NOT_ALLOWED),
    (errors.TransportError, ExitCode.NETWORK),
    (errors.UnauthorizedError, ExitCode.NOT_ALLOWED),
    (errors.DeniedError, ExitCode.NOT_ALLOWED),
    (errors.RateLimitedError, ExitCode.NETWORK),
    (errors.UnavailableError, ExitCode.NETWORK),
    (errors.UnsupportedError, ExitCode.UNSUPPORTED),
    (errors.RegistryError, ExitCode.FAILURE),
    (errors.ConflictError, ExitCode.CONFLICT),
    (errors.StorageError, ExitCode.LOCAL_FILES),
)


def exit_code_of(error: errors.OcictlError) -> ExitCode:
    """Return the number for an error."""
    if error.code == "interrupted":
        return ExitCode.INTERRUPTED
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), ExitCode.FAILURE)
