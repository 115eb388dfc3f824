"""New passwords by link: who can set one, what ends with it, and what nobody can find out."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pillarbox.admin import account_letters, password_reset
from pillarbox.admin import accounts as account_verbs
from pillarbox.admin.password_reset import NewMail
from pillarbox.config.schema import Config
from pillarbox.config.sections.listen import Listen
from pillarbox.config.sections.passwords import Passwords
from pillarbox.directory.accounts import Account
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import (
    credential_marks,
    link_tokens,
    recovery_addresses,
    reset_links,
    sign_ins,
)
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.sign_ins import Way
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.chores.table import drop_reset_links
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated
from pillarbox.server.sign_in.choosing import NotDone
from pillarbox.server.sign_in.factors import Factors
from pillarbox.server.sign_in.recovery_address import RecoveryAddresses
from pillarbox.server.sign_in.resetting import MAX_ASKED_BY_NETWORK, Resetting, Wanted
from pillarbox.server.sign_in.steps import Browser
from pillarbox.store import mailboxes
from pillarbox.world.database import Database, Transaction
from tests.kit.every_verb import no_rest
from tests.kit.provider import PASSWORD, PEOPLE, Provider, open_provider

T = TypeVar("T")
URL = "https://mail.one.example"
BROWSER = Browser("192.0.2.1", "Firefox")
FAR = "anna@far.example"
TABLES = ("reset_links", "recovery_confirmations", "recovery_mails")
NEW = "quite another secret"
NO_WEB: dict[str, Any] = {"http": (), "https": ()}
NEEDED = Factors(is_needed=True, totp=True)


def run(test: Callable[[Provider], Coroutine[Any, Any, None]], folder: Path | None = None) -> None:
    async def with_provider() -> None:
        provider = await open_provider(folder)
        provider.web_url = URL
        try:
            await test(provider)
        finally:
            await provider.close()

    asyncio.run(with_provider())


def resetting(provider: Provider, config: Config | None = None, **options: Any) -> Resetting:
    return Resetting(provider.world, config or provider.config, provider.authenticator, **options)


async def ways(provider: Provider) -> set[Way]:
    """By what the first person has failed to sign in, as they see it."""
    await provider.authenticator.settled()
    found = await provider.world.database.read(sign_ins.listing, provider.accounts[0])
    return {one.attempt.way for one in found if one.has_failed}


async def link(provider: Provider, person: int = 0, *, asks: bool = True, valid_ms: int = 60_000) -> str:
    token, digest = link_tokens.issue(provider.world.entropy)
    await provider.world.database.write(
        password_reset.make_link,
        PEOPLE[person],
        digest,
        valid_ms=valid_ms,
        asks_factor=asks,
        now_ms=provider.world.clock.now_ms(),
    )
    return token


async def has_recovery(provider: Provider, person: int = 0, address: str = FAR) -> None:
    token, digest = link_tokens.issue(provider.world.entropy)
    del token
    now_ms, write = provider.world.clock.now_ms(), provider.world.database.write
    await write(recovery_addresses.begin, provider.accounts[person], address, digest, now_ms=now_ms)
    await write(recovery_addresses.confirm, digest, now_ms=now_ms)


async def logs_in(provider: Provider, password: str, person: int = 0) -> bool:
    client = Client("127.0.0.1", Scope.IMAP)
    who = await provider.authenticator.check_password(PEOPLE[person], password, client)
    return isinstance(who, Authenticated)


def queued(provider: Provider) -> list[tuple[str, str, bytes]]:
    """Address, NOTIFY and octets of what waits for other providers."""

    def verb(tx: Transaction) -> list[tuple[str, str, bytes]]:
        rows = tx.rows(
            "SELECT r.address, r.notify, m.blob FROM queue_recipients r JOIN queue_messages m ON m.id = r.message"
            " WHERE m.reverse_path IS NULL ORDER BY r.id"
        )
        return [(address, notify, provider.world.blobs.read(tx, blob)) for address, notify, blob in rows]

    return provider.world.database.read_now(verb)


def inbox(provider: Provider, person: int = 0) -> list[str]:
    """The texts in somebody's INBOX."""

    def verb(tx: Transaction) -> list[str]:
        account = provider.accounts[person]
        rows = tx.rows(
            "SELECT e.blob FROM placements p JOIN emails e ON e.id = p.email WHERE p.account = ? AND p.mailbox = ?"
            " ORDER BY p.uid",
            (account, mailboxes.by_name(tx, account, "INBOX").id),
        )
        return [text(provider.world.blobs.read(tx, blob)) for (blob,) in rows]

    return provider.world.database.read_now(verb)


