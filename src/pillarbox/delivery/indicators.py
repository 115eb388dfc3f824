"""The images that senders ask to be shown beside their mail (BIMI), and the results that messages get of them.

No message waits for an image, and no sender learns from it what is read here: an image is fetched once a day for an
organization at most, in the background, by whichever of its messages is the first; that one has no result, the next
ones have. What was fetched is kept by this process, up to a limit.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.delivery.asker import Asker
from pillarbox.mail.header import Header
from pillarbox.trust import bimi
from pillarbox.trust.bimi import Bimi
from pillarbox.trust.dkim import SignatureOutcome
from pillarbox.trust.dmarc.evaluation import Evaluation
from pillarbox.trust.questions import Asking, Fetch, FetchFailed, Page
from pillarbox.trust.results import Result
from pillarbox.world.world import World

LOOKUP_S: Final = 2.0
"""How long a message may wait for the DNS: it has passed, and this is an ornament."""
KEPT_S: Final = 24 * 3600.0
"""How long an image, or a failure to fetch it, is kept; and between two fetches for one organization."""
MAX_KEPT: Final = 1_000
"""Organizations whose images are kept."""
MAX_KEPT_OCTETS: Final = 4 * 1024 * 1024
"""Of all images that are kept."""
MAX_FETCHES: Final = 4
"""At once; a message that would need one more has no result."""


class _Kept(Struct, frozen=True, gc=False):
    """What was fetched for an organization."""

    url: str
    page: Page | FetchFailed | None
    """None while it is being fetched."""
    until_s: float

    @property
    def octets(self) -> int:
        return len(self.page.octets) if isinstance(self.page, Page) else 0


class Indicators:
    """Made once per process."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asker = Asker(world, within_s=LOOKUP_S)
        self._kept = OrderedDict[str, _Kept]()
        """By organization, the one that was fetched longest ago first."""
        self._octets = 0
        self._fetching = set[asyncio.Task[None]]()

    async def of(
        self, header: Header, dmarc: Evaluation, signatures: Sequence[SignatureOutcome]
    ) -> Bimi | None:
        """What BIMI says of a message; None where it does not apply (§7.1 of the draft), or nothing is known yet."""
        if dmarc.result is not Result.PASS or not dmarc.organizational_domain:
            return None
        signed = any(
            each.result is Result.PASS
            and "bimi-selector" in each.signed_names
            and _within(each.domain, dmarc.organizational_domain)
            for each in signatures
        )
        sender = bimi.sender(header, dmarc, selector_is_signed=signed)
        # No authority of mark certificates is believed here, so that none is fetched
        asking = bimi.evaluate(sender, (), self._world.clock.now_ms() // 1000)
        found = await self._asker.answer(
            self._from_kept(asking, dmarc.organizational_domain), ends=self._asker.deadline()
        )
        return None if found is None or found.described.result is Result.SKIPPED else found

    def _from_kept(self, asking: Asking[Bimi], organization: str) -> Asking[Bimi | None]:
        """The same check, without a question to the web."""
        answer = None
        try:
            while True:
                question = asking.send(answer)
                if not isinstance(question, Fetch):
                    answer = yield question
                    continue
                answer = self._page(question, organization)
                if answer is None:
                    asking.close()
                    return None
        except StopIteration as stop:
            found: Bimi = stop.value
            return found

    def _page(self, wanted: Fetch, organization: str) -> Page | FetchFailed | None:
        """What is kept; if nothing is, it is fetched for the next message."""
        kept, now_s = self._kept.get(organization), self._world.clock.monotonic()
        if kept and now_s < kept.until_s:
            # Another image for each of its senders, or of our people, would tell a domain who gets its mail
            return kept.page if kept.url == wanted.url else None
        if len(self._fetching) < MAX_FETCHES:
            self._keep(organization, _Kept(wanted.url, None, now_s + KEPT_S))
            task = asyncio.get_running_loop().create_task(self._fetch(wanted, organization))
            self._fetching.add(task)
            task.add_done_callback(self._fetching.discard)
        return None

    async def _fetch(self, wanted: Fetch, organization: str) -> None:
        page = await self._world.fetcher.fetch(
            wanted.url,
            max_octets=wanted.max_octets,
            timeout_s=wanted.timeout_s,
            max_redirects=wanted.max_redirects,
        )
        self._keep(organization, _Kept(wanted.url, page, self._world.clock.monotonic() + KEPT_S))

    def _keep(self, organization: str, kept: _Kept) -> None:
        self._forget(organization)
        self._kept[organization] = kept
        self._octets += kept.octets
        while len(self._kept) > MAX_KEPT or self._octets > MAX_KEPT_OCTETS:
            self._forget(next(iter(self._kept)))

    def _forget(self, organization: str) -> None:
        gone = self._kept.pop(organization, None)
        if gone:
            self._octets -= gone.octets


def _within(domain: str, organization: str) -> bool:
    return domain == organization or domain.endswith(f".{organization}")
