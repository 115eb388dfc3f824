"""The feed of the full-text index: how far it goes at a time, and what becomes of emails that can't be read."""

import pytest

from pillarbox.mail.query import Body
from pillarbox.store import mailboxes, orphans, placements
from pillarbox.store.search import feeding, index
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.searching import BLOBS, catch_up, find, gathered, searchable
from tests.kit.stored_mail import ANNA, BOB, mailbox, octets, open_store, put


def test_the_feed_goes_account_by_account_and_ends() -> None:
    with open_store(ANNA, BOB) as tx:
        for _ in range(feeding.MAX_ATTEMPT_MESSAGES + 3):
            put(tx)
            put(tx, account=BOB)
        assert catch_up(tx) == 2 * (feeding.MAX_ATTEMPT_MESSAGES + 3)
        assert feeding.begin(tx) is None
        assert tx.value("SELECT count(*) FROM search_index") == 2 * (feeding.MAX_ATTEMPT_MESSAGES + 3)


# --- emails that end the process, or whose reading fails


def given_up(tx: SqliteTransaction) -> list[int]:
    return [email for (email,) in tx.rows("SELECT email FROM search_given_up ORDER BY email")]


def crash_at(tx: SqliteTransaction, email: int) -> int:
    """Index what can be, as if the process ended whenever this email is read; how often it ended."""
    crashes = 0
    while (attempt := feeding.begin(tx, 32)) is not None:
        while (batch := feeding.gather(tx, BLOBS, attempt, 8)) is not None:
            if any(given.after < email <= given.upto for given in batch.accounts):
                crashes += 1
                break
            feeding.feed(tx, batch)
        assert crashes < 5
    return crashes


@pytest.mark.parametrize("place", [0, 7, 19, 39])
def test_an_email_that_ends_the_process_is_given_up_on(place: int) -> None:
    with open_store() as tx:
        emails = [put(tx, octets(f"filler {number}")).email_id for number in range(40)]
        put(tx, octets("the last one"))
        assert crash_at(tx, emails[place]) == 2
        assert given_up(tx) == [emails[place]]
        assert tx.value("SELECT count(*) FROM search_index_docsize") == 40
        assert find(tx, Body(f"filler {place}"))[0] == place + 1
        assert len(find(tx, Body("filler"))) == 40
        assert feeding.begin(tx) is None


def test_an_email_whose_reading_fails_once_is_indexed() -> None:
    with open_store() as tx:
        for number in range(10):
            put(tx, octets(f"filler {number}"))
        assert feeding.begin(tx) is not None  # and the process ends
        assert catch_up(tx) == 10
        assert given_up(tx) == []
        assert tx.value("SELECT count(*) FROM search_unindexed") == 0


def test_after_a_failure_emails_are_read_one_by_one_and_then_many_again() -> None:
    with open_store() as tx:
        emails = [put(tx, octets(f"filler {number}")).email_id for number in range(3)]
        feeding.begin(tx)
        emails += [put(tx, octets(f"filler {number}")).email_id for number in range(3, 10)]
        ends = []
        while (attempt := feeding.begin(tx)) is not None:
            ends += [span.upto for span in attempt.spans]
            while (batch := feeding.gather(tx, BLOBS, attempt)) is not None:
                feeding.feed(tx, batch)
        assert ends == [*emails[:3], emails[-1]]


def test_an_attempt_that_is_released_does_not_count() -> None:
    with open_store() as tx:
        put(tx)
        for _ in range(5):
            attempt = feeding.begin(tx)
            assert attempt is not None
            feeding.release(tx, attempt)
        assert catch_up(tx) == 1
        assert given_up(tx) == []


def test_an_email_given_up_on_is_forgotten_with_it() -> None:
    with open_store() as tx:
        email = put(tx).email_id
        assert crash_at(tx, email) == 2
        placements.expunge(tx, ANNA, mailbox(tx), deleted_only=False)
        orphans.sweep(tx)
        assert given_up(tx) == []


# --- how much is fed at once


def test_few_characters_are_fed_at_once() -> None:
    with open_store() as tx:
        for number in range(8):
            put(tx, octets(f"filler {number} " * 40))
        attempt = feeding.begin(tx)
        assert attempt is not None
        batch = feeding.gather(tx, BLOBS, attempt, max_gathered_characters=500)
        assert batch is not None
        assert [len(given.texts) for given in batch.accounts] == [2]
        assert not batch.is_last
        assert feeding.feed(tx, batch) == (2, None)
        assert catch_up(tx) == 6


def test_feeding_ends_when_its_time_is_over_and_goes_on_from_there() -> None:
    with open_store(ANNA, BOB) as tx:
        for account in (BOB, ANNA, BOB, ANNA, BOB):
            put(tx, account=account)
        batch: feeding.Batch | None = gathered(tx)
        fed = []
        while batch:
            emails, batch = feeding.feed(tx, batch, lambda: True)
            fed.append(emails)
            indexed = tx.value("SELECT count(*) FROM search_index_docsize")
            assert indexed == sum(fed) == 5 - index.backlog(tx, limit=9)
        assert fed == [1] * 5
        assert catch_up(tx) == 0


