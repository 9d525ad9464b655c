"""What is closed when its `with` block is left."""

from __future__ import annotations

import pytest

from ocictl.closing import Closing


class Door(Closing):
    """Counts how often it is closed."""

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def test_leaving_closes() -> None:
    """The block gets the object itself, open; leaving closes it once."""
    door = Door()
    with door as entered:
        assert entered is door
        assert door.closed == 0
    assert door.closed == 1


def test_an_error_closes_and_goes_on() -> None:
    """An error in the block is not swallowed."""
    door = Door()
    with pytest.raises(ValueError, match="inside"), door:
        raise ValueError("inside")
    assert door.closed == 1


def test_slotted_classes_stay_slotted() -> None:
    """The mixin brings no `__dict__`."""
    assert not hasattr(Door(), "__dict__")
