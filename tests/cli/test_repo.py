"""repo ls, repo tags, and tags in general."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from ocictl.cli.main import cli
from tests.support.cli import Outcome, ocictl
from tests.support.registry import DISTRIBUTION_2_8, Fault, Quirks, Registry

HEX = "0123456789abcdef" * 4

__all__ = ["Terminal", "on_terminal"]


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, typed: str, *arguments: str | Path) -> Outcome:
    """Run a command line with somebody at the keyboard; it must succeed."""
    output, errors = io.BytesIO(), io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", Terminal(io.BytesIO(typed.encode()), encoding="utf-8"))
        patch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="utf-8"))
        patch.setattr(sys, "stderr", io.TextIOWrapper(errors, encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            cli.main([str(argument) for argument in arguments], prog_name="ocictl")
        sys.stdout.flush()
        sys.stderr.flush()
    assert not ended.value.code, errors.getvalue().decode()
    return Outcome(code=0, data=output.getvalue(), stderr=errors.getvalue().decode())


def put(registry: Registry, name: str, *tags: str) -> str:
    """An artifact under these tags; its digest."""
    digest = str(registry.put_artifact(name, {"a.txt": b"x"}, tag=tags[0])["digest"])
    for tag in tags[1:]:
        registry.repository(name).tags[tag] = digest
    return digest


class TestLs:
    @pytest.fixture
    def host(self, registry: Registry) -> str:
        for name in ("b", "team/a", "team/b/c", "teams"):
            registry.put_blob(name, b"")
        return registry.host

    @pytest.mark.parametrize("group", ["repo", "repository"])
    @pytest.mark.parametrize("command", ["ls", "list"])
    def test_all(self, host: str, group: str, command: str) -> None:
        """One line each, under all names of the command."""
        assert ocictl(group, command, host).lines == ["b", "team/a", "team/b/c", "teams"]

    @pytest.mark.parametrize("name", ["team", "team/"])
    def test_a_namespace(self, host: str, name: str) -> None:
        """Without it as text, with it as JSON."""
        assert ocictl("repo", "ls", f"{host}/{name}").lines == ["a", "b/c"]
        found = ocictl("repo", "ls", f"{host}/{name}", "--format", "json").json
        assert found == {"registry": host, "repositories": ["team/a", "team/b/c"]}
        assert ocictl("repo", "ls", f"{host}/nobody").lines == []

    def test_after_one(self, host: str) -> None:
        """By its full name."""
        assert ocictl("repo", "ls", host, "--last", "team/a").lines == ["team/b/c", "teams"]
        assert ocictl("repo", "ls", f"{host}/team", "--last", "team/a").lines == ["b/c"]
        assert ocictl("repo", "ls", host, "--last", "").lines[0] == "b"

    @pytest.mark.parametrize("name", ["", "team:v1", f"team@sha256:{HEX}", "Team"])
    def test_other_names(self, host: str, name: str) -> None:
        """Tags and digests have no place here; registries need a name."""
        ocictl("repo", "ls", f"{host}/{name}" if name else "not a host", code=2)

    def test_a_registry_that_refuses(self, registry: Registry) -> None:
        """CAT-03: never an empty list."""
        registry.configure(faults=(Fault(path="_catalog", status=405, times=None),))
        ocictl("repo", "ls", registry.host, code=7)


class TestTags:
    @pytest.mark.parametrize("quirks", [Quirks(), DISTRIBUTION_2_8, Quirks(tags_page_size=2)], indirect=True)
    def test_all(self, registry: Registry) -> None:
        """Sorted, whatever the registry does."""
        put(registry, "a/b", "v2", "v1", "latest")
        assert ocictl("repo", "tags", f"{registry.host}/a/b").lines == ["latest", "v1", "v2"]
        assert ocictl("repo", "show-tags", f"{registry.host}/a/b", "--last", "latest").lines == ["v1", "v2"]
        found = ocictl("repo", "tags", f"{registry.host}/a/b", "--format", "json").json
        assert found == {"tags": ["latest", "v1", "v2"]}

    def test_a_missing_repository(self, registry: Registry) -> None:
        """Is not one without tags."""
        ocictl("repo", "tags", f"{registry.host}/a/b", code=3)

    def test_digest_tags(self, registry: Registry) -> None:
        """TAG-08: can be left out."""
        put(registry, "a/b", "v1", f"sha256-{HEX}", f"sha256-{HEX}.sig")
        tags = ["repo", "tags", f"{registry.host}/a/b"]
        assert len(ocictl(*tags).lines) == 3
        assert ocictl(*tags, "--exclude-digest-tags").lines == [f"sha256-{HEX}.sig", "v1"]

    def test_tags_of_the_same(self, registry: Registry) -> None:
        """By tag or digest; those of other artifacts are left out."""
        digest = put(registry, "a/b", "v1", "latest", "stable")
        registry.put_artifact("a/b", {"b.txt": b"other"}, tag="v2")
        for name in (":v1", f"@{digest}"):
            found = ocictl("repo", "tags", f"{registry.host}/a/b{name}")
            assert found.lines == ["latest", "stable", "v1"]
        assert ocictl("repo", "tags", f"{registry.host}/a/b:v1", "--last", "latest").lines == ["stable", "v1"]
        assert ocictl("repo", "tags", f"{registry.host}/a/b:v2").lines == ["v2"]
        assert ocictl("repo", "tags", f"{registry.host}/a/b@sha256:{HEX}").lines == []
        ocictl("repo", "tags", f"{registry.host}/a/b:none", code=3)

    def test_a_layout(self, work: Path) -> None:
        """Directory, archive, and tags that are whole references."""
        ocictl("push", "--oci-layout", "lay:v1,v2", "hello.txt", "-q")
        ocictl("push", "--oci-layout-path", "lay", "r.example/a/b:v3", "d", "-q")
        assert ocictl("repo", "tags", "--oci-layout", "lay").lines == ["r.example/a/b:v3", "v1", "v2"]
        assert ocictl("repo", "tags", "--oci-layout", "lay:v1").lines == ["v1", "v2"]
        assert ocictl("repo", "tags", "--oci-layout-path", "lay", "v2").lines == ["v1", "v2"]
        assert ocictl("repo", "tags", "--oci-layout-path", "lay", "r.example/a/b").lines == ["v3"]
        assert ocictl("repo", "tags", "--oci-layout-path", "lay", "r.example/a/b:v3").lines == [
            "r.example/a/b:v3"
        ]
        ocictl("repo", "tags", "--oci-layout", "none", code=3)


class TestTag:
    def test_there_is_no_list(self) -> None:
        """The command that lists tags is named."""
        for name in ("list", "ls"):
            outcome = ocictl("tag", name, code=2)
            assert "ocictl repo tags" in outcome.stderr
            assert ocictl("tag", name, "r.example/a/b", code=2).stderr == outcome.stderr

    def test_a_new_tag_is_needed(self) -> None:
        """The message names what is missing."""
        assert "no new tag is given" in ocictl("tag", "r.example/a/b:v1", code=2).stderr

    @pytest.mark.parametrize("concurrency", ["1", "3"])
    def test_many_tags(self, registry: Registry, concurrency: str) -> None:
        """Written side by side, and told one by one; the manifest is read once."""
        digest = put(registry, "a/b", "v1")
        names = [f"t{number}" for number in range(8)]
        found = ocictl("tag", f"{registry.host}/a/b:v1", *names, "--concurrency", concurrency)
        assert found.lines[0] == f"Tagging [registry] {registry.host}/a/b@{digest}"
        assert sorted(found.lines[1:]) == [f"Tagged {name}" for name in names]
        assert {registry.repository("a/b").tags[name] for name in names} == {digest}
        assert len(registry.matching("GET", "manifests")) == 1

    def test_equal_tags_are_written_once(self, work: Path) -> None:
        """One line each."""
        ocictl("push", "--oci-layout", "lay:v1", "hello.txt", "-q")
        assert ocictl("tag", "--oci-layout", "lay:v1", "a", "a").lines[1:] == ["Tagged a"]


def test_help_of_the_groups() -> None:
    """Each group shows its commands."""
    shown: dict[str, Any] = {
        name: ocictl(*name.split()).stdout for name in ("repo", "blob", "manifest index")
    }
    assert all(word in shown["repo"] for word in ("ls", "tags"))
    assert all(word in shown["blob"] for word in ("fetch", "push", "delete"))
    assert all(word in shown["manifest index"] for word in ("create", "update"))
