"""Messages of other providers are judged as they come: the field on top, what is kept, what is done."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace as replace_field
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from pillarbox.config.sections.authentication import Authentication, FailedDmarc
from pillarbox.delivery.asker import MAX_EARLY
from pillarbox.delivery.checks.authentication import TIMEOUT_S
from pillarbox.delivery.checks.deferral import MAX_DEFERRED_S
from pillarbox.delivery.checks.known_clients import REMEMBERED_S
from pillarbox.dns import Failure, Kind, Outcome
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.connection import Peer
from pillarbox.store import authentication, mailboxes
from pillarbox.trust import arc
from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.signatures.body_hash import body_digest
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.world.aside import Aside
from pillarbox.world.database import Transaction
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.signed_mail import rsa_key, signed, zone
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

MESSAGE = b"From: Joe <joe@example.org>\r\nTo: anna@one.example\r\nSubject: x\r\n\r\nbody\r\n"
REJECT: dict[str, Any] = {"authentication": Authentication(dmarc=FailedDmarc.REJECT)}


def publish(provider: SmtpProvider, *, spf: str = "", dmarc: str = "", keys: bool = True) -> None:
    """What example.org says of itself in the DNS."""
    records: dict[tuple[str, Kind], Sequence[bytes]] = dict(zone(rsa_key())) if keys else {}
    if spf:
        records["example.org", Kind.TXT] = (spf.encode(),)
    if dmarc:
        records["_dmarc.example.org", Kind.TXT] = (dmarc.encode(),)
    for (name, kind), found in records.items():
        provider.resolver.put(name, kind, *found)


async def sent(
    provider: SmtpProvider, message: bytes, sender: str = "joe@example.org", **options: Any
) -> str:
    client = provider.client(Role.MX, **options)
    await client.greet()
    await client.codes(f"MAIL FROM:<{sender}>", "RCPT TO:<anna@one.example>", "DATA")
    return await client.say(message + b".\r\n")


def kept(provider: SmtpProvider, box: str = "INBOX") -> tuple[bytes, dict[str, MethodResult]]:
    """The only message there, and the results that are kept with it."""

    def read(tx: Transaction) -> tuple[bytes, tuple[MethodResult, ...]]:
        account = provider.people["anna"]
        mailbox = mailboxes.by_name(tx, account, box).id
        ((email, digest),) = tx.rows(
            "SELECT e.id, e.blob FROM placements p JOIN emails e ON e.id = p.email"
            " WHERE p.account = ? AND p.mailbox = ?",
            (account, mailbox),
        )
        return provider.blobs.read(tx, digest), authentication.of(tx, email)

    octets, results = provider.database.read_now(read)
    return octets, {each.method: each for each in results}


def field_of(octets: bytes) -> str:
    (value,) = Header.parse(octets)[0].all("Authentication-Results")
    return value.decode()


def test_a_message_that_is_what_it_says_passes() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 ip4:192.0.2.7 -all", dmarc="v=DMARC1; p=reject")
        assert (await sent(provider, signed(MESSAGE, rsa_key()))).startswith("250")
        octets, results = kept(provider)
        assert {name: each.result for name, each in results.items()} == {
            "spf": "pass",
            "dkim": "pass",
            "dmarc": "pass",
            "iprev": "temperror",
        }
        written = field_of(octets)
        assert written.startswith("mx.one.example;")
        assert "spf=pass" in written
        assert "dkim=pass" in written
        assert "dmarc=pass" in written
        assert [each.key for each in Header.parse(octets)[0].fields][:3] == [
            "return-path",
            "authentication-results",
            "received",
        ]
        assert str(provider.telemetry.events[-1][1]["authentication"]).startswith(
            "spf=pass dkim=pass dmarc=pass"
        )

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("mode", "answer", "box"),
    [
        (FailedDmarc.REJECT, "550 5.7.1 Email rejected per DMARC policy for example.org", ""),
        (FailedDmarc.QUARANTINE, "250", "Junk"),
        (FailedDmarc.MARK, "250", "INBOX"),
    ],
)
def test_a_forgery_is_dealt_with_as_configured(mode: FailedDmarc, answer: str, box: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 -all", dmarc="v=DMARC1; p=reject")
        answered = await sent(provider, MESSAGE, authentication=Authentication(dmarc=mode))
        assert answered.startswith(answer)
        if box:
            octets, results = kept(provider, box)
            assert results["dmarc"].result == "fail"
            assert "dmarc=fail" in field_of(octets)

    run_with_smtp(test)


@pytest.mark.parametrize("tail", [b"", b"tampered\r\n"])
def test_a_large_message_is_verified_whole(tail: bytes) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, dmarc="v=DMARC1; p=none")
        message = signed(MESSAGE + b"line of text\r\n" * 100_000, rsa_key()) + tail
        assert (await sent(provider, message)).startswith("250")
        octets, results = kept(provider)
        assert results["dkim"].result == ("fail" if tail else "pass")
        assert f"dkim={results['dkim'].result}" in field_of(octets)
        assert octets.endswith(message)

    run_with_smtp(test)


def test_results_that_claim_to_be_ours_are_removed() -> None:
    async def test(provider: SmtpProvider) -> None:
        forged = b"Authentication-Results: mx.one.example; dmarc=pass header.from=bank.example\r\n"
        assert (await sent(provider, forged + MESSAGE)).startswith("250")
        octets, _ = kept(provider)
        assert "bank.example" not in field_of(octets)

    run_with_smtp(test)


def test_what_cannot_be_found_out_is_deferred_where_it_matters_and_not_for_ever() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 include:silent.test -all", dmarc="v=DMARC1; p=reject", keys=False)
        assert (await sent(provider, MESSAGE, authentication=Authentication())).startswith("250"), (
            "no refusal"
        )
        service = provider.service(Role.MX, **REJECT)

        async def again() -> str:
            client = provider.client_of(service)
            await client.greet()
            await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<bert@one.example>", "DATA")
            return await client.say(MESSAGE + b".\r\n")

        assert (await again()).startswith("451 4.7.1 DMARC of example.org cannot be determined now")
        assert (await again()).startswith("451")
        await provider.clock.advance(MAX_DEFERRED_S + 1)
        assert (await again()).startswith("250")
        (octets,) = provider.inbox("bert")
        assert "dmarc=temperror" in field_of(octets)

    run_with_smtp(test)


def test_a_policy_of_none_is_worth_no_wait() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 include:silent.test -all", dmarc="v=DMARC1; p=none", keys=False)
        assert (await sent(provider, MESSAGE, **REJECT)).startswith("250")

    run_with_smtp(test)


def test_a_sender_that_is_null_is_judged_by_its_greeting() -> None:
    async def test(provider: SmtpProvider) -> None:
        provider.resolver.put("client.example", Kind.TXT, b"v=spf1 ip4:192.0.2.7 -all")
        assert (await sent(provider, MESSAGE, sender="")).startswith("250")
        _, results = kept(provider)
        assert (results["spf"].result, results["spf"].domain) == ("pass", "client.example")

    run_with_smtp(test)


def test_behind_another_server_nothing_is_judged() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 -all", dmarc="v=DMARC1; p=reject")
        assert (await sent(provider, MESSAGE, authentication=Authentication(judge=False))).startswith("250")
        octets, results = kept(provider)
        assert not results
        assert b"Authentication-Results" not in octets

    run_with_smtp(test)


def test_own_submissions_and_mail_from_programs_nearby_are_not_judged() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(Role.LMTP)
        await client.greet()
        await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<anna@one.example>", "DATA")
        assert "250" in await client.say(MESSAGE + b".\r\n")
        octets, results = kept(provider)
        assert not results
        assert b"Authentication-Results" not in octets

    run_with_smtp(test)


def test_silence_of_the_dns_costs_a_message_its_results_only() -> None:
    async def test(provider: SmtpProvider) -> None:
        assert isinstance(await provider.resolver.lookup("example.test", Kind.TXT), Failure)
        key = replace(rsa_key(), domain="example.test")
        message = signed(MESSAGE.replace(b"example.org", b"example.test"), key)
        assert (await sent(provider, message, sender="joe@example.test", **REJECT)).startswith("250")
        _, results = kept(provider)
        assert {each.result for each in results.values()} == {"temperror"}

    run_with_smtp(test)


def test_all_checks_of_a_message_share_one_time_and_what_fails_leaves_some_for_others() -> None:
    class Stalling(ZoneResolver):
        """Of whose keys nobody tells; other texts come late."""

        def __init__(self, provider: SmtpProvider) -> None:
            super().__init__(("org", "arpa"), {})
            self._provider = provider
            self._cached: dict[tuple[str, Kind], Outcome[Any]] = {}

        def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
            return self._cached.get((name, kind))

        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            if kind is Kind.TXT:
                await self._provider.clock.sleep(1e9 if "_domainkey" in name else TIMEOUT_S - 1)
            return self._cached.setdefault((name, kind), self.said(name, kind))

    async def test(provider: SmtpProvider) -> None:
        publish(provider, dmarc="v=DMARC1; p=none")
        resolver = Stalling(provider)
        resolver.put("_dmarc.example.org", Kind.TXT, b"v=DMARC1; p=none")
        message = signed(signed(MESSAGE, rsa_key()), replace(rsa_key(), selector="another"))
        world = replace_field(provider.world, resolver=resolver)
        client = provider.client(Role.MX, world=world)
        await client.greet()
        begun = asyncio.ensure_future(
            client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<anna@one.example>", "DATA")
        )
        while not begun.done():
            await provider.clock.advance(1)
        answering = asyncio.ensure_future(client.say(message + b".\r\n"))
        await asyncio.sleep(0)
        waited_s = 0
        while not answering.done():
            await provider.clock.advance(1)
            waited_s += 1
        assert waited_s <= TIMEOUT_S + 1, "no check has a time of its own"
        assert (await answering).startswith("250")
        _, results = kept(provider)
        assert {name: str(each.result) for name, each in results.items()} == {
            "spf": "none",
            "dkim": "temperror",
            "dmarc": "temperror",  # a key might have aligned it
            "iprev": "permerror",
        }
        assert "could not be looked up" not in results["dmarc"].reason

    run_with_smtp(test)


@pytest.mark.parametrize("refused", [0, MAX_EARLY])
@pytest.mark.parametrize(
    ("stalls", "sender", "dmarc"),
    [
        ("x._domainkey.evil.org", "joe@shop.example.org", "v=DMARC1; p=reject"),
        ("x._domainkey.evil.org", "joe@shop.example.org", "v=DMARC1; p=none; np=reject"),
        ("x._domainkey.evil.org", "joe@evil.org", "v=DMARC1; p=reject"),
        ("evil.org", "joe@evil.org", "v=DMARC1; p=reject"),
        ("evil.org", "joe@evil.org", "v=DMARC1; p=none; np=reject"),
    ],
)
def test_name_servers_that_stall_keep_no_forgery_from_its_judgement(
    stalls: str, sender: str, dmarc: str, refused: int
) -> None:
    class Stalling(ZoneResolver):
        """Whoever forges has the time of all checks used up in names of his own."""

        def __init__(self, provider: SmtpProvider) -> None:
            super().__init__(("org", "arpa"), {})
            self._provider = provider
            self._cached: dict[tuple[str, Kind], Outcome[Any]] = {}

        def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
            return self._cached.get((name, kind))

        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            if kind is Kind.TXT and (name == stalls or name.endswith("other.org")):
                await self._provider.clock.sleep(1e9)
            return self._cached.setdefault((name, kind), self.said(name, kind))

    async def test(provider: SmtpProvider) -> None:
        resolver = Stalling(provider)
        resolver.put("_dmarc.example.org", Kind.TXT, dmarc.encode())
        resolver.put("example.org", Kind.TXT, b"v=spf1 -all")
        forged = MESSAGE.replace(b"@example.org", b"@shop.example.org")
        # A signature of the author is forged as well, below the other one
        message = signed(forged, replace(rsa_key(), domain="shop.example.org", selector="none"))
        message = signed(message, replace(rsa_key(), domain="evil.org", selector="x"))
        client = provider.client(Role.MX, world=replace_field(provider.world, resolver=resolver))
        await client.greet()
        for number in range(refused):  # with which there is no room for what is asked before it is waited for
            await client.codes(f"MAIL FROM:<joe@{number}.other.org>", "RSET")
        await client.codes(f"MAIL FROM:<{sender}>", "RCPT TO:<anna@one.example>", "DATA")
        answering = asyncio.ensure_future(client.say(message + b".\r\n"))
        await asyncio.sleep(0)
        waited_s = 0
        while not answering.done():
            await provider.clock.advance(1)
            waited_s += 1
        assert waited_s <= TIMEOUT_S + 1
        assert (await answering).startswith("250")
        _, results = kept(provider, "Junk")
        assert results["dmarc"].result == "fail"

    run_with_smtp(test)


def test_the_same_client_is_asked_about_once_a_minute_as_long_as_there_was_an_answer() -> None:
    class Counting(ZoneResolver):
        asked: ClassVar[list[Kind]] = []

        def known(self, name: str, kind: Kind) -> Outcome[Any] | None:
            self.asked.append(kind)
            return super().known(name, kind)

    async def test(provider: SmtpProvider) -> None:
        resolver = Counting(
            ("example", "org", "arpa"), {("7.2.0.192.in-addr.arpa", Kind.PTR): ("a.example",)}
        )
        service = provider.service(Role.MX, world=replace_field(provider.world, resolver=resolver))

        async def asked() -> int:
            resolver.asked.clear()
            client = provider.client_of(service)
            await client.greet()
            await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<anna@one.example>", "DATA")
            assert (await client.say(MESSAGE + b".\r\n")).startswith("250")
            return resolver.asked.count(Kind.PTR)

        assert [await asked(), await asked()] == [1, 0]
        await provider.clock.advance(REMEMBERED_S)
        assert await asked() == 1
        resolver.put("7.2.0.192.in-addr.arpa", Kind.PTR)
        await provider.clock.advance(REMEMBERED_S)
        assert await asked() == 1

    run_with_smtp(test)


@pytest.mark.parametrize("sets", [3, 50])
def test_a_chain_of_many_seals_is_verified_with_few_keys(sets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of keys, what takes long is done in a thread."""

    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        message, threads = MESSAGE, set[int]()
        for instance in range(sets):
            header, start = Header.parse(message)
            message = (
                arc.seal(
                    header,
                    body_digest(message[start:]),
                    rsa_key(1024),
                    verdict=Result.PASS if instance else Result.NONE,
                    results="mx.example.org; none",
                    sealed_s=1,
                )
                + message
            )
        for name, text in zone(rsa_key(1024)).items():
            provider.resolver.put(*name, *text)
        conclude = arc.Verification.conclude

        def seen(self: arc.Verification, *, remote_ip: str = "") -> arc.ChainOutcome:
            threads.add(threading.get_ident())
            return conclude(self, remote_ip=remote_ip)

        monkeypatch.setattr(arc.Verification, "conclude", seen)
        assert (await sent(provider, message)).startswith("250")
        _, results = kept(provider)
        assert results["arc"].result == "pass", results["arc"].reason
        assert (threading.get_ident() in threads) is (sets == 3)

    run_with_smtp(test)


