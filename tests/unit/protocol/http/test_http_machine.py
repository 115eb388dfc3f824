"""Requests are read as they are, however their octets were cut, and nothing that could be read in two ways is."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.http.events import Body, Head, Malformed, Reading, Skipped
from pillarbox.protocol.http.limits import MAX_WAITING_OCTETS, HttpLimits
from pillarbox.protocol.http.machine import HttpMachine
from pillarbox.protocol.http.states import TABLE, State, Step
from tests.kit.http.dialogue import converse, one

GET = b"GET /a?b=c HTTP/1.1\r\nHost: One.Example:8080\r\nX-Odd:  \t v w \r\n\r\n"
SESSION = (
    b"\r\n" + GET + b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    b"PUT /q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;x=y\r\nabc\r\n0a \r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n"
    b"OPTIONS * HTTP/1.0\r\n\r\n"
    b"GET https://x.example?q HTTP/1.1\r\nHost: a\r\nConnection: Close, x\r\n\r\n"
)


def head(octets: bytes) -> Head:
    event = one(octets)
    assert isinstance(event, Head), event
    return event


def status(octets: bytes, *, limits: HttpLimits | None = None) -> int:
    event = converse([octets], limits=limits)[-1]
    assert isinstance(event, Malformed), event
    return event.status


def with_fields(*fields: bytes, line: bytes = b"POST / HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    return b"\r\n".join([line, *([host] if host else []), *fields, b"", b""])


@pytest.mark.rfc("9112 §2", "MUST")
def test_a_request_is_read() -> None:
    read = head(GET)

    assert (read.method, read.path, read.query) == ("GET", b"/a", b"b=c")
    assert read.authority == "one.example:8080"
    assert read.field(b"x-odd") == b"v w"
    assert (read.body_octets, read.keep_alive, read.expects_continue) == (0, True, False)


@pytest.mark.rfc("9112 §9.3", "SHOULD")
@pytest.mark.parametrize(
    ("line", "fields", "keeps"),
    [
        (b"GET / HTTP/1.1", [], True),
        (b"GET / HTTP/1.1", [b"Connection: x, CLOSE"], False),
        (b"GET / HTTP/1.0", [], False),
        (b"GET / HTTP/1.0", [b"Connection: Keep-Alive"], True),
    ],
)
def test_whether_the_connection_goes_on(line: bytes, fields: list[bytes], keeps: bool) -> None:
    assert head(with_fields(*fields, line=line)).keep_alive is keeps


@pytest.mark.rfc("9112 §3.2.2", "MUST")
@pytest.mark.parametrize(
    ("target", "found"),
    [
        (b"http://B.example:1/x?y", (b"/x", b"y", "b.example:1")),
        (b"HTTPS://b.example", (b"/", b"", "b.example")),
        (b"http://b.example?y", (b"/", b"y", "b.example")),
        (b"http://[::1]:80/", (b"/", b"", "[::1]:80")),
    ],
)
def test_an_absolute_target_prevails_over_the_host(target: bytes, found: tuple[bytes, bytes, str]) -> None:
    read = head(with_fields(line=b"GET " + target + b" HTTP/1.1"))
    assert (read.path, read.query, read.authority) == found


MALFORMED = {
    # --- what two servers could read as two different requests (RFC 9112 §11.2)
    "length and coding": (400, with_fields(b"Content-Length: 4", b"Transfer-Encoding: chunked")),
    "coding and length": (400, with_fields(b"Transfer-Encoding: chunked", b"Content-Length: 4")),
    "two lengths": (400, with_fields(b"Content-Length: 4", b"Content-Length: 5")),
    "the same length twice": (400, with_fields(b"Content-Length: 4", b"Content-Length: 4")),
    "a list of lengths": (400, with_fields(b"Content-Length: 4, 4")),
    "a signed length": (400, with_fields(b"Content-Length: +4")),
    "a negative length": (400, with_fields(b"Content-Length: -1")),
    "a hexadecimal length": (400, with_fields(b"Content-Length: 0x4")),
    "an empty length": (400, with_fields(b"Content-Length:")),
    "an endless length": (400, with_fields(b"Content-Length: " + b"9" * 40)),
    "chunked twice": (400, with_fields(b"Transfer-Encoding: chunked, chunked")),
    "chunked in two fields": (400, with_fields(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")),
    "chunked is not last": (400, with_fields(b"Transfer-Encoding: chunked, identity")),
    "almost chunked": (400, with_fields(b"Transfer-Encoding: xchunked")),
    "chunked with a parameter": (400, with_fields(b"Transfer-Encoding: chunked;a=b")),
    "chunked in quotes": (400, with_fields(b'Transfer-Encoding: "chunked"')),
    "vertical tab before chunked": (400, with_fields(b"Transfer-Encoding: \x0bchunked")),
    "identity": (400, with_fields(b"Transfer-Encoding: identity")),
    "an unknown coding": (501, with_fields(b"Transfer-Encoding: gzip, chunked")),
    "a coding in HTTP/1.0": (400, with_fields(b"Transfer-Encoding: chunked", line=b"POST / HTTP/1.0")),
    "space before the colon": (400, with_fields(b"Content-Length : 4")),
    "a folded field": (400, with_fields(b"X: a\r\n Content-Length: 4")),
    "a folded first field": (400, b"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n"),
    "a bare LF": (400, b"GET / HTTP/1.1\nHost: a\n\n"),
    "a bare LF within": (400, with_fields(b"X: a\nContent-Length: 4")),
    "a bare CR within": (400, with_fields(b"X: a\rContent-Length: 4")),
    "a NUL": (400, with_fields(b"X: a\0b")),
    "a control character": (400, with_fields(b"X: a\x01b")),
    "no name": (400, with_fields(b": a")),
    "no colon": (400, with_fields(b"X")),
    "a name that is no token": (400, with_fields(b"X@: a")),
    # --- whom is it for
    "no host": (400, with_fields(host=b"")),
    "two hosts": (400, with_fields(b"Host: a")),
    "two hosts in HTTP/1.0": (400, with_fields(b"Host: b", line=b"GET / HTTP/1.0")),
    "a host with a path": (400, with_fields(host=b"Host: a/b")),
    "a host with a user": (400, with_fields(host=b"Host: u@a")),
    "a host with a space": (400, with_fields(host=b"Host: a b")),
    "a list of hosts": (400, with_fields(host=b"Host: a, b")),
    "a port that is none": (400, with_fields(host=b"Host: a:99999")),
    "a port with a sign": (400, with_fields(host=b"Host: a:+80")),
    "an address that is none": (400, with_fields(host=b"Host: [::1")),
    "an address with a zone": (400, with_fields(host=b"Host: [fe80::1%25eth0]")),
    # --- the request line
    "two words": (400, b"GET /\r\nHost: a\r\n\r\n"),
    "four words": (400, with_fields(line=b"GET /a b HTTP/1.1")),
    "two spaces": (400, with_fields(line=b"GET  / HTTP/1.1")),
    "a tab": (400, with_fields(line=b"GET\t/ HTTP/1.1")),
    "space behind": (400, with_fields(line=b"GET / HTTP/1.1 ")),
    "space in front": (400, with_fields(line=b" GET / HTTP/1.1")),
    "version 0.9": (505, with_fields(line=b"GET / HTTP/0.9")),
    "version 1.2": (505, with_fields(line=b"GET / HTTP/1.2")),
    "version 2.0": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a version in small letters": (400, with_fields(line=b"GET / http/1.1")),
    "another protocol": (400, with_fields(line=b"GET / RTSP/1.0")),
    "an unknown method": (501, with_fields(line=b"BREW / HTTP/1.1")),
    "a tunnel": (501, with_fields(line=b"CONNECT a:25 HTTP/1.1")),
    "an echo": (501, with_fields(line=b"TRACE / HTTP/1.1")),
    "a method in small letters": (501, with_fields(line=b"get / HTTP/1.1")),
    "a method that is no token": (400, with_fields(line=b"G(T / HTTP/1.1")),
    "a fragment": (400, with_fields(line=b"GET /a#b HTTP/1.1")),
    "a star that is no OPTIONS": (400, with_fields(line=b"GET * HTTP/1.1")),
    "a target without a slash": (400, with_fields(line=b"GET a HTTP/1.1")),
    "another scheme": (400, with_fields(line=b"GET ftp://a/ HTTP/1.1")),
    "an absolute target without a host": (400, with_fields(line=b"GET http:///a HTTP/1.1")),
    "an absolute target with a user": (400, with_fields(line=b"GET http://u@a/ HTTP/1.1")),
    "eight bits in the target": (400, with_fields(line=b"GET /\xff HTTP/1.1")),
    "another expectation": (417, with_fields(b"Expect: miracles")),
    # --- what is no HTTP
    "a ClientHello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "many empty lines": (400, b"\r\n" * 20 + GET),
    "an SMTP client": (400, b"EHLO a\r\nMAIL FROM:<a@b>\r\n\r\n"),
}


@pytest.mark.rfc("9112 §6.3", "MUST")
@pytest.mark.rfc("9112 §5.2", "MUST")
@pytest.mark.rfc("9112 §3.2", "MUST")
@pytest.mark.rfc("9112 §5.1", "MUST")
@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_ambiguous_or_wrong_is_refused(case: str) -> None:
    wanted, octets = MALFORMED[case]
    assert status(octets) == wanted


BODIES = {
    "no size": b"\r\n",
    "a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "an underscore": b"1_0\r\n",
    "hexadecimal prefix": b"0x3\r\nabc\r\n",
    "space in front": b" 3\r\nabc\r\n",
    "a size of many digits": b"0" * 20 + b"3\r\n",
    "a bare LF behind the size": b"3\nabc\r\n0\r\n\r\n",
    "a bare LF in an extension": b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a bare CR in an extension": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "a long extension": b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n",
    "an endless extension": b"3;" + b"a" * 300,
    "more than the size": b"3\r\nabcd\r\n0\r\n\r\n",
    "less than the size": b"3\r\nab\r\n0\r\n\r\n",
    "a bare LF behind the data": b"3\r\nabc\n0\r\n\r\n",
    "a trailer without a colon": b"0\r\nabc\r\n\r\n",
    "a bare LF in a trailer": b"0\r\na: b\nc: d\r\n\r\n",
    "long trailers": b"0\r\n" + b"a: b\r\n" * 1000,
}


@pytest.mark.rfc("9112 §7.1", "MUST")
@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("by", [1, 1000])
def test_chunks_are_read_to_the_octet(case: str, by: int) -> None:
    octets = with_fields(b"Transfer-Encoding: chunked") + BODIES[case]
    events = converse(octets[at : at + by] for at in range(0, len(octets), by))
    assert isinstance(events[-1], Malformed)
    assert events[-1].status == 400
    assert not any(isinstance(event, Body) and event.last for event in events)


def test_nothing_is_read_after_what_is_wrong() -> None:
    machine = HttpMachine()
    assert isinstance(machine.receive(b"NONSENSE\r\n\r\n" + GET)[0], Malformed)
    assert not machine.receive(GET)
    assert machine.buffered == 0


# --- limits


@pytest.mark.rfc("6585 §5", "MAY")
@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n", 414),
        (b"GET /" + b"a" * 300, 414),
        (with_fields(*[b"A: b"] * 11), 431),
        (with_fields(b"A: " + b"b" * 1024), 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 1024, 431),
    ],
)
def test_heads_are_limited(octets: bytes, wanted: int) -> None:
    limits = HttpLimits(target_octets=200, head_octets=1024, fields=10)
    assert status(octets, limits=limits) == wanted
    assert isinstance(one(GET, limits=limits), Head)


def test_a_chunked_body_is_limited() -> None:
    chunked = with_fields(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n"

    assert converse([chunked], max_body_octets=5)[-1] == Body(b"hello", last=True)
    refused = converse([chunked], max_body_octets=4)[-1]
    assert isinstance(refused, Malformed)
    assert refused.status == 413


def test_a_small_body_comes_whole_and_a_large_one_as_it_arrives() -> None:
    machine = HttpMachine(HttpLimits(whole_octets=10))
    for announced, parts in ((b"10", 1), (b"11", 2)):
        machine.receive(with_fields(b"Content-Length: " + announced))
        machine.accept_body(100)
        first = machine.receive(b"12345")
        assert bool(first) is (parts == 2)
        assert machine.buffered == (5 if parts == 1 else 0)
        (last,) = machine.receive(b"67890x"[: int(announced) - 5])
        assert isinstance(last, Body)
        assert last.last


def test_many_small_chunks_are_read_in_slices() -> None:
    machine = HttpMachine()
    machine.receive(with_fields(b"Transfer-Encoding: chunked"))
    machine.accept_body(100_000)
    (first,) = machine.receive(b"1\r\nx\r\n" * 2000)
    assert isinstance(first, Reading)
    while machine.receive(b""):
        pass
    (whole,) = machine.receive(b"0\r\n\r\n")
    assert whole == Body(b"x" * 2000, last=True)


# --- what the session decides


def test_a_body_that_nobody_wants_is_skipped() -> None:
    machine = HttpMachine()
    machine.receive(with_fields(b"Content-Length: 10") + b"12345")
    machine.skip_body(10)
    assert not machine.receive(b"")
    assert machine.in_request
    assert machine.receive(b"67890" + GET) == (Skipped(whole=True),)
    assert isinstance(machine.receive(b"")[0], Head)


def test_not_more_of_it_is_skipped_than_is_reasonable() -> None:
    machine = HttpMachine()
    machine.receive(with_fields(b"Content-Length: 10"))
    machine.skip_body(4)
    assert machine.receive(b"12345") == (Skipped(whole=False),)


def test_nothing_is_read_behind_a_response_without_an_end() -> None:
    machine = HttpMachine()
    machine.receive(GET)
    machine.hold()
    assert not machine.receive(GET)
    (refused,) = machine.receive(b"x" * MAX_WAITING_OCTETS)
    assert isinstance(refused, Malformed)
    assert machine.state is State.ENDED


def test_what_is_buffered_can_be_dropped() -> None:
    machine = HttpMachine()
    machine.receive(GET[:20])
    assert machine.discard() == 20
    assert machine.buffered == 0
    assert isinstance(machine.receive(GET)[0], Head)


def test_what_is_not_in_the_table_is_a_mistake() -> None:
    machine = HttpMachine()
    with pytest.raises(AssertionError):
        machine.accept_body(1)
    machine.receive(with_fields(b"Content-Length: 10"))
    with pytest.raises(AssertionError):
        machine.hold()
    assert {TABLE[state, Step.END] for state in State} == {State.ENDED}


# --- any chunking


def test_a_whole_session_is_read() -> None:
    events = converse([SESSION])
    assert [type(event) for event in events] == [Head, Head, Body, Head, Body, Head, Head]
    assert [event.octets for event in events if isinstance(event, Body)] == [b"hello", b"abc0123456789"]


@given(st.lists(st.integers(0, len(SESSION)), max_size=20))
def test_any_chunking_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SESSION)]
    pieces = [SESSION[at:to] for at, to in pairwise(edges)]
    assert converse(pieces) == converse([SESSION])


@pytest.mark.parametrize("case", MALFORMED)
def test_any_chunking_gives_the_same_refusal(case: str) -> None:
    wanted, octets = MALFORMED[case]
    chance = random.Random(case)
    for _ in range(5):
        cuts = sorted(chance.choices(range(len(octets)), k=4))
        edges = [0, *cuts, len(octets)]
        last = converse(octets[at:to] for at, to in pairwise(edges))[-1]
        assert isinstance(last, Malformed)
        # Where a line ends wrongly it is refused at once: before its end it is no request line yet
        assert last.status in (wanted, 400)
    single = converse(octets[at : at + 1] for at in range(len(octets)))[-1]
    assert isinstance(single, Malformed)
