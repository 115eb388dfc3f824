"""Answering mail for those who are away: once, and only what people have written to them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pillarbox.delivery import account_settings
from pillarbox.delivery.checks.check import Check, Decision, Evidence, Finding, Stage
from pillarbox.delivery.checks.table import CHECKS
from pillarbox.directory import accounts, aliases, identities, vacation
from pillarbox.directory.vacation import Settings, VacationRefused
from pillarbox.protocol.smtp.capabilities import Role
from tests.kit.smtp.provider import NOW_MS, SmtpProvider, run_with_smtp
from tests.kit.smtp.submitting import Submitter, envelope
from tests.unit.server.smtp.test_signing import with_keys
from tests.unit.server.smtp.test_submission import logged_in, submit

DAY_S = 86_400
MESSAGE = (
    "From: bob@mail.example\r\nTo: anna@one.example\r\n"
    "Message-ID: <m@mail.example>\r\nSubject: Plan\r\n\r\nHi\r\n"
)


async def away(provider: SmtpProvider, login: str = "anna", **settings: Any) -> None:
    changed = Settings(**{"is_enabled": True, "text_body": "Away.", **settings})
    await provider.database.write(account_settings.update_vacation, provider.people[login], changed)


async def arrives(
    provider: SmtpProvider,
    message: str = MESSAGE,
    *,
    sender: str = "bob@mail.example",
    to: str = "anna@one.example",
    **options: Any,
) -> None:
    client = provider.client(Role.MX, **options)
    await client.greet()
    await client.codes(f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA")
    assert (await client.say(message.encode() + b".\r\n")).startswith("250")


def run(test: Callable[[SmtpProvider], Awaitable[None]]) -> None:
    async def begun(provider: SmtpProvider) -> None:
        await away(provider)
        await test(provider)

    run_with_smtp(begun)


@pytest.mark.rfc("3834 §4", "SHOULD")
def test_an_answer_goes_to_the_reverse_path_and_has_none() -> None:
    async def test(provider: SmtpProvider) -> None:
        await arrives(provider, MESSAGE.replace("bob@", "other@"))
        (queued,) = provider.queued()
        assert (queued["address"], queued["reverse_path"], queued["notify"]) == (
            "bob@mail.example",
            None,
            "NEVER",
        )
        octets = queued["octets"]
        assert b"\r\nTo: <bob@mail.example>\r\n" in octets
        assert b"From: <anna@one.example>\r\n" in octets
        assert b"\r\nAuto-Submitted: auto-replied (vacation)\r\n" in octets
        assert b"\r\nSubject: Auto: Plan\r\n" in octets
        assert b"\r\nIn-Reply-To: <m@mail.example>\r\n" in octets
        assert len(provider.inbox("anna")) == 1

    run(test)


@pytest.mark.rfc("3834 §2", "SHOULD NOT")
def test_nobody_gets_it_twice_within_seven_days() -> None:
    async def test(provider: SmtpProvider) -> None:
        for _ in range(2):
            await arrives(provider)
        await arrives(provider, sender="BOB@Mail.example")
        await arrives(provider, sender="carl@mail.example")
        assert [one["address"] for one in provider.queued()] == ["bob@mail.example", "carl@mail.example"]
        await provider.clock.advance(7 * DAY_S - 1)
        await arrives(provider)
        assert len(provider.queued()) == 2
        await provider.clock.advance(1)
        await arrives(provider)
        assert len(provider.queued()) == 3

    run(test)


def test_a_new_text_is_sent_to_everybody_again() -> None:
    async def test(provider: SmtpProvider) -> None:
        await arrives(provider)
        await away(provider, text_body="Away for longer.")
        await arrives(provider)
        assert len(provider.queued()) == 2

    run(test)


@pytest.mark.rfc("8621 §8", "MUST")
@pytest.mark.parametrize(
    ("settings", "answers"),
    [
        ({"is_enabled": False}, 0),
        ({"from_ms": NOW_MS}, 1),
        ({"from_ms": NOW_MS + 1}, 0),
        ({"to_ms": NOW_MS + 1}, 1),
        ({"to_ms": NOW_MS}, 0),
        ({"from_ms": NOW_MS - 1, "to_ms": NOW_MS + 1}, 1),
    ],
)
def test_only_between_the_dates(settings: dict[str, Any], answers: int) -> None:
    async def test(provider: SmtpProvider) -> None:
        await away(provider, **settings)
        await arrives(provider)
        assert len(provider.queued()) == answers

    run(test)


@pytest.mark.rfc("3834 §2", "MUST NOT")
@pytest.mark.parametrize(
    ("message", "sender"),
    [
        (MESSAGE, ""),
        (MESSAGE, "noreply@mail.example"),
        ("List-Id: <x.example>\r\n" + MESSAGE, "bob@mail.example"),
        ("Auto-Submitted: auto-replied\r\n" + MESSAGE, "bob@mail.example"),
        (MESSAGE.replace("To: anna", "To: bert"), "bob@mail.example"),
        (MESSAGE.replace("To: anna@one.example\r\n", ""), "bob@mail.example"),
    ],
)
def test_what_is_not_answered(message: str, sender: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        await arrives(provider, message, sender=sender)
        assert provider.queued() == []
        assert len(provider.inbox("anna")) == 1

    run(test)


@pytest.mark.parametrize(
    ("to", "answers"),
    [
        ("anna@one.example", 1),
        ("anna+shop@one.example", 1),
        ("only@one.example", 1),
        ("info@one.example", 0),
        ("crew@one.example", 0),
        ("both@one.example", 0),
    ],
)
def test_mail_to_an_address_of_several_people_is_not_answered_for_one(to: str, answers: int) -> None:
    async def test(provider: SmtpProvider) -> None:
        await provider.database.write(aliases.create, "only@one.example", ["anna@one.example"])
        await arrives(provider, MESSAGE.replace("anna@one.example", to), to=to)
        answered = [one for one in provider.queued() if one["address"] == "bob@mail.example"]
        assert len(answered) == answers
        for one in answered:
            assert f"<{to}>".encode() in one["octets"]

    run(test)


def test_what_one_sends_to_oneself_is_not_answered() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        await submit(client, MESSAGE.replace("bob@mail", "anna@one").removesuffix("\r\n"), "anna@one.example")
        assert (len(provider.inbox("anna")), provider.queued()) == (1, [])

    run(test)


def test_people_here_get_it_in_their_inbox_and_two_who_are_away_stop_at_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        await away(provider, "bert")
        client = await logged_in(provider)
        message = MESSAGE.replace("anna@", "bert@").replace("bob@mail", "anna@one")
        await submit(client, message.removesuffix("\r\n"), "bert@one.example")
        (placed,) = provider.inbox("anna")
        assert placed.startswith(b"Return-Path: <>\r\nFrom: <bert@one.example>\r\n")
        assert (len(provider.inbox("bert")), provider.queued()) == (1, [])

    run(test)


class _Suspicious(Check):
    """Quarantines everything."""

    name = "suspicious"

    async def conclude(self, _evidence: Evidence) -> Finding:
        return Finding(decision=Decision.QUARANTINE)


def test_what_goes_to_junk_is_not_answered() -> None:
    async def test(provider: SmtpProvider) -> None:
        await arrives(provider, checks={**CHECKS, Stage.DATA: (_Suspicious,)})
        assert (provider.queued(), provider.inbox("anna")) == ([], [])

    run(test)


def test_what_was_held_is_answered_when_it_is_delivered() -> None:
    async def test(provider: SmtpProvider) -> None:
        await away(provider, "bert")
        anna = Submitter(provider)
        await anna.sent(given=envelope("bert@one.example", parameters={"HOLDFOR": "60"}))
        await anna.let_go(59)
        assert provider.inbox("anna") == []
        await anna.let_go(1)
        assert len(provider.inbox("anna")) == 1

    run_with_smtp(test)


def test_the_owner_chooses_the_name() -> None:
    async def test(provider: SmtpProvider) -> None:
        database, anna = provider.database, provider.people["anna"]
        (own, *_) = await database.read(identities.listing, anna)
        await database.write(account_settings.update_identity, anna, own.id, identities.Settings(name="Änne"))
        await arrives(provider)
        (queued,) = provider.queued()
        assert b"From: =?utf-8?B?w4RubmU=?=\r\n <anna@one.example>\r\n" in queued["octets"]

    run(test)


def test_an_answer_is_signed() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        await arrives(provider)
        (queued,) = provider.queued()
        assert queued["octets"].startswith(b"DKIM-Signature: ")

    run(test)


def test_an_account_says_whether_its_mail_may_be_answered() -> None:
    """Where mail goes says whether it may be answered: nothing else is asked about it."""

    async def test(provider: SmtpProvider) -> None:
        database = provider.database
        for login, responds in (("anna", True), ("bert", False)):
            found = await database.read(accounts.get, provider.people[login])
            assert found is not None
            assert found.responds is responds
        await away(provider, is_enabled=False)
        found = await database.read(accounts.get, provider.people["anna"])
        assert found is not None
        assert not found.responds

    run(test)


def test_settings_and_their_state() -> None:
    async def test(provider: SmtpProvider) -> None:
        database, bert = provider.database, provider.people["bert"]
        assert await database.read(vacation.get, bert) == vacation.NO_VACATION
        before = await database.read(vacation.state, bert)
        await away(provider, "bert", subject="Off", html_body="<p>x</p>")
        await away(provider, "bert", text_body=None)
        assert await database.read(vacation.get, bert) == vacation.Vacation(
            True, None, None, "Off", None, "<p>x</p>"
        )
        assert await database.read(vacation.state, bert) > before
        await database.write(accounts.remove, bert)
        assert await database.read(vacation.get, bert) == vacation.NO_VACATION

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"subject": "x" * 201}, "subject"),
        ({"subject": "\0", "text_body": "\0", "to_ms": -1}, "subject textBody toDate"),
        ({"subject": "a\r\nBcc: b"}, "subject"),
        ({"text_body": "x" * 32_769}, "textBody"),
        ({"html_body": "\0"}, "htmlBody"),
        ({"from_ms": -1}, "fromDate"),
        ({"to_ms": 2**60}, "toDate"),
    ],
)
def test_all_that_is_no_setting_is_named(settings: dict[str, Any], names: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        with pytest.raises(VacationRefused) as raised:
            await away(provider, **settings)
        assert raised.value.properties == tuple(names.split())

    run_with_smtp(test)


def test_so_many_senders_are_remembered_and_nobody_else_is_answered() -> None:
    async def test(provider: SmtpProvider) -> None:
        anna = provider.people["anna"]
        rows = [(anna, f"{number}@x.example", NOW_MS) for number in range(vacation.MAX_SENDERS)]
        await provider.database.write(
            lambda tx: tx.execute_many("INSERT INTO vacation_senders VALUES (?, ?, ?)", rows)
        )
        await arrives(provider)
        assert provider.queued() == []

    run(test)
