"""Helm charts are pulled under the names that Helm gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Manifest, build_index
from ocictl.ops.charts import CONFIG, chart_title, is_chart
from ocictl.ops.pull import pull
from ocictl.sources import BytesContent
from ocictl.stores.memory import MemoryStore
from tests.support.layouts import manifest

CHART = Descriptor.of(b"chart", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
PROVENANCE = Descriptor.of(b"signed", "application/vnd.cncf.helm.chart.provenance.v1.prov")
METADATA = Descriptor.of(b'{"name":"hello"}', CONFIG)


def chart(name: str = "hello", version: str = "0.1.0", config: Descriptor = METADATA) -> Manifest:
    """A chart as Helm pushes it, with its signature."""
    annotations = {"org.opencontainers.image.title": name, "org.opencontainers.image.version": version}
    annotations = {key: value for key, value in annotations.items() if value}
    return manifest(config=config, layers=[CHART, PROVENANCE], artifact_type=None, annotations=annotations)


@pytest.mark.parametrize("version", ["0.1.0", "v1.2.3-rc.1+build.5"])
def test_names(version: str) -> None:
    """`helm pull` would write the same."""
    assert chart_title(chart(version=version), CHART) == f"hello-{version}.tgz"
    assert chart_title(chart(version=version), PROVENANCE) == f"hello-{version}.tgz.prov"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("", "1.0"),
        ("hello", ""),
        ("../x", "1.0"),
        ("a/b", "1.0"),
        (".x", "1.0"),
        ("x", "../1"),
        ("x", "latest"),
    ],
)
def test_names_that_can_t_be_used(name: str, version: str) -> None:
    """A name from a stranger makes no path; the blob stays without one."""
    assert chart_title(chart(name, version), CHART) is None


def test_other_artifacts() -> None:
    """Only charts have these names, and only blobs of charts."""
    other = chart(config=Descriptor.of(b"{}", "a/b"))
    assert not is_chart(other)
    assert not is_chart(build_index())
    assert chart_title(other, CHART) is None
    assert chart_title(chart(), Descriptor.of(b"x", "a/b")) is None


def test_a_pull(tmp_path: Path) -> None:
    """Both files are written as they are; the metadata is no file, and not missed."""
    store = MemoryStore()
    for descriptor, data in ((CHART, b"chart"), (PROVENANCE, b"signed"), (METADATA, b'{"name":"hello"}')):
        store.push(descriptor, BytesContent(data))
    document = chart()
    store.push(document.descriptor().plain(), BytesContent(document.raw), tag="0.1.0")
    result = pull(store, "0.1.0", tmp_path / "out")
    assert [file.path.name for file in result.files] == ["hello-0.1.0.tgz", "hello-0.1.0.tgz.prov"]
    assert (tmp_path / "out" / "hello-0.1.0.tgz").read_bytes() == b"chart"
    assert result.untitled == ()
