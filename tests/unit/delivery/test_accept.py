import pytest

from pillarbox.delivery.accept import Acceptance, Distribution, DsnRequest, accept
from pillarbox.delivery.route import Elsewhere, Full, Here, Inbox, Nowhere, destination
from pillarbox.directory import accounts, aliases, domains, groups, quota
from pillarbox.directory.schema import SCHEMA as DIRECTORY
from pillarbox.mail.address import Address
from pillarbox.mail.dsn import Action
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.summary import summarize
from pillarbox.queue.schema import SCHEMA as QUEUE
from pillarbox.queue.spool import Outbound, QueuedRecipient
from pillarbox.store import mailboxes
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.store.append import Message
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.database import memory_transaction

SCHEMAS = (BLOBS, DIRECTORY, STORE, QUEUE)
NOW_MS = 1_700_000_000_000
OCTETS = b"Subject: x\r\n\r\nbody\r\n"
MESSAGE = Message(prepare(OCTETS), summarize(OCTETS))


def people(tx: Transaction) -> list[AccountId]:
    domains.create(tx, "one.example", now_ms=NOW_MS)
    made = []
    for login in ("anna", "bert"):
        account = accounts.create(tx, f"{login}@one.example", scram_salt=bytes(16), now_ms=NOW_MS)
        mailboxes.create_defaults(tx, account.id, now_ms=NOW_MS)
        made.append(account.id)
    return made


def find(tx: Transaction, address: str, octets: int = 0) -> object:
    return destination(tx, Address.parse(address), octets=octets)


def test_destinations() -> None:
    with memory_transaction(*SCHEMAS) as tx:
        anna, bert = people(tx)
        aliases.create(tx, "both@one.example", ["anna@one.example", "x@elsewhere.example"])
        crew = groups.create(tx, "crew", "crew@one.example")
        groups.add_member(tx, crew, anna)
        groups.add_member(tx, crew, bert)
        inbox = {
            account: Inbox(account, mailboxes.by_name(tx, account, "INBOX").id) for account in (anna, bert)
        }
        assert find(tx, "anna@one.example") == Here((inbox[anna],), (), lasting=True)
        assert find(tx, "anna+detail@one.example") == Here((inbox[anna],), ())
        assert find(tx, "both@one.example") == Here((inbox[anna],), (Address("x", "elsewhere.example"),))
        assert find(tx, "crew@one.example") == Here((inbox[anna], inbox[bert]), ())
        assert find(tx, "x@elsewhere.example") == Elsewhere()
        assert find(tx, "nobody@one.example") == Nowhere(disabled=False)
        accounts.set_enabled(tx, bert, enabled=False)
        assert find(tx, "bert@one.example") == Nowhere(disabled=True)


def test_room() -> None:
    with memory_transaction(*SCHEMAS) as tx:
        anna, _ = people(tx)
        aliases.create(tx, "both@one.example", ["anna@one.example", "x@elsewhere.example"])
        quota.set_account_quota(tx, anna, 100)
        found = find(tx, "anna@one.example", 100)
        assert isinstance(found, Here)
        assert not found.lasting
        assert find(tx, "anna@one.example", 101) == Full()
        # what is sent on does not wait for room here
        assert isinstance(find(tx, "both@one.example", 101), Here)


def test_an_account_without_an_inbox_is_for_later() -> None:
    with memory_transaction(*SCHEMAS) as tx:
        domains.create(tx, "one.example", now_ms=NOW_MS)
        accounts.create(tx, "new@one.example", scram_salt=bytes(16), now_ms=NOW_MS)
        assert find(tx, "new@one.example") == Full()


BOTH = Address("both", "one.example")


