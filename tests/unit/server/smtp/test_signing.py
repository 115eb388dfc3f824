"""What leaves is signed: our own mail by DKIM, mail of others that is handed on by ARC."""

import asyncio
import base64
import dataclasses
from typing import Any

import pytest

from pillarbox.admin import dkim as keys_of
from pillarbox.admin.checks import signing_keys
from pillarbox.directory.dkim_keys import KeyState
from pillarbox.dns import Answer, Failure, Kind, Outcome
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.trust import arc, dkim
from pillarbox.trust.arc import ChainOutcome
from pillarbox.trust.results import Result
from pillarbox.world.database import Transaction
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.asking import Answers
from tests.kit.signed_mail import ed25519_key, rsa_key, signed, zone
from tests.kit.smtp.provider import PASSWORD, SmtpProvider, run_with_smtp

MESSAGE = b"From: Anna <anna@one.example>\r\nTo: joe@elsewhere.example\r\nSubject: x\r\n\r\nbody\r\n"
OTHERS = b"From: Joe <joe@example.org>\r\nTo: away@one.example\r\nSubject: x\r\n\r\nbody\r\n"


async def with_keys(provider: SmtpProvider, *names: str) -> None:
    """These domains sign, and the DNS has their records."""
    for name in names:
        made = await provider.database.write(
            keys_of.add, name, (rsa_key().key, ed25519_key().key), now_ms=provider.clock.now_ms()
        )
        for one in made:
            provider.resolver.put(one.name, Kind.TXT, one.text.encode())


async def submitted(
    provider: SmtpProvider, message: bytes = MESSAGE, to: str = "joe@elsewhere.example"
) -> str:
    client = provider.client(Role.SUBMISSION, tls=True)
    await client.greet()
    await client.codes("AUTH PLAIN " + base64.b64encode(f"\0anna@one.example\0{PASSWORD}".encode()).decode())
    await client.codes("MAIL FROM:<anna@one.example>", f"RCPT TO:<{to}>", "DATA")
    return await client.say(message + b".\r\n")


async def received(provider: SmtpProvider, message: bytes, to: str = "away@one.example") -> str:
    client = provider.client(Role.MX)
    await client.greet()
    await client.codes("MAIL FROM:<joe@example.org>", f"RCPT TO:<{to}>", "DATA")
    return await client.say(message + b".\r\n")


class Dns(Answers):
    """What the provider's resolver says."""

    def __init__(self, provider: SmtpProvider) -> None:
        super().__init__({})
        self._resolver = provider.resolver

    def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        return self._resolver.said(name, kind)


def verified(provider: SmtpProvider, octets: bytes) -> list[tuple[str, str, str]]:
    """Each signature: its domain, algorithm and result."""
    header, start = Header.parse(octets)
    now_s = provider.clock.now_ms() // 1000
    found = Dns(provider).to(dkim.verify(header, [octets[start:]], received_s=now_s))
    return [(each.domain, each.algorithm, each.result.value) for each in found]


def chain(provider: SmtpProvider, octets: bytes) -> ChainOutcome:
    header, start = Header.parse(octets)
    return Dns(provider).to(arc.verify(header, [octets[start:]]))


def waiting(provider: SmtpProvider) -> bytes:
    """The last message in the queue."""
    octets = provider.queued()[-1]["octets"]
    assert isinstance(octets, bytes)
    return octets


def signed_by(domain: str) -> list[tuple[str, str, str]]:
    return [(domain, algorithm, "pass") for algorithm in ("rsa-sha256", "ed25519-sha256")]


def fields(octets: bytes, name: str) -> list[bytes]:
    return Header.parse(octets)[0].all(name)


@pytest.mark.rfc("6376 §5", "MUST")
@pytest.mark.parametrize("lines", [1, 100_000])
def test_what_is_submitted_is_signed_with_every_key(lines: int) -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        message = MESSAGE + b"line  of text \r\n" * lines
        assert (await submitted(provider, message)).startswith("250")
        assert verified(provider, waiting(provider)) == signed_by("one.example")
        assert not fields(waiting(provider), "ARC-Seal")

    run_with_smtp(test)


