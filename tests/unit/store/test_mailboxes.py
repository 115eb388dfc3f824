"""Creating, renaming, deleting, subscribing mailboxes."""

import pytest

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.mailbox_name import InvalidMailboxName
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, fetch, mailboxes, orphans, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox import Role
from pillarbox.store.mailboxes import CannotDeleteInbox, MailboxExists, NestedInItself
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put


def _names(tx: SqliteTransaction, account: AccountId = ANNA) -> list[str]:
    return [box.name for box in mailboxes.listing(tx, account)]


def test_an_account_begins_with_its_special_mailboxes() -> None:
    with open_store() as tx:
        listed = mailboxes.listing(tx, ANNA)
        assert [(box.name, box.role and box.role.attribute) for box in listed] == [
            ("Archive", "\\Archive"),
            ("Drafts", "\\Drafts"),
            ("INBOX", None),
            ("Junk", "\\Junk"),
            ("Sent", "\\Sent"),
            ("Trash", "\\Trash"),
        ]
        assert all(box.subscribed for box in listed)
        assert mailboxes.by_role(tx, ANNA, Role.SENT) == mailboxes.by_name(tx, ANNA, "Sent")
        assert mailboxes.by_role(tx, ANNA, Role.ALL) is None


@pytest.mark.parametrize(("role", "before"), [(Role.SENT, "Sent"), (Role.ALL, None)])
def test_a_role_has_one_mailbox(role: Role, before: str | None) -> None:
    with open_store() as tx:
        new = mailboxes.create(tx, ANNA, "New", now_ms=NOW_MS)
        since = account_counters.modseq(tx, ANNA)
        mailboxes.set_role(tx, ANNA, new.id, role)
        assert [box.name for box in mailboxes.listing(tx, ANNA) if box.role is role] == ["New"]
        changed = {change.mailbox for change in changes.log(tx, ANNA, since)}
        assert changed == {new.id} | ({mailboxes.by_name(tx, ANNA, before).id} if before else set())


def test_defaults_are_made_once() -> None:
    with open_store() as tx:
        before = mailboxes.listing(tx, ANNA)
        mailboxes.create_defaults(tx, ANNA, now_ms=NOW_MS)
        assert mailboxes.listing(tx, ANNA) == before


@pytest.mark.rfc("9051 §6.3.4", "SHOULD")
def test_create_makes_missing_parents() -> None:
    with open_store() as tx:
        mailboxes.create(tx, ANNA, "Work/2026/May/", now_ms=NOW_MS)
        assert {"Work", "Work/2026", "Work/2026/May"} <= set(_names(tx))


def test_create_refuses_existing_and_invalid_names() -> None:
    with open_store() as tx:
        with pytest.raises(MailboxExists):
            mailboxes.create(tx, ANNA, "inbox", now_ms=NOW_MS)
        with pytest.raises(InvalidMailboxName):
            mailboxes.create(tx, ANNA, "a//b", now_ms=NOW_MS)
        with pytest.raises(account_counters.NoSuchAccount):
            mailboxes.create(tx, BOB, "x", now_ms=NOW_MS)


@pytest.mark.rfc("9051 §2.3.1.1", "MUST")
def test_a_name_made_again_has_a_higher_uid_validity() -> None:
    with open_store() as tx:
        first = mailboxes.create(tx, ANNA, "Work", now_ms=NOW_MS)
        mailboxes.delete(tx, ANNA, first.id)
        again = mailboxes.create(tx, ANNA, "Work", now_ms=NOW_MS - 5000)
        assert again.uid_validity > first.uid_validity
        assert again.id > first.id
        every = [box.uid_validity for box in mailboxes.listing(tx, ANNA)]
        assert len(set(every)) == len(every)


def test_uid_validity_follows_the_clock() -> None:
    with open_store() as tx:
        assert mailboxes.create(tx, ANNA, "x", now_ms=NOW_MS + 10**6).uid_validity == NOW_MS // 1000 + 1000


