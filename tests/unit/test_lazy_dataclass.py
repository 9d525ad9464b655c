"""`ocictl.lazy_dataclass` keeps the promises of the standard decorator."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from ocictl.lazy_dataclass import dataclass, field, replace
from ocictl.lazy_pattern import pattern


@dataclass(frozen=True, slots=True)
class Point:
    """A plain one."""

    x: int
    y: int = 2
    note: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One with keywords only, and a default that is made anew."""

    name: str
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    """One with a base."""

    size: int = 0


@dataclass(slots=True)
class Mutable:
    """One that may change."""

    count: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """One with an order."""

    major: int
    minor: int


def test_construction_is_checked_like_a_call() -> None:
    """Positions, keywords and defaults work; missing, surplus and unknown arguments don't."""
    assert (Point(1).x, Point(1).y, Point(1, y=3).y) == (1, 2, 3)
    for arguments, keywords in (((), {}), ((1, 2, "", 4), {}), ((1,), {"z": 1})):
        with pytest.raises(TypeError):
            Point(*arguments, **keywords)
    with pytest.raises(TypeError):
        Base("name")  # type: ignore[misc]


def test_each_object_gets_its_own_default() -> None:
    """A default factory runs for each object."""
    assert Base(name="a").members == {}
    assert Base(name="a").members is not Base(name="a").members


def test_comparison_leaves_out_what_is_not_compared() -> None:
    """Equality and hash go by the compared fields, and never across classes."""
    assert Point(1, 2, "a") == Point(1, 2, "b")
    assert hash(Point(1, 2, "a")) == hash(Point(1, 2, "b"))
    assert Point(1) != Point(2)
    assert Base(name="a") != Derived(name="a")
    assert Mutable(1) == Mutable(1)
    with pytest.raises(TypeError):
        hash(Mutable())


def test_order() -> None:
    """Ordered classes sort by their fields, and not with others."""
    assert sorted([Version(2, 0), Version(1, 9)]) == [Version(1, 9), Version(2, 0)]
    assert Version(1, 0) <= Version(1, 0) < Version(1, 1) > Version(1, 0) >= Version(0, 9)
    with pytest.raises(TypeError):
        assert Version(1, 0) < (1, 0)  # type: ignore[operator]


def test_the_text_leaves_out_what_is_hidden() -> None:
    """`repr=False` keeps secrets out of messages and logs."""
    assert repr(Point(1, note="secret")) == "Point(x=1, y=2)"
    assert repr(Derived(name="a")) == "Derived(name='a', members={}, size=0)"


def test_frozen_means_frozen() -> None:
    """Neither assignment nor deletion; and no other attributes."""
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del point.x
    mutable = Mutable()
    mutable.count = 3
    assert mutable.count == 3
    with pytest.raises(AttributeError):
        mutable.other = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_replace(change: Any) -> None:
    """Both functions give a changed copy, the standard one too."""
    assert change(Derived(name="a", size=1), size=2) == Derived(name="a", size=2)


def test_the_standard_functions_know_these_classes() -> None:
    """Callers may treat public records as the dataclasses they are."""
    value = Derived(name="a", members={"b": 1})
    assert dataclasses.is_dataclass(value)
    assert dataclasses.asdict(value) == {"name": "a", "members": {"b": 1}, "size": 0}
    assert [entry.name for entry in dataclasses.fields(Point)] == ["x", "y", "note"]
    assert list(inspect.signature(Point).parameters) == ["x", "y", "note"]


def test_matching() -> None:
    """Patterns may use positions."""
    match Point(1, 5):
        case Point(1, y):
            assert y == 5
        case _:
            pytest.fail("no match")


def test_copies() -> None:
    """Objects can be copied, and sent to another process."""
    value = Point(1, 2, "n")
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)).note == "n"


def test_patterns_are_compiled_at_first_use() -> None:
    """A lazy pattern does what a compiled one does."""
    lazy = pattern(r"(a+)(b)?")
    found = lazy.fullmatch("aab")
    assert found is not None
    assert found.groups() == ("aa", "b")
    assert lazy.sub("x", "caab") == "cx"


def test_nothing_standard_is_loaded() -> None:
    """The whole point: defining a class does not load `dataclasses`."""
    code = "import sys, ocictl.lazy_dataclass; sys.exit('dataclasses' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