def test_what_is_submitted_as_binary_is_signed_bit_for_bit() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        message = MESSAGE + bytes(range(256)) + b"\n.\n\r\rlast"
        client = provider.client(Role.SUBMISSION, tls=True)
        await client.greet()
        login = base64.b64encode(f"\0anna@one.example\0{PASSWORD}".encode()).decode()
        await client.codes(f"AUTH PLAIN {login}", "MAIL FROM:<anna@one.example> BODY=BINARYMIME")
        await client.codes("RCPT TO:<joe@elsewhere.example>")
        assert (await client.say(b"BDAT %d LAST\r\n" % len(message) + message)).startswith("250")
        assert waiting(provider).endswith(message[-300:])
        assert verified(provider, waiting(provider)) == signed_by("one.example")

    run_with_smtp(test)


def test_lines_that_end_in_lf_are_signed_as_they_leave() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        answer = await submitted(provider, MESSAGE + b"a\nb\n\nc\r\n")
        assert answer.startswith("250")
        assert waiting(provider).endswith(b"\r\n\r\nbody\r\na\r\nb\r\n\r\nc\r\n")
        assert verified(provider, waiting(provider)) == signed_by("one.example")

    run_with_smtp(test)


def test_another_implementation_verifies_the_signatures() -> None:
    other = pytest.importorskip("dkim", reason="dkimpy is not installed")
    pytest.importorskip("nacl", reason="PyNaCl is not installed")

    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        await submitted(provider, MESSAGE)

        def txt(name: bytes, **_options: object) -> bytes:
            found = provider.resolver.said(name.decode(), Kind.TXT)
            assert isinstance(found, Answer)
            return bytes(found.records[0])

        signatures = other.DKIM(waiting(provider))
        assert signatures.verify(0, dnsfunc=txt)
        assert signatures.verify(1, dnsfunc=txt)

    run_with_smtp(test)


@pytest.mark.parametrize("filler", [b"", b"X-Filler: " + b"x" * 900 + b"\r\n"])
def test_a_long_header_is_signed_and_verified_as_any_other(filler: bytes) -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        assert (await submitted(provider, filler * 200 + MESSAGE)).startswith("250")
        assert verified(provider, waiting(provider)) == signed_by("one.example")
        for name, text in zone(rsa_key()).items():
            provider.resolver.put(*name, *text)
        answer = await received(provider, signed(filler * 200 + OTHERS, rsa_key()), "anna@one.example")
        assert answer.startswith("250")
        (octets,) = provider.inbox("anna")
        assert b"dkim=pass" in fields(octets, "Authentication-Results")[0]

    run_with_smtp(test)


def test_mail_that_stays_is_not_signed() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        assert (await submitted(provider, MESSAGE, "bert@one.example")).startswith("250")
        (octets,) = provider.inbox("bert")
        assert not fields(octets, "DKIM-Signature")

    run_with_smtp(test)


def test_a_domain_without_keys_sends_unsigned_and_one_whose_keys_are_damaged_as_well() -> None:
    async def test(provider: SmtpProvider) -> None:
        assert (await submitted(provider)).startswith("250")
        assert not fields(waiting(provider), "DKIM-Signature")
        await with_keys(provider, "one.example")

        def damage(tx: Transaction) -> None:
            tx.execute("UPDATE dkim_keys SET pem = 'x' WHERE algorithm = 'rsa-sha256'")
            tx.execute("UPDATE dkim_keys SET state = 'x' WHERE algorithm <> 'rsa-sha256'")

        await provider.database.write(damage)
        assert (await submitted(provider)).startswith("250")
        assert not fields(waiting(provider), "DKIM-Signature")
        (unreadable, stateless) = await provider.database.read(keys_of.listing)
        assert unreadable.text == ""
        assert stateless.state is KeyState.RETIRED
        assert [one.key for one in await signing_keys.lacking(provider.resolver, [unreadable])] == [
            unreadable
        ]
        told = [one async for one in signing_keys.check(provider.resolver, "one.example", [unreadable])]
        assert [one.remedy for one in told] == ["Remove it: pillarbox dkim retire one.example r20231114"]

    run_with_smtp(test)