@pytest.mark.rfc("9051 §6.3.5", "MUST NOT")
def test_deleting_a_mailbox_leaves_those_below() -> None:
    with open_store() as tx:
        mailboxes.create(tx, ANNA, "Work/2026", now_ms=NOW_MS)
        mailboxes.delete(tx, ANNA, mailbox(tx, "Work"))
        assert "Work" not in _names(tx)
        assert "Work/2026" in _names(tx)


def test_deleting_a_mailbox_destroys_its_messages_alone() -> None:
    with open_store() as tx:
        work = mailboxes.create(tx, ANNA, "Work", now_ms=NOW_MS).id
        only_here = put(tx, octets("one"), to="Work")
        elsewhere = put(tx, octets("two"), to="Work")
        placements.copy(tx, ANNA, work, NumberSet.of([elsewhere.uid]), to=mailbox(tx), now_ms=NOW_MS)
        size = len(octets("two"))
        mailboxes.delete(tx, ANNA, work)
        assert account_counters.usage(tx, ANNA) == account_counters.Usage(size, 1)
        assert fetch.find(tx, ANNA, only_here.email_id) == []
        assert len(fetch.find(tx, ANNA, elsewhere.email_id)) == 1
        for table in ("placements", "flags"):
            assert tx.value(f"SELECT count(*) FROM {table} WHERE mailbox = ?", (work,)) == 0
        kinds = [(c.kind, c.mailbox) for c in changes.log(tx, ANNA, elsewhere.modseq)]
        assert (ChangeKind.MAILBOX_DELETED, work) in kinds
        assert (ChangeKind.DESTROYED, changes.NO_MAILBOX) in kinds


@pytest.mark.rfc("9051 §6.3.5", "MUST")
def test_inbox_stays() -> None:
    with open_store() as tx, pytest.raises(CannotDeleteInbox):
        mailboxes.delete(tx, ANNA, mailbox(tx))


@pytest.mark.parametrize("verb", ["by_id", "delete", "claim_recent"])
def test_a_mailbox_that_is_not_there(verb: str) -> None:
    with open_store() as tx, pytest.raises(NoSuchMailbox):
        getattr(mailboxes, verb)(tx, ANNA, MailboxId(99))


def test_a_name_that_is_not_there() -> None:
    with open_store() as tx, pytest.raises(NoSuchMailbox):
        mailboxes.by_name(tx, ANNA, "Nowhere")


@pytest.mark.rfc("9051 §6.3.6", "MUST")
def test_rename_includes_mailboxes_below() -> None:
    with open_store() as tx:
        for name in ("Work", "Work/2026", "Work/2026/May", "Workshop"):
            if name not in _names(tx):
                mailboxes.create(tx, ANNA, name, now_ms=NOW_MS)
        work = mailboxes.by_name(tx, ANNA, "Work")
        mailboxes.rename(tx, ANNA, work.id, "Old/Job", now_ms=NOW_MS)
        assert {"Old", "Old/Job", "Old/Job/2026", "Old/Job/2026/May", "Workshop"} <= set(_names(tx))
        assert not {"Work", "Work/2026"} & set(_names(tx))
        renamed = mailboxes.by_name(tx, ANNA, "Old/Job")
        assert (renamed.id, renamed.uid_validity) == (work.id, work.uid_validity)


@pytest.mark.rfc("9051 §6.3.6", "MUST")
def test_renaming_inbox_moves_its_messages() -> None:
    with open_store() as tx:
        put(tx, flags="\\Seen")
        mailboxes.create(tx, ANNA, "INBOX/below", now_ms=NOW_MS)
        mailboxes.rename(tx, ANNA, mailbox(tx), "Past", now_ms=NOW_MS)
        past, inbox = mailboxes.by_name(tx, ANNA, "Past"), mailboxes.by_name(tx, ANNA, "INBOX")
        assert (past.messages, past.unseen, inbox.messages, inbox.uid_next) == (1, 0, 0, 2)
        assert "INBOX/below" in _names(tx)


def test_renaming_an_empty_inbox() -> None:
    with open_store() as tx:
        mailboxes.rename(tx, ANNA, mailbox(tx), "Past", now_ms=NOW_MS)
        assert mailboxes.by_name(tx, ANNA, "Past").messages == 0


