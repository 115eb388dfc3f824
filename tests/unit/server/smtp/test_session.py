"""What sessions answer, command by command."""

import pytest

from pillarbox.config.sections.limits import Limits
from pillarbox.delivery.checks.check import Stage
from pillarbox.delivery.checks.sender_domain import SenderDomainRequired
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.command_counts import SessionLimits
from tests.kit.smtp.provider import FakeConnection, SmtpClient, SmtpProvider, run_with_smtp, set_quota

MESSAGE = "From: a@mail.example\r\nSubject: x\r\n\r\nbody\r\n.\r\n"


def test_greeting_and_ehlo() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        assert await client.connect() == "220 mx.one.example ESMTP Pillarbox\r\n"
        lines = (await client.say("EHLO client.example")).splitlines()
        assert lines[0] == "250-mx.one.example"
        assert lines[-1] == "250 STARTTLS"
        assert "250-LIMITS MAILMAX=100000 RCPTMAX=1000" in lines
        assert await client.say("HELO client.example") == "250 mx.one.example\r\n"

    run_with_smtp(test)


@pytest.mark.rfc("5321 §4.1.4", "MUST")
def test_order_of_commands() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.connect()
        assert (
            await client.codes("MAIL FROM:<a@mail.example>", "DATA", "RCPT TO:<anna@one.example>")
            == [503] * 3
        )
        assert await client.codes("NOOP", "RSET", "VRFY anna", "HELP", "EXPN crew") == [
            250,
            250,
            252,
            214,
            502,
        ]
        await client.say("EHLO client.example")
        assert await client.codes("RCPT TO:<anna@one.example>", "DATA", "BDAT 0 LAST") == [503] * 3
        assert await client.codes("MAIL FROM:<a@mail.example>", "MAIL FROM:<a@mail.example>", "DATA") == [
            250, 503, 503,
        ]  # fmt: skip
        assert await client.codes("RCPT TO:<anna@one.example>", "RSET", "DATA") == [250, 250, 503]
        assert await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>") == [250, 250]
        # a new EHLO resets
        assert await client.codes("EHLO client.example", "DATA") == [250, 503]
        assert await client.say("QUIT") == "221 2.0.0 mx.one.example closing connection\r\n"
        assert not client.connection.open

    run_with_smtp(test)


@pytest.mark.rfc("5321 §4.1.4", "MUST")
def test_a_refused_mail_leaves_no_transaction() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        too_large = "MAIL FROM:<a@mail.example> SIZE=99999999999"
        assert await client.codes(too_large, "RCPT TO:<anna@one.example>") == [
            552, 503,
        ]  # fmt: skip

    run_with_smtp(test)


@pytest.mark.rfc("2920 §3.2", "SHOULD")
def test_answers_to_one_read_leave_in_one_write() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        before = client.connection.writes
        answers = await client.say(
            b"MAIL FROM:<a@mail.example>\r\nRCPT TO:<anna@one.example>\r\n"
            b"RCPT TO:<nobody@one.example>\r\nDATA\r\n"
        )
        assert [line[:3] for line in answers.splitlines()] == ["250", "250", "550", "354"]
        assert client.connection.writes == before + 1
        answers = await client.say(
            MESSAGE.encode() + b"MAIL FROM:<>\r\nRCPT TO:<bert@one.example>\r\nDATA\r\n"
        )
        assert [line[:3] for line in answers.splitlines()] == ["250", "250", "250", "354"]
        assert client.connection.writes == before + 2
        await client.say(b".\r\n")
        assert len(provider.inbox("anna")) == len(provider.inbox("bert")) == 1

    run_with_smtp(test)


def test_a_message_rests_below_its_trace_fields() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        answer = await client.say(MESSAGE.encode())
        assert answer.startswith("250 2.0.0 OK ")
        trace_id = answer.split()[-1]
        [octets] = provider.inbox("anna")
        results, _, received = octets.partition(b"Received: ")
        assert results.startswith(
            b"Return-Path: <a@mail.example>\r\nAuthentication-Results: mx.one.example;\r\n"
        )
        assert (
            received
            == (
                "from client.example ([192.0.2.7])\r\n"
                f"\tby mx.one.example with ESMTP id {trace_id}\r\n"
                "\tfor <anna@one.example>;\r\n"
                "\tTue, 14 Nov 2023 22:13:20 +0000\r\n"
                "From: a@mail.example\r\nSubject: x\r\n\r\nbody\r\n"
            ).encode()
        )

    run_with_smtp(test)


