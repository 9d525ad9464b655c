"""The registry simulator keeps the distribution specification, and breaks it only where a quirk says so."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.support.raw_client import Answer, call
from tests.support.registry import (
    DISTRIBUTION_2_8,
    GITLAB,
    INDEX,
    MANIFEST,
    LostUpdates,
    Quirks,
    Recorder,
    Registry,
    Reply,
    Request,
    digest_of,
)

NAME = "team/app"
DATA = b"hello registry\n"
DIGEST = digest_of(DATA)


def push_blob(registry: Registry, data: bytes) -> str:
    """Push a blob by POST and PUT."""
    location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
    mark = "&" if "?" in location else "?"
    answer = call(registry, "PUT", f"{location}{mark}digest={digest_of(data)}", data)
    assert answer.status == 201
    return digest_of(data)


def push_manifest(registry: Registry, document: dict[str, Any], reference: str | None = None) -> Answer:
    """Push a manifest or index, by its digest if no tag is given."""
    data = json.dumps(document).encode()
    target = f"/v2/{NAME}/manifests/{reference or digest_of(data)}"
    return call(registry, "PUT", target, data, headers={"Content-Type": document["mediaType"]})


def artifact(registry: Registry, **members: Any) -> dict[str, Any]:
    """Push the blobs of an artifact and return its manifest."""
    blob = push_blob(registry, b"{}")
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": blob, "size": 2}
    plain = {"schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [empty]}
    return {**plain, **members}


class TestBlobs:
    def test_post_and_put_store_a_blob(self, registry: Registry) -> None:
        """PUSH-03: POST, then PUT with the digest."""
        push_blob(registry, DATA)
        got = call(registry, "GET", f"/v2/{NAME}/blobs/{DIGEST}")
        assert (got.status, got.body, got.headers["Docker-Content-Digest"]) == (200, DATA, DIGEST)
        head = call(registry, "HEAD", f"/v2/{NAME}/blobs/{DIGEST}")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(DATA)))

    def test_wrong_digest_is_refused(self, registry: Registry) -> None:
        """PUSH-16: a blob that does not have the digest gets 400 and is not kept."""
        location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        answer = call(registry, "PUT", f"{location}?digest={DIGEST}", b"other")
        assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
        assert registry.repository(NAME).blobs == {}

    def test_sha512_is_stored(self, registry: Registry) -> None:
        """DIG-02: both registered algorithms work."""
        digest = digest_of(DATA, "sha512")
        location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        assert call(registry, "PUT", f"{location}?digest={digest}", DATA).status == 201
        assert call(registry, "GET", f"/v2/{NAME}/blobs/{digest}").body == DATA

    def test_chunks_are_put_together(self, registry: Registry) -> None:
        """PUSH-09, PUSH-10: chunks in order; the state can be asked for."""
        location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        first = call(registry, "PATCH", location, DATA[:5], headers={"Content-Range": "0-4"})
        assert (first.status, first.headers["Range"]) == (202, "0-4")
        gap = call(registry, "PATCH", location, DATA[6:], headers={"Content-Range": f"6-{len(DATA) - 1}"})
        assert (gap.status, gap.headers["Range"]) == (416, "0-4")
        state = call(registry, "GET", location)
        assert (state.status, state.headers["Range"]) == (204, "0-4")
        rest = call(registry, "PATCH", location, DATA[5:], headers={"Content-Range": f"5-{len(DATA) - 1}"})
        assert rest.status == 202
        assert call(registry, "PUT", f"{location}?digest={DIGEST}").status == 201
        assert registry.repository(NAME).blobs[DIGEST] == DATA

    def test_cancelled_upload_is_gone(self, registry: Registry) -> None:
        """PUSH-14: DELETE ends the session."""
        location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
        assert call(registry, "DELETE", location).status == 204
        assert call(registry, "GET", location).codes == ["BLOB_UPLOAD_UNKNOWN"]

    def test_mount(self, registry: Registry) -> None:
        """PUSH-17: 201 for a blob that is there, else an upload begins."""
        registry.put_blob("other", DATA)
        target = f"/v2/{NAME}/blobs/uploads/?mount={DIGEST}&from="
        assert call(registry, "POST", target + "other").status == 201
        assert call(registry, "POST", target + "nowhere").status == 202
        assert registry.repository(NAME).blobs == {DIGEST: DATA}

    @pytest.mark.parametrize(("single", "status"), [(True, 201), (False, 202)])
    def test_single_post(self, single: bool, status: int) -> None:
        """PUSH-05: 201 where it is supported, else an upload begins."""
        with Registry(Quirks(single_post=single)) as registry:
            answer = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}", DATA)
            assert answer.status == status
            assert (DIGEST in registry.repository(NAME).blobs) is single

    @pytest.mark.parametrize(
        ("asked", "status", "body", "content_range"),
        [
            ("bytes=6-", 206, DATA[6:], f"bytes 6-14/{len(DATA)}"),
            ("bytes=0-4", 206, DATA[:5], f"bytes 0-4/{len(DATA)}"),
            ("bytes=10-99", 206, DATA[10:], f"bytes 10-14/{len(DATA)}"),
            ("bytes=15-", 416, None, f"bytes */{len(DATA)}"),
            ("lines=1-2", 200, DATA, None),
        ],
    )
    def test_ranges(
        self, registry: Registry, asked: str, status: int, body: bytes | None, content_range: str | None
    ) -> None:
        """PULL-08: part of a blob, 416 past its end, all of it for a unit nobody knows."""
        registry.put_blob(NAME, DATA)
        got = call(registry, "GET", f"/v2/{NAME}/blobs/{DIGEST}", headers={"Range": asked})
        assert (got.status, got.headers["Content-Range"]) == (status, content_range)
        assert body is None or got.body == body

    def test_gzip_encoding(self) -> None:
        """PY-04: the bytes on the wire are not the blob's."""
        with Registry(Quirks(gzip_blobs=True)) as registry:
            registry.put_blob(NAME, DATA)
            got = call(registry, "GET", f"/v2/{NAME}/blobs/{DIGEST}")
            assert got.headers["Content-Encoding"] == "gzip"
            assert got.body != DATA
            assert gzip.decompress(got.body) == DATA

    def test_wrong_bytes(self) -> None:
        """`blob_bytes` changes what is sent, not what is stored."""
        with Registry(Quirks(blob_bytes=lambda digest, data: data[::-1])) as registry:
            registry.put_blob(NAME, DATA)
            assert call(registry, "GET", f"/v2/{NAME}/blobs/{DIGEST}").body == DATA[::-1]

    def test_redirect(self) -> None:
        """`redirect_blobs` sends GET elsewhere, with the path."""
        with Recorder(Reply(body=DATA)) as storage, Registry(Quirks(redirect_blobs=storage.url)) as registry:
            registry.put_blob(NAME, DATA)
            target = f"/v2/{NAME}/blobs/{DIGEST}"
            got = call(registry, "GET", target)
            assert (got.status, got.headers["Location"]) == (307, storage.url + target)
            assert call(storage, "GET", got.headers["Location"]).body == DATA
            assert [request.line for request in storage.requests] == [f"GET {target}"]

    @pytest.mark.parametrize(
        ("location", "expected"),
        [
            ("absolute", "{url}{path}"),
            ("relative", "{path}"),
            ("missing", None),
            ("foreign", "https://elsewhere.test:1{path}"),
        ],
    )
    def test_upload_locations(self, location: Any, expected: str | None) -> None:
        """PUSH-04: every kind of Location."""
        with Registry(Quirks(upload_location=location, upload_host="https://elsewhere.test:1")) as registry:
            got = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
            (session,) = registry.repository(NAME).uploads
            path = f"/v2/{NAME}/blobs/uploads/{session}"
            assert got == (expected and expected.format(url=registry.url, path=path))

    def test_query_of_the_location_must_come_back(self) -> None:
        """PUSH-04: a query that was taken apart and put together again is refused."""
        with Registry(Quirks(upload_query="exact")) as registry:
            location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
            path, _, query = location.partition("?")
            tidy = "&".join(sorted(query.split("&")))
            assert call(registry, "PUT", f"{path}?{tidy}&digest={DIGEST}", DATA).status == 404
            assert call(registry, "PUT", f"{path}?digest={DIGEST}&{query}", DATA).status == 404
            assert call(registry, "PUT", f"{location}&digest={DIGEST}", DATA).status == 201

    def test_old_location_is_refused(self) -> None:
        """PUSH-10: with `upload_query`, each PATCH brings a new Location, and only that one works."""
        with Registry(Quirks(upload_query="state")) as registry:
            first = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
            second = call(registry, "PATCH", first, DATA).headers["Location"]
            assert call(registry, "PUT", f"{first}&digest={DIGEST}").status == 404
            assert call(registry, "PUT", f"{second}&digest={DIGEST}").status == 201

    def test_swallowed_chunks(self) -> None:
        """`patch_keeps`: after the first chunk nothing more is kept, and Range says so (U2)."""
        with Registry(Quirks(patch_keeps=0, patch_status=201)) as registry:
            location = call(registry, "POST", f"/v2/{NAME}/blobs/uploads/").headers["Location"]
            assert call(registry, "PATCH", location, DATA[:5]).status == 201
            assert call(registry, "PATCH", location, DATA[5:]).headers["Range"] == "0-4"