def test_rename_refusals() -> None:
    with open_store() as tx:
        mailboxes.create(tx, ANNA, "a/c", now_ms=NOW_MS)
        mailboxes.create(tx, ANNA, "b/c", now_ms=NOW_MS)
        mailboxes.delete(tx, ANNA, mailbox(tx, "b"))
        with pytest.raises(MailboxExists):
            mailboxes.rename(tx, ANNA, mailbox(tx, "a"), "Sent", now_ms=NOW_MS)
        with pytest.raises(MailboxExists):  # b/c would be there twice
            mailboxes.rename(tx, ANNA, mailbox(tx, "a"), "b", now_ms=NOW_MS)
        with pytest.raises(NestedInItself):
            mailboxes.rename(tx, ANNA, mailbox(tx, "a"), "a/b", now_ms=NOW_MS)


@pytest.mark.rfc("9051 §6.3.7", "MUST NOT")
def test_a_subscription_outlives_its_mailbox() -> None:
    with open_store() as tx:
        box = mailboxes.create(tx, ANNA, "List", now_ms=NOW_MS)
        assert not box.subscribed
        mailboxes.subscribe(tx, ANNA, "List")
        assert mailboxes.by_id(tx, ANNA, box.id).subscribed
        mailboxes.delete(tx, ANNA, box.id)
        assert "List" in mailboxes.subscriptions(tx, ANNA)
        mailboxes.subscribe(tx, ANNA, "List", subscribed=False)
        assert "List" not in mailboxes.subscriptions(tx, ANNA)


def test_subscribing_again_changes_nothing() -> None:
    with open_store() as tx:
        before = account_counters.modseq(tx, ANNA)
        mailboxes.subscribe(tx, ANNA, "INBOX")
        assert account_counters.modseq(tx, ANNA) == before
        mailboxes.subscribe(tx, ANNA, "Elsewhere")
        (change,) = changes.log(tx, ANNA, before)
        assert (change.kind, change.mailbox) == (ChangeKind.SUBSCRIBED, changes.NO_MAILBOX)


@pytest.mark.rfc("3501 §2.3.2", "MUST")
def test_recent_is_claimed_once() -> None:
    with open_store() as tx:
        put(tx)
        put(tx)
        assert mailboxes.claim_recent(tx, ANNA, mailbox(tx)).runs == ((1, 2),)
        assert not mailboxes.claim_recent(tx, ANNA, mailbox(tx))
        third = put(tx)
        assert mailboxes.by_id(tx, ANNA, mailbox(tx)).first_recent == third.uid


def test_deleting_an_account_leaves_no_row_and_no_neighbour_harmed() -> None:
    with open_store(ANNA, BOB) as tx:
        for account in (ANNA, BOB):
            put(tx, octets("same for both"), account=account)
        put(tx, octets("only hers"))
        mailboxes.delete_account(tx, ANNA)
        while orphans.sweep(tx):
            pass
        for table in (
            "ledgers",
            "mailboxes",
            "subscriptions",
            "placements",
            "flags",
            "thread_keys",
            "changes",
        ):
            assert tx.value(f"SELECT count(*) FROM {table} WHERE account = ?", (ANNA,)) == 0
        assert tx.rows("SELECT uses FROM blobs") == [(1,)]
        assert account_counters.usage(tx, BOB) == account_counters.Usage(len(octets("same for both")), 1)
        assert account_counters.usage(tx, ANNA) == account_counters.Usage(0, 0)
        assert [account_counters.account_of(email) for (email,) in tx.rows("SELECT id FROM emails")] == [BOB]


def test_mailboxes_of_others_are_not_found() -> None:
    with open_store(ANNA, BOB) as tx:
        mailboxes.create(tx, BOB, "Private", now_ms=NOW_MS)
        with pytest.raises(NoSuchMailbox):
            mailboxes.by_name(tx, ANNA, "Private")
        with pytest.raises(NoSuchMailbox):
            mailboxes.by_name(tx, AccountId(77), "INBOX")
