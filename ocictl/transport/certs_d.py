"""Certificates that Podman and Docker keep per registry, in directories called certs.d (NET-01, NET-02)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ocictl.errors import StorageError
from ocictl.lazy_dataclass import dataclass
from ocictl.sources import unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCertificates:
    """What a registry's directory holds.

    Attributes:
        authorities: to trust beside the system's.
        pair: client certificate and its key, or None.
    """

    authorities: tuple[Path, ...] = ()
    pair: tuple[Path, Path] | None = None


def standard_directories() -> tuple[Path, ...]:
    """The directories of Podman and Docker, in the order in which they are looked at."""
    return (
        Path("~/.config/containers/certs.d").expanduser(),
        Path("/etc/containers/certs.d"),
        Path("/etc/docker/certs.d"),
    )


def find(registry: str, directories: Sequence[Path]) -> HostCertificates:
    """Read the first of these directories that has one for the registry; there may be none.

    Args:
        registry: `HOST[:PORT]` as the user wrote it (`docker.io`, not its API host).
        directories: to look into.

    Raises:
        StorageError: a client certificate without its key, or the reverse.
    """
    if not registry:
        return HostCertificates()
    for directory in directories:
        folder = directory / registry
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            # What this user may not see is not meant for this user; Podman looks on, too.
            continue
        except OSError as error:
            raise unreadable(folder, error) from error
        return HostCertificates(
            authorities=tuple(folder / name for name in names if name.endswith(".crt")),
            pair=_pair(folder, names),
        )
    return HostCertificates()


def _pair(folder: Path, names: Sequence[str]) -> tuple[Path, Path] | None:
    """The first client certificate by name. All must be whole: which one is taken would depend on a lost file."""
    certificates = [name.removesuffix(".cert") for name in names if name.endswith(".cert")]
    keys = [name.removesuffix(".key") for name in names if name.endswith(".key")]
    for stem in certificates:
        if stem not in keys:
            raise _half(folder, f"{stem}.cert", f"{stem}.key")
    for stem in keys:
        if stem not in certificates:
            # A frequent mistake: *.crt are authorities, the client certificate is *.cert.
            raise _half(folder, f"{stem}.key", f"{stem}.cert")
    if not certificates:
        return None
    return folder / f"{certificates[0]}.cert", folder / f"{certificates[0]}.key"


def _half(folder: Path, there: str, missing: str) -> StorageError:
    return StorageError(
        f"client certificate {str(folder / there)!r} is without {missing!r}",
        code="file-not-found",
        hint=f"put {missing} beside it, or take {there} away; *.crt are authorities, X.cert and X.key a client",
        details={"path": str(folder / missing), "rule": "NET-02"},
    )
