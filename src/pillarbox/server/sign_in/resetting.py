"""Setting a password by a link, without the old one.

What is always true: whoever asks for a link by mail learns nothing of the account. The answer is there before anybody
looks for it, and what happens afterwards is one transaction whether there is an account or not. Looking at a link uses
nothing up: programs that look for malware open all links. A second factor is still asked for, unless an operator has
said otherwise when making the link.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from pillarbox.admin import account_letters, password_reset
from pillarbox.admin.password_reset import NewMail
from pillarbox.config.schema import Config
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account, login_key
from pillarbox.directory.sign_in import credentials, link_tokens, reset_links
from pillarbox.directory.sign_in.known_clients import client_key, is_this_machine, network_key
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.directory.sign_in.reset_links import ResetLink
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.sasl.identity import MAX_IDENTITY_OCTETS
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_query
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.sign_in import choosing, factors
from pillarbox.server.sign_in.choosing import NotDone
from pillarbox.server.sign_in.factors import Factors
from pillarbox.server.sign_in.steps import Browser, CodeCheck, client_of
from pillarbox.world.database import DatabaseUnavailable, Transaction
from pillarbox.world.entropy import nonce
from pillarbox.world.shared import Tally
from pillarbox.world.world import World

MAX_ASKED_BY_NETWORK: Final = 20
"""Links that may be asked for from one network (/24, /48) within an hour or so."""
MAX_ASKED_BY_LOGIN: Final = 6
"""The same for one login, whether it exists or not; of an account, fewer are sent (`recovery_addresses.MAX_MAILS`)."""
MAX_UNDER_WAY: Final = 100
"""Requests of a process that are looked at at a time; more are forgotten."""
MAX_CODE: Final = 100
_HALF_LIFE_S: Final = 1800.0


class Shown(Struct, frozen=True):
    """What a page says of a link."""

    login: str
    factors: Factors | None
    """What is asked for beside the new password; `None`: nothing."""


class Wanted(Struct, frozen=True):
    """What a person has entered."""

    password: str
    code: str = ""
    """Of the second factor, or a recovery code; empty where none is asked for."""
    revoke_app_passwords: bool = False

    def __repr__(self) -> str:
        return "Wanted()"


class Resetting:
    """The links of a process. `codes`: what checks the codes of second factors. `factors_of`: which an account has;
    without a check that finds its code right, a link of such an account sets no password."""

    def __init__(
        self,
        world: World,
        config: Config,
        authenticator: Authenticator,
        *,
        codes: Sequence[CodeCheck] = (),
        factors_of: Callable[[Transaction, AccountId], Factors] = factors.of,
    ) -> None:
        self._world = world
        self._config = config
        self._authenticator = authenticator
        self._codes = codes
        self._factors_of = factors_of
        self._under_way = 0

    # --- asking for a link

    @property
    def is_offered(self) -> bool:
        """Whether links are sent by mail. Otherwise a page says whom to ask."""
        return self._config.passwords.reset_by_mail and bool(self._config.web_url)

    def ask(self, login: str, browser: Browser) -> bool:
        """Send a link to the recovery address of whoever has this login, if there is somebody. False where too many
        were asked for from there.

        Nothing else is told, and nothing is awaited: what is true of the account takes no time here.
        """
        if not self.is_offered:
            return False
        network = network_key(client_key(browser.address))
        if not is_this_machine(client_key(browser.address)) and not self._counted(
            MAX_ASKED_BY_NETWORK, "reset network", network
        ):
            return False
        name = _prepared(login)
        if (
            name
            and self._counted(MAX_ASKED_BY_LOGIN, "reset login", login_key(name))
            and self._under_way < MAX_UNDER_WAY
        ):
            self._under_way += 1
            self._authenticator.in_background(self._mail(name, browser))
        return True

    async def _mail(self, login: str, browser: Browser) -> None:
        token, digest = link_tokens.issue(self._world.entropy)
        link = account_letters.reset_link(self._config.web_url, token)
        new = NewMail(digest, link, nonce(self._world.entropy), self._world.clock.now_ms())
        try:
            sent = await self._world.database.write_in_thread(password_reset.mail_link, login, new)
        except DatabaseUnavailable:
            self._world.telemetry.warning("link for a new password not sent")
            return
        finally:
            self._under_way -= 1
        # The login is not logged: people type passwords there
        self._world.telemetry.event("link for a new password asked for", address=browser.address, sent=sent)

    def _counted(self, most: int, *key: str) -> bool:
        """Count a request; false where it is one too many, which does not count."""
        tallies, now_s = self._world.shared.tallies, self._world.clock.monotonic()
        tally = tallies.get(*key) or Tally(0.0, now_s)
        tally.failures *= 0.5 ** ((now_s - tally.at) / _HALF_LIFE_S)
        tally.at = now_s
        if tally.failures > most - 1:
            return False
        tally.failures += 1
        tallies.put(tally, *key)
        return True

    # --- using it

    async def look(self, token: str) -> Shown | None:
        """What a link is for, if it can be used. Raises `DatabaseUnavailable`."""
        found = await self._found(token)
        if found is None:
            return None
        link, needed = found
        return Shown(link.login, needed if needed.is_needed else None)

    async def finish(self, token: str, wanted: Wanted, browser: Browser) -> Account | NotDone:
        """Set the password, and end all sessions of the account.

        Raises `AuthenticationUnavailable`, `DatabaseUnavailable`.
        """
        digest = link_tokens.digest_of(token)
        found = await self._found(token)
        if digest is None or found is None:
            return NotDone.GONE
        link, needed = found
        # What is no fault of the link comes first, so that no code is used up in vain
        wrong = await choosing.refusal(self._config.passwords, wanted.password, self._world.telemetry)
        if wrong is not None:
            return wrong
        if needed.is_needed:
            wrong = await self._wrong_code(digest, link, wanted.code, browser)
            if wrong is not None:
                return wrong
        salt = await self._world.database.read(credentials.find_salt, link.account)
        if salt is None:
            return NotDone.GONE
        hashed = await choosing.hashed(self._authenticator, wanted.password, salt)
        if isinstance(hashed, NotDone):
            return hashed
        done = await self._world.database.write(
            partial(
                self._finish,
                digest=digest,
                hashed=hashed,
                proven=needed.is_needed,
                revoke=wanted.revoke_app_passwords,
                identity=nonce(self._world.entropy),
            )
        )
        return done or NotDone.GONE

    async def _found(self, token: str) -> tuple[ResetLink, Factors] | None:
        digest = link_tokens.digest_of(token)
        if digest is None:
            return None
        return await self._world.database.read(partial(self._find, digest=digest))

    async def _wrong_code(
        self, digest: bytes, link: ResetLink, code: str, browser: Browser
    ) -> NotDone | None:
        if not code or len(code) > MAX_CODE:
            return NotDone.WRONG
        client, now_ms = client_of(browser), self._world.clock.now_ms
        account = await self._world.database.read(accounts.get, link.account)
        if account is None:
            return NotDone.GONE
        known = await self._authenticator.slow_down(account, client)
        if not await self._world.database.write(reset_links.count_try, digest, now_ms=now_ms()):
            return NotDone.GONE
        for check in self._codes:
            if await check(link.account, code, known):
                return None
        await self._authenticator.second_failed(account, client, why=Why.WRONG_CODE_WITH_LINK.value)
        return NotDone.WRONG

    def _finish(
        self,
        tx: Transaction,
        *,
        digest: bytes,
        hashed: PasswordHash,
        proven: bool,
        revoke: bool,
        identity: str,
    ) -> Account | None:
        now_ms = self._world.clock.now_ms()
        found = self._find(tx, digest=digest)
        if found is None or (found[1].is_needed and not proven):
            return None
        return password_reset.finish(
            tx, digest, hashed, identity=identity, now_ms=now_ms, revoke_app_passwords=revoke
        )

    def _find(self, tx: Transaction, *, digest: bytes) -> tuple[ResetLink, Factors] | None:
        """A link, and the second factors that have to be shown with it."""
        link = reset_links.find(tx, digest, now_ms=self._world.clock.now_ms())
        if link is None:
            return None
        return link, self._factors_of(tx, link.account) if link.asks_factor else Factors()


def _prepared(login: str) -> str:
    """A login as it can be looked up; empty where it can be none."""
    try:
        name = prepare_query(login[: 4 * MAX_IDENTITY_OCTETS].strip())
    except PreparationFailed:
        return ""
    return name if len(name.encode()) <= MAX_IDENTITY_OCTETS else ""