def text(octets: bytes) -> str:
    found = message_from_bytes(octets, policy=policy.default).get_content()
    assert isinstance(found, str)
    return found


def token_in(octets: bytes, path: str = "/reset/") -> str:
    found = re.search(re.escape(URL + path) + r"([\w-]{43})\r?\n", text(octets))
    assert found, text(octets)
    return found[1]


# --- a link of an operator


def test_a_link_sets_the_password_once() -> None:
    async def test(provider: Provider) -> None:
        token, reset = await link(provider), resetting(provider)
        for _ in range(3):  # programs that look for malware open links
            shown = await reset.look(token)
            assert shown is not None
            assert (shown.login, shown.factors) == (PEOPLE[0], None)
        done = await reset.finish(token, Wanted(NEW), BROWSER)
        assert isinstance(done, Account)
        assert (await logs_in(provider, NEW), await logs_in(provider, PASSWORD)) == (True, False)
        assert await reset.look(token) is None
        assert await reset.finish(token, Wanted("one secret more"), BROWSER) is NotDone.GONE
        assert await logs_in(provider, NEW)
        (told,) = inbox(provider)
        assert "was set by a link" in told

    run(test)


def test_what_ends_with_the_old_password() -> None:
    async def test(provider: Provider) -> None:
        app = await provider.app_password(0, Scope.MAIL)
        account, read = provider.accounts[0], provider.world.database.read

        async def marks() -> set[str]:
            now_ms = provider.world.clock.now_ms()
            return set(await read(credential_marks.valid, account, scope=Scope.IMAP, now_ms=now_ms))

        before = await marks()
        await resetting(provider).finish(await link(provider), Wanted(NEW), BROWSER)
        after = await marks()
        assert len(before & after) == 1, "that of the app password"
        assert len(await read(credential_marks.withdrawn, [(account, one) for one in before])) == 1
        assert await logs_in(provider, app)
        await resetting(provider).finish(
            await link(provider), Wanted(NEW + "2", revoke_app_passwords=True), BROWSER
        )
        assert not await logs_in(provider, app)
        assert len(await read(credential_marks.withdrawn, [(account, one) for one in after])) == 2

    run(test)


def test_links_that_cannot_be_used() -> None:
    async def test(provider: Provider) -> None:
        reset = resetting(provider)
        old = await link(provider)
        new = await link(provider)
        expired = await link(provider, 1, valid_ms=0)
        for token in (old, expired, "", "x" * 43, "\ud800" * 43, "x" * 100_000):
            assert await reset.look(token) is None
            assert await reset.finish(token, Wanted(NEW), BROWSER) is NotDone.GONE
        await provider.world.database.write(account_verbs.set_enabled, PEOPLE[0], enabled=False)
        assert await reset.finish(new, Wanted(NEW), BROWSER) is NotDone.GONE
        with pytest.raises(NameRefused, match="is disabled"):
            await link(provider)

    run(test)


def test_of_two_workers_one_uses_the_link(tmp_path: Path) -> None:
    async def test(provider: Provider) -> None:
        other = await open_provider(tmp_path, people=False)
        token = await link(provider)
        both = await asyncio.gather(
            resetting(provider).finish(token, Wanted("secret of the first"), BROWSER),
            resetting(other).finish(token, Wanted("secret of the second"), BROWSER),
        )
        assert [isinstance(one, Account) for one in both].count(True) == 1
        assert [one is NotDone.GONE for one in both].count(True) == 1
        right = ("secret of the first", "secret of the second")[isinstance(both[1], Account)]
        assert await logs_in(provider, right)
        assert len(inbox(provider)) == 1
        await other.close()

    run(test, tmp_path)


