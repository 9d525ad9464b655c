"""Names under which logins are stored, and the form of what is stored under them (CRED-03 to CRED-06, CRED-10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

HUB_KEY: Final = "https://index.docker.io/v1/"
MARKED_USER: Final = "<token>"
"""The user name by which helpers mark a secret that is an identity token (CRED-14)."""
_HUB_HOSTS: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


def server_name(registry: str) -> str:
    """The name that a registry's login is stored under, towards helpers too (CRED-06)."""
    return HUB_KEY if is_hub(registry) else registry


def is_hub(registry: str) -> bool:
    """Tell whether this is one of Docker Hub's names."""
    return registry.lower() in _HUB_HOSTS


def candidates(auths: Mapping[str, Any], registry: str, repository: str) -> Iterator[str]:
    """The keys of `auths` that may serve a repository, best first.

    First keys with a path (`host/team`), longest first and whole components only (CRED-10); then the host; then
    keys that are URLs, of which only the host counts (CRED-05). Docker Hub's names are one (CRED-06). A key without
    a scheme keeps its path: `quay.io/team` must not serve all of quay.io.

    Args:
        auths: only its keys are looked at.
        registry: as the user wrote it.
        repository: within it; "" for the registry as a whole.
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


def encode_auth(username: str, password: str) -> str:
    """The `auth` member for a user name and password."""
    import base64

    return base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _same_hosts(registry: str) -> Sequence[str]:
    return _HUB_HOSTS if is_hub(registry) else tuple(dict.fromkeys((registry, registry.lower())))
