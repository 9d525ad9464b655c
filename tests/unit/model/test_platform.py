"""Platforms: writing them down and matching them (IDX-05, IDX-08)."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ocictl.errors import InvalidInputError
from ocictl.model import platform as platform_module
from ocictl.model.platform import Platform, machine_architecture


def platform(**more: Any) -> Platform:
    return Platform(**{"os": "linux", "architecture": "arm", **more})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("linux/amd64", Platform(os="linux", architecture="amd64")),
        ("linux/arm/v7", Platform(os="linux", architecture="arm", variant="v7")),
        ("windows/amd64:10.0.1", Platform(os="windows", architecture="amd64", os_version="10.0.1")),
        ("linux/arm/v7:5", Platform(os="linux", architecture="arm", variant="v7", os_version="5")),
    ],
)
def test_parse(text: str, wanted: Platform) -> None:
    """`os[/arch[/variant]][:os_version]`, and back."""
    assert Platform.parse(text) == wanted
    assert str(wanted) == text


def test_missing_architecture_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As oras has it: `linux` alone means linux on what this runs on."""
    monkeypatch.setattr(platform_module, "machine_architecture", lambda: "riscv64")
    assert Platform.parse("linux").architecture == "riscv64"
    assert Platform.parse("linux:5").os_version == "5"


@pytest.mark.parametrize("text", ["", "/", "linux/", "linux//v7", "/amd64", "a/b/c/d", "linux/amd64:", ":1"])
def test_parse_refuses(text: str) -> None:
    """Empty or surplus parts are an error with a right example."""
    with pytest.raises(InvalidInputError) as caught:
        Platform.parse(text)
    assert caught.value.code == "platform-invalid"
    assert "linux/amd64" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("have", "want", "fits"),
    [
        (platform(), platform(), True),
        (platform(variant="v7"), platform(), True),
        (platform(), platform(variant="v7"), False),
        (platform(variant="v6"), platform(variant="v7"), False),
        (platform(os_version="1"), platform(), True),
        (platform(os_version="1"), platform(os_version="2"), False),
        (platform(os_features=("a", "b")), platform(os_features=("b",)), True),
        (platform(os_features=("a",)), platform(os_features=("a", "b")), False),
        (platform(os="windows"), platform(), False),
        (platform(architecture="arm64"), platform(), False),
    ],
)
def test_satisfies(have: Platform, want: Platform, fits: bool) -> None:
    """System and processor always count; variant, version and features only if asked for."""
    assert have.satisfies(want) is fits


def test_unknown_members_survive() -> None:
    """JSON-04."""
    value = {
        "architecture": "arm",
        "os": "linux",
        "os.version": "1",
        "os.features": ["x"],
        "variant": "v7",
        "future": {"a": 1},
    }
    assert Platform.from_json(value, "$").to_json() == value
    assert Platform.from_json({"architecture": "", "os": ""}, "$").to_json() == {"architecture": "", "os": ""}


@pytest.mark.parametrize("member", ["variant", "os.version"])
def test_empty_members_survive(member: str) -> None:
    """What is there is written back, an empty string too (found by fuzzing)."""
    document = {"architecture": "arm", "os": "linux", member: ""}
    read = Platform.from_json(document, "$")
    assert read.to_json() == document
    assert Platform.from_json(read.to_json(), "$") == read


@pytest.mark.skipif(not hasattr(os, "uname"), reason="os.uname is missing here")
def test_machine_names_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names are Go's; an unknown machine keeps its own."""
    for machine, name in [("x86_64", "amd64"), ("AARCH64", "arm64"), ("s390x", "s390x"), ("", "unknown")]:
        monkeypatch.setattr(os, "uname", lambda machine=machine: os.uname_result(["", "", "", "", machine]))
        assert machine_architecture() == name
