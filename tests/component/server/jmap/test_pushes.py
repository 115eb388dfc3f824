"""Pushes by workers of one database, and over HTTPS to a server of the test's own."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidTag

from pillarbox.config.sections.push import Push
from pillarbox.dns import Kind
from pillarbox.server.chores import BackgroundWork, Chores
from pillarbox.server.jmap.pushing.sender import GAP_S, PushSender
from pillarbox.server.push.starting import IDLE_S, Pushes
from pillarbox.world.clock import SystemClock, VirtualClock
from pillarbox.world.fetcher.https import HttpsFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.process_lock import ProcessLock
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.certificate import certificate_file
from tests.kit.https import HERE, Request, Web, response, web
from tests.kit.jmap.client import JmapClient, open_jmap, run_with_jmap
from tests.kit.jmap.pushing import (
    Device,
    PushService,
    change,
    check_authorization,
    settled,
    subscribe,
    verified,
)

MAIL = b"Subject: hello\r\nFrom: Anna <anna@one.example>\r\n\r\ntext\r\n"


def has_begun(pushes: Pushes) -> bool:
    return pushes.sender is not None


async def deliver(client: JmapClient) -> None:
    await client.provider.deliver(0, MAIL)


def test_what_changed_while_nobody_looked_is_told_after_the_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        client = await open_jmap(folder=tmp_path)
        service = PushService()
        sender = service.sender(client)
        await verified(client, service)
        await deliver(client)
        await service.next()
        await sender.stop()
        await client.provider.close()

        client = await open_jmap(folder=tmp_path)
        sender = service.sender(client)
        await settled(sender)
        assert len(service.posted) == 2, "what was told, was told"
        await sender.stop()
        await deliver(client)
        await client.provider.close()

        client = await open_jmap(folder=tmp_path)
        sender = service.sender(client)
        said = await service.next()
        _, email = await client.call("Email/get", ids=[])
        assert said["changed"][client.account_id]["Email"] == email["state"]
        await sender.stop()
        await client.provider.close()

    asyncio.run(scenario())


def test_of_several_workers_one_sends_and_another_goes_on_when_it_is_dead(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def scenario(client: JmapClient) -> None:
        locks = [ProcessLock(tmp_path / "lock") for _ in "ab"]
        services = [PushService(now_ms=clock.now_ms) for _ in "ab"]
        workers = [
            Pushes(service.world(client), client.provider.config, lock.try_acquire)
            for service, lock in zip(services, locks, strict=True)
        ]
        for worker in workers:
            worker.start()
        await verified(client, services[0])
        await clock.advance(GAP_S)
        await deliver(client)
        assert (await services[0].next())["@type"] == "StateChange"
        await clock.advance(IDLE_S)
        assert not has_begun(workers[1])
        await workers[0].stop()
        locks[0].close()  # as the kernel does, when the process has ended
        await deliver(client)
        await clock.advance(IDLE_S)
        assert (await services[1].next())["@type"] == "StateChange"
        sender = workers[1].sender
        assert sender is not None
        await settled(sender)
        assert len(services[1].posted) == 1, "what the first has told is not told again"
        assert len(services[0].posted) == 2
        await workers[1].stop()
        locks[1].close()

    run_with_jmap(scenario, clock=clock)


def test_where_nobody_subscribes_nothing_is_loaded() -> None:
    async def scenario(client: JmapClient) -> None:
        service = PushService()
        pushes = Pushes(service.world(client), client.provider.config, lambda: True)
        pushes.start()
        calls = client.provider.world.database.calls
        for _ in range(3):
            await deliver(client)
        assert client.provider.world.database.calls <= calls + 4, "it looks once"
        assert not has_begun(pushes)
        await verified(client, service)
        assert has_begun(pushes)
        await pushes.stop()

    run_with_jmap(scenario)


def test_the_work_in_the_background_sends_pushes() -> None:
    async def scenario(client: JmapClient) -> None:
        service = PushService()
        work = BackgroundWork(service.world(client), client.provider.config, lambda: True)
        work.start()
        await verified(client, service)
        work.reconfigure(
            dataclasses.replace(client.provider.config, push=Push(subject="https://one.example/help"))
        )
        await deliver(client)
        assert (await service.next())["@type"] == "StateChange"
        assert service.subjects == ["mailto:postmaster@one.example", "https://one.example/help"]
        await work.stop()

    run_with_jmap(scenario)


# --- HTTPS


def run_over_https(
    test: Callable[[JmapClient, Web, "asyncio.Queue[Request]", PushSender], Awaitable[None]],
    *,
    fetcher: Callable[[Web], HttpsFetcher] = Web.fetcher,
    answers: list[bytes] | None = None,
) -> None:
    """A client, and a push service that answers 201 where the test says nothing else."""
    requests: asyncio.Queue[Request] = asyncio.Queue()

    async def says(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.pop(0) if answers else response("201 Created"))
        requests.put_nowait(request)

    async def scenario(client: JmapClient) -> None:
        async with web(says) as serving:
            world = dataclasses.replace(client.provider.world, push_fetcher=fetcher(serving))
            sender = PushSender(world, client.provider.config, gap_s=0.0)
            sender.start()
            await test(client, serving, requests, sender)
            await sender.stop()
            assert not client.provider.telemetry.failures

    run_with_jmap(scenario)


async def next_of(requests: "asyncio.Queue[Request]") -> Request:
    return await asyncio.wait_for(requests.get(), 10)


@pytest.mark.rfc("8620 §7.2", "MUST")
@pytest.mark.rfc("8291 §4", "MUST")
def test_a_device_reads_what_is_pushed_over_https() -> None:
    async def test(client: JmapClient, serving: Web, requests: Any, sender: PushSender) -> None:
        device, url = Device(scalar=99), serving.url("/device?x=1")
        made = await subscribe(client, url=url, keys=device.keys)
        request = await next_of(requests)
        assert (request.method, request.path) == ("POST", "/device?x=1")
        fields = request.fields
        assert (fields["content-type"], fields["content-encoding"]) == ("application/json", "aes128gcm")
        assert int(fields["ttl"]) > 0
        check_authorization(fields["authorization"], url, now_s=client.provider.world.clock.now_ms() // 1000)
        code = device.message(request.octets)["verificationCode"]
        assert await change(client, made["id"], verificationCode=code) is None
        await deliver(client)
        said = device.message((await next_of(requests)).octets)
        await settled(sender)
        _, email = await client.call("Email/get", ids=[])
        assert said["changed"][client.account_id]["Email"] == email["state"]

    run_over_https(test)


def test_a_key_schedule_of_another_device_reads_nothing() -> None:
    async def test(client: JmapClient, serving: Web, requests: Any, _: PushSender) -> None:
        await subscribe(client, url=serving.url(), keys=Device(scalar=99).keys)
        request = await next_of(requests)
        with pytest.raises(InvalidTag):
            Device(scalar=98).read(request.octets)
        with pytest.raises(InvalidTag):
            Device(scalar=99, auth=b"x" * 16).read(request.octets)

    run_over_https(test)


@pytest.mark.rfc("8620 §8.6", "MUST")
def test_an_address_of_our_own_network_is_not_connected_to() -> None:
    async def test(client: JmapClient, serving: Web, requests: Any, sender: PushSender) -> None:
        await subscribe(client, url=serving.url(host="inner.example"))
        await subscribe(client, url=serving.url())
        await next_of(requests)
        await settled(sender)
        assert len(serving.requests) == 1
        (why,) = [
            fields["why"] for name, fields in client.provider.telemetry.events if name == "push not taken"
        ]
        assert "no public address" in str(why)

    run_over_https(test)


def test_loopback_is_admitted_by_the_configuration_of_a_test_only() -> None:
    def strict(serving: Web) -> HttpsFetcher:
        resolver = ZoneResolver(["localhost"], {("localhost", Kind.A): (HERE,)})
        return HttpsFetcher(
            SystemNetwork(), resolver, SystemClock(), authorities=certificate_file(), ports=[serving.port]
        )

    async def test(client: JmapClient, serving: Web, _: Any, sender: PushSender) -> None:
        await subscribe(client, url=serving.url())
        await settled(sender)
        assert not serving.requests, HERE
        events = [fields for name, fields in client.provider.telemetry.events if name == "push not taken"]
        assert len(events) == 1

    run_over_https(test, fetcher=strict)


@pytest.mark.rfc("8030 §7.3", "MUST")
def test_what_the_server_says_counts_and_a_redirect_is_not_followed() -> None:
    async def test(client: JmapClient, serving: Web, requests: Any, sender: PushSender) -> None:
        made = await subscribe(client, url=serving.url())
        code = msgspec.json.decode((await next_of(requests)).octets)["verificationCode"]
        await change(client, made["id"], verificationCode=code)
        await deliver(client)
        await next_of(requests)
        await settled(sender)
        assert [request.path for request in serving.requests] == ["/page", "/page"]
        (event,) = [fields for name, fields in client.provider.telemetry.events if name == "push not taken"]
        assert "307" in str(event["why"])

    run_over_https(
        test, answers=[response("201 Created"), response("307 Temporary Redirect", b"", "Location: /other")]
    )


def test_a_huge_answer_is_not_read() -> None:
    async def test(client: JmapClient, serving: Web, requests: Any, sender: PushSender) -> None:
        made = await subscribe(client, url=serving.url())
        code = msgspec.json.decode((await next_of(requests)).octets)["verificationCode"]
        assert await change(client, made["id"], verificationCode=code) is None
        await deliver(client)
        await next_of(requests)
        await settled(sender)
        assert len(serving.requests) == 2

    huge = b"HTTP/1.1 201 Created\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 1_000_000
    run_over_https(test, answers=[huge, huge])


# --- the chore


def test_what_has_expired_is_removed_from_the_database() -> None:
    clock = VirtualClock()

    async def scenario(client: JmapClient) -> None:
        await subscribe(client)
        chores = Chores(client.provider.world, lambda: True)
        await chores.round()
        count = "SELECT COUNT(*) FROM push_subscriptions"
        read = client.provider.world.database.read_now
        assert read(lambda tx: tx.value(count)) == 1
        await clock.advance(8 * 86_400)
        await chores.round()
        assert read(lambda tx: tx.value(count)) == 0

    run_with_jmap(scenario, clock=clock)
