"""Every class of error has its number."""

from __future__ import annotations

import pytest

from ocictl import errors
from ocictl.cli.exit_codes import ExitCode, exit_code_of

_EXPECTED = {
    errors.OcictlError: 1,
    errors.InvalidInputError: 2,
    errors.NotFoundError: 3,
    errors.ContentError: 6,
    errors.PathError: 9,
    errors.CredentialError: 4,
    errors.TransportError: 5,
    errors.RegistryError: 1,
    errors.UnauthorizedError: 4,
    errors.DeniedError: 4,
    errors.RateLimitedError: 5,
    errors.UnsupportedError: 7,
    errors.UnavailableError: 5,
    errors.ConflictError: 8,
    errors.StorageError: 9,
}


@pytest.mark.parametrize(("kind", "code"), _EXPECTED.items())
def test_the_number_of_a_class(kind: type[errors.OcictlError], code: int) -> None:
    """The numbers are a contract with scripts."""
    assert exit_code_of(kind("x")) == code


def test_no_class_is_forgotten() -> None:
    """A new class of error needs a decision here."""
    classes = {value for value in vars(errors).values() if isinstance(value, type)} & set(
        _all(errors.OcictlError)
    )
    assert classes == set(_EXPECTED)


def _all(kind: type[errors.OcictlError]) -> list[type[errors.OcictlError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _all(child))]


def test_a_stopped_transfer_counts_as_interrupted() -> None:
    """The code says more than the class."""
    assert exit_code_of(errors.OcictlError("x", code="interrupted")) == 130


def test_each_number_has_a_meaning() -> None:
    """The documentation is made of these."""
    assert all(code.meaning for code in ExitCode)
