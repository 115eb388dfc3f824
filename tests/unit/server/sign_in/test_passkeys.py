"""Passkeys made and used: what a browser is asked, which answers count, and all that do not."""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pillarbox.config.schema import Config
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.listen import Listen
from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import passkeys
from pillarbox.directory.sign_in.passkeys import Passkey, PasskeyTaken, Use
from pillarbox.server.sign_in import passkey_responses
from pillarbox.server.sign_in.cbor_bounds import CborRefused, end_of_item
from pillarbox.server.sign_in.passkey_responses import ResponseRefused
from pillarbox.server.sign_in.passkeys import Passkeys
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.telemetry import MemoryTelemetry
from tests.kit.authenticator import (
    BACKED_UP,
    EDDSA,
    ELIGIBLE,
    ES256,
    KEY,
    PRESENT,
    RS256,
    VERIFIED,
    Authenticator,
    cose,
    decoded,
    encoded,
)
from tests.kit.people import NOW_MS, person
from tests.kit.world import world_of

ORIGIN = "https://mail.one.example"
CONFIG = Config(hostname="mail.one.example", domain="one.example", listen=Listen(https=("*:443",)))


@dataclass
class Bench:
    """Passkeys with everything behind them in memory, and a phone."""

    passkeys: Passkeys
    database: Database
    telemetry: MemoryTelemetry
    anna: Account
    bert: Account
    phone: Authenticator

    async def made(
        self, phone: Authenticator | None = None, account: Account | None = None, **other: Any
    ) -> Passkey:
        """Make a passkey of the account, and add it. Raises `ResponseRefused`."""
        account, challenge = account or self.anna, self.passkeys.challenge()
        options = json.loads(await self.passkeys.creation_options(account, challenge))
        made = (phone or self.phone).make(options, other.pop("origin", ORIGIN), **other)
        new = await self.passkeys.verified_new(octets(made), other.get("challenge", challenge))
        return await self.database.write(passkeys.add, account.id, new, name="", now_ms=NOW_MS)

    async def used(
        self,
        phone: Authenticator | None = None,
        account: Account | None = None,
        *,
        after_password: bool = False,
        **other: Any,
    ) -> Use:
        """Use a passkey. Raises `ResponseRefused`."""
        challenge = self.passkeys.challenge()
        whose = None if account is None else account.id
        asked = await self.passkeys.request_options(challenge, whose)
        shown = (phone or self.phone).show(json.loads(asked), other.pop("origin", ORIGIN), **other)
        return await self.passkeys.verified_use(
            octets(shown), other.get("challenge", challenge), whose, after_password=after_password
        )


def octets(response: object) -> bytes:
    return json.dumps(response).encode()


def run(scenario: Callable[[Bench], Awaitable[Any]], config: Config = CONFIG) -> None:
    async def inside() -> None:
        database, telemetry = memory_database([SCHEMA]), MemoryTelemetry()
        anna = await database.write(person, "anna@one.example")
        bert = await database.write(person, "bert@one.example")
        world = world_of(database, VirtualClock(NOW_MS), telemetry=telemetry)
        await scenario(Bench(Passkeys(world, config), database, telemetry, anna, bert, Authenticator()))
        await database.close()

    asyncio.run(inside())


# --- what is asked


def test_what_is_asked_of_a_browser_that_makes_one() -> None:
    async def scenario(bench: Bench) -> None:
        first = await bench.made()
        challenge = bench.passkeys.challenge()
        assert len(challenge) == 32
        options = json.loads(await bench.passkeys.creation_options(bench.anna, challenge))
        assert options["rp"] == {"id": "mail.one.example", "name": "mail.one.example"}
        assert decoded(options["challenge"]) == challenge
        assert options["attestation"] == "none"
        assert options["excludeCredentials"] == [
            {"type": "public-key", "id": encoded(first.credential), "transports": ["internal"]}
        ]
        handle = decoded(options["user"]["id"])
        assert len(handle) == 64
        again = json.loads(await bench.passkeys.creation_options(bench.anna, challenge))
        other = json.loads(await bench.passkeys.creation_options(bench.bert, challenge))
        assert decoded(again["user"]["id"]) == handle != decoded(other["user"]["id"])
        assert other["excludeCredentials"] == []

    run(scenario)


