"""The browsers in which somebody is signed in: listed, and signed out."""

from pillarbox.admin import accounts, concerns
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, ONESELF, may
from pillarbox.directory.sign_in import browser_sessions
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.world.database import Transaction


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def listing(tx: Transaction, login: str, *, now_ms: int) -> list[BrowserSession]:
    """The account's sessions, the one that was used last first. Raises `NameRefused`."""
    return browser_sessions.listing(tx, accounts.find(tx, login).id, now_ms=now_ms)


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def end(tx: Transaction, login: str, identifier: str, *, now_ms: int) -> bool:
    """End a session at once, with what it has opened and made; returns whether there was one. Raises `NameRefused`."""
    account = accounts.find(tx, login).id
    ended = browser_sessions.end(tx, account, identifier)
    if ended:
        accounts.end_what_was_made_with_others(tx, account, now_ms=now_ms)
        tx.touch(account)
    return ended


@may(ONESELF, DOMAIN_ADMINISTRATOR, of=concerns.account("login"))
def end_all(tx: Transaction, login: str, *, now_ms: int, but: str = "") -> int:
    """The same for all sessions but for one; returns how many. Raises `NameRefused`."""
    account = accounts.find(tx, login).id
    ended = browser_sessions.end_all(tx, account, but=but)
    if ended:
        accounts.end_what_was_made_with_others(tx, account, now_ms=now_ms)
        tx.touch(account)
    return ended
