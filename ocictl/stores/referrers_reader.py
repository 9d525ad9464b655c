"""Listing the referrers of a subject: by API or by tag, with the artifact types they really have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal, TypeAlias

from ocictl.content import read_document
from ocictl.errors import ContentError, NotFoundError, UnsupportedError
from ocictl.model import media_types
from ocictl.model.descriptor import Descriptor
from ocictl.model.digest import Digest
from ocictl.model.manifest import Document, Index
from ocictl.stores import referrers
from ocictl.stores.referrers_api import ReferrersApi
from ocictl.stores.referrers_tag import ReferrersTag
from ocictl.target import ReadOnlyTarget

ReferrersMode: TypeAlias = Literal["auto", "api", "tag"]

SAMPLES: Final = 32
"""Manifests of one page that are read at most to learn whether a registry lists the right artifact types."""
