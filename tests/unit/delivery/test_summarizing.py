"""Which messages are read in a thread."""

import asyncio
import threading

import pytest

from pillarbox.delivery import summarizing
from pillarbox.delivery.summarizing import MAX_OCTETS_IN_LOOP, SHORT_OCTETS, summary_of
from pillarbox.mail.summary import SIMPLE, SIMPLE_ADDRESS_OCTETS, Summary, summarize, summarize_simple
from pillarbox.world.aside import Aside

USUAL = b"From: ann@one.example\r\nSubject: hello\r\n\r\n"
LONG_HEADER = b"X: " + b"x" * SIMPLE.header_octets + b"\r\n\r\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
LARGE = b"x" * SHORT_OCTETS
TO_MANY = b"To: " + b"a:b@c;, " * (SIMPLE_ADDRESS_OCTETS // 8) + b"\r\n"


def nested(levels: int) -> bytes:
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
        for level in range(levels)
    )


ELABORATE = [
    USUAL + b"x" * (MAX_OCTETS_IN_LOOP + 1),
    LONG_HEADER,
    TO_MANY + b"\r\n" + LARGE,
    MIXED + b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + TO_MANY + b"\r\nx\r\n--b--\r\n",
    MIXED + b"--b\r\n\r\nx\r\n" * SIMPLE.parts + LARGE,
    MIXED + b"--b\r\nContent-Type: text/plain; %s\r\n\r\nx" % (b"p=1; " * 4_000),
    nested(SIMPLE.depth) + b"\r\n" + LARGE,
    b"Content-Type: message/rfc822\r\n\r\n" * SIMPLE.depth + b"\r\n" + LARGE,
]
SIMPLE_ONES = [
    b"",
    USUAL,
    USUAL + b"x" * 20_000,
    USUAL.replace(b"\r\n", b"\n") + b"x" * 20_000,
    USUAL + b"x" * (MAX_OCTETS_IN_LOOP - len(USUAL)),
    TO_MANY[: SIMPLE_ADDRESS_OCTETS // 2] + b"\r\n\r\n" + LARGE,
    b"X" + TO_MANY + b"\r\n" + LARGE,
    MIXED + b"--b\r\n\r\nx\r\n" * (SIMPLE.parts - 2) + LARGE,
    nested(SIMPLE.depth - 1) + b"\r\n" + LARGE,
]


@pytest.mark.parametrize("octets", SIMPLE_ONES)
def test_a_simple_message_is_read_in_the_loop(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    assert asyncio.run(summary_of(octets, Aside())) == summarize(octets)
    assert threads_that_read(monkeypatch, octets) <= {threading.main_thread()}


@pytest.mark.parametrize("octets", ELABORATE)
def test_what_may_take_long_is_read_in_a_thread(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> None:
    assert asyncio.run(summary_of(octets, Aside())) == summarize(octets)
    read = threads_that_read(monkeypatch, octets)
    assert read
    assert threading.main_thread() not in read


def threads_that_read(monkeypatch: pytest.MonkeyPatch, octets: bytes) -> set[threading.Thread]:
    """The threads in which all of it was read, whatever it holds."""
    threads = set()

    def noted(octets: bytes, *, crlf_only: bool = False) -> Summary:
        threads.add(threading.current_thread())
        return summarize(octets, crlf_only=crlf_only)

    monkeypatch.setattr(summarizing, "summarize", noted)
    asyncio.run(summary_of(octets, Aside()))
    return threads


@pytest.mark.parametrize("octets", SIMPLE_ONES)
def test_a_simple_message_has_the_same_summary(octets: bytes) -> None:
    assert summarize_simple(octets) == summarize(octets)


@pytest.mark.parametrize("octets", ELABORATE[1:])
def test_what_is_not_simple_is_noticed(octets: bytes) -> None:
    assert summarize_simple(octets) is None


@pytest.mark.parametrize("octets", [USUAL, USUAL + b"line\r\n" * 10_000, LONG_HEADER])
def test_lines_that_are_known_to_end_in_crlf_need_no_look(octets: bytes) -> None:
    octets += b"\r\n"
    assert asyncio.run(summary_of(octets, Aside(), crlf_only=True)) == summarize(octets)
