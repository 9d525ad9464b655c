"""From the name on the command line to a location: registry or layout, path, tags or digest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ocictl.cli.credentials import check_credential_options
from ocictl.cli.remote_options import RemoteOptions
from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass, replace
from ocictl.lazy_pattern import pattern
from ocictl.model.digest import Digest
from ocictl.model.reference import Reference, check_registry, check_tag
from ocictl.target import TargetKind

_LOOKS_LIKE_DIGEST: Final = pattern(r"[a-z0-9+._-]+:[^/\\]*", re.ASCII)


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

    @property
    def selects_by_digest(self) -> bool:
        """Whether the selector is a digest, not a tag."""
        return self.selector is not None and self.name.endswith(f"@{self.selector}")

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


def locate_copy(text: str, remote: RemoteOptions) -> tuple[Location, Digest | None]:
    """Read `NAME[:TAG[,TAG…]]`, or `NAME@DIGEST` and return the digest too: what a copy must come to.

    Raises:
        InvalidInputError: as `locate_push`.
    """
    if remote.oci_layout_path is None and "@" in text.replace("\\", "/").rpartition("/")[2]:
        location = locate(text, remote)
        if location.selector is not None and ":" in location.selector:
            return replace(location, tags=()), Digest.parse(location.selector)
    return locate_push(text, remote), None


def locate_blob_push(text: str, remote: RemoteOptions) -> tuple[Location, Digest | None]:
    """Read `NAME[@DIGEST]` and return the digest too, which the content must have.

    Raises:
        InvalidInputError: as `locate`, or there is a tag.
    """
    location = locate(text, remote)
    if location.selector is None:
        return location, None
    return locate_blob(text, remote, "blob push")


def locate_registry(text: str, remote: RemoteOptions) -> tuple[str, str]:
    """Read `REGISTRY[/NAMESPACE]`; return both, the namespace empty if there is none.

    Raises:
        InvalidInputError: `reference-invalid`, or options exclude each other.
    """
    _check_options(remote)
    registry, _slash, namespace = text.partition("/")
    namespace = namespace.strip("/")
    check_registry(registry, text)
    if namespace:
        reference = Reference.parse(f"{registry}/{namespace}")
        if reference.selector is not None:
            raise InvalidInputError(
                f"{text!r} names a tag or digest, where a registry or namespace is wanted",
                code="reference-invalid",
                hint=f"list the tags of a repository with: ocictl repo tags {reference.path}",
                details={"value": text},
            )
    return registry, namespace


def locate_tags(text: str, remote: RemoteOptions) -> Location:
    """Read `REPOSITORY[:TAG[,TAG…]]` for a backup: by tags or all of it.

    Raises:
        InvalidInputError: as `locate_push`.
    """
    path, at, _digest = text.rpartition("@")
    if at:
        raise InvalidInputError(
            f"a backup goes by tags, but {text!r} names a digest",
            code="reference-invalid",
            hint=f"write {path} or {path}:TAG; or copy it with: ocictl cp",
            details={"value": text},
        )
    return locate_push(text, remote)


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
        raise _exclusive(remote.option("oci-layout"), remote.option("oci-layout-path"))
    check_credential_options(remote)
    if remote.username and remote.password is None and not remote.password_stdin:
        raise InvalidInputError(
            f"{remote.option('username')} needs a password",
            hint=f"add {remote.option('password' if remote.prefix else 'password-stdin')}",
        )
    if remote.headers and (remote.oci_layout or remote.oci_layout_path is not None):
        raise InvalidInputError(
            "custom headers can't be used with an OCI layout", hint=f"leave {remote.option('header')} out"
        )
    if (remote.cert_file is None) != (remote.key_file is None):
        raise InvalidInputError(
            f"{remote.option('cert-file')} and {remote.option('key-file')} are used together",
            hint="name the certificate and its key",
        )


def _exclusive(left: str, right: str) -> InvalidInputError:
    return InvalidInputError(f"{left} and {right} can't be used together", hint="leave one of them out")
