"""Image configs (MAN-04); the shared documents are in test_vectors.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocictl.errors import ContentError
from ocictl.model.image_config import ImageConfig
from ocictl.model.platform import Platform
from tests.support.shared import spec_path

BASE = {"architecture": "arm", "os": "linux"}


def parse(**members: Any) -> ImageConfig:
    return ImageConfig.parse(json.dumps({**BASE, **members}).encode())


def test_platform_is_read() -> None:
    """All that a platform can ask for is found."""
    config = parse(**{"variant": "v7", "os.version": "1.2", "os.features": ["x"]})
    assert config.platform == Platform(
        os="linux", architecture="arm", variant="v7", os_version="1.2", os_features=("x",)
    )


def test_a_config_of_a_platform_alone_is_read() -> None:
    """ORAS types an artifact by a config that has nothing but a platform, not even a rootfs."""
    raw = b'{"architecture":"arm","os":"linux"}'
    config = ImageConfig.parse(raw)
    assert config.platform == Platform(os="linux", architecture="arm")
    assert config.raw == raw


def test_docker_configs_are_read_as_docker_writes_them() -> None:
    """JSON-04: real configs have nulls for nothing and members of their own."""
    raw = spec_path("vectors", "config", "13-fedora-23-exact-bytes.json").read_bytes()
    assert ImageConfig.parse(raw).platform == Platform(os="linux", architecture="amd64")


def test_null_is_absent_everywhere() -> None:
    """A null member counts as absent, below the top as well."""
    config = parse(
        variant=None,
        config={"Env": None, "Volumes": None},
        rootfs=None,
        history=[{"comment": None}],
        created=None,
    )
    assert config.platform.variant is None


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"os": None}, "$.os"),
        ({"architecture": 1}, "$.architecture"),
        ({"variant": 1}, "$.variant"),
        ({"os.features": "x"}, "$.os.features"),
        ({"os.version": 10}, "$.os.version"),
        ({"author": []}, "$.author"),
        ({"created": "yesterday"}, "$.created"),
        ({"config": []}, "$.config"),
        ({"config": {"User": 1}}, "$.config.User"),
        ({"config": {"WorkingDir": 1}}, "$.config.WorkingDir"),
        ({"config": {"Env": ["A=1", "B"]}}, "$.config.Env[1]"),
        ({"config": {"Env": [None]}}, "$.config.Env[0]"),
        ({"config": {"Cmd": "x"}}, "$.config.Cmd"),
        ({"config": {"Entrypoint": [1]}}, "$.config.Entrypoint[0]"),
        ({"config": {"Volumes": ["/x"]}}, "$.config.Volumes"),
        ({"config": {"ExposedPorts": {"80/tcp": 1}}}, "$.config.ExposedPorts['80/tcp']"),
        ({"config": {"Labels": {"a": 1}}}, "$.config.Labels['a']"),
        ({"config": {"ArgsEscaped": "yes"}}, "$.config.ArgsEscaped"),
        ({"rootfs": {"type": "other", "diff_ids": []}}, "$.rootfs.type"),
        ({"rootfs": {"type": "layers"}}, "$.rootfs.diff_ids"),
        ({"rootfs": {"type": "layers", "diff_ids": ["sha256:0"]}}, "$.rootfs.diff_ids[0]"),
        ({"history": {}}, "$.history"),
        ({"history": ["x"]}, "$.history[0]"),
        ({"history": [{}, {"created": "x"}]}, "$.history[1].created"),
        ({"history": [{"empty_layer": 1}]}, "$.history[0].empty_layer"),
    ],
)
def test_broken_rules_name_the_place(members: dict[str, Any], place: str) -> None:
    """A wrong member is refused with its place."""
    with pytest.raises(ContentError) as caught:
        parse(**members)
    assert caught.value.details["place"] == place


@pytest.mark.parametrize(
    "raw", [b"[]", b"null", b"", b"{}", b'{"os":"linux"}', b'{"os":"a","os":"b","architecture":"c"}']
)
def test_what_is_no_config_is_refused(raw: bytes) -> None:
    """Anything but an object with both required members."""
    with pytest.raises(ContentError):
        ImageConfig.parse(raw)
