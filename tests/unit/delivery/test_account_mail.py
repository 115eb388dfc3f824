"""Telling somebody about their account: signed where it leaves, and told whatever the quota."""

from email import message_from_bytes, policy

from pillarbox.delivery import account_mail
from pillarbox.directory import quota
from pillarbox.mail.account_notice import AccountNotice
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp
from tests.unit.server.smtp.test_signing import signed_by, verified, with_keys

TEXT = "A line.\n\nhttps://mail.one.example/reset/" + "x" * 43 + "\n\nFür Sie.\n"


def notice(provider: SmtpProvider, to: str) -> AccountNotice:
    return AccountNotice(
        "postmaster@one.example", to, "Grüße from your mail", TEXT, "token", provider.clock.now_ms()
    )


def test_what_leaves_is_signed_and_answered_by_nobody() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        assert await provider.database.write(account_mail.send, notice(provider, "anna@far.example"))
        (queued,) = provider.queued()
        assert (queued["address"], queued["reverse_path"], queued["notify"]) == (
            "anna@far.example",
            None,
            "NEVER",
        )
        assert not queued["smtputf8"]
        octets: bytes = queued["octets"]
        assert verified(provider, octets) == signed_by("one.example")
        message = message_from_bytes(octets, policy=policy.default)
        assert message["Subject"] == "Grüße from your mail"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Message-ID"] == "<token@one.example>"
        assert message.get_content().replace("\r\n", "\n") == TEXT
        assert max(map(len, octets.split(b"\r\n"))) <= 998
        assert octets.isascii()

    run_with_smtp(test)


def test_who_is_full_is_told() -> None:
    async def test(provider: SmtpProvider) -> None:
        await provider.database.write(quota.set_account_quota, provider.people["anna"], 1)
        assert await provider.database.write(account_mail.send, notice(provider, "anna@one.example"))
        (placed,) = provider.inbox("anna")
        assert placed.startswith(b"Return-Path: <>\r\n")
        assert not provider.queued()

    run_with_smtp(test)


def test_addresses_that_lead_nowhere() -> None:
    async def test(provider: SmtpProvider) -> None:
        for address in ("nobody@one.example", "no address", ""):
            assert not await provider.database.write(account_mail.send, notice(provider, address))
        assert not provider.queued()

    run_with_smtp(test)


def test_a_notice_shows_no_link() -> None:
    async def test(provider: SmtpProvider) -> None:
        assert "reset" not in repr(notice(provider, "anna@far.example"))

    run_with_smtp(test)
