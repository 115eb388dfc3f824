"""What tests ask of a running demo: to add an account, to delete all mail, to be as it was at the start.

`demo --ready-file - --with-parent` reads requests from its standard input, and answers on its standard output. A
request is a line of JSON, such as `{"add_account": {"address": "eve@three.example", "password": "secret"}}`; the
answer is `{}`, or `{"error": "..."}`. The end of standard input ends the demo.

It is done in a process of its own, which is forked once the demo is prepared: so all code is loaded, and the server,
whatever its number of workers, is the one that everybody has, told of changes as by the command line.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from pillarbox.admin import accounts, domains, queue
from pillarbox.app import termination
from pillarbox.app.child_process import leave
from pillarbox.app.database import opened_database
from pillarbox.app.demo import Demo
from pillarbox.app.demo_data import DOMAINS
from pillarbox.app.sockets import close
from pillarbox.directory import accounts as directory
from pillarbox.directory import domains as served
from pillarbox.directory.accounts import Account
from pillarbox.directory.naming import parse_address
from pillarbox.directory.sign_in import devices
from pillarbox.store import account_counters, mailboxes, placements
from pillarbox.store.mailbox import DEFAULT_MAILBOXES
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.signals import announce_from_outside

SETTLE_S: Final = 5.0
"""How long messages that are being relayed from one domain to the other may take before mailboxes are emptied."""
LOOK_S: Final = 0.01


def answer_requests(demo: Demo) -> None:
    """Fork a process that answers what comes on standard input until it ends, and then stops this one."""
    server = os.getpid()
    if os.fork():
        return
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, whose end ends this one
        termination.unblock()
        close(demo.sockets)
        with open(0, "rb", closefd=False) as lines:
            for line in lines:
                os.write(1, json.dumps(_answer(demo, line)).encode() + b"\n")
        if os.getppid() == server:
            os.kill(server, signal.SIGTERM)
    finally:
        leave(0)


def _answer(demo: Demo, line: bytes) -> dict[str, str]:
    data = demo.resolved.config.data_directory
    try:
        ((name, arguments),) = json.loads(line).items()
    except (ValueError, AttributeError):
        return {"error": 'a request is {"name": {"argument": value}} as JSON, on one line'}
    if name not in REQUESTS:
        return {"error": f"unknown request {name!r}: there are {', '.join(REQUESTS)}"}
    try:
        with opened_database(data) as database:
            database.on_commit = partial(announce_from_outside, data.signals)
            REQUESTS[name](database, demo, **arguments)
    except (ValueError, LookupError, TypeError, AttributeError, OSError, DatabaseUnavailable) as failure:
        return {"error": str(failure)}
    return {}


# --- the requests


def _add_account(database: Database, _demo: Demo, *, address: str, password: str) -> None:
    """Create an account, and its domain where that is new."""
    domain, now_ms, entropy = parse_address(address).domain, _now_ms(), SystemEntropy()
    salt = database.write_now(accounts.salt_for, address, entropy=entropy)
    new = accounts.with_password(address, password, salt=salt, entropy=entropy)

    def verb(tx: Transaction) -> None:
        if served.get(tx, domain) is None:
            domains.add(tx, domain, now_ms=now_ms)
        devices.want_notices(tx, accounts.create(tx, new, now_ms=now_ms).id, wanted=False)

    database.write_now(verb)


def _empty(database: Database, _demo: Demo) -> None:
    """Delete all mail, also that which is on its way."""

    def verb(tx: Transaction) -> None:
        for account in _all_accounts(tx):
            _empty_mailboxes(tx, account)

    _once_settled(database, verb)


def _reset(database: Database, demo: Demo) -> None:
    """As at the start, but without mail: no other accounts, domains and mailboxes, nothing in the queue."""
    kept = {person.address for person in demo.people}
    now_ms = _now_ms()

    def verb(tx: Transaction) -> None:
        for account in _all_accounts(tx):
            if account.login not in kept:
                accounts.remove(tx, account.login, detach=True)
                continue
            _empty_mailboxes(tx, account)
            _restore_mailboxes(tx, account, now_ms)
        for domain in served.listing(tx):
            if domain.name not in DOMAINS:
                domains.remove(tx, domain.name, detach=True)

    _once_settled(database, verb)


REQUESTS: Final[Mapping[str, Callable[..., None]]] = {
    "add_account": _add_account,
    "empty": _empty,
    "reset": _reset,
}
"""By name; each raises ValueError where it is refused."""


# --- what they have in common


def _once_settled(database: Database, verb: Callable[[Transaction], None]) -> None:
    """Empty the queue, and run the verb in the same transaction; what is being relayed just now is waited for."""
    until = time.monotonic() + SETTLE_S

    def settled(tx: Transaction) -> bool:
        queue.retry(tx, queue.Selection(), now_ms=_now_ms())  # resumes the paused destinations
        queue.drop(tx, queue.Selection(), None, now_ms=_now_ms())
        if queue.count(tx, queue.Selection())[1] and time.monotonic() < until:
            return False
        verb(tx)
        return True

    while not database.write_now(settled):
        time.sleep(LOOK_S)


def _all_accounts(tx: Transaction) -> list[Account]:
    found: list[Account] = []
    while page := directory.listing(tx, after=found[-1].id if found else 0):
        found += page
    return found


def _empty_mailboxes(tx: Transaction, account: Account) -> None:
    filled = [mailbox for mailbox in mailboxes.listing(tx, account.id) if mailbox.messages]
    if filled:
        modseq = account_counters.next_modseq(tx, account.id)
        for mailbox in filled:
            placements.empty(tx, account.id, mailbox.id, modseq=modseq)


def _restore_mailboxes(tx: Transaction, account: Account, now_ms: int) -> None:
    for mailbox in mailboxes.listing(tx, account.id):
        if mailbox.name not in DEFAULT_MAILBOXES or DEFAULT_MAILBOXES[mailbox.name] is not mailbox.role:
            mailboxes.delete(tx, account.id, mailbox.id)
    mailboxes.create_defaults(tx, account.id, now_ms=now_ms)
    subscribed = {*mailboxes.subscriptions(tx, account.id)}
    for name in subscribed ^ {*DEFAULT_MAILBOXES}:
        mailboxes.subscribe(tx, account.id, name, subscribed=name in DEFAULT_MAILBOXES)


def _now_ms() -> int:
    return SystemClock().now_ms()