class TestManifests:
    def test_push_and_read(self, registry: Registry) -> None:
        """MPUT-01, MPUT-04: the same bytes come back under tag and digest."""
        document = artifact(registry)
        data = json.dumps(document).encode()
        pushed = push_manifest(registry, document, "v1")
        assert (pushed.status, pushed.headers["Docker-Content-Digest"]) == (201, digest_of(data))
        for reference in ("v1", digest_of(data)):
            got = call(registry, "GET", f"/v2/{NAME}/manifests/{reference}")
            assert (got.status, got.body, got.headers["Content-Type"]) == (200, data, MANIFEST)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"mediaType": INDEX}, "MANIFEST_INVALID"),
            ({"layers": [{"mediaType": "a/b", "digest": DIGEST, "size": 1}]}, "MANIFEST_BLOB_UNKNOWN"),
            ({"manifests": [{"mediaType": MANIFEST, "digest": DIGEST, "size": 1}]}, "MANIFEST_BLOB_UNKNOWN"),
        ],
    )
    def test_bad_manifests_are_refused(self, registry: Registry, changes: dict[str, Any], code: str) -> None:
        """MPUT-02, MPUT-08: another type than the header's, missing blobs, missing children."""
        data = json.dumps({**artifact(registry), **changes}).encode()
        answer = call(registry, "PUT", f"/v2/{NAME}/manifests/v1", data, headers={"Content-Type": MANIFEST})
        assert (answer.status, answer.codes) == (400, [code])
        assert registry.repository(NAME).tags == {}

    def test_digest_of_a_manifest_is_checked(self, registry: Registry) -> None:
        """A manifest pushed by a digest that it does not have gets 400."""
        assert push_manifest(registry, artifact(registry), DIGEST).codes == ["DIGEST_INVALID"]

    def test_size_limit(self) -> None:
        """MPUT-07: a manifest above the limit gets 413."""
        with Registry(Quirks(manifest_limit=100)) as registry:
            assert push_manifest(registry, artifact(registry), "v1").status == 413

    def test_what_is_missing(self, registry: Registry) -> None:
        """PULL-12: unknown repository, manifest, blob."""
        assert call(registry, "GET", f"/v2/{NAME}/manifests/v1").codes == ["NAME_UNKNOWN"]
        registry.repository(NAME)
        assert call(registry, "GET", f"/v2/{NAME}/manifests/v1").codes == ["MANIFEST_UNKNOWN"]
        assert call(registry, "GET", f"/v2/{NAME}/blobs/{DIGEST}").codes == ["BLOB_UNKNOWN"]
        assert call(registry, "GET", "/v2/Not/a/name/manifests/v1").codes == ["NAME_INVALID"]

    def test_delete(self, registry: Registry) -> None:
        """DEL-01, DEL-02: a tag alone; a manifest with all its tags."""
        descriptor = registry.put_artifact(NAME, tag="v1")
        registry.repository(NAME).tags["v2"] = descriptor["digest"]
        assert call(registry, "DELETE", f"/v2/{NAME}/manifests/v1").status == 202
        assert list(registry.repository(NAME).tags) == ["v2"]
        assert call(registry, "DELETE", f"/v2/{NAME}/manifests/{descriptor['digest']}").status == 202
        assert registry.repository(NAME).tags == {}
        assert registry.repository(NAME).manifests == {}

    def test_deletion_can_be_off(self) -> None:
        """DEL-02: 405 where deletion is disabled."""
        with Registry(Quirks(delete=False)) as registry:
            descriptor = registry.put_artifact(NAME)
            answer = call(registry, "DELETE", f"/v2/{NAME}/manifests/{descriptor['digest']}")
            assert (answer.status, answer.codes) == (405, ["UNSUPPORTED"])

    @pytest.mark.parametrize(("kind", "expected"), [("missing", None), ("wrong", "sha256:")])
    def test_content_digest_header(self, kind: Any, expected: str | None) -> None:
        """PULL-03, PULL-04: the header can be missing or a lie."""
        with Registry(Quirks(content_digest=kind)) as registry:
            digest = registry.put_artifact(NAME, tag="v1")["digest"]
            got = call(registry, "HEAD", f"/v2/{NAME}/manifests/v1").headers["Docker-Content-Digest"]
            assert got != digest
            assert (got or "").startswith(expected or "")
            assert (got is None) is (expected is None)

    def test_head_can_be_refused(self) -> None:
        """PULL-07: HEAD gets 405, GET works."""
        with Registry(Quirks(head_status=405)) as registry:
            registry.put_artifact(NAME, tag="v1")
            assert call(registry, "HEAD", f"/v2/{NAME}/manifests/v1").status == 405
            assert call(registry, "GET", f"/v2/{NAME}/manifests/v1").status == 200

    def test_conditions(self) -> None:
        """RFT-08: with `honoured`, a PUT whose condition does not hold gets 412."""
        with Registry(Quirks(etag="honoured")) as registry:
            document = artifact(registry)
            target = f"/v2/{NAME}/manifests/v1"
            data, kind = json.dumps(document).encode(), {"Content-Type": MANIFEST}
            fresh = {**kind, "If-None-Match": "*"}
            assert call(registry, "PUT", target, data, headers=fresh).status == 201
            assert call(registry, "PUT", target, data, headers=fresh).status == 412
            etag = call(registry, "GET", target).headers["ETag"]
            assert call(registry, "PUT", target, data, headers={**kind, "If-Match": etag}).status == 201
            assert call(registry, "PUT", target, data, headers={**kind, "If-Match": '"x"'}).status == 412

    def test_accept_is_needed_where_distribution_needs_it(self) -> None:
        """PULL-01: 404 for a type that Accept does not name."""
        with Registry(DISTRIBUTION_2_8) as registry:
            registry.put_artifact(NAME, tag="v1")
            target = f"/v2/{NAME}/manifests/v1"
            assert call(registry, "GET", target).status == 404
            assert call(registry, "GET", target, headers={"Accept": f"{INDEX}, {MANIFEST}"}).status == 200