def test_what_may_be_chosen(tmp_path: Path) -> None:
    async def test(provider: Provider) -> None:
        stolen = hashlib.sha1(b"open sesame", usedforsecurity=False).hexdigest().upper()
        (tmp_path / "pwned").write_text(f"{stolen}:12\n")
        demanded = Passwords(shortest=10, breached=tmp_path / "pwned")
        config = replace(provider.config, passwords=demanded)
        reset, token = resetting(provider, config), await link(provider)
        for password, why in (
            ("123456789", NotDone.TOO_SHORT),
            ("open sesame", NotDone.STOLEN),
            ("", NotDone.UNUSABLE),
            ("x" * 100_000, NotDone.UNUSABLE),
            ("with a \0 in it", NotDone.UNUSABLE),
        ):
            assert await reset.finish(token, Wanted(password), BROWSER) is why
        assert await reset.look(token) is not None, "nothing is used up"
        (tmp_path / "pwned").unlink()
        assert isinstance(await reset.finish(token, Wanted("open sesame"), BROWSER), Account)
        assert any("looked up" in str(event) for event in provider.telemetry.events)

    run(test)


def test_expired_links_are_removed() -> None:
    async def test(provider: Provider) -> None:
        kept = await link(provider)
        await link(provider, 1, valid_ms=0)
        _, digest = link_tokens.issue(provider.world.entropy)
        begin, long_ago = recovery_addresses.begin, 0
        await provider.world.database.write(begin, provider.accounts[0], FAR, digest, now_ms=long_ago)
        while await drop_reset_links(provider.world, no_rest):
            pass
        counts = provider.world.database.read_now(
            lambda tx: [tx.value(f"SELECT count(*) FROM {table}") for table in TABLES]
        )
        assert counts == [1, 0, 0]
        assert await resetting(provider).look(kept) is not None

    run(test)


# --- the second factor


class Codes:
    """The codes of an account, each of which is right once."""

    def __init__(self, *right: str) -> None:
        self.right, self.tried = set(right), list[str]()

    async def __call__(self, account: AccountId, code: str, _known: str) -> bool:
        self.tried.append(code)
        is_right = code in self.right
        self.right.discard(code)
        return is_right


def test_the_second_factor_is_asked_for() -> None:
    async def test(provider: Provider) -> None:
        codes, token = Codes("123456"), await link(provider)
        reset = resetting(provider, codes=[Codes(), codes], factors_of=lambda _tx, _account: NEEDED)
        shown = await reset.look(token)
        assert shown is not None
        assert shown.factors is NEEDED
        for code in ("", "000000", "x" * 1000):
            assert await reset.finish(token, Wanted(NEW, code), BROWSER) is NotDone.WRONG
        assert codes.tried == ["000000"]
        assert await reset.finish(token, Wanted("short", "123456"), BROWSER) is NotDone.TOO_SHORT
        assert await reset.finish(token, Wanted("with \0 in it", "123456"), BROWSER) is NotDone.UNUSABLE
        assert codes.right, "a password that is refused uses no code up"
        assert isinstance(await reset.finish(token, Wanted(NEW, "123456"), BROWSER), Account)
        assert "login failed" in str(provider.telemetry.events)

    run(test)


def test_codes_are_not_guessed() -> None:
    async def test(provider: Provider) -> None:
        codes, token = Codes("123456"), await link(provider)
        reset = resetting(provider, codes=[codes], factors_of=lambda _tx, _account: NEEDED)
        browser = Browser("127.0.0.1", "")
        outcomes = [
            await reset.finish(token, Wanted(NEW, f"{number:06}"), browser)
            for number in range(reset_links.MAX_TRIES)
        ]
        assert set(outcomes) == {NotDone.WRONG}
        assert await reset.finish(token, Wanted(NEW, "123456"), browser) is NotDone.GONE
        assert not await logs_in(provider, NEW)

    run(test)


def test_without_a_check_no_code_is_right() -> None:
    async def test(provider: Provider) -> None:
        token, reset = await link(provider), resetting(provider, factors_of=lambda _tx, _account: NEEDED)
        assert await reset.finish(token, Wanted(NEW, "123456"), BROWSER) is NotDone.WRONG
        assert await ways(provider) == {Way.WEB}

    run(test)


