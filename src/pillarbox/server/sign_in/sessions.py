"""The browser sessions of a process: opened, found by their tokens, renewed and ended."""

from collections.abc import Callable, Coroutine
from typing import Final

from msgspec import Struct

from pillarbox.admin import browser_sessions as verbs
from pillarbox.config.schema import Config
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import browser_sessions
from pillarbox.directory.sign_in.browser_sessions import ID_OCTETS, BrowserSession, Method, Opening, digest_of
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.sign_in.steps import Browser
from pillarbox.world.database import Transaction
from pillarbox.world.world import World

SEEN_MS: Final = 5 * 60 * 1000
"""How old what is known of the last use may be before it is written anew."""
COOKIE_MS: Final = 24 * 3600 * 1000
"""How old the cookie may be before the browser is given it anew: browsers forget it when it has expired."""
FRESH_MS: Final = 15 * 60 * 1000
"""How long after somebody has proved who they are what is dangerous is allowed."""
_DAY_MS: Final = 24 * 3600 * 1000


class Found(Struct, frozen=True):
    """Whose session it is."""

    account: Account
    session: BrowserSession
    lasts_s: int
    """How long the browser has to keep its cookie from now on, in seconds; 0: it has it."""


class Sessions:
    """The sessions. `in_background` writes what nobody waits for."""

    def __init__(
        self, world: World, config: Config, in_background: Callable[[Coroutine[None, None, None]], None]
    ) -> None:
        self._world = world
        self._in_background = in_background
        self._lasts_ms = config.sign_in.session_days * _DAY_MS
        self._longest_ms = config.sign_in.longest_session_days * _DAY_MS

    async def of(self, shown: str, address: str) -> Found | None:
        """Whose session has this token, if somebody's has. `address`: who shows it; its use is recorded.

        Raises `DatabaseUnavailable`.
        """
        now_ms = self._world.clock.now_ms()
        found = await self._world.database.read(_find, digest_of(shown), now_ms)
        if found is None:
            return None
        account, session = found
        cookie = now_ms - session.cookie_at_ms >= COOKIE_MS
        expires_at_ms = self._expires_at_ms(now_ms, session.created_at_ms)
        if cookie or now_ms - session.seen_at_ms >= SEEN_MS:  # whoever has two addresses writes no more
            self._in_background(
                self._world.database.write(
                    browser_sessions.note_use,
                    session.id,
                    address=address,
                    now_ms=now_ms,
                    expires_at_ms=expires_at_ms,
                    cookie=cookie,
                )
            )
        return Found(account, session, (expires_at_ms - now_ms) // 1000 if cookie else 0)

    def open_in(
        self, tx: Transaction, account: AccountId, method: Method, browser: Browser, *, token_digest: bytes
    ) -> BrowserSession:
        """Open a session, in the transaction that has seen that it may be."""
        now_ms = self._world.clock.now_ms()
        opening = Opening(
            id=self._world.entropy.token_bytes(ID_OCTETS).hex(),
            digest=token_digest,
            method=method,
            agent=browser.agent,
            address=browser.address,
            device=digest_of(browser.device) if browser.device else b"",
        )
        return browser_sessions.open_session(
            tx, account, opening, now_ms=now_ms, expires_at_ms=self._expires_at_ms(now_ms, now_ms)
        )

    def lasts_s(self, session: BrowserSession) -> int:
        """How long a browser has to keep its cookie, in seconds."""
        now_ms = self._world.clock.now_ms()
        return (self._expires_at_ms(now_ms, session.created_at_ms) - now_ms) // 1000

    def is_fresh(self, session: BrowserSession) -> bool:
        """Whether the person has proved just now who they are, so that they may do what is dangerous."""
        return 0 <= self._world.clock.now_ms() - session.proven_at_ms <= FRESH_MS

    async def listing(self, account: Account) -> list[BrowserSession]:
        """The account's sessions, the one that was used last first."""
        now_ms = self._world.clock.now_ms()
        return await self._world.database.read(browser_sessions.listing, account.id, now_ms=now_ms)

    async def end(self, account: Account, identifier: str) -> bool:
        """End one of the account's at once; returns whether there was one."""
        return await self._world.database.write(
            verbs.end, account.login, identifier, now_ms=self._world.clock.now_ms()
        )

    async def end_all(self, account: Account, *, but: str = "") -> int:
        """End all of the account's, but for one; returns how many."""
        return await self._world.database.write(
            verbs.end_all, account.login, but=but, now_ms=self._world.clock.now_ms()
        )

    def _expires_at_ms(self, now_ms: int, created_at_ms: int) -> int:
        return min(now_ms + self._lasts_ms, created_at_ms + self._longest_ms)


def _find(tx: Transaction, digest: bytes, now_ms: int) -> tuple[Account, BrowserSession] | None:
    session = browser_sessions.find(tx, digest, now_ms=now_ms)
    account = accounts.get(tx, session.account) if session else None
    return (account, session) if session and account and account.enabled else None
