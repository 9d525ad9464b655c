"""Fuzz for a while: `python -m tests.fuzz --seconds 600`.

Every input follows from the seed, so a finding is repeated with the same numbers. With `--atheris` the changes are
made by that package (install it first), which looks at what they reach; it runs one target.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from pathlib import Path


def _changed(names: list[str], seconds: float, seed: int) -> None:
    from tests.fuzz.engine import fuzz
    from tests.fuzz.targets import TARGETS

    for name in names or TARGETS:
        count = fuzz(TARGETS[name], seed=seed, seconds=seconds / len(names or TARGETS))
        print(f"{name}: {count} runs, no finding", flush=True)


def _atheris(name: str, seconds: float, seed: int) -> None:
    import atheris

    with atheris.instrument_imports(include=["ocictl"]):
        from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    corpus = Path(".fuzz", name)
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def run(data: bytes) -> None:
        target.run(target.finish(data, random.Random(1)))

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
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    if arguments.atheris:
        _atheris(arguments.targets[0], arguments.seconds, arguments.seed)
    else:
        _changed(arguments.targets, arguments.seconds, arguments.seed)


if __name__ == "__main__":
    main()
