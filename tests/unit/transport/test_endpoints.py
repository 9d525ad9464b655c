"""The paths of the endpoints (section HTTP)."""

from __future__ import annotations

from typing import Any

import pytest

from ocictl.transport import endpoints
from tests.support.shared import present, spec_rows

DIGEST = "sha256:" + "a" * 64
BUILT = {
    "/v2/": endpoints.base(),
    "/v2/<name>/blobs/<digest>": endpoints.blob("a/b", DIGEST),
    "/v2/<name>/manifests/<tag-or-digest>": endpoints.manifest("a/b", DIGEST),
    "/v2/<name>/manifests/<digest>": endpoints.manifest("a/b", DIGEST),
    "/v2/<name>/blobs/uploads/": endpoints.uploads("a/b"),
    "/v2/<name>/tags/list": endpoints.tags("a/b"),
    "/v2/<name>/tags/list?n=<integer>&last=<tagname>": endpoints.tags("a/b", count=2, last="v1"),
    "/v2/<name>/blobs/uploads/?digest-algorithm=<algorithm>": endpoints.uploads("a/b", algorithm="sha512"),
    "/v2/<name>/blobs/uploads/?mount=<digest>&from=<other_name>": endpoints.mount("a/b", DIGEST, "c/d"),
    "/v2/<name>/referrers/<digest>": endpoints.referrers("a/b", DIGEST),
    "/v2/<name>/referrers/<digest>?artifactType=<artifactType>": endpoints.referrers(
        "a/b", DIGEST, artifact_type="application/x+json"
    ),
}


@pytest.mark.parametrize("row", spec_rows("endpoints.json", "endpoints"))
def test_table(row: dict[str, Any] | None) -> None:
    """Each endpoint that we build has the path of the table: the same segments, the same parameters."""
    row = present(row)
    built = BUILT.get(row["path"])
    if built is None:
        # Upload locations come from the registry; two forms of upload are not used.
        assert "location" in row["path"] or "?digest=" in row["path"] or "?tag=" in row["path"]
        return
    path, _question, query = built.partition("?")
    pattern, _question, names = row["path"].partition("?")
    assert path == pattern.replace("<name>", "a/b").replace("<tag-or-digest>", DIGEST).replace(
        "<digest>", DIGEST
    )
    assert [part.partition("=")[0] for part in query.split("&")] == [
        part.partition("=")[0] for part in names.split("&")
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (endpoints.tags("a", last="v1+x&n=3"), "/v2/a/tags/list?last=v1%2Bx%26n%3D3"),
        (endpoints.catalog(count=5), "/v2/_catalog?n=5"),
        (
            endpoints.referrers("a", DIGEST, artifact_type="a/b+json"),
            f"/v2/a/referrers/{DIGEST}?artifactType=a%2Fb%2Bjson",
        ),
        (endpoints.referrers("a", DIGEST, artifact_type=""), f"/v2/a/referrers/{DIGEST}"),
        (endpoints.mount("a", DIGEST, "c/d"), f"/v2/a/blobs/uploads/?mount=sha256%3A{'a' * 64}&from=c%2Fd"),
    ],
)
def test_escaping(url: str, expected: str) -> None:
    """Values of parameters are escaped, `+` above all (RFR-08); an empty filter is left out."""
    assert url == expected


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("https://h/u/1", "https://h/u/1?digest=sha256%3Aab"),
        ("https://h/u/1?_state=a%2Bb%3D%3D&x=", "https://h/u/1?_state=a%2Bb%3D%3D&x=&digest=sha256%3Aab"),
        ("https://h/u/1?", "https://h/u/1?digest=sha256%3Aab"),
        ("https://h/u/1?a&", "https://h/u/1?a&digest=sha256%3Aab"),
        ("https://h/u/1#f", "https://h/u/1?digest=sha256%3Aab"),
    ],
)
def test_finish_upload(location: str, url: str) -> None:
    """`digest=` is appended as text; what the registry sent stays byte for byte (PUSH-04, PY-11)."""
    assert endpoints.finish_upload(location, "sha256:ab") == url


def test_scopes() -> None:
    """Each kind of work has its scope (AUTH-21)."""
    assert endpoints.pull_scope("a/b") == "repository:a/b:pull"
    assert endpoints.push_scope("a/b") == "repository:a/b:pull,push"
    assert endpoints.delete_scope("a/b") == "repository:a/b:delete,pull"
