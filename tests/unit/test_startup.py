"""Starting costs little: what a run does not need is not loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.registry import MANIFEST, Registry

HEAVY = ("requests", "urllib3", "rich", "jsonschema", "filelock", "ssl", "http.client", "tarfile")
COMMANDS = [
    *("push", "pull", "attach", "discover", "resolve", "tag", "manifest fetch", "blob fetch"),
    *("cp", "backup", "restore"),
    *("login", "logout", "cache info", "cache prune", "version"),
]


def _loaded(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the names of all modules it has loaded."""
    script = f"{code}\nimport sys, json\nsys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    return set(json.loads(done.stderr))


def _run(*arguments: str) -> str:
    return (
        "from ocictl.cli.main import cli\n"
        f"try: cli.main({list(arguments)!r}, prog_name='ocictl')\n"
        "except SystemExit as end: assert not end.code, end.code"
    )


def test_importing_the_package_loads_next_to_nothing() -> None:
    """`import ocictl` brings the version and a table of names."""
    before = _loaded("")
    assert {name for name in _loaded("import ocictl") - before if name.startswith("ocictl")} == {
        "ocictl",
        "ocictl._version",
    }
    assert not _loaded("import ocictl") & {*HEAVY, "click"}


@pytest.mark.parametrize("command", ["", *COMMANDS, "manifest", "blob", "cache"])
def test_help_loads_nothing_heavy(command: str) -> None:
    """Help needs click and the command's own module."""
    assert not _loaded(_run(*command.split(), "--help")) & set(HEAVY)


def test_version_loads_nothing_heavy() -> None:
    """`version` stays near the cost of importing click: no store, no verb, no transport."""
    loaded = _loaded(_run("version"))
    assert not loaded & set(HEAVY)
    parts = {name.split(".")[1] for name in loaded if name.startswith("ocictl.")}
    assert not parts & {"ops", "stores", "transport", "content", "sources"}


def test_templates_are_loaded_for_templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The language is there for whoever uses it; nobody else pays for it."""
    template = "ocictl.output.gotemplate"
    assert not {name for name in _loaded(_run("version", "--format", "json")) if name.startswith(template)}
    folder = tmp_path_factory.mktemp("layout")
    push = ("push", "--oci-layout", f"{folder}/lay:v1", "-a", "k=v")
    assert not {name for name in _loaded(_run(*push)) if name.startswith(template)}
    loaded = _loaded(_run("version", "--format", "go-template={{.version}}"))
    assert template in loaded
    assert not loaded & {*HEAVY, "zoneinfo"}


def test_a_layout_needs_no_http(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Commands on a layout load neither requests nor urllib3, and no rich without a terminal."""
    folder = tmp_path_factory.mktemp("layout")
    push = _run("push", "--oci-layout", f"{folder}/lay:v1", "-a", "k=v")
    assert not _loaded(push) & {"requests", "urllib3", "rich", "jsonschema"}


def test_a_registry_on_this_machine_needs_no_library_for_http(registry: Registry) -> None:
    """Requests that are sent directly need a socket; TLS, proxies and chunks are loaded where there are some."""
    found = registry.put_manifest("a/b", {"schemaVersion": 2, "mediaType": MANIFEST}, tag="v1")
    loaded = _loaded(_run("resolve", f"{registry.host}/a/b:v1"))
    assert found
    assert not loaded & {"requests", "urllib3", "http.client", "email.parser", "ssl", "urllib.request"}


def test_a_registry_needs_no_rich() -> None:
    """The modules of the registry client load neither rich nor jsonschema."""
    assert not _loaded("import ocictl.stores.repository, ocictl.ops.push, ocictl.ops.pull") & {
        "rich",
        "jsonschema",
    }