def test_an_operator_may_say_that_the_link_is_enough() -> None:
    async def test(provider: Provider) -> None:
        token = await link(provider, asks=False)
        reset = resetting(provider, factors_of=lambda _tx, _account: NEEDED)
        shown = await reset.look(token)
        assert shown is not None
        assert shown.factors is None
        assert isinstance(await reset.finish(token, Wanted(NEW), BROWSER), Account)

    run(test)


def test_a_factor_that_comes_meanwhile_is_asked_for() -> None:
    async def test(provider: Provider) -> None:
        token, told = await link(provider), iter([Factors(), NEEDED])
        reset = resetting(provider, factors_of=lambda _tx, _account: next(told))
        assert await reset.finish(token, Wanted(NEW), BROWSER) is NotDone.GONE
        assert not await logs_in(provider, NEW)

    run(test)


# --- by mail


def test_a_link_is_sent_to_the_recovery_address() -> None:
    async def test(provider: Provider) -> None:
        await has_recovery(provider)
        reset = resetting(provider, factors_of=lambda _tx, _account: NEEDED)
        assert reset.ask(f" {PEOPLE[0].upper()} ", BROWSER)
        await provider.authenticator.settled()
        ((address, notify, octets),) = queued(provider)
        assert (address, notify) == (FAR, "NEVER")
        message = message_from_bytes(octets, policy=policy.default)
        assert (message["From"], message["To"]) == ("postmaster@one.example", FAR)
        assert message["Auto-Submitted"] == "auto-generated"
        shown = await reset.look(token_in(octets))
        assert shown is not None
        assert shown.factors is NEEDED, "the mailbox elsewhere is no second factor"

    run(test)


