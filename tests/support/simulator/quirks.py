"""The switches of the registry simulator: how real registries differ, and how they break."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tests.support.simulator.wire import Reply, Request

if TYPE_CHECKING:
    from tests.support.registry import Registry

__all__ = [
    "DISTRIBUTION_2_8",
    "GGCR",
    "GHCR",
    "GITLAB",
    "HARBOR",
    "After",
    "Before",
    "Fault",
    "LostUpdates",
    "Quirks",
]

Before: TypeAlias = "Callable[[Request, Registry], Reply | None]"
"""Sees a complete request first; its answer, if any, is sent and the registry does nothing."""
After: TypeAlias = "Callable[[Request, Reply, Registry], Reply | None]"
"""Sees the registry's answer; may change it, return another one, or change the stored content."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong with some requests.

    Attributes:
        method: only requests with this method; empty for all.
        path: only requests in whose target this regular expression is found.
        skip: let this many matching requests through first.
        times: then break this many; None for all.
        status: answer this in place of handling the request.
        headers: headers of that answer, or added to the registry's own one.
        body: body of that answer.
        after: handle the request first, and only then answer with `status` or drop the answer.
        cut_after: send this many bytes of the answer's body, then end the connection.
        stall_after: send this many bytes of the answer's body, then nothing more.
        drop: end the connection without an answer; the request is not handled, unless `after`.
        reset: end the connection by a TCP reset where it ends; alone, like `drop`.
        cut_request_after: read this many bytes of the request's body, then end the connection.
        early: answer with `status` before the request's body is read.
    """

    method: str = ""
    path: str = ""
    skip: int = 0
    times: int | None = 1
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    after: bool = False
    cut_after: int | None = None
    stall_after: int | None = None
    drop: bool = False
    reset: bool = False
    cut_request_after: int | None = None
    early: bool = False

    def matches(self, request: Request) -> bool:
        """Tell whether the request is of the kind that breaks."""
        return self.method in {"", request.method} and re.search(self.path, request.target) is not None

    @property
    def replaces(self) -> bool:
        """Whether the registry doesn't handle the request at all."""
        kept = self.cut_after is not None or self.stall_after is not None
        return not self.after and (self.status is not None or self.drop or (self.reset and not kept))

    @property
    def before_body(self) -> bool:
        """Whether the request's body is not to be read to its end."""
        return self.early or self.cut_request_after is not None

    def reply(self) -> Reply:
        """Build the answer that is sent in place of the registry's."""
        cut = self.cut_request_after
        if cut is not None:
            return Reply(drop=True, reset=self.reset, read_request=cut)
        return self._broken(Reply(status=self.status or 500, headers=list(self.headers), body=self.body))

    def amend(self, reply: Reply) -> Reply:
        """Let the registry's own answer break."""
        if self.status is not None:
            return self.reply()
        reply.headers.extend(self.headers)
        return self._broken(reply)

    def _broken(self, reply: Reply) -> Reply:
        reply.cut_after, reply.stall_after, reply.reset = self.cut_after, self.stall_after, self.reset
        nothing_sent = self.status is None and self.cut_after is None and self.stall_after is None
        reply.drop = self.drop or (self.reset and nothing_sent)
        return reply


