"""From the name on the command line to a place: the only module that builds stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ocictl.cli.credentials import check_credential_options, credential_source
from ocictl.cli.remote_options import RemoteOptions
from ocictl.errors import InvalidInputError, OcictlError
from ocictl.events import EventSink
from ocictl.model.digest import Digest
from ocictl.model.reference import Reference, check_tag
from ocictl.output.console import Console
from ocictl.target import ReadOnlyTarget, Target, TargetKind

if TYPE_CHECKING:
    from ocictl.cli.cache_options import CacheOptions
    from ocictl.stores.cache import Cache
    from ocictl.transport.config import Limits, TransportConfig
    from ocictl.transport.credentials import CredentialSource

_SHORTEST_SECRET: Final = 4
_LOOKS_LIKE_DIGEST: Final = re.compile(r"[a-z0-9+._-]+:[^/\\]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A name that was read.

    Attributes:
        kind: registry or layout.
        path: repository or directory, as shown.
        selector: tag or digest, or None.
        tags: all tags, for a push.
        name: the name as shown, with the first tag only.
        reference: for a registry.
    """

    kind: TargetKind
    path: str
    name: str
    selector: str | None = None
    tags: tuple[str, ...] = ()
    reference: Reference | None = None

    @property
    def shown(self) -> str:
        """`[kind] NAME`, as in the closing lines of oras."""
        return f"[{self.kind}] {self.name}"

    def shown_digest(self, digest: Digest) -> str:
        """`[kind] PATH@DIGEST`."""
        return f"[{self.kind}] {self.path}@{digest}"


def locate(text: str, remote: RemoteOptions) -> Location:
    """Read `NAME[:TAG|@DIGEST]`.

    Raises:
        InvalidInputError: the name is not valid, or options exclude each other.
    """
    _check_options(remote)
    if remote.oci_layout_path is not None:
        return _in_layout(remote.oci_layout_path, text, shown=text)
    if remote.oci_layout:
        path, selector = split_layout_name(text)
        return _in_layout(path, selector, shown=text)
    reference = Reference.parse(text)
    return Location(
        kind="registry",
        path=reference.path,
        name=str(reference),
        selector=reference.selector,
        tags=(reference.tag,) if reference.tag else (),
        reference=reference,
    )


def locate_selected(text: str, remote: RemoteOptions, command: str) -> tuple[Location, str]:
    """Read `NAME{:TAG|@DIGEST}` and return the selector too.

    Raises:
        InvalidInputError: as `locate`, or there is neither tag nor digest.
    """
    location = locate(text, remote)
    if location.selector is None:
        raise InvalidInputError(
            f"no tag or digest specified in {text!r}",
            code="reference-invalid",
            hint=f"write {location.path}:TAG or {location.path}@DIGEST; see: ocictl {command} --help",
            details={"value": text},
        )
    return location, location.selector


def locate_blob(text: str, remote: RemoteOptions, command: str) -> tuple[Location, Digest]:
    """Read `NAME@DIGEST` and return the digest too.

    Raises:
        InvalidInputError: as `locate`, or there is no digest.
    """
    location = locate(text, remote)
    if location.selector is None or ":" not in location.selector:
        raise InvalidInputError(
            f"no digest specified in {text!r}",
            code="reference-invalid",
            hint=f"blobs have no tags; write {location.path}@DIGEST; see: ocictl {command} --help",
            details={"value": text},
        )
    return location, Digest.parse(location.selector)


def locate_push(text: str, remote: RemoteOptions) -> Location:
    """Read `NAME[:TAG[,TAG…]]`.

    Raises:
        InvalidInputError: as `locate`, or there is a digest or an empty tag.
    """
    _check_options(remote)
    if remote.oci_layout_path is not None:
        return _tagged(_in_layout(remote.oci_layout_path, None, shown=""), text, text)
    if remote.oci_layout:
        path, selector = split_layout_name(text)
        location = _in_layout(path, None, shown=path)
        if selector is not None and text.endswith(f"@{selector}"):
            raise _digest_given(text, path)
        return _tagged(location, selector, text)
    last = text.rpartition("/")[2]
    if "@" in last:
        raise _digest_given(text, text.partition("@")[0])
    _name, _colon, tags = last.partition(":")
    reference = Reference.parse(text.partition(",")[0])
    location = Location(kind="registry", path=reference.path, name=reference.path, reference=reference)
    return _tagged(location, tags or None, text)


def split_layout_name(text: str) -> tuple[str, str | None]:
    r"""Split `PATH[:TAG|@DIGEST]` (LAY-09).

    The last `@` splits if a digest follows, else the last colon does. What follows a colon is a tag unless it
    begins like a path, so `C:\layout` is a path and `C:\layout:v1` has a tag.

    Raises:
        InvalidInputError: no path, or the digest is not valid.
    """
    path, at, digest = text.rpartition("@")
    if at and _LOOKS_LIKE_DIGEST.fullmatch(digest):
        selector: str | None = str(Digest.parse(digest))
    else:
        path, colon, tag = text.rpartition(":")
        if not colon or tag.startswith(("/", "\\")):
            path, tag = text, ""
        selector = tag or None
    if not path:
        raise InvalidInputError(
            f"layout {text!r} names no directory",
            code="reference-invalid",
            hint="write PATH, PATH:TAG or PATH@DIGEST",
            details={"value": text, "rule": "LAY-09"},
        )
    return path, selector