class TestTags:
    def test_pages(self, registry: Registry) -> None:
        """TAG-04 to TAG-06: a page, a link to the next one, no link on the last."""
        for tag in ("c", "a", "b"):
            registry.put_artifact(NAME, tag=tag)
        first = call(registry, "GET", f"/v2/{NAME}/tags/list?n=2")
        assert first.json == {"name": NAME, "tags": ["a", "b"]}
        target = first.headers["Link"].partition(">")[0].lstrip("<")
        last = call(registry, "GET", target)
        assert (last.json["tags"], last.headers["Link"]) == (["c"], None)
        assert call(registry, "GET", f"/v2/{NAME}/tags/list?n=0").json["tags"] == []
        assert call(registry, "GET", "/v2/_catalog").json == {"repositories": [NAME]}

    def test_null(self) -> None:
        """TAG-02: null in place of an empty list."""
        with Registry(Quirks(tags_null=True)) as registry:
            registry.repository(NAME)
            assert call(registry, "GET", f"/v2/{NAME}/tags/list").json["tags"] is None

    def test_link_can_point_anywhere(self) -> None:
        """TAG-07: `link` writes the header."""
        with Registry(
            Quirks(tags_page_size=1, link=lambda url: f"<http://x.test{url}>; rel=next")
        ) as registry:
            registry.put_artifact(NAME, tag="a")
            registry.put_artifact(NAME, tag="b")
            link = call(registry, "GET", f"/v2/{NAME}/tags/list").headers["Link"]
            assert link == f"<http://x.test/v2/{NAME}/tags/list?n=1&last=a>; rel=next"


