"""The repository store against registry programs as they are: the same results whatever they can do."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ocictl.content import read_all, read_document
from ocictl.model import media_types
from ocictl.model.descriptor import EMPTY_DESCRIPTOR, Descriptor
from ocictl.model.manifest import build_manifest
from ocictl.model.reference import Reference
from ocictl.sources import BytesContent, FileContent
from ocictl.stores.referrers import entry_for, fallback_tag
from ocictl.stores.repository import Repository
from ocictl.stores.upload_records import UploadRecords
from ocictl.transport import endpoints, url_policy
from ocictl.transport.config import Limits, TransportConfig
from ocictl.transport.session import RegistryClient
from tests.support.program import Ocictl, ocictl_command
from tests.support.servers import RealRegistry
from tests.unit.stores.helpers_repository import SBOM, SIGNATURE, config_of, make_referrer, push

MODEL = "application/vnd.example.model.v1"


@pytest.fixture
def repository(real_registry: RealRegistry) -> Repository:
    """A fresh repository that has the empty blob."""
    opened = Repository(Reference.parse(real_registry.fresh()))
    opened.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
    return opened


def push_subject(repository: Repository) -> Descriptor:
    subject = build_manifest(config=EMPTY_DESCRIPTOR, layers=[EMPTY_DESCRIPTOR], artifact_type="a/b")
    push(repository, subject, tag="v1")
    return repository.resolve("v1")


def test_blobs_documents_and_tags(repository: Repository, tmp_path: Path) -> None:
    """PUSH-03, MPUT-01, PULL-06, PULL-07, TAG-01: what is pushed is found, read, and listed."""
    data = bytes(range(256)) * 5000
    path = tmp_path / "file"
    path.write_bytes(data)
    layer = Descriptor.of(data, media_types.OCTET_STREAM)
    assert not repository.exists(layer)
    repository.push(layer, FileContent(path))
    assert repository.exists(layer)
    assert repository.resolve_blob(layer.digest) == layer
    manifest = build_manifest(config=EMPTY_DESCRIPTOR, layers=[layer], artifact_type="a/b")
    push(repository, manifest, tag="v1")
    found = repository.resolve("v1")
    assert found == manifest.descriptor().plain()
    assert read_document(repository, found) == manifest
    assert read_all(repository, layer) == data
    with repository.fetch(layer, start=len(data) - 7) as stream:
        assert stream.read(100) == data[-7:]
    repository.tag(found, "v2")
    assert list(repository.tags()) == ["v1", "v2"]
    assert repository.resolve("v2") == found


def test_referrers_are_listed_with_their_real_types(
    repository: Repository, real_registry: RealRegistry
) -> None:
    """RFR-05, RFR-08, RFT-02, RFT-05: listing and filter give the same on every kind of registry."""
    subject = push_subject(repository)
    referrers = {
        "sbom": make_referrer(subject, "sbom"),
        "signature": make_referrer(subject, "signature", artifact_type=SIGNATURE),
        "config": make_referrer(subject, "config", artifact_type=None, config=config_of(SBOM)),
        "model": make_referrer(subject, "model", artifact_type=MODEL, config=config_of(SIGNATURE)),
    }
    assert list(repository.referrers(subject)) == []
    for referrer in referrers.values():
        receipt = push(repository, referrer)
        assert receipt.listing == ("registry" if real_registry.sends_subject else "added")
        assert push(repository, referrer).listing in ("registry", "present")

    def listed(artifact_type: str | None = None) -> dict[str, Descriptor]:
        fresh = Repository(Reference.parse(repository.path))
        entries = fresh.referrers(subject, artifact_type=artifact_type)
        return {entry.annotations["name"]: entry for entry in entries}

    entries = {name: entry_for(referrer) for name, referrer in referrers.items()}
    assert listed() == entries
    assert listed(SBOM) == {name: entries[name] for name in ("sbom", "config")}
    assert listed(SIGNATURE) == {"signature": entries["signature"]}
    assert listed(MODEL) == {"model": entries["model"]}
    assert listed("application/vnd.example.absent+json") == {}


@pytest.mark.real
@pytest.mark.slow
def test_processes_that_attach_at_the_same_time(docker_registry: RealRegistry, run_ocictl: Ocictl) -> None:
    """RFT-08: eight processes attach to one subject under the referrers tag, and all of them end up listed."""
    repository = Repository(Reference.parse(docker_registry.fresh()))
    repository.push(EMPTY_DESCRIPTOR, BytesContent(b"{}"))
    subject = push_subject(repository)
    names = [f"r{number}" for number in range(8)]
    command = [*ocictl_command(), "attach", f"{repository.path}:v1", "--artifact-type", SBOM, "-a"]
    running = [
        subprocess.Popen([*command, f"name={name}"], env=run_ocictl.environment(), stdout=subprocess.DEVNULL)
        for name in names
    ]
    assert [process.wait(120) for process in running] == [0] * len(names)
    listed = {entry.annotations["name"] for entry in repository.referrers(subject)}
    assert listed == set(names)
    assert fallback_tag(subject.digest) in list(repository.tags())


def test_chunks(real_registry: RealRegistry) -> None:
    """PUSH-09 to PUSH-13: a blob in chunks is stored by registries as they are."""
    data = bytes(range(256)) * 5000
    layer = Descriptor.of(data, media_types.OCTET_STREAM)
    config = TransportConfig(chunk_size=200_000)
    opened = Repository(Reference.parse(real_registry.fresh()), config)
    opened.push(layer, BytesContent(data))
    assert read_all(opened, layer) == data


def test_a_cut_between_two_chunks(real_registry: RealRegistry, tmp_path: Path) -> None:
    """PUSH-12: a session that was left after a whole chunk is gone on with by a later run."""
    data = bytes(range(256)) * 5000
    layer = Descriptor.of(data, media_types.OCTET_STREAM)
    config = TransportConfig(
        chunk_size=200_000, upload_records=tmp_path, limits=Limits(resume_bytes=len(data))
    )
    place = Reference.parse(real_registry.fresh())
    client = RegistryClient(place, config)
    scopes = (endpoints.push_scope(place.repository),)
    begun = client.request("POST", endpoints.uploads(place.repository), expected={202}, scopes=scopes)
    location = url_policy.upload_location(begun.headers.get("Location"), begun.url, client.base_url)
    taken = client.request(
        "PATCH",
        location,
        expected={202},
        scopes=scopes,
        headers={"Content-Type": "application/octet-stream", "Content-Range": "0-199999"},
        content=BytesContent(data[:200_000]),
    )
    location = url_policy.upload_location(taken.headers.get("Location"), taken.url, client.base_url)
    with UploadRecords(tmp_path).claim(client.base_url, place.repository, layer.digest) as record:
        record.save(location)
    client.close()
    log: list[str] = []
    opened = Repository(place, replace(config, debug=log.append))
    opened.push(layer, BytesContent(data))
    assert read_all(opened, layer) == data
    asked = [line for line in log if "> GET" in line and "/uploads/" in line]
    assert asked
    resumed = not any("> POST" in line for line in log)
    assert resumed or real_registry.name != "docker"
