"""delete: take a document or a blob away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias, cast

from ocictl.errors import NotFoundError, UnsupportedError
from ocictl.lazy_dataclass import dataclass
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.target import Deleter, ReadOnlyTarget

Outcome: TypeAlias = Literal["deleted", "missing", "declined"]
Confirm: TypeAlias = Callable[[Descriptor], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteResult:
    """What a deletion came to.

    Attributes:
        outcome: `declined`: it is there, and was not to be deleted after all.
        descriptor: what it is; None if it was missing.
    """

    outcome: Outcome
    descriptor: Descriptor | None = None


def always(descriptor: Descriptor) -> bool:  # noqa: ARG001 - any will do
    """Confirm whatever it is."""
    return True


def delete_manifest(
    target: ReadOnlyTarget, reference: str, *, missing_ok: bool = False, confirm: Confirm = always
) -> DeleteResult:
    """Delete the document that a tag or digest names, with all its tags (DEL-02, DEL-04, DEL-08).

    Args:
        target: where it is.
        reference: tag or digest.
        missing_ok: that there is no such document is no error.
        confirm: is asked once it is known what would be deleted.

    Raises:
        NotFoundError: there is no such document.
        UnsupportedError: nothing can be deleted here.
        ConflictError: its subject's list could not be changed for sure, and nothing was deleted.
    """
    deleter = _deleter(target)
    try:
        found = target.resolve(reference)
    except NotFoundError:
        if missing_ok:
            return DeleteResult(outcome="missing")
        raise
    return _delete(target, found, deleter.delete, confirm)


def delete_blob(
    target: ReadOnlyTarget, digest: Digest, *, missing_ok: bool = False, confirm: Confirm = always
) -> DeleteResult:
    """Delete a blob (DEL-03, DEL-08).

    Args:
        target: where it is.
        digest: its digest.
        missing_ok: that there is no such blob is no error.
        confirm: is asked once it is known that there is something to delete.

    Raises:
        NotFoundError: there is no such blob.
        UnsupportedError: nothing can be deleted here.
    """
    deleter = _deleter(target)
    try:
        found = target.resolve_blob(digest)
    except NotFoundError:
        if missing_ok:
            return DeleteResult(outcome="missing")
        raise
    return _delete(target, found, deleter.delete_blob, confirm)


def _delete(
    target: ReadOnlyTarget, found: Descriptor, delete: Callable[[Descriptor], None], confirm: Confirm
) -> DeleteResult:
    if not confirm(found):
        return DeleteResult(outcome="declined", descriptor=found)
    try:
        delete(found)
    except NotFoundError:
        # It was there a moment ago: the answer to a first attempt was lost, or somebody else was faster.
        if target.exists(found):
            raise
    return DeleteResult(outcome="deleted", descriptor=found)


def _deleter(target: ReadOnlyTarget) -> Deleter:
    if isinstance(target, Deleter):
        return cast("Deleter", target)
    raise UnsupportedError(
        f"nothing can be deleted from {target.path!r}",
        hint="a layout in an archive must be unpacked first" if target.kind == "oci-layout" else None,
    )