@pytest.mark.rfc("1123 §5.2.17", "MUST")
@pytest.mark.rfc("5321 §4.5.1", "MUST")
@pytest.mark.parametrize(
    "recipient",
    ["Postmaster", "postmaster@one.example", "POSTMASTER@ONE.EXAMPLE", "postmaster@[198.51.100.1]"],
)
def test_postmaster_is_always_there(recipient: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        assert await client.codes("MAIL FROM:<>", f"RCPT TO:<{recipient}>", "DATA") == [250, 250, 354]
        await client.say(MESSAGE.encode())
        assert len(provider.inbox("anna")) == 1  # the domain's first account is its postmaster

    run_with_smtp(test)


def test_recipients() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        await client.say("MAIL FROM:<a@mail.example>")
        answers = {
            "anna@one.example": 250,
            "ANNA@One.Example": 250,
            '"anna"@one.example': 250,
            "anna+shops@one.example": 250,
            "@relay.example:anna@one.example": 250,
            "crew@one.example": 250,
            "away@one.example": 250,
            "nobody@one.example": 550,
            "loop@one.example": 550,
            "anna@elsewhere.example": 550,
            "anna%elsewhere.example@one.example": 550,
            '"anna@elsewhere.example"@one.example': 550,
            "elsewhere.example!anna@one.example": 550,
            "@one.example:anna@elsewhere.example": 550,
            "anna@[203.0.113.9]": 550,
        }
        for recipient, code in answers.items():
            assert await client.codes(f"RCPT TO:<{recipient}>") == [code], recipient

    run_with_smtp(test)


@pytest.mark.rfc("5321 §3.3", "MUST")
def test_no_relaying() -> None:
    async def test(provider: SmtpProvider) -> None:
        for role in (Role.MX, Role.LMTP):
            client = provider.client(role)
            await client.greet()
            await client.say("MAIL FROM:<anna@one.example>")
            assert await client.say("RCPT TO:<x@elsewhere.example>") == "550 5.7.1 Relay access denied\r\n"
        assert provider.queued() == []

    run_with_smtp(test)


def test_a_recipient_named_twice_gets_one_message() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        await client.say("MAIL FROM:<a@mail.example>")
        for recipient in ("anna@one.example", "Anna@one.example", "info@one.example", "crew@one.example"):
            assert await client.codes(f"RCPT TO:<{recipient}>") == [250]
        await client.say("DATA")
        await client.say(MESSAGE.encode())
        assert [len(provider.inbox(login)) for login in ("anna", "bert", "cleo")] == [1, 1, 1]
        assert b"for <" not in provider.inbox("anna")[0].split(b"From:")[0].replace(b"from", b"")

    run_with_smtp(test)


def test_forwarding_goes_to_the_queue_in_the_same_acceptance() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP)
        await client.greet()
        await client.codes(
            "MAIL FROM:<a@mail.example> RET=HDRS ENVID=xyz BODY=8BITMIME",
            "RCPT TO:<both@one.example> NOTIFY=FAILURE,DELAY ORCPT=rfc822;both@one.example",
            "DATA",
        )
        assert (await client.say(MESSAGE.encode())).startswith("250")
        [rested] = provider.inbox("anna")
        [queued] = provider.queued()
        assert rested == b"Return-Path: <a@mail.example>\r\n" + queued.pop("octets")
        assert queued == {
            "address": "anna@elsewhere.example",
            "destination": "elsewhere.example",
            "notify": "DELAY,FAILURE",
            "original": "rfc822;both@one.example",
            "reverse_path": "a@mail.example",
            "account": None,
            "body": "8BITMIME",
            "smtputf8": 0,
            "require_tls": 0,
            "envelope_id": "xyz",
            "return_content": "HDRS",
        }

    run_with_smtp(test)


