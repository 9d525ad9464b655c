"""Where credentials are looked up, in which order, and where a login is stored (CRED-09, CRED-11)."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ocictl.errors import CredentialError
from ocictl.lazy_dataclass import dataclass
from ocictl.transport.config import Limits
from ocictl.transport.credential_files import CredentialFile
from ocictl.transport.credentials import AUTH_VARIABLE, FirstOf, Warn

_DEFAULTS: Final = Limits()


def stored_credentials(
    files: Sequence[Path] = (),
    *,
    environ: Mapping[str, str] = os.environ,
    limits: Limits = _DEFAULTS,
    warn: Warn | None = None,
) -> FirstOf:
    """The source of everything that is stored; see `places` for the order.

    Args:
        files: search these and nothing else.
        environ: says where the usual places are; also the environment of helper programs.
        limits: for helper programs.
        warn: told of what is passed over.
    """
    return FirstOf(*places(files, environ=environ, limits=limits, warn=warn), warn=warn)


def places(
    files: Sequence[Path] = (),
    *,
    environ: Mapping[str, str] = os.environ,
    limits: Limits = _DEFAULTS,
    warn: Warn | None = None,
) -> list[CredentialFile]:
    """All places in their order: the given files alone; or else `REGISTRY_AUTH_FILE`, `DOCKER_AUTH_CONFIG`,
    Docker's file, the files of containers' tools unless `REGISTRY_AUTH_FILE` replaces them, `~/.dockercfg`.

    Args: see `stored_credentials`.
    """
    common: dict[str, Any] = {"environ": environ, "limits": limits, "warn": warn}
    if files:
        return [
            CredentialFile(file, login_option=f"--registry-config {shlex.quote(str(file))}", **common)
            for file in files
        ]
    found: list[CredentialFile] = []
    own = environ.get("REGISTRY_AUTH_FILE")
    if own:
        found.append(CredentialFile(own, **common))
    text = environ.get(AUTH_VARIABLE)
    if text:
        found.append(CredentialFile(AUTH_VARIABLE, text=text, form="environment", **common))
    docker = docker_config_path(environ)
    if docker is not None:
        found.append(CredentialFile(docker, **common))
    if not own:
        found += [CredentialFile(path, optional=True, **common) for path in containers_auth_paths(environ)]
    home = home_directory(environ)
    if home is not None:
        found.append(CredentialFile(home / ".dockercfg", form="bare", **common))
    return found


def login_file(files: Sequence[Path] = (), *, environ: Mapping[str, str] = os.environ) -> Path:
    """The file that a login is stored in: the first given one, else `REGISTRY_AUTH_FILE`, else Docker's file.

    Raises:
        CredentialError: `credential-file-invalid`: there is no home directory.
    """
    if files:
        return files[0]
    own = environ.get("REGISTRY_AUTH_FILE")
    path = Path(own) if own else docker_config_path(environ)
    if path is None:
        raise CredentialError(
            "there is no home directory to store a login in",
            code="credential-file-invalid",
            hint="name a file with --registry-config, or set HOME or DOCKER_CONFIG",
        )
    return path


def docker_config_path(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where Docker's config file is (CRED-01); None without a home directory."""
    directory = environ.get("DOCKER_CONFIG")
    if directory:
        return Path(directory) / "config.json"
    home = home_directory(environ)
    return None if home is None else home / ".docker" / "config.json"


def containers_auth_paths(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Where Podman, Buildah and Skopeo keep their logins by default (CRED-09)."""
    name = Path("containers", "auth.json")
    home = home_directory(environ)
    found = []
    if sys.platform == "linux":
        runtime = environ.get("XDG_RUNTIME_DIR")
        found.append(Path(runtime) / name if runtime else Path(f"/run/containers/{os.getuid()}/auth.json"))
    elif home is not None:
        found.append(home / ".config" / name)
    config = environ.get("XDG_CONFIG_HOME")
    if config:
        found.append(Path(config) / name)
    elif home is not None:
        found.append(home / ".config" / name)
    return list(dict.fromkeys(found))


def home_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The user's home directory, or None if nothing tells where it is."""
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        return Path.home()
    except RuntimeError:
        return None


@dataclass(frozen=True, slots=True)
class Others:
    """Further places that hold a login for a registry.

    Attributes:
        before, after: searched before or after the place that was asked about.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]


def also_known(
    registry: str, place: Path, files: Sequence[Path] = (), *, environ: Mapping[str, str] = os.environ
) -> Others:
    """Where else a login for a registry is stored. No helper program is asked.

    Args:
        registry: as the user wrote it.
        place: a file, which is left out.
        files, environ: as for `stored_credentials`.
    """
    before: list[str] = []
    after: list[str] = []
    passed = False
    for file in places(files, environ=environ):
        if file.place == str(place):
            passed = True
            continue
        with suppress(CredentialError):
            if file.entry_for(registry) is not None:
                (after if passed else before).append(file.place)
    return Others(tuple(before), tuple(after))
