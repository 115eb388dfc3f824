"""Tokens of responses, and what they mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap.client import parsing
from pillarbox.protocol.imap.client.responses import (
    Exists,
    Fetched,
    Found,
    Listed,
    MailboxStatus,
    Namespaces,
    Status,
    StatusResponse,
)
from pillarbox.protocol.imap.client.syntax import MAX_DEPTH, MAX_TOKENS, Malformed, Token, tokens
from tests.kit.linear import assert_linear


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"", []),
        (b"a NIL nil Nile", ["a", None, None, "Nile"]),
        (b'(a (b "c\\"\\\\" () {3}\r\nx(y)', [["a", ["b", b'c"\\', [], b"x(y"]]]),
        (b"BODY[HEADER.FIELDS (MESSAGE-ID DATE)] x", ["BODY[HEADER.FIELDS (MESSAGE-ID DATE)]", "x"]),
        (b"BODY[]<0> ~{1}\r\n\0", ["BODY[]<0>", b"\0"]),
        (b"[Gmail]/All", ["[Gmail]/All"]),
        (b"bad{flag {x}", ["bad{flag", "{x}"]),
        (b"\\Seen $a", ["\\Seen", "$a"]),
    ],
)
def test_tokens(text: bytes, read: list[Token]) -> None:
    if b"(a (b" in text:
        text += b")"
    assert tokens(text) == read


@pytest.mark.parametrize("text", [b"(", b")", b'"a', b"{5}\r\nabc", b"a{5}\r\nabcde", b"(" * (MAX_DEPTH + 1)])
def test_what_is_not_in_the_grammar_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        tokens(text)


def test_the_number_of_tokens_is_limited() -> None:
    with pytest.raises(Malformed):
        tokens(b"a " * (MAX_TOKENS + 1))


@given(st.binary(max_size=200))
def test_no_octets_raise_anything_else(octets: bytes) -> None:
    try:
        tokens(octets)
    except Malformed:
        pass
    for word in (b"", b"LIST ", b"1 FETCH ", b"STATUS ", b"ESEARCH ", b"NAMESPACE ", b"SEARCH ", b"OK "):
        parsing.untagged(word + octets, has_content=False)


@pytest.mark.parametrize("piece", [b"a[", b"(a)", b'"\\a', b"{1}", b"A" * 20 + b"[ ", b"()"])
def test_tokens_take_linear_time(piece: bytes) -> None:
    assert_linear(_tried, lambda size: piece * (size // len(piece)), 256 * 1024)


def _tried(text: bytes) -> None:
    try:
        tokens(text)
    except Malformed:
        pass


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        (b"12 EXISTS", Exists(12)),
        (
            b"OK [UIDVALIDITY 3857529045] valid",
            StatusResponse(Status.OK, "UIDVALIDITY", "3857529045", "valid"),
        ),
        (b"NO [unavailable]", StatusResponse(Status.NO, "UNAVAILABLE", "", "")),
        (b"OK", StatusResponse(Status.OK)),
        (b"BYE so long {5}", StatusResponse(Status.BYE, "", "", "so long {5}")),
        (
            b'LIST (\\HasChildren \\Sent) "." "INBOX.a b"',
            Listed(b"INBOX.a b", ".", frozenset({"\\haschildren", "\\sent"})),
        ),
        (b"LIST () NIL NIL", Listed(b"NIL", "", frozenset())),
        (b'LSUB () / {3}\r\na"b', Listed(b'a"b', "/", frozenset(), subscribed_only=True)),
        (b'LIST () "/" a (OLDNAME ("b"))', Listed(b"a", "/", frozenset())),
        (
            b'NAMESPACE (("INBOX." ".")) (("user." ".")) (("#shared/" "/")("#public/" "/"))',
            Namespaces((b"INBOX.",), (b"user.", b"#shared/", b"#public/")),
        ),
        (b"NAMESPACE NIL NIL NIL", Namespaces((), ())),
        (b"SEARCH 3 1 2 9", Found(NumberSet(((1, 3), (9, 9))))),
        (b"SEARCH", Found(NumberSet())),
        (b"SEARCH 5 (MODSEQ 917)", Found(NumberSet(((5, 5),)))),
        (b'ESEARCH (TAG "P1") UID ALL 1:3,9', Found(NumberSet(((1, 3), (9, 9))))),
        (b'ESEARCH (TAG "P1") UID', Found(NumberSet())),
        (b"STATUS a (MESSAGES 5 X y)", MailboxStatus(b"a", {"MESSAGES": 5})),
        (
            b'3 FETCH (UID 7 FLAGS (\\Seen a) RFC822.SIZE 44 INTERNALDATE "17-Jul-1996 02:44:25 +0000" MODSEQ (9))',
            Fetched(7, ("\\Seen", "a"), 44, 837_571_465_000),
        ),
        (
            b'3 FETCH (X-GM-MSGID 1278455344230334865 X-GM-LABELS (\\Inbox "a b" c) UID 1)',
            Fetched(1, object_id="1278455344230334865", labels=(b"\\Inbox", b"a b", b"c")),
        ),
        (b'3 FETCH (UID 7 BODY[] "short")', Fetched(7, has_content=True, content=b"short")),
        (b"3 FETCH (UID 7 BODY[] NIL)", Fetched(7)),
        (b"3 FETCH (UID 7 BODY[HEADER.FIELDS (DATE)] {2}\r\n\r\n)", Fetched(7, header=b"\r\n")),
        (b"3 FETCH (UID)", Fetched(None)),
        (b"3 FETCH (UID x)", Fetched(None)),
        (b"3 FETCH oops", Fetched(None)),
        (b"FLAGS (\\Seen)", None),
        (b"99999999999 EXISTS", None),
        (b"LIST (", None),
    ],
)
def test_what_responses_mean(text: bytes, meaning: object) -> None:
    assert parsing.untagged(text, has_content=False) == meaning


def test_numbers_that_no_message_can_have_are_not_read() -> None:
    assert parsing.untagged(b"SEARCH 0 4294967296 7", has_content=False) == Found(NumberSet(((7, 7),)))
    assert parsing.untagged(b'ESEARCH (TAG "a") ALL 1:4294967296', has_content=False) is None
