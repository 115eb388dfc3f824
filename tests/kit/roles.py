"""Two domains with people of every role, to try verbs of `admin/` on."""

from collections.abc import Iterator
from contextlib import contextmanager

from pillarbox.admin import accounts, aliases, groups, roles
from pillarbox.app.database import SCHEMAS
from pillarbox.directory import domains
from pillarbox.directory.roles import Role
from pillarbox.mail.identifiers import AccountId
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.reports import received
from pillarbox.reports.kind import ReportKind
from pillarbox.reports.received import ReceivedReport
from pillarbox.store import mailboxes
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction
from tests.kit.people import NOW_MS, person

A, B, HOME = "a.example", "b.example", "home.example"
DOMAINS = (A, B)
OWNER = f"olga@{HOME}"


def user(domain: str) -> str:
    """Somebody without a role."""
    return f"uma@{domain}"


def administrator(domain: str) -> str:
    """Who administers the domain."""
    return f"ada@{domain}"


def group(domain: str) -> str:
    """A group whose address is in the domain."""
    return f"crew of {domain}"


@contextmanager
def provider() -> Iterator[Transaction]:
    """An owner, and two domains: each with an administrator, a user, an alias, a group, a domain alias, a queued
    message and a report about it."""
    with open_transaction(*SCHEMAS) as tx:
        make(tx, OWNER)
        roles.grant(tx, OWNER, Role.OWNER, now_ms=NOW_MS)
        for domain in DOMAINS:
            _fill(tx, domain)
        yield tx


def make(tx: Transaction, address: str) -> AccountId:
    """An account, with its mailboxes."""
    made = person(tx, address, "secret")
    mailboxes.create_defaults(tx, made.id, now_ms=NOW_MS)
    return made.id


def number(tx: Transaction, login: str) -> AccountId:
    """The number of an account."""
    return accounts.find(tx, login).id


def _fill(tx: Transaction, domain: str) -> None:
    account = make(tx, user(domain))
    make(tx, administrator(domain))
    roles.grant(tx, administrator(domain), Role.DOMAIN, domain, now_ms=NOW_MS)
    domains.create(tx, f"also-{domain}", alias_of=domain, now_ms=NOW_MS)
    aliases.add(tx, f"info@{domain}", [user(domain)])
    groups.add(tx, group(domain), f"crew@{domain}", [user(domain)])
    recipient = QueuedRecipient("x@far.example", "far.example")
    enqueue(tx, Outbound(prepare(b"x"), user(domain), (recipient,), account=account), now_ms=NOW_MS)
    received.keep(
        tx,
        ReceivedReport(ReportKind.DMARC, domain, "Org", "org.example", True, domain, 0, 1, 1, 0),
        now_ms=NOW_MS,
    )