@pytest.mark.rfc("6531 §3.5", "MUST")
def test_addresses_beyond_ascii_need_smtputf8() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        assert (
            await client.say("MAIL FROM:<jörg@mail.example>")
            == "550 5.6.7 SMTPUTF8 is required for this sender address\r\n"
        )
        assert await client.codes("MAIL FROM:<a@mail.example>") == [250]
        assert (await client.say("RCPT TO:<jörg@one.example>")).startswith("553 5.6.7")
        await client.say("RSET")
        assert await client.codes(
            "MAIL FROM:<jörg@mail.example> SMTPUTF8",
            "RCPT TO:<jörg@one.example>",
            "RCPT TO:<anna@one.example>",
            "DATA",
        ) == [250, 550, 250, 354]
        await client.say(MESSAGE.encode())
        [octets] = provider.inbox("anna")
        assert octets.startswith("Return-Path: <jörg@mail.example>\r\n".encode())
        assert b"with UTF8SMTP id" in octets

    run_with_smtp(test)


@pytest.mark.rfc("1870 §6.1", "MUST")
def test_size_is_declared_and_counted() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(limits=Limits(message_octets=100))
        await client.greet()
        refusal = "552 5.3.4 Message size exceeds fixed limit\r\n"
        assert await client.say("MAIL FROM:<a@mail.example> SIZE=101") == refusal
        for octets, code in ((98, "250"), (99, "552")):
            await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
            # RFC 1870 §5: line ends count, dots that were added and the end do not
            answer = await client.say(b".." + b"x" * (octets - 1) + b"\r\n.\r\n")
            assert answer[:3] == code
        assert len(provider.inbox("anna")) == 1

    run_with_smtp(test)


def test_too_large_in_pieces() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(limits=Limits(message_octets=500_000))
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        for _ in range(12):
            assert await client.say(b"x" * 70 + b"\r\n" + b"y" * 50_000 + b"\r\n") == ""
        assert (await client.say(b".\r\n")).startswith("552 5.3.4")
        assert provider.inbox("anna") == []
        assert await client.codes("NOOP") == [250]

    run_with_smtp(test)


@pytest.mark.rfc("5321 §4.5.3.1.10", "MUST")
def test_too_many_recipients() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(limits=Limits(recipients=100))
        await client.greet()
        await client.say("MAIL FROM:<a@mail.example>")
        assert await client.codes(*["RCPT TO:<anna@one.example>"] * 100) == [250] * 100
        assert await client.say("RCPT TO:<anna@one.example>") == "452 4.5.3 Too many recipients\r\n"
        assert await client.codes("DATA") == [354]
        assert (await client.say(b".\r\n")).startswith("250")

    run_with_smtp(test)


@pytest.mark.rfc("5321 §6.3", "MUST")
def test_mail_loops_end() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        for hops, code in ((100, "250"), (101, "554")):
            await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
            answer = await client.say(b"Received: x\r\n" * hops + b"\r\nReceived: not a hop\r\n.\r\n")
            assert answer[:3] == code
        assert "5.4.6" in answer

    run_with_smtp(test)