def check_tags(location: Location, tags: Sequence[str]) -> None:
    """Find tags that a registry can't take before any of them is written.

    Raises:
        InvalidInputError: `tag-invalid`.
    """
    if location.reference is not None:
        for tag in tags:
            check_tag(tag)


def open_target(
    location: Location,
    remote: RemoteOptions,
    console: Console,
    on_event: EventSink,
    *,
    create: bool = False,
    writes: bool = False,
    concurrency: int = 1,
) -> Target:
    """Open the place.

    Args:
        location: from one of the functions above.
        remote: how to reach it.
        console: for the wire log and for warnings.
        on_event: told of warnings and repeated requests.
        create: make a layout that is not there.
        writes: the command is going to write.
        concurrency: how many connections will be used.

    Raises:
        InvalidInputError, NotFoundError, StorageError: an option or the layout is not valid.
    """
    if location.reference is None:
        from ocictl.stores.layout import Layout

        return Layout(location.path, create=create)
    from ocictl.stores.repository import Repository

    config = transport_config(remote, console, concurrency=concurrency)
    repository = Repository(
        location.reference, config, referrers_mode=remote.referrers, for_writing=writes, on_event=on_event
    )
    click.get_current_context().call_on_close(repository.close)
    return repository


def open_source(
    location: Location,
    remote: RemoteOptions,
    cache: CacheOptions,
    console: Console,
    on_event: EventSink,
    *,
    concurrency: int = 1,
) -> ReadOnlyTarget:
    """Open the place for reading content, a registry through the cache if one is named.

    A cache that can't be used is a warning. A layout is on this machine already and needs none.

    Args:
        location, remote, console, on_event, concurrency: as of `open_target`.
        cache: which cache.

    Raises:
        InvalidInputError, NotFoundError, StorageError: an option or the layout is not valid.
    """
    source = open_target(location, remote, console, on_event, concurrency=concurrency)
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


def _in_layout(path: str, selector: str | None, *, shown: str) -> Location:
    return Location(kind="oci-layout", path=path, name=shown, selector=selector)


def _tagged(location: Location, tags: str | None, text: str) -> Location:
    if tags is None:
        return location
    names = tuple(tags.split(","))
    for name in names:
        if not name:
            raise InvalidInputError(
                f"a tag in {text!r} is empty",
                code="tag-invalid",
                hint="write tags with single commas between: NAME:TAG,TAG",
                details={"value": text},
            )
        if location.reference is not None:
            check_tag(name, text)
    first = f"{location.name}:{names[0]}" if location.name else names[0]
    return Location(
        kind=location.kind,
        path=location.path,
        name=first,
        selector=names[0],
        tags=names,
        reference=location.reference and location.reference.with_tag(names[0]),
    )


def _digest_given(text: str, path: str) -> InvalidInputError:
    return InvalidInputError(
        f"a push can't choose its digest, but {text!r} names one",
        code="reference-invalid",
        hint=f"write {path} or {path}:TAG; the digest is printed at the end",
        details={"value": text},
    )


def _check_options(remote: RemoteOptions) -> None:
    if remote.oci_layout and remote.oci_layout_path is not None:
        raise _exclusive("--oci-layout", "--oci-layout-path")
    check_credential_options(remote)
    if remote.username and remote.password is None and not remote.password_stdin:
        raise InvalidInputError("--username needs a password", hint="add --password-stdin")
    if remote.headers and (remote.oci_layout or remote.oci_layout_path is not None):
        raise InvalidInputError("custom headers can't be used with an OCI layout", hint="leave --header out")
    if (remote.cert_file is None) != (remote.key_file is None):
        raise InvalidInputError(
            "--cert-file and --key-file are used together", hint="name the certificate and its key"
        )


def _exclusive(left: str, right: str) -> InvalidInputError:
    return InvalidInputError(f"{left} and {right} can't be used together", hint="leave one of them out")


def transport_config(
    remote: RemoteOptions,
    console: Console,
    *,
    concurrency: int = 1,
    credentials: CredentialSource | None = None,
) -> TransportConfig:
    """How to reach a registry.

    Args:
        remote: the options.
        console: for the wire log and for warnings.
        concurrency: how many connections will be used.
        credentials: to be used in place of what the options and the stored logins say.

    Raises:
        InvalidInputError: an option is not valid.
    """
    from ocictl.transport.config import TransportConfig
    from ocictl.transport.hosts import HostAddress

    if remote.insecure:
        console.message("warning", "TLS certificates are not checked (--insecure)")
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
        pool_size=max(concurrency, 2),
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
