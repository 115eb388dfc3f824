"""A message that is converted on its way out keeps a valid signature where it is our own, and never gets one else."""

import email
from collections.abc import Sequence
from typing import Any

import pytest

from pillarbox.delivery import report
from pillarbox.directory import dkim_keys
from pillarbox.directory.dkim_keys import DkimKey, KeyState
from pillarbox.mail.dsn import Action, Dsn, DsnRecipient
from pillarbox.mail.header import Header
from pillarbox.trust.dkim import SigningKey
from pillarbox.trust.dkim.keys import to_pem
from pillarbox.trust.results import Result
from tests.kit.signed_mail import ed25519_key, rsa_key, signed, verified, zone
from tests.kit.smtp.relay import NOW_MS, RelayProvider, run_with_relay

OURS = SigningKey("one.example", "s1", rsa_key().key)
OTHERS = ed25519_key()
TEXT = (
    b"From: anna@one.example\r\nTo: a@two.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    + "Grüße, und zwar viele und schöne\r\n".encode()
)
RECEIVED = b"Received: from a.example by mx.one.example; Tue, 1 Dec 2026 01:00:00 +0000\r\n"


async def arrives(
    provider: RelayProvider,
    octets: bytes,
    *,
    keys: bool = True,
    extensions: tuple[str, ...] = (),
    **queued: Any,
) -> bytes:
    """What a server without 8BITMIME, or with these extensions, gets of a message."""
    if keys:
        add_key(provider)
    peer = provider.peer("two.example", "192.0.2.1", extensions=extensions)
    await provider.queue("a@two.example", octets=octets, **queued)
    await provider.pass_(1)
    (got,) = peer.received
    assert extensions or got.octets.isascii()
    return got.octets


def add_key(provider: RelayProvider) -> None:
    key = DkimKey("one.example", "s1", "rsa-sha256", to_pem(OURS.key), KeyState.ACTIVE, NOW_MS, NOW_MS)
    provider.database.write_now(dkim_keys.add, key)


def results(octets: bytes) -> list[tuple[str, Result]]:
    found = verified(octets, zone(OURS, OTHERS), received_s=NOW_MS // 1000 + 10)
    return [(each.domain, each.result) for each in found]


@pytest.mark.rfc("6376 §5.3", "SHOULD")
@pytest.mark.parametrize("filler", [b"", b"line of text\r\n" * 1_000, b"line of text\r\n" * 40_000])
def test_a_submission_is_signed_anew_in_the_form_that_leaves(filler: bytes) -> None:
    async def test(provider: RelayProvider) -> None:
        octets = await arrives(provider, RECEIVED + signed(TEXT + filler, OURS))
        assert results(octets) == [("one.example", Result.PASS)]
        assert Header.parse(octets)[0].fields[0].key == "dkim-signature"

    run_with_relay(test)


LONG = b"x" * 999 + b"\r\n"


@pytest.mark.rfc("6376 §5.3", "SHOULD")
@pytest.mark.rfc("5321 §4.5.3.1.6", "MUST")
@pytest.mark.parametrize("filler", [b"", b"line of text\r\n" * 40_000])
@pytest.mark.parametrize("extensions", [(), ("8BITMIME",)])
def test_a_submission_with_long_lines_leaves_without_them_and_with_a_valid_signature(
    filler: bytes, extensions: tuple[str, ...]
) -> None:
    async def test(provider: RelayProvider) -> None:
        octets = await arrives(provider, RECEIVED + signed(TEXT + filler + LONG, OURS), extensions=extensions)
        assert max(map(len, octets.splitlines())) <= 998
        assert results(octets) == [("one.example", Result.PASS)]
        assert LONG in email.message_from_bytes(octets).get_payload(decode=True)

    run_with_relay(test)


@pytest.mark.parametrize(
    ("octets", "account"),
    [
        (b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n" + LONG + b"--b--\r\n", {}),
        (TEXT + LONG, {"account": None}),
    ],
)
def test_what_cannot_be_converted_or_is_of_others_keeps_its_long_lines(
    octets: bytes, account: dict[str, Any]
) -> None:
    async def test(provider: RelayProvider) -> None:
        assert await arrives(provider, octets, extensions=("8BITMIME",), **account) == octets

    run_with_relay(test)


def test_signatures_of_others_on_a_submission_are_left_as_they_are() -> None:
    async def test(provider: RelayProvider) -> None:
        octets = await arrives(provider, RECEIVED + signed(signed(TEXT, OTHERS), OURS))
        assert results(octets) == [("one.example", Result.PASS), ("example.org", Result.FAIL)]

    run_with_relay(test)


def test_without_keys_a_submission_leaves_as_it_was_converted() -> None:
    async def test(provider: RelayProvider) -> None:
        octets = await arrives(provider, RECEIVED + TEXT, keys=False)
        assert results(octets) == []

    run_with_relay(test)


FORGED: Sequence[tuple[str | None, bytes]] = [
    ("stranger@evil.example", RECEIVED + TEXT),
    ("anna@one.example", RECEIVED + TEXT),
    (None, RECEIVED + TEXT),
    (None, b"ARC-Seal: i=1\r\n" + RECEIVED + TEXT),
    (None, RECEIVED + b"X-Filler: x\r\n" * 5_000 + TEXT),
    (None, RECEIVED.replace(b"Received:", b"Received :") + TEXT.replace(b"anna@", b"mailer-daemon@mx.")),
]


@pytest.mark.parametrize(("reverse_path", "forged"), FORGED)
def test_mail_that_is_handed_on_is_never_signed_whatever_it_says_it_is(
    reverse_path: str | None, forged: bytes
) -> None:
    async def test(provider: RelayProvider) -> None:
        octets = await arrives(provider, forged, sender=reverse_path, account=None)
        assert b"DKIM-Signature" not in octets

    run_with_relay(test)


def test_an_old_signature_of_ours_on_what_is_handed_on_is_not_renewed() -> None:
    async def test(provider: RelayProvider) -> None:
        octets = await arrives(provider, RECEIVED + signed(TEXT, OURS), sender=None, account=None)
        assert results(octets) == [("one.example", Result.FAIL)]

    run_with_relay(test)


def test_a_report_of_ours_is_signed_anew() -> None:
    async def test(provider: RelayProvider) -> None:
        add_key(provider)
        peer = provider.peer("two.example", "192.0.2.1", extensions=())
        notice = Dsn(
            to="a@two.example",
            hostname="mx.one.example",
            recipients=(DsnRecipient("b@x.example", Action.FAILED, "5.1.1", "no such user"),),
            identity="1",
            now_ms=NOW_MS,
            arrived_at_ms=0,
        )
        provider.database.write_now(report.send, notice, TEXT)
        await provider.pass_(1)
        (got,) = peer.received
        assert got.octets.isascii()
        assert results(got.octets) == [("one.example", Result.PASS)]

    run_with_relay(test)
