"""Credential files of Docker, Podman and others, as they are read (CRED-01 to CRED-10)."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ocictl.errors import CredentialError
from ocictl.lazy_dataclass import dataclass, field
from ocictl.transport.config import Limits
from ocictl.transport.credential_keys import MARKED_USER, candidates, decode_auth, server_name
from ocictl.transport.credentials import AUTH_VARIABLE, Credential, Warn

if TYPE_CHECKING:
    from ocictl.transport.credential_helpers import CredentialHelper

Form: TypeAlias = Literal["config", "bare", "environment"]
"""`config`: an object with `auths` and more; `bare`: the `auths` alone (`.dockercfg`);
`environment`: `auths` and nothing else (CRED-08)."""

_DEFAULTS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Content:
    """What a credential file says.

    Attributes:
        auths: the entries.
        helpers: names of helpers by registry; an empty name switches the store off for it (CRED-02).
        store: name of the helper for all other registries, or "".
    """

    auths: Mapping[str, Any] = field(default_factory=dict, repr=False)
    helpers: Mapping[str, str] = field(default_factory=dict)
    store: str = ""

    def helper_for(self, registry: str) -> tuple[str, str] | None:
        """The helper that keeps a registry's login and the member that names it, or None if the file does."""
        for key in candidates(self.helpers, registry, ""):
            return (self.helpers[key], "credHelpers") if self.helpers[key] else None
        return (self.store, "credsStore") if self.store else None


class CredentialFile:
    """A credential file, or text of the same form. Read once, when something is looked up."""

    def __init__(
        self,
        place: Path | str,
        *,
        text: str | None = None,
        form: Form = "config",
        optional: bool = False,
        login_option: str = "",
        environ: Mapping[str, str] = os.environ,
        limits: Limits = _DEFAULTS,
        warn: Warn | None = None,
    ) -> None:
        """
        Args:
            place: the file, which may be missing; or a name for `text`.
            text: what to read instead of a file.
            form: see `Form`.
            optional: nobody named this file, so one that may not be read is as good as none.
            login_option: see `Credential`.
            environ: for helper programs.
            limits: for helper programs.
            warn: receives a line for each entry that is skipped because it is broken (CRED-07), and for a file
                that other users can read.
        """
        self.place = str(place)
        self._text = text
        self._form = form
        self._optional = optional
        self._login_option = login_option
        self._environ = environ
        self._limits = limits
        self._warn = warn
        self._lock = Lock()
        self._content: Content | None = None
        self._told: set[str] = set()
        self._is_open = False

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        """See `CredentialSource`. The order is: `credHelpers`, `credsStore`, `auths` (CRED-02)."""
        content = self.content()
        helper = content.helper_for(registry)
        if helper is not None:
            return self._ask(helper, registry)
        for key in candidates(content.auths, registry, repository):
            credential = self._read(key, content.auths[key])
            if credential is not None:
                if self._is_open:
                    self._tell(
                        f"the credential file {self.place!r} can be read by every user of this machine; "
                        "make it private with chmod 600"
                    )
                return credential
        return None

    def entry_for(self, registry: str) -> str | None:
        """The key of the entry that serves a whole registry, if there is a secret in it. No helper is asked."""
        auths = self.content().auths
        return next((key for key in candidates(auths, registry, "") if self._read(key, auths[key])), None)

    def content(self) -> Content:
        """What the file says; an empty one for a missing file.

        Raises:
            CredentialError: `credential-file-invalid`.
        """
        with self._lock:
            if self._content is None:
                raw = self._load()
                self._content = interpret(parse(raw, self.place), self.place, self._form)
            return self._content

    def _load(self) -> bytes:
        if self._text is not None:
            return self._text.encode("utf-8", "surrogateescape")
        try:
            with Path(self.place).open("rb") as file:
                self._is_open = bool(os.fstat(file.fileno()).st_mode & stat.S_IROTH)
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except PermissionError as error:
            if self._optional:
                return b""
            raise invalid(self.place, f"can't be read: {error.strerror}") from error
        except OSError as error:
            raise invalid(self.place, f"can't be read: {error.strerror or 'unknown'}") from error

    def _ask(self, helper: tuple[str, str], registry: str) -> Credential | None:
        suffix, member = helper
        program = helper_program(suffix, member, self.place, self._environ, self._limits)
        server = server_name(registry)
        found = program.get(server)
        if found is None:
            return None
        where = {"source": program.name, "key": server, "login_option": self._login_option}
        if found.username == MARKED_USER:
            return Credential(identity_token=found.secret, **where)
        return Credential(username=found.username, password=found.secret, **where)

    def _read(self, key: str, entry: object) -> Credential | None:
        """The credential of one entry; None if it is a marker (CRED-04) or broken (CRED-07)."""
        if not isinstance(entry, dict):
            self._skip(key)
            return None
        where = {"source": self.place, "key": key, "login_option": self._login_option}
        for member, name in (("identitytoken", "identity_token"), ("registrytoken", "registry_token")):
            secret = entry.get(member)
            if isinstance(secret, str) and secret:
                return Credential(**{name: secret}, **where)
        encoded = entry.get("auth")
        if isinstance(encoded, str) and encoded:
            pair = decode_auth(encoded)
            if pair is not None:
                return Credential(username=pair[0], password=pair[1], **where)
            self._skip(key)
            return None
        username, password = entry.get("username"), entry.get("password")
        if isinstance(username, str) and isinstance(password, str) and username:
            return Credential(username=username, password=password, **where)
        return None

    def _skip(self, key: str) -> None:
        self._tell(f"the entry for {key!r} in {self.place!r} is broken and is skipped")

    def _tell(self, text: str) -> None:
        with self._lock:
            known = text in self._told
            self._told.add(text)
        if self._warn is not None and not known:
            self._warn(text)


