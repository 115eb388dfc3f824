"""A small fuzzer: mutate seeds, call the target, report the first input it cannot bear.

`run` needs nothing but Python and is deterministic for a seed number, so a failure replays. `main`
gives each harness the same command line, and hands over to coverage-guided atheris where that is
installed and asked for. A target takes octets, returns nothing and raises only when it found a fault.
"""

import argparse
import importlib
import random
import sys
import time
from collections.abc import Callable, Sequence

Target = Callable[[bytes], None]

MAX_INPUT_OCTETS = 64 * 1024
SLOW_S = 5.0
"""An input that takes longer than this counts as a hang."""

INTERESTING = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b"\0", b" ", b"\t", b'"', b"\\", b"(", b")", b"<", b">",
    b":", b";", b",", b"=", b"=?", b"?=",
    b"=?utf-8?B?", b"--", b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf",
    b"{0}", b"{99999999999}\r\n",
    b"*", b"%", b"0", b"-1", b"4294967296", b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n",
)  # fmt: skip


class Fault(AssertionError):
    """The target failed; `octets` is the input that made it."""

    def __init__(self, octets: bytes) -> None:
        super().__init__(f"input {octets!r}")
        self.octets = octets


def mutate(chance: random.Random, octets: bytes, seeds: Sequence[bytes]) -> bytes:
    """One to six small changes: flip, insert, delete, repeat, truncate, splice with another seed."""
    data = bytearray(octets)
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(data))
        until = min(len(data), at + chance.choice((1, 2, 4, 16, 64, 256)))
        match chance.randrange(7):
            case 0:
                data[at:until] = b""
            case 1:
                data[at:at] = chance.choice(INTERESTING)
            case 2:
                data[at:until] = chance.choice(INTERESTING)
            case 3:
                data[at:at] = data[at:until] * chance.choice((1, 2, 8))
            case 4:
                data[at:until] = chance.randbytes(until - at)
            case 5:
                del data[at:]
            case _:
                other = chance.choice(seeds)
                start = chance.randint(0, len(other))
                data[at:] = other[start:]
    return bytes(data[:MAX_INPUT_OCTETS])


def run(target: Target, seeds: Sequence[bytes], runs: int, seed: int = 0) -> None:
    """Call `target` with every seed and `runs` mutations; raises `Fault` at the first failure."""
    chance = random.Random(seed)
    originals = list(seeds) or [b""]
    evolved = list(originals)
    for octets in originals:
        _call(target, octets)
    for _ in range(runs):
        octets = mutate(chance, chance.choice(chance.choice((originals, evolved))), originals)
        _call(target, octets)
        if chance.random() < 0.05:  # mutations are mutated too; the seeds themselves stay
            evolved[chance.randrange(len(evolved))] = octets


def _call(target: Target, octets: bytes) -> None:
    began = time.process_time()
    try:
        target(octets)
    except Exception as error:
        raise Fault(octets) from error
    if time.process_time() - began > SLOW_S:
        raise Fault(octets) from TimeoutError(f"took more than {SLOW_S} s")


def main(target: Target, seeds: Sequence[bytes]) -> None:
    """`python tests/fuzz/fuzz_x.py --runs N [--seed N] [--atheris]`."""
    options = argparse.ArgumentParser()
    options.add_argument("--runs", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--atheris", action="store_true", help="coverage-guided, where atheris is installed")
    chosen = options.parse_args()
    if chosen.atheris:
        _atheris(target, chosen.runs)
    run(target, seeds, chosen.runs, chosen.seed)
    print(f"{chosen.runs} mutations of {len(seeds)} seeds: no fault")


def _atheris(target: Target, runs: int) -> None:
    atheris = importlib.import_module("atheris")
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-atheris_runs={runs}"], target)
    atheris.Fuzz()
