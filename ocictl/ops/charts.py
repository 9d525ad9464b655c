"""Helm charts: their blobs have no titles, but everybody knows what they are called."""

from __future__ import annotations

import re
from typing import Final

from ocictl.lazy_pattern import pattern
from ocictl.model.annotations import TITLE
from ocictl.model.descriptor import Descriptor
from ocictl.model.manifest import Document, Manifest

CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
_SUFFIXES: Final = {
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip": ".tgz",
    "application/tar+gzip": ".tgz",
    "application/vnd.cncf.helm.chart.provenance.v1.prov": ".tgz.prov",
}
"""Second: charts that Helm 3.6 and older pushed."""
_VERSION: Final = "org.opencontainers.image.version"
_NAME: Final = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_NUMBER: Final = pattern(r"v?[0-9][A-Za-z0-9.+-]*", re.ASCII)


def is_chart(document: Document) -> bool:
    """Tell whether this is a Helm chart."""
    return isinstance(document, Manifest) and document.config.media_type == CONFIG


def chart_title(document: Document, blob: Descriptor) -> str | None:
    """The name under which `helm pull` keeps a blob of a chart: `NAME-VERSION.tgz`, its signature with `.prov`.

    Args:
        document: a manifest whose annotations tell name and version, as Helm writes them.
        blob: one of its layers.

    Returns:
        None for what is no chart, and where name or version are missing or can't be part of a file name.
    """
    suffix = _SUFFIXES.get(blob.media_type)
    if suffix is None or not is_chart(document):
        return None
    name, version = document.annotations.get(TITLE, ""), document.annotations.get(_VERSION, "")
    if not _NAME.fullmatch(name) or not _NUMBER.fullmatch(version):
        return None
    return f"{name}-{version}{suffix}"
