"""Splitting mbox files into messages."""

import pytest

from pillarbox.mail.mbox import Entry, Oversized, messages

FIRST = b"From ann@example.org  Tue Jul 23 19:39:23 2002"


def split(octets: bytes) -> list[bytes]:
    entries = list(messages([octets]))
    for size in (1, 2, 7):
        chunks = (octets[at : at + size] for at in range(0, len(octets), size))
        assert list(messages(chunks)) == entries
    return [entry.octets for entry in entries if isinstance(entry, Entry)]


@pytest.mark.rfc("4155 §A", "MUST")
def test_messages_begin_at_their_separators() -> None:
    octets = FIRST + b"\nA: 1\n\nbody\n\n" + FIRST + b"\nB: 2\n\nbody\n\n"

    assert split(octets) == [b"A: 1\n\nbody\n", b"B: 2\n\nbody\n"]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(
            FIRST + b"\r\nA: 1\r\n\r\nx\r\n\r\n" + FIRST + b"\r\nB: 2\r\n",
            [b"A: 1\r\n\r\nx\r\n", b"B: 2\r\n"],
            id="CRLF",
        ),
        pytest.param(
            FIRST + b"\nA: 1\n\nx\n" + FIRST + b"\nB: 2\n", [b"A: 1\n\nx\n", b"B: 2\n"], id="no empty line"
        ),
        pytest.param(
            FIRST + b"\nA: 1\n\nFrom here on\n\nFrom there\n",
            [b"A: 1\n\nFrom here on\n\nFrom there\n"],
            id="text",
        ),
        pytest.param(
            b"From a@b 12:30\nA: 1\n\nx\n\nFrom - Jul 23 12:30\nB: 2\n",
            [b"A: 1\n\nx\n", b"B: 2\n"],
            id="odd separators",
        ),
        pytest.param(
            b"From \nA: 1\n\nx\n\nFrom - \r\nB: 2\n\ny\n\nFrom -\nC: 3\n",
            [b"A: 1\n\nx\n", b"B: 2\n\ny\n", b"C: 3\n"],
            id="Thunderbird without dates",
        ),
        pytest.param(
            b"From - Tue Jul 23 19:39:23 2002\nA: 1\n\nx\nFrom - Tue Jul 23 19:39:24 2002\nB: 2\n",
            [b"A: 1\n\nx\n", b"B: 2\n"],
            id="Thunderbird with dates",
        ),
        pytest.param(
            b"From ???@??? Mon Jan 01 12:00:00 2001\r\nA: 1\r\n\r\nx\r\n\r\n"
            b"From ???@??? Mon Jan 01 12:00:00 2001\r\nB: 2\r\n",
            [b"A: 1\r\n\r\nx\r\n", b"B: 2\r\n"],
            id="Eudora",
        ),
        pytest.param(
            b"From 174@xxx Tue Jul 23 19:39:23 +0000 2002\nA: 1\n\nx\n\n"
            b"From a@b Tue, 23 Jul 2002 19:39:23 +0200 (CEST)\nB: 2\n\ny\n\n"
            b"From a!b Tue Jul 23 19:39 2002 remote from c\nC: 3\n",
            [b"A: 1\n\nx\n", b"B: 2\n\ny\n", b"C: 3\n"],
            id="Takeout, RFC 5322, UUCP",
        ),
        pytest.param(FIRST + b"\n" + FIRST + b"\nB: 2\n", [b"", b"B: 2\n"], id="empty message"),
        pytest.param(b"A: 1\n\nbody\n", [b"A: 1\n\nbody\n"], id="one bare message"),
        pytest.param(
            b"A: 1\n\nbody\n\n" + FIRST + b"\nB: 2\n", [b"A: 1\n\nbody\n", b"B: 2\n"], id="no separator first"
        ),
        pytest.param(FIRST + b"\nA: 1\n\nx", [b"A: 1\n\nx"], id="no line end last"),
        pytest.param(
            FIRST + b"\nA: 1\n\nx\n\n\n\n", [b"A: 1\n\nx\n\n\n"], id="one empty line is the format's"
        ),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n", [], id="only empty lines"),
    ],
)
def test_writers_differ(octets: bytes, expected: list[bytes]) -> None:
    assert split(octets) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"From 10:30 to 11:45 we meet",
        b"From Monday 10:30 on",
        b"From ann@example.org",
        b"From the log of Tue Jul 23 19:39:23 2002 we learn",
        b"From here",
    ],
)
@pytest.mark.rfc("4155 §A", "MUST")
def test_text_that_begins_like_a_separator_is_text(line: bytes) -> None:
    for octets in (b"\n%b\nWhere: the hall\n", b"\n%b\n\nmore\n", b"%b\nWhere: the hall\n"):
        body = b"A: 1\n\nx\n" + octets % line
        assert split(FIRST + b"\n" + body + b"\n" + FIRST + b"\nB: 2\n") == [body, b"B: 2\n"]


@pytest.mark.parametrize("line", [b"From ", b"From -", b"From a@b 12:30", FIRST])
def test_in_the_midst_of_text_a_separator_needs_a_field_after_it(line: bytes) -> None:
    body = b"A: 1\n\nx\n" + line + b"\nand so on\n"
    assert split(FIRST + b"\n" + body) == [body]


