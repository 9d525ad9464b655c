"""Push, pull, attach and discover arbitrary files as OCI artifacts, in any registry.

The public names of the library are those of `__all__`. Each is loaded on first use, so that
`import ocictl` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ocictl._version import __version__

if TYPE_CHECKING:
    from ocictl import errors, events
    from ocictl.errors import (
        ConflictError,
        ContentError,
        CredentialError,
        DeniedError,
        InvalidInputError,
        NotFoundError,
        OcictlError,
        PathError,
        RateLimitedError,
        RegistryError,
        StorageError,
        TransportError,
        UnauthorizedError,
        UnavailableError,
        UnsupportedError,
    )
    from ocictl.model.descriptor import Descriptor
    from ocictl.model.digest import Digest
    from ocictl.model.manifest import Index, Manifest
    from ocictl.model.platform import Platform
    from ocictl.model.reference import Reference
    from ocictl.ops.annotations import Annotations
    from ocictl.ops.attach import attach
    from ocictl.ops.backup import copy_tags, find_tags
    from ocictl.ops.blob import push_blob
    from ocictl.ops.compress import Compression
    from ocictl.ops.copy_artifact import copy_artifact
    from ocictl.ops.delete import delete_blob, delete_manifest
    from ocictl.ops.discover import discover
    from ocictl.ops.fetch import fetch_manifest, find_config
    from ocictl.ops.index import IndexChanges, create_index, push_index, update_index
    from ocictl.ops.limits import UnpackLimits
    from ocictl.ops.listing import list_repositories, list_tags, tags_of
    from ocictl.ops.manifest import push_manifest
    from ocictl.ops.pack import FileArgument, PackOptions
    from ocictl.ops.pull import pull
    from ocictl.ops.push import push
    from ocictl.ops.resolve import resolve
    from ocictl.ops.tag import tag
    from ocictl.stores.cache import Cache
    from ocictl.stores.cached import CachedTarget
    from ocictl.stores.catalog import RegistryCatalog
    from ocictl.stores.layout import Layout
    from ocictl.stores.layout_tar import NewTarLayout, TarLayout
    from ocictl.stores.memory import MemoryStore
    from ocictl.stores.repository import Repository
    from ocictl.target import ReadOnlyTarget, Target
    from ocictl.transport.config import Limits, TransportConfig
    from ocictl.transport.credentials import Anonymous, Credential, CredentialSource, Explicit
    from ocictl.transport.hosts import HostAddress

__all__ = [
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

_HOMES: Final = {
    "ocictl.errors": [name for name in __all__ if name.endswith("Error")],
    "ocictl.model.descriptor": ["Descriptor"],
    "ocictl.model.digest": ["Digest"],
    "ocictl.model.manifest": ["Index", "Manifest"],
    "ocictl.model.platform": ["Platform"],
    "ocictl.model.reference": ["Reference"],
    "ocictl.ops.annotations": ["Annotations"],
    "ocictl.ops.attach": ["attach"],
    "ocictl.ops.backup": ["copy_tags", "find_tags"],
    "ocictl.ops.blob": ["push_blob"],
    "ocictl.ops.compress": ["Compression"],
    "ocictl.ops.copy_artifact": ["copy_artifact"],
    "ocictl.ops.delete": ["delete_blob", "delete_manifest"],
    "ocictl.ops.discover": ["discover"],
    "ocictl.ops.fetch": ["fetch_manifest", "find_config"],
    "ocictl.ops.index": ["IndexChanges", "create_index", "push_index", "update_index"],
    "ocictl.ops.limits": ["UnpackLimits"],
    "ocictl.ops.listing": ["list_repositories", "list_tags", "tags_of"],
    "ocictl.ops.manifest": ["push_manifest"],
    "ocictl.ops.pack": ["FileArgument", "PackOptions"],
    "ocictl.ops.pull": ["pull"],
    "ocictl.ops.push": ["push"],
    "ocictl.ops.resolve": ["resolve"],
    "ocictl.ops.tag": ["tag"],
    "ocictl.stores.cache": ["Cache"],
    "ocictl.stores.cached": ["CachedTarget"],
    "ocictl.stores.catalog": ["RegistryCatalog"],
    "ocictl.stores.layout": ["Layout"],
    "ocictl.stores.layout_tar": ["NewTarLayout", "TarLayout"],
    "ocictl.stores.memory": ["MemoryStore"],
    "ocictl.stores.repository": ["Repository"],
    "ocictl.target": ["ReadOnlyTarget", "Target"],
    "ocictl.transport.config": ["Limits", "TransportConfig"],
    "ocictl.transport.credentials": ["Anonymous", "Credential", "CredentialSource", "Explicit"],
    "ocictl.transport.hosts": ["HostAddress"],
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in ("errors", "events"):
        return import_module(f"ocictl.{name}")
    for module, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'ocictl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
