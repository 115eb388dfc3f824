import poplib
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.summary import summarize
from pillarbox.protocol.pop3 import wire_form
from pillarbox.protocol.pop3.wire_form import Stuffing
from tests.kit.linear import assert_linear

MESSAGES = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"..", b"a", b"\r\n.\r\n", b"\n.\n", b"\0\xff"]),
    max_size=20,
).map(b"".join)


def unstuffed(sent: bytes) -> bytes:
    """What a client makes of it (RFC 1939 §3)."""
    assert sent.endswith(b".\r\n")
    lines = sent[:-3].split(b"\r\n")
    assert lines.pop() == b""
    assert b"." not in lines, "the reply would have ended here"
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines)


@pytest.mark.rfc("1939 §3", "MUST")
@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b"a\nb\n", b"a\r\nb\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\n..b\r\n", b"a\r\n...b\r\n.\r\n"),
        (b"a\rb\r\n", b"a\rb\r\n.\r\n"),
        (b"a\r", b"a\r\r\n.\r\n"),
        (b"a\r\r\n", b"a\r\r\n.\r\n"),
    ],
)
def test_whole(stored: bytes, sent: bytes) -> None:
    assert wire_form.whole(stored) == sent


@settings(max_examples=300, deadline=None)
@given(MESSAGES)
def test_what_is_as_long_as_on_the_wire_needs_its_dots_only(pieces: bytes) -> None:
    stored = pieces.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n"
    assert wire_form.size(stored) == len(stored)
    assert wire_form.whole(stored, lines_end_well=True) == wire_form.whole(stored)


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
@pytest.mark.rfc("1939 §11", "MUST")
def test_the_listed_size_is_what_is_sent(stored: bytes) -> None:
    got = unstuffed(wire_form.whole(stored))
    assert len(got) == summarize(stored).crlf_size
    expected = re.sub(rb"(?<!\r)\n", b"\r\n", stored)
    assert got == expected + (b"" if not stored or stored.endswith(b"\n") else b"\r\n")


@settings(max_examples=200, deadline=None)
@given(MESSAGES, st.lists(st.integers(0, 60), max_size=8))
def test_parts_of_any_size_give_the_same(stored: bytes, cuts: list[int]) -> None:
    stuffing, sent, at = Stuffing(), b"", 0
    for cut in [*sorted(min(cut, len(stored)) for cut in cuts), len(stored)]:
        sent += stuffing.part(stored[at:cut])
        at = cut
    assert sent + stuffing.end() == wire_form.whole(stored)


@pytest.mark.rfc("1939 §7", "MUST")
@pytest.mark.parametrize(
    ("lines", "body"),
    [(0, b""), (1, b"1\r\n"), (2, b"1\r\n..2\r\n"), (3, b"1\r\n..2\r\n3\r\n"), (10**9, b"1\r\n..2\r\n3\r\n")],
)
def test_top(lines: int, body: bytes) -> None:
    header = b"Subject: x\r\n\r\n"
    for stored in (header + b"1\r\n.2\r\n3\r\n", header + b"1\r\n.2\r\n3", header + b"1\n.2\n3\n"):
        assert wire_form.top(stored, len(header), lines) == header + body + b".\r\n"


@pytest.mark.parametrize("stored", [b"Subject: x", b"Subject: x\r\n", b"Subject: x\n", b"Subject: x\r\n\r\n"])
def test_top_of_a_message_without_a_body_has_the_empty_line(stored: bytes) -> None:
    assert wire_form.top(stored, len(stored), 0) == b"Subject: x\r\n\r\n.\r\n"


def test_top_of_nothing() -> None:
    assert wire_form.top(b"", 0, 5) == b".\r\n" or wire_form.top(b"", 0, 5) == b"\r\n.\r\n"


@settings(max_examples=100, deadline=None)
@given(MESSAGES, st.integers(0, 6))
def test_top_never_ends_from_within(stored: bytes, lines: int) -> None:
    header_size = summarize(stored).header_size
    assert unstuffed(wire_form.top(stored, header_size, lines)) is not None


def test_a_client_that_reads_up_to_line_feeds_is_not_led_astray() -> None:
    """poplib takes a bare line feed for a line end, as most clients do."""

    class Wire(poplib.POP3):
        _getlongresp: Callable[[], tuple[bytes, list[bytes], int]]  # not in its stub

        def __init__(self, octets: bytes) -> None:
            import io

            self.file, self._debugging = io.BytesIO(b"+OK\r\n" + octets), 0

    sent = wire_form.whole(b"Subject: x\n\n.\n-ERR not a reply\n")
    assert Wire(sent)._getlongresp()[1] == [b"Subject: x", b"", b".", b"-ERR not a reply"]


@pytest.mark.parametrize("octets", [b"\n", b"\r", b"\r\r\n", b"\n.", b"\r\n."])
def test_a_message_of_line_ends_costs_its_length(octets: bytes) -> None:
    assert_linear(wire_form.whole, lambda size: octets * (size // len(octets)), 1024 * 1024)
    assert_linear(
        lambda message: wire_form.top(message, 0, len(message) // 4),
        lambda size: octets * (size // 2),
        1024 * 1024,
    )
