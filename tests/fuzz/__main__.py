"""Fuzz for a while: `python -m tests.fuzz --seconds 600`.

Every input follows from the seed, so a finding is repeated with the same numbers. With `--atheris` the changes are
made by that package, which looks at what they reach; it runs one target until its time is over.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from pathlib import Path

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import TARGETS, Target


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


def _atheris(name: str, seconds: float, seed: int) -> None:
    import atheris

    target = TARGETS[name]
    corpus = Path(f".fuzz/{name}")
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def run(data: bytes) -> None:
        target.run(target.finish(data, random.Random(1)))

    atheris.instrument_all()
    options = [
        f"-max_total_time={int(seconds)}",
        f"-seed={seed}",
        "-max_len=8192",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], run)
    atheris.Fuzz()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default all")
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    names = arguments.targets or list(TARGETS)
    for name in names:
        if arguments.atheris:
            _atheris(name, arguments.seconds, arguments.seed)
        count = fuzz(TARGETS[name], seed=arguments.seed, seconds=arguments.seconds / len(names))
        print(f"{name}: {count} runs, no finding", flush=True)


if __name__ == "__main__":
    main()
