"""PushSubscription/get and /set (RFC 8620 §7.2, draft-ietf-jmap-emailpush-03)."""

from typing import Any

import pytest

from pillarbox.admin import accounts as admin_accounts
from pillarbox.admin import app_passwords as admin_app_passwords
from pillarbox.directory.sign_in import password_hash
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.credential_marks import mark
from pillarbox.protocol.jmap.capabilities import CORE, EMAIL_PUSH
from pillarbox.push import subscriptions, vapid_key
from pillarbox.push.subscriptions import HOUR_MS, MAX_SUBSCRIPTIONS, MAX_VERIFIED
from pillarbox.server.jmap.push_subscription_properties import LIFE_MS
from pillarbox.world.clock import VirtualClock
from pillarbox.world.entropy import SeededEntropy
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.pushing import URL, Device, change, listed, subscribe
from tests.kit.provider import PEOPLE

NOW = "2023-11-14T22:13:20Z"
"""Of the clock."""
AFTER_A_WEEK = "2023-11-21T22:13:20Z"


def stored(client: JmapClient) -> list[subscriptions.Subscription]:
    now_ms = client.provider.world.clock.now_ms()
    return client.provider.world.database.read_now(subscriptions.of_account, client.account.id, now_ms=now_ms)


async def said(client: JmapClient, method: str, using: tuple[str, ...] = (CORE,), **arguments: Any) -> Any:
    answer = await client.request([method, arguments, "c"], using=using)
    ((name, response, _),) = answer["methodResponses"]
    return name, response


@pytest.mark.rfc("8620 §7.2.1", "MUST")
@pytest.mark.rfc("8620 §7.2.2", "MUST")
def test_it_is_made_read_changed_and_destroyed() -> None:
    async def test(client: JmapClient) -> None:
        name, made = await said(
            client,
            "PushSubscription/set",
            create={"4f29": {"deviceClientId": "a889-ffea-910", "url": URL, "types": None}},
        )
        assert made == {
            "created": {
                "4f29": {"id": "P1", "keys": None, "verificationCode": None, "expires": AFTER_A_WEEK}
            },
            "updated": None,
            "destroyed": None,
            "notCreated": None,
            "notUpdated": None,
            "notDestroyed": None,
        }
        found = {
            "id": "P1",
            "deviceClientId": "a889-ffea-910",
            "verificationCode": None,
            "expires": AFTER_A_WEEK,
            "types": None,
        }
        name, got = await said(client, "PushSubscription/get", ids=None)
        assert (name, got) == ("PushSubscription/get", {"list": [found], "notFound": []})
        _, got = await said(client, "PushSubscription/get", ids=["P1", "P2", "x"], properties=["types"])
        assert got == {"list": [{"id": "P1", "types": None}], "notFound": ["P2", "x"]}
        assert await change(client, "P1", types=["Email"], expires="2023-11-15T00:00:00Z") is None
        (now,) = (await listed(client))["list"]
        assert (now["types"], now["expires"]) == (["Email"], "2023-11-15T00:00:00Z")
        _, gone = await said(client, "PushSubscription/set", destroy=["P1", "P2"])
        assert gone["destroyed"] == ["P1"]
        assert gone["notDestroyed"] == {"P2": {"type": "notFound"}}
        assert not stored(client)

    run_with_jmap(test, clock=VirtualClock())


@pytest.mark.rfc("8620 §7.2.1", "MUST")
@pytest.mark.parametrize("name", ["url", "keys"])
def test_url_and_keys_are_never_returned(name: str) -> None:
    async def test(client: JmapClient) -> None:
        await subscribe(client)
        refused = await said(client, "PushSubscription/get", ids=[], properties=["id", name])
        assert refused[0] == "error"
        assert refused[1]["type"] == "forbidden"
        assert not {"url", "keys"} & (await listed(client))["list"][0].keys()

    run_with_jmap(test)


