"""Titles: the file names that artifacts carry, as untrusted text (ECO-18).

The same rules hold when a title is made and when one is read, so what can be pushed can be pulled.
"""

from __future__ import annotations

import posixpath
import shlex
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from ocictl.errors import InvalidInputError, PathError
from ocictl.lazy_pattern import pattern

__all__ = ["check_titles", "clean_title", "title_for"]

LONGEST_COMPONENT: Final = 255
"""Most bytes between two slashes: what the usual file systems take."""
LONGEST_TITLE: Final = 4096
"""Most bytes of a whole title."""

_DEVICES: Final = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{device}{number}" for device in ("COM", "LPT") for number in "123456789¹²³"]
)
_DRIVE = pattern(r"[A-Za-z]:")
_CONTROL = pattern(r"[\x00-\x1f\x7f-\x9f]")


def clean_title(text: str) -> str:
    """Return the shortest spelling of a path, with forward slashes: no `.`, no doubled or final slash.

    Like Go's `filepath.Clean`, so that titles come out as oras writes them. `..` is taken back where it
    follows a name. The empty path is `.`.
    """
    cleaned = posixpath.normpath(text)
    # POSIX lets exactly two leading slashes mean something else; no file name here does.
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def title_for(path: str, *, path_validation: bool) -> str:
    """Return the title under which a local file is pushed.

    Args:
        path: as the user wrote it.
        path_validation: refuse what a plain pull would refuse. Without it, absolute paths and `..` are
            kept as they are.

    Raises:
        PathError: `path-absolute` or `path-unsafe`.
        InvalidInputError: the path is empty.
    """
    if not path:
        raise InvalidInputError("the name of a file is empty", hint="write it as PATH or PATH:MEDIA-TYPE")
    title = clean_title(path)
    if path_validation and title.startswith("/"):
        parent, name = posixpath.split(title)
        raise PathError(
            f"file {path!r} is given by an absolute path",
            code="path-absolute",
            hint=f"run 'cd {shlex.quote(parent)}' first and push {name or '.'!r}; "
            "--disable-path-validation keeps the absolute path as the title, which few will be able to pull",
            details={"path": path},
        )
    if path_validation and ".." in title.split("/"):
        up = "/".join(part for part in title.split("/") if part == "..")
        rest = "/".join(part for part in title.split("/") if part != "..") or "."
        raise PathError(
            f"file {path!r} is outside the working directory, and a plain pull would refuse it",
            hint=f"run 'cd {up}' first and push {rest!r}; "
            "--disable-path-validation keeps '..' in the title, which few will be able to pull",
            details={"path": path},
        )
    reason = _fault(title, allow_traversal=not path_validation)
    if reason is not None:
        raise _unsafe(path, reason, "rename the file, or give it another title in an annotation file")
    return title


def check_titles(
    titles: Iterable[str], *, allow_traversal: bool, directories: Collection[str] | None = None
) -> None:
    """Refuse titles that can't all be written side by side, before anything is written.

    Refused are titles that lead out of the output directory, name a device or can't be a file name
    everywhere, and titles that meet: equal ones, ones that differ only by case or by the way Unicode
    composes a letter, and one inside another.

    Args:
        titles: of all files of one artifact, as they came.
        allow_traversal: let absolute titles and `..` pass; the other rules stay.
        directories: those of the titles that are directories to be unpacked, or None if not known. Only
            such a title may be `.`, the output directory itself.

    Raises:
        PathError: `path-unsafe` or `path-duplicate`.
    """
    seen: dict[tuple[str, ...], str] = {}
    for title in titles:
        reason = _fault(title, allow_traversal=allow_traversal)
        if reason is None and directories is not None:
            if clean_title(title) == "." and title not in directories:
                reason = "it names no file"
        if reason is not None:
            raise _unsafe(title, reason, _hint(title))
        key = _key(title)
        if key in seen:
            raise _meeting(seen[key], title)
        seen[key] = title
    for key, title in seen.items():
        for length in range(len(key)):
            if key[:length] in seen:
                raise PathError(
                    f"title {title!r} is inside of {seen[key[:length]]!r}, which is another file of the artifact",
                    code="path-duplicate",
                    hint="give one of the two another name or title",
                    details={"titles": [seen[key[:length]], title]},
                )


def _fault(title: str, *, allow_traversal: bool) -> str | None:
    """Say why this title may not be written, or None."""
    if not title:
        return "it is empty"
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in title):
        return "it is not valid Unicode"
    if _CONTROL.search(title):
        return "it contains a control character"
    if "\\" in title:
        return "it contains a backslash"
    if _DRIVE.match(title):
        return "it begins with a drive letter"
    if len(title.encode()) > LONGEST_TITLE:
        return f"it has more than {LONGEST_TITLE} bytes"
    if not allow_traversal:
        if title.startswith("/"):
            return "it is an absolute path"
        # Also where a name before it would take it back: nobody writes such a title without intent.
        if ".." in title.split("/"):
            return "it contains '..'"
    for part in title.split("/"):
        reason = _part_fault(part)
        if reason is not None:
            return reason
    return None


def _part_fault(part: str) -> str | None:
    if part in ("", ".", ".."):
        return None
    if len(part.encode()) > LONGEST_COMPONENT:
        return f"a part of it has more than {LONGEST_COMPONENT} bytes"
    if part[-1] in ". ":
        return "a part of it ends in a dot or a space"
    if part.split(".", 1)[0].rstrip(" ").upper() in _DEVICES:
        return f"{part!r} names a device on some systems"
    return None


def _key(title: str) -> tuple[str, ...]:
    """What two titles have in common if some file system takes them for the same."""
    cleaned = clean_title(title)
    if cleaned == ".":
        return ()
    decomposed = unicodedata.normalize("NFD", cleaned).casefold()
    return tuple(unicodedata.normalize("NFD", decomposed).split("/"))


def _hint(title: str) -> str:
    hint = "the artifact needs another title for it; 'ocictl blob fetch --output FILE' gets it as it is"
    if title.startswith("/") or ".." in title.split("/"):
        hint += "; --allow-path-traversal writes where the title says, also outside of the output directory"
    return hint


def _unsafe(title: str, reason: str, hint: str) -> PathError:
    shown = title if len(title) <= 160 else title[:157] + "..."
    # A lone surrogate would break whoever prints it.
    shown = shown.encode(errors="backslashreplace").decode()
    return PathError(
        f"title {shown!r} is not safe as a file name: {reason}", hint=hint, details={"title": shown}
    )


def _meeting(first: str, second: str) -> PathError:
    if clean_title(first) == clean_title(second):
        message = f"two files of the artifact have the title {second!r}"
    else:
        message = f"titles {first!r} and {second!r} are the same file name on some systems"
    return PathError(
        message,
        code="path-duplicate",
        hint="give one of the two another name or title",
        details={"titles": [first, second]},
    )