def test_a_length_that_ends_at_a_separator_is_believed() -> None:
    body = b"x\n\n" + FIRST + b"\nB: 2\n\ny\n"
    octets = FIRST + b"\nA: 1\ncontent-length: %d\n\n" % len(body) + body
    whole = octets.partition(b"\n")[2]

    assert split(octets) == [whole]
    assert split(octets + b"\n" + FIRST + b"\nC: 3\n") == [whole, b"C: 3\n"]
    assert split(octets + FIRST + b"\nC: 3\n") == [whole, b"C: 3\n"]
    assert split(octets + b"\nFrom \nC: 3\n") == [whole, b"C: 3\n"]


@pytest.mark.parametrize("change", [-2, 2, 100, 10**9])
def test_a_length_that_ends_elsewhere_is_not_believed(change: int) -> None:
    body = b"x\n\n" + FIRST + b"\nB: 2\n\ny\n"
    octets = FIRST + b"\nA: 1\nContent-Length: %d\n\n" % (len(body) + change) + body
    assert len(split(octets + b"\n" + FIRST + b"\nC: 3\n")) == 3


def test_a_length_tells_where_the_next_message_begins_and_takes_no_line_end_away() -> None:
    octets = FIRST + b"\nContent-Length: 1\n\nx\n\n" + FIRST + b"\nContent-Length: 3\n\ny\n\n"
    assert split(octets) == [b"Content-Length: 1\n\nx\n", b"Content-Length: 3\n\ny\n\n"]


def test_what_was_not_quoted_is_not_unquoted() -> None:
    """Content-Length with quoting is mboxcl, without it mboxcl2."""
    head = b"Content-Length: %d\n\n"
    quoted, bare = b">From a\n>>From b\n", b">From a\nFrom b\n"
    octets = b"".join(FIRST + b"\n" + head % len(body) + body + b"\n" for body in (quoted, bare))
    assert split(octets) == [head % len(quoted) + b"From a\n>From b\n", head % len(bare) + bare]
    dovecot = b"X-UID: 1\n" + head % len(quoted) + quoted
    assert split(FIRST + b"\n" + dovecot) == [dovecot]
    assert split(FIRST + b"\nX-UID: 1\n\n>From a\n") == [b"X-UID: 1\n\nFrom a\n"]


def test_quoting_is_undone_by_one_step() -> None:
    octets = FIRST + b"\nA: 1\n\n>From a\n>>From b\n > From c\nx >From d\n>from e\n"

    assert split(octets) == [b"A: 1\n\nFrom a\n>From b\n > From c\nx >From d\n>from e\n"]


def test_a_message_is_given_with_crlf() -> None:
    (entry,) = messages([FIRST + b"\nA: 1\r\n\nx\n"])

    assert isinstance(entry, Entry)
    assert entry.message == b"A: 1\r\n\r\nx\r\n"
    assert entry.separator == FIRST
    assert entry.sender == b"ann@example.org"
    assert Entry(b"", b"A: 1\r\n").message == b"A: 1\r\n"
    assert Entry(b"", b"A: 1\r\n").sender == b""


@pytest.mark.parametrize(
    ("separator", "expected"),
    [
        (FIRST, 1027453163000),
        (b"From a Tue Jul 23 19:39:23 +0200 2002", 1027445963000),
        (b"From a Tue Jul 23 19:39:23 2002 -0100", 1027456763000),
        (b"From a Tue Jul 23 19:39 UTC 2002", 1027453140000),
        (b"From a Tue Jul 32 19:39:23 2002", None),
        (b"From a Fri Dec 31 19:39:23 9999 -9959", None),
        (b"From - Thu Jan  1 00:00:00 1970", 0),
        (b"From a Thu Jan  1 00:00:00 +0000 2099", 4070908800000),
        (b"From ???@??? Tue Jul 23 19:39:23 2002", 1027453163000),
        (b"From a Tue, 23 Jul 2002 19:39:23 +0200", 1027445963000),
        (b"From a Tue Jul 23 19:39:23 2002 remote from b", 1027453163000),
        (b"From a 2002-07-23 19:39:23", 1027453163000),
        (b"From - ", None),
        (b"From a", None),
        (b"", None),
    ],
)
def test_the_separator_has_the_internal_date(separator: bytes, expected: int | None) -> None:
    assert Entry(separator, b"").received_at_ms == expected


def test_an_oversized_message_is_reported_and_its_neighbours_are_read() -> None:
    large = FIRST + b"\nB: 2\n\n" + b"x" * 70 * 1_000 + b"\n\n"
    octets = FIRST + b"\nA: 1\n\n" + large + FIRST + b"\nC: 3\n"
    chunks = (octets[at : at + 1_000] for at in range(0, len(octets), 1_000))
    first, oversized, last = messages(chunks, max_message_octets=10_000)

    assert isinstance(first, Entry)
    assert isinstance(oversized, Oversized)
    assert (oversized.separator, oversized.size) == (FIRST, len(large) - len(FIRST) - 2)
    assert isinstance(last, Entry)
    assert last.octets == b"C: 3\n"


@pytest.mark.parametrize("limit", [10_000, 40])
@pytest.mark.parametrize("chunk", [1, 13, 64, 100_000])
def test_each_message_has_its_offsets_in_the_file(chunk: int, limit: int) -> None:
    one = FIRST + b"\nA: 1\n\n>From quoted\nbody\n\n"
    long = FIRST + b"\nB: 2\n\n" + b"x" * 5_000 + b"\n\n"
    octets = one + long + one

    chunks = (octets[at : at + chunk] for at in range(0, len(octets), chunk))
    found = [(entry.start, entry.end) for entry in messages(chunks, max_message_octets=limit)]

    ends = [len(one), len(one) + len(long), len(octets)]
    assert found == list(zip([0, *ends], ends, strict=False))
