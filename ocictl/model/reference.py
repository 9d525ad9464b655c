"""References in the strict grammar: the first component is always the registry (REF-15)."""

from __future__ import annotations

import re

from ocictl.errors import InvalidInputError
from ocictl.lazy_dataclass import dataclass, replace
from ocictl.lazy_pattern import pattern
from ocictl.model.digest import Digest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = pattern(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = pattern(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_HOST = pattern(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?P<colon>:(?P<port>[0-9]*))?", re.ASCII)
_SCHEMES = ("oci://", "https://", "http://")
_FORM = "registry/repository[:tag][@digest]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where something is: `registry/repository[:tag][@digest]`.

    Attributes:
        registry: host and perhaps port, as the user wrote it.
        repository: name for `/v2/<name>/` (REF-01).
        tag: REF-03, or None.
        digest: or None. With both, the digest selects the content and the tag only informs (REF-11).
    """

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference. The registry part is required; nothing is filled in.

        Raises:
            InvalidInputError: `reference-invalid`, `tag-invalid` or `digest-invalid`, with a hint what to write.
        """
        rest = text
        for scheme in _SCHEMES:
            if rest.startswith(scheme):
                rest = rest[len(scheme) :]
                break
        registry, slash, path = rest.partition("/")
        if not slash or not registry or not path:
            raise _missing_part(text, rest)
        check_registry(registry, text)
        name, at, digest_text = path.partition("@")
        name, _colon, tag = name.partition(":")
        check_repository(name, text)
        if tag:
            check_tag(tag, text)
        digest = None
        if at:
            digest = Digest.parse(digest_text)
            if not digest.verifiable:
                raise InvalidInputError(
                    f"reference {text!r} names its content by {digest.algorithm!r}, which can't be verified",
                    code="digest-invalid",
                    hint="use a sha256 or sha512 digest",
                    details={"value": text, "rule": "DIG-03"},
                )
        return cls(registry=registry, repository=name, tag=tag or None, digest=digest)

    @property
    def path(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def selector(self) -> str | None:
        """What selects the content: the digest if there is one, else the tag, else None (REF-11)."""
        return str(self.digest) if self.digest else self.tag

    @property
    def api_host(self) -> str:
        """The host to contact: the registry, except that Docker Hub's API has another name (REF-09)."""
        return "registry-1.docker.io" if self.registry == "docker.io" else self.registry

    def with_tag(self, tag: str) -> Reference:
        """The same repository under this tag."""
        return replace(self, tag=check_tag(tag), digest=None)

    def with_digest(self, digest: Digest) -> Reference:
        """The same repository under this digest."""
        return replace(self, tag=None, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.path}{tag}{digest}"


def check_registry(registry: str, text: str | None = None) -> str:
    """Return the registry unchanged if a host and perhaps a port can be read from it.

    Raises:
        InvalidInputError: `reference-invalid` (REF-05 in the reading of oras, REF-16).
    """
    shown = text if text is not None else registry
    match = _HOST.fullmatch(registry)
    if match is None:
        raise _invalid(shown, f"{registry!r} is not a host or host:port", "REF-05")
    port = match["port"]
    if port and not 0 < int(port[:6]) <= 65535:
        raise _invalid(shown, f"port {port} is not between 1 and 65535", "REF-16")
    if match["host"].startswith("["):
        from ipaddress import IPv6Address

        try:
            IPv6Address(match["host"][1:-1])
        except ValueError:
            raise _invalid(shown, f"{match['host']!r} is not an IPv6 address", "REF-16") from None
    return registry


def check_repository(name: str, text: str | None = None) -> str:
    """Return the repository name unchanged if it follows the grammar.

    Raises:
        InvalidInputError: `reference-invalid` (REF-01, REF-12).
    """
    if _REPOSITORY.fullmatch(name):
        return name
    shown = text if text is not None else name
    if _REPOSITORY.fullmatch(name.lower()):
        raise _invalid(shown, f"repository {name!r} must be lower case", "REF-12", f"write {name.lower()!r}")
    raise _invalid(
        shown,
        f"repository {name!r} is not lower-case words joined by '/', '.', '_', '__' or '-'",
        "REF-01",
    )


def check_tag(tag: str, text: str | None = None) -> str:
    """Return the tag unchanged if it follows the grammar.

    Raises:
        InvalidInputError: `tag-invalid` (REF-03).
    """
    if _TAG.fullmatch(tag):
        return tag
    within = f" in {text!r}" if text is not None else ""
    hint = "a tag is a letter, digit or '_', then up to 127 letters, digits, '.', '_' or '-'"
    if "+" in tag:
        hint += f"; '+' is commonly written '_': {tag.replace('+', '_')!r}"
    raise InvalidInputError(
        f"tag {tag!r}{within} is not valid",
        code="tag-invalid",
        hint=hint,
        details={"value": tag, "rule": "REF-03"},
    )


def _missing_part(text: str, rest: str) -> InvalidInputError:
    bare = rest.strip("/")
    name = re.split("[:@]", bare, maxsplit=1)[0]
    if bare.startswith(("sha256:", "sha512:")):
        hint = f"a digest alone names no repository; write registry/repository@{bare}"
    elif "." in name or name == "localhost" or bare.startswith("["):
        hint = f"the repository is missing; write {bare}/REPOSITORY[:tag]"
    elif name and _REPOSITORY.fullmatch(name):
        hint = (
            f"the registry is missing and there is no default; for Docker Hub write docker.io/library/{bare}"
        )
    else:
        hint = f"write {_FORM}, for example ghcr.io/owner/name:v1"
    return _invalid(text, "registry or repository is missing", "REF-15", hint)


def _invalid(text: str, why: str, rule: str, hint: str | None = None) -> InvalidInputError:
    shown = text if len(text) <= 300 else text[:297] + "..."
    return InvalidInputError(
        f"reference {shown!r} is not valid: {why}",
        code="reference-invalid",
        hint=hint or f"write {_FORM}",
        details={"value": shown, "rule": rule},
    )
