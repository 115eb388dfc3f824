"""Requests: what is one, and what a whole request is refused for."""

import json
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CAPABILITIES, CORE, MAIL
from pillarbox.protocol.jmap.json_scan import PIECE_OCTETS
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.protocol.jmap.request import Call, Request, decode

ECHO = b'{"using":[],"methodCalls":[["Core/echo",{"a":%b},"c"]]}'


def read(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> Request | Problem:
    return decode(octets, CAPABILITIES.keys(), limits)


def problem(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> Problem:
    found = read(octets, limits)
    assert isinstance(found, Problem), found
    return found


def kind(octets: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    return problem(octets, limits).type.rpartition(":")[2]


def echoed(value: bytes) -> Any:
    found = read(ECHO % value)
    assert isinstance(found, Request), found
    return found.calls[0].arguments["a"]


@pytest.mark.rfc("8620 §3.3", "MUST")
def test_a_request() -> None:
    octets = b'{"using":["%b","%b"],"methodCalls":[["a/b",{"x":1},"#0"],["a/b",{},""]],"createdIds":{"k":"M1"},"y":2}'
    assert read(octets % (CORE.encode(), MAIL.encode())) == Request(
        frozenset((CORE, MAIL)), (Call("a/b", {"x": 1}, "#0"), Call("a/b", {}, "")), {"k": "M1"}
    )
    assert read(b' \r\n{"using":[],"methodCalls":[]} ') == Request(frozenset(), (), None)


@pytest.mark.rfc("7493 §2.3", "MUST NOT")
@pytest.mark.parametrize(
    "value",
    [
        b'{"x":1,"x":1}',
        b'[[{"y":{"x":1,"x":2}}]]',
        b'{"x":1,"\\u0078":2}',
        b'{"\\"":1,"\\"":2}',
        b'{"":1,"":2}',
    ],
)
def test_a_member_twice(value: bytes) -> None:
    assert kind(ECHO % value) == "notJSON"


def test_a_member_twice_anywhere_in_the_request() -> None:
    assert kind(b'{"using":[],"methodCalls":[],"methodCalls":[]}') == "notJSON"
    assert kind(b'{"using":[],"methodCalls":[],"z":{"a":1,"a":1}}') == "notJSON"


def test_what_only_looks_like_a_member_twice() -> None:
    assert echoed(b'["\\"x\\":1,\\"x\\":2", "{:,}", "\\\\", ":"]') == ['"x":1,"x":2', "{:,}", "\\", ":"]
    assert echoed(b'{"\\\\":1,"\\\\\\"":{"x":1},"x":{"x":1}}') == {"\\": 1, '\\"': {"x": 1}, "x": {"x": 1}}


@pytest.mark.rfc("7493 §2.1", "MUST NOT")
@pytest.mark.parametrize(
    "value",
    [
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"\\ufffe"',
        b'"\\uFFFF"',
        b'"\xef\xb7\x90"',
        b'"a\\ufdefb"',
        b'"\\ud83f\\udffe"',
        b'"\xf4\x8f\xbf\xbf"',
        b'{"\\uffff":1}',
        b'[["\\uffff"]]',
    ],
)
def test_texts_that_are_none(value: bytes) -> None:
    assert kind(ECHO % value) == "notJSON"


@pytest.mark.parametrize(
    "text", ["\0", "\ufffd", "\ufdcf\ufdf0", "\U0001f600", "\u1ffe", "\U0010fffd", "\x7f", "\u2028"]
)
def test_texts_that_are_characters(text: str) -> None:
    assert echoed(json.dumps(text).encode()) == text
    assert text == "\0" or echoed(b'"%b"' % text.encode()) == text


@pytest.mark.parametrize(
    "value", [b"1e400", b"-1e999", b"NaN", b"Infinity", b"01", b"1.", b"9" * 5000, b"+1"]
)
def test_numbers_that_are_none(value: bytes) -> None:
    assert kind(ECHO % value) == "notJSON"


@pytest.mark.rfc("7493 §2.2", "SHOULD")
@pytest.mark.parametrize("value", [2**53, -(2**53), 2**64, 1e300, 5e-324, -0.0, 1.5])
def test_numbers_that_are_only_large_are_kept(value: float) -> None:
    assert echoed(json.dumps(value).encode()) == value


def test_a_byte_order_mark_is_no_json() -> None:
    assert kind(b'\xef\xbb\xbf{"using":[],"methodCalls":[]}') == "notJSON"


# --- limits


@pytest.mark.rfc("8620 §3.6.1", "MUST")
def test_limits_are_named() -> None:
    limits = Limits(
        max_size_request=100, max_calls_in_request=1, max_json_depth=6, max_json_values=20, max_created_ids=1
    )
    assert problem(b" " * 101, limits).limit == "maxSizeRequest"
    assert problem(b'{"using":[],"methodCalls":[1,2]}', limits).limit == "maxCallsInRequest"
    assert problem(ECHO % b"[[[1]]]", limits).limit == "maxJsonDepth"
    assert isinstance(read(ECHO % b"[[1]]", limits), Request)
    assert problem(b"[" + b"1," * 30 + b"1]", limits).limit == "maxJsonValues"
    assert (
        problem(b'{"using":[],"methodCalls":[],"createdIds":{"a":"b","c":"d"}}', limits).limit
        == "maxCreatedIds"
    )


@pytest.mark.parametrize("opened", [b"[", b'{"a":', b'[{"a":', b'["]]]]]]",'])
def test_depth_is_looked_at_before_decoding(opened: bytes) -> None:
    for octets in (opened * 100_000, opened * 1000 + b"]" * 1000):
        assert kind(octets) == "limit"


def test_brackets_in_texts_have_no_depth() -> None:
    assert echoed(b'"%b"' % (b"[{" * 10_000)) == "[{" * 10_000
    assert echoed(b'["%b", "\\\\", "%b"]' % (b'\\"[' * 10_000, b"{" * 10_000))[0] == '"[' * 10_000


@pytest.mark.parametrize("shift", range(9))
def test_escapes_at_the_ends_of_pieces(shift: int) -> None:
    text = "x" * shift + '\\"[\\\\' * 40_000
    assert echoed(json.dumps([text, {"a": text}]).encode()) == [text, {"a": text}]


@pytest.mark.parametrize("shift", range(4))
def test_noncharacters_at_the_ends_of_pieces(shift: int) -> None:
    start = len(b'{"using":[],"methodCalls":[["Core/echo",{"a":"')
    for character in ("\ufffe".encode(), b"\\ufffe", "\ufdd0".encode()):
        text = b"x" * (PIECE_OCTETS - start - shift) + character
        assert kind(ECHO % (b'"' + text + b'"')) == "notJSON"
        assert echoed(b'"' + text[: -len(character)] + b'"')


def test_what_is_wrong_is_told() -> None:
    found = problem(b'{"using":[],"methodCalls":[["Core/echo",[],"c"]]}')
    assert "methodCalls[0]" in found.detail
    assert json.loads(found.octets()) == {"type": found.type, "status": 400, "detail": found.detail}