def test_what_takes_long_is_done_in_one_thread() -> None:
    class Noting(Aside):
        """Tells what it was given."""

        async def run(self, work: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
            given.append(getattr(work, "func", work).__name__)
            return await super().run(work, *arguments, **keywords)

    given = list[str]()

    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        service = provider.service(Role.MX, world=replace_field(provider.world, aside=Noting()))
        client = provider.client_of(service)
        await client.greet()
        await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<anna@one.example>", "DATA")
        long = b"X: " + b"y" * 900 + b"\r\n"
        forged = b"Authentication-Results: mx.example; none\r\n"
        message = signed(long * 80 + forged + MESSAGE, rsa_key())
        assert (await client.say(message + b".\r\n")).startswith("250")

    run_with_smtp(test)
    assert given == ["marks", "_is_cut", "_Signed", "verify", "with_trace", "summarize"]


def test_the_chain_of_a_trusted_sealer_excuses_what_a_list_has_changed() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 -all", dmarc="v=DMARC1; p=reject")
        header, start = Header.parse(MESSAGE)
        results = "lists.example.org; dmarc=pass header.from=example.org"
        key = SigningKey("lists.example.org", "l", rsa_key().key)
        for name, text in zone(key).items():
            provider.resolver.put(*name, *text)
        seal = arc.seal(
            header, body_digest(MESSAGE[start:]), key, verdict=Result.NONE, results=results, sealed_s=1
        )
        believed = Authentication(dmarc=FailedDmarc.REJECT, trusted_sealers=("Lists.example.org",))
        assert (await sent(provider, seal + MESSAGE, **REJECT)).startswith("550")
        assert (await sent(provider, seal + MESSAGE, authentication=believed)).startswith("250")
        octets, found = kept(provider)
        assert found["dmarc"].result == "fail"
        assert "arc=pass by" not in field_of(octets), "no text of ours is taken for a result"
        assert "lists.example.org" in found["dmarc"].reason

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("author", "result"),
    [
        (b"From: Group: ;\r\n", "none"),
        (b"From: Group: Joe <joe@example.org>;\r\n", "fail"),
        ("From: Jö <jö@bücher.example>\r\n".encode(), "none"),
        (b"From: joe@[192.0.2.1]\r\n", "none"),
        (b"", "none"),
    ],
)
def test_authors_that_are_rare(author: bytes, result: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 -all", dmarc="v=DMARC1; p=none")
        assert (await sent(provider, author + b"Subject: x\r\n\r\nbody\r\n")).startswith("250")
        _, results = kept(provider)
        assert results["dmarc"].result == result

    run_with_smtp(test)


def test_other_clients_than_usual() -> None:
    async def test(provider: SmtpProvider) -> None:
        for address in ("fe80::1%eth0", "::ffff:192.0.2.7", "2001:db8::1"):
            client = provider.client(Role.MX)
            client.connection.peer = Peer(address, 1)
            await client.greet()
            await client.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<bert@one.example>", "DATA")
            assert (await client.say(MESSAGE + b".\r\n")).startswith("250")
        assert all("iprev=" in field_of(octets) for octets in provider.inbox("bert"))

    run_with_smtp(test)
