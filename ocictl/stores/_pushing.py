"""What can be wrong with a push, in words."""

from __future__ import annotations

from ocictl.errors import ContentError, RegistryError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Document, Manifest
from ocictl.target import Content


def check_size(descriptor: Descriptor, content: Content) -> None:
    """Find content of another length before any of it is sent.

    Raises:
        ContentError: `size-mismatch`.
    """
    if content.size != descriptor.size:
        raise ContentError(
            f"content of {descriptor.digest} should have {descriptor.size} bytes, not {content.size}",
            code="size-mismatch",
            hint="check that the source does not change while it is sent, then run the command again",
            details={"expected": descriptor.size, "actual": content.size, "rule": "DIG-06"},
        )


def wrong_subject(descriptor: Descriptor, subject: Descriptor, answer: str) -> RegistryError:
    """The error for an OCI-Subject that is not the subject that was pushed (RFT-02)."""
    return RegistryError(
        f"the registry answered the push of {descriptor.digest}, which is about {subject.digest}, "
        f"with the subject {answer!r}",
        code="registry-protocol",
        hint="the referrer is pushed, but may not be listed; see with: ocictl discover",
        details={"pushed": str(descriptor.digest), "subject": str(subject.digest), "rule": "RFT-02"},
    )


def explain_refusal(error: RegistryError, document: Document | None) -> None:
    """Say which part of a new-style artifact an old registry may have refused."""
    refused = error.status in (415, 501) or error.has_code("MANIFEST_INVALID", "UNSUPPORTED")
    if error.hint is not None or not refused or not isinstance(document, Manifest):
        return
    if document.artifact_type or document.config.media_type == media_types.EMPTY:
        error.hint = "the registry may not take artifactType or the empty config; try --image-spec v1.0"
