"""The tree of referrers, drawn as oras draws it (ORAS.md 8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ocictl.lazy_dataclass import dataclass, field
from ocictl.model.text import escape
from ocictl.output.console import Console
from ocictl.output.records import ReferrersRecord
from ocictl.output.yaml import scalar

_STYLES: Final = {"root": "bold", "type": "cyan", "digest": "green", "heading": "dim", "annotation": "dim"}
UNKNOWN: Final = "<unknown>"
"""Stands where a referrer has no artifact type."""


@dataclass(slots=True)
class _Node:
    text: str
    role: str
    children: list[_Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line: the branches before it, its text (both safe to print), and what the text is."""

    branches: str
    text: str
    role: str

    def __str__(self) -> str:
        return self.branches + self.text


def tree_lines(record: ReferrersRecord, *, annotations: bool = True) -> Iterator[TreeLine]:
    """Draw a document and its referrers: by artifact type, then digest, then annotations and referrers."""
    root = _Node(escape(record.reference), "root", _by_type(record.referrers, annotations=annotations))
    yield TreeLine("", root.text, root.role)
    yield from _draw(root.children, "")


def show_tree(record: ReferrersRecord, console: Console, *, colour: bool, annotations: bool = True) -> None:
    """Report the tree; on a terminal with colours, unless NO_COLOR is set. Colour never carries meaning alone."""
    stream = console.stdout
    if not colour or not console.stdout_is_terminal or stream is None:
        console.block("".join(f"{line}\n" for line in tree_lines(record, annotations=annotations)))
        return
    from rich.console import Console as RichConsole
    from rich.text import Text

    drawn = RichConsole(file=stream, highlight=False, markup=False, emoji=False)
    for line in tree_lines(record, annotations=annotations):
        text = Text.assemble((line.branches, "dim"), (line.text, _STYLES[line.role]))
        drawn.print(text, soft_wrap=True)


def _by_type(referrers: tuple[ReferrersRecord, ...], *, annotations: bool) -> list[_Node]:
    types: dict[str, _Node] = {}
    for referrer in referrers:
        name = escape(referrer.artifact_type or UNKNOWN)
        node = types.setdefault(name, _Node(name, "type"))
        below = _by_type(referrer.referrers, annotations=annotations)
        if annotations:
            below = _annotations(referrer.annotations) + below
        node.children.append(_Node(referrer.digest, "digest", below))
    return list(types.values())


def _annotations(annotations: Mapping[str, str]) -> list[_Node]:
    if not annotations:
        return []
    leaves = [
        _Node(f"{scalar(key)}: {scalar(annotations[key])}", "annotation") for key in sorted(annotations)
    ]
    return [_Node("[annotations]", "heading", leaves)]


def _draw(nodes: list[_Node], before: str) -> Iterator[TreeLine]:
    for node in nodes:
        last = node is nodes[-1]
        yield TreeLine(before + ("└── " if last else "├── "), node.text, node.role)
        yield from _draw(node.children, before + ("    " if last else "│   "))
