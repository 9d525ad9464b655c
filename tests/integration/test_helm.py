"""Charts: what helm pushed we pull, and the reverse, as docs/helm.md shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.peers import Peer
from tests.support.program import Ocictl
from tests.support.servers import RealRegistry

pytestmark = pytest.mark.interop

PAGE = Path(__file__).resolve().parents[2] / "docs" / "helm.md"


@pytest.fixture
def package(helm: Peer, tmp_path: Path) -> Path:
    """A packed chart."""
    helm.run("create", "hello", cwd=tmp_path)
    helm.run("package", "hello", cwd=tmp_path)
    return tmp_path / "hello-0.1.0.tgz"


def test_helm_pushes_and_we_pull(
    docker_registry: RealRegistry, helm: Peer, run_ocictl: Ocictl, package: Path, tmp_path: Path
) -> None:
    """The chart is written under the name that helm would give it."""
    path = docker_registry.fresh("charts")
    helm.run("push", package, f"oci://{path}", "--plain-http", cwd=tmp_path)
    pulled = run_ocictl("pull", f"{path}/hello:0.1.0", "-o", tmp_path / "out", "--format", "json", code=0)
    assert [Path(file["path"]).name for file in pulled.json["files"]] == [package.name]
    assert (tmp_path / "out" / package.name).read_bytes() == package.read_bytes()


def test_we_push_and_helm_pulls(
    docker_registry: RealRegistry, helm: Peer, run_ocictl: Ocictl, package: Path, tmp_path: Path
) -> None:
    """The commands of the page make what helm takes for a chart."""
    path = docker_registry.fresh("charts")
    block = re.search(r"<!-- push -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block is not None
    lines = block[1].replace("\\\n", " ").replace("localhost:5000/charts", path).splitlines()
    metadata = json.loads(re.search(r"'({.*})'", lines[0])[1])  # type: ignore[index]
    (tmp_path / "chart.json").write_text(json.dumps(metadata))
    words = shlex.split(lines[1])
    assert words[0] == "ocictl"
    run_ocictl(*words[1:], cwd=tmp_path, code=0)
    (tmp_path / "out").mkdir()
    helm.run("pull", f"oci://{path}/hello", "--version", "0.1.0", "--plain-http", "-d", "out", cwd=tmp_path)
    assert (tmp_path / "out" / package.name).read_bytes() == package.read_bytes()
    shown = helm.run("show", "chart", f"oci://{path}/hello", "--version", "0.1.0", "--plain-http")
    assert "name: hello" in shown.stdout
