"""What a stranger has us hand on is never signed in our name, even where it looks like a report of ours."""

import pytest

from pillarbox.delivery.signing_anew import signed_anew
from pillarbox.directory import dkim_keys
from pillarbox.directory.dkim_keys import DkimKey, KeyState
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.queue.schedule import load
from pillarbox.queue.spool import QueueId
from pillarbox.trust.dkim.keys import to_pem
from pillarbox.world.database import Transaction
from tests.kit.signed_mail import rsa_key
from tests.kit.smtp.provider import NOW_MS, SmtpProvider, run_with_smtp

FORGED = (
    b"From: mailer-daemon@mx.one.example\r\nTo: away@one.example\r\nSubject: Undelivered Mail\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
)


def add_key(provider: SmtpProvider) -> None:
    key = DkimKey("one.example", "s1", "rsa-sha256", to_pem(rsa_key().key), KeyState.ACTIVE, NOW_MS, NOW_MS)
    provider.database.write_now(dkim_keys.add, key)


def anew(provider: SmtpProvider) -> tuple[bytes, bytes]:
    """The only queued message, and what became of it when it was to be signed anew."""

    def read(tx: Transaction) -> tuple[bytes, bytes]:
        message = load(tx, QueueId(tx.value("SELECT id FROM queue_messages")))
        octets = provider.blobs.read(tx, message.blob)
        return octets, signed_anew(tx, message, octets, "mx.one.example", now_ms=NOW_MS)

    return provider.database.read_now(read)


@pytest.mark.parametrize("role", [Role.MX, Role.LMTP])
@pytest.mark.parametrize("top", [b"", b"X: y\r\n" * 20_000, b" folded\r\n", b"Return-Path: <>\r\n"])
@pytest.mark.parametrize("sender", ["", "anna@one.example"])
def test_a_forged_report_that_is_handed_on_is_not_signed(role: Role, top: bytes, sender: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        add_key(provider)
        client = provider.client(role)
        await client.greet()
        await client.codes(f"MAIL FROM:<{sender}>", "RCPT TO:<away@one.example>", "DATA")
        assert "250" in await client.say(top + FORGED + b".\r\n")
        octets, after = anew(provider)
        assert FORGED.partition(b"\r\n")[0] in octets
        assert after is octets
        assert b"DKIM-Signature" not in octets

    run_with_smtp(test)


def test_a_submission_of_ours_is() -> None:
    async def test(provider: SmtpProvider) -> None:
        add_key(provider)
        client = provider.client(Role.SUBMISSION, tls=True)
        await client.greet()
        await client.codes("AUTH PLAIN AGFubmEAY29ycmVjdCBob3JzZQ==")
        await client.codes("MAIL FROM:<anna@one.example>", "RCPT TO:<a@elsewhere.example>", "DATA")
        mine = FORGED.replace(b"mailer-daemon@mx.", b"anna@")
        assert (await client.say(mine + b".\r\n")).startswith("250")
        octets, after = anew(provider)
        assert after.startswith(b"DKIM-Signature:")
        assert after.count(b"DKIM-Signature:") == octets.count(b"DKIM-Signature:") == 1

    run_with_smtp(test)
