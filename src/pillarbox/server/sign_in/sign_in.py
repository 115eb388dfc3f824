"""A person signs in, or proves once more who they are."""

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import browser_sessions, credential_marks, sign_in_steps, sign_ins
from pillarbox.directory.sign_in.browser_sessions import BrowserSession, Method, digest_of
from pillarbox.directory.sign_in.known_clients import client_key
from pillarbox.directory.sign_in.sign_in_steps import MAX_TRIES, NewStep, Purpose, Step
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.outcome import Authenticated, Unsuitable
from pillarbox.server.login.sign_in_log import Means
from pillarbox.server.sign_in import factors
from pillarbox.server.sign_in.factors import Factors
from pillarbox.server.sign_in.recovery import RecoveryCodes
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.steps import (
    Attempt,
    Browser,
    CodeCheck,
    Gone,
    SignedIn,
    StepNeeded,
    Wrong,
    client_of,
    new_token,
)
from pillarbox.server.sign_in.totp import TotpCodes
from pillarbox.world.database import Transaction
from pillarbox.world.world import World

_TOKEN_CHARACTERS: Final = 43
MAX_CODE: Final = 100
"""Characters of a code; longer ones are wrong."""

Opened: TypeAlias = BrowserSession | Factors | None
"""A session; what is to be shown before there is one; None: what was shown is no longer good."""


