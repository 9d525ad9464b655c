"""Uploads to one repository: taken over from another one if possible, else sent; a cut one is gone on with (PUSH)."""

from __future__ import annotations

from collections.abc import Sequence

from ocictl.model.descriptor import Descriptor
from ocictl.stores.chunks import Session
from ocictl.stores.upload import Upload
from ocictl.stores.upload_records import UploadRecord, UploadRecords
from ocictl.stores.upload_sessions import UploadSessions
from ocictl.target import Content


class Uploads:
    """Sends blobs to one repository. May be used by several threads."""

    def __init__(self, sessions: UploadSessions) -> None:
        self._sessions = sessions
        self._records = UploadRecords(sessions.client.config.upload_records)

    @property
    def largest(self) -> int | None:
        """Most bytes in one request, as the user wants it or a 413 has taught; None: any number."""
        return self._sessions.largest

    def push(self, descriptor: Descriptor, content: Content, *, mount_from: Sequence[str] = ()) -> bool:
        """Upload a blob, in a new session as often as the limits allow (PUSH-03, PUSH-15).

        Args:
            descriptor: the blob.
            content: its bytes.
            mount_from: other repositories of the registry that may have it; the POST asks to take it over.

        Returns:
            Whether the registry took it over; then nothing was read of the content (PUSH-17).

        Raises:
            ContentError: `digest-mismatch`: the registry received other bytes than the digest names.
            RegistryError: `registry-protocol`, or what the registry answered.
        """
        session: Session | None = None
        for source in mount_from:
            if source not in self._sessions.refused:
                mounted, session = self._sessions.mount(descriptor, source)
                if mounted:
                    return True
                if session is not None and source != mount_from[-1]:
                    self._sessions.cancel(session)
                    session = None
        if descriptor.size < self._sessions.client.config.limits.resume_bytes:
            Upload(self._sessions, descriptor, content, UploadRecord(None, None)).run(session)
            return False
        with self._records.claim(
            self._sessions.client.base_url, self._sessions.name, descriptor.digest
        ) as record:
            Upload(self._sessions, descriptor, content, record).run(session)
        return False
