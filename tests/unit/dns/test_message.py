"""What a DNS response says, and what hostile ones cost."""

import struct
from collections.abc import Callable, Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Answer, Failure, Kind, Mx, NoData, NxDomain
from pillarbox.dns.message import (
    MAX_LABELS,
    MAX_RECORDS,
    Malformed,
    NotInDns,
    Response,
    answers,
    query,
    read,
)

A, CNAME, SOA, MX, TXT = 1, 5, 6, 15, 16
QUESTION = b"\xc0\x0c"
"""A pointer to the name that was asked for."""
Record = tuple[bytes, int, bytes]


def asked_for(name: str, kind: Kind) -> bytes:
    return query(7, name, kind, payload_octets=1232)


def response(
    asked: bytes, found: Sequence[Record] = (), authority: Sequence[Record] = (), *, flags: int = 0x8180
) -> bytes:
    written = b"".join(
        owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
        for owner, kind, data in (*found, *authority)
    )
    header = asked[:2] + struct.pack("!HHHHH", flags, 1, len(found), len(authority), 0)
    return header + asked[12:-11] + written


def read_one(name: str, kind: Kind, octets: Callable[[bytes], bytes], *, trusted: bool = False) -> Response:
    asked = asked_for(name, kind)
    sent = octets(asked)
    assert answers(sent, asked)
    return read(sent, asked, name, kind, trusted=trusted)


def test_records_and_where_an_alias_leads() -> None:
    found = [(QUESTION, CNAME, b"\x02MX\xc0\x0c"), (b"\x02mx\xc0\x0c", A, b"\xc0\0\2\1")]
    got = read_one("One.example.", Kind.A, lambda asked: response(asked, found, flags=0x81A0), trusted=True)
    assert got.outcome == Answer(("192.0.2.1",), 60, True, "mx.one.example")


@pytest.mark.rfc("7672 §2.1.3", "MUST")
def test_an_alias_can_be_asked_for_itself() -> None:
    found = [(QUESTION, CNAME, b"\x02MX\xc0\x0c"), (b"\x02mx\xc0\x0c", A, b"\xc0\0\2\1")]
    got = read_one(
        "one.example", Kind.CNAME, lambda asked: response(asked, found, flags=0x81A0), trusted=True
    )
    assert got.outcome == Answer(("mx.one.example",), 60, True)


@pytest.mark.parametrize("name", ["a b.example", 'say"hi".(x);$@.example', "%{l}/x=1.Example"])
def test_records_of_names_that_are_no_host_names(name: str) -> None:
    """Macros of SPF make such names (RFC 7208 §7.3)."""
    found = [(QUESTION, TXT, b"\x02hi")]
    assert read_one(name, Kind.TXT, lambda asked: response(asked, found)).outcome == Answer((b"hi",), 60)


def test_what_does_not_exist_has_the_time_of_its_authority() -> None:
    soa = (QUESTION, SOA, b"\0\0" + struct.pack("!IIIII", 1, 2, 3, 4, 30))
    got = read_one("one.example", Kind.A, lambda asked: response(asked, [], [soa]))
    assert got.outcome == NoData(30)
    got = read_one("one.example", Kind.A, lambda asked: response(asked, [], [soa], flags=0x8183))
    assert got.outcome == NxDomain(30)


def test_other_codes_are_failures_and_a_truncated_response_is_asked_for_again() -> None:
    got = read_one("a.example", Kind.A, lambda asked: response(asked, flags=0x8182))
    assert got.outcome == Failure("server says SERVFAIL")
    assert read_one("a.example", Kind.A, lambda asked: response(asked, flags=0x8380)).truncated


