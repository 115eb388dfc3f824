"""A large body: one piece at a time, and not too slowly."""

import asyncio

from pillarbox.server.http.upload import GRACE_S, MIN_OCTETS_A_SECOND, Upload


def test_one_piece_waits_for_its_reader() -> None:
    async def main() -> None:
        upload = Upload(0.0)
        putting = asyncio.create_task(upload.put(b"one", last=False))
        await asyncio.sleep(0)
        assert not putting.done()
        assert await upload.take() == (b"one", False)
        await putting
        taking = asyncio.create_task(upload.take())
        await asyncio.sleep(0)
        upload.abandon()
        assert await taking is None

    asyncio.run(main())


def test_what_nobody_wants_is_dropped() -> None:
    async def main() -> None:
        upload = Upload(0.0)
        putting = asyncio.create_task(upload.put(b"one", last=False))
        await asyncio.sleep(0)
        upload.stop()
        await putting
        await upload.put(b"two", last=True)

    asyncio.run(main())


def test_a_trickle_is_noticed() -> None:
    upload = Upload(100.0)
    assert upload.arrived(1, 100.0 + GRACE_S)
    upload.wait_from(1000.0)  # the time of the reader does not count
    assert upload.arrived(MIN_OCTETS_A_SECOND * 10 - 1, 1010.0)
    upload.wait_from(1010.0)
    assert not upload.arrived(1, 1011.0)
