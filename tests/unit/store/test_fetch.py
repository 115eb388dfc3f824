"""Reading many messages at once."""

from functools import partial

import pytest

from pillarbox.mail.identifiers import Uid
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.store import fetch
from pillarbox.store.fetch import Column, NoSuchMessage
from pillarbox.world.blobs import DatabaseBlobs
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put


def test_every_column_gives_what_was_rendered() -> None:
    text = octets(
        "Hello",
        subject="Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        to="Bob <bob@two.example>",
        cc="c@x",
        message_id="<2@x>",
        references="<0@x> <1@x>",
        date="Wed, 15 Nov 2023 01:00:00 +0500",
    )
    summary = summarize(text)
    with open_store() as tx:
        done = put(tx, text, flags="\\Seen")
        (row,) = fetch.rows(tx, ANNA, mailbox(tx), EVERYTHING, list(Column))
        got = dict(zip(Column, row[1:], strict=True))
        assert got.pop(Column.BLOB) == tx.value("SELECT digest FROM blobs")
        assert got == {
            Column.EMAIL: done.email_id,
            Column.THREAD: done.thread_id,
            Column.SIZE: len(text),
            Column.RECEIVED_AT_MS: NOW_MS,
            Column.RECEIVED_AT_S: NOW_MS // 1000,
            Column.SENT_AT_MS: summary.sent_at_ms,
            Column.SAVED_AT_MS: NOW_MS,
            Column.SAVED_AT_S: NOW_MS // 1000,
            Column.FLAGS: "\\Seen",
            Column.MODSEQ: done.modseq,
            Column.HEADER_SIZE: summary.header_size,
            Column.CRLF_SIZE: summary.crlf_size,
            Column.HAS_ATTACHMENT: 0,
            Column.SUBJECT: summary.subject,
            Column.BASE_SUBJECT: summary.base_subject,
            Column.IS_REPLY: 1,
            Column.SORT_FROM: summary.sort_from,
            Column.SORT_TO: summary.sort_to,
            Column.SORT_CC: summary.sort_cc,
            Column.SORT_DISPLAY_FROM: summary.sort_display_from,
            Column.SORT_DISPLAY_TO: summary.sort_display_to,
            Column.MESSAGE_ID: "2@x",
            Column.LINKS: "0@x\n1@x",
            Column.ENVELOPE: summary.envelope,
            Column.BODYSTRUCTURE: summary.bodystructure,
            Column.BODY: summary.body,
            Column.CACHED_FIELDS: summary.cached_fields,
            Column.PREVIEW: summary.preview,
            Column.OCTETS: text,
            Column.LOCATION: None,
        }


def test_rows_come_by_uid_and_only_those_asked_for() -> None:
    with open_store(ANNA, BOB) as tx:
        for _ in range(6):
            put(tx)
        put(tx, account=BOB)
        asked = NumberSet.of([2, 3, 6, 9])
        assert fetch.rows(tx, ANNA, mailbox(tx), asked, ()) == [(2,), (3,), (6,)]
        assert fetch.rows(tx, ANNA, mailbox(tx), NumberSet(), (Column.SIZE,)) == []


def test_seconds_are_rounded_down_before_the_epoch_too() -> None:
    moments = [-2001, -2000, -1, 0, 1999]
    with open_store() as tx:
        for at_ms in moments:
            put(tx, received_at_ms=at_ms)
        rows = fetch.rows(tx, ANNA, mailbox(tx), EVERYTHING, (Column.RECEIVED_AT_S,))
        assert [seconds for _, seconds in rows] == [at_ms // 1000 for at_ms in moments]


def test_rows_until_there_are_octets_enough() -> None:
    with open_store() as tx:
        for _ in range(40):
            put(tx)
        asked, columns = NumberSet.of([1, *range(3, 36), 37, 39]), (Column.ENVELOPE,)
        every = fetch.rows(tx, ANNA, mailbox(tx), asked, columns)
        one = len(every[0][1])

        def within(octets: int) -> list[int]:
            page = fetch.rows_within(tx, ANNA, mailbox(tx), asked, columns, octets)
            assert page.rows == every[: len(page.rows)]
            assert page.octets == sum(len(envelope) for _, envelope in page.rows)
            return list(page.left)

        assert within(0) == [*range(3, 36), 37, 39]
        assert within(one) == [*range(19, 36), 37, 39], "a run of UIDs is a query, read by slices"
        assert within(17 * one) == [35, 37, 39]
        assert within(34 * one) == [39]
        assert within(99 * one) == []


def test_rows_without_what_was_rendered_are_not_counted() -> None:
    with open_store() as tx:
        for _ in range(3):
            put(tx)
        page = fetch.rows_within(tx, ANNA, mailbox(tx), NumberSet.of([1, 2, 3]), (Column.SIZE,), 0)
        assert [uid for uid, _ in page.rows] == [1, 2, 3]
        assert (page.octets, list(page.left)) == (0, [])


def test_octets_by_slices() -> None:
    text = octets("0123456789")
    with open_store() as tx:
        put(tx, text)
        read = partial(fetch.octets, tx, DatabaseBlobs(), ANNA, mailbox(tx), Uid(1))
        assert read() == text
        assert read(start=len(text) - 4, length=2) == b"67"
        with pytest.raises(NoSuchMessage):
            fetch.octets(tx, DatabaseBlobs(), ANNA, mailbox(tx), Uid(2))


def test_an_email_of_another_account_is_not_found() -> None:
    with open_store(ANNA, BOB) as tx:
        his = put(tx, account=BOB)
        assert fetch.find(tx, ANNA, his.email_id) == []