def parse(raw: bytes, place: str) -> dict[str, Any]:
    """The object in a credential file; an empty file is an empty object.

    Raises:
        CredentialError: `credential-file-invalid`; nothing of the content is shown.
    """
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse) if raw.strip() else {}
    except (ValueError, RecursionError):
        # Neither the text nor the place of the mistake: the error would quote the file.
        raise invalid(place, "is not JSON") from None
    if not isinstance(value, dict):
        raise invalid(place, "is not a JSON object")
    return value


def interpret(value: Mapping[str, Any], place: str, form: Form = "config") -> Content:
    """What the object in a credential file means.

    Raises:
        CredentialError: `credential-file-invalid`.
    """
    if form == "bare":
        return Content(value)
    auths = _mapping(value, "auths", place)
    if form == "environment":
        _check_strictly(value, auths, place)
        return Content(auths)
    helpers = _mapping(value, "credHelpers", place)
    store = value.get("credsStore") or ""
    if not isinstance(store, str) or not all(isinstance(name, str) for name in helpers.values()):
        raise invalid(place, "names a credential helper by something that is not a string")
    return Content(auths, helpers, store)


def helper_program(
    suffix: str, member: str, place: str, environ: Mapping[str, str], limits: Limits
) -> CredentialHelper:
    """The helper program that a member of a credential file names.

    Raises:
        CredentialError: `credential-helper-failed`.
    """
    from ocictl.transport.credential_helpers import CredentialHelper

    return CredentialHelper(
        suffix,
        environ=environ,
        timeout=limits.helper_timeout,
        limit=limits.helper_bytes,
        named_by=f"{member!r} in {place!r}",
    )


def invalid(place: str, why: str) -> CredentialError:
    """The error for a credential file that can't be used."""
    what = "environment variable" if place == AUTH_VARIABLE else "credential file"
    return CredentialError(
        f"the {what} {place!r} {why}",
        code="credential-file-invalid",
        hint="correct or remove it, then log in again with: ocictl login",
        details={"path": place},
    )


def _mapping(value: Mapping[str, Any], member: str, place: str) -> Mapping[str, Any]:
    found = value.get(member)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise invalid(place, f"has a member {member!r} that is not an object")
    return found


def _check_strictly(value: Mapping[str, Any], auths: Mapping[str, Any], place: str) -> None:
    """Accept `{"auths": {KEY: {"auth": …}}}` alone (CRED-08)."""
    unknown = [name for name in value if name != "auths"]
    for entry in auths.values():
        unknown += [name for name in entry if name != "auth"] if isinstance(entry, dict) else []
    if unknown:
        raise invalid(place, f"has a member {unknown[0]!r}, but may hold 'auths' with 'auth' in them alone")


def _refuse(_constant: str) -> Any:
    raise ValueError