def test_new_keys_sign_at_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        assert (await submitted(provider)).startswith("250")
        await with_keys(provider, "one.example")
        service = provider.service(Role.SUBMISSION)
        assert service is not None
        assert (await submitted(provider)).startswith("250")
        assert verified(provider, waiting(provider)) == signed_by("one.example")

    run_with_smtp(test)


def test_what_is_handed_on_is_sealed_pass_after_pass() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        message = OTHERS
        for instance in (1, 2, 3):
            assert (await received(provider, message)).startswith("250")
            message = waiting(provider)
            found = chain(provider, message)
            assert found.result is Result.PASS, found.reason
            assert found.sealers == ("one.example",) * instance
            seal = fields(message, "ARC-Seal")[0]
            assert (b"cv=none" if instance == 1 else b"cv=pass") in seal
            assert Header.parse(message)[0].fields[0].key == "arc-seal"
        assert not fields(message, "DKIM-Signature"), "it is not by us"

    run_with_smtp(test)


def test_a_chain_that_is_broken_is_sealed_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        await received(provider, OTHERS)
        await received(provider, waiting(provider) + b"tampered\r\n")
        broken = waiting(provider)
        assert b"cv=fail" in fields(broken, "ARC-Seal")[0]
        await received(provider, broken)
        assert len(fields(waiting(provider), "ARC-Seal")) == 2

    run_with_smtp(test)


def test_what_a_program_nearby_hands_on_is_not_sealed_since_nobody_has_judged_it() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        client = provider.client(Role.LMTP)
        await client.greet()
        await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<away@one.example>", "DATA")
        assert "250" in await client.say(OTHERS + b".\r\n")
        assert not fields(waiting(provider), "ARC-Seal")

    run_with_smtp(test)


def test_a_copy_for_here_and_one_for_elsewhere_are_the_same_below_the_return_path() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        assert (await received(provider, OTHERS, "both@one.example")).startswith("250")
        (octets,) = provider.inbox("anna")
        path, _, rest = octets.partition(b"\r\n")
        assert path.startswith(b"Return-Path:")
        assert rest == waiting(provider)
        assert chain(provider, octets).result is Result.PASS

    run_with_smtp(test)


def test_reports_that_leave_are_signed_by_the_domain_of_the_host() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        client = provider.client(Role.LMTP)
        await client.greet()
        await client.codes(
            "MAIL FROM:<joe@elsewhere.example>", "RCPT TO:<anna@one.example> NOTIFY=SUCCESS", "DATA"
        )
        await client.say(OTHERS + b".\r\n")
        assert provider.queued()[-1]["reverse_path"] is None
        assert verified(provider, waiting(provider)) == signed_by("one.example")

    run_with_smtp(test)


def test_a_client_that_leaves_takes_its_questions_along() -> None:
    async def test(provider: SmtpProvider) -> None:
        class Silent(ZoneResolver):
            """Never answers."""

            def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
                return None

            async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
                never = asyncio.get_running_loop().create_future()
                return Failure(await never)

        world = dataclasses.replace(provider.world, resolver=Silent((), {}))
        client = provider.client(Role.MX, world=world)
        await client.greet()

        def asking() -> int:
            return sum("Asker" in repr(task) for task in asyncio.all_tasks())

        await client.codes("MAIL FROM:<joe@example.org>")
        await asyncio.sleep(0)
        assert asking()
        await client.codes("RSET")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not asking()

    run_with_smtp(test)
