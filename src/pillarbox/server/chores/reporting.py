"""The chore that sends our reports once a day, to each domain at a time of its own in the hours after midnight (UTC).

What was counted is forgotten in the transaction that queues the report (`delivery.reporting`). A domain that wants
none, or whose addresses have not agreed, gets none; what cannot be found out, or delivered to a web server, is tried
again each hour until it is `MAX_AGE_DAYS` old.
"""

import asyncio
import gzip
from hashlib import sha256
from typing import Final

from pillarbox import __version__
from pillarbox.config.schema import Config
from pillarbox.delivery import reporting
from pillarbox.delivery.asking import answered
from pillarbox.delivery.reporting import Mailing, NotSigned
from pillarbox.dns import Answer, Failure, Kind
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.report_message import ReportMessage, compose
from pillarbox.reports import counting, observed, received
from pillarbox.reports.counting import DAY_S, Counted
from pillarbox.reports.kind import ReportKind
from pillarbox.server.chores.indexing import Rest
from pillarbox.trust import dmarc, dmarc_report, tls_report
from pillarbox.trust.dmarc_report import AggregateReport
from pillarbox.trust.dmarc_report.observation import published
from pillarbox.trust.questions import look_up
from pillarbox.trust.report_file import Unreadable
from pillarbox.trust.tls_report import ReportHead
from pillarbox.web import FetchFailed
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

SPREAD_S: Final = 4 * 3600
"""Reports of one day leave within so long, so that receivers do not get those of all servers at once."""
PAGE: Final = 200
REPORTS_EVERY_S: Final = 60.0
"""From one run of the chore to the next."""
REPORTS_AT_ONCE: Final = 100
"""Reports of one run of the chore."""
RETRY_S: Final = 3600
MAX_AGE_DAYS: Final = 2
LOOKUPS_S: Final = 30.0
POST_S: Final = 60.0
MAX_ANSWER_OCTETS: Final = 64 * 1024
MAX_TARGETS: Final = 5
"""Addresses and URLs to which one report about TLS is sent."""
GENERATOR: Final = f"Pillarbox {__version__}"

_GZIP: Final = "application/gzip"
_TLSRPT: Final = "application/tlsrpt+gzip"


