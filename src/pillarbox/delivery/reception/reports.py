"""Reports of others, found as they come in.

They are looked for in what comes to the addresses that domains name for reports, in a thread, one at a time. A report
that cannot be read is kept as such; no report makes a difference to the mail that brings it.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

from pillarbox.delivery.envelope import Origin, Source
from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.reports.received import ReceivedReport, to_keep
from pillarbox.trust import received_report
from pillarbox.trust.dmarc.authors import authors
from pillarbox.trust.results import MethodResult, Result
from pillarbox.world.world import World

REPORT_NAMES: Final = frozenset(
    {
        *("postmaster", "abuse", "reports", "dmarc", "dmarc-reports", "dmarc-rua", "rua"),
        *("tls-reports", "tlsrpt", "tls-rpt", "smtp-tls-reports", "fbl"),
    }
)
"""Local parts to which reports go: of our own records (`postmaster`), and of what others commonly choose."""

WAIT_S: Final = 10.0
"""How long a message waits until the reports before it are read; then its own is not."""


class ReportFinder:
    """Made once per process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turn = asyncio.Lock()

    async def find(
        self, octets: bytes, origin: Origin, recipients: Iterable[Address], results: Iterable[MethodResult]
    ) -> ReceivedReport | None:
        """The report in a message for these recipients; `results`: what checks have found of it."""
        if origin.source is Source.SUBMISSION or not any(
            each.local.lower() in REPORT_NAMES for each in recipients
        ):
            return None
        passed = any(each.method == "dmarc" and each.result is Result.PASS for each in results)
        # Who waits may be no task (`server.pump.eager`), and only a task can be told that its time is over
        return await asyncio.get_running_loop().create_task(self._read_in_turn(octets, passed))

    async def _read_in_turn(self, octets: bytes, passed: bool) -> ReceivedReport | None:
        now_ms = self._world.clock.now_ms()
        try:
            async with self._world.clock.timeout(WAIT_S):
                await self._turn.acquire()
        except TimeoutError:
            self._world.telemetry.warning("report not read", why="others were read for too long")
            return None
        try:
            return await self._world.aside.run(_read, octets, passed, now_ms)
        except Exception as error:  # whatever it is, the mail is welcome
            self._world.telemetry.failure("report not read", error)
            return None
        finally:
            self._turn.release()


def _read(octets: bytes, authenticated: bool, now_ms: int) -> ReceivedReport | None:
    found = received_report.find(octets)
    if found is None:
        return None
    domains = authors(Header.parse(octets)[0]).domains
    return to_keep(found, domains[0] if domains else "", authenticated=authenticated, now_ms=now_ms)
