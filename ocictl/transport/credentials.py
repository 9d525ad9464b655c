"""Credentials, and what a source of them is (section CRED). Where they are stored: `credential_lookup`."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final, Protocol, TypeAlias

from ocictl.errors import CredentialError, InvalidInputError
from ocictl.lazy_dataclass import dataclass

AUTH_VARIABLE: Final = "DOCKER_AUTH_CONFIG"
"""The environment variable that may hold logins itself; also their `source` (CRED-08)."""
Warn: TypeAlias = Callable[[str], None]
"""Receives one line about something that was passed over; never a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What proves an identity to a registry or its token service. Its text never shows a secret (AUTH-25).

    Attributes:
        username, password: for Basic, and for the token service.
        identity_token: a refresh token; goes to the token service only (AUTH-13).
        registry_token: a bearer token; goes to the registry as it is (CRED-03).
        source: where it is stored, for messages; None when given on the command line.
        key: under which name it is stored there.
        login_option: what `ocictl login` needs, beside the registry, to store a new one in its place.
    """

    username: str = ""
    password: str = ""
    identity_token: str = ""
    registry_token: str = ""
    source: str | None = None
    key: str = ""
    login_option: str = ""

    def __repr__(self) -> str:
        return f"Credential(username={self.username!r}, source={self.source!r}, secrets hidden)"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown."""
        return tuple(text for text in (self.password, self.identity_token, self.registry_token) if text)


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


class Anonymous:
    """No credentials for anyone."""

    def lookup(self, registry: str, repository: str, /) -> Credential | None:  # noqa: ARG002 (the protocol)
        """See `CredentialSource`."""
        return None


class Later:
    """A source that is made when the registry asks; most runs never need theirs."""

    def __init__(self, make: Callable[[], CredentialSource]) -> None:
        self._make = make
        self._source: CredentialSource | None = None

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        """See `CredentialSource`."""
        if self._source is None:
            self._source = self._make()
        return self._source.lookup(registry, repository)


class Explicit:
    """Credentials that the caller gave, for whatever registry the client is made for."""

    def __init__(self, username: str | None = None, secret: str | None = None) -> None:
        """A user name and secret are for Basic; a secret alone is an identity token, as in oras.

        Raises:
            InvalidInputError: the user name holds a colon, which no way of sending it allows (RFC 7617).
        """
        if username and ":" in username:
            raise InvalidInputError(
                "a user name can't hold a colon",
                hint="give the user name alone; the password goes apart from it",
            )
        self.credential: Credential | None = None
        if username:
            self.credential = Credential(username=username, password=secret or "")
        elif secret:
            self.credential = Credential(identity_token=secret)

    def lookup(self, registry: str, repository: str, /) -> Credential | None:  # noqa: ARG002 (the protocol)
        """See `CredentialSource`."""
        return self.credential


class FirstOf:
    """Asks several sources in order; the first that knows something wins (CRED-11).

    A helper program that fails does not end the search: a login that is stored elsewhere is used, and the failure
    is told. It is raised only if nobody knows anything.
    """

    def __init__(self, *sources: CredentialSource, warn: Warn | None = None) -> None:
        """
        Args:
            *sources: best first.
            warn: told of helpers that failed although a login was found elsewhere.
        """
        self._sources = sources
        self._warn = warn
        self._lock = Lock()
        self._told: set[str] = set()

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        """See `CredentialSource`."""
        failure: CredentialError | None = None
        for source in self._sources:
            try:
                found = source.lookup(registry, repository)
            except CredentialError as error:
                if error.code != "credential-helper-failed":
                    raise
                failure = failure or error
                continue
            if found is not None:
                if failure is not None:
                    self._tell(f"{failure.message}; the login in {found.source or 'the options'!r} is used")
                return found
        if failure is not None:
            raise failure
        return None

    def _tell(self, text: str) -> None:
        with self._lock:
            known = text in self._told
            self._told.add(text)
        if self._warn is not None and not known:
            self._warn(text)
