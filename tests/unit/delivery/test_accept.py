import pytest

from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.destinations import Destinations, DsnRequest
from pillarbox.delivery.placement import Placement
from pillarbox.delivery.route import (
    FullMailbox,
    LocalRecipient,
    RemoteRecipient,
    UnknownRecipient,
    destination,
)
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
from tests.kit.database import open_transaction

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
    with open_transaction(*SCHEMAS) as tx:
        anna, bert = people(tx)
        aliases.create(tx, "both@one.example", ["anna@one.example", "x@elsewhere.example"])
        crew = groups.create(tx, "crew", "crew@one.example")
        groups.add_member(tx, crew, anna)
        groups.add_member(tx, crew, bert)
        inbox = {
            account: Placement(account, mailboxes.by_name(tx, account, "INBOX").id)
            for account in (anna, bert)
        }
        assert find(tx, "anna@one.example") == LocalRecipient((inbox[anna],), (), cacheable=True)
        assert find(tx, "anna+detail@one.example") == LocalRecipient((inbox[anna],), ())
        assert find(tx, "both@one.example") == LocalRecipient(
            (inbox[anna],), (Address("x", "elsewhere.example"),)
        )
        assert find(tx, "crew@one.example") == LocalRecipient((inbox[anna], inbox[bert]), ())
        assert find(tx, "x@elsewhere.example") == RemoteRecipient()
        assert find(tx, "nobody@one.example") == UnknownRecipient(disabled=False)
        accounts.set_enabled(tx, bert, enabled=False)
        assert find(tx, "bert@one.example") == UnknownRecipient(disabled=True)


def test_room() -> None:
    with open_transaction(*SCHEMAS) as tx:
        anna, _ = people(tx)
        aliases.create(tx, "both@one.example", ["anna@one.example", "x@elsewhere.example"])
        quota.set_account_quota(tx, anna, 100)
        found = find(tx, "anna@one.example", 100)
        assert isinstance(found, LocalRecipient)
        assert not found.cacheable
        assert find(tx, "anna@one.example", 101) == FullMailbox()
        # what is sent on does not wait for room here
        assert isinstance(find(tx, "both@one.example", 101), LocalRecipient)


def test_an_account_without_an_inbox_is_for_later() -> None:
    with open_transaction(*SCHEMAS) as tx:
        domains.create(tx, "one.example", now_ms=NOW_MS)
        accounts.create(tx, "new@one.example", scram_salt=bytes(16), now_ms=NOW_MS)
        assert find(tx, "new@one.example") == FullMailbox()


BOTH = Address("both", "one.example")


def test_each_account_gets_one_copy() -> None:
    destinations = Destinations()
    inboxes = Placement(AccountId(1), MailboxId(1)), Placement(AccountId(2), MailboxId(1))
    destinations.add_local(
        BOTH, LocalRecipient(inboxes, (Address("x", "Elsewhere.example"),)), DsnRequest("NEVER")
    )
    destinations.add_local(BOTH, LocalRecipient(inboxes[:1], ()), DsnRequest())
    destinations.add_remote(Address("x", "elsewhere.EXAMPLE"), DsnRequest())
    destinations.add_remote(Address("X", "bücher.example"), DsnRequest())
    assert tuple(destinations.placements) == inboxes
    assert list(destinations.remote.values()) == [
        QueuedRecipient("x@Elsewhere.example", "elsewhere.example", "NEVER", "rfc822;both@one.example"),
        QueuedRecipient("X@bücher.example", "xn--bcher-kva.example"),
    ]
    assert not destinations.successes


INBOX = Placement(AccountId(1), MailboxId(1))
OTHER = Placement(AccountId(2), MailboxId(1))
AWAY = Address("x", "elsewhere.example")


@pytest.mark.rfc("3461 §5.2.7", "MUST")
@pytest.mark.parametrize(
    ("recipient", "notify", "onward", "action"),
    [
        (LocalRecipient((INBOX,), ()), "SUCCESS", None, Action.DELIVERED),
        (LocalRecipient((INBOX,), ()), "FAILURE", None, None),
        (LocalRecipient((INBOX, OTHER), ()), "SUCCESS", None, Action.EXPANDED),
        (LocalRecipient((), (AWAY,)), "SUCCESS", "SUCCESS", None),
        (LocalRecipient((INBOX,), (AWAY,)), "FAILURE,SUCCESS", "FAILURE", Action.EXPANDED),
        (LocalRecipient((INBOX,), (AWAY,)), "SUCCESS", "NEVER", Action.EXPANDED),
        (LocalRecipient((INBOX,), (AWAY,)), "", "", None),
    ],
)
def test_success_is_reported_here_or_requested_from_the_next_host(
    recipient: LocalRecipient, notify: str, onward: str | None, action: Action | None
) -> None:
    destinations = Destinations()
    destinations.add_local(BOTH, recipient, DsnRequest(notify))
    assert [one.notify for one in destinations.remote.values()] == ([] if onward is None else [onward])
    assert [one.action for one in destinations.successes.values()] == ([action] if action else [])


@pytest.mark.rfc("6533 §3", "MUST")
def test_an_alias_in_unicode_is_named_in_ascii() -> None:
    destinations = Destinations()
    destinations.add_local(Address("jürgen", "one.example"), LocalRecipient((), (AWAY,)), DsnRequest())
    (sent,) = destinations.remote.values()
    assert sent.original == r"utf-8;j\x{FC}rgen@one.example"


def acceptance(*inboxes: Placement) -> Acceptance:
    outbound = Outbound(prepare(OCTETS), None, (QueuedRecipient("x@elsewhere.example", "elsewhere.example"),))
    return Acceptance(inboxes, MESSAGE, outbound)


def test_one_transaction_holds_it_all_and_one_blob() -> None:
    with open_transaction(*SCHEMAS) as tx:
        inboxes = [Placement(account, mailboxes.by_name(tx, account, "INBOX").id) for account in people(tx)]
        queue_id = accept(tx, acceptance(*inboxes), now_ms=NOW_MS)
        assert queue_id is not None
        assert tx.value("SELECT count(*) FROM placements") == 2
        assert tx.rows("SELECT size, uses FROM blobs") == [(len(OCTETS), 3)]
        assert tx.rows("SELECT message, address FROM queue_recipients") == [(queue_id, "x@elsewhere.example")]
        assert {mailboxes.by_id(tx, one.account, one.mailbox).unseen for one in inboxes} == {1}


def test_an_inbox_that_is_gone_is_an_error_of_the_whole() -> None:
    with open_transaction(*SCHEMAS) as tx:
        anna, _ = people(tx)
        with pytest.raises((NoSuchMailbox, NoSuchAccount)):
            accept(tx, acceptance(Placement(anna, MailboxId(999_999))), now_ms=NOW_MS)


def test_mail_for_elsewhere_alone_makes_no_email() -> None:
    with open_transaction(*SCHEMAS) as tx:
        people(tx)
        only = Acceptance((), None, acceptance().outbound)
        assert accept(tx, only, now_ms=NOW_MS) is not None
        assert tx.value("SELECT count(*) FROM emails") == 0
