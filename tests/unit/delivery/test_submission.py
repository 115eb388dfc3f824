import re

import pytest

from pillarbox.delivery.refusal import Reason
from pillarbox.delivery.submission import Submission, prepare
from pillarbox.directory import accounts, aliases, domains
from pillarbox.directory.schema import SCHEMA
from pillarbox.mail.address_tokens import MAX_ADDRESSES
from pillarbox.mail.header import MAX_FIELDS, Header
from tests.kit.database import open_transaction

NOW_MS = 1_700_000_000_000
GOOD = b"From: Anna <anna@one.example>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <x@y>\r\n"


def prepared(octets: bytes) -> bytes | Reason:
    with open_transaction(SCHEMA) as tx:
        domains.create(tx, "one.example", now_ms=NOW_MS)
        anna = accounts.create(tx, "anna@one.example", scram_salt=bytes(16), now_ms=NOW_MS)
        accounts.create(tx, "bert@one.example", scram_salt=bytes(16), now_ms=NOW_MS)
        aliases.create(tx, "team@one.example", ["anna@one.example", "bert@one.example"])
        aliases.create(tx, "list@one.example", ["anna@one.example"], may_send=False)
        return prepare(tx, octets, Submission(anna, "unique", NOW_MS))


def test_a_message_that_keeps_the_rules_is_not_changed() -> None:
    octets = GOOD + b"To: x@y\r\nsubject:odd   spacing\r\n\r\nbody\r\n"
    assert prepared(octets) is octets


@pytest.mark.rfc("6409 §8.2", "MAY")
@pytest.mark.rfc("6409 §8.3", "SHOULD")
def test_missing_fields_are_added_on_top() -> None:
    assert prepared(b"From: anna@one.example\r\n\r\nbody") == (
        b"Message-ID: <unique@one.example>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        b"From: anna@one.example\r\n\r\nbody"
    )
    assert prepared(b"Subject: x\r\n\r\n") == (
        b"Message-ID: <unique@one.example>\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
        b"From: anna@one.example\r\nSubject: x\r\n\r\n"
    )


@pytest.mark.parametrize("name", [b"From", b"Sender"])
def test_a_field_with_more_addresses_than_are_read_is_refused(name: bytes) -> None:
    own = b"anna@one.example," * MAX_ADDRESSES
    faked = (GOOD if name == b"Sender" else b"") + name + b": " + own + b"boss@one.example\r\n\r\n"
    assert prepared(faked) is Reason.HEADER_TOO_LARGE
    groups = b"anna@one.example," + b"a:;" * MAX_ADDRESSES + b"boss@one.example\r\n\r\n"
    assert prepared((GOOD if name == b"Sender" else b"") + name + b": " + groups) is Reason.HEADER_TOO_LARGE


def test_fields_that_say_nothing_are_replaced() -> None:
    octets = prepared(b"From: anna@one.example\r\nDate: yesterday\r\nMessage-ID: none\r\n\r\n")
    assert isinstance(octets, bytes)
    assert octets.count(b"Date:") == octets.count(b"Message-ID:") == 1
    assert b"yesterday" not in octets


@pytest.mark.rfc("5322 §3.6.3", "MUST")
def test_bcc_never_leaves() -> None:
    octets = prepared(
        GOOD
        + b"bcc: secret@x,\r\n\tother@x\r\nBCC: third@x\r\nResent-Bcc: a@b\r\nTo: x@y\r\n\r\nBcc: text\r\n"
    )
    assert octets == GOOD + b"To: x@y\r\n\r\nBcc: text\r\n"


def test_return_path_is_not_the_clients_to_write() -> None:
    assert prepared(b"Return-Path: <x@y>\r\n" + GOOD + b"\r\n") == GOOD + b"\r\n"


@pytest.mark.rfc("6409 §6.1", "MAY")
@pytest.mark.parametrize(
    ("written", "fault"),
    [
        (b"anna@one.example", None),
        (b"ANNA+x@one.example", None),
        (b"team@one.example", None),
        (b'"bert@one.example" <anna@one.example>', None),
        (b"anna@one.example (bert@one.example)", None),
        (b"list@one.example", Reason.FROM_NOT_OWNED),
        (b"bert@one.example", Reason.FROM_NOT_OWNED),
        (b"Anna <anna@one.example>, Bert <bert@one.example>", Reason.FROM_NOT_OWNED),
        (b"nobody@one.example", Reason.FROM_NOT_OWNED),
        (b"anna@elsewhere.example", Reason.FROM_NOT_OWNED),
        (b"anna@one.example@elsewhere.example", Reason.FROM_NOT_OWNED),
        (b"<>", Reason.NO_FROM),
        (b"", Reason.NO_FROM),
        (b"nobody:;", Reason.NO_FROM),
        # what some reader may take for the author
        (b"anna@one.example <anna@one.example>", None),
        (b"=?utf-8?q?boss=40bank.example?= <anna@one.example>", None),
        (b"=?utf-8?q?anna@one.example?= <anna@one.example>", None),
        (b"boss@bank.example <anna@one.example>", Reason.FROM_NOT_OWNED),
        (b"boss@bank.example anna@one.example", Reason.FROM_NOT_OWNED),
        (b"boss@bank.example (,) anna@one.example", Reason.FROM_NOT_OWNED),
        (b"boss@bank.example: anna@one.example;", Reason.FROM_NOT_OWNED),
        (b"team: anna@one.example, boss@bank.example;", Reason.FROM_NOT_OWNED),
        (b"<@bank.example:anna@one.example>", Reason.FROM_NOT_OWNED),
        (b"=?utf-8?q?<boss@bank.example>?= <anna@one.example>", Reason.FROM_NOT_OWNED),
        (b'"anna <boss@bank.example>, anna@one.example', Reason.FROM_NOT_OWNED),
        (b'"boss@bank.example"@one.example', Reason.FROM_NOT_OWNED),
        (b"boss, anna@one.example", Reason.FROM_NOT_OWNED),
        (b"anna @ (x) one.example", None),
    ],
)
def test_from_must_be_owned(written: bytes, fault: Reason | None) -> None:
    outcome = prepared(b"From: " + written + b"\r\n\r\n")
    if fault is None:
        assert isinstance(outcome, bytes)
    else:
        assert isinstance(outcome, Reason)
        assert outcome is fault or {outcome, fault} == {Reason.NO_FROM, Reason.FROM_NOT_OWNED}


