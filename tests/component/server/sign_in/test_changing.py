"""Changing one's own password: the old one must be right, and others are signed out."""

from typing import Any

import pytest

from pillarbox.admin import accounts as account_verbs
from pillarbox.config.sections.passwords import Passwords
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import browser_sessions, credential_marks, credentials, foreign_hash
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.directory.sign_in.sign_ins import Way
from pillarbox.server.sign_in.changing import Changing
from pillarbox.server.sign_in.choosing import NotDone
from pillarbox.server.sign_in.sessions import Sessions
from pillarbox.server.sign_in.sign_in import SignIn
from pillarbox.server.sign_in.steps import SignedIn
from tests.component.server.sign_in.test_resetting import BROWSER, NEW, link, logs_in, resetting, run, ways
from tests.kit.people import hashed
from tests.kit.provider import PASSWORD, PEOPLE, Provider

FOREIGN = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
"""Of `password`."""


async def signed_in(provider: Provider, password: str = PASSWORD) -> BrowserSession:
    sessions = Sessions(provider.world, provider.config, provider.authenticator.in_background)
    done = await SignIn(provider.world, provider.authenticator, sessions).with_password(
        PEOPLE[0], password, BROWSER
    )
    assert isinstance(done, SignedIn)
    return done.session


def changing(provider: Provider, **passwords: Any) -> Changing:
    from dataclasses import replace

    config = replace(provider.config, passwords=Passwords(**passwords))
    return Changing(provider.world, config, provider.authenticator)


async def open_sessions(provider: Provider) -> set[str]:
    now_ms = provider.world.clock.now_ms()
    found = await provider.world.database.read(browser_sessions.listing, provider.accounts[0], now_ms=now_ms)
    return {one.id for one in found}


async def own_mark(provider: Provider) -> str:
    candidate = await provider.world.database.read(credentials.find, PEOPLE[0])
    assert candidate is not None
    return candidate.mark


@pytest.mark.parametrize("keep", [False, True])
def test_the_session_that_changes_it_stays(keep: bool) -> None:
    async def test(provider: Provider) -> None:
        mine, other = await signed_in(provider), await signed_in(provider)
        login = (provider.accounts[0], await own_mark(provider))
        token = await link(provider)
        done = await changing(provider).change(mine, PASSWORD, NEW, BROWSER, keep_sessions=keep)
        assert isinstance(done, Account)
        assert await open_sessions(provider) == ({mine.id, other.id} if keep else {mine.id})
        withdrawn = await provider.world.database.read(credential_marks.withdrawn, [login])
        assert withdrawn == (set() if keep else {login}), "sessions of other protocols"
        assert (await logs_in(provider, NEW), await logs_in(provider, PASSWORD)) == (True, False)
        assert await resetting(provider).look(token) is None, "a link ends"

    run(test)


def test_a_wrong_old_password_changes_nothing() -> None:
    async def test(provider: Provider) -> None:
        mine = await signed_in(provider)
        app = await provider.app_password(0, Scope.MAIL)
        for old in ("wrong", "", app, "x" * 100_000):
            assert await changing(provider).change(mine, old, NEW, BROWSER) is NotDone.WRONG
        assert "login failed" in str(provider.telemetry.events), "it counts as a guess"
        assert await ways(provider) == {Way.WEB}
        assert await logs_in(provider, PASSWORD)

    run(test)


def test_a_new_one_must_be_good_enough() -> None:
    async def test(provider: Provider) -> None:
        mine, change = await signed_in(provider), changing(provider, shortest=10).change
        assert await change(mine, PASSWORD, "123456789", BROWSER) is NotDone.TOO_SHORT
        assert await change(mine, PASSWORD, "", BROWSER) is NotDone.UNUSABLE
        assert await change(mine, PASSWORD, "1234567890\0", BROWSER) is NotDone.UNUSABLE

    run(test)


def test_a_session_that_has_ended_changes_nothing() -> None:
    async def test(provider: Provider) -> None:
        mine = await signed_in(provider)
        await provider.world.database.write(browser_sessions.end, mine.account, mine.id)
        assert await changing(provider).change(mine, PASSWORD, NEW, BROWSER) is NotDone.GONE
        await provider.world.database.write(account_verbs.set_enabled, PEOPLE[0], enabled=False)
        assert await changing(provider).change(mine, PASSWORD, NEW, BROWSER) is NotDone.GONE

    run(test)


def test_who_has_changed_it_meanwhile_prevails() -> None:
    async def test(provider: Provider) -> None:
        mine = await signed_in(provider)
        mark, account = await own_mark(provider), provider.accounts[0]
        is_current, write = credentials.is_current, provider.world.database.write
        assert await provider.world.database.read(is_current, account, mark)
        await write(credentials.set_password, account, hashed("theirs"), now_ms=0, keep_sessions=True)
        assert not await provider.world.database.read(is_current, account, mark)
        assert await changing(provider).change(mine, PASSWORD, NEW, BROWSER) is NotDone.WRONG

    run(test)


def test_a_hash_of_another_server_is_a_password_too() -> None:
    async def test(provider: Provider) -> None:
        assert foreign_hash.verify(FOREIGN, "password")
        await provider.world.database.write(
            credentials.set_foreign, provider.accounts[0], FOREIGN, now_ms=0, keep_sessions=True
        )
        mine = await signed_in(provider, "password")
        await provider.authenticator.settled()  # by now its hash is one of ours
        assert isinstance(await changing(provider).change(mine, "password", NEW, BROWSER), Account)
        assert await logs_in(provider, NEW)
        assert await provider.world.database.read(accounts.get, provider.accounts[0])

    run(test)
