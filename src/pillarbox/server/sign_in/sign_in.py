"""A person signs in, or proves once more who they are."""

from typing import Final, TypeAlias

from pillarbox.directory import accounts, browser_sessions, credential_marks, sign_in_steps
from pillarbox.directory.accounts import Account
from pillarbox.directory.app_passwords import Scope
from pillarbox.directory.browser_sessions import BrowserSession, Method, digest_of
from pillarbox.directory.sign_in_steps import MAX_TRIES, Purpose, Step
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.authentication import Authenticated, Authenticator, Client, Unsuitable
from pillarbox.server.sign_in import factors
from pillarbox.server.sign_in.factors import Factors
from pillarbox.server.sign_in.recovery import RecoveryCodes
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.steps import Browser, CodeCheck, Gone, SignedIn, StepNeeded, Wrong, new_token
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
        client = _client(browser)
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
        self._authenticator.signed_in(who, login, client)
        return SignedIn(who.account, token, opened, device)

    async def prove_with_password(
        self, session: BrowserSession, password: str, browser: Browser
    ) -> SignedIn | StepNeeded | Unsuitable | Wrong | Gone:
        """Prove with the password that a session is still its owner's. Raises as `with_password` does."""
        account = await self._world.database.read(accounts.get, session.account)
        if account is None:
            return Gone()
        client = _client(browser)
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
        self._authenticator.signed_in(who, account.login, client)
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
        digest, write = digest_of(step), self._world.database.write
        begun = await self._attempted(digest, browser)
        if begun is None:
            return Gone()
        account, attempt = begun
        method = await self._right_code(account.id, code)
        if method is None:
            await self._authenticator.second_failed(account, _client(browser), why="a wrong code")
            return Wrong(MAX_TRIES - attempt.tries)
        device, token = self._device(browser), new_token(self._world.entropy)
        browser = Browser(browser.address, browser.agent, device)
        session = await write(self._complete, digest=digest, method=method, browser=browser, token=token)
        if session is None:
            return Gone()
        self._authenticator.signed_in(Authenticated(account), account.login, _client(browser))
        return SignedIn(account, token, session, device)

    # --- for what completes a step otherwise

    async def _attempted(self, digest: bytes, browser: Browser) -> tuple[Account, Step] | None:
        """Whose step it is, after the delay that their failures demand; the attempt is counted."""
        now_ms = self._world.clock.now_ms
        found = await self._world.database.read(sign_in_steps.find, digest, now_ms=now_ms())
        account = None
        if found is not None and found.account is not None:
            account = await self._world.database.read(accounts.get, found.account)
        if account is None or not account.enabled:
            return None
        await self._authenticator.slow_down(account, _client(browser))
        attempt = await self._world.database.write(sign_in_steps.attempt, digest, now_ms=now_ms())
        return None if attempt is None else (account, attempt)

    async def _right_code(self, account: AccountId, code: str) -> Method | None:
        if len(code) > MAX_CODE:
            return None
        for method, check in self._codes:
            if await check(account, code):
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
            self._begin(tx, account, Purpose.SIGN_IN, digest, credential=who.credential)
            return needed
        return self._sessions.open_in(tx, account, Method.PASSWORD, browser, token_digest=digest)

    def _prove_or_step(self, tx: Transaction, *, who: Authenticated, session: str, token: str) -> Opened:
        account, digest, now_ms = who.account.id, digest_of(token), self._world.clock.now_ms()
        if credential_marks.withdrawn(tx, ((account, who.credential),), of_person=True):
            return None
        needed = factors.of(tx, account)
        if needed.is_needed:
            self._begin(tx, account, Purpose.PROVE, digest, session=session, credential=who.credential)
            return needed
        return browser_sessions.note_proof(tx, account, session, digest, now_ms=now_ms)

    def _step(self, tx: Transaction, *, account: AccountId, session: str, token: str) -> Factors:
        self._begin(tx, account, Purpose.PROVE, digest_of(token), session=session)
        return factors.of(tx, account)

    def _begin(
        self,
        tx: Transaction,
        account: AccountId,
        purpose: Purpose,
        digest: bytes,
        *,
        session: str = "",
        credential: str = "",
    ) -> None:
        now_ms = self._world.clock.now_ms()
        sign_in_steps.begin(
            tx, digest, account, purpose, now_ms=now_ms, session=session, credential=credential
        )

    def _complete(
        self, tx: Transaction, *, digest: bytes, method: Method, browser: Browser, token: str
    ) -> BrowserSession | None:
        """Use the step up, and open its session, or renew the one that it is about."""
        now_ms = self._world.clock.now_ms()
        step = sign_in_steps.use(tx, digest, now_ms=now_ms)
        if step is None or step.account is None or not self._still_holds(tx, step):
            return None
        if step.purpose == Purpose.PROVE:
            return browser_sessions.note_proof(
                tx, step.account, step.session, digest_of(token), now_ms=now_ms
            )
        if step.purpose != Purpose.SIGN_IN:
            return None
        return self._sessions.open_in(tx, step.account, method, browser, token_digest=digest_of(token))

    def _still_holds(self, tx: Transaction, step: Step) -> bool:
        """Whether the password that began the step is still good."""
        if step.account is None or not step.credential:
            return step.purpose == Purpose.PROVE
        return not credential_marks.withdrawn(tx, ((step.account, step.credential),), of_person=True)


def _client(browser: Browser) -> Client:
    return Client(browser.address, Scope.JMAP)
