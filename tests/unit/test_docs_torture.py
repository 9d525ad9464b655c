"""docs/torture.md is true: each test is there and names its row, and no row of the list is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.support.shared import spec_folder

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(
    r"^\| (\S+) \| .* \| `(tests/\S+)` \|$", (ROOT / "docs" / "torture.md").read_text(), re.MULTILINE
)
OURS = [*(f"I{number}" for number in range(1, 9)), *(f"F{number}" for number in range(1, 10))]
OURS += ["T6", "T7", "T8", "S1", "S2", "S4"]


def words(text: str) -> str:
    """The text, with ranges of ids written out."""
    for letter, first, last in re.findall(r"\b([A-Z])(\d+) to \1(\d+)\b", text):
        text += " " + " ".join(f"{letter}{number}" for number in range(int(first), int(last) + 1))
    return text


@pytest.mark.parametrize(("row", "test"), ROWS)
def test_row(row: str, test: str) -> None:
    """The test exists, and its docstring, its cases or its file name the id."""
    path, _, name = test.partition("::")
    source = (ROOT / path).read_text()
    tree = ast.parse(source)
    if name:
        found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
        assert found, f"{path} has no test {name}"
        if re.fullmatch(r"[A-Z]\d+", row):
            source = f"{name} {ast.get_docstring(found[0])}".upper().replace("_", " ")
            source = words((ast.get_docstring(ast.parse((ROOT / path).read_text())) or "") + " " + source)
    assert re.search(rf"(?<![\w-]){re.escape(row)}(?![\w-])", source), f"{test} does not name {row}"


def test_no_row_is_missing() -> None:
    """Whatever the list of the field notes has of these kinds has a row."""
    assert set(OURS) <= {row for row, _ in ROWS}
    notes = spec_folder().parent / "FIELD.md"
    if not notes.exists():
        pytest.skip(f"no field notes at {notes}")
    text = notes.read_text()
    listed = set(re.findall(r"\*\*([TIFS]\d+)\*\*", text[text.index("### 3c") :]))
    assert {each for each in listed if each in OURS} == set(OURS)