class DailyReports:
    """Made once per process; `run` is the chore."""

    def __init__(self, config: Config) -> None:
        self.config = config
        """May be replaced when the configuration is read again."""
        self._not_before_s: dict[Counted, float] = {}
        """What could not be sent, and when it may be tried again, in UNIX seconds."""

    async def run(self, world: World, rest: Rest) -> bool:
        """Send what is due; return whether there is more."""
        now_s = world.clock.now_ms() // 1000
        tried, after = 0, ("", "", 0)
        while page := await world.database.read(counting.before, now_s // DAY_S, limit=PAGE, after=after):
            after = (page[-1].kind, page[-1].domain, page[-1].day)
            for counted in page:
                if not self._is_due(counted, now_s):
                    continue
                await self._report(world, counted, now_s)
                tried += 1
                if tried >= REPORTS_AT_ONCE:
                    return True
                await rest()
        return False

    def _is_due(self, counted: Counted, now_s: int) -> bool:
        digest = sha256(f"{self.config.hostname} {counted.domain}".encode()).digest()
        offset = int.from_bytes(digest[:4], "big") % SPREAD_S
        ready = (counted.day + 1) * DAY_S + offset <= now_s
        return ready and self._not_before_s.get(counted, 0.0) <= now_s

    async def _report(self, world: World, counted: Counted, now_s: int) -> None:
        mailing: Mailing | None = None
        old = now_s // DAY_S - counted.day > MAX_AGE_DAYS
        if self.config.reports.send and not old:
            make = self._about_dmarc if counted.kind is ReportKind.DMARC else self._about_tls
            mailing = await make(world, counted)
            if mailing is None:
                self._later(counted, now_s)
                return
        self._not_before_s.pop(counted, None)
        if mailing is None or not (mailing.messages or mailing.elsewhere):
            await world.database.write(counting.forget, counted)
            return
        try:
            done = await world.database.write_in_thread(
                reporting.send, counted, mailing, now_ms=world.clock.now_ms()
            )
        except NotSigned:
            world.telemetry.warning("report not sent: no signing key", domain=mailing.domain)
            self._later(counted, now_s)
            return
        if done:
            to = " ".join((*mailing.elsewhere, *(str(address) for address, _ in mailing.messages)))
            world.telemetry.event("report sent", about=counted.kind.value, domain=counted.domain, to=to)

    def _later(self, counted: Counted, now_s: int) -> None:
        if len(self._not_before_s) >= 10 * PAGE:
            self._not_before_s.clear()
        self._not_before_s[counted] = now_s + RETRY_S

    # --- DMARC

    async def _about_dmarc(self, world: World, counted: Counted) -> Mailing | None:
        record = dmarc.parse(counted.record.encode())
        rows = await world.database.read(observed.messages, counted)
        report = AggregateReport(
            organization=self.config.domain,
            contact=self._contact,
            report_id=f"{_name(counted)}@{self.config.domain}",
            start_s=counted.day * DAY_S,
            end_s=(counted.day + 1) * DAY_S - 1,
            policy=published(counted.domain, counted.record),
            rows=rows,
        )
        mailing = Mailing(self.config.domain, report.report_id, sum(row.count for row in rows), ())
        if record is None or not rows:
            return mailing
        asking = dmarc_report.destinations(counted.domain, record)
        found = await answered(asking, world.resolver, world.fetcher, world.clock, within_s=LOOKUPS_S)
        if not found:
            return mailing
        octets = await asyncio.to_thread(_compressed_xml, report)
        messages = []
        for one in found:
            if one.max_octets is not None and len(octets) > one.max_octets:
                world.telemetry.warning("report too large", domain=counted.domain, to=one.address)
                continue
            address = _address(one.address)
            if address:
                message = self._message(world, address, report, octets)
                messages.append((address, compose(message)))
        kept = received.to_keep(report, self.config.domain, authenticated=True, now_ms=world.clock.now_ms())
        return Mailing(mailing.domain, mailing.report_id, mailing.total, tuple(messages), kept=kept)

    def _message(
        self, world: World, address: Address, report: AggregateReport, octets: bytes
    ) -> ReportMessage:
        domain = report.policy.domain
        return ReportMessage(
            sender=self._contact,
            to=str(address),
            subject=dmarc_report.subject(report),
            text=f"This is an aggregate report about mail that claims to be from {domain} (DMARC).",
            file_name=dmarc_report.file_name(report),
            media_type=_GZIP,
            octets=octets,
            identity=nonce(world.entropy),
            now_ms=world.clock.now_ms(),
        )

    # --- TLS

    async def _about_tls(self, world: World, counted: Counted) -> Mailing | None:
        asking = look_up(f"_smtp._tls.{counted.domain}", Kind.TXT)
        outcome = await answered(asking, world.resolver, world.fetcher, world.clock, within_s=LOOKUPS_S)
        if isinstance(outcome, Failure):
            return None
        targets = tls_report.read_report_record(outcome.records if isinstance(outcome, Answer) else ())
        sessions = await world.database.read(observed.sessions, counted)
        head = ReportHead(
            organization=self.config.domain,
            contact=self._contact,
            report_id=_name(counted),
            start_s=counted.day * DAY_S,
            end_s=(counted.day + 1) * DAY_S - 1,
        )
        total = sum(one.count for one in sessions)
        if targets is None or not sessions:
            return Mailing(self.config.domain, head.report_id, total, ())
        text = await asyncio.to_thread(tls_report.report_json, head, sessions)
        octets = await asyncio.to_thread(gzip.compress, text, mtime=0)
        posted = [url for url in targets.urls[:MAX_TARGETS] if await _posted(world, url, octets)]
        addresses = list(filter(None, map(_address, targets.addresses[:MAX_TARGETS])))
        if not posted and not addresses:
            return None
        messages = tuple(
            (address, compose(self._tls_message(world, address, head, counted.domain, octets)))
            for address in addresses
        )
        read = tls_report.read_report(text)
        kept = None
        if not isinstance(read, Unreadable):
            kept = received.to_keep(read, self.config.domain, authenticated=True, now_ms=world.clock.now_ms())
        return Mailing(self.config.domain, head.report_id, total, messages, tuple(posted), kept)

    def _tls_message(
        self, world: World, address: Address, head: ReportHead, domain: str, octets: bytes
    ) -> ReportMessage:
        return ReportMessage(
            sender=self._contact,
            to=str(address),
            subject=tls_report.subject(head, domain),
            text=f"This is an aggregate report about the TLS of deliveries to {domain} (RFC 8460).",
            file_name=tls_report.file_name(head, domain),
            media_type=_TLSRPT,
            octets=octets,
            identity=nonce(world.entropy),
            now_ms=world.clock.now_ms(),
            report_type="tlsrpt",
            fields={
                "TLS-Report-Domain": f" {domain}",
                "TLS-Report-Submitter": f" {head.submitter}",
                # RFC 8460 §5.3: it is delivered despite the very failure that it tells of (RFC 8689 §3)
                "TLS-Required": " No",
            },
        )

    @property
    def _contact(self) -> str:
        return f"postmaster@{self.config.domain}"


async def _posted(world: World, url: str, octets: bytes) -> bool:
    """RFC 8460 §5.4: whether a web server took the report."""
    answer = await world.fetcher.post(
        url, octets, media_type=_TLSRPT, max_octets=MAX_ANSWER_OCTETS, timeout_s=POST_S
    )
    if isinstance(answer, FetchFailed):
        world.telemetry.warning("report not taken", to=url, why=answer.reason)
        return False
    return True


def _compressed_xml(report: AggregateReport) -> bytes:
    """In a thread. The same report is the same file, so that one that comes again is known."""
    return gzip.compress(dmarc_report.report_xml(report, GENERATOR), mtime=0)


def _name(counted: Counted) -> str:
    """Names a report, among those about a domain."""
    return f"{counted.day}.{counted.domain}"


def _address(text: str) -> Address | None:
    try:
        address = Address.parse(text).with_ascii_domain()
    except InvalidAddress:
        return None
    # Who names an address of a machine could have us connect to our own network
    return None if address.domain.startswith("[") or not str(address).isascii() else address
