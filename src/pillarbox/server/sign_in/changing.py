"""Changing one's own password: who is signed in shows the old one, and chooses another."""

from functools import partial

from pillarbox.admin import accounts as verbs
from pillarbox.admin.change_letters import Doing
from pillarbox.config.schema import Config
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import browser_sessions, credentials
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.outcome import Authenticated
from pillarbox.server.login.sign_in_log import Means
from pillarbox.server.sign_in import choosing
from pillarbox.server.sign_in.choosing import NotDone
from pillarbox.server.sign_in.steps import Browser, client_of
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World


class Changing:
    """The changes of a process."""

    def __init__(self, world: World, config: Config, authenticator: Authenticator) -> None:
        self._world = world
        self._demanded = config.passwords
        self._web_url = config.web_url
        self._authenticator = authenticator

    async def change(
        self, session: BrowserSession, old: str, new: str, browser: Browser, *, keep_sessions: bool = False
    ) -> Account | NotDone:
        """Set a new password, where the old one is right. The session stays; others end, in every protocol, unless
        they are kept. App passwords stay. The owner is told by mail.

        Guesses are delayed and counted as at every other door. Raises `AuthenticationUnavailable`,
        `DatabaseUnavailable`.
        """
        database, client = self._world.database, client_of(browser)
        account = await database.read(accounts.get, session.account)
        if account is None or not account.enabled:
            return NotDone.GONE
        refused = await choosing.refusal(self._demanded, new, self._world.telemetry)
        if refused is not None:
            return refused
        who = await self._authenticator.prove_password(account.login, old, client)
        if not isinstance(who, Authenticated) or who.account.id != account.id:
            return NotDone.WRONG
        salt = await database.read(credentials.find_salt, account.id)
        if salt is None:
            return NotDone.GONE
        hashed = await choosing.hashed(self._authenticator, new, salt)
        if isinstance(hashed, NotDone):
            return hashed
        doing = Doing(
            nonce(self._world.entropy), self._web_url, self._world.clock.now_ms(), address=browser.address
        )
        changed = await database.write(
            partial(
                self._change,
                who=who,
                session=session,
                hashed=hashed,
                keep_sessions=keep_sessions,
                doing=doing,
            )
        )
        if changed is None:
            return NotDone.GONE
        self._authenticator.signed_in(account, account.login, client, _means(browser))
        return changed

    def _change(
        self,
        tx: Transaction,
        *,
        who: Authenticated,
        session: BrowserSession,
        hashed: PasswordHash,
        keep_sessions: bool,
        doing: Doing,
    ) -> Account | None:
        """Unless the password has been changed meanwhile, or the session ended: whoever did that is to prevail."""
        now_ms = self._world.clock.now_ms()
        account = accounts.get(tx, session.account)
        if account is None or not account.enabled:
            return None
        if browser_sessions.get(tx, account.id, session.id, now_ms=now_ms) is None:
            return None
        if not credentials.is_current(tx, account.id, who.credential):
            return None
        verbs.set_password(
            tx,
            account.login,
            hashed,
            now_ms=now_ms,
            keep_sessions=keep_sessions,
            staying=session.id,
            doing=doing,
        )
        return account


def _means(browser: Browser) -> Means:
    digest = browser_sessions.digest_of(browser.device).hex() if browser.device else ""
    return Means(browser=digest)
