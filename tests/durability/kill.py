"""Kill the server at random moments under load, and find everything that it promised.

    python tests/durability/kill.py --rounds 200

Each round: the server takes mail by SMTP, LMTP and APPEND while another client copies, flags and expunges; after
a random while all its processes get SIGKILL (with several workers, sometimes one of them before); it is started
again on the same folder, and every INBOX is read. Every message that was acknowledged must be there exactly
once, octet for octet; one that was not, once or not at all; UIDs only rise; and `fsck` finds nothing.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[2] / "src")]

from tests.durability.evidence import Witness
from tests.durability.load import Promises, start_all
from tests.durability.provider import Provider
from tests.durability.soundness import assert_sound

FULL_LOOK_ROUNDS = 5
"""After so many rounds `fsck` reads every message as well, whatever its invariants say."""
LONGEST_S = 1.2
"""From the start of the load to the kill."""


@dataclass(frozen=True)
class Round:
    """What a round has shown."""

    number: int
    workers: int
    acknowledged: int
    found: int


def rounds(directory: Path, chance: random.Random, *, workers: tuple[int, ...] = (1,)) -> Iterator[Round]:
    """Rounds without end on one data directory. Raises AssertionError where a promise was broken."""
    promises = Promises()
    witness = Witness(promises)
    for number, processes in zip(count(1), cycle(workers), strict=False):
        provider = Provider(directory, workers=processes)
        try:
            provider.start()
            witness.look(provider.ports["imap"])
            yield Round(number - 1, processes, len(promises.acknowledged), witness.messages)
            _load_and_kill(provider, f"r{number}", promises, chance)
        finally:
            provider.kill()
        assert_sound(directory, quick=number % FULL_LOOK_ROUNDS != 0)


def _load_and_kill(provider: Provider, name: str, promises: Promises, chance: random.Random) -> None:
    load = start_all(provider.ports, name, promises, chance)
    time.sleep(chance.uniform(0.02, LONGEST_S))
    if chance.random() < 0.5:
        provider.kill_one_worker(chance)
        time.sleep(chance.uniform(0.0, 1.5))
    provider.kill()
    load.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 3], help="taken in turn")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-kill-"))
    print(f"in {folder}, which stays if something is wrong")
    chance = random.Random(options.seed)
    for done in rounds(folder / "data", chance, workers=tuple(options.workers)):
        print(
            f"{done.number:4} kills, {done.acknowledged} acknowledged, {done.found} found in INBOXes",
            flush=True,
        )
        if done.number >= options.rounds:
            break
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
