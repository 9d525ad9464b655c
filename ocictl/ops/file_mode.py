"""The executable bit of single files, which a layer has no place for but an annotation."""

from __future__ import annotations

import os
import stat

from ocictl.model.annotations import EXECUTABLE
from ocictl.model.descriptor import Descriptor

__all__ = ["mode_annotations", "restore_mode"]

_OWNER_EXECUTES = stat.S_IXUSR
# Elsewhere the bit is made up from the name, and can't be set.
_HAS_MODES = os.name == "posix"


def mode_annotations(mode: int) -> dict[str, str]:
    """Return what is written down about the permissions of a file: whether its owner may execute it.

    The other bits depend on the umask of whoever made the file, and would make the digest depend on it too.
    """
    return {EXECUTABLE: "true"} if _HAS_MODES and mode & _OWNER_EXECUTES else {}


def restore_mode(fd: int, descriptor: Descriptor) -> None:
    """Make a pulled file executable if it was so when it was pushed, for all who may read it.

    Raises:
        OSError: the system refuses.
    """
    if not _HAS_MODES or descriptor.annotations.get(EXECUTABLE) != "true":
        return
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    wanted = mode | (mode & 0o444) >> 2
    if wanted != mode:
        os.fchmod(fd, wanted)
