"""One-time codes at sign-in, and setting them up (`directory.sign_in.totp`, RFC 6238).

Three codes of a million are right at a time: so all guesses at an account's form a queue, whichever strangers make them
(`AuthThrottle.admit_code`). Whoever calls `check` slows down and counts failed logins besides (`LoginHistory`).
"""

from dataclasses import dataclass, field
from typing import Final

from pillarbox.admin import second_factors
from pillarbox.admin.change_letters import Doing
from pillarbox.admin.second_factors import FreshCodes
from pillarbox.directory.sign_in import secrets, totp
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.login.throttle import AuthThrottle
from pillarbox.world.world import World

CLOCK_STEPS: Final = 10
"""A wrong code that would be right within so many steps tells of a clock that is wrong, five minutes at most."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app is given: once, for the secret is shown at no other time."""

    secret: str = field(repr=False)
    """For typing it: 32 letters and digits."""
    uri: str = field(repr=False)
    """For a QR code."""


class TotpCodes:
    """The one-time codes of accounts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._throttle = AuthThrottle(world.clock.monotonic, world.shared.tallies)

    async def check(self, account: AccountId, code: str, known: str = "") -> bool:
        """Whether this is a code that the account's app shows now; then it is used up. `known`: the client, if the
        account knows it, else empty.

        Of equal codes at the same moment, one is right. Raises `DatabaseUnavailable`, and `AuthenticationUnavailable`
        where too many codes were tried on the account.
        """
        typed = totp.read_code(code)
        secret = await self._world.database.read(totp.find, account)
        if secret is None or typed is None:
            return False
        # What was right when it was typed is so after the wait
        step = totp.matching_step(secret.octets, typed, self._world.clock.now_ms())
        await self._wait_for_turn(account, known)
        if step is None:
            self._explain(secret.octets, typed)
            return False
        # A code that was used before costs no transaction
        is_fresh = step > secret.last_step
        if is_fresh and await self._world.database.write(totp.use, account, secret.octets, step):
            self._throttle.code_was_right(str(account), known)
            return True
        self._refused("the code was used before")
        return False

    async def _wait_for_turn(self, account: AccountId, known: str) -> None:
        wait = self._throttle.admit_code(str(account), known)
        if wait is None:
            self._refused("too many codes were tried")
            raise AuthenticationUnavailable("too many codes were tried")
        if wait:
            await self._world.clock.sleep(wait)

    async def begin(self, account: AccountId, *, issuer: str, label: str, session: str = "") -> Setup:
        """Make a secret, which counts from `confirm` on; one that waited before is forgotten.

        `issuer`: the name of this server, `label`: the account's address, `session`: the id of the browser session that
        shows it, and goes on with it. Raises `DatabaseUnavailable`.
        """
        secret = self._world.entropy.token_bytes(totp.SECRET_OCTETS)
        await self._world.database.write(
            totp.begin, account, secret, now_ms=self._world.clock.now_ms(), session=session
        )
        return Setup(totp.text_of(secret), totp.uri_of(secret, issuer=issuer, label=label))

    async def waiting(
        self, account: AccountId, *, issuer: str, label: str, session: str = ""
    ) -> Setup | None:
        """What `begin` has returned, while it waits for its first code: for a page that is shown again after a wrong
        one. Raises `DatabaseUnavailable`."""
        secret = await self._world.database.read(
            totp.begun, account, now_ms=self._world.clock.now_ms(), session=session
        )
        if secret is None:
            return None
        return Setup(totp.text_of(secret), totp.uri_of(secret, issuer=issuer, label=label))

    async def confirm(
        self, account: AccountId, code: str, *, session: str = "", doing: Doing | None = None
    ) -> list[str] | None:
        """Let the secret of `begin` count, if this is its code; `None`: it is not, or nothing waits for a code.

        Returns the account's recovery codes, to be shown once, if this is its first second factor; then sessions of
        programs that were opened with the account's own password end. `doing`: the owner is told.

        Raises `DatabaseUnavailable`.
        """
        world, now_ms = self._world, self._world.clock.now_ms()
        typed = totp.read_code(code)
        secret = await world.database.read(totp.begun, account, now_ms=now_ms, session=session)
        if secret is None or typed is None:
            return None
        step = totp.matching_step(secret, typed, now_ms)
        if step is None:
            self._explain(secret, typed)
            return None
        return await world.database.write(
            second_factors.confirm_one_time_codes,
            account,
            secret,
            step,
            codes=FreshCodes(
                second_factors.generate(world.entropy), world.entropy.token_bytes(secrets.SECRET_OCTETS)
            ),
            now_ms=now_ms,
            session=session,
            doing=doing,
        )

    def _explain(self, secret: bytes, code: str) -> None:
        """Why it was refused, for the log."""
        now_ms = self._world.clock.now_ms()
        far = totp.matching_step(secret, code, now_ms, tolerated=CLOCK_STEPS)
        if far is None:
            self._refused("the code is wrong")
            return
        off_s = (far - totp.step_at(now_ms)) * totp.STEP_MS // 1000
        self._refused("the clock is wrong, here or on the phone", seconds=off_s)

    def _refused(self, why: str, **more: int) -> None:
        self._world.telemetry.event("one-time code refused", why=why, **more)