class TestReferrers:
    def entries(self, answer: Answer) -> list[dict[str, Any]]:
        assert (answer.status, answer.headers["Content-Type"]) == (200, INDEX)
        assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, INDEX)
        found: list[dict[str, Any]] = answer.json["manifests"]
        return found

    def test_pushed_referrers_are_listed(self, registry: Registry) -> None:
        """RFR-03 to RFR-06, RFT-02: OCI-Subject on the PUT, then type and annotations in the list."""
        subject = registry.put_artifact(NAME, tag="v1")
        target = f"/v2/{NAME}/referrers/{subject['digest']}"
        assert self.entries(call(registry, "GET", target)) == []
        notes = {"k": "v"}
        typed = artifact(registry, artifactType="a/b", subject=subject, annotations=notes)
        config = {"mediaType": "c/d", "digest": push_blob(registry, b"{}"), "size": 2}
        for document in (typed, artifact(registry, config=config, subject=subject)):
            assert push_manifest(registry, document).headers["OCI-Subject"] == subject["digest"]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject}
        assert push_manifest(registry, index).headers["OCI-Subject"] == subject["digest"]
        first, second, third = self.entries(call(registry, "GET", target))
        data = json.dumps(typed).encode()
        assert first == {
            "mediaType": MANIFEST,
            "digest": digest_of(data),
            "size": len(data),
            "artifactType": "a/b",
            "annotations": notes,
        }
        assert second["artifactType"] == "c/d"
        assert "artifactType" not in third

    @pytest.mark.parametrize(
        ("filters", "listed", "header"),
        [
            ("applied", ["a/b"], "artifactType"),
            ("unsaid", ["a/b"], None),
            ("lying", ["a/b", "c/d"], "artifactType"),
            ("ignored", ["a/b", "c/d"], None),
            ("config", [], "artifactType"),
        ],
    )
    def test_filters(self, filters: Any, listed: list[str], header: str | None) -> None:
        """RFR-08: the ways of registries with `artifactType=`."""
        with Registry(Quirks(filters=filters)) as registry:
            subject = registry.put_artifact(NAME)
            for kind in ("a/b", "c/d"):
                registry.put_artifact(NAME, artifact_type=kind, subject=subject)
            answer = call(registry, "GET", f"/v2/{NAME}/referrers/{subject['digest']}?artifactType=a%2Fb")
            assert [entry["artifactType"] for entry in self.entries(answer)] == listed
            assert answer.headers["OCI-Filters-Applied"] == header

    def test_pages(self) -> None:
        """RFR-07: pages keep the filter, and the last one has no link."""
        with Registry(Quirks(referrers_page_size=2)) as registry:
            subject = registry.put_artifact(NAME)
            made = [
                registry.put_artifact(NAME, annotations={"n": str(number)}, subject=subject)["digest"]
                for number in range(5)
            ]
            target: str | None = (
                f"/v2/{NAME}/referrers/{subject['digest']}?artifactType=application%2Fvnd.example.test"
            )
            seen, sizes = [], []
            while target is not None:
                answer = call(registry, "GET", target)
                seen += [entry["digest"] for entry in self.entries(answer)]
                sizes.append(len(answer.json["manifests"]))
                link = answer.headers["Link"]
                target = link.partition(">")[0].lstrip("<") if link else None
            assert (seen, sizes) == (made, [2, 2, 1])
            assert all("artifactType=application%2Fvnd.example.test" in line for line in registry.lines)

    @pytest.mark.parametrize(
        ("quirks", "status", "kind"),
        [
            (DISTRIBUTION_2_8, 404, "text/plain; charset=utf-8"),
            (Quirks(referrers_status=406, referrers_body=b""), 406, INDEX),
            (Quirks(referrers_content_type="text/html", referrers_body=b"<html>"), 200, "text/html"),
        ],
    )
    def test_other_answers(self, quirks: Quirks, status: int, kind: str) -> None:
        """RFR-10: what registries say that have no such endpoint."""
        with Registry(quirks) as registry:
            subject = registry.put_artifact(NAME)
            answer = call(registry, "GET", f"/v2/{NAME}/referrers/{subject['digest']}")
            assert (answer.status, answer.headers["Content-Type"]) == (status, kind)

    def test_no_subject_header_without_the_endpoint(self) -> None:
        """RFT-02: a registry without the endpoint does not answer OCI-Subject, unless told to."""
        for quirks, expected in [
            (DISTRIBUTION_2_8, None),
            (Quirks(oci_subject="sha256:other"), "sha256:other"),
        ]:
            with Registry(quirks) as registry:
                subject = registry.put_artifact(NAME)
                answer = push_manifest(registry, artifact(registry, subject=subject))
                assert (answer.status, answer.headers["OCI-Subject"]) == (201, expected)

    def test_tag_that_answers_the_subject(self) -> None:
        """RFT-10: the referrers tag gives the subject itself."""
        with Registry(GITLAB) as registry:
            subject = registry.put_artifact(NAME)["digest"]
            tag = subject.replace(":", "-")
            got = call(registry, "GET", f"/v2/{NAME}/manifests/{tag}")
            assert digest_of(got.body) == subject
            assert registry.repository(NAME).tags == {}

    def test_lost_update(self) -> None:
        """R5: a rival, who read before us, writes after us; once."""
        rival = {"mediaType": MANIFEST, "digest": DIGEST, "size": 7}
        plan = LostUpdates(tag="list", rival=rival)
        with Registry(Quirks(lost_updates=plan, require_blobs=False)) as registry:
            entries = [{"mediaType": MANIFEST, "digest": digest_of(b"a"), "size": 1}]
            index: dict[str, Any] = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
            assert push_manifest(registry, index, "list").status == 201
            assert registry.manifest(NAME, "list").document["manifests"] == [rival]
            assert push_manifest(registry, index, "list").status == 201
            assert registry.manifest(NAME, "list").document == index


