"""The public names of the library: a list that changes on purpose only."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import types

import pytest

import ocictl

NAMES = [
    "Annotations",
    "Anonymous",
    "Cache",
    "CachedTarget",
    "Compression",
    "ConflictError",
    "ContentError",
    "Credential",
    "CredentialError",
    "CredentialSource",
    "DeniedError",
    "Descriptor",
    "Digest",
    "Explicit",
    "FileArgument",
    "HostAddress",
    "Index",
    "IndexChanges",
    "InvalidInputError",
    "Layout",
    "Limits",
    "Manifest",
    "MemoryStore",
    "NewTarLayout",
    "NotFoundError",
    "OcictlError",
    "PackOptions",
    "PathError",
    "Platform",
    "RateLimitedError",
    "ReadOnlyTarget",
    "Reference",
    "RegistryCatalog",
    "RegistryError",
    "Repository",
    "StorageError",
    "TarLayout",
    "Target",
    "TransportConfig",
    "TransportError",
    "UnauthorizedError",
    "UnavailableError",
    "UnpackLimits",
    "UnsupportedError",
    "__version__",
    "attach",
    "copy_artifact",
    "copy_tags",
    "create_index",
    "delete_blob",
    "delete_manifest",
    "discover",
    "errors",
    "events",
    "fetch_manifest",
    "find_config",
    "find_tags",
    "list_repositories",
    "list_tags",
    "pull",
    "push",
    "push_blob",
    "push_index",
    "push_manifest",
    "resolve",
    "tag",
    "tags_of",
    "update_index",
]


def test_the_list() -> None:
    """A name that is added or lost here is a change for users."""
    assert ocictl.__all__ == NAMES
    assert set(NAMES) <= set(dir(ocictl))


@pytest.mark.parametrize("name", NAMES)
def test_each_name_can_be_used(name: str) -> None:
    """What the list promises is there, documented, and of our own making."""
    value = getattr(ocictl, name)
    if name == "__version__":
        assert value.count(".") == 2
        return
    assert inspect.getdoc(value)
    home = value.__name__ if isinstance(value, types.ModuleType) else value.__module__
    assert home.startswith("ocictl.")


def test_errors_are_all_public() -> None:
    """Whatever can be raised can be caught by a name of the package."""
    names = {name for name in importlib.import_module("ocictl.errors").__all__ if name.endswith("Error")}
    assert names <= set(ocictl.__all__)


@pytest.mark.parametrize("verb", ["push", "pull", "attach", "discover", "resolve", "tag"])
def test_verbs_are_functions_whatever_is_imported(verb: str) -> None:
    """No module of the same name takes the place of a function."""
    code = (
        f"import ocictl, ocictl.ops.{verb}, ocictl.cli.{verb}\n"
        f"from ocictl import {verb}\n"
        f"assert callable({verb}) and callable(ocictl.{verb})"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_star_import() -> None:
    """`from ocictl import *` gives exactly the list."""
    names: dict[str, object] = {}
    exec("from ocictl import *", names)
    assert set(NAMES) == set(names) - {"__builtins__"}


def test_other_names_are_not_there() -> None:
    """A typing error is an AttributeError, as everywhere."""
    with pytest.raises(AttributeError, match="module 'ocictl' has no attribute 'nope'"):
        _ = ocictl.nope
