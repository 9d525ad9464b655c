"""How the tools mark a blob that is a directory's archive: each in its own way.

- oras, and regctl when it reads: the annotation `io.deis.oras.content.unpack` is `true`.
- regctl when it writes: the title ends in a slash.
- oras-py: the media type of a gzipped layer says it all. But files have that type too, if their owner said so, and
  oras leaves those as they are. So the archive itself has to agree: oras-py begins it with the directory, under its
  title.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Final

from ocictl.errors import ContentError
from ocictl.model import media_types
from ocictl.model.annotations import UNPACK
from ocictl.model.descriptor import Descriptor
from ocictl.ops.titles import clean_title

__all__ = ["has_bare_names", "holds_directory", "is_directory", "may_hold_directory"]

_ARCHIVES: Final = (".gz", ".tgz", ".tar", ".zip")
"""Whoever calls a file like this wants the file."""


def is_directory(descriptor: Descriptor) -> bool:
    """Tell whether this blob is to be unpacked into a directory."""
    if UNPACK in descriptor.annotations:
        return descriptor.annotations[UNPACK] == "true"
    return (descriptor.title or "").endswith("/")


def has_bare_names(descriptor: Descriptor) -> bool:
    """Tell whether names in the archive never begin with the title, as regctl writes them."""
    return UNPACK not in descriptor.annotations and is_directory(descriptor)


def may_hold_directory(descriptor: Descriptor) -> bool:
    """Tell whether the blob has to be looked into to learn what it is."""
    title = (descriptor.title or "").lower()
    return (
        bool(title)
        and UNPACK not in descriptor.annotations
        and not title.endswith("/")
        and media_types.same(descriptor.media_type, media_types.LAYER_TAR_GZIP)
        and not title.endswith(_ARCHIVES)
    )


def holds_directory(archive: BinaryIO, descriptor: Descriptor) -> bool:
    """Tell whether this is the archive of the directory that its title names, as oras-py writes it.

    Args:
        archive: the whole blob; it is read from its beginning.
        descriptor: of the blob, for which `may_hold_directory` is true.

    Raises:
        OSError: it can't be read.
    """
    from ocictl.ops.codec import Decompressed
    from ocictl.tar_reader import TarReader

    archive.seek(0, os.SEEK_SET)
    name = clean_title(descriptor.title or "").rpartition("/")[2].encode()
    try:
        first = next(iter(TarReader(Decompressed(archive).read, longest_name=4096)), None)
    except ContentError:
        return False
    return first is not None and first.kind == "directory" and first.name.rstrip(b"/") == name
