"""Which messages are read in a thread."""

import asyncio
import threading

import pytest

from pillarbox.delivery import summarizing
from pillarbox.delivery.summarizing import LONG_HEADER_OCTETS, LONG_OCTETS, summary_of, takes_long
from pillarbox.mail.summary import Summary, summarize

USUAL = b"From: ann@one.example\r\nSubject: hello\r\n\r\n"


@pytest.mark.parametrize(
    ("octets", "long"),
    [
        (USUAL + b"x" * 20_000, False),
        (USUAL.replace(b"\r\n", b"\n") + b"x" * 20_000, False),
        (USUAL + b"x" * LONG_OCTETS, True),
        (b"To: " + b"a@" * (LONG_HEADER_OCTETS // 2) + b"\r\n\r\n", True),
        (b"To: " + b"a@" * (LONG_HEADER_OCTETS // 4) + b"\r\n\r\n", False),
        (b"", False),
    ],
)
def test_the_large_and_those_of_long_headers(octets: bytes, long: bool) -> None:
    assert takes_long(octets) is long


@pytest.mark.parametrize("octets", [USUAL, USUAL + b"x" * LONG_OCTETS])
def test_a_thread_makes_the_same(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    threads = []

    def noted(octets: bytes) -> Summary:
        threads.append(threading.current_thread())
        return summarize(octets)

    monkeypatch.setattr(summarizing, "summarize", noted)
    assert asyncio.run(summary_of(octets)) == summarize(octets)
    assert [thread is threading.main_thread() for thread in threads] == [not takes_long(octets)]
