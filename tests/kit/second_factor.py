"""An account with one-time codes, and a server that tells where app passwords are made; for tests."""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.admin import second_factors
from pillarbox.directory.sign_in import secrets, totp
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.connection import SessionFactory
from pillarbox.world.database import Transaction
from tests.kit.provider import Provider
from tests.kit.server import Server, factories

SECRET: Final = bytes(range(20))
RECOVERY_CODES: Final = [f"abcde-fghij-kmnp{letter}" for letter in "abcdefghij"]

URL: Final = "https://mail.one.example:8443"
TOLD: Final = f"Application-specific password required: make one at {URL}/account"


def with_url(provider: Provider) -> Mapping[str, SessionFactory[Any]]:
    """Sessions of a server that has this URL for browsers, for `serve`."""
    provider.web_url = URL
    return factories(provider)


def add_factor(server: Server) -> None:
    """Give the first person of a server a second factor."""
    world, account = server.provider.world, server.provider.accounts[0]
    server.run(world.database.write(give, account, now_ms=world.clock.now_ms()))


def give(tx: Transaction, account: AccountId, *, now_ms: int) -> None:
    """Set one-time codes up for an account, as its owner does."""
    totp.begin(tx, account, SECRET, now_ms=now_ms)
    done = second_factors.confirm_one_time_codes(
        tx,
        account,
        SECRET,
        totp.step_at(now_ms) - 2,
        codes=second_factors.FreshCodes(RECOVERY_CODES, bytes(secrets.SECRET_OCTETS)),
        now_ms=now_ms,
    )
    assert done is not None


def code(now_ms: int, *, steps: int = 0) -> str:
    """What the app shows at this time, so many steps later."""
    return totp.code_of(SECRET, totp.step_at(now_ms) + steps)
