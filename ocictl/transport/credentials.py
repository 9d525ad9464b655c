"""Credentials and where they are looked up (section CRED)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What proves an identity to a registry or its token service. Its text never shows a secret (AUTH-25).

    Attributes:
        username, password: for Basic, and for the token service.
        identity_token: a refresh token; goes to the token service only (AUTH-13).
        registry_token: a bearer token; goes to the registry as it is (CRED-03).
        source: where it is stored, for messages; None when given on the command line.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    source: str | None = None

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r}, source={self.source!r}, secrets hidden)"


class CredentialSource(Protocol):
    """Finds the credentials for a registry."""

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        """Return the credentials for a repository, or None to stay anonymous.

        Args:
            registry: host and perhaps port as the user wrote them (`docker.io`, not its API host).
            repository: name within the registry, or "" for the registry as a whole.

        Raises:
            CredentialError: `credential-file-invalid` or `credential-helper-failed`.
        """
        ...