class Counting:
    """A database whose calls are counted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.calls = list[str]()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._database, name)
        if name.startswith(("read", "write")):
            self.calls.append(name)
        return found


def test_nobody_finds_out_who_has_an_account() -> None:
    async def test(provider: Provider) -> None:
        await has_recovery(provider)
        await provider.world.database.write(account_verbs.set_enabled, PEOPLE[2], enabled=False)
        outcomes = []
        # With a recovery address, without one, disabled, unknown, of another provider, no address at all
        for login in (*PEOPLE, "nobody@one.example", "x@far.example", "nobody"):
            counting = Counting(provider.world.database)
            reset = Resetting(
                replace(provider.world, database=counting),  # type: ignore[arg-type]
                provider.config,
                provider.authenticator,
            )
            answer = reset.ask(login, BROWSER)
            before = list(counting.calls)
            await provider.authenticator.settled()
            outcomes.append((answer, before, counting.calls))
        assert outcomes == [(True, [], ["write_in_thread"])] * len(outcomes)
        assert provider.authenticator._checks._known._pool is None, "nothing was hashed"
        assert provider.authenticator._checks._strangers._pool is None
        assert len(queued(provider)) == 1

    run(test)


def test_nobody_is_flooded() -> None:
    async def test(provider: Provider) -> None:
        await has_recovery(provider)
        reset = resetting(provider)
        for number in range(12):  # from networks of their own
            assert reset.ask(PEOPLE[0], Browser(f"198.51.{number}.1", ""))
            await provider.authenticator.settled()
        sent = queued(provider)
        assert len(sent) == recovery_addresses.MAX_MAILS
        assert [await reset.look(token_in(octets)) is None for _, _, octets in sent] == [True, True, False]

    run(test)


def test_a_network_asks_so_often() -> None:
    async def test(provider: Provider) -> None:
        reset = resetting(provider)
        answers = [
            reset.ask(f"nobody{number}@one.example", Browser(f"192.0.2.{number}", ""))
            for number in range(MAX_ASKED_BY_NETWORK + 1)
        ]
        assert answers == [True] * MAX_ASKED_BY_NETWORK + [False]
        assert reset.ask("nobody@one.example", Browser("198.51.100.1", ""))
        assert reset.ask("nobody@one.example", Browser("127.0.0.1", ""))
        await provider.authenticator.settled()

    run(test)


@pytest.mark.parametrize(
    "login", ["", "\0", "\ud800@one.example", "x" * 100_000, "a\r\nBcc: b@far.example", "@", "%" * 99]
)
def test_logins_that_are_none(login: str) -> None:
    async def test(provider: Provider) -> None:
        reset = resetting(provider)
        assert reset.ask(login, BROWSER)
        await provider.authenticator.settled()
        assert not queued(provider)

    run(test)


def test_where_nobody_knows_the_address_of_the_pages_nothing_is_sent() -> None:
    async def test(provider: Provider) -> None:
        await has_recovery(provider)
        off = replace(provider.config, passwords=Passwords(reset_by_mail=False))
        unknown = replace(
            provider.config, http=replace(provider.config.http, url=""), listen=Listen(**NO_WEB)
        )
        for config in (off, unknown):
            reset = resetting(provider, config)
            assert not reset.is_offered
            assert not reset.ask(PEOPLE[0], BROWSER)
            await provider.authenticator.settled()
        assert not queued(provider)

    run(test)


def test_no_secret_is_told() -> None:
    async def test(provider: Provider) -> None:
        await has_recovery(provider)
        reset = resetting(provider)
        reset.ask(PEOPLE[0], BROWSER)
        await provider.authenticator.settled()
        token = token_in(queued(provider)[0][2])
        await reset.finish(token, Wanted(NEW), BROWSER)
        assert token not in str(provider.telemetry.events)
        assert PEOPLE[0] not in str(provider.telemetry.events)
        assert token not in repr(NewMail(b"", f"{URL}/reset/{token}", "x", 0))
        letter = account_letters.by_recovery_address(
            Account(AccountId(1), "a@x", "a@x", "", None, enabled=True), FAR, token, identity="x", now_ms=0
        )
        assert token not in repr(letter)
        assert NEW not in repr(Wanted(NEW))

    run(test)


# --- setting a recovery address


def test_a_recovery_address_is_set() -> None:
    async def test(provider: Provider) -> None:
        recovery, account = RecoveryAddresses(provider.world, provider.config), provider.accounts[0]
        assert await recovery.set(account, f" {FAR} ") == FAR
        ((address, _, octets),) = queued(provider)
        assert address == FAR
        (told,) = inbox(provider)
        assert FAR in told
        token = token_in(octets, "/reset/confirm/")
        assert token not in told
        assert (await recovery.of(account)).waiting == FAR
        for _ in range(2):
            assert await recovery.look(token) is not None
        assert await recovery.confirm(token) == PEOPLE[0]
        assert await recovery.confirm(token) is None
        assert (await recovery.of(account)).address == FAR
        assert await resetting(provider).look(token) is None, "it sets no password"
        assert await recovery.remove(account)
        assert not await recovery.remove(account)
        assert [FAR in one for one in inbox(provider)] == [True, True, False]
        assert "was removed" in inbox(provider)[2]
        for english, german in (("remove that address", "Entfernen Sie"), ("change your", "Ihr Passwort.")):
            assert english in inbox(provider)[1]
            assert german in inbox(provider)[1]
        assert "remove that address" not in inbox(provider)[2]

    run(test)


def test_who_sets_addresses_floods_nobody() -> None:
    async def test(provider: Provider) -> None:
        recovery = RecoveryAddresses(provider.world, provider.config)
        for number in range(3):
            await recovery.set(provider.accounts[0], f"x{number}@far.example")
        with pytest.raises(NameRefused, match="too many links"):
            await recovery.set(provider.accounts[0], FAR)
        assert (await recovery.of(provider.accounts[0])).waiting == "x2@far.example"
        with pytest.raises(NameRefused, match="address of this provider"):
            await recovery.set(provider.accounts[1], "x@two.example")
        assert len(queued(provider)) == 3

    run(test)


def test_letters_are_in_two_languages() -> None:
    account = Account(AccountId(1), "a@one.example", "a@one.example", "", None, enabled=True)
    letters = (
        account_letters.by_recovery_address(account, FAR, URL, identity="x", now_ms=0),
        account_letters.to_confirm(account, FAR, URL, identity="x", now_ms=0),
        account_letters.address_entered(account, FAR, identity="x", now_ms=0),
        account_letters.address_changed(account, FAR, identity="x", now_ms=0),
        account_letters.password_set(account, identity="x", now_ms=0),
    )
    for letter in letters:
        assert " Sie " in letter.text
        assert letter.sender == "postmaster@one.example"
        assert max(map(len, letter.text.splitlines())) <= 80