class SignIn:
    """The sign-ins of a process."""

    def __init__(self, world: World, authenticator: Authenticator, sessions: Sessions) -> None:
        self._world = world
        self._authenticator = authenticator
        self._sessions = sessions
        self._codes: tuple[tuple[Method, CodeCheck], ...] = (
            (Method.TOTP, TotpCodes(world).check),
            (Method.RECOVERY, RecoveryCodes(world).use),
        )

    async def with_password(
        self, login: str, password: str, browser: Browser
    ) -> SignedIn | StepNeeded | Unsuitable | None:
        """Sign in with login and password; None where one of them is wrong.

        Raises `AuthenticationUnavailable` where too many wait already, `DatabaseUnavailable`.
        """
        client = client_of(browser)
        who = await self._authenticator.prove_password(login, password, client)
        if not isinstance(who, Authenticated):
            return who
        device, token = self._device(browser), new_token(self._world.entropy)
        browser = Browser(browser.address, browser.agent, device)
        opened = await self._world.database.write(self._open_or_step, who=who, browser=browser, token=token)
        if opened is None:
            return None
        if isinstance(opened, Factors):
            return StepNeeded(token, opened)
        self._authenticator.signed_in(who.account, login, client, _means(opened.method, device))
        return SignedIn(who.account, token, opened, device)

    async def prove_with_password(
        self, session: BrowserSession, password: str, browser: Browser
    ) -> SignedIn | StepNeeded | Unsuitable | Wrong | Gone:
        """Prove with the password that a session is still its owner's. Raises as `with_password` does."""
        account = await self._world.database.read(accounts.get, session.account)
        if account is None:
            return Gone()
        client = client_of(browser)
        who = await self._authenticator.prove_password(account.login, password, client)
        if not isinstance(who, Authenticated):
            return who or Wrong()
        token = new_token(self._world.entropy)
        proven = await self._world.database.write(
            self._prove_or_step, who=who, session=session.id, token=token
        )
        if proven is None:
            return Gone()
        if isinstance(proven, Factors):
            return StepNeeded(token, proven)
        self._authenticator.signed_in(account, account.login, client, _means(Method.PASSWORD, browser.device))
        return SignedIn(account, token, proven, browser.device)

    async def prove(self, session: BrowserSession) -> StepNeeded:
        """Begin to prove by a second factor alone that a session is still its owner's."""
        token = new_token(self._world.entropy)
        found = await self._world.database.write(
            self._step, account=session.account, session=session.id, token=token
        )
        return StepNeeded(token, found)

    async def with_code(self, step: str, code: str, browser: Browser) -> SignedIn | Wrong | Gone:
        """Complete a step with a one-time code or a recovery code. Raises as `with_password` does."""
        begun = await self.attempt(step, browser)
        if begun is None:
            return Gone()
        method = await self._right_code(begun.account.id, code, begun.known)
        if method is None:
            return await self.failed(begun, browser, why=Why.WRONG_CODE.value)
        return await self.complete(step, begun.account, method, browser)

    # --- for what is shown otherwise

    async def ask(self, step: str, challenge: bytes) -> bool:
        """Have a step ask for a passkey that signs this; returns whether it is open."""
        now_ms = self._world.clock.now_ms()
        return await self._world.database.write(
            sign_in_steps.set_challenge, digest_of(step), challenge, now_ms=now_ms
        )

    async def attempt(self, step: str, browser: Browser) -> Attempt | None:
        """Count an attempt at a step, after the delay that failures so far demand; None where it has ended, or allows
        no more. Raises as `with_password` does."""
        now_ms, read = self._world.clock.now_ms, self._world.database.read
        found = await read(sign_in_steps.find, digest_of(step), now_ms=now_ms())
        if found is None:
            return None
        account = await read(accounts.get, found.account)
        if account is None or not account.enabled:
            return None
        known = await self._authenticator.slow_down(account, client_of(browser))
        counted = await self._world.database.write(sign_in_steps.attempt, digest_of(step), now_ms=now_ms())
        return None if counted is None else Attempt(account, counted, known)

    async def failed(self, attempt: Attempt, browser: Browser, *, why: str) -> Wrong:
        """What was shown is wrong; it counts as every failure does."""
        await self._authenticator.second_failed(attempt.account, client_of(browser), why=why)
        return Wrong(MAX_TRIES - attempt.step.tries)

    async def slow_down(self, browser: Browser) -> None:
        """Delay an attempt of whoever has a passkey as the failures at this address demand. Raises as `with_password`
        does."""
        await self._authenticator.slow_down(None, client_of(browser))

    async def nobody_failed(self, browser: Browser, *, why: str) -> Wrong:
        """Such an attempt is wrong; it counts for this address."""
        await self._authenticator.second_failed(None, client_of(browser), why=why)
        return Wrong(MAX_TRIES)

    async def complete(
        self,
        step: str,
        account: Account,
        method: Method,
        browser: Browser,
        using: Callable[[Transaction], bool] | None = None,
    ) -> SignedIn | Gone:
        """Complete a step, since what was shown is right: open its session, or give the one that it is about another
        token. `using` is called in the transaction, and says whether what was shown is still good."""
        verb = partial(self._complete, digest=digest_of(step), using=using)
        return await self._let_in(account, method, browser, verb)

    async def alone(
        self, account: Account, browser: Browser, using: Callable[[Transaction], bool]
    ) -> SignedIn | Gone:
        """Sign in whoever has shown a passkey, and nothing before. `using` as for `complete`; it uses its challenge
        up."""
        return await self._let_in(account, Method.PASSKEY, browser, partial(self._open_alone, using=using))

    async def _let_in(
        self, account: Account, method: Method, browser: Browser, verb: Callable[..., BrowserSession | None]
    ) -> SignedIn | Gone:
        device, token = self._device(browser), new_token(self._world.entropy)
        browser = Browser(browser.address, browser.agent, device)
        session = await self._world.database.write(
            verb, account=account.id, method=method, browser=browser, token=token
        )
        if session is None:
            return Gone()
        self._authenticator.signed_in(account, account.login, client_of(browser), _means(method, device))
        return SignedIn(account, token, session, device)

    async def is_right_code(self, account: AccountId, code: str, known: str) -> bool:
        """Whether this is a code of the account; then it is used up. Who asks has delayed the attempt, and counts one
        that is wrong."""
        return await self._right_code(account, code, known) is not None

    async def _right_code(self, account: AccountId, code: str, known: str) -> Method | None:
        if len(code) > MAX_CODE:
            return None
        for method, check in self._codes:
            if await check(account, code, known):
                return method
        return None

    def _device(self, browser: Browser) -> str:
        """The token by which the browser is known: its own, if it may be one of ours."""
        shown = browser.device
        is_token = len(shown) == _TOKEN_CHARACTERS and shown.replace("-", "").replace("_", "").isalnum()
        return shown if is_token and shown.isascii() else new_token(self._world.entropy)

    # --- in transactions

    def _open_or_step(self, tx: Transaction, *, who: Authenticated, browser: Browser, token: str) -> Opened:
        account, digest = who.account.id, digest_of(token)
        if credential_marks.withdrawn(tx, ((account, who.credential),), of_person=True):
            return None
        needed = factors.of(tx, account)
        if needed.is_needed:
            noted = sign_ins.add_unfinished(
                tx,
                account,
                address=browser.address,
                agent=browser.agent,
                method=Method.PASSWORD.value,
                now_ms=self._world.clock.now_ms(),
            )
            new = NewStep(
                account,
                Purpose.SIGN_IN,
                credential=who.credential,
                client=client_key(browser.address),
                sign_in=noted,
            )
            self._begin(tx, digest, new)
            return needed
        return self._sessions.open_in(tx, account, Method.PASSWORD, browser, token_digest=digest)

    def _prove_or_step(self, tx: Transaction, *, who: Authenticated, session: str, token: str) -> Opened:
        account, digest, now_ms = who.account.id, digest_of(token), self._world.clock.now_ms()
        if credential_marks.withdrawn(tx, ((account, who.credential),), of_person=True):
            return None
        needed = factors.of(tx, account)
        if needed.is_needed:
            new = NewStep(account, Purpose.PROVE, session=session, credential=who.credential)
            self._begin(tx, digest, new)
            return needed
        return browser_sessions.note_proof(tx, account, session, digest, now_ms=now_ms)

    def _step(self, tx: Transaction, *, account: AccountId, session: str, token: str) -> Factors:
        self._begin(tx, digest_of(token), NewStep(account, Purpose.PROVE, session=session))
        return factors.of(tx, account)

    def _begin(self, tx: Transaction, digest: bytes, new: NewStep) -> None:
        sign_in_steps.begin(tx, digest, new, now_ms=self._world.clock.now_ms())

    def _complete(
        self,
        tx: Transaction,
        *,
        digest: bytes,
        account: AccountId,
        method: Method,
        browser: Browser,
        token: str,
        using: Callable[[Transaction], bool] | None,
    ) -> BrowserSession | None:
        """Use the step up, and open its session, or renew the one that it is about."""
        now_ms = self._world.clock.now_ms()
        step = sign_in_steps.use(tx, digest, now_ms=now_ms)
        if step is None or step.account != account:
            return None
        if not _still_holds(tx, step, account) or (using is not None and not using(tx)):
            return None
        if step.sign_in is not None:
            sign_ins.finish(tx, account, step.sign_in)
        if step.purpose == Purpose.PROVE:
            return browser_sessions.note_proof(tx, account, step.session, digest_of(token), now_ms=now_ms)
        return self._sessions.open_in(tx, account, method, browser, token_digest=digest_of(token))

    def _open_alone(
        self,
        tx: Transaction,
        *,
        account: AccountId,
        method: Method,
        browser: Browser,
        token: str,
        using: Callable[[Transaction], bool],
    ) -> BrowserSession | None:
        if not _may_sign_in(tx, account) or not using(tx):
            return None
        return self._sessions.open_in(tx, account, method, browser, token_digest=digest_of(token))


def _may_sign_in(tx: Transaction, account: AccountId) -> bool:
    found = accounts.get(tx, account)
    return found is not None and found.enabled


def _still_holds(tx: Transaction, step: Step, account: AccountId) -> bool:
    """Whether all that was shown in the step so far is enough, and still good."""
    if not _may_sign_in(tx, account) or step.purpose not in (Purpose.SIGN_IN, Purpose.PROVE):
        return False
    if step.credential:
        return not credential_marks.withdrawn(tx, ((account, step.credential),), of_person=True)
    return step.purpose == Purpose.PROVE  # what opens a session has begun with a password


def _means(method: str, device: str) -> Means:
    """By what somebody has signed in, with the browser that has this token."""
    return Means(str(method), browser=digest_of(device).hex() if device else "")
