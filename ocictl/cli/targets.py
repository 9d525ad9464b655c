"""From a location to a place: the only module that builds stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ocictl.cli.credentials import credential_source
from ocictl.cli.locations import (
    Location,
    check_tags,
    locate,
    locate_blob,
    locate_blob_push,
    locate_copy,
    locate_push,
    locate_registry,
    locate_selected,
    locate_tags,
    split_layout_name,
)
from ocictl.cli.remote_options import RemoteOptions
from ocictl.errors import InvalidInputError, OcictlError
from ocictl.events import EventSink
from ocictl.output.console import Console
from ocictl.target import Catalog, ReadOnlyTarget, Target

if TYPE_CHECKING:
    from ocictl.cli.cache_options import CacheOptions
    from ocictl.stores.cache import Cache
    from ocictl.transport.config import Limits, TransportConfig
    from ocictl.transport.credentials import CredentialSource

__all__ = [
    "Location",
    "check_tags",
    "locate",
    "locate_blob",
    "locate_blob_push",
    "locate_copy",
    "locate_push",
    "locate_registry",
    "locate_selected",
    "locate_tags",
    "open_cache",
    "open_catalog",
    "open_layout",
    "open_readable",
    "open_source",
    "open_target",
    "split_layout_name",
    "transport_config",
]

_SHORTEST_SECRET: Final = 4
_RANGES: Final = 4
"""Connections for the parts of large blobs, at most."""


def open_target(
    location: Location,
    remote: RemoteOptions,
    console: Console,
    on_event: EventSink,
    *,
    create: bool = False,
    writes: bool = False,
    concurrency: int | None = 1,
    accept: Sequence[str] = (),
    mount_from: Sequence[str] = (),
) -> Target:
    """Open the place.

    Args:
        location: from one of the functions above.
        remote: how to reach it.
        console: for the wire log and for warnings.
        on_event: told of warnings and repeated requests.
        create: make a layout that is not there.
        writes: the command is going to write.
        concurrency: how many connections will be used at once; None: as many as it takes.
        accept: media types of documents to ask a registry for; all that ocictl knows if empty.
        mount_from: repositories of the same registry to take blobs over from, as the user wrote them.

    Raises:
        InvalidInputError, NotFoundError, StorageError: an option or the layout is not valid.
    """
    if location.reference is None:
        from ocictl.stores.layout import Layout

        return Layout(location.path, create=create)
    from ocictl.stores.repository import Repository

    config = transport_config(remote, console, concurrency=concurrency)
    repository = Repository(
        location.reference,
        config,
        referrers_mode=remote.referrers,
        for_writing=writes,
        accept=accept,
        mount_from=[_neighbour(text, location.reference.registry) for text in mount_from],
        on_event=on_event,
    )
    click.get_current_context().call_on_close(repository.close)
    return repository


def open_readable(
    location: Location,
    remote: RemoteOptions,
    console: Console,
    on_event: EventSink,
    *,
    concurrency: int | None = 1,
    accept: Sequence[str] = (),
) -> ReadOnlyTarget:
    """Open the place for reading; a layout may be a tar archive too.

    Args:
        location, remote, console, on_event, concurrency, accept: as of `open_target`.

    Raises:
        InvalidInputError, NotFoundError, StorageError: an option or the layout is not valid.
    """
    if location.reference is None:
        return open_layout(location.path)
    return open_target(location, remote, console, on_event, concurrency=concurrency, accept=accept)


def open_layout(path: str) -> ReadOnlyTarget:
    """Open a layout for reading: a directory, or a tar archive.

    Raises:
        NotFoundError: there is none.
        StorageError: it is not valid, or can't be read.
    """
    if not Path(path).is_file():
        from ocictl.stores.layout import Layout

        return Layout(path)
    from ocictl.stores.layout_tar import TarLayout

    archive = TarLayout(path)
    click.get_current_context().call_on_close(archive.close)
    return archive


def open_source(
    location: Location,
    remote: RemoteOptions,
    cache: CacheOptions,
    console: Console,
    on_event: EventSink,
    *,
    concurrency: int | None = 1,
    accept: Sequence[str] = (),
) -> ReadOnlyTarget:
    """Open the place for reading content, a registry through the cache if one is named.

    A cache that can't be used is a warning. A layout is on this machine already and needs none.

    Args:
        location, remote, console, on_event, concurrency, accept: as of `open_target`.
        cache: which cache.

    Raises:
        InvalidInputError, NotFoundError, StorageError: an option or the layout is not valid.
    """
    source = open_readable(location, remote, console, on_event, concurrency=concurrency, accept=accept)
    if cache.directory is None or location.reference is None:
        return source
    from ocictl.stores.cache import Cache
    from ocictl.stores.cached import CachedTarget

    try:
        opened = Cache(cache.directory, create=True, max_size=cache.max_size, on_event=on_event)
    except OcictlError as error:
        console.message("warning", f"the cache is not used: {error.message}")
        return source
    target = CachedTarget(source, opened)
    click.get_current_context().call_on_close(target.close)
    return target


def open_catalog(registry: str, remote: RemoteOptions, console: Console, on_event: EventSink) -> Catalog:
    """Open a registry for listing its repositories.

    Args:
        registry: host and perhaps port.
        remote, console, on_event: as of `open_target`.

    Raises:
        InvalidInputError: an option is not valid.
    """
    from ocictl.stores.catalog import RegistryCatalog

    catalog = RegistryCatalog(registry, transport_config(remote, console), on_event=on_event)
    click.get_current_context().call_on_close(catalog.close)
    return catalog


def open_cache(directory: str | None) -> Cache:
    """Open a cache to look after it.

    Raises:
        InvalidInputError: none is named.
        NotFoundError, StorageError: it is not there, or is none.
    """
    from ocictl.stores.cache import Cache

    if not directory:
        raise InvalidInputError("no cache is named", hint="add --cache DIR, or set OCICTL_CACHE")
    cache = Cache(directory)
    click.get_current_context().call_on_close(cache.close)
    return cache


def transport_config(
    remote: RemoteOptions,
    console: Console,
    *,
    concurrency: int | None = 1,
    credentials: CredentialSource | None = None,
) -> TransportConfig:
    """How to reach a registry.

    Args:
        remote: the options.
        console: for the wire log and for warnings.
        concurrency: how many connections will be used at once; None: as many as it takes.
        credentials: to be used in place of what the options and the stored logins say.

    Raises:
        InvalidInputError: an option is not valid.
    """
    from ocictl.transport.config import TransportConfig
    from ocictl.transport.hosts import HostAddress

    if remote.insecure:
        console.message("warning", f"TLS certificates are not checked ({remote.option('insecure')})")
    debug: Callable[[str], None] | None = console.debug if remote.debug else None
    source = credential_source(remote, console) if credentials is None else credentials
    headers = tuple(_header(text) for text in remote.headers)
    console.secrets += _secrets(source, headers)
    return TransportConfig(
        plain_http=remote.plain_http,
        insecure=remote.insecure,
        ca_file=_path(remote.ca_file),
        cert_file=_path(remote.cert_file),
        key_file=_path(remote.key_file),
        resolve=tuple(HostAddress.parse(text) for text in remote.resolve),
        headers=headers,
        limits=_limits(remote),
        chunk_size=remote.chunk_size,
        upload_records=_upload_records(remote.environ),
        pool_size=16 if concurrency is None else max(concurrency, 2),
        range_connections=_RANGES if concurrency is None else min(concurrency, _RANGES),
        credentials=source,
        debug=debug,
    )


def _secrets(source: CredentialSource, headers: Sequence[tuple[str, str]]) -> list[str]:
    """What of the options must not be shown, if it is long enough to be told from other words."""
    from ocictl.transport.credentials import Explicit

    given = source.credential if isinstance(source, Explicit) else None
    values = [*(given.secrets if given is not None else ()), *(value for _, value in headers)]
    return [value for value in values if len(value) >= _SHORTEST_SECRET]


def _limits(remote: RemoteOptions) -> Limits:
    from ocictl.transport.config import Limits

    changes: dict[str, Any] = {}
    if remote.retries is not None:
        changes["attempts"] = remote.retries + 1
    if remote.timeout is not None:
        changes["idle_timeout"] = remote.timeout
        changes["connect_timeout"] = min(remote.timeout, Limits().connect_timeout)
    return Limits(**changes)


def _neighbour(text: str, registry: str) -> str:
    """The name of another repository of the registry, which may be written with the registry or without."""
    from ocictl.model.reference import Reference

    hint = "name a repository of the same registry, such as --mount-from team/base"
    try:
        found = Reference.parse(f"{registry}/{text.removeprefix(f'{registry}/')}")
    except InvalidInputError as error:
        error.hint = hint
        raise
    if found.selector is not None:
        raise InvalidInputError(f"{text!r} is not the name of a repository", hint=hint)
    return found.repository


def _upload_records(environ: Mapping[str, str]) -> Path | None:
    """The directory in which cut uploads are remembered, or None if there is no place for it."""
    named = environ.get("OCICTL_UPLOADS")
    if named is not None:
        return _path(named)
    state, home = environ.get("XDG_STATE_HOME"), environ.get("HOME")
    if state and state.startswith("/"):
        return Path(state) / "ocictl" / "uploads"
    return Path(home) / ".local" / "state" / "ocictl" / "uploads" if home else None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise InvalidInputError(
            "a custom header is not 'Name: value'",  # the text may be a secret, so it is not shown
            code="header-invalid",
            hint="for example --header 'X-Meta: value'",
        )
    return name.strip(), value.strip()
