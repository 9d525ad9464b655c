"""The repositories of a registry (section CAT)."""

from __future__ import annotations

import pytest

from ocictl.errors import DeniedError, InvalidInputError, NotFoundError, OcictlError, UnsupportedError
from ocictl.stores.catalog import RegistryCatalog
from ocictl.target import Catalog
from ocictl.transport.config import TransportConfig
from ocictl.transport.credentials import Explicit
from tests.support.registry import Fault, Quirks, Registry
from tests.unit.stores.helpers_repository import QUICK


def open_catalog(registry: Registry) -> RegistryCatalog:
    return RegistryCatalog(
        registry.host, TransportConfig(limits=QUICK, credentials=Explicit("user", "secret"))
    )


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(tags_page_size=2)], indirect=True)
def test_names_are_sorted_and_whole(registry: Registry) -> None:
    """CAT-01, CAT-02: all pages, each name once."""
    for name in ("b", "a/c", "a/b/c", "z"):
        registry.put_blob(name, b"")
    catalog = open_catalog(registry)
    assert isinstance(catalog, Catalog)
    assert catalog.registry == registry.host
    assert list(catalog.repositories()) == ["a/b/c", "a/c", "b", "z"]
    assert list(catalog.repositories(last="a/c")) == ["b", "z"]
    catalog.close()


def test_an_empty_registry(registry: Registry) -> None:
    """No repositories are an empty list."""
    assert list(open_catalog(registry).repositories()) == []


@pytest.mark.parametrize("quirks", [Quirks(auth="bearer")], indirect=True)
def test_asks_for_the_right_scope(registry: Registry) -> None:
    """CAT-03: listing has a scope of its own."""
    registry.put_blob("a", b"")
    assert list(open_catalog(registry).repositories()) == ["a"]
    assert [request.scopes for request in registry.token_requests] == [("registry:catalog:*",)]


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFoundError), (405, UnsupportedError), (403, DeniedError)]
)
def test_a_registry_that_refuses(registry: Registry, status: int, kind: type[OcictlError]) -> None:
    """CAT-03: that is never told as "no repositories"."""
    registry.configure(faults=(Fault(path="_catalog", status=status, times=None),))
    with pytest.raises(kind):
        list(open_catalog(registry).repositories())


def test_the_name_of_a_registry() -> None:
    """A typing error is found before anybody is asked."""
    with pytest.raises(InvalidInputError):
        RegistryCatalog("not a host")
