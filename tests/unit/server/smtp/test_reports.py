"""DSNs of mail that was accepted here, and domains that are providers to each other."""

import base64

import pytest

from pillarbox.protocol.smtp.capabilities import Role
from tests.kit.smtp.provider import PASSWORD, SmtpClient, SmtpProvider, run_with_smtp

MESSAGE = "From: anna@one.example\r\nSubject: Plan\r\n\r\nThe body."


async def logged_in(provider: SmtpProvider, **options: object) -> SmtpClient:
    client = provider.client(Role.SUBMISSION, tls=True, **options)
    await client.greet()
    credentials = base64.b64encode(f"\0anna@one.example\0{PASSWORD}".encode()).decode()
    assert await client.codes(f"AUTH PLAIN {credentials}") == [235]
    return client


async def reports_after(
    provider: SmtpProvider, rcpt: str, *, mail: str = "", role: Role = Role.LMTP
) -> list[bytes]:
    """Reports that the sender gets for a message to this recipient."""
    client = provider.client(role)
    await client.greet()
    sender = "" if mail == "null" else "you@mail.example"
    more = "" if mail == "null" else mail
    assert await client.codes(f"MAIL FROM:<{sender}>{more}", f"RCPT TO:{rcpt}", "DATA") == [250, 250, 354]
    assert (await client.say(MESSAGE.encode() + b"\r\n.\r\n")).startswith("250")
    return [one["octets"] for one in provider.queued() if one["reverse_path"] is None]


@pytest.mark.rfc("3461 §5.2.3", "MUST")
def test_a_requested_success_dsn_is_sent_with_the_header_only() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        codes = await client.codes(
            "MAIL FROM:<anna@one.example> RET=FULL ENVID=e7",
            "RCPT TO:<bert@one.example> NOTIFY=SUCCESS ORCPT=rfc822;a+2Bb@x",
            "DATA",
        )
        assert codes == [250, 250, 354]
        await client.say(MESSAGE.encode() + b"\r\n.\r\n")
        (report,) = provider.inbox("anna")
        for part in (
            b"Action: delivered",
            b"Original-Envelope-Id: e7",
            b"Original-Recipient: rfc822; a+b@x",
            b"Final-Recipient: rfc822; bert@one.example",
            b"Subject: Plan",
        ):
            assert part in report
        assert b"The body" not in report

    run_with_smtp(test)


def test_a_dsn_for_who_has_not_logged_in_has_nothing_of_the_message() -> None:
    async def test(provider: SmtpProvider) -> None:
        (report,) = await reports_after(provider, "<anna@one.example> NOTIFY=SUCCESS", mail=" RET=FULL")
        assert b"Action: delivered" in report
        assert b"Plan" not in report
        assert b"The body" not in report
        assert provider.queued()[0]["notify"] == "NEVER"

    run_with_smtp(test)


@pytest.mark.parametrize("recipient", ["anna", "info", "away", "both", "crew"])
def test_strangers_cannot_ask_for_reports_to_a_path_that_may_be_anybodys(recipient: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.MX)
        assert "DSN" not in await client.greet()
        sender = "MAIL FROM:<victim@bank.example>"
        assert await client.codes(f"{sender} RET=FULL", f"{sender} ENVID=x") == [555, 555]
        to = f"RCPT TO:<{recipient}@one.example>"
        codes = await client.codes(
            sender, f"{to} NOTIFY=SUCCESS,FAILURE", f"{to} ORCPT=rfc822;x@y", to, "DATA"
        )
        assert codes == [250, 555, 555, 250, 354]
        assert (await client.say(MESSAGE.encode() + b"\r\n.\r\n")).startswith("250")
        assert {one["address"] for one in provider.queued()} <= {"anna@elsewhere.example"}

    run_with_smtp(test)


@pytest.mark.rfc("3461 §5.2.3", "MUST NOT")
@pytest.mark.parametrize(
    ("rcpt", "mail"),
    [
        ("<anna@one.example>", ""),
        ("<anna@one.example> NOTIFY=FAILURE,DELAY", ""),
        ("<anna@one.example> NOTIFY=NEVER", ""),
        ("<anna@one.example> NOTIFY=SUCCESS", "null"),
    ],
)
def test_no_dsn_is_sent_that_was_not_requested(rcpt: str, mail: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        assert await reports_after(provider, rcpt, mail=mail) == []

    run_with_smtp(test)


@pytest.mark.rfc("3461 §5.2.7.3", "MUST")
@pytest.mark.parametrize("alias", ["info", "both", "crew"])
def test_an_address_of_several_is_expanded(alias: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        (report,) = await reports_after(provider, f"<{alias}@one.example> NOTIFY=SUCCESS,FAILURE")
        assert b"Action: expanded" in report
        onward = [one for one in provider.queued() if one["reverse_path"]]
        assert [one["notify"] for one in onward] == (["FAILURE"] if alias == "both" else [])

    run_with_smtp(test)


@pytest.mark.rfc("3461 §5.2.7.2", "SHOULD")
def test_an_alias_to_another_provider_passes_the_dsn_request_on() -> None:
    async def test(provider: SmtpProvider) -> None:
        assert await reports_after(provider, "<away@one.example> NOTIFY=SUCCESS") == []
        (onward,) = provider.queued()
        assert (onward["notify"], onward["original"]) == ("SUCCESS", "rfc822;away@one.example")

    run_with_smtp(test)


@pytest.mark.rfc("8689 §5", "MUST")
def test_a_report_about_what_required_tls_requires_it_as_well() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP, tls=True)
        await client.greet()
        codes = await client.codes(
            "MAIL FROM:<you@mail.example> REQUIRETLS", "RCPT TO:<anna@one.example> NOTIFY=SUCCESS", "DATA"
        )
        assert codes == [250, 250, 354]
        await client.say(b"x\r\n.\r\n")
        assert [bool(one["require_tls"]) for one in provider.queued()] == [True]

    run_with_smtp(test)


@pytest.mark.parametrize("separate", [True, False])
def test_domains_may_be_providers_to_each_other(separate: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider, separate_domains=separate)
        codes = await client.codes(
            "MAIL FROM:<anna@one.example>", "RCPT TO:<bert@one.example>", "RCPT TO:<nobody@two.example>"
        )
        assert codes == [250, 250, 250 if separate else 550]
        assert await client.codes("RCPT TO:<nobody@one.example>") == [550]
        await client.say("DATA")
        await client.say(MESSAGE.encode() + b"\r\n.\r\n")
        assert [one["address"] for one in provider.queued()] == (["nobody@two.example"] if separate else [])
        assert len(provider.inbox("bert")) == 1
        outside = provider.client(Role.MX, separate_domains=separate)
        await outside.greet()
        assert await outside.codes(
            "MAIL FROM:<you@mail.example>", "RCPT TO:<anna@one.example>", "RCPT TO:<x@elsewhere.example>"
        ) == [250, 250, 550]

    run_with_smtp(test)
