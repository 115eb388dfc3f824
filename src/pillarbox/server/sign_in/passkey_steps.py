"""Steps of a sign-in in which a passkey is shown, and those in which a new one is made.

A step has one challenge at a time, and is used once: the row goes in the transaction that records the use, or adds the
passkey. Whoever signs in with a passkey alone has no step, but a challenge of which nothing is kept
(`open_challenges`). What is refused is told to nobody but the log.
"""

from functools import partial
from typing import Final

from msgspec import Struct

from pillarbox.admin import second_factors
from pillarbox.admin.change_letters import Doing
from pillarbox.admin.second_factors import FreshCodes
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import browser_sessions, secrets, sign_in_steps
from pillarbox.directory.sign_in.browser_sessions import BrowserSession, Method, digest_of
from pillarbox.directory.sign_in.passkeys import NewPasskey, Passkey, Use
from pillarbox.directory.sign_in.sign_in_steps import MAX_TRIES, NewStep, Purpose, Step
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.server.sign_in import open_challenges
from pillarbox.server.sign_in.open_challenges import OpenChallenge
from pillarbox.server.sign_in.passkey_responses import ResponseRefused
from pillarbox.server.sign_in.passkeys import Passkeys
from pillarbox.server.sign_in.sign_in import SignIn
from pillarbox.server.sign_in.steps import Browser, Gone, SignedIn, Wrong, new_token
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

REFUSED: Final = "passkey refused"
"""The event's name."""
_WRONG: Final = Why.WRONG_PASSKEY.value


class Asked(Struct, frozen=True):
    """What a browser is asked for."""

    token: str
    """Of the step, or the challenge, for its cookie."""
    options: bytes
    """JSON."""


class Added(Struct, frozen=True):
    """A passkey was made."""

    passkey: Passkey
    recovery_codes: list[str]
    """New ones, to be shown once, where this is the first second factor; else none."""


