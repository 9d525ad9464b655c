"""Logging in and out: credentials are tried before they are kept (AUTH-24)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ocictl.errors import DeniedError, InvalidInputError, OcictlError, UnauthorizedError
from ocictl.events import EventSink, discard
from ocictl.lazy_dataclass import dataclass, replace
from ocictl.model.reference import Reference, check_registry
from ocictl.transport import endpoints, url_policy
from ocictl.transport.config import TransportConfig
from ocictl.transport.credential_keys import is_hub
from ocictl.transport.credential_store import Erased, LoginStore, Stored
from ocictl.transport.credentials import Explicit
from ocictl.transport.session import RegistryClient

_ANSWERED: Final = frozenset({200, 404, 405})
"""Answers to a question about a repository that say: you may ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginResult:
    """What a login came to.

    Attributes:
        registry: its name.
        checked: the registry asked for the credentials and took them. If not, it never asked.
        stored: where they are now.
    """

    registry: str
    checked: bool
    stored: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What may be done with a repository.

    Attributes:
        pull, push: None if allowed, else the registry's refusal.
    """

    pull: OcictlError | None
    push: OcictlError | None


def login(
    registry: str,
    given: Explicit,
    store: LoginStore,
    *,
    config: TransportConfig,
    on_event: EventSink = discard,
) -> LoginResult:
    """Check credentials with a registry, then store them. What is not accepted is not stored.

    Args:
        registry: host and perhaps port; see `registry_name`.
        given: the credentials.
        store: where to.
        config: how to reach the registry; its own credentials are not used.
        on_event: told of warnings and repeated requests.

    Raises:
        InvalidInputError: there are no credentials to check.
        UnauthorizedError, DeniedError: they are not accepted.
        CredentialError, ConflictError, StorageError: they can't be stored.
        RegistryError, TransportError: they can't be checked.
    """
    if given.credential is None:
        raise InvalidInputError("there are no credentials to log in with")
    store.check(registry)
    reference = Reference(registry=registry, repository="")
    with RegistryClient(reference, replace(config, credentials=given), on_event) as client:
        try:
            client.request("GET", endpoints.base(), expected=(200,)).close()
        except (UnauthorizedError, DeniedError) as error:
            error.hint = "check user name and password; some registries want a token in place of the password"
            raise
        checked = client.was_asked
    return LoginResult(registry=registry, checked=checked, stored=store.store(registry, given.credential))


def logout(registry: str, store: LoginStore) -> Erased:
    """Forget what is stored for a registry. No request is sent.

    Raises:
        CredentialError, ConflictError, StorageError: it can't be removed.
    """
    return store.erase(registry)


def check_access(
    reference: Reference, *, config: TransportConfig, on_event: EventSink = discard
) -> Permissions:
    """Find out whether a repository may be pulled from and pushed to. Nothing is stored, here or there.

    An upload is begun and given up again: only that shows what the registry will say to a push.

    Args:
        reference: the repository; tag and digest are not looked at.
        config: how to reach the registry, and as whom.
        on_event: told of warnings and repeated requests.

    Raises:
        RegistryError, TransportError, CredentialError: nobody can tell.
    """
    name = reference.repository
    with RegistryClient(reference, config, on_event) as client:
        push = _refusal(lambda: _begin_upload(client, name))
        pull = _refusal(
            lambda: client.request(
                "GET", endpoints.tags(name, count=1), expected=_ANSWERED, scopes=(endpoints.pull_scope(name),)
            ).close()
        )
    return Permissions(pull=pull, push=push)


def registry_name(text: str) -> str:
    """Read the name of a registry: `host[:port]`, also as `https://host/` or as a key of a credential file.

    Docker Hub's other names become `docker.io`.

    Raises:
        InvalidInputError: `reference-invalid`.
    """
    rest = text
    for scheme in ("oci://", "https://", "http://"):
        rest = rest.removeprefix(scheme)
    host, _slash, path = rest.partition("/")
    if not host or path.strip("/") not in ("", "v1", "v2"):
        raise InvalidInputError(
            f"registry {text!r} is not valid: it has a path",
            code="reference-invalid",
            hint=f"a login is for a whole registry: {host}; to try a repository add --check",
            details={"value": text},
        )
    return "docker.io" if is_hub(check_registry(host, text)) else host


def _begin_upload(client: RegistryClient, name: str) -> None:
    scopes = (endpoints.push_scope(name),)
    url = endpoints.uploads(name)
    with client.request("POST", url, expected={201, 202}, scopes=scopes, repeatable=True) as response:
        location, answered = response.headers.get("Location"), response.url
    if location is None:
        return
    # A session that is not given up ends by itself, so that failing here changes nothing.
    with suppress(OcictlError):
        session = url_policy.upload_location(location, answered, client.base_url)
        client.request("DELETE", session, expected=range(200, 600), scopes=scopes).close()


def _refusal(ask: Callable[[], None]) -> OcictlError | None:
    try:
        ask()
    except (UnauthorizedError, DeniedError) as error:
        return error
    return None
