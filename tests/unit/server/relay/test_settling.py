"""Results are written in batches, and one that cannot be written does not affect the others."""

import asyncio
from typing import Any

import pytest

from pillarbox.delivery.settle import DeliveryAttempt, JobResult, ReportingMta, settle
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue import schedule
from pillarbox.server.relay.settling import BATCH_RESULTS, BATCH_UNREACHED, Settling
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.entropy import SeededEntropy
from tests.kit.smtp.relay import RelayProvider

DELIVERED = Outcome(OutcomeKind.DELIVERED, "2.0.0", "250 OK")


async def results(provider: RelayProvider, count: int) -> list[JobResult]:
    for number in range(count):
        await provider.queue(f"{number}@two.example")
    jobs = await provider.database.write(
        schedule.claim_from, "two.example", lease=1, now_ms=provider.clock.now_ms(), jobs=count
    )
    return [JobResult(job, (DeliveryAttempt(DELIVERED),), reached=True) for job in jobs]


def settling(provider: RelayProvider) -> Settling:
    mta = ReportingMta("mx.one.example", provider.blobs, SeededEntropy(1))
    return Settling(provider.world, mta)


def test_many_results_are_few_transactions() -> None:
    async def run() -> None:
        provider = RelayProvider()
        writer = settling(provider)
        found = await results(provider, 2 * BATCH_RESULTS + 1)
        written = []
        write = provider.database.write

        async def counted(verb: Any, *arguments: Any, **more: Any) -> Any:
            written.append(verb)
            return await write(verb, *arguments, **more)

        provider.database.write = counted  # type: ignore[method-assign]  # on its way to the real one
        for one in found:
            await writer.add(one)
        await writer.settled()
        assert provider.waiting() == []
        assert written == [settle] * 3
        await provider.database.close()

    asyncio.run(run())


def test_results_for_unreachable_destinations_are_few_together() -> None:
    async def run() -> None:
        provider = RelayProvider()
        writer = settling(provider)
        found = await results(provider, 3 * BATCH_UNREACHED + 5)
        unreached = DeliveryAttempt(Outcome(OutcomeKind.DEFERRED, "4.4.1", "connection refused"))
        found = [
            one if number % 4 == 3 else one._replace(attempts=(unreached,), reached=False)
            for number, one in enumerate(found)
        ]
        written: list[list[JobResult]] = []
        write = provider.database.write

        async def noted(verb: Any, *arguments: Any, **more: Any) -> Any:
            written.append(list(arguments[0]))
            return await write(verb, *arguments, **more)

        provider.database.write = noted  # type: ignore[method-assign]  # on its way to the real one
        for one in found:
            await writer.add(one)
        await writer.settled()
        assert [one for batch in written for one in batch] == found, "in their order"
        counts = [sum(not one.reached for one in batch) for batch in written]
        assert counts == [BATCH_UNREACHED] * 2 + [18 - 2 * BATCH_UNREACHED]
        await provider.database.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "failure", [ArithmeticError("a mistake of ours"), ValuesDamaged("table x is damaged")]
)
def test_one_that_cannot_be_written_does_not_affect_the_others(failure: Exception) -> None:
    async def run() -> None:
        provider = RelayProvider()
        writer = settling(provider)
        found = await results(provider, 5)
        write = provider.database.write

        async def failing(verb: Any, *arguments: Any, **more: Any) -> Any:
            if verb is settle and found[2] in arguments[0]:
                raise failure
            return await write(verb, *arguments, **more)

        provider.database.write = failing  # type: ignore[method-assign]  # on its way to the real one
        for one in found:
            await writer.add(one)
        await writer.settled()
        assert provider.waiting() == ["2@two.example"]
        told = [name for name, _ in provider.telemetry.failures]
        assert told == ([] if isinstance(failure, ValuesDamaged) else ["result not written"])
        await provider.database.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("recipients", "kind", "in_thread"),
    [
        (10, OutcomeKind.FAILED, False),
        (11, OutcomeKind.FAILED, True),
        (100, OutcomeKind.DELIVERED, False),
        (101, OutcomeKind.DELIVERED, True),
    ],
)
def test_much_is_settled_in_a_thread(recipients: int, kind: OutcomeKind, in_thread: bool) -> None:
    async def run() -> None:
        provider = RelayProvider()
        outcome = DeliveryAttempt(Outcome(kind, "5.1.1", "550 no"))
        found = [job.job for job in await results(provider, recipients)]
        first = found[0]._replace(recipients=tuple(one for job in found for one in job.recipients))
        threads: list[bool] = []
        write = provider.database.write_in_thread

        async def noted(verb: Any, *arguments: Any, **more: Any) -> Any:
            threads.append(verb is settle)
            return await write(verb, *arguments, **more)

        provider.database.write_in_thread = noted  # type: ignore[method-assign]  # on its way to the real one
        writer = settling(provider)
        await writer.add(JobResult(first, (outcome,) * recipients, reached=True))
        await writer.settled()
        assert threads == [True] * in_thread
        assert provider.waiting() == []
        await provider.database.close()

    asyncio.run(run())


def test_delivery_agents_wait_while_too_much_is_unwritten() -> None:
    async def run() -> None:
        provider = RelayProvider()
        writer = settling(provider)
        found = await results(provider, 201)
        gate = asyncio.Event()
        write = provider.database.write

        async def slow(verb: Any, *arguments: Any, **more: Any) -> Any:
            await gate.wait()
            return await write(verb, *arguments, **more)

        provider.database.write = slow  # type: ignore[method-assign]  # on its way to the real one
        adding = asyncio.ensure_future(_add_all(writer, found))
        for _ in range(300):
            await asyncio.sleep(0)
        assert not adding.done()
        gate.set()
        await adding
        await writer.settled()
        assert provider.waiting() == []
        await provider.database.close()

    asyncio.run(run())


async def _add_all(writer: Settling, found: list[JobResult]) -> None:
    for one in found:
        await writer.add(one)
