"""Templates of Go for output: the language of `--format go-template`, as docs/templates.md describes it.

`Template.parse(text).render(data)` is all that the rest of the program needs. A template comes from the user and
is applied to data from anywhere: it only ever meets the plain values of `values`, it calls only what is in
`functions`, and every evaluation ends within `Limits`.
"""

from __future__ import annotations

from ocictl.output.gotemplate.template import Template
from ocictl.output.gotemplate.values import Limits

__all__ = ["Limits", "Template"]