@dataclass(frozen=True, kw_only=True)
class LostUpdates:
    """Another writer who read a tag before our PUT writes it after our PUT: our index is lost.

    Attributes:
        tag: regular expression for the whole tag.
        times: how often this happens.
        rival: descriptor that the other writer adds to what it had read; None: it writes the old index again.
    """

    tag: str = r"sha(256|512)-[0-9a-f]{64}"
    times: int = 1
    rival: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Quirks:
    """What this registry does differently. The defaults follow the distribution specification 1.1.

    Referrers:
        referrers_api: answer the referrers endpoint; without it 404.
        oci_subject: send OCI-Subject on PUT; None: as `referrers_api`; a string: send this value.
        referrers_page_size: entries in one page.
        referrers_status, referrers_content_type, referrers_body, referrers_headers: answer the endpoint with this
            whatever was asked, once any of them is set.
        referrers_type: where an entry's artifactType comes from: `spec`, `config` (config media type although the
            manifest has an artifactType), or `missing`.
        referrers_annotations: put the annotations into the entries.
        filters: `applied` (filter and say so), `unsaid` (filter, no header), `lying` (say so, don't filter),
            `ignored` (neither), `config` (filter by the config's media type and say so).
        referrers_unknown_repository: status for a repository that doesn't exist (zot: 200).
        lost_updates: see `LostUpdates`.
        tag_answers_subject: the tag sha256-HEX gives the manifest sha256:HEX itself.

    Manifests and tags:
        content_digest: Docker-Content-Digest: `yes`, `missing`, or `wrong`.
        head_status: answer HEAD with this status.
        strict_accept: 404 for a manifest whose type Accept does not name.
        manifest_limit, manifest_limit_status: largest manifest in bytes; what a larger one gets.
        require_blobs: refuse a manifest whose blobs are missing.
        reject_artifact_type: 400 for a manifest with artifactType or an empty-type config.
        manifest_content_type: Content-Type of every manifest answer.
        tag_parameters: honour `?tag=` on PUT by digest and answer OCI-Tag.
        etag: `none`, `sent` (ETag is sent, conditions are ignored), `honoured` (If-Match and If-None-Match work on PUT).
        delete, delete_status, delete_tags: whether manifests (and tags) can be deleted; what is answered if not.
        tags_page_size, tags_ignore_n, tags_null, tags_unsorted: how tags are listed.
        link: builds the Link header's value from the next URL (a path and query); default `<URL>; rel="next"`.

    Blobs:
        upload_location: `absolute`, `relative`, `missing`, `foreign` (on `upload_host`), or a function of the path and
            query that returns the header's value.
        upload_host: `scheme://host:port` for `foreign`.
        upload_query: Locations carry a query, a new one after each PATCH, and must come back with it: `state` (its
            parameter `_state`, like Distribution), or `exact` (all of it, byte for byte). `none`: no query.
        chunk_min_length, chunk_max: OCI-Chunk-Min-Length; largest PATCH body.
        patch_status, close_status: what success answers.
        patch_keeps: bytes of each PATCH after the first that are kept (Amazon ECR was seen to keep 0).
        broken_patch: what becomes of a PATCH whose body breaks off: `lost` (nothing of it counts), `kept` (what came
            of it counts), `poisoned` (that too, but no Location knows it, as with Distribution).
        body_limit: 413 for blob bodies larger than this.
        single_post: take POST with digest and body.
        mount: `yes`, `ignored` (an upload begins), or a status.
        ranges: `yes`, `ignored` (whole blob, 200), `lying_416` (416 with a length but no body).
        blob_bytes: what is sent in place of the stored bytes; called with digest and bytes.
        gzip_blobs: send blobs with Content-Encoding: gzip.
        chunked: send blobs with chunked framing, without a length.
        redirect_blobs, redirect_status: send GET (not HEAD) of blobs to this URL prefix plus the target.
        create_repositories: a first push makes the repository.

    Authentication:
        auth: None, `basic` or `bearer`.
        username, password, identity_token: what is accepted.
        anonymous_pull: reading needs no credentials (`bearer`: an anonymous token).
        realm, service, challenge: the challenge's realm (default: our own `/token`), service; or the whole value, a
            format string with `{realm}`, `{service}` and `{scope}`.
        token_get, token_post: methods the token endpoint takes (405 otherwise).
        token_member: name of the token in the answer: `token`, `access_token` or `both`.
        expires_in: seconds in the token answer; None leaves it out.
        token_uses: requests a token is good for; None for any number.
        denied_actions: actions that are refused with 403 DENIED whoever asks.

    Anything:
        warnings: texts of Warning headers on every answer.
        faults: see `Fault`. The first that matches and isn't used up counts.
        before, after: functions that see each request.
    """

    referrers_api: bool = True
    oci_subject: bool | str | None = None
    referrers_page_size: int | None = None
    referrers_status: int | None = None
    referrers_content_type: str | None = None
    referrers_body: bytes | None = None
    referrers_headers: tuple[tuple[str, str], ...] = ()
    referrers_type: Literal["spec", "config", "missing"] = "spec"
    referrers_annotations: bool = True
    filters: Literal["applied", "unsaid", "lying", "ignored", "config"] = "applied"
    referrers_unknown_repository: int = 404
    lost_updates: LostUpdates | None = None
    tag_answers_subject: bool = False

    content_digest: Literal["yes", "missing", "wrong"] = "yes"
    head_status: int | None = None
    strict_accept: bool = False
    manifest_limit: int = 4 * 1024 * 1024
    manifest_limit_status: int = 413
    require_blobs: bool = True
    reject_artifact_type: bool = False
    manifest_content_type: str | None = None
    tag_parameters: bool = False
    etag: Literal["none", "sent", "honoured"] = "none"
    delete: bool = True
    delete_status: int = 405
    delete_tags: bool = True
    tags_page_size: int | None = None
    tags_ignore_n: bool = False
    tags_null: bool = False
    tags_unsorted: bool = False
    link: Callable[[str], str] | None = None

    upload_location: Literal["absolute", "relative", "missing", "foreign"] | Callable[[str], str] = "absolute"
    upload_host: str = ""
    upload_query: Literal["none", "state", "exact"] = "none"
    chunk_min_length: int | str | None = None
    chunk_max: int | None = None
    patch_status: int = 202
    close_status: int = 201
    patch_keeps: int | None = None
    broken_patch: Literal["lost", "kept", "poisoned"] = "lost"
    body_limit: int | None = None
    single_post: bool = False
    mount: Literal["yes", "ignored"] | int = "yes"
    ranges: Literal["yes", "ignored", "lying_416"] = "yes"
    blob_bytes: Callable[[str, bytes], bytes] | None = None
    gzip_blobs: bool = False
    chunked: bool = False
    redirect_blobs: str | None = None
    redirect_status: int = 307
    create_repositories: bool = True

    auth: Literal["basic", "bearer"] | None = None
    username: str = "user"
    password: str = "secret"
    identity_token: str = "identity-token"
    anonymous_pull: bool = False
    realm: str | None = None
    service: str = "simulator"
    challenge: str | None = None
    token_get: bool = True
    token_post: bool = True
    token_member: Literal["token", "access_token", "both"] = "both"
    expires_in: int | None = 300
    token_uses: int | None = None
    denied_actions: frozenset[str] = frozenset()

    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    before: Before | None = None
    after: After | None = None

    @property
    def sends_subject(self) -> bool | str:
        """What `oci_subject` comes to."""
        return self.referrers_api if self.oci_subject is None else self.oci_subject


DISTRIBUTION_2_8 = Quirks(
    referrers_api=False,
    referrers_status=404,
    referrers_content_type="text/plain; charset=utf-8",
    referrers_body=b"404 page not found\n",
    strict_accept=True,
    manifest_limit_status=400,
    etag="sent",
    delete_tags=False,
    tags_ignore_n=True,
    tags_unsorted=True,
    upload_query="state",
    ranges="lying_416",
)
"""CNCF Distribution 2.8.2 as measured (no referrers endpoint)."""

GITLAB = Quirks(referrers_api=False, tag_answers_subject=True)
"""No referrers endpoint, and the referrers tag gives the subject itself (RFT-10)."""

HARBOR = Quirks(filters="config")
"""Filters by the config's media type and says it filtered."""

GGCR = Quirks(oci_subject=False, referrers_type="config", filters="ignored")
"""go-containerregistry: a referrers API, but no OCI-Subject, and the types of entries are those of the configs."""

GHCR = Quirks(
    referrers_api=False,
    referrers_status=303,
    referrers_headers=(("Location", "https://example.invalid/login"),),
    delete=False,
    token_post=False,
)
"""Sends the referrers endpoint elsewhere, refuses POST of tokens and deletion."""