@pytest.mark.rfc("5452 §9.1", "MUST")
def test_another_question_or_identity_is_no_answer() -> None:
    asked = asked_for("one.example", Kind.A)
    good = response(asked)
    assert answers(good, asked)
    assert answers(good.replace(b"one", b"ONE"), asked)
    assert not answers(b"\0\x08" + good[2:], asked)
    assert not answers(response(asked_for("two.example", Kind.A)), asked)
    assert not answers(response(asked_for("one.example", Kind.MX)), asked)
    assert not answers(asked, asked)
    assert not answers(good[:11], asked)
    # RFC 1035 §4.1.1: a server that could not even read the question
    assert answers(asked[:2] + b"\x81\x81" + bytes(8), asked)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "a." * 130, "bücher.example", "a\\.b"])
def test_what_is_no_name_is_not_asked_for(name: str) -> None:
    with pytest.raises(NotInDns):
        asked_for(name, Kind.A)


def test_aliases_in_a_circle_are_a_failure() -> None:
    got = read_one("a.example", Kind.A, lambda asked: response(asked, [(QUESTION, CNAME, QUESTION)]))
    assert got.outcome == Failure("too many aliases")


@pytest.mark.parametrize(
    "found",
    [
        [(b"\xff\xff", A, b"\x7f\0\0\1")],
        [(b"\x41" + b"x" * 65 + b"\0", A, b"\x7f\0\0\1")],
        [(b"\x3f" + b"x" * 63, A, b"\x7f\0\0\1")],
        [(QUESTION, A, b"\x7f\0\0")],
        [(QUESTION, A, b"\x7f\0\0\1")] * (MAX_RECORDS + 1),
    ],
    ids=["forwards", "label", "endless", "short", "many"],
)
def test_what_is_malformed_is_told(found: list[Record]) -> None:
    with pytest.raises(Malformed):
        read_one("a.example", Kind.A, lambda asked: response(asked, found))


def test_labels_are_counted() -> None:
    of_100 = b"\1\1" * 100 + b"\0"

    def names(count: int) -> Callable[[bytes], bytes]:
        return lambda asked: response(
            asked, [(QUESTION, MX, struct.pack("!H", place) + of_100) for place in range(count)]
        )

    got = read_one("a.example", Kind.MX, names(MAX_LABELS // 100 - 1))
    assert isinstance(got.outcome, Answer)
    with pytest.raises(Malformed, match="labels"):
        read_one("a.example", Kind.MX, names(MAX_LABELS // 100))


def test_pointers_that_lead_to_pointers_end() -> None:
    def chain(asked: bytes) -> bytes:
        first = len(asked) - 11 + 12
        links = b"".join(
            struct.pack("!H", 0xC000 | (first + 2 * place - 2 if place else 12)) for place in range(5000)
        )
        end = struct.pack("!H", 0xC000 | (first + 9998))
        return response(asked, [(QUESTION, TXT, links), (end, A, b"\x7f\0\0\1")])

    with pytest.raises(Malformed):
        read_one("a.example", Kind.A, chain)


def test_a_name_that_many_point_to_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from pillarbox.dns import message

    decoded, label = count(), message._label
    monkeypatch.setattr(message, "_label", lambda octets: (next(decoded), label(octets))[1])
    name = ".".join(["x"] * 120)
    found = [(QUESTION, MX, struct.pack("!H", place) + QUESTION) for place in range(MAX_RECORDS)]
    got = read_one(name, Kind.MX, lambda asked: response(asked, found))
    assert isinstance(got.outcome, Answer)
    assert got.outcome.records == tuple(Mx(place, name) for place in range(MAX_RECORDS))
    assert next(decoded) <= 2 * 120


@given(st.binary(max_size=200), st.sampled_from(list(Kind)), st.integers(0, 3), st.integers(0, 3))
def test_any_octets_are_read_or_malformed(rest: bytes, kind: Kind, found: int, authority: int) -> None:
    asked = asked_for("a.example", kind)
    octets = asked[:2] + struct.pack("!HHHHH", 0x8180, 1, found, authority, 0) + asked[12:-11] + rest
    try:
        read(octets, asked, "a.example", kind, trusted=True)
    except Malformed:
        pass
