"""Names in an archive, as paths below the directory that it is unpacked into."""

from __future__ import annotations

from ocictl.errors import PathError
from ocictl.tar_reader import Member, malformed

__all__ = ["MemberNames"]


class MemberNames:
    """Turns names in the archive into paths below the directory.

    The first entry decides whether names begin with the title, as oras writes them. If so, all must.
    """

    def __init__(self, title: bytes, depth: int) -> None:
        self._title = title
        self._prefix = [part for part in title.split(b"/") if part not in (b"", b".")]
        self._depth = depth
        self._prefixed: bool | None = None if self._prefix else False
        # The directory of the last entry, as its name says it and as a path: most entries follow others in it.
        self._last_head: bytes | None = None
        self._last_parts: list[bytes] = []

    def of_member(self, member: Member) -> list[bytes]:
        head, _, base = member.name.rpartition(b"/")
        if head and head == self._last_head and base not in (b"", b".", b".."):
            return [*self._last_parts, base]
        parts = self._of_member(member)
        if parts and parts[-1] == base:
            self._last_head, self._last_parts = head, parts[:-1]
        return parts

    def _of_member(self, member: Member) -> list[bytes]:
        if not member.name:
            raise malformed("an entry has no name")
        parts = [part for part in member.name.split(b"/") if part not in (b"", b".")]
        if self._prefixed is None:
            # A file called like its directory is one without the prefix.
            below = parts[: len(self._prefix)] == self._prefix and (
                len(parts) > len(self._prefix) or member.kind == "directory"
            )
            self._prefixed = below and member.name.startswith(b"/") == self._title.startswith(b"/")
        return self._below(member.name, parts)

    def of_hard_link(self, member: Member) -> list[bytes]:
        return self._below(member.link, [part for part in member.link.split(b"/") if part not in (b"", b".")])

    def _below(self, name: bytes, parts: list[bytes]) -> list[bytes]:
        absolute = name.startswith(b"/")
        if self._prefixed:
            if parts[: len(self._prefix)] != self._prefix or absolute != self._title.startswith(b"/"):
                raise _outside(name)
            parts = parts[len(self._prefix) :]
        elif absolute:
            raise _outside(name)
        if b".." in parts:
            raise _outside(name)
        if len(parts) > self._depth:
            raise malformed(f"an entry is more than {self._depth} directories deep")
        return parts


def _outside(name: bytes) -> PathError:
    return PathError(
        f"entry {name.decode(errors='backslashreplace')!r} of the archive is outside of its directory",
        hint="nothing of the directory was kept; whoever made the archive has to make it anew",
    )
