"""Runs one case against a provider of its own, and measures what everybody else had of it."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pillarbox.testing.blocking import BlockingProvider
from tests.blocking.case import Case
from tests.blocking.judging import JudgingProvider
from tests.blocking.target import AnyProvider, Target
from tests.kit.paths import ROOT

PROBES_PER_WORKER = 3
"""So that every worker has one: the kernel spreads connections among them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a case did to others."""

    answer: str
    longest_ms: float
    """The longest wait for a NOOP."""
    longest_write_ms: float
    """The longest wait for a command that writes."""
    memory_mib: float
    """How much the server has grown at its peak."""
    log: str
    """What the server has logged."""


class ProbeFailed(RuntimeError):
    """The probe could not log in, or told nothing."""


def measure(case: Case, *, workers: int = 1) -> Measured:
    """Start a provider, watch it, attack it. Raises what the attack raises."""
    provider: AnyProvider
    provider = JudgingProvider(workers=workers) if case.judged else BlockingProvider(users=2, workers=workers)
    provider.start()
    try:
        target = Target(provider)
        _load_http(target)
        with _probe(provider, workers * PROBES_PER_WORKER if workers > 1 else 1) as probe:
            answer = case.attack(target)
            time.sleep(case.settle_s)
            told = _ended(probe)
        return Measured(
            answer, told["longest_ms"], told["longest_write_ms"], told["memory_kib"] / 1024, provider.log
        )
    finally:
        provider.stop()


def _load_http(target: Target) -> None:
    """A demo loads what HTTP needs with the first connection; `pillarbox serve` has loaded it before it listens."""
    if "http" in target.provider.ports:
        with target.wire("http") as wire:
            wire.exchange(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", rb"^HTTP/1.1 [^\r\n]*\r\n")


@contextmanager
def _probe(provider: AnyProvider, sessions: int) -> Iterator[subprocess.Popen[str]]:
    watched = provider.accounts[1]
    arguments = (
        provider.host,
        provider.ports["imap"],
        watched.login,
        watched.password,
        sessions,
        provider.pid,
    )
    probe = subprocess.Popen(
        [sys.executable, "-m", "tests.blocking.probe", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert probe.stdout is not None
        if probe.stdout.readline() != "ready\n":
            raise ProbeFailed(provider.log)
        yield probe
    finally:
        probe.kill()
        probe.wait()
        for end in (probe.stdin, probe.stdout):
            if end is not None:
                end.close()


def _ended(probe: subprocess.Popen[str]) -> dict[str, float]:
    out, _ = probe.communicate("", timeout=120)
    if not out:
        raise ProbeFailed("the probe died")
    told: dict[str, float] = json.loads(out)
    return told
