"""The tree of referrers has the characters and the order of oras."""

from __future__ import annotations

import io

import pytest

from ocictl.output.console import Console
from ocictl.output.records import ReferrersRecord
from ocictl.output.tree import show_tree, tree_lines


def _node(digit: str, *referrers: ReferrersRecord, **members: object) -> ReferrersRecord:
    digest = f"sha256:{digit * 64}"
    return ReferrersRecord(
        reference=f"r/x@{digest}",
        media_type="application/vnd.oci.image.manifest.v1+json",
        digest=digest,
        size=1,
        referrers=referrers,
        **members,  # type: ignore[arg-type]
    )


def _drawn(record: ReferrersRecord) -> str:
    return "".join(f"{line}\n" for line in tree_lines(record))


def test_a_tree_of_several_levels() -> None:
    """Referrers stand under their type, their own referrers under them, after the annotations."""
    tree = _node(
        "0",
        _node("1", _node("3", artifact_type="s/2"), artifact_type="s/1", annotations={"b": "1", "a": "x"}),
        _node("2", artifact_type="s/9"),
        _node("4", artifact_type="s/1"),
    )
    assert _drawn(tree) == (
        f"r/x@sha256:{'0' * 64}\n"
        "├── s/1\n"
        f"│   ├── sha256:{'1' * 64}\n"
        "│   │   ├── [annotations]\n"
        "│   │   │   ├── a: x\n"
        '│   │   │   └── b: "1"\n'
        "│   │   └── s/2\n"
        f"│   │       └── sha256:{'3' * 64}\n"
        f"│   └── sha256:{'4' * 64}\n"
        "└── s/9\n"
        f"    └── sha256:{'2' * 64}\n"
    )


def test_nothing_attached_is_one_line() -> None:
    """A subject without referrers is shown alone."""
    assert _drawn(_node("0")) == f"r/x@sha256:{'0' * 64}\n"


def test_a_referrer_without_a_type() -> None:
    """The place of the type says that it is unknown."""
    assert "└── <unknown>\n" in _drawn(_node("0", _node("1")))


def test_nothing_in_the_tree_drives_the_terminal() -> None:
    """F10: types and annotations come from a registry."""
    drawn = _drawn(
        _node("0", _node("1", artifact_type="a/\x1b[2J\nx", annotations={"k\u202e": "v\n└── fake"}))
    )
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn
    assert len(drawn.splitlines()) == 5


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("colour", "variables", "coloured"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False)],
)
def test_colours_only_on_a_terminal_that_wants_them(
    colour: bool, variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--no-tty and NO_COLOR switch colours off; without the escapes the text is the same, however narrow it is."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tree = _node("0", _node("1", artifact_type="s/1", annotations={"a[bold]": "x" * 100}))
    output = io.BytesIO()
    stream = _Terminal(output, encoding="utf-8")
    show_tree(tree, Console(stream, None, {}), colour=colour)
    stream.flush()
    text = output.getvalue().decode()
    import re

    assert (re.search("\x1b\\[[0-9;]*3[0-9]m", text) is not None) is coloured
    assert re.sub("\x1b\\[[0-9;]*m", "", text) == _drawn(tree)
