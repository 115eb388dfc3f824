"""A thousand logins at once, from one network and from a thousand: whoever is known is let in meanwhile."""

import asyncio
from threading import Event

import pytest

from pillarbox.directory.sign_in import password_hash
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.login import password_checks
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Outcome
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from tests.kit.logins import HOME, Bench, account_of, run
from tests.kit.world import world_of

MANY = 1000


@pytest.mark.replaces_functions
@pytest.mark.parametrize("networks", [1, MANY])
def test_who_is_known_is_let_in_while_a_thousand_others_wait(
    monkeypatch: pytest.MonkeyPatch, networks: int
) -> None:
    stuck, let_go = Event(), Event()
    holds = password_hash.argon2_matches

    def held(argon2: str, prepared: str) -> bool:
        if prepared.startswith("guess"):
            stuck.set()
            assert let_go.wait(20), "the owner was let in meanwhile"
            return False
        return holds(argon2, prepared)

    monkeypatch.setattr(password_checks, "argon2_matches", held)

    async def scenario(bench: Bench) -> None:
        assert await bench.login("anna", "open sesame") == bench.anna
        await bench.authenticator.settled()
        # Another process of the same provider, which remembers no password
        fresh = Authenticator(world_of(bench.database, bench.clock, telemetry=bench.telemetry))
        guesses = [
            asyncio.ensure_future(fresh.check_password(f"nobody{number}", f"guess{number}", client))
            for number in range(MANY)
            for client in [Client(f"10.{number % networks >> 8}.{number % networks & 255}.7", Scope.IMAP)]
        ]
        await asyncio.to_thread(stuck.wait, 20)
        assert account_of(await fresh.check_password("anna", "open sesame", HOME)) == bench.anna
        let_go.set()
        refused = await turned_away(guesses)
        assert (refused == 0) is (networks == MANY), "one network has an eighth of the places"
        await fresh.close()

    async def turned_away(guesses: list[asyncio.Task[Outcome]]) -> int:
        outcomes = await asyncio.gather(*guesses, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), AuthenticationUnavailable}
        return sum(isinstance(outcome, AuthenticationUnavailable) for outcome in outcomes)

    run(scenario)