@pytest.mark.rfc("8620 §7.2", "MUST")
@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        ({"url": "http://push.example/"}, ["url"]),
        ({"url": "https://"}, ["url"]),
        ({"url": "https://127.0.0.1/"}, ["url"]),
        ({"url": "https://[::1]/"}, ["url"]),
        ({"url": "https://user@push.example/"}, ["url"]),
        ({"url": "https://push.example/#a"}, ["url"]),
        ({"url": "https://push.example:x/"}, ["url"]),
        ({"url": "https://push.example/ä"}, ["url"]),
        ({"url": "https://push.example/" + "a" * 2000}, ["url"]),
        ({"url": 7}, ["url"]),
        ({"url": None}, ["url"]),
        ({"deviceClientId": ""}, ["deviceClientId"]),
        ({"deviceClientId": "a" * 256}, ["deviceClientId"]),
        ({"deviceClientId": "a\0"}, ["deviceClientId"]),
        ({"verificationCode": "x"}, ["verificationCode"]),
        ({"expires": NOW}, ["expires"]),
        ({"expires": "2023-11-14"}, ["expires"]),
        ({"types": ["a"] * 65}, ["types"]),
        ({"types": ["a" * 101]}, ["types"]),
        ({"types": "Email"}, ["types"]),
        ({"types": {}}, ["types"]),
        ({"id": "P9"}, ["id"]),
        ({"colour": "red"}, ["colour"]),
        ({"keys": {}}, ["keys"]),
        ({"keys": {"p256dh": "", "auth": ""}}, ["keys"]),
        ({"keys": {**Device().keys, "auth": "AAAA"}}, ["keys"]),
        ({"keys": {**Device().keys, "p256dh": "B" + "A" * 86}}, ["keys"]),
        ({"keys": {**Device().keys, "more": ""}}, ["keys"]),
        ({"emailPush": {"A1": {"properties": []}}}, ["emailPush"]),
        (
            {"url": "https://x@y/", "expires": NOW, "verificationCode": "x"},
            ["url", "verificationCode", "expires"],
        ),
    ],
)
def test_what_is_wrong_is_named(record: dict[str, Any], wrong: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        error = await subscribe(client, **record)
        assert error["type"] == "invalidProperties"
        assert error["properties"] == wrong
        assert not stored(client)

    run_with_jmap(test, clock=VirtualClock())


def test_what_is_needed_is_named() -> None:
    async def test(client: JmapClient) -> None:
        _, answer = await said(client, "PushSubscription/set", create={"a": {}})
        assert answer["notCreated"]["a"]["properties"] == ["deviceClientId", "url"]

    run_with_jmap(test)


@pytest.mark.rfc("8620 §7.2", "MUST")
@pytest.mark.parametrize("padding", ["", "="])
def test_keys_are_kept_as_octets(padding: str) -> None:
    async def test(client: JmapClient) -> None:
        keys = Device().keys
        made = await subscribe(
            client, keys={"p256dh": keys["p256dh"] + padding, "auth": keys["auth"] + padding * 2}
        )
        assert "keys" not in made, "they are as they were sent"
        (one,) = stored(client)
        assert (len(one.p256dh or b""), one.auth) == (65, b"0123456789abcdef")
        assert await change(client, made["id"], keys=keys, url=URL, deviceClientId="a") is None, "as they are"
        for name, value in {"keys": None, "url": URL + "x", "deviceClientId": "b", "id": "P7"}.items():
            refused = await change(client, made["id"], **{name: value})
            assert (refused["type"], refused["properties"]) == ("invalidProperties", [name])

    run_with_jmap(test)


@pytest.mark.rfc("8620 §7.2.2", "MUST")
def test_a_wrong_code_is_refused_and_a_right_one_is_shown_afterwards() -> None:
    async def test(client: JmapClient) -> None:
        made = await subscribe(client)
        (one,) = stored(client)
        assert len(one.code) == 32
        assert (await listed(client))["list"][0]["verificationCode"] is None, (
            "nobody learns it but by the push"
        )
        for wrong in ("x", one.code[:-1], one.code.upper() + "x"):
            refused = await change(client, made["id"], verificationCode=wrong)
            assert (refused["type"], refused["properties"]) == ("invalidProperties", ["verificationCode"])
        assert stored(client)[0].state == subscriptions.NEW
        assert await change(client, made["id"], verificationCode=one.code) is None
        assert stored(client)[0].state == subscriptions.VERIFIED
        assert (await listed(client))["list"][0]["verificationCode"] == one.code
        refused = await change(client, made["id"], verificationCode=None)
        assert refused["properties"] == ["verificationCode"]
        assert await change(client, made["id"], verificationCode=one.code) is None

    run_with_jmap(test)


@pytest.mark.rfc("8620 §7.2", "MUST")
def test_it_expires_after_a_week_unless_it_is_renewed() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient) -> None:
        made = await subscribe(client, expires="2030-01-01T00:00:00Z")
        assert made["expires"] == AFTER_A_WEEK
        shorter = await subscribe(client, expires="2023-11-15T00:00:00.5Z")
        assert shorter["expires"] == "2023-11-15T00:00:00Z"
        await clock.advance(86_400)
        assert [one["id"] for one in (await listed(client))["list"]] == [made["id"]]
        assert (await change(client, shorter["id"], expires=None))["type"] == "notFound"
        assert await change(client, made["id"], expires="2030-01-01T00:00:00Z") == {
            "expires": "2023-11-22T22:13:20Z"
        }
        refused = await change(client, made["id"], expires=NOW)
        assert (refused["type"], refused["properties"]) == ("invalidProperties", ["expires"])
        assert await change(client, made["id"], expires="2023-11-16T00:00:00Z") is None
        assert await change(client, made["id"], expires=None) == {"expires": "2023-11-22T22:13:20Z"}

    run_with_jmap(test, clock=clock)


