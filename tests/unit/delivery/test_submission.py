import re

import pytest

from pillarbox.delivery.refusal import Reason
from pillarbox.delivery.submission import Submission, prepare
from pillarbox.directory import accounts, aliases, domains
from pillarbox.directory.schema import SCHEMA
from pillarbox.mail.address_tokens import MAX_ADDRESSES
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
    ],
)
def test_from_must_be_owned(written: bytes, fault: Reason | None) -> None:
    outcome = prepared(b"From: " + written + b"\r\n\r\n")
    if fault is None:
        assert isinstance(outcome, bytes)
    else:
        assert isinstance(outcome, Reason)
        assert outcome is fault or {outcome, fault} == {Reason.NO_FROM, Reason.FROM_NOT_OWNED}


def test_every_from_field_counts() -> None:
    two = b"From: anna@one.example\r\nFrom: bert@one.example\r\n\r\n"
    assert prepared(two) is Reason.FROM_NOT_OWNED


@pytest.mark.rfc("5322 §3.6.2", "MUST")
@pytest.mark.rfc("6409 §8.1", "MAY")
def test_sender() -> None:
    several = b"From: anna@one.example, team@one.example\r\n"
    octets = prepared(several + b"\r\n")
    assert isinstance(octets, bytes)
    assert b"Sender: anna@one.example\r\n" in octets
    octets = prepared(GOOD + b"Sender: bert@one.example\r\n\r\n")
    assert octets == b"Sender: anna@one.example\r\n" + GOOD + b"\r\n"
    own = GOOD + b"Sender: team@one.example\r\n\r\n"
    assert prepared(own) is own


def test_text_without_a_header_stays_text() -> None:
    for text in (b"hello\r\n\r\nworld\r\n", b"hello\r\n", b"\r\nhello\r\n"):
        octets = prepared(text)
        assert isinstance(octets, bytes)
        header, _, body = octets.partition(b"\r\n\r\n")
        assert re.findall(rb"(?m)^[\w-]+", header) == [b"Message-ID", b"Date", b"From"]
        assert body.endswith(text.lstrip(b"\r\n"))
