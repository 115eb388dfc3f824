"""Run the simulation: ``python -m tests.simulation --seeds 10000``, or ``--seed 17 --trace``."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.simulation import Failed, run

CHUNK = 50


def main() -> int:
    """Play seeds; the first that fails is shown with its trace."""
    options = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    options.add_argument("--seeds", type=int, default=1000, help="how many to play")
    options.add_argument("--first", type=int, default=0, help="the first of them")
    options.add_argument("--seed", type=int, help="play only this one")
    options.add_argument("--trace", action="store_true", help="show what happened")
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = options.parse_args()
    if given.seed is not None:
        return _one(given.seed, trace=given.trace)
    return _many(range(given.first, given.first + given.seeds), given.processes)


def _one(seed: int, *, trace: bool) -> int:
    try:
        told = run(seed)
    except Failed as failure:
        print(failure)
        return 1
    if trace:
        print(told.trace)
    print(f"seed {seed}: {told.letters} letters, {told.copies} copies, {told.lives} lives")
    return 0


def _many(seeds: range, processes: int) -> int:
    started, failed = time.monotonic(), []
    totals = [0] * 5
    parts = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        for found, counts in pool.map(_part, parts):
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
            failed += found
            for _seed, text in found[:1]:
                print(text, file=sys.stderr)
    names = ("letters", "copies", "duplicates after a lost answer", "failures reported", "lives")
    print(", ".join(f"{count} {name}" for count, name in zip(totals, names, strict=True)))
    print(f"{len(seeds)} seeds in {time.monotonic() - started:.0f} s, {len(failed)} failed:", *dict(failed))
    return 1 if failed else 0


def _part(seeds: range) -> tuple[list[tuple[int, str]], list[int]]:
    """In a process of its own: failures with their texts, and counts."""
    failed, totals = [], [0] * 5
    for seed in seeds:
        try:
            told = run(seed)
        except Failed as failure:
            failed.append((seed, str(failure)))
            continue
        counts = (told.letters, told.copies, told.duplicates, told.failures, told.lives)
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
    return failed, totals


if __name__ == "__main__":
    sys.exit(main())
