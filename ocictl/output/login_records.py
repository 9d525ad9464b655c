"""Records about logins. Part of the contract in `records`; they never hold a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from ocictl.lazy_dataclass import dataclass
from ocictl.output.records import absolute

if TYPE_CHECKING:
    from ocictl.ops.login import LoginResult
    from ocictl.transport.credential_store import Erased


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRecord:
    """What `login` reports.

    Attributes:
        registry: its name.
        checked: the registry asked for the credentials and took them.
        file: the credential file, absolute.
        helper: the program that keeps the login; left out when the file does.
    """

    registry: str
    checked: bool
    file: str
    helper: str | None = None

    @classmethod
    def of(cls, result: LoginResult) -> Self:
        """Describe a login."""
        stored = result.stored
        return cls(
            registry=result.registry,
            checked=result.checked,
            file=absolute(stored.path),
            helper=stored.helper,
        )

    def to_json(self) -> dict[str, Any]:
        members: dict[str, Any] = {"registry": self.registry, "checked": self.checked, "file": self.file}
        return {**members, "helper": self.helper} if self.helper else members


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRecord:
    """What `logout` reports.

    Attributes:
        registry: its name.
        removed: there was something to remove.
        file: the credential file, absolute.
        helper: the program that kept the login; left out when the file did.
    """

    registry: str
    removed: bool
    file: str
    helper: str | None = None

    @classmethod
    def of(cls, registry: str, erased: Erased) -> Self:
        """Describe a logout."""
        return cls(registry=registry, removed=erased.found, file=absolute(erased.path), helper=erased.helper)

    def to_json(self) -> dict[str, Any]:
        members: dict[str, Any] = {"registry": self.registry, "removed": self.removed, "file": self.file}
        return {**members, "helper": self.helper} if self.helper else members


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRecord:
    """What `login --check` reports.

    Attributes:
        reference: registry and repository.
        pull, push: whether the registry allows it.
    """

    reference: str
    pull: bool
    push: bool

    def lines(self) -> Sequence[str]:
        """The record as text."""
        return [f"{verb}: {'allowed' if may else 'denied'}" for verb, may in self._verbs()]

    def to_json(self) -> dict[str, Any]:
        return {"reference": self.reference, **dict(self._verbs())}

    def _verbs(self) -> tuple[tuple[str, bool], ...]:
        return (("pull", self.pull), ("push", self.push))