def test_what_is_left_of_a_batch_is_not_indexed_twice() -> None:
    with open_store() as tx:
        for _ in range(3):
            put(tx)
        _, rest = feeding.feed(tx, gathered(tx), lambda: True)
        assert rest is not None
        assert feeding.feed(tx, rest) == (2, None)
        assert feeding.feed(tx, rest) == (0, None)
        assert feeding.feed(tx, rest, lambda: True) == (0, None)


def test_one_attempt_has_the_mail_of_many_accounts_and_those_with_the_fewest_first() -> None:
    with open_store(ANNA, BOB) as tx:
        for _ in range(4):
            put(tx)
        put(tx, account=BOB)
        assert feeding.behind(tx) == [BOB, ANNA]
        attempt = feeding.begin(tx, 3)
        assert attempt is not None
        assert [span.account for span in attempt.spans] == [BOB, ANNA]
        batch = feeding.gather(tx, BLOBS, attempt)
        assert batch is not None
        assert feeding.feed(tx, batch) == (3, None)
        assert feeding.behind(tx) == [ANNA]
        assert catch_up(tx) == 2


def test_an_account_that_is_named_is_fed_first() -> None:
    with open_store(ANNA, BOB) as tx:
        put(tx, account=BOB)
        for _ in range(4):
            put(tx)
        attempt = feeding.begin(tx, 3, [ANNA, BOB])
        assert attempt is not None
        assert [span.account for span in attempt.spans] == [ANNA]
        assert feeding.begin(tx, 3, []) is None


def test_an_email_that_may_be_given_up_on_is_read_alone() -> None:
    with open_store(ANNA, BOB) as tx:
        suspects = [put(tx, account=account).email_id for account in (ANNA, BOB)]
        feeding.begin(tx)  # and the process ends
        others = [put(tx, account=account).email_id for account in (ANNA, BOB)]
        ends = []
        while (attempt := feeding.begin(tx)) is not None:
            ends.append([span.upto for span in attempt.spans])
            while (batch := feeding.gather(tx, BLOBS, attempt)) is not None:
                feeding.feed(tx, batch)
        assert ends[:2] == [[suspects[0]], [suspects[1]]]
        assert sorted(email for end in ends[2:] for email in end) == others
        assert given_up(tx) == []


def test_a_long_text_is_fed_without_what_repeats() -> None:
    with searchable("none") as tx:
        put(tx, octets("the same words again and again " * 2_000 + "needle" + " and again" * 2_000))
        for number in range(9):
            put(tx, octets("other words " * 20 * number))
        catch_up(tx)
        assert tx.value("SELECT count(*) FROM search_unindexed") == 0
        assert find(tx, Body("again needle and again")) == [28]
        assert index.narrow(tx, ANNA, mailbox(tx), (1, 99), "again needle and again") == {28}


def test_a_text_of_too_many_trigrams_is_found_all_the_same() -> None:
    with searchable("none") as tx:
        put(tx, octets("".join(map(chr, range(0x4E00, 0x4E00 + 4_000))) + "needle"))
        attempt = feeding.begin(tx)
        assert attempt is not None
        while (batch := feeding.gather(tx, BLOBS, attempt, max_fed_characters=1_000)) is not None:
            feeding.feed(tx, batch)
        assert tx.value("SELECT count(*) FROM search_unindexed") == 1
        assert find(tx, Body("needle")) == [28]


def test_a_text_that_takes_too_long_to_read_is_not_indexed() -> None:
    with open_store() as tx:
        put(tx, octets("<" * 17 * 1024 * 1024, content_type="text/html"))
        assert catch_up(tx) == 1
        assert tx.value("SELECT count(*) FROM search_unindexed") == 1


def test_two_feeders_do_not_index_twice() -> None:
    with open_store() as tx:
        put(tx)
        batch = gathered(tx)
        assert feeding.feed(tx, batch).emails == 1
        assert feeding.feed(tx, batch).emails == 0


def test_what_went_between_gathering_and_feeding_is_not_indexed() -> None:
    with open_store() as tx:
        put(tx)
        batch = gathered(tx)
        placements.expunge(tx, ANNA, mailbox(tx), deleted_only=False)
        orphans.sweep(tx)
        assert feeding.feed(tx, batch).emails == 0
        assert tx.value("SELECT count(*) FROM search_index") == 0
        assert feeding.begin(tx) is None


def test_the_sweep_takes_an_email_out_of_the_index() -> None:
    with open_store() as tx:
        put(tx)
        catch_up(tx)
        placements.expunge(tx, ANNA, mailbox(tx), deleted_only=False)
        orphans.sweep(tx)
        assert tx.value("SELECT count(*) FROM search_index") == 0


def test_a_deleted_accounts_backlog_is_nobodys() -> None:
    with open_store(ANNA, BOB) as tx:
        put(tx, octets("hers"))
        mailboxes.delete_account(tx, ANNA)
        assert catch_up(tx) == 0
