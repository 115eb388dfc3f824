"""Which thread a message belongs to."""

from hashlib import blake2b

import pytest

from pillarbox.mail.identifiers import ThreadId
from pillarbox.store import threads
from tests.kit.stored_mail import ANNA, BOB, octets, open_store, put


def test_a_reply_joins_the_thread_of_its_parent() -> None:
    with open_store() as tx:
        first = put(tx, octets(subject="Plan", message_id="<1@x>"))
        reply = put(tx, octets(subject="Re: Plan", message_id="<2@x>", in_reply_to="<1@x>"), to="Sent")
        deeper = put(tx, octets(subject="RE: plan", message_id="<3@x>", references="<1@x> <2@x>"))
        assert first.thread_id == ThreadId(first.email_id)
        assert reply.thread_id == deeper.thread_id == first.thread_id


def test_the_order_of_arrival_does_not_matter() -> None:
    with open_store() as tx:
        reply = put(tx, octets(subject="Re: Plan", message_id="<2@x>", references="<1@x>"))
        sibling = put(tx, octets(subject="Re: Plan", message_id="<3@x>", references="<1@x>"))
        first = put(tx, octets(subject="Plan", message_id="<1@x>"))
        assert reply.thread_id == sibling.thread_id == first.thread_id


@pytest.mark.rfc("8621 §3", "SHOULD")
def test_another_subject_is_another_thread() -> None:
    with open_store() as tx:
        first = put(tx, octets(subject="Plan", message_id="<1@x>"))
        other = put(tx, octets(subject="Lunch", message_id="<2@x>", references="<1@x>"))
        assert other.thread_id != first.thread_id


def test_a_reply_without_references_joins_the_latest_of_that_subject() -> None:
    with open_store() as tx:
        old = put(tx, octets(subject="Plan", message_id="<1@x>"))
        new = put(tx, octets(subject="Plan", message_id="<2@x>"))
        reply = put(tx, octets(subject="Re: Plan", message_id="<3@x>"))
        assert old.thread_id != new.thread_id
        assert reply.thread_id == new.thread_id


def test_the_same_subject_alone_joins_nothing() -> None:
    with open_store() as tx:
        first = put(tx, octets(subject="Invoice", message_id="<1@x>"))
        second = put(tx, octets(subject="Invoice", message_id="<2@x>"))
        empty = [put(tx, octets(message_id="<4@x>")), put(tx, octets(subject="Re: ", message_id="<5@x>"))]
        assert len({first.thread_id, second.thread_id, *(one.thread_id for one in empty)}) == 4


def test_threads_stay_within_an_account() -> None:
    with open_store(ANNA, BOB) as tx:
        hers = put(tx, octets(subject="Plan", message_id="<1@x>"))
        his = put(tx, octets(subject="Re: Plan", message_id="<2@x>", references="<1@x>"), account=BOB)
        assert hers.thread_id != his.thread_id


@pytest.mark.rfc("8474 §5.2", "MUST NOT")
def test_a_message_that_would_join_two_threads_joins_the_older_and_changes_neither() -> None:
    with open_store() as tx:
        one = put(tx, octets(subject="Plan", message_id="<1@x>"))
        two = put(tx, octets(subject="Plan", message_id="<2@x>"))
        both = put(tx, octets(subject="Re: Plan", message_id="<3@x>", references="<2@x> <1@x>"))
        assert both.thread_id == one.thread_id
        assert tx.rows("SELECT thread FROM placements ORDER BY uid") == [
            (one.thread_id,),
            (two.thread_id,),
            (one.thread_id,),
        ]


def test_keys_of_one_subject_are_neighbours() -> None:
    with open_store() as tx:
        for number in range(40):
            put(
                tx, octets(subject=f"Plan {number % 4}", message_id=f"<{number}@x>", references="<0@x> <r@y>")
            )
        upper = [key >> 48 for (key,) in tx.rows("SELECT hash FROM thread_keys WHERE account = ?", (ANNA,))]
        assert len(upper) > 40
        assert len(set(upper)) == 4
        assert min(upper) < 0 < max(upper)


def test_a_reply_joins_a_thread_whose_keys_are_older_than_their_order() -> None:
    with open_store() as tx:
        first = put(tx, octets(subject="Plan", message_id="<1@x>"))
        subject = tx.value("SELECT base_subject FROM emails")
        before, of_subject = (
            int.from_bytes(blake2b(f"{name}\n{subject}".encode(), digest_size=8).digest(), "big", signed=True)
            for name in ("1@x", "")
        )
        tx.execute("UPDATE thread_keys SET hash = ? WHERE hash <> ?", (before, of_subject))
        assert list(threads.emails_without_key(tx)) == []
        reply = put(tx, octets(subject="Re: Plan", message_id="<2@x>", in_reply_to="<1@x>"))
        anonymous = put(tx, octets(subject="Re: Plan", references="<1@x>"))
        assert reply.thread_id == anonymous.thread_id == first.thread_id


def test_many_references_are_bounded() -> None:
    with open_store() as tx:
        first = put(tx, octets(subject="Plan", message_id="<0@x>"))
        chain = " ".join(f"<{n}@x>" for n in range(500))
        reply = put(tx, octets(subject="Re: Plan", message_id="<r@x>", references=chain))
        assert reply.thread_id == first.thread_id
        assert tx.value("SELECT count(*) FROM thread_keys") < 40
