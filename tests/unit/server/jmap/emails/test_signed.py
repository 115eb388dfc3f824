"""Signatures of emails by JMAP (RFC 9219)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from pillarbox.config.sections.authentication import Authentication
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import EmailId
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, SMIME_VERIFY
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.server.jmap.emails import authorities
from pillarbox.server.jmap.emails import signed as emails_signed
from pillarbox.server.jmap.service import JmapService
from pillarbox.store import mailboxes, orphans, signature_verdicts
from pillarbox.store.append import append
from pillarbox.trust.smime.certificates import Roots
from pillarbox.trust.smime.verification import verify
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from pillarbox.world.tls.server import CertificateUnusable
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.signed_by_smime import DAY_MS, NOW_MS, authority, beside, person, signed
from tests.kit.stored_mail import message

ROOT = authority()
ANN = person(ROOT, days=(-30, 10))
SIGNED = signed(ANN)
CHANGED = SIGNED.replace(b"Hello", b"Hallo")
PLAIN = b'From: ann@one.example\r\nContent-Type: text/plain; name="multipart/signed"\r\n\r\nHello.\r\n'
OPENPGP = beside(b"x", media_type=b"application/pgp-signature")
STATUS = ["smimeStatus", "smimeStatusAtDelivery", "smimeErrors", "smimeVerifiedAt"]

Test = Callable[[JmapClient], Awaitable[None]]
pytestmark = pytest.mark.replaces_functions


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorities, "system_authorities", lambda: (ROOT.der,))


def run(test: Test, *, limits: Limits = DEFAULT_LIMITS) -> VirtualClock:
    clock = VirtualClock(NOW_MS)
    run_with_jmap(test, limits=limits, clock=clock)
    return clock


async def store(client: JmapClient, octets: bytes, *, received_at_ms: int = NOW_MS) -> str:
    def verb(tx: Transaction) -> EmailId:
        inbox = mailboxes.by_name(tx, client.account.id, "INBOX").id
        stored = append(
            tx,
            client.account.id,
            inbox,
            message(octets),
            flags="",
            received_at_ms=received_at_ms,
            now_ms=NOW_MS,
        )
        return EmailId(stored.email_id)

    return object_id.of_email(await client.provider.world.database.write(verb))


async def get(client: JmapClient, *ids: str, properties: Any = STATUS) -> Any:
    _, said = await client.call("Email/get", ids=ids, properties=properties)
    return said["list"][0] if len(ids) == 1 else said


async def query(client: JmapClient, **condition: Any) -> Any:
    name, said = await client.call("Email/query", filter=condition, sort=[{"property": "size"}])
    return said if name == "error" else set(said["ids"])


def trusting(client: JmapClient, *roots: bytes) -> None:
    """Another process, which trusts these."""
    client.service = JmapService(client.provider.world, client.provider.config)
    client.service._caches.authorities._roots = Roots(roots)


# --- Email/get


@pytest.mark.rfc("9219 §4.1", "MUST")
def test_its_properties() -> None:
    async def test(client: JmapClient) -> None:
        good, bad, plain, other = [await store(client, one) for one in (SIGNED, CHANGED, PLAIN, OPENPGP)]
        now = "2026-06-01T00:00:00Z"
        assert await get(client, good) == {
            "id": good, "smimeStatus": "signed/verified", "smimeStatusAtDelivery": "signed/verified",
            "smimeErrors": None, "smimeVerifiedAt": now,
        }  # fmt: skip
        assert await get(client, bad) == {
            "id": bad, "smimeStatus": "signed/failed", "smimeStatusAtDelivery": "signed/failed",
            "smimeErrors": ["The message was changed after it was signed"], "smimeVerifiedAt": now,
        }  # fmt: skip
        assert await get(client, plain) == {"id": plain, **dict.fromkeys(STATUS)}
        assert await get(client, other) == {
            "id": other, "smimeStatus": "unknown", "smimeStatusAtDelivery": "unknown",
            "smimeErrors": None, "smimeVerifiedAt": None,
        }  # fmt: skip
        everything = await get(
            client, good, properties=["preview", "hasAttachment", "subject", "textBody", *STATUS]
        )
        assert everything["smimeStatus"] == "signed/verified"
        assert everything["preview"] == "Hello."
        assert STATUS[0] not in (await get(client, good, properties=None))

    run(test)


@pytest.mark.rfc("9219 §4.1", "MUST")
def test_what_is_now_and_what_was_at_delivery() -> None:
    async def test(client: JmapClient) -> None:
        early = await store(client, SIGNED, received_at_ms=NOW_MS - 60 * DAY_MS)
        found = await get(client, early)
        assert (found["smimeStatus"], found["smimeStatusAtDelivery"]) == ("signed/verified", "signed/failed")
        late = await store(client, SIGNED)
        await client.provider.world.clock.advance(20 * 86_400)  # type: ignore[attr-defined]
        found = await get(client, late)
        assert (found["smimeStatus"], found["smimeStatusAtDelivery"]) == ("signed/failed", "signed/verified")
        assert found["smimeErrors"] == ["The certificate has expired"]

    run(test)


def test_only_where_it_is_used() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, SIGNED)
        for properties in (STATUS[:1], STATUS[3:]):
            arguments: dict[str, Any] = {
                "accountId": client.account_id,
                "ids": [email],
                "properties": properties,
            }
            answer = await client.request(["Email/get", arguments, "c"], using=(CORE, MAIL))
            assert answer["methodResponses"][0][1]["type"] == "invalidArguments"
        for name in ("hasSmime", "hasVerifiedSmime", "hasVerifiedSmimeAtDelivery"):
            arguments = {"accountId": client.account_id, "filter": {name: True}}
            answer = await client.request(["Email/query", arguments, "c"], using=(CORE, MAIL))
            assert answer["methodResponses"][0][1]["type"] == "unsupportedFilter"
        _, said = await client.call("Email/parse", blobIds=[], properties=STATUS)
        assert said["type"] == "invalidArguments"
        _, said = await client.call("Email/set", update={email: {"smimeStatus": "signed/verified"}})
        assert said["notUpdated"][email]["type"] == "invalidProperties"
        assert (
            SMIME_VERIFY
            in (await client.service.session(client.account, "https://x.example")).octets.decode()
        )

    run(test)


def test_it_is_remembered_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[int] = []

    def counted(octets: bytes, *arguments: Any) -> Any:
        verified.append(len(octets))
        return verify(octets, *arguments)

    monkeypatch.setattr(emails_signed, "verify", counted)

    async def test(client: JmapClient) -> None:
        email, plain = await store(client, SIGNED), await store(client, PLAIN)
        for _ in range(3):
            await get(client, email, plain)
        trusting(client, ROOT.der)
        await get(client, email)
        assert len(verified) == 1, "by another process as well"
        await client.provider.world.clock.advance(86_400)  # type: ignore[attr-defined]
        assert (await get(client, email))["smimeVerifiedAt"] == "2026-06-02T00:00:00Z"
        assert len(verified) == 2

    run(test)


def test_several_large_ones_are_too_much_for_one_call() -> None:
    async def test(client: JmapClient) -> None:
        one, other = await store(client, SIGNED), await store(client, CHANGED)
        said = await get(client, one, other)
        assert said["type"] == "requestTooLarge"
        assert (await get(client, other))["smimeStatus"] == "signed/failed"
        assert (await query(client, hasVerifiedSmime=True)) == {one}

    run(test, limits=Limits(max_parsed_octets=len(SIGNED)))


def test_without_authorities_nobody_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Any) -> Any:
        raise CertificateUnusable("gone")

    async def test(client: JmapClient) -> None:
        email = await store(client, SIGNED)
        config = replace(
            client.provider.config,
            authentication=Authentication(smime_roots=client.provider.config.data / "x.pem"),
        )
        client.service = JmapService(client.provider.world, config)
        assert (await get(client, email))["smimeStatus"] == "signed/failed"

    monkeypatch.setattr(authorities, "read_chain", fail)
    run(test)


# --- Email/changes


@pytest.mark.rfc("9219 §4.3", "MUST")
def test_who_has_seen_a_status_is_told_of_another_one() -> None:
    async def test(client: JmapClient) -> None:
        email, plain = await store(client, SIGNED), await store(client, PLAIN)
        await get(client, email)
        state = (await get(client, email, plain))["state"]
        await client.provider.world.clock.advance(86_400)  # type: ignore[attr-defined]
        await get(client, email)
        _, said = await client.call("Email/changes", sinceState=state)
        assert (said["updated"], said["newState"]) == ([], state), "another time is no change"
        await client.provider.world.clock.advance(20 * 86_400)  # type: ignore[attr-defined]
        assert (await get(client, email))["smimeStatus"] == "signed/failed"
        _, said = await client.call("Email/changes", sinceState=state)
        assert (said["created"], said["updated"], said["destroyed"]) == ([], [email], [])

    run(test)


@pytest.mark.rfc("9219 §4.1", "MUST")
def test_authorities_that_come_and_go() -> None:
    async def test(client: JmapClient) -> None:
        clock: Any = client.provider.world.clock
        email = await store(client, SIGNED)
        trusting(client)
        assert (await get(client, email))["smimeStatusAtDelivery"] == "signed/failed"
        await clock.advance(86_400)
        trusting(client, ROOT.der)
        assert (await get(client, email))["smimeStatusAtDelivery"] == "signed/verified"
        await clock.advance(86_400)
        trusting(client)
        found = await get(client, email)
        assert (found["smimeStatus"], found["smimeStatusAtDelivery"]) == ("signed/failed", "signed/verified")

    run(test)


# --- Email/query


@pytest.mark.rfc("9219 §4.2", "MUST")
def test_its_conditions() -> None:
    async def test(client: JmapClient) -> None:
        good, bad, plain, other = [await store(client, one) for one in (SIGNED, CHANGED, PLAIN, OPENPGP)]
        early = await store(client, SIGNED, received_at_ms=NOW_MS - 60 * DAY_MS)
        everything = {good, bad, plain, other, early}
        for _ in range(2):
            assert await query(client, hasSmime=True) == everything - {plain}
            assert await query(client, hasSmime=False) == {plain}
            assert await query(client, hasVerifiedSmime=True) == {good, early}
            assert await query(client, hasVerifiedSmime=False) == {bad, plain, other}
            assert await query(client, hasVerifiedSmimeAtDelivery=True) == {good}
            assert await query(client, hasVerifiedSmimeAtDelivery=False) == everything - {good}
        both = {"operator": "AND", "conditions": [{"hasSmime": True}, {"hasVerifiedSmime": False}]}
        assert await query(client, **both) == {bad, other}
        assert (await query(client, hasSmime="yes"))["type"] == "invalidArguments"

    run(test)


def test_snippets_of_such_a_search() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, SIGNED)
        chosen = {"hasVerifiedSmime": True, "body": "hello"}
        _, said = await client.call("SearchSnippet/get", filter=chosen, emailIds=[email])
        assert said["list"][0]["preview"] == "<mark>Hello</mark>."

    run(test)


def test_what_comes_later_and_what_expires() -> None:
    async def test(client: JmapClient) -> None:
        first = await store(client, SIGNED)
        arguments: dict[str, Any] = {"filter": {"hasVerifiedSmime": True}}
        _, said = await client.call("Email/query", **arguments)
        assert said["ids"] == [first]
        second = await store(client, SIGNED)
        _, changed = await client.call("Email/queryChanges", sinceQueryState=said["queryState"], **arguments)
        assert [one["id"] for one in changed["added"]] == [second]
        await client.provider.world.clock.advance(20 * 86_400)  # type: ignore[attr-defined]
        _, again = await client.call(
            "Email/queryChanges", sinceQueryState=changed["newQueryState"], **arguments
        )
        assert set(again["removed"]) >= {first, second}
        assert again["added"] == []
        assert await query(client, hasVerifiedSmime=True) == set()

    run(test)


def test_very_many_are_verified_in_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emails_signed.SignatureReader.all, "__kwdefaults__", {"most": 2}, raising=False)

    async def test(client: JmapClient) -> None:
        ids = {await store(client, SIGNED) for _ in range(5)}
        assert (await query(client, hasVerifiedSmime=True))["type"] == "serverUnavailable"
        assert (await query(client, hasVerifiedSmime=True))["type"] == "serverUnavailable"
        assert await query(client, hasVerifiedSmime=True) == ids

    run(test)


# --- the table


def test_what_was_found_goes_with_the_email() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, SIGNED)
        await get(client, email)
        await client.call("Email/set", destroy=[email])
        database = client.provider.world.database
        await database.write(orphans.sweep)
        number = object_id.email(email)
        assert number is not None
        found = signature_verdicts.Found("unknown", (), "unknown", 0)
        await database.write(signature_verdicts.keep, client.account.id, {number: found})
        assert await database.read(signature_verdicts.of_account, client.account.id) == {}

    run(test)


def test_two_who_ask_at_once() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, SIGNED)
        found = await asyncio.gather(get(client, email), get(client, email))
        assert [one["smimeStatus"] for one in found] == ["signed/verified"] * 2

    run(test)