@pytest.mark.rfc("9749 §5", "MUST")
def test_with_a_key_of_ours_that_was_replaced_it_is_not_renewed() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient) -> None:
        made = await subscribe(client)
        await clock.advance(3600)
        await client.provider.world.database.write(vapid_key.replace, b"\1" * 32, now_ms=clock.now_ms())
        assert await change(client, made["id"], expires=None) == {"expires": AFTER_A_WEEK}
        assert (await subscribe(client))["expires"] > AFTER_A_WEEK, "a new one knows the new key"
        assert [one.vapid_key for one in stored(client)] == [1, 2]

    run_with_jmap(test, clock=clock)


# --- how many


@pytest.mark.rfc("8620 §8.6", "MUST")
def test_there_are_no_more_than_an_account_may_have() -> None:
    async def test(client: JmapClient) -> None:
        for _ in range(MAX_SUBSCRIPTIONS):
            assert "id" in await subscribe(client)
        assert (await subscribe(client))["type"] == "overQuota"
        await said(client, "PushSubscription/set", destroy=["P1"])
        assert "id" in await subscribe(client)

    run_with_jmap(test)


@pytest.mark.rfc("8620 §8.6", "MUST")
def test_codes_are_sent_to_no_more_urls_than_an_account_needs() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient) -> None:
        for number in range(1, MAX_VERIFIED + 1):
            assert (await subscribe(client))["id"] == f"P{number}"
            await said(client, "PushSubscription/set", destroy=[f"P{number}"])
        assert (await subscribe(client))["type"] == "rateLimit"
        await clock.advance(HOUR_MS / 1000)
        assert "id" in await subscribe(client)

    run_with_jmap(test, clock=clock)


# --- whose it is


