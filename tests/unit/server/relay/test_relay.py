"""The whole relay in virtual time: when, how often, how many connections at once, and which DSNs."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pillarbox.queue import retry_schedule
from pillarbox.queue.schedule import LEASE_MS
from pillarbox.queue.spool import LIFETIME_MS
from pillarbox.server.relay.context import RelayLimits
from pillarbox.server.relay.destination_queue import DELIVERY_AGENTS
from pillarbox.server.relay.relay import Relay
from pillarbox.server.relay.settling import DELIVERIES
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.network.memory import Fault
from tests.kit.smtp.peer import SILENCE
from tests.kit.smtp.relay import CONFIG, RelayProvider, run_with_relay

HOUR = 3600.0
SOONER = "UPDATE queue_messages SET expires_at_ms = queued_at_ms + ?"


def test_what_is_queued_leaves_at_once_and_the_queue_is_empty() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("mx.two.example", "192.0.2.2")
        provider.mx("two.example", "mx.two.example")
        await provider.queue("a@two.example", "b@two.example")
        await provider.pass_(0)
        (got,) = peer.received
        assert got.mail == "MAIL FROM:<anna@one.example>"
        assert got.recipients == ["a@two.example", "b@two.example"]
        for table in ("queue_messages", "queue_recipients", "queue_destinations", "blobs"):
            assert provider.rows(f"SELECT * FROM {table}") == []
        assert provider.inbox() == []

    run_with_relay(test)


def test_mail_for_one_destination_shares_a_connection_that_stays_open_a_while_and_then_quits() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2")
        for number in range(5):
            await provider.queue(f"{number}@two.example")
            await provider.pass_(1)
        assert (peer.connections, len(peer.received)) == (1, 5)
        await provider.pass_(3)
        assert peer.commands[-1] == "QUIT"
        assert peer.open == 0

    run_with_relay(test)


def test_a_backlog_is_delivered_by_ever_more_connections_up_to_the_limit() -> None:
    async def test(provider: RelayProvider) -> None:
        for number in range(300):
            await provider.queue(f"{number}@two.example")
        peer = provider.peer("two.example", "192.0.2.2")
        provider.start()
        await provider.pass_(3)
        assert sorted(peer.addresses) == sorted(f"{number}@two.example" for number in range(300))
        assert 2 < peer.most <= 4

    async def stopped(provider: RelayProvider) -> None:
        await provider.stop()
        await test(provider)

    run_with_relay(stopped, limits=RelayLimits(connections_each=4))


def test_connections_of_other_workers_to_a_destination_count() -> None:
    async def test(provider: RelayProvider) -> None:
        await provider.stop()
        for number in range(100):
            await provider.queue(f"{number}@two.example")
        for _ in range(3):
            provider.shared[1].open_counts.add(DELIVERY_AGENTS, "two.example")
        peer = provider.peer("two.example", "192.0.2.2")
        provider.start()
        await provider.pass_(10)
        assert (len(peer.addresses), peer.most) == (100, 1)
        assert provider.shared[0].open_counts.count(DELIVERY_AGENTS, "two.example") == 3, "ours have left"

    run_with_relay(test, limits=RelayLimits(connections_each=4))


def test_a_deferred_recipient_is_tried_again_by_the_retry_schedule_and_the_others_are_not_delayed() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2", refused={"grey@two.example": "451 4.7.1 greylisted"})
        await provider.queue("grey@two.example", "ok@two.example")
        await provider.pass_(1)
        assert peer.addresses == ["ok@two.example"]
        assert provider.waiting() == ["grey@two.example"]
        peer.refused.clear()
        await provider.pass_(retry_schedule.RETRY_INTERVALS_MS[0] / 1000 * 0.8)
        assert len(peer.received) == 1
        await provider.pass_(retry_schedule.RETRY_INTERVALS_MS[0] / 1000 * 0.4)
        assert peer.addresses == ["ok@two.example", "grey@two.example"]
        assert provider.inbox() == []

    run_with_relay(test)


def test_an_outage_delays_and_nothing_is_lost() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.mx("two.example", "mx.two.example")
        peer = provider.peer("mx.two.example", "192.0.2.2")
        provider.network.faults = lambda _to: Fault(refuses=True)
        for number in range(30):
            await provider.queue(f"{number}@two.example")
        await provider.pass_(5 * HOUR)
        assert len(provider.waiting()) == 30
        assert sorted(provider.reported()) == sorted(
            (f"{number}@two.example", "delayed", "4.4.1") for number in range(30)
        )
        provider.network.faults = lambda _to: Fault()
        await provider.pass_(4.5 * HOUR)
        assert sorted(peer.addresses) == sorted(f"{number}@two.example" for number in range(30))
        assert (provider.waiting(), len(provider.inbox())) == ([], 30)

    run_with_relay(test)


@pytest.mark.rfc("5321 §4.5.4.1", "SHOULD")
def test_when_a_message_expires_the_sender_gets_one_failure_for_each_recipient() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.mx("two.example", "mx.two.example")
        provider.peer("mx.two.example", "192.0.2.2", answers={"": "421 4.3.2 not today"})
        for number in range(3):
            await provider.queue(f"{number}@two.example")
        assert (
            provider.rows("SELECT expires_at_ms - queued_at_ms FROM queue_messages") == [(LIFETIME_MS,)] * 3
        )
        # The days between are all alike.
        provider.database.write_now(lambda tx: tx.execute(SOONER, (6 * retry_schedule.HOUR_MS,)))
        await provider.pass_(6 * HOUR + 120)
        assert provider.waiting() == []
        reported = provider.reported()
        for number in range(3):
            actions = [action for address, action, _ in reported if address == f"{number}@two.example"]
            assert actions == ["delayed", "failed"]
        assert "not today" in provider.inbox()[-1].as_string()

    run_with_relay(test)


def test_an_unreachable_destination_is_tried_rarely_however_much_is_queued_for_it() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.mx("two.example", "mx.two.example")
        tried = []
        provider.peer("mx.two.example", "192.0.2.2")

        def fault(to: object) -> Fault:
            tried.append(to)
            return Fault(refuses=True)

        provider.network.faults = fault
        for number in range(100):
            await provider.queue(f"{number}@two.example")
        await provider.pass_(HOUR)
        assert 3 <= len(tried) <= 20

    run_with_relay(test)


def test_unreachable_destinations_do_not_delay_mail_for_others() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("alive.example", "192.0.2.1")
        for number in range(40):
            provider.peer(f"dead{number}.example", f"192.0.2.{100 + number}")
        provider.network.faults = lambda to: Fault(silent=to.address != "192.0.2.1")
        for number in range(40):
            await provider.queue(f"a@dead{number}.example")
        await provider.pass_(200)
        await provider.queue("a@alive.example")
        await provider.pass_(1)
        assert peer.addresses == ["a@alive.example"]

    run_with_relay(test, limits=RelayLimits(connections=8))


def test_never_more_connections_than_allowed() -> None:
    async def test(provider: RelayProvider) -> None:
        open_now = most = 0
        for number in range(30):
            provider.peer(f"d{number}.example", f"192.0.2.{number}", answers={"": SILENCE})

        def count(_to: object) -> Fault:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            return Fault()

        provider.network.faults = count
        for number in range(30):
            await provider.queue(f"a@d{number}.example", f"b@d{number}.example")
        await provider.pass_(60)
        assert most == 5

    run_with_relay(test, limits=RelayLimits(connections=5))


def test_a_rejection_is_reported_at_once_and_delivery_to_a_server_without_dsn_if_requested() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.peer("two.example", "192.0.2.2", extensions=(), refused={"no@two.example": "550 5.1.1 who?"})
        await provider.queue("no@two.example", "yes@two.example", notify="SUCCESS,FAILURE")
        await provider.pass_(1)
        assert sorted(provider.reported()) == [
            ("no@two.example", "failed", "5.1.1"),
            ("yes@two.example", "relayed", "2.0.0"),
        ]

    run_with_relay(test)


def test_two_relays_share_the_work_and_nothing_is_delivered_twice() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.start()
        peer = provider.peer("two.example", "192.0.2.2")
        other = provider.peer("three.example", "192.0.2.3")
        for number in range(60):
            await provider.queue(f"{number}@two.example", f"{number}@three.example")
        await provider.pass_(5)
        assert sorted(peer.addresses) == sorted(f"{number}@two.example" for number in range(60))
        assert sorted(other.addresses) == sorted(f"{number}@three.example" for number in range(60))

    run_with_relay(test)


def test_a_stop_lets_jobs_in_delivery_end_and_gives_back_the_rest() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2")
        provider.network.faults = lambda _to: Fault(delay_s=1.0)
        for number in range(20):
            await provider.queue(f"{number}@two.example")
        await provider.pass_(6)
        await provider.stop(grace_s=8)
        assert peer.received
        assert sorted([*peer.addresses, *provider.waiting()]) == sorted(
            f"{number}@two.example" for number in range(20)
        )
        now_ms = provider.clock.now_ms()
        assert provider.rows(f"SELECT * FROM queue_recipients WHERE lease != 0 OR due_at_ms > {now_ms}") == []

    run_with_relay(test)


def test_a_stop_does_not_wait_for_a_server_that_is_silent() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.peer("two.example", "192.0.2.2", answers={"MAIL": SILENCE})
        await provider.queue("a@two.example")
        await provider.pass_(1)
        await provider.stop(grace_s=5)
        assert provider.rows("SELECT lease, attempts FROM queue_recipients") == [(0, 0)]

    run_with_relay(test)


def test_a_slow_job_keeps_its_lease() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2", extensions=())
        provider.network.faults = lambda _to: Fault(delay_s=140.0)
        await provider.queue(*(f"{number}@two.example" for number in range(6)))
        await provider.pass_(LEASE_MS / 1000 + 60)
        (row, *_) = provider.rows("SELECT due_at_ms, attempts FROM queue_recipients")
        assert row[0] > provider.clock.now_ms()
        await provider.pass_(HOUR)
        assert (len(peer.received), row[1], provider.waiting()) == (1, 0, [])

    run_with_relay(test)


def test_a_full_disk_only_delays_what_is_written_down() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2")
        await provider.queue("a@two.example")
        write, broken = provider.database.write, True

        async def failing(verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
            if broken and getattr(verb, "__name__", "") == "settle":
                raise DatabaseUnavailable("disk full")
            return await write(verb, *arguments, **more)

        provider.database.write = failing  # type: ignore[method-assign]  # as a full disk does
        await provider.pass_(30)
        assert (len(peer.received), provider.waiting()) == (1, ["a@two.example"])
        broken = False
        await provider.pass_(2)
        assert (len(peer.received), provider.waiting()) == (1, [])

    run_with_relay(test)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM blobs",
        "UPDATE blob_octets SET octets = x'00'",
        "UPDATE blob_octets SET octets = zeroblob(length(octets))",
    ],
)
def test_a_message_that_was_damaged_in_the_queue_fails_with_a_report_and_does_not_stop_the_others(
    damage: str,
) -> None:
    async def test(provider: RelayProvider) -> None:
        await provider.stop()
        peer = provider.peer("two.example", "192.0.2.2")
        await provider.queue("a@two.example", octets=b"Subject: lost\r\n\r\nlost\r\n")
        provider.database.write_now(lambda tx: tx.execute(damage))
        await provider.queue("b@two.example")
        provider.start()
        await provider.pass_(1)
        assert peer.addresses == ["b@two.example"]
        assert provider.waiting() == []
        assert provider.reported() == [("a@two.example", "failed", "5.3.0")]
        assert [name for name, _ in provider.telemetry.events].count("message damaged") == 1

    run_with_relay(test)


def test_a_disk_that_fails_for_a_while_only_defers(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_arguments: object, **_keywords: object) -> bytes:
        raise DatabaseUnavailable("too many open files")

    async def test(provider: RelayProvider) -> None:
        provider.peer("two.example", "192.0.2.2")
        monkeypatch.setattr(DatabaseBlobs, "read", failing)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert provider.waiting() == ["a@two.example"]

    run_with_relay(test)


def test_the_result_is_logged_for_each_recipient() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.peer("two.example", "192.0.2.2")
        await provider.queue("a@two.example")
        await provider.pass_(1)
        (said,) = [fields for name, fields in provider.telemetry.events if name == "relay attempt"]
        assert (said["recipient"], said["action"], said["host"]) == (
            "a@two.example",
            "delivered",
            "two.example",
        )
        assert provider.world.shared.metrics.value(DELIVERIES, "delivered") == 1

    run_with_relay(test)


def test_stopping_before_anything_has_begun() -> None:
    async def run() -> None:
        provider = RelayProvider()
        provider.start()
        await provider.stop()
        await provider.database.close()

    asyncio.run(run())


def test_after_the_clock_was_set_no_worker_claims_what_another_delivers() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2", answers={"MAIL": SILENCE})
        provider.start()  # a second worker
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert peer.connections == 1
        provider.clock._started_ms += 2 * LEASE_MS
        await provider.queue("b@two.example")
        await provider.pass_(100)
        assert peer.connections == 1  # not even for new mail: first all renew
        assert provider.rows("SELECT count(*) FROM queue_recipients WHERE lease > 0") == [(1,)]
        await provider.pass_(100)
        assert peer.connections == 2

    run_with_relay(test)


def test_a_destination_that_keeps_all_its_delivery_agents_does_not_delay_the_retry_of_another() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.peer("slow.example", "192.0.2.1", answers={"MAIL": SILENCE})
        other = provider.peer("other.example", "192.0.2.2", answers={"RCPT": ["450 4.2.1 later", "250 OK"]})
        for _ in range(3):
            await provider.queue("a@slow.example")
        await provider.queue("a@other.example")
        await provider.pass_(110)  # a minute by the schedule, and no other look at the queue has brought it
        assert len(other.received) == 1

    run_with_relay(test, limits=RelayLimits(connections_each=1))


# --- what an await lets happen meanwhile


def slowed(provider: RelayProvider, method: str, verb: str) -> asyncio.Event:
    """Let calls of this verb by `Database.read` or `write` wait until the event is set."""
    original, gate = getattr(provider.database, method), asyncio.Event()

    async def waiting(called: object, *arguments: object, **more: object) -> object:
        if getattr(called, "__name__", "") == verb:
            await gate.wait()
        return await original(called, *arguments, **more)

    setattr(provider.database, method, waiting)
    return gate


def test_connections_are_set_aside_while_a_claim_is_under_way() -> None:
    async def test(provider: RelayProvider) -> None:
        peers = [
            provider.peer(name, f"192.0.2.{n}") for n, name in enumerate(("two.example", "three.example"))
        ]
        provider.network.faults = lambda _to: Fault(delay_s=0.2)
        for number in range(150):
            await provider.queue(f"{number}@two.example")
        await provider.pass_(0.1)
        gate = slowed(provider, "write", "claim")
        await provider.queue("a@three.example")
        most = 0
        for step in range(350):
            if step == 250:
                gate.set()
            await provider.pass_(0.1)
            most = max(most, sum(peer.open for peer in peers))
        assert most == 3
        assert peers[1].addresses == ["a@three.example"]

    run_with_relay(test, limits=RelayLimits(connections=3, connections_each=3))


def test_leases_are_renewed_while_messages_are_being_read() -> None:
    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2")
        gate = slowed(provider, "read", "_loaded")
        for number in range(30):
            await provider.queue(f"{number}@two.example")
        await provider.pass_(1)
        provider.clock._started_ms += 2 * LEASE_MS
        await provider.pass_(70)  # the jump is noticed
        leased = provider.rows("SELECT due_at_ms FROM queue_recipients WHERE lease > 0")
        assert len(leased) > 5
        assert all(due_at_ms > provider.clock.now_ms() for (due_at_ms,) in leased)
        gate.set()
        await provider.pass_(200)
        assert sorted(peer.addresses) == sorted(f"{number}@two.example" for number in range(30))

    run_with_relay(test)


@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_queued_while_the_clock_was_ahead_is_tried_when_it_is_right(*, restarted: bool) -> None:
    year_ms = 365 * 24 * 3_600_000

    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2", answers={"RCPT": "450 4.2.1 later"})
        await provider.queue("before@two.example")
        await provider.pass_(5)
        provider.clock._started_ms += year_ms
        await provider.pass_(1000)
        await provider.queue("ahead@two.example")
        await provider.pass_(400)
        if restarted:
            await provider.stop()
        provider.clock._started_ms -= year_ms
        if restarted:
            provider.start()
        peer.answers = {}
        await provider.pass_(400)
        assert "ahead@two.example" in peer.addresses
        assert provider.waiting() == []

    run_with_relay(test)


def test_what_another_worker_is_trying_is_left_to_it_as_the_clock_is_set_back() -> None:
    year_ms = 365 * 24 * 3_600_000

    async def test(provider: RelayProvider) -> None:
        peer = provider.peer("two.example", "192.0.2.2", answers={"": SILENCE})
        provider.clock._started_ms += year_ms
        await provider.pass_(400)
        await provider.queue("a@two.example")
        await provider.pass_(5)
        provider.clock._started_ms -= year_ms
        second = Relay(provider.world, CONFIG, provider.routes, limits=provider.limits)
        second.start()
        await provider.pass_(200)
        assert peer.connections == 1
        await second.stop(0)

    run_with_relay(test)
