"""Changing and destroying emails by their ids: what IMAP sees of it, and what is refused."""

import pytest

from pillarbox.mail import flags as flag_text
from pillarbox.mail.flags import MAX_KEYWORDS
from pillarbox.mail.identifiers import EmailId, MailboxId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, changes, emails, fetch, flag_texts, flags, mailboxes, placements
from pillarbox.store.changes import ChangeKind
from pillarbox.store.email_set import EmailChange, Outcome, destroy_emails, set_emails
from pillarbox.store.fetch import Column
from pillarbox.store.flags import Mode
from pillarbox.store.placements import COPY_OCTETS
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put

FIRST = NumberSet(((1, 1),))


def _messages(tx: SqliteTransaction, name: str) -> list[tuple[int, str]]:
    rows = fetch.rows(tx, ANNA, mailbox(tx, name), EVERYTHING, [Column.FLAGS])
    return [(uid, text) for uid, text in rows]


def _set(tx: SqliteTransaction, *wanted: EmailChange, quota_octets: int | None = None) -> list[Outcome]:
    done = set_emails(tx, ANNA, wanted, now_ms=NOW_MS, quota_octets=quota_octets)
    return [done.outcomes[change.email] for change in wanted]


def test_many_emails_are_moved_and_read_in_one_step() -> None:
    with open_store() as tx:
        ids = [put(tx, octets(str(number))).email_id for number in range(30)]
        before = account_counters.modseq(tx, ANNA)
        archive = frozenset([mailbox(tx, "Archive")])
        wanted = [EmailChange(email, mailboxes=archive, added_keywords="\\Seen") for email in ids]
        assert _set(tx, *wanted) == [Outcome.CHANGED] * 30
        assert _messages(tx, "INBOX") == []
        assert _messages(tx, "Archive") == [(uid, "\\Seen") for uid in range(1, 31)]
        log = changes.log(tx, ANNA, before)
        assert {(row.modseq, row.kind, row.first, row.last) for row in log} == {
            (before + 1, ChangeKind.EXPUNGED, 1, 30),
            (before + 1, ChangeKind.APPENDED, 1, 30),
        }
        assert mailboxes.by_id(tx, ANNA, mailbox(tx, "Archive")).unseen == 0
        assert _set(tx, *wanted) == [Outcome.UNCHANGED] * 30
        assert account_counters.modseq(tx, ANNA) == before + 1


def test_all_messages_of_an_email_get_the_same_keywords_but_for_deleted() -> None:
    with open_store() as tx:
        email = put(tx, flags="\\Answered $Work").email_id
        for name in ("Archive", "Sent"):
            placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, name), now_ms=NOW_MS)
        flags.alter(tx, ANNA, mailbox(tx, "Sent"), FIRST, mode=Mode.ADD, flags="\\Deleted")
        flags.alter(tx, ANNA, mailbox(tx, "Archive"), FIRST, mode=Mode.REPLACE, flags="$Home")
        assert _set(tx, EmailChange(email, added_keywords="\\Flagged", removed_keywords="$home")) == [
            Outcome.CHANGED
        ]
        assert _messages(tx, "INBOX") == _messages(tx, "Archive") == [(1, "\\Answered \\Flagged $Work")]
        assert _messages(tx, "Sent") == [(1, "\\Answered \\Deleted $Work")]
        assert _set(tx, EmailChange(email, keywords="$WORK \\Answered \\Flagged")) == [Outcome.UNCHANGED]
        assert _set(tx, EmailChange(email, keywords="")) == [Outcome.CHANGED]
        assert emails.by_id(tx, ANNA, [email])[email].flags == ""


def test_an_email_keeps_its_keywords_when_it_leaves_the_mailbox_that_had_them() -> None:
    with open_store() as tx:
        email = put(tx).email_id
        placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, "Archive"), now_ms=NOW_MS)
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.ADD, flags="\\Seen")
        before = account_counters.modseq(tx, ANNA)
        assert _set(tx, EmailChange(email, removed_from=frozenset([mailbox(tx)]))) == [Outcome.CHANGED]
        assert _messages(tx, "Archive") == [(1, "\\Seen")]
        kinds = {row.kind for row in changes.log(tx, ANNA, before)}
        assert kinds == {ChangeKind.EXPUNGED, ChangeKind.FLAGGED, ChangeKind.UPDATED}
        assert tx.value("SELECT count(*) FROM orphans") == 0