@pytest.mark.rfc("8620 §7.2", "MUST")
def test_it_belongs_to_the_password_of_the_login() -> None:
    clock = VirtualClock()

    async def test(client: JmapClient) -> None:
        await subscribe(client)
        own = client.credential
        number, client.credential = await with_app_password(client, expires_at_ms=clock.now_ms() + 3_600_500)
        assert await listed(client) == {"list": [], "notFound": []}
        assert (await change(client, "P1", types=[]))["type"] == "notFound"
        _, answer = await said(client, "PushSubscription/set", destroy=["P1"])
        assert answer["notDestroyed"]["P1"]["type"] == "notFound"
        made = await subscribe(client)
        assert made["expires"] == "2023-11-14T23:13:20Z", "it does not outlive its password"
        assert (await change(client, made["id"], expires=None))["expires"] == "2023-11-14T23:13:20Z"
        database, now_ms = client.provider.world.database, clock.now_ms()
        await database.write(admin_app_passwords.revoke, PEOPLE[0], number, now_ms=now_ms)
        assert [one.id for one in stored(client)] == [1], "it is gone with its password"
        refused = await subscribe(client)
        assert refused["type"] == "forbidden", "a login that was checked just before"
        client.credential = own
        hashed = password_hash.hash_password(
            "another one",
            argon2_salt=b"s" * 16,
            scram_salt=await database.read(admin_accounts.password_salt, PEOPLE[0]),
        )
        await database.write(admin_accounts.set_password, PEOPLE[0], hashed, now_ms=now_ms)
        assert not stored(client)
        assert (await subscribe(client))["type"] == "forbidden"

    run_with_jmap(test, clock=clock)


async def with_app_password(client: JmapClient, *, expires_at_ms: int | None = None) -> tuple[int, str]:
    database, entropy = client.provider.world.database, SeededEntropy(3)
    parameters = await database.write(admin_app_passwords.hash_parameters, PEOPLE[0], entropy=entropy)
    _, hashed = admin_app_passwords.generate(parameters, entropy=entropy)
    number = await database.write(
        admin_app_passwords.add,
        PEOPLE[0],
        hashed,
        name="phone",
        scopes=[Scope.JMAP],
        now_ms=client.provider.world.clock.now_ms(),
        terms=admin_app_passwords.Terms(expires_at_ms),
    )
    return number, mark(hashed.digest)


def test_it_goes_with_its_account() -> None:
    async def test(client: JmapClient) -> None:
        await subscribe(client)
        database = client.provider.world.database
        await database.write(admin_accounts.remove, PEOPLE[0])
        assert database.read_now(lambda tx: tx.value("SELECT COUNT(*) FROM push_subscriptions")) == 0
        assert database.read_now(lambda tx: tx.value("SELECT COUNT(*) FROM push_verifications")) == 0

    run_with_jmap(test)


# --- arguments


@pytest.mark.rfc("8620 §7.2.1", "MUST")
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("PushSubscription/get", {"accountId": "A1"}),
        ("PushSubscription/get", {"ids": "P1"}),
        ("PushSubscription/get", {"properties": ["emailPush"]}),
        ("PushSubscription/set", {"accountId": "A1"}),
        ("PushSubscription/set", {"ifInState": "1"}),
        ("PushSubscription/set", {"create": []}),
    ],
)
def test_other_arguments_are_refused(method: str, arguments: dict[str, Any]) -> None:
    async def test(client: JmapClient) -> None:
        name, answer = await said(client, method, **arguments)
        assert (name, answer["type"]) == ("error", "invalidArguments")

    run_with_jmap(test)


def test_more_than_a_call_may_name_is_refused() -> None:
    async def test(client: JmapClient) -> None:
        many = [f"P{number}" for number in range(501)]
        for method, name in {"PushSubscription/get": "ids", "PushSubscription/set": "destroy"}.items():
            answer = await client.request([method, {name: many}, "c"])
            ((error, refused, _),) = answer["methodResponses"]
            assert (error, refused["type"]) == ("error", "requestTooLarge")

    run_with_jmap(test)