def test_what_is_asked_of_a_browser_that_shows_one() -> None:
    async def scenario(bench: Bench) -> None:
        made = await bench.made()
        alone = json.loads(await bench.passkeys.request_options(b"c" * 32))
        assert (alone["rpId"], alone["allowCredentials"]) == ("mail.one.example", [])
        assert alone["userVerification"] == "required"
        second = json.loads(await bench.passkeys.request_options(b"c" * 32, bench.anna.id))
        assert [decoded(one["id"]) for one in second["allowCredentials"]] == [made.credential]
        assert second["userVerification"] == "preferred"

    run(scenario)


def test_without_a_domain_there_are_none() -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(ResponseRefused, match="IP address"):
            await bench.passkeys.creation_options(bench.anna, b"c")
        with pytest.raises(ResponseRefused, match="IP address"):
            await bench.passkeys.request_options(b"c")
        assert bench.passkeys.why_not("https://192.0.2.7") is not None

    run(scenario, dataclasses.replace(CONFIG, http=Http(url="https://192.0.2.7")))


# --- what counts


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_made_and_used_alone_and_after_the_password(algorithm: int) -> None:
    async def scenario(bench: Bench) -> None:
        phone = Authenticator(algorithm, aaguid=b"a" * 16, counts=True, flags=ELIGIBLE | BACKED_UP)
        made = await bench.made(phone)
        assert (made.account, made.sign_count, made.aaguid) == (bench.anna.id, 1, b"a" * 16)
        assert (made.verified, made.backup_eligible, made.backed_up) == (True, True, True)
        assert (made.domain, made.transports) == ("mail.one.example", "internal")
        use = await bench.used(phone)
        assert (use.id, use.account, use.sign_count, use.verified) == (made.id, bench.anna.id, 2, True)
        use = await bench.used(phone, bench.anna, after_password=True)
        assert (use.id, use.sign_count, use.after_password) == (made.id, 3, True)
        # A key that keeps nothing does not know whose it is, and need not
        assert (await bench.used(phone, bench.anna, handle=None)).id == made.id

    run(scenario)


def test_one_that_verifies_nobody_is_good_after_the_password_only() -> None:
    async def scenario(bench: Bench) -> None:
        key = Authenticator(verifies=False, transports=("usb",))
        made = await bench.made(key)
        assert (made.verified, made.name) == (False, "Security key")
        assert (await bench.used(key, bench.anna, after_password=True)).id == made.id
        with pytest.raises(ResponseRefused, match="only be used after the password"):
            await bench.used(key)
        # It was given a PIN since; that counts once the password was right
        key.verifies = True
        with pytest.raises(ResponseRefused, match="only be used after the password"):
            await bench.used(key)
        use = await bench.used(key, bench.anna, after_password=True)
        await bench.database.write(passkeys.record_use, use, address="192.0.2.1", now_ms=NOW_MS)
        assert (await bench.used(key)).id == made.id

    run(scenario)


# --- what does not


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ VERIFIED]) + data[at + 1 :]


