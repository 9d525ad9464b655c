"""The exception tree. Every failure this package reports is one of these.

    OcictlError                code, message, hint, details
      InvalidInputError        something the caller wrote breaks a rule
      NotFoundError            no such manifest, blob, tag or repository; raised alike by every store
      ContentError             bytes are not what their descriptor says, or a document breaks its rules
      PathError                a file name from an artifact may not be written
      CredentialError          credentials are missing or can't be read
      TransportError           no usable answer came from the network
      RegistryError            the registry answered with an error
        UnauthorizedError
        DeniedError
        RateLimitedError
        UnsupportedError
        UnavailableError
      ConflictError            somebody else's state is in the way, or the outcome isn't confirmed
      StorageError             local files can't be read or written

A class exists for each thing a caller handles differently, a code for each thing a reader looks up.
Codes are public and stable: docs/errors.md lists them, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

__all__ = [
    "CODES",
    "ConflictError",
    "ContentError",
    "CredentialError",
    "DeniedError",
    "InvalidInputError",
    "NotFoundError",
    "OcictlError",
    "PathError",
    "RateLimitedError",
    "RegistryError",
    "StorageError",
    "TransportError",
    "UnauthorizedError",
    "UnavailableError",
    "UnsupportedError",
]

CODES: dict[str, str] = {
    # InvalidInputError
    "argument-invalid": "an argument or option has a value that is not allowed",
    "reference-invalid": "a reference does not follow registry/repository[:tag][@digest]",
    "tag-invalid": "a tag does not follow the tag grammar",
    "digest-invalid": "a digest does not follow algorithm:encoded, or is not of a known algorithm's form",
    "media-type-invalid": "a media type or artifact type is not type/subtype as in RFC 6838",
    "annotation-invalid": "an annotation is not key=value, or a key is given twice",
    "annotation-file-invalid": "an annotation file is not a JSON object of objects of strings",
    "platform-invalid": "a platform is not os[/arch[/variant]][:os_version]",
    "time-invalid": "a time stamp is not RFC 3339 (or, in SOURCE_DATE_EPOCH, not a number of seconds)",
    "template-invalid": "an output template is not valid, or asks for what can't be done with the result",
    "header-invalid": "a custom header is not 'Name: value', or sets a header that ocictl owns",
    # NotFoundError
    "not-found": "the registry or layout has no such manifest, blob or tag",
    "repository-not-found": "the registry has no such repository",
    "platform-not-found": "no manifest matches the wanted platform",
    # ContentError
    "digest-mismatch": "bytes do not have the digest they should have",
    "size-mismatch": "there are more or fewer bytes than the descriptor says",
    "digest-unverifiable": "content is named by a digest algorithm that can't be verified",
    "document-malformed": "a manifest, index or other document breaks a rule",
    "document-too-large": "a document is larger than the limit for its kind",
    "archive-malformed": "a directory archive can't be read",
    # PathError
    "path-absolute": "a file is given by an absolute path",
    "path-unsafe": "a file name would leave the output directory, or can't be a file name everywhere",
    "path-exists": "a file is already there and may not be replaced",
    "path-duplicate": "two files of one artifact have the same name, or names that differ only by case",
    # CredentialError
    "login-required": "the registry asks for credentials and none are known",
    "credential-file-invalid": "a credential file can't be read or understood",
    "credential-helper-failed": "a credential helper program failed",
    "credential-invalid": "a credential can't be used here",
    # TransportError
    "connection-failed": "no connection to the host, or it was lost",
    "timeout": "the host did not answer in time",
    "tls-failed": "the TLS connection could not be established or trusted",
    "url-refused": "a URL sent by a server breaks the rules for where requests may go",
    "response-truncated": "an answer ended before all of its bytes had come",
    # RegistryError
    "registry-error": "the registry refused the request",
    "registry-protocol": "the registry's answer breaks the distribution specification",
    "unauthorized": "the registry did not accept the credentials",
    "denied": "the credentials do not allow this",
    "rate-limited": "the registry asks for fewer requests",
    "unsupported": "the registry does not support this",
    "unavailable": "the registry is temporarily not available",
    # ConflictError
    "tag-exists": "a tag already points to something else",
    "attach-unconfirmed": "the referrer is pushed, but its entry in the referrers tag could not be confirmed",
    "delete-unconfirmed": "a referrer could not be taken out of its subject's list for sure, and is not deleted",
    "referrers-tag-occupied": "the referrers tag holds something that is not a referrers index",
    "layout-locked": "another process holds the lock of the layout",
    "credential-file-locked": "another process holds the lock of a credential file",
    # StorageError
    "file-not-found": "a local file does not exist",
    "file-unreadable": "a local file can't be read",
    "file-unwritable": "a local file can't be written",
    "file-changed": "a local file changed while it was read",
    "disk-full": "there is no space left on the device",
    "layout-invalid": "a directory or archive is not an OCI image layout",
    "cache-invalid": "a directory does not say that it is a cache, so nothing is removed from it",
    # any
    "interrupted": "the user or the system asked to stop",
    "internal": "a bug in ocictl",
}
"""Every error code and, in a few words, what it means."""


class OcictlError(Exception):
    """Something went wrong, and this says what, why and what to do next.

    Attributes:
        code: stable word from `CODES`, for programs and for looking it up.
        message: one line, lower case, values quoted, no full stop.
        hint: what to do next, or None.
        details: further facts for machine-readable output; JSON-compatible values.
    """

    default_code: ClassVar[str] = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        if self.code not in CODES:
            raise ValueError(f"unknown error code {self.code!r}")
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return self.message


class InvalidInputError(OcictlError):
    """A value that the caller wrote breaks a rule."""

    default_code = "argument-invalid"


class NotFoundError(OcictlError):
    """There is no such manifest, blob, tag or repository."""

    default_code = "not-found"


class ContentError(OcictlError):
    """Bytes are not what they should be. Nothing of them may be used."""

    default_code = "document-malformed"


class PathError(OcictlError):
    """A file name from an artifact or an argument may not be used."""

    default_code = "path-unsafe"


class CredentialError(OcictlError):
    """Credentials are missing or could not be obtained."""

    default_code = "login-required"


class TransportError(OcictlError):
    """No usable answer came from the network."""

    default_code = "connection-failed"


class RegistryError(OcictlError):
    """The registry answered with an error.

    Attributes:
        status: HTTP status, or None.
        method: HTTP method, or None.
        url: URL without user info and query, or None.
        errors: the registry's own list, each a dict with `code`, `message` and perhaps `detail` (ERR-01).
    """

    default_code = "registry-error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
        method: str | None = None,
        url: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        facts: dict[str, Any] = {"status": status, "method": method, "url": url}
        if errors:
            facts["errors"] = [dict(entry) for entry in errors]
        facts = {key: value for key, value in facts.items() if value is not None}
        super().__init__(message, code=code, hint=hint, details={**facts, **(details or {})})
        self.status = status
        self.method = method
        self.url = url
        self.errors = [dict(entry) for entry in errors]

    def has_code(self, *codes: str) -> bool:
        """Tell whether the registry's list holds one of these codes (ERR-02)."""
        return any(entry.get("code") in codes for entry in self.errors)


class UnauthorizedError(RegistryError):
    """401: the registry did not accept the credentials, or wants some."""

    default_code = "unauthorized"


class DeniedError(RegistryError):
    """403 or DENIED: the credentials do not allow this (AUTH-18)."""

    default_code = "denied"


class RateLimitedError(RegistryError):
    """429: too many requests (LIM-01)."""

    default_code = "rate-limited"


class UnsupportedError(RegistryError):
    """The registry does not support the operation or refuses this kind of content."""

    default_code = "unsupported"


class UnavailableError(RegistryError):
    """5xx: the registry can't serve the request now."""

    default_code = "unavailable"


class ConflictError(OcictlError):
    """Somebody else's state is in the way, or the outcome could not be confirmed."""

    default_code = "tag-exists"


class StorageError(OcictlError):
    """Local files can't be read or written."""

    default_code = "file-unwritable"