def test_a_creation_is_known_to_what_follows() -> None:
    async def test(client: JmapClient) -> None:
        record = {"deviceClientId": "a", "url": URL}
        answer = await client.request(
            ["PushSubscription/set", {"create": {"x": record}}, "0"],
            ["PushSubscription/get", {"ids": ["#x"], "properties": ["id"]}, "1"],
            ["PushSubscription/set", {"update": {"#x": {"types": []}}, "destroy": ["#x"]}, "2"],
        )
        _, (_, got, _), (_, last, _) = answer["methodResponses"]
        assert got["list"] == [{"id": "P1"}]
        assert (last["updated"], last["destroyed"]) == ({"P1": None}, ["P1"])

    run_with_jmap(test)


# --- emailPush


def test_without_its_capability_nothing_of_it_shows() -> None:
    async def test(client: JmapClient) -> None:
        record = {"deviceClientId": "a", "url": URL, "keys": Device().keys}
        config = {"A1": {"properties": ["subject"]}}
        _, answer = await said(client, "PushSubscription/set", create={"a": {**record, "emailPush": config}})
        assert answer["notCreated"]["a"]["properties"] == ["emailPush"]
        await subscribe(client, keys=Device().keys, emailPush=config)
        _, got = await said(client, "PushSubscription/get")
        assert "emailPush" not in got["list"][0]
        _, got = await said(client, "PushSubscription/get", using=(CORE, EMAIL_PUSH))
        assert got["list"][0]["emailPush"] == {
            "A1": {"filter": None, "properties": ["subject"], "urgency": "normal"}
        }

    run_with_jmap(test)


@pytest.mark.parametrize(
    "config",
    [
        {"A2": {"properties": []}},
        {"A1": {}},
        {"A1": {"properties": "subject"}},
        {"A1": {"properties": ["colour"]}},
        {"A1": {"properties": ["id"] * 51}},
        {"A1": {"properties": [], "colour": "red"}},
        {"A1": {"properties": [], "urgency": "soon"}},
        {"A1": {"properties": [], "filter": {"colour": "red"}}},
        {"A1": {"properties": [], "filter": {"operator": "XOR", "conditions": []}}},
        {"A1": {"properties": [], "filter": {"inMailboxOtherThan": ["a" * 200] * 100}}},
        {"A1": None},
        [],
    ],
)
def test_a_config_that_is_none_is_refused(config: Any) -> None:
    async def test(client: JmapClient) -> None:
        refused = await subscribe(client, keys=Device().keys, emailPush=config)
        assert (refused["type"], refused["properties"]) == ("invalidProperties", ["emailPush"])
        assert "emailPush: emailPush" not in refused["description"]
        made = await subscribe(client, keys=Device().keys)
        refused = await change(client, made["id"], emailPush=config)
        assert (refused["type"], refused["properties"]) == ("invalidProperties", ["emailPush"])

    run_with_jmap(test)


def test_emails_are_pushed_to_nobody_without_keys() -> None:
    async def test(client: JmapClient) -> None:
        made = await subscribe(client)
        refused = await change(client, made["id"], emailPush={"A1": {"properties": ["subject"]}})
        assert refused["properties"] == ["emailPush"]
        assert await change(client, made["id"], emailPush=None) is None

    run_with_jmap(test)


def test_a_config_is_patched() -> None:
    async def test(client: JmapClient) -> None:
        config = {"A1": {"filter": None, "properties": ["subject"], "urgency": "high"}}
        made = await subscribe(client, keys=Device().keys, emailPush=config)
        assert "emailPush" not in made, "as it was sent"
        assert await change(client, made["id"], **{"emailPush/A1/properties": ["from"]}) is None
        (now,) = (await listed(client))["list"]
        assert now["emailPush"]["A1"]["properties"] == ["from"]
        refused = await change(client, made["id"], **{"emailPush/A2/properties": ["from"]})
        assert refused["type"] == "invalidPatch"

    run_with_jmap(test)


def test_a_week_is_what_the_standard_wants() -> None:
    assert LIFE_MS == 7 * 24 * HOUR_MS