class PasskeySteps:
    """Sign-ins and proofs with passkeys, and new passkeys."""

    def __init__(self, world: World, passkeys: Passkeys, sign_in: SignIn) -> None:
        self._world = world
        self._passkeys = passkeys
        self._sign_in = sign_in

    # --- shown

    async def ask(self, step: str) -> Asked | Gone:
        """Ask for a passkey in an open step. Asked once more, it has another challenge.

        Raises `ResponseRefused` where there are no passkeys.
        """
        challenge, found = self._passkeys.challenge(), await self._open_step(step)
        if found is None or found.purpose == Purpose.ENROL:
            return Gone()
        options = await self._passkeys.request_options(challenge, found.account)
        return Asked(step, options) if await self._sign_in.ask(step, challenge) else Gone()

    async def ask_anybody(self) -> Asked:
        """Ask for a passkey of whoever has one. Raises `ResponseRefused` where there are no passkeys."""
        begun = await self._passkeys.begin_open()
        return Asked(begun.token, await self._passkeys.request_options(begun.challenge))

    async def show(self, step: str, response: bytes, browser: Browser) -> SignedIn | Wrong | Gone:
        """Complete a step with a passkey: a sign-in after the password, or a proof.

        Raises `AuthenticationUnavailable`, `DatabaseUnavailable`.
        """
        attempt = await self._sign_in.attempt(step, browser)
        if attempt is None or attempt.step.purpose == Purpose.ENROL:
            return Gone()
        account, asked = attempt.account, attempt.step
        try:
            use = await self._passkeys.verified_use(
                response, asked.challenge, account.id, after_password=bool(asked.credential)
            )
        except ResponseRefused as refused:
            self._note(refused, browser)
            return await self._sign_in.failed(attempt, browser, why=_WRONG)
        fine: list[bool | None] = []
        recorded = partial(self._record, use=use, browser=browser, fine=fine)
        done = await self._sign_in.complete(step, account, Method.SECOND_PASSKEY, browser, recorded)
        return self._warned(done, use, fine)

    async def show_alone(self, token: str, response: bytes, browser: Browser) -> SignedIn | Wrong | Gone:
        """Sign in with a passkey alone. Raises as `show` does, and `ResponseRefused` where there are no passkeys."""
        asked = await self._passkeys.find_open(token)
        if asked is None:
            return Gone()
        await self._sign_in.slow_down(browser)
        try:
            use = await self._passkeys.verified_use(response, asked.challenge)
        except ResponseRefused as refused:
            self._note(refused, browser)
            return await self._sign_in.nobody_failed(browser, why=_WRONG)
        account = await self._world.database.read(accounts.get, use.account)
        if account is None:
            return Gone()
        fine: list[bool | None] = []
        recorded = partial(self._record, use=use, browser=browser, fine=fine, asked=asked)
        done = await self._sign_in.alone(account, browser, recorded)
        return self._warned(done, use, fine)

    def _note(self, refused: ResponseRefused, browser: Browser) -> None:
        self._world.telemetry.event(REFUSED, why=str(refused), address=browser.address)

    def _warned(self, done: SignedIn | Gone, use: Use, fine: list[bool | None]) -> SignedIn | Gone:
        if isinstance(done, SignedIn) and fine == [False]:
            # Web Authentication §7.2, step 22: there may be a copy of it
            self._world.telemetry.warning("passkey may be copied", account=use.account, passkey=use.id)
        return done

    def _record(
        self,
        tx: Transaction,
        *,
        use: Use,
        browser: Browser,
        fine: list[bool | None],
        asked: OpenChallenge | None = None,
    ) -> bool:
        now_ms = self._world.clock.now_ms()
        if asked is not None and not open_challenges.use(tx, asked, now_ms=now_ms):
            return False
        # The transaction may be tried again
        recorded = second_factors.use_passkey(
            tx, use, address=browser.address, identity=nonce(self._world.entropy), now_ms=now_ms
        )
        fine[:] = [recorded]
        return fine != [None]

    # --- made

    async def ask_for_new(self, account: Account, session: BrowserSession) -> Asked:
        """Ask for a new passkey of whoever has this session, who has just proved who they are.

        Raises `ResponseRefused` where there are no passkeys.
        """
        challenge, token = self._passkeys.challenge(), new_token(self._world.entropy)
        options = await self._passkeys.creation_options(account, challenge)
        await self._world.database.write(
            sign_in_steps.begin,
            digest_of(token),
            NewStep(account.id, Purpose.ENROL, session=session.id, challenge=challenge),
            now_ms=self._world.clock.now_ms(),
        )
        return Asked(token, options)

    async def add(
        self,
        step: str,
        session: BrowserSession,
        response: bytes,
        name: str,
        *,
        doing: Doing | None = None,
    ) -> Added | Wrong | Gone:
        """Add the passkey that the browser has made. `doing`: the owner is told. Raises `NameRefused`: then the step
        is open still."""
        now_ms = self._world.clock.now_ms()
        attempt = await self._world.database.write(sign_in_steps.attempt, digest_of(step), now_ms=now_ms)
        if attempt is None or not _is_of(attempt, session):
            return Gone()
        try:
            new = await self._passkeys.verified_new(response, attempt.challenge)
        except ResponseRefused as refused:
            self._world.telemetry.event(REFUSED, why=str(refused), address=session.address)
            return Wrong(MAX_TRIES - attempt.tries)
        entropy = self._world.entropy
        return await self._world.database.write(
            _add,
            digest_of(step),
            session,
            new,
            name=name,
            codes=FreshCodes(second_factors.generate(entropy), entropy.token_bytes(secrets.SECRET_OCTETS)),
            now_ms=now_ms,
            doing=doing,
        )

    async def _open_step(self, step: str) -> Step | None:
        now_ms = self._world.clock.now_ms()
        return await self._world.database.read(sign_in_steps.find, digest_of(step), now_ms=now_ms)


def _is_of(step: Step, session: BrowserSession) -> bool:
    return (step.purpose, step.account, step.session) == (Purpose.ENROL, session.account, session.id)


def _add(
    tx: Transaction,
    digest: bytes,
    session: BrowserSession,
    new: NewPasskey,
    *,
    name: str,
    codes: FreshCodes,
    now_ms: int,
    doing: Doing | None,
) -> Added | Gone:
    step = sign_in_steps.use(tx, digest, now_ms=now_ms)
    if step is None or not _is_of(step, session):
        return Gone()
    if browser_sessions.get(tx, session.account, session.id, now_ms=now_ms) is None:
        return Gone()
    made, told = second_factors.add_passkey(
        tx,
        session.account,
        new,
        name=name,
        codes=codes,
        now_ms=now_ms,
        session=session.id,
        doing=doing,
    )
    return Added(made, told)