def test_a_full_mailbox_is_refused_at_rcpt() -> None:
    async def test(provider: SmtpProvider) -> None:
        set_quota(provider, "anna", 1000)
        client = provider.client()
        await client.greet()
        await client.say("MAIL FROM:<a@mail.example> SIZE=1001")
        assert (
            await client.say("RCPT TO:<anna@one.example>") == "452 4.2.2 Quota exceeded (mailbox is full)\r\n"
        )
        await client.codes("RSET", "MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        # what was let in at RCPT is kept, even if it is more than was left
        assert (await client.say(b"Subject: x\r\n\r\n" + b"y" * 2000 + b"\r\n.\r\n")).startswith("250")
        assert await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>") == [250, 452]
        # others of a group still get it, and so does she
        assert await client.codes("RCPT TO:<crew@one.example>") == [250]

    run_with_smtp(test)


def test_errors_have_a_limit() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(session_limits=SessionLimits(errors=3))
        await client.greet()
        assert await client.codes("XYZZY", "XYZZY", "XYZZY") == [500] * 3
        assert (await client.say("XYZZY")).splitlines() == [
            "500 5.5.1 Command not recognized",
            "421 4.7.0 mx.one.example Too many errors, closing connection",
        ]
        assert not client.connection.open
        assert await client.say("NOOP") == ""

    run_with_smtp(test)


def test_guessing_recipients_and_idling_have_limits() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(session_limits=SessionLimits(unknown_recipients=2))
        await client.greet()
        await client.say("MAIL FROM:<a@mail.example>")
        assert await client.codes("RCPT TO:<x@one.example>", "RCPT TO:<y@one.example>") == [550, 550]
        assert "421 4.7.0" in await client.say("RCPT TO:<z@one.example>")
        client = provider.client(session_limits=SessionLimits(strangers_idle_commands=3))
        await client.greet()
        assert await client.codes("NOOP", "NOOP") == [250, 250]
        assert "421 4.7.0" in await client.say("NOOP")
        client = provider.client(session_limits=SessionLimits(strangers_idle_commands=2))
        await client.greet()
        assert await client.codes("EHLO client.example") == [250]
        assert "421 4.7.0" in await client.say("EHLO client.example")
        assert not client.connection.open
        client = provider.client(session_limits=SessionLimits(transactions=2))
        await client.greet()
        assert await client.codes("MAIL FROM:<>", "MAIL FROM:<>") == [250, 503]
        assert (await client.say("MAIL FROM:<>")).startswith("421 4.7.0")

    run_with_smtp(test)


def test_an_accepted_message_clears_the_counts() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(session_limits=SessionLimits(errors=3, unknown_recipients=1))
        await client.greet()
        for _ in range(4):
            await client.codes("XYZZY", "XYZZY", "MAIL FROM:<>", "RCPT TO:<x@one.example>")
            await client.codes("RCPT TO:<anna@one.example>", "DATA")
            assert (await client.say(b".\r\n")).startswith("250")

    run_with_smtp(test)


def test_time_outs_and_farewells() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        # RFC 5321 §4.5.3.2.7: five minutes at least
        assert client.connection.deadline_s >= 300
        assert client.session.timed_out().startswith(b"421 4.4.2 mx.one.example")
        assert client.session.failed().startswith(b"421 4.3.0 mx.one.example")
        assert client.session.ending().startswith(b"421 4.3.2 mx.one.example")
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        assert client.connection.deadline_s >= 180
        client.session.closed()
        assert provider.inbox("anna") == []

    run_with_smtp(test)


def test_a_line_that_ends_in_lf_ends_the_session() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        answer = await client.say(b"MAIL FROM:<a@mail.example>\nRCPT TO:<anna@one.example>\r\n")
        assert answer.startswith("500 5.5.2")
        assert not client.connection.open

    run_with_smtp(test)


def test_a_sender_whose_domain_does_not_exist_is_marked() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        for sender, mark in [
            ("a@mail.example", None),
            ("a@[192.0.2.1]", None),
            ("a@gone.example", b"(sender domain does not exist)"),
            ("a@far.invalid", b"(sender domain could not be looked up)"),
        ]:
            await client.codes(f"MAIL FROM:<{sender}>", "RCPT TO:<anna@one.example>", "DATA")
            assert (await client.say(MESSAGE.encode())).startswith("250")
            octets = provider.inbox("anna")[-1]
            assert (b"(sender domain" in octets) == (mark is not None)
            assert mark is None or mark in octets
        found = [
            fields["sender_domain"]
            for name, fields in provider.telemetry.events
            if name == "message accepted"
        ]
        assert found == ["exists", "exists", "absent", "unknown"]

    run_with_smtp(test)


def test_such_a_sender_is_refused_by_policy_only() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(checks={Stage.SENDER: (SenderDomainRequired,)})
        await client.greet()
        assert await client.codes("MAIL FROM:<a@mail.example>", "RSET", "MAIL FROM:<>", "RSET") == [250] * 4
        assert (
            await client.say("MAIL FROM:<a@gone.example>")
            == "550 5.1.8 Sender address rejected: Domain not found\r\n"
        )
        assert (await client.say("MAIL FROM:<a@far.invalid>")).startswith("451 4.1.8")

    run_with_smtp(test)


def test_helo_is_plain_smtp() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.connect()
        await client.codes(
            "HELO client.example", "MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA"
        )
        await client.say(MESSAGE.encode())
        assert b"with SMTP id" in provider.inbox("anna")[0]

    run_with_smtp(test)


def test_there_is_no_auth_at_the_mx() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(tls=True)
        assert "AUTH" not in await client.greet()
        assert await client.codes("AUTH PLAIN", "MAIL FROM:<a@mail.example>") == [502, 250]

    run_with_smtp(test)


def test_a_connection_that_ends_in_the_middle_leaves_nothing() -> None:
    async def test(provider: SmtpProvider) -> None:
        connection = FakeConnection()
        client = SmtpClient(provider.service(Role.MX), connection)
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        await client.say(b"Subject: half\r\n\r\nof a mess")
        client.session.closed()
        assert provider.inbox("anna") == []

    run_with_smtp(test)