def test_each_is_changed_wholly_or_not_at_all() -> None:
    with open_store(ANNA, BOB) as tx:
        ids = [put(tx, octets(str(number))).email_id for number in range(5)]
        bobs = put(tx, account=BOB).email_id
        trash = mailbox(tx, "Trash")
        many = flag_text.canonical(f"k{number}" for number in range(MAX_KEYWORDS))
        assert _set(
            tx,
            EmailChange(ids[0], mailboxes=frozenset()),
            EmailChange(ids[1], mailboxes=frozenset([trash, MailboxId(99)]), keywords="\\Seen"),
            EmailChange(ids[2], mailboxes=frozenset([trash]), keywords=many, added_keywords="more"),
            EmailChange(bobs, keywords="\\Seen"),
            EmailChange(EmailId(7), keywords="\\Seen"),
            EmailChange(ids[3], mailboxes=frozenset([trash])),
            EmailChange(ids[4], removed_from=frozenset([mailbox(tx)])),
        ) == [
            Outcome.IN_NO_MAILBOX,
            Outcome.NO_SUCH_MAILBOX,
            Outcome.TOO_MANY_KEYWORDS,
            Outcome.NOT_FOUND,
            Outcome.NOT_FOUND,
            Outcome.CHANGED,
            Outcome.IN_NO_MAILBOX,
        ]
        assert _messages(tx, "INBOX") == [(1, ""), (2, ""), (3, ""), (5, "")]
        assert _messages(tx, "Trash") == [(1, "")]


def test_a_mailbox_that_may_have_no_more_different_keywords_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_store() as tx:
        ids = [put(tx, octets(str(number))).email_id for number in range(600)]
        texts = [
            flag_text.canonical(f"{number:03}{word:03}{'x' * 110}" for word in range(8))
            for number in range(600)
        ]
        wanted = [EmailChange(email, keywords=text) for email, text in zip(ids, texts, strict=True)]
        outcomes = _set(tx, *wanted)
        fit = flag_texts.MAX_MAILBOX_OCTETS // len(texts[0])
        assert outcomes == [Outcome.CHANGED] * fit + [Outcome.TOO_MANY_KEYWORDS] * (600 - fit)
        assert [text for _, text in _messages(tx, "INBOX")] == texts[:fit] + [""] * (600 - fit)


def test_copies_count_towards_the_quota_and_moves_do_not() -> None:
    with open_store() as tx:
        ids = [put(tx, octets(str(number))).email_id for number in range(3)]
        used = account_counters.usage(tx, ANNA).octets
        sent, trash = mailbox(tx, "Sent"), mailbox(tx, "Trash")
        wanted = [EmailChange(email, added_to=frozenset([sent])) for email in ids]
        assert _set(tx, *wanted, quota_octets=used + 2 * COPY_OCTETS) == [
            Outcome.CHANGED,
            Outcome.CHANGED,
            Outcome.OVER_QUOTA,
        ]
        moved = EmailChange(ids[2], mailboxes=frozenset([trash]))
        assert _set(tx, moved, quota_octets=0) == [Outcome.CHANGED]


def test_an_email_is_destroyed_with_all_its_messages() -> None:
    with open_store() as tx:
        first, second = put(tx, octets("one")).email_id, put(tx, octets("two")).email_id
        for name in ("Archive", "Sent"):
            placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, name), now_ms=NOW_MS)
        flags.alter(tx, ANNA, mailbox(tx, "Sent"), FIRST, mode=Mode.ADD, flags="\\Deleted")
        before = account_counters.modseq(tx, ANNA)
        done = destroy_emails(tx, ANNA, [first, EmailId(5)])
        assert done.outcomes == {first: Outcome.CHANGED, EmailId(5): Outcome.NOT_FOUND}
        assert done.modseq == before + 1 == account_counters.modseq(tx, ANNA)
        assert tx.rows("SELECT email FROM placements") == [(second,)]
        assert tx.rows("SELECT email FROM orphans") == [(first,)]
        log = [row for row in changes.log(tx, ANNA, before) if row.mailbox == changes.NO_MAILBOX]
        assert [(row.kind, row.first, row.last) for row in log] == [(ChangeKind.DESTROYED, first, first)]
        assert destroy_emails(tx, ANNA, [first]).modseq is None
