"""The image of a sender is looked for where that is wanted, kept for all, and no message waits for it."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from pillarbox.delivery.indicators import MAX_FETCHES
from pillarbox.dns import Kind
from pillarbox.store import indicators
from pillarbox.trust.bimi import MAX_IMAGE_OCTETS, image_of
from pillarbox.trust.bimi.verdict import VALID_AFTER_FAILURE_S, VALID_S
from pillarbox.trust.questions import Page
from pillarbox.web import FetchFailed
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.marks import SVG
from tests.kit.signed_mail import rsa_key, signed, zone
from tests.kit.smtp.indicators import MESSAGE, URL, Receiver, Web, fetched, publish
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

FORGED = b"BIMI-Indicator: PHN2Zz4=\r\nBIMI-Location: v=BIMI1; l=https://evil.example/x.svg\r\n"


def test_the_first_message_does_not_wait_and_the_next_has_the_result() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = Web(closed=True)
        receiver = Receiver(provider, web)
        assert await receiver.take() == ""
        assert await receiver.take() == "", "it is being fetched, by one"
        web.open.set()
        await fetched()
        assert await receiver.taken() == "pass"
        assert b"BIMI-Indicator" not in provider.inbox("anna")[-1], "it is not stored with each message"
        assert "indicator-hash" not in receiver.field, "which goes with that field only"
        assert web.fetched == [URL]
        assert web.limits == [{"max_octets": MAX_IMAGE_OCTETS, "timeout_s": 10.0}], "and no redirect"

    run_with_smtp(test)


def test_what_is_kept_with_the_message_names_the_image() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        receiver = Receiver(provider, Web())
        await receiver.taken()
        await receiver.taken()
        named = image_of([receiver.kept])
        assert named
        assert (named.organization, named.digest) == ("example.org", sha256(SVG).hexdigest())
        read = provider.database.read_now
        assert read(indicators.image, named.organization, named.digest) == SVG

    run_with_smtp(test)


def test_the_image_outlives_the_worker_and_others_share_it() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web, other_web = Web(closed=True), Web()
        one, other = Receiver(provider, web), Receiver(provider, other_web)
        assert await one.take() == ""
        while not web.fetched:
            await asyncio.sleep(0)
        assert await other.take() == "", "one is fetching it"
        web.open.set()
        await fetched()
        assert await other.taken() == "pass"
        assert await Receiver(provider, other_web).taken() == "pass", "one that was started later"
        assert (web.fetched, other_web.fetched) == ([URL], [])

    run_with_smtp(test)


def test_while_it_is_being_fetched_messages_write_nothing() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        write, claims = provider.database.write, list[object]()

        async def writes(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            if verb is indicators.claim:
                claims.append(arguments)
                for _ in range(100):  # longer than the messages take
                    await asyncio.sleep(0)
            return await write(verb, *arguments, **keywords)

        provider.database.write = writes  # type: ignore[method-assign]
        web = Web(closed=True)
        receiver = Receiver(provider, web)
        await asyncio.gather(*(receiver.take() for _ in range(3)))
        assert len(claims) == 1, "of one worker, one message"
        while not web.fetched:
            await asyncio.sleep(0)
        await Receiver(provider, Web()).take()
        assert len(claims) == 1, "nor those of another worker"
        web.open.set()
        await fetched()

    run_with_smtp(test)


def test_an_image_is_fetched_once_a_day() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = Web()
        receiver = Receiver(provider, web)
        await receiver.taken()
        other = URL.replace("logo", "other")
        provider.resolver.put("default._bimi.example.org", Kind.TXT, f"v=BIMI1; l={other}".encode())
        assert await receiver.taken() == "", "another image is not fetched at once"
        await receiver.clock.advance(VALID_S)
        assert await receiver.taken() == ""
        assert web.fetched == [URL, other]
        assert await receiver.taken() == "fail", "there is none"

    run_with_smtp(test)


def test_a_failure_to_fetch_is_tried_again_sooner_and_leaves_the_image_to_older_messages() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        receiver = Receiver(provider, Web())
        await receiver.taken()
        await receiver.clock.advance(VALID_S)
        failing = Web({URL: FetchFailed("no answer", "timeout")})
        receiver = Receiver(provider, failing, clock=receiver.clock)
        await receiver.taken()
        assert await receiver.taken() == "fail"
        assert receiver.kept.reason == "the indicator could not be fetched: no answer"
        assert provider.database.read_now(indicators.image, "example.org", sha256(SVG).hexdigest()) == SVG
        assert len(failing.fetched) == 1
        await receiver.clock.advance(VALID_AFTER_FAILURE_S)
        receiver = Receiver(provider, Web(), clock=receiver.clock)
        assert await receiver.taken() == ""
        assert await receiver.taken() == "pass"

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (Page("image/svg+xml", b"<svg onload='x()'/>"), "not allowed"),
        (Page("image/svg+xml", b"<!DOCTYPE svg><svg/>"), "document type"),
        (Page("image/svg+xml", b"x" * MAX_IMAGE_OCTETS), "XML"),
        (Page("image/svg+xml", b"x" * (MAX_IMAGE_OCTETS + 1)), "could not be fetched"),
    ],
)
def test_an_image_that_may_not_be_shown_is_not_kept(page: Page, reason: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        receiver = Receiver(provider, Web({URL: page}))
        await receiver.taken()
        assert await receiver.taken() == "fail"
        assert reason in receiver.kept.reason
        assert image_of([receiver.kept]) is None
        assert provider.database.read_now(lambda tx: tx.value("SELECT length(image) FROM indicators")) == 0

    run_with_smtp(test)


def test_many_organizations_at_once() -> None:
    async def test(provider: SmtpProvider) -> None:
        web = Web(closed=True)
        receiver = Receiver(provider, web)
        for number in range(MAX_FETCHES + 2):
            name = f"sender{number}.org"
            key = replace(rsa_key(), domain=name)
            for (at, kind), found in zone(key).items():
                provider.resolver.put(at, kind, *found)
            provider.resolver.put(f"_dmarc.{name}", Kind.TXT, b"v=DMARC1; p=reject")
            provider.resolver.put(f"default._bimi.{name}", Kind.TXT, f"v=BIMI1; l=https://{name}/x".encode())
            assert await receiver.take(signed(MESSAGE.replace(b"example.org", name.encode()), key)) == ""
        web.open.set()
        await fetched()
        assert len(web.fetched) == MAX_FETCHES

    run_with_smtp(test)


@pytest.mark.parametrize("author", ["Joe@EXAMPLE.org", "joe@news.Example.ORG", "joe@news.example.org."])
def test_an_organization_is_one_however_it_is_written(author: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = Web()
        receiver = Receiver(provider, web)
        await receiver.taken()
        message = MESSAGE.replace(b"joe@example.org", author.encode())
        assert await receiver.taken(signed(message, rsa_key())) == "pass"
        assert web.fetched == [URL]

    run_with_smtp(test)


def test_a_long_header() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        receiver = Receiver(provider, Web())
        await receiver.taken()
        long = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 900) for number in range(200))
        assert await receiver.taken(signed(long + MESSAGE, rsa_key())) == "pass"

    run_with_smtp(test)


def test_a_database_that_does_not_answer_keeps_no_message_from_being_judged() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        web = Web()
        receiver = Receiver(provider, web)
        read = provider.database.read

        async def reads(verb: Any, *arguments: Any, **keywords: Any) -> Any:
            if verb is indicators.known:
                raise DatabaseUnavailable("no")
            return await read(verb, *arguments, **keywords)

        provider.database.read = reads  # type: ignore[method-assign]
        assert await receiver.taken() == ""
        assert web.fetched == []

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("bimi", "dmarc", "message"),
    [
        (False, "v=DMARC1; p=reject", signed(MESSAGE, rsa_key())),
        (True, "v=DMARC1; p=none", signed(MESSAGE, rsa_key())),
        (True, "v=DMARC1; p=none", MESSAGE),
        (True, "v=DMARC1; p=quarantine; t=y", MESSAGE),
    ],
)
def test_nothing_is_fetched_unless_it_is_wanted_and_dmarc_has_passed_with_a_policy(
    bimi: bool, dmarc: str, message: bytes
) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, dmarc)
        web = Web()
        assert await Receiver(provider, web, bimi=bimi).taken(message) == ""
        assert web.fetched == []

    run_with_smtp(test)


@pytest.mark.parametrize("bimi", [False, True])
def test_what_a_sender_says_of_its_image_is_removed(bimi: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        await Receiver(provider, Web(), bimi=bimi).taken(FORGED + signed(MESSAGE, rsa_key()))
        assert b"BIMI-" not in provider.inbox("anna")[-1]

    run_with_smtp(test)


def test_a_domain_that_has_no_image() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider)
        provider.resolver.put("default._bimi.example.org", Kind.TXT)
        assert await Receiver(provider, Web()).taken() == "none"

    run_with_smtp(test)
