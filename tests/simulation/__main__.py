"""Run the simulation: `python -m tests.simulation --seeds 10000`, or `--seed 17 --trace`."""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields

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
        summary = run(seed)
    except Failed as failure:
        print(failure)
        return 1
    if trace:
        print(summary.trace)
    print(f"seed {seed}: {summary.sent_messages} messages, {summary.copies} copies, {summary.lives} lives")
    return 0


def _many(seeds: range, processes: int) -> int:
    started, failed, totals = time.monotonic(), dict[int, str](), Counter[str]()
    parts = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(processes) as pool:
        for found, counts in pool.map(_part, parts):
            totals += counts
            for text in list(found.values())[: not failed]:
                print(text, file=sys.stderr)
            failed |= found
    print(", ".join(f"{name}: {count}" for name, count in totals.items()))
    print(f"{len(seeds)} seeds in {time.monotonic() - started:.0f} s, {len(failed)} failed:", *failed)
    return 1 if failed else 0


def _part(seeds: range) -> tuple[dict[int, str], Counter[str]]:
    """In a process of its own: failures with their texts, and counts."""
    failed, totals = dict[int, str](), Counter[str]()
    for seed in seeds:
        try:
            summary = run(seed)
        except Failed as failure:
            failed[seed] = str(failure)
        else:
            totals += Counter(
                {one.name: getattr(summary, one.name) for one in fields(summary) if one.type is int}
            )
    return failed, totals


if __name__ == "__main__":
    sys.exit(main())
