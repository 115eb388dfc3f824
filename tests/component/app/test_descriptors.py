"""File descriptors: a higher limit, and what is said when there are no more."""

import subprocess
import sys

PROGRAM = """
import asyncio, os, resource, sys
from pillarbox.app.descriptors import allow_many, any_left, tell_when_used_up
from pillarbox.world.clock import VirtualClock
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 300))
print(allow_many(200), resource.getrlimit(resource.RLIMIT_NOFILE), allow_many(1000), allow_many(100))

class Telemetry:
    def warning(self, event, **fields):
        print(event, fields)

async def main():
    clock = VirtualClock()
    task = asyncio.create_task(tell_when_used_up(clock, Telemetry()))
    await clock.advance(5)
    taken = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        print(any_left())
    await clock.advance(100)
    for descriptor in taken:
        os.close(descriptor)
    print(any_left())
    await clock.advance(1000)
    task.cancel()

asyncio.run(main())
"""


def test_the_limit_is_raised_and_reaching_it_is_told() -> None:
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"})
    told = "too many open files {'limit': 300}"
    assert run.stdout.splitlines() == ["200 (200, 300) 300 300", "False", told, told, "True"], run.stderr
