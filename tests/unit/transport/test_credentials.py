"""Credentials as values, and sources that are asked in order (section CRED)."""

from __future__ import annotations

import pytest

from ocictl.errors import CredentialError, InvalidInputError
from ocictl.transport.credentials import Anonymous, Credential, CredentialSource, Explicit, FirstOf


class Failing:
    """A source that fails."""

    def __init__(self, code: str = "credential-helper-failed", message: str = "the helper is gone") -> None:
        self.error = CredentialError(message, code=code, hint="mend it")

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        raise self.error


class Stored:
    """A source that knows one stored login."""

    def lookup(self, registry: str, repository: str, /) -> Credential | None:
        return Credential(username="u", password="p", source="/auth.json")


def test_given_credentials() -> None:
    """A user name with its secret is for Basic, a secret alone is an identity token, nothing is nothing."""
    assert Explicit("u", "p").lookup("r", "") == Credential(username="u", password="p")
    assert Explicit(None, "t").lookup("r", "") == Credential(identity_token="t")
    assert Explicit().lookup("r", "") is None
    assert Anonymous().lookup("r", "") is None


def test_a_user_name_holds_no_colon() -> None:
    """Basic could not tell where the password begins, nor could a credential file."""
    with pytest.raises(InvalidInputError) as raised:
        Explicit("u:hunter2", "p")
    assert "hunter2" not in raised.value.message


def test_first_of_several() -> None:
    """The first source that knows something wins."""
    source = FirstOf(Explicit(), Explicit("a", "1"), Explicit("b", "2"))
    assert source.lookup("r", "") == Credential(username="a", password="1")
    assert FirstOf().lookup("r", "") is None


def test_a_failing_helper_does_not_hide_a_login_elsewhere() -> None:
    """Docker's file may name a helper that is gone while Podman's file holds a login: it is used, and told once."""
    told: list[str] = []
    source = FirstOf(Failing(), Failing(message="another"), Stored(), warn=told.append)
    assert source.lookup("r", "") is not None
    assert source.lookup("r", "") is not None
    assert told == ["the helper is gone; the login in '/auth.json' is used"]


@pytest.mark.parametrize("others", [(), (Explicit(),), (Failing(message="another"),)])
def test_a_failing_helper_is_an_error_in_the_end(others: tuple[CredentialSource, ...]) -> None:
    """If nobody knows anything, the first failure is what happened."""
    told: list[str] = []
    with pytest.raises(CredentialError, match="the helper is gone"):
        FirstOf(Failing(), *others, warn=told.append).lookup("r", "")
    assert told == []


def test_a_broken_file_is_an_error_at_once() -> None:
    """What is wrong in a file must be mended, not passed over."""
    with pytest.raises(CredentialError) as raised:
        FirstOf(Failing("credential-file-invalid"), Stored()).lookup("r", "")
    assert raised.value.code == "credential-file-invalid"


def test_repr_hides_secrets() -> None:
    """A credential in a traceback or log is not readable (AUTH-25)."""
    credential = Credential(username="u", password="S1", identity_token="S2", registry_token="S3")
    shown = repr(credential)
    assert "u" in shown
    assert not any(secret in shown for secret in ("S1", "S2", "S3"))