@pytest.mark.parametrize(
    "more",
    [
        b"From: bert@one.example",
        b"from : boss@bank.example",
        b"FROM\t:\r\n boss@bank.example",
        b"From:",
        b"Resent-From: boss@bank.example",
        b"From: =?utf-8?q?boss?= <boss@b\xc3\xbccher.example>",
    ],
)
def test_every_from_field_counts(more: bytes) -> None:
    own = b"From: anna@one.example\r\n"
    for both in (own + more + b"\r\n\r\n", more + b"\r\n" + own + b"\r\n"):
        assert (prepared(both) is Reason.FROM_NOT_OWNED) is (more != b"From:")


def test_a_resent_field_of_another_is_refused_or_removed() -> None:
    assert isinstance(prepared(GOOD + b"Resent-From: team@one.example\r\n\r\n"), bytes)
    assert prepared(GOOD + b"Resent-Sender: boss@bank.example\r\n\r\n") == GOOD + b"\r\n"


@pytest.mark.parametrize(
    "line",
    [
        b"X: a\rFrom: boss@bank.example",
        b"X: a\nB: c",
        b"X: a\0",
        b"\0From: boss@bank.example",
        b"From\r\n : boss@bank.example",
        b"From\x0b: boss@bank.example",
        b"\x0bFrom: boss@bank.example",
        b"Bcc\r\n\t: secret@x",
    ],
)
def test_a_header_that_readers_could_take_for_another_is_refused(line: bytes) -> None:
    assert prepared(GOOD + line + b"\r\nTo: x@y\r\n\r\nbody") is Reason.HEADER_AMBIGUOUS


@pytest.mark.rfc("5322 §2.2.3", "MUST")
@pytest.mark.parametrize(
    "first",
    [b" <boss@bank.example>\r\n", b"\t<boss@bank.example>\r\n", b" \r\n <boss@bank.example>\r\n", b" \r\n"],
)
def test_a_first_line_never_continues_the_from_that_is_added(first: bytes) -> None:
    for rest in (b"Subject: x\r\n\r\nbody", b"\r\nbody", b"From: boss@bank.example\r\n\r\n"):
        octets = prepared(first + rest)
        assert isinstance(octets, bytes)
        header, body_start = Header.parse(octets)
        assert header.all("From") == [b"anna@one.example"]
        assert octets[body_start:] == first + rest


@pytest.mark.parametrize(
    "front",
    [
        b"\xef\xbb\xbf",
        b"From boss@bank.example Mon Jan  1 00:00:00 2024\r\n",
        b"\xef\xbb\xbf>From boss x\r\n",
    ],
)
def test_what_stands_in_front_of_the_first_field_is_removed(front: bytes) -> None:
    assert prepared(front + GOOD + b"\r\nbody") == GOOD + b"\r\nbody"
    assert prepared(front + b"From: boss@bank.example\r\n\r\n") is Reason.FROM_NOT_OWNED
    octets = prepared(front + b" <boss@bank.example>\r\n\r\n")
    assert isinstance(octets, bytes)
    assert Header.parse(octets)[0].all("From") == [b"anna@one.example"]


def test_a_header_with_more_fields_than_are_read_is_refused() -> None:
    fields = b"X: y\r\n" * MAX_FIELDS
    assert prepared(GOOD + fields + b"From: boss@bank.example\r\n\r\n") is Reason.HEADER_TOO_LARGE
    folded = b"X: y\r\n" + b" y\r\n" * MAX_FIELDS
    assert prepared(GOOD + folded + b"\r\n") == GOOD + folded + b"\r\n"


@pytest.mark.rfc("5322 §3.6.2", "MUST")
@pytest.mark.rfc("6409 §8.1", "MAY")
def test_sender() -> None:
    several = b"From: anna@one.example, team@one.example\r\n"
    octets = prepared(several + b"\r\n")
    assert isinstance(octets, bytes)
    assert b"Sender: anna@one.example\r\n" in octets
    octets = prepared(GOOD + b"Sender: bert@one.example\r\n\r\n")
    assert octets == b"Sender: anna@one.example\r\n" + GOOD + b"\r\n"
    assert prepared(GOOD + b"Sender: anna@one.example\r\n" * 2 + b"\r\n") == octets
    own = GOOD + b"Sender: team@one.example\r\n\r\n"
    assert prepared(own) is own


def test_text_without_a_header_stays_text() -> None:
    for text in (b"hello\r\n\r\nworld\r\n", b"hello\r\n", b"\r\nhello\r\n"):
        octets = prepared(text)
        assert isinstance(octets, bytes)
        header, _, body = octets.partition(b"\r\n\r\n")
        assert re.findall(rb"(?m)^[\w-]+", header) == [b"Message-ID", b"Date", b"From"]
        assert body.endswith(text.lstrip(b"\r\n"))
