"""Credentials and where they are looked up (section CRED)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

from ocictl.errors import CredentialError

HUB_KEY: Final = "https://index.docker.io/v1/"
_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


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


class Anonymous:
    """No credentials for anyone."""

    def lookup(self, registry: str, repository: str, /) -> Credential | None:  # noqa: ARG002 (the protocol)
        """See `CredentialSource`."""
        return None


class Explicit:
    """Credentials that the caller gave, for whatever registry the client is made for."""

    def __init__(self, username: str | None = None, secret: str | None = None) -> None:
        """A user name and secret are for Basic; a secret alone is an identity token, as in oras."""
        self._credential: Credential | None = None
        if username:
            self._credential = Credential(username=username, password=secret or "")
        elif secret:
            self._credential = Credential(identity_token=secret)

    def lookup(self, registry: str, repository: str, /) -> Credential | None:  # noqa: ARG002 (the protocol)
        """See `CredentialSource`."""
        return self._credential


class FirstOf:
    """Asks several sources in order; the first that knows something wins (CRED-11)."""

    def __init__(self, *sources: CredentialSource) -> None:
        self._sources = sources

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        """See `CredentialSource`."""
        for source in self._sources:
            found = source.lookup(registry, repository)
            if found is not None:
                return found
        return None


class DockerConfig:
    """The `auths` of a Docker config file (CRED-01, CRED-03). Read once, when something is looked up."""

    def __init__(self, path: Path | None = None, *, warn: Callable[[str], None] | None = None) -> None:
        """
        Args:
            path: the file; None for `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. It may be missing.
            warn: receives a line for each entry that is skipped because it is broken (CRED-07).
        """
        self.path = docker_config_path() if path is None else path
        self._warn = warn
        self._lock = Lock()
        self._auths: Mapping[str, Any] | None = None

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        """See `CredentialSource`."""
        with self._lock:
            if self._auths is None:
                self._auths = self._load()
            auths = self._auths
        for key in candidates(auths, registry, repository):
            credential = self._read(key, auths[key])
            if credential is not None:
                return credential
        return None

    def _load(self) -> Mapping[str, Any]:
        import json

        try:
            value = json.loads(self.path.read_bytes().decode("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._invalid(f"can't be read: {error.strerror or 'unknown'}") from error
        except (ValueError, RecursionError):
            # Neither the text nor the place of the mistake: the error would quote the file.
            raise self._invalid("is not JSON") from None
        if not isinstance(value, dict):
            raise self._invalid("is not a JSON object")
        auths = value.get("auths")
        if auths is None:
            return {}
        if not isinstance(auths, dict):
            raise self._invalid("has an 'auths' member that is not an object")
        return auths

    def _read(self, key: str, entry: object) -> Credential | None:
        """The credential of one entry; None if it is a marker (CRED-04) or broken (CRED-07)."""
        if not isinstance(entry, dict):
            self._skip(key)
            return None
        source = str(self.path)
        for member, name in (("identitytoken", "identity_token"), ("registrytoken", "registry_token")):
            secret = entry.get(member)
            if isinstance(secret, str) and secret:
                return Credential(source=source, **{name: secret})
        encoded = entry.get("auth")
        if isinstance(encoded, str) and encoded:
            pair = decode_auth(encoded)
            if pair is not None:
                return Credential(username=pair[0], password=pair[1], source=source)
            self._skip(key)
            return None
        username, password = entry.get("username"), entry.get("password")
        if isinstance(username, str) and isinstance(password, str) and username:
            return Credential(username=username, password=password, source=source)
        return None

    def _skip(self, key: str) -> None:
        if self._warn is not None:
            self._warn(f"the entry for {key!r} in {str(self.path)!r} is broken and is skipped")

    def _invalid(self, why: str) -> CredentialError:
        return CredentialError(
            f"the credential file {str(self.path)!r} {why}",
            code="credential-file-invalid",
            hint="correct or remove the file, then log in again with: ocictl login",
            details={"path": str(self.path)},
        )


def docker_config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where Docker's config file is (CRED-01)."""
    directory = environ.get("DOCKER_CONFIG")
    return Path(directory) / "config.json" if directory else Path.home() / ".docker" / "config.json"


def decode_auth(encoded: str) -> tuple[str, str] | None:
    """User name and password of an `auth` member: base64 of `user:password`, trailing NULs cut (CRED-03).

    None if it is broken.
    """
    import base64

    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except ValueError:
        return None
    username, colon, password = text.partition(":")
    password = password.rstrip("\0")
    return (username, password) if colon and (username or password) else None


def candidates(auths: Mapping[str, Any], registry: str, repository: str) -> Iterator[str]:
    """The keys of `auths` that may serve a repository, best first.

    First keys with a path (`host/team`), longest first and whole components only (CRED-10); then the host; then
    keys that are URLs, of which only the host counts (CRED-05). Docker Hub's names are one (CRED-06). A key without
    a scheme keeps its path: `quay.io/team` must not serve all of quay.io.
    """
    hosts = _same_hosts(registry)
    if hosts is not _HUB_HOSTS or "/" in repository or not repository:
        parts = repository.split("/") if repository else []
    else:
        parts = ["library", repository]
    for count in range(len(parts), -1, -1):
        tail = "".join(f"/{part}" for part in parts[:count])
        if hosts is _HUB_HOSTS and not count and HUB_KEY in auths:
            yield HUB_KEY
        for host in hosts:
            if host + tail in auths:
                yield host + tail
    for key in auths:
        scheme, separator, rest = key.lower().partition("://")
        if separator and scheme in ("http", "https") and rest.partition("/")[0] in hosts and key != HUB_KEY:
            yield key


def _same_hosts(registry: str) -> Sequence[str]:
    lower = registry.lower()
    return _HUB_HOSTS if lower in _HUB_HOSTS else tuple(dict.fromkeys((registry, lower)))