EVERYWHERE: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "an origin below ours": {"origin": "https://sub.mail.one.example"},
    "another port": {"origin": "https://mail.one.example:8443"},
    "not https": {"origin": "http://mail.one.example"},
    "an origin that is none": {"changed": {"origin": ["https://mail.one.example"]}},
    "another relying party": {"party": "evil.example"},
    "in a frame of another site": {"changed": {"crossOrigin": True}},
    "in a frame, by its name": {"changed": {"topOrigin": "https://evil.example"}},
    "another challenge": {"challenge": b"another challenge of 32 octets ok"[:32]},
    "no challenge": {"challenge": b""},
    "challenge is no text": {"changed": {"challenge": 7}},
    "nobody there": {"flags": VERIFIED},
    "client data is no JSON": {"client_data": b"{"},
    "client data is deep": {"client_data": b'{"type": ' + b"[" * 1900 + b"]" * 1900 + b"}"},
    "client data is long": {"client_data": b" " * 5000},
    "short authenticator data": {"data": bytes(36)},
    "backed up, and can't be": {"flags": PRESENT | VERIFIED | BACKED_UP},
    "extensions are no map": {"extensions": b"\x01"},
    "extensions are not whole": {"extensions": b"\xa1\x61"},
    "extensions are deep": {"extensions": b"\xa1\x61a" + b"\x81" * 100 + b"\x01"},
    "extensions are many": {"extensions": b"\xa1\x61a\x99\x10\x00" + b"\x01" * 4096},
    "extensions have no end": {"extensions": b"\xbf\x61a\x01\xff"},
    "extensions are huge by their word": {"extensions": b"\xbb" + b"\xff" * 8},
    "a tag": {"extensions": b"\xa1\x61a\xd8\x23\x63a+b"},
    "more than there should be": {"extensions": b"\xa0\x00"},
    "a long id": {"credential": bytes(1024)},
    "an empty id": {"credential": b""},
}
USED: dict[str, dict[str, Any]] = {
    **EVERYWHERE,
    "made, not used": {"changed": {"type": "webauthn.create"}},
    "unknown": {"credential": b"nobody's"},
    "another user": {"handle": b"x" * 64},
    "a long handle": {"handle": b"x" * 65},
    "altered signature": {"signature": b"\x30\x06\x02\x01\x01\x02\x01\x01"},
    "no signature": {"signature": b""},
    "a long signature": {"signature": bytes(1025)},
    "altered flags": {"after": flipped(32)},
    "unverified, altered": {"flags": PRESENT, "after": flipped(32)},
    "altered counter": {"after": flipped(36)},
    "a key that nobody asked for": {"flags": PRESENT | VERIFIED | KEY},
    "of another kind than it was": {"flags": PRESENT | VERIFIED | ELIGIBLE},
}
SMALL_RSA = rsa.generate_private_key(65537, 1024)
OTHER_CURVE = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
EC_KEY = cose(ec.generate_private_key(ec.SECP256R1()))
RSA_KEY = cose(rsa.generate_private_key(65537, 2048))
MADE: dict[str, dict[str, Any]] = {
    **EVERYWHERE,
    "used, not made": {"changed": {"type": "webauthn.get"}},
    "an algorithm that was not offered": {"key": cbor2.dumps({**EC_KEY, 3: -35})},
    "another curve": {
        "key": cbor2.dumps(
            {1: 2, 3: ES256, -1: 2, -2: OTHER_CURVE.x.to_bytes(48, "big"), -3: OTHER_CURVE.y.to_bytes(48, "big")}
        )
    },
    "no point of the curve": {"key": cbor2.dumps({**EC_KEY, -3: bytes(31) + b"\x01"})},
    "a short RSA key": {
        "key": cbor2.dumps({**RSA_KEY, -1: SMALL_RSA.public_key().public_numbers().n.to_bytes(128, "big")})
    },
    "a long RSA key": {"key": cbor2.dumps({**RSA_KEY, -1: b"\xff" * 1024})},
    "a large exponent": {"key": cbor2.dumps({**RSA_KEY, -2: b"\xff" * 200})},
    "a key that is too large": {"key": cbor2.dumps({**RSA_KEY, -1: b"\xff" * 2048})},
    "a key with parts missing": {"key": cbor2.dumps({1: 2, 3: ES256})},
    "a key that is no map": {"key": b"\x04" + bytes(64)},
    "a key that is nested": {"key": b"\xa1\x01" + b"\x81" * 1000 + b"\x01"},
    "attestation is no map": {"attestation": b"\x01"},
    "attestation has no data": {"attestation": cbor2.dumps({"fmt": "none", "attStmt": {}})},
    "attestation has data of another kind": {"attestation": cbor2.dumps({"authData": "text"})},
    "attestation is deep": {"attestation": b"\xa1\x61a" + b"\x81" * 30_000 + b"\x01"},
    "attestation is huge": {"attestation": b"\xa1\x61a\x5a\x00\x00\xa0\x00" + bytes(40_960)},
    "attestation is not whole": {"attestation": b"\xa1\x61a\x5a\xff\xff\xff\xff"},
    "attestation and more": {"attestation": b"\xa0\x00"},
}  # fmt: skip


@pytest.mark.parametrize("name", USED)
def test_does_not_count_when_used(name: str) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.made()
        assert (await bench.used()).account == bench.anna.id
        for account, after_password in ((None, False), (bench.anna, False), (bench.anna, True)):
            with pytest.raises(ResponseRefused):
                await bench.used(account=account, after_password=after_password, **dict(USED[name]))

    run(scenario)


@pytest.mark.parametrize("name", MADE)
def test_does_not_count_when_made(name: str) -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(ResponseRefused):
            await bench.made(**dict(MADE[name]))
        assert (await bench.made(Authenticator())).account == bench.anna.id

    run(scenario)


