"""Storing and removing logins: in a credential file or by the helper that the file names (CRED-02, CRED-11).

A file is changed under a lock, written beside its place and renamed, so that it is whole at any moment and nobody's
login is lost. Everything in it that is not ours stays, in its order.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ocictl.errors import ConflictError, StorageError
from ocictl.lazy_dataclass import dataclass
from ocictl.sources import unreadable
from ocictl.transport.config import Limits
from ocictl.transport.credential_files import helper_program, interpret, invalid, parse
from ocictl.transport.credential_helpers import CredentialHelper, Login
from ocictl.transport.credential_keys import MARKED_USER, candidates, encode_auth, server_name
from ocictl.transport.credentials import Credential

_SECRET_MEMBERS: Final = ("auth", "identitytoken", "registrytoken", "username", "password")
_DEFAULTS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where a login was stored.

    Attributes:
        path: the credential file.
        helper: the program that keeps the login; None if the file does, in plain text.
        is_new: the file did not hold a login for this registry before.
    """

    path: Path
    helper: str | None
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was removed.

    Attributes:
        path: the credential file.
        helper: the program that kept the login, or None.
        found: there was a login.
    """

    path: Path
    helper: str | None
    found: bool


class LoginStore:
    """A credential file as a place for logins. Other processes may use it at the same time."""

    def __init__(
        self, path: Path, *, environ: Mapping[str, str] = os.environ, limits: Limits = _DEFAULTS
    ) -> None:
        """
        Args:
            path: the file, which may be missing. A symbolic link is followed, and stays.
            environ: for helper programs.
            limits: for helper programs and the lock.
        """
        self.path = path
        self._environ = environ
        self._limits = limits

    def check(self, registry: str) -> None:
        """Find out early that nothing can be stored here.

        Raises:
            CredentialError: `credential-file-invalid`, or `credential-helper-failed` for a name that is none.
            StorageError: the file can't be read.
        """
        self._helper(registry)

    def store(self, registry: str, credential: Credential) -> Stored:
        """Store a login in place of an older one.

        Raises:
            CredentialError: `credential-file-invalid` or `credential-helper-failed`; nothing is stored.
            ConflictError: `credential-file-locked`.
            StorageError: `file-unreadable`, `file-unwritable` or `disk-full`.
        """
        key = server_name(registry)
        helper = self._helper(registry)
        if helper is not None:
            helper.store(key, _login(credential))
            # A secret that the file still holds would outlive its replacement. Docker leaves the same marker.
            self._update(lambda auths: _blank(auths, key), create=False)
            return Stored(path=self.path, helper=helper.name, is_new=False)
        was_new = False

        def put(auths: dict[str, Any]) -> bool:
            nonlocal was_new
            entry = auths.get(key)
            kept = {} if not isinstance(entry, dict) else entry
            was_new = not any(kept.get(member) for member in _SECRET_MEMBERS)
            rest = {name: value for name, value in kept.items() if name not in _SECRET_MEMBERS}
            auths[key] = {**_members(credential), **rest}
            return True

        self._update(put, create=True)
        return Stored(path=self.path, helper=None, is_new=was_new)

    def erase(self, registry: str) -> Erased:
        """Remove every login that serves a whole registry, also under its other names.

        Raises:
            CredentialError, ConflictError, StorageError: as `store`.
        """
        key = server_name(registry)
        helper = self._helper(registry)
        found = helper is not None and helper.erase(key)

        def remove(auths: dict[str, Any]) -> bool:
            nonlocal found
            doomed = list(candidates(auths, registry, ""))
            removed = [auths.pop(name) for name in doomed]
            # A marker `{}` without its helper is no login (CRED-04).
            found = found or any(removed)
            return bool(doomed)

        self._update(remove, create=False)
        return Erased(path=self.path, helper=None if helper is None else helper.name, found=found)

    def _helper(self, registry: str) -> CredentialHelper | None:
        place = str(self.path)
        content = interpret(parse(_read(_real(self.path)) or b"", place), place)
        named = content.helper_for(registry)
        if named is None:
            return None
        return helper_program(named[0], named[1], place, self._environ, self._limits)

    def _update(self, change: Callable[[dict[str, Any]], bool], *, create: bool) -> None:
        """Change the entries of the file; `change` tells whether it did anything.

        Without `create` a missing file stays missing.
        """
        real = _real(self.path)
        if not create and not real.exists():
            return
        try:
            real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(real.parent, error) from error
        with self._locked(real):
            # Read again now that nobody else writes.
            value = parse(_read(real) or b"", str(self.path))
            interpret(value, str(self.path))
            auths = value.get("auths")
            if auths is None:
                auths = value["auths"] = {}
            if change(auths):
                _replace(real, self._text(value))

    def _text(self, value: Mapping[str, Any]) -> bytes:
        """The content as Docker writes it: indented by tabs."""
        try:
            text = json.dumps(value, indent="\t", ensure_ascii=False, allow_nan=False)
            return f"{text}\n".encode()
        except UnicodeEncodeError:
            return f"{json.dumps(value, indent=chr(9), allow_nan=False)}\n".encode("ascii")
        except ValueError:
            raise invalid(str(self.path), "holds a number that can't be written again") from None

    @contextmanager
    def _locked(self, real: Path) -> Iterator[None]:
        from filelock import FileLock, Timeout

        path = real.with_name(f"{real.name}.lock")
        lock = FileLock(str(path), mode=0o600)
        try:
            lock.acquire(timeout=self._limits.credential_lock_timeout)
        except Timeout as error:
            raise ConflictError(
                f"the credential file {str(self.path)!r} is locked by another process",
                code="credential-file-locked",
                hint=f"wait for the other process, then run the command again; it holds {str(path)!r}",
                details={"path": str(self.path), "seconds": self._limits.credential_lock_timeout},
            ) from error
        except NotImplementedError as error:
            raise _unwritable(path, OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))) from error
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            yield
        finally:
            lock.release()


def _login(credential: Credential) -> Login:
    if credential.identity_token:
        return Login(MARKED_USER, credential.identity_token)
    return Login(credential.username, credential.password)


def _members(credential: Credential) -> dict[str, str]:
    """The entry of a login (CRED-03)."""
    if credential.identity_token:
        return {"identitytoken": credential.identity_token}
    return {"auth": encode_auth(credential.username, credential.password)}


def _blank(auths: dict[str, Any], key: str) -> bool:
    if not auths.get(key):
        return False
    auths[key] = {}
    return True


def _real(path: Path) -> Path:
    """Where a file really is: the link stays, what it points to is replaced."""
    return Path(os.path.realpath(path))


def _read(path: Path) -> bytes | None:
    """The file's content, or None if there is no file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise StorageError(
                f"{str(path)!r} is not a file, so no login can be stored in it",
                code="file-unwritable",
                hint="name another file with --registry-config",
                details={"path": str(path)},
            )
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path, error) from error


def _replace(path: Path, raw: bytes) -> None:
    """Put a private file in the place of another, whole or not at all; its owner stays the same."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            _keep_owner(path, file.fileno())
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync(path.parent)


def _keep_owner(path: Path, handle: int) -> None:
    """What root stores in a user's file stays the user's."""
    with suppress(OSError):
        before, now = path.stat(), os.fstat(handle)
        if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
            os.fchown(handle, before.st_uid, before.st_gid)


def _sync(directory: Path) -> None:
    """Let the new name reach the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unwritable(path: Path, error: OSError) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            f"there is no space left to write {str(path)!r}",
            code="disk-full",
            hint="free some space, then run the command again; the file is as it was",
            details={"path": str(path)},
        )
    return StorageError(
        f"{str(path)!r} can't be written: {error.strerror or error}",
        code="file-unwritable",
        hint="check the permissions of the directory, or name another file with --registry-config",
        details={"path": str(path)},
    )
