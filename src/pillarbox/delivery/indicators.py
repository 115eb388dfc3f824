"""The images that senders ask to be shown beside their mail (BIMI), and the results that messages get of them.

No message waits for an image, and no sender learns from it what is read here: an image is fetched once a day for an
organization at most, in the background, by whichever of its messages is the first; that one has no result, the next
ones have. It is read and checked once, in a thread, and kept as a row (`store.indicators`); a message asks the DNS for
its record only, and is compared with the row.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

from msgspec.structs import astuple

from pillarbox.delivery.asker import Asker
from pillarbox.mail.header import Header
from pillarbox.store import indicators
from pillarbox.store.indicators import Source
from pillarbox.trust import bimi
from pillarbox.trust.bimi import Bimi, Found, Verdict
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc.evaluation import Evaluation
from pillarbox.trust.results import Result
from pillarbox.web import FetchFailed, Page
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World

LOOKUP_S: Final = 2.0
"""How long a message may wait for the DNS: it has passed, and this is an ornament."""
FETCH_S: Final = 10.0
"""For one page."""
MAX_FETCHES: Final = 4
"""At once; a message that would need one more has no result."""


class Indicators:
    """Made once per process."""

    def __init__(self, world: World, roots: Sequence[bytes] = ()) -> None:
        """`roots`: certificates (DER) of the authorities that are believed; without any, no mark certificates are."""
        self._world = world
        self._asker = Asker(world, within_s=LOOKUP_S)
        self._roots = tuple(roots)
        # What others have proven is not believed, and what could not be proven is tried with new ones
        self._named_roots = hashlib.sha256(b"".join(roots)).hexdigest() if roots else ""
        self._fetching = dict[str, asyncio.Task[None]]()
        """By organization."""

    async def of(
        self, header: Header, dmarc: Evaluation, signatures: Sequence[SignatureOutcome]
    ) -> Bimi | None:
        """What BIMI says of a message; None where it does not apply (§7.1 of the draft), or nothing is known yet."""
        organization = dmarc.organizational_domain
        if dmarc.result is not Result.PASS or not organization:
            return None
        signed = any(
            each.result is Result.PASS
            and "bimi-selector" in each.signed_names
            and _within(each.domain, organization)
            for each in signatures
        )
        sender = bimi.sender(header, dmarc, selector_is_signed=signed)
        found = await self._asker.answer(bimi.look(sender), ends=self._asker.deadline())
        if not isinstance(found, Found):
            return None if found.result is Result.SKIPPED else Bimi(found)
        verdict = await self._known(organization, self._source(found))
        return None if verdict is None else bimi.concluded(sender, found, verdict)

    def _source(self, found: Found) -> Source:
        evidence = found.assertion.evidence if self._roots else ""
        return Source(found.assertion.location, evidence, self._named_roots)

    async def _known(self, organization: str, source: Source) -> Verdict | None:
        """What is kept; where nothing is, it is fetched for the next message."""
        try:
            known = await self._world.database.read(indicators.known, organization)
        except DatabaseUnavailable:
            return None
        now_s = self._now_s()
        if known and known.holds(source, now_s):
            # Another image for each of its senders, or of our people, would tell a domain who gets its mail
            # Not the structs: compiled, the same values in two of them are not equal
            return known.verdict if astuple(known.source) == astuple(source) else None
        claimed = known is not None and known.is_claimed(now_s)
        if not claimed and organization not in self._fetching and len(self._fetching) < MAX_FETCHES:
            work = self._fetch(organization, source)
            task = asyncio.get_running_loop().create_task(work, name=f"indicator of {organization}")
            self._fetching[organization] = task
            task.add_done_callback(lambda _: self._fetching.pop(organization))
        return None

    async def _fetch(self, organization: str, source: Source) -> None:
        database, now_s = self._world.database, self._now_s()
        try:
            if await database.write(indicators.claim, organization, source, now_s=now_s):
                evidence = (
                    await self._page(source.evidence, bimi.MAX_EVIDENCE_OCTETS) if source.evidence else None
                )
                page = await self._page(source.location, bimi.MAX_IMAGE_OCTETS)
                checked = await asyncio.to_thread(
                    bimi.check, page, evidence, organization=organization, roots=self._roots, now_s=now_s
                )
                await database.write(indicators.keep, organization, source, checked, now_s=now_s)
        except DatabaseUnavailable:
            pass  # which is told by others; a later message tries again

    async def _page(self, url: str, max_octets: int) -> Page | FetchFailed:
        return await self._world.fetcher.fetch(url, max_octets=max_octets, timeout_s=FETCH_S)

    def _now_s(self) -> int:
        return self._world.clock.now_ms() // 1000


def _within(domain: str, organization: str) -> bool:
    return domain == organization or domain.endswith(f".{organization}")
