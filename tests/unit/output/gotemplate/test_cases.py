"""Every template of the collection gives what oras gave for it; what oras refused is refused."""

from __future__ import annotations

import re

import pytest

from ocictl.errors import InvalidInputError
from ocictl.output.gotemplate import Template
from ocictl.output.gotemplate.library import FUNCTIONS
from tests.support.templates import Case, cases, record

CASES = cases()


def test_the_collection_is_what_it_should_be() -> None:
    """Both kinds of cases, and every function that gives the same each time, are in it."""
    assert len(CASES) > 300
    assert sum(case.output is None for case in CASES) > 100
    printed = " ".join(case.template for case in CASES if case.output is not None)
    used = set(re.findall(r"\w+", printed))
    missing = {name for name in FUNCTIONS if name not in used and not name.startswith(("must", "os"))}
    assert missing == {"call", "fail"}  # these two never succeed


@pytest.mark.parametrize("case", CASES, ids=[str(number) for number in range(len(CASES))])
def test_what_oras_prints(case: Case) -> None:
    """Byte for byte."""
    if case.output is None:
        with pytest.raises(InvalidInputError) as refused:
            Template.parse(case.template).render(record())
        assert refused.value.code == "template-invalid"
        assert re.match(r"template, line \d+, column \d+: \S", refused.value.message)
        assert "\n" not in refused.value.message
    else:
        assert Template.parse(case.template).render(record()) == case.output