def test_another_accounts_is_no_second_factor() -> None:
    async def scenario(bench: Bench) -> None:
        hers, his = Authenticator(), Authenticator()
        await bench.made(hers)
        await bench.made(his, bench.bert)
        with pytest.raises(ResponseRefused, match="another account's"):
            await bench.used(his, bench.anna, after_password=True)
        with pytest.raises(ResponseRefused, match="another account's"):
            await bench.used(his, handle=hers.credentials[0].handle)
        assert (await bench.used(his)).account == bench.bert.id

    run(scenario)


def test_alone_it_says_whose_it_is_and_who_holds_it_is_verified() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.made()
        with pytest.raises(ResponseRefused, match="does not say whose"):
            await bench.used(handle=None)
        with pytest.raises(ResponseRefused, match="User verification is required"):
            await bench.used(flags=PRESENT)
        use = await bench.used(account=bench.anna, flags=PRESENT, after_password=True)
        assert not use.verified

    run(scenario)


def test_of_a_disabled_account() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.made()
        await bench.database.write(accounts.set_enabled, bench.anna.id, enabled=False)
        with pytest.raises(ResponseRefused, match="nobody has"):
            await bench.used()

    run(scenario)


def test_a_domain_above_the_host() -> None:
    async def scenario(bench: Bench) -> None:
        assert (await bench.made()).domain == "one.example"
        assert (await bench.used()).account == bench.anna.id
        for page in ("https://one.example", "https://other.one.example"):
            with pytest.raises(ResponseRefused, match="origin"):
                await bench.used(origin=page)

    run(scenario, dataclasses.replace(CONFIG, http=Http(passkey_domain="one.example")))


def test_made_for_another_domain() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.made()
        bench.passkeys = Passkeys(
            bench.passkeys._world, dataclasses.replace(CONFIG, http=Http(passkey_domain="one.example"))
        )
        with pytest.raises(ResponseRefused, match="made for another domain"):
            await bench.used()

    run(scenario)


def test_the_same_one_is_not_added_twice() -> None:
    async def scenario(bench: Bench) -> None:
        await bench.made(credential=b"the same")
        with pytest.raises(PasskeyTaken):
            await bench.made(Authenticator(), bench.bert, credential=b"the same")

    run(scenario)


def test_who_made_the_authenticator_is_not_asked() -> None:
    async def scenario(bench: Bench) -> None:
        made = await bench.made(
            statement=("packed", {"alg": -7, "sig": b"no signature", "x5c": [b"no certificate"]})
        )
        assert (await bench.used()).id == made.id

    run(scenario)


@pytest.mark.parametrize(
    "response",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"[" * 60_000, b'{"id": 7}', b"\xff", b" " * (64 * 1024 + 1),
        b'{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {}}',
    ],
)  # fmt: skip
def test_no_response_at_all(response: bytes) -> None:
    with pytest.raises(ResponseRefused):
        passkey_responses.read_shown(response)
    with pytest.raises(ResponseRefused):
        passkey_responses.read_made(response)


def test_ids_are_written_in_one_way() -> None:
    async def scenario(bench: Bench) -> None:
        made = await bench.made(credential=b"a")
        assert encoded(made.credential) == "YQ"
        options = json.loads(await bench.passkeys.request_options(b"c" * 32))
        for name, raw, kind in (
            ("YQ", "YR", "public-key"), ("YR", "YR", "public-key"), ("YQ==", "YQ==", "public-key"),
            ("Y Q", "Y Q", "public-key"), ("YQ", "YQ", "password"), ("Y", "Y", "public-key"),
            ("Yé", "Yé", "public-key"),
        ):  # fmt: skip
            shown = bench.phone.show(options, ORIGIN) | {"id": name, "rawId": raw, "type": kind}
            with pytest.raises(ResponseRefused):
                passkey_responses.read_shown(octets(shown))

    run(scenario)


@pytest.mark.parametrize(
    "item", [0, -1, 2**63, "text", b"octets", [1, [2]], {"a": {1: None}}, True, 1.5, 2.0**70]
)
def test_the_end_of_a_cbor_item(item: object) -> None:
    octets = cbor2.dumps(item)
    assert end_of_item(b"\x00" + octets + b"\x00", 1) == 1 + len(octets)
    with pytest.raises(CborRefused):
        end_of_item(octets[:-1])