def test_everybody_once() -> None:
    distribution = Distribution()
    inboxes = Inbox(AccountId(1), MailboxId(1)), Inbox(AccountId(2), MailboxId(1))
    distribution.deliver(BOTH, Here(inboxes, (Address("x", "Elsewhere.example"),)), DsnRequest("NEVER"))
    distribution.deliver(BOTH, Here(inboxes[:1], ()), DsnRequest())
    distribution.send_on(Address("x", "elsewhere.EXAMPLE"), DsnRequest())
    distribution.send_on(Address("X", "bücher.example"), DsnRequest())
    assert tuple(distribution.inboxes) == inboxes
    assert list(distribution.elsewhere.values()) == [
        QueuedRecipient("x@Elsewhere.example", "elsewhere.example", "NEVER", "rfc822;both@one.example"),
        QueuedRecipient("X@bücher.example", "xn--bcher-kva.example"),
    ]
    assert not distribution.successes


INBOX = Inbox(AccountId(1), MailboxId(1))
OTHER = Inbox(AccountId(2), MailboxId(1))
AWAY = Address("x", "elsewhere.example")


@pytest.mark.rfc("3461 §5.2.7", "MUST")
@pytest.mark.parametrize(
    ("here", "notify", "onward", "action"),
    [
        (Here((INBOX,), ()), "SUCCESS", None, Action.DELIVERED),
        (Here((INBOX,), ()), "FAILURE", None, None),
        (Here((INBOX, OTHER), ()), "SUCCESS", None, Action.EXPANDED),
        (Here((), (AWAY,)), "SUCCESS", "SUCCESS", None),
        (Here((INBOX,), (AWAY,)), "FAILURE,SUCCESS", "FAILURE", Action.EXPANDED),
        (Here((INBOX,), (AWAY,)), "SUCCESS", "NEVER", Action.EXPANDED),
        (Here((INBOX,), (AWAY,)), "", "", None),
    ],
)
def test_what_is_told_of_success_and_what_goes_on(
    here: Here, notify: str, onward: str | None, action: Action | None
) -> None:
    distribution = Distribution()
    distribution.deliver(BOTH, here, DsnRequest(notify))
    assert [one.notify for one in distribution.elsewhere.values()] == ([] if onward is None else [onward])
    assert [one.action for one in distribution.successes.values()] == ([action] if action else [])


@pytest.mark.rfc("6533 §3", "MUST")
def test_an_alias_in_unicode_is_named_in_ascii() -> None:
    distribution = Distribution()
    distribution.deliver(Address("jürgen", "one.example"), Here((), (AWAY,)), DsnRequest())
    (sent,) = distribution.elsewhere.values()
    assert sent.original == r"utf-8;j\x{FC}rgen@one.example"


def acceptance(*inboxes: Inbox) -> Acceptance:
    outbound = Outbound(prepare(OCTETS), None, (QueuedRecipient("x@elsewhere.example", "elsewhere.example"),))
    return Acceptance(inboxes, MESSAGE, outbound)


def test_one_transaction_holds_it_all_and_one_blob() -> None:
    with memory_transaction(*SCHEMAS) as tx:
        inboxes = [Inbox(account, mailboxes.by_name(tx, account, "INBOX").id) for account in people(tx)]
        queue_id = accept(tx, acceptance(*inboxes), now_ms=NOW_MS)
        assert queue_id is not None
        assert tx.value("SELECT count(*) FROM placements") == 2
        assert tx.rows("SELECT size, uses FROM blobs") == [(len(OCTETS), 3)]
        assert tx.rows("SELECT message, address FROM queue_recipients") == [(queue_id, "x@elsewhere.example")]
        assert {mailboxes.by_id(tx, one.account, one.mailbox).unseen for one in inboxes} == {1}


def test_an_inbox_that_is_gone_is_an_error_of_the_whole() -> None:
    with memory_transaction(*SCHEMAS) as tx:
        anna, _ = people(tx)
        with pytest.raises((NoSuchMailbox, NoSuchAccount)):
            accept(tx, acceptance(Inbox(anna, MailboxId(999_999))), now_ms=NOW_MS)


def test_mail_for_elsewhere_alone_makes_no_email() -> None:
    with memory_transaction(*SCHEMAS) as tx:
        people(tx)
        only = Acceptance((), None, acceptance().outbound)
        assert accept(tx, only, now_ms=NOW_MS) is not None
        assert tx.value("SELECT count(*) FROM emails") == 0
