"""What the allocator is told."""

import platform
import resource
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pillarbox.app.allocator import map_large_blocks
def resident():
    return int(open("/proc/self/statm").read().split()[1])
if sys.argv[1] == "set":
    assert map_large_blocks()
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = libc.memset.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
libc.free(libc.malloc(256 * 1024))  # from here on glibc takes such pieces from the heap, unless it was told
before = resident()
for _ in range(100):
    buffer = libc.malloc(256 * 1024)  # a connection's buffer, and what its handshake needs for a while
    passing = libc.malloc(32 * 1024)
    libc.memset(passing, 1, 32 * 1024)
    libc.free(passing)
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_a_large_block_takes_only_the_memory_that_is_touched() -> None:
    def pages(mode: str) -> int:
        command = [sys.executable, "-c", PROGRAM, mode]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"})
        return int(run.stdout)

    assert pages("set") * resource.getpagesize() < 100 * 16 * 1024 < pages("unset") * resource.getpagesize()


HOLES = """
import asyncio
from pillarbox.app.allocator import give_back_after_growth, resident_octets
from pillarbox.world.clock import SystemClock
async def main():
    giving_back = asyncio.create_task(give_back_after_growth(SystemClock(), every_s=0.02))
    await asyncio.sleep(0)
    before = resident_octets()
    blocks = [bytes(100_000) for _ in range(1500)]
    between = blocks[1::150]  # so that the heap cannot simply shrink
    del blocks
    grown = resident_octets() - before
    while resident_octets() - before > 40_000_000:
        await asyncio.sleep(0.02)
    giving_back.cancel()
    print(grown)
asyncio.run(asyncio.wait_for(main(), 60))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_holes_are_given_back() -> None:
    run = subprocess.run(
        [sys.executable, "-c", HOLES], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    assert int(run.stdout) > 40_000_000