class TestHooks:
    def test_before_answers_instead(self) -> None:
        """`before` can answer; the registry then does nothing."""

        def teapot(request: Request, registry: Registry) -> Reply | None:
            return Reply(status=418) if request.method == "PUT" else None

        with Registry(Quirks(before=teapot)) as registry:
            assert push_manifest(registry, artifact_of_nothing(), "v1").status == 418
            assert call(registry, "GET", "/v2/").status == 200
            assert registry.repositories == {}

    def test_after_sees_and_changes(self) -> None:
        """`after` runs when the registry is done, and can change the answer and the content."""

        def move(request: Request, reply: Reply, registry: Registry) -> Reply | None:
            if request.method == "HEAD":
                registry.put_artifact(NAME, {"new": b"new"}, tag="v1")
            return reply.set("X-Seen", "yes")

        with Registry(Quirks(after=move)) as registry:
            old = registry.put_artifact(NAME, tag="v1")["digest"]
            head = call(registry, "HEAD", f"/v2/{NAME}/manifests/v1")
            assert (head.headers["Docker-Content-Digest"], head.headers["X-Seen"]) == (old, "yes")
            assert call(registry, "GET", f"/v2/{NAME}/manifests/v1").headers["Docker-Content-Digest"] != old

    def test_quirks_change_while_it_runs(self, registry: Registry) -> None:
        """`configure` turns a registry into one that has gained the API (R8)."""
        registry.configure(referrers_api=False)
        subject = registry.put_artifact(NAME)["digest"]
        assert call(registry, "GET", f"/v2/{NAME}/referrers/{subject}").status == 404
        registry.configure(referrers_api=True)
        assert call(registry, "GET", f"/v2/{NAME}/referrers/{subject}").status == 200

    def test_duties_are_judged_for_ocictl_only(self) -> None:
        """A request without Accept is a breach, if the client calls itself ocictl."""
        with Registry() as registry:
            target = f"/v2/{NAME}/manifests/v1"
            call(registry, "GET", target, headers={"User-Agent": "other/1"})
            assert registry.violations == []
            call(registry, "GET", target, headers={"User-Agent": "ocictl/1", "Accept": MANIFEST})
            assert f"PULL-01: Accept lacks {INDEX} (GET {target})" in registry.violations

    def test_requests_are_recorded(self, registry: Registry) -> None:
        """Method, target as sent, headers and body of every request."""
        call(registry, "GET", "/v2/?a=%2f+b&c", headers={"X-Test": "1"})
        push_blob(registry, DATA)
        first, _, put = registry.requests
        assert (first.line, first.header("x-test")) == ("GET /v2/?a=%2f+b&c", "1")
        assert first.parameters == [("a", "/ b"), ("c", "")]
        assert (put.body_length, put.parameter("digest")) == (len(DATA), DIGEST)
        assert registry.matching("PUT", "/uploads/") == [put]


def artifact_of_nothing() -> dict[str, Any]:
    """A manifest without blobs."""
    return {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
