"""Running a target with changed input, the same for the same seed."""

from __future__ import annotations

import random
import time

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import Target

__all__ = ["fuzz"]


def fuzz(target: Target, *, seed: int, runs: int | None = None, seconds: float | None = None) -> int:
    """Run a target with changed input, until so many runs or seconds are over; return the number of runs.

    Raises:
        AssertionError: with the input in its notes, as everything that the target raises.
    """
    end = None if seconds is None else time.monotonic() + seconds
    count = 0
    pool = list(target.seeds)
    while (runs is None or count < runs) and (end is None or time.monotonic() < end):
        chance = random.Random(f"{seed}:{count}")
        # Changes upon changes, now and then from the start.
        data = mutated(
            chance.choice(pool if chance.randrange(4) else target.seeds), target.seeds, target.tokens, chance
        )
        data = target.finish(data, chance)
        if chance.randrange(3) == 0:
            pool = [*pool[-100:], data]
        try:
            target.run(data)
        except BaseException as error:
            error.add_note(f"seed {seed}, run {count}, input {data.hex()}")
            raise
        count += 1
    return count
