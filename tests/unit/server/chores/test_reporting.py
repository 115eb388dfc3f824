"""Our reports are sent once a day, to those who want them."""

import asyncio
import email
import email.message
import gzip
import json
from dataclasses import replace as changed
from email.policy import default
from typing import Any

import pytest
from msgspec.structs import replace

from pillarbox.admin import dkim
from pillarbox.config.sections.reports import Reports
from pillarbox.dns import Failure, Kind, Outcome
from pillarbox.reports import counting, observed, received, sent
from pillarbox.reports.counting import DAY_S
from pillarbox.reports.kind import ReportKind
from pillarbox.reports.observed import Observation
from pillarbox.server.chores import BackgroundWork
from pillarbox.server.chores.reporting import MAX_AGE_DAYS, RETRY_S, SPREAD_S, DailyReports
from pillarbox.trust.dmarc_report import AggregateReport, ReportRow, read_report
from pillarbox.trust.questions import FetchFailed, Page
from pillarbox.trust.results import Result
from pillarbox.trust.tls_report import ReportedPolicy, SessionCount
from pillarbox.trust.tls_result import TlsResult
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.signed_mail import ed25519_key, verified
from tests.kit.smtp.relay import CONFIG, NOW_MS, RelayProvider, run_with_relay

DAY = NOW_MS // 1000 // DAY_S
TO_MORNING_S = (DAY + 1) * DAY_S - NOW_MS // 1000 + SPREAD_S
ROW = ReportRow("192.0.2.1", "two.example", "none", "fail", "fail", count=1)
RECORD = "v=DMARC1; p=none; rua=mailto:dmarc@two.example"
FAILED = SessionCount(
    ReportedPolicy("sts", "two.example"), 2, TlsResult.CERTIFICATE_EXPIRED, "", "mx.two.example", "192.0.2.1"
)
URL = "https://reports.two.example/tls"


class Names(ZoneResolver):
    """Names of which some cannot be found out."""

    def __init__(self) -> None:
        super().__init__(("example",), {}, outside=Failure("no network"))
        self.failing: set[str] = set()

    def known(self, name: str, kind: Kind) -> Outcome[Any]:
        return Failure("timeout") if name in self.failing else super().said(name, kind)


async def rest(_: float | None = None) -> None:
    """Others come first."""


async def prepared(
    provider: RelayProvider, record: str = RECORD, *, rua: str = "", keys: bool = True
) -> None:
    """Count a message, if there is a policy record, and sessions, if reports about TLS are wanted."""
    provider.resolver.put("_dmarc.two.example", Kind.TXT, record.encode())
    if keys:
        await provider.database.write(dkim.add, "one.example", [ed25519_key().key], now_ms=NOW_MS)
        for key in provider.database.read_now(dkim.listing):
            provider.resolver.put(key.name, Kind.TXT, key.text.encode())
    if rua:
        provider.resolver.put("_smtp._tls.two.example", Kind.TXT, f"v=TLSRPTv1; rua={rua}".encode())
        await provider.database.write(observed.count_sessions, [FAILED], now_ms=NOW_MS)
    else:
        seen = Observation("two.example", record, ROW)
        for _ in range(2):
            await provider.database.write(observed.count_message, seen, now_ms=NOW_MS)


async def sent_by(
    provider: RelayProvider, reports: DailyReports | None = None
) -> list[email.message.EmailMessage]:
    """The messages that are queued after a run of the chore."""
    await (reports or DailyReports(CONFIG)).run(provider.world, rest)
    found = provider.rows("SELECT m.blob FROM queue_messages m ORDER BY m.id")
    return [
        email.message_from_bytes(provider.database.read_now(provider.blobs.read, digest), policy=default)
        for (digest,) in found
    ]


def left(provider: RelayProvider) -> list[str]:
    return [one.domain for one in provider.database.read_now(counting.before, 2**40, limit=9)]


def run(test: Any) -> None:
    run_with_relay(test, resolver=Names())


@pytest.mark.rfc("9990 §3.5.2", "MUST")
def test_a_report_on_dmarc_is_mailed_once_and_signed() -> None:
    async def test(provider: RelayProvider) -> None:
        await prepared(provider)
        assert not await sent_by(provider), "the day is not over"
        await provider.clock.advance(TO_MORNING_S)
        reports = DailyReports(CONFIG)
        (message,) = await sent_by(provider, reports)
        assert message["From"] == "postmaster@one.example"
        assert message["To"] == "dmarc@two.example"
        assert str(message["Subject"]).startswith(
            "Report Domain: two.example Submitter: one.example Report-ID: <"
        )
        (attached,) = message.iter_attachments()
        assert attached.get_content_type() == "application/gzip"
        assert (
            attached.get_filename() == f"one.example!two.example!{DAY * DAY_S}!{(DAY + 1) * DAY_S - 1}.xml.gz"
        )
        report = read_report(attached.get_content())
        assert isinstance(report, AggregateReport)
        assert report.rows == (replace(ROW, count=2),)
        assert report.report_id in message["Subject"]
        assert (report.policy.domain, report.policy.policy) == ("two.example", "none")
        ((path, notify),) = provider.rows(
            "SELECT reverse_path, notify FROM queue_messages m JOIN queue_recipients r ON r.message = m.id"
        )
        assert (path, notify) == (None, "NEVER")
        assert not left(provider)
        assert len(await sent_by(provider, reports)) == 1, "once"
        (remembered,) = provider.database.read_now(sent.listing, limit=9)
        assert (remembered.kind, remembered.recipients, remembered.total) == ("dmarc", "dmarc@two.example", 2)

    run(test)


@pytest.mark.rfc("8460 §5.3", "MUST")
def test_a_report_on_tls_is_mailed_and_ignores_the_failure_it_tells_of() -> None:
    async def test(provider: RelayProvider) -> None:
        await prepared(provider, rua="mailto:tls@two.example")
        await provider.clock.advance(TO_MORNING_S)
        (message,) = await sent_by(provider)
        assert message.get_content_type() == "multipart/report"
        assert message.get_param("report-type") == "tlsrpt"
        assert message["TLS-Required"] == "No"
        assert (message["TLS-Report-Domain"], message["TLS-Report-Submitter"]) == (
            "two.example",
            "one.example",
        )
        (attached,) = message.iter_attachments()
        assert attached.get_content_type() == "application/tlsrpt+gzip"
        report = json.loads(gzip.decompress(attached.get_content()))
        (policy,) = report["policies"]
        assert policy["summary"] == {"total-successful-session-count": 0, "total-failure-session-count": 2}
        (digest,) = provider.rows("SELECT blob FROM queue_messages")[0]
        octets = provider.database.read_now(provider.blobs.read, digest)
        (key,) = provider.database.read_now(dkim.listing)
        for services in ("", "; s=email:tlsrpt", "; s=tlsrpt"):
            record = f"{key.text}{services}".encode()
            now_s = provider.clock.now_ms() // 1000
            (outcome,) = verified(octets, {(key.name, Kind.TXT): [record]}, received_s=now_s)
            assert (outcome.result, outcome.domain) == (Result.PASS, "one.example")
        assert {"tls-report-domain", "tls-report-submitter"} <= set(outcome.signed_names)

    run(test)


@pytest.mark.rfc("8460 §5.4", "MUST")
@pytest.mark.parametrize("addresses", ["", ",mailto:tls@two.example"])
def test_a_report_on_tls_is_posted(addresses: str) -> None:
    async def test(provider: RelayProvider) -> None:
        provider.fetcher.put(URL, Page("text/plain", b""))
        await prepared(provider, rua=URL + addresses)
        await provider.clock.advance(TO_MORNING_S)
        assert len(await sent_by(provider)) == bool(addresses)
        (posted,) = provider.fetcher.posted
        assert (posted.url, posted.media_type) == (URL, "application/tlsrpt+gzip")
        assert json.loads(gzip.decompress(posted.octets))["organization-name"] == "one.example"
        assert not left(provider)

    run(test)


def test_what_a_web_server_does_not_take_is_tried_again_and_given_up_at_last() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.fetcher.put(URL, FetchFailed("refused", "connect"))
        await prepared(provider, rua=URL)
        await provider.clock.advance(TO_MORNING_S)
        reports = DailyReports(CONFIG)
        await sent_by(provider, reports)
        await sent_by(provider, reports)
        assert len(provider.fetcher.posted) == 1
        await provider.clock.advance(RETRY_S)
        await sent_by(provider, reports)
        assert len(provider.fetcher.posted) == 2
        await provider.clock.advance(MAX_AGE_DAYS * DAY_S)
        await sent_by(provider, reports)
        assert len(provider.fetcher.posted) == 2
        assert not left(provider)

    run(test)


@pytest.mark.parametrize("failing", [True, False])
def test_who_wants_no_report_on_tls_gets_none(failing: bool) -> None:
    async def test(provider: RelayProvider) -> None:
        await prepared(provider, rua="mailto:tls@two.example")
        assert isinstance(provider.resolver, Names)
        if failing:
            provider.resolver.failing.add("_smtp._tls.two.example")
        else:
            provider.resolver.put("_smtp._tls.two.example", Kind.TXT, b"v=spf1")
        await provider.clock.advance(TO_MORNING_S)
        assert not await sent_by(provider)
        assert bool(left(provider)) == failing

    run(test)


@pytest.mark.parametrize(
    ("targets", "to"),
    [
        ("mailto:r@three.example", []),
        ("mailto:r@four.example", ["r@four.example"]),
        ("mailto:r@[192.0.2.1]", []),
        ("mailto:a@two.example!1k,mailto:b@two.example!10", ["a@two.example"]),
        ("mailto:a@two.example,mailto:b@sub.two.example", ["a@two.example", "b@sub.two.example"]),
    ],
)
def test_only_those_who_have_agreed_get_a_report_that_is_not_too_large(targets: str, to: list[str]) -> None:
    async def test(provider: RelayProvider) -> None:
        provider.resolver.put("two.example._report._dmarc.four.example", Kind.TXT, b"v=DMARC1")
        await prepared(provider, f"v=DMARC1; p=none; rua={targets}")
        await provider.clock.advance(TO_MORNING_S)
        assert [message["To"] for message in await sent_by(provider)] == to
        assert not left(provider)

    run(test)


def test_nothing_is_sent_without_a_key_or_where_that_is_not_wanted() -> None:
    async def test(provider: RelayProvider) -> None:
        await prepared(provider, keys=False)
        await provider.clock.advance(TO_MORNING_S)
        assert not await sent_by(provider)
        assert left(provider) == ["two.example"]
        off = DailyReports(changed(CONFIG, reports=Reports(send=False)))
        assert not await sent_by(provider, off)
        assert not left(provider)

    run(test)


def test_a_report_for_ourselves_is_delivered_and_kept() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.resolver.put("two.example._report._dmarc.one.example", Kind.TXT, b"v=DMARC1")
        await prepared(provider, "v=DMARC1; p=none; rua=mailto:anna@one.example")
        await provider.clock.advance(TO_MORNING_S)
        assert not await sent_by(provider)
        (message,) = provider.inbox()
        assert message["Return-Path"] == "<>"
        (kept,) = provider.database.read_now(received.listing, limit=9)
        assert (kept.kind, kept.submitter, kept.total) == (ReportKind.DMARC, "one.example", 2)

    run(test)


def test_a_worker_sends_reports_as_it_is_configured_at_that_time() -> None:
    async def test(provider: RelayProvider) -> None:
        await prepared(provider)
        await provider.clock.advance(TO_MORNING_S)
        work = BackgroundWork(provider.world, changed(CONFIG, reports=Reports(send=False)), lambda: True)
        work.reconfigure(CONFIG)
        work.start()
        for _ in range(100):
            await provider.pass_(1)
            if not left(provider):
                break
            await asyncio.sleep(0.01)  # files are packed in threads
        await work.stop()
        assert len(provider.database.read_now(sent.listing, limit=9)) == 1

    run(test)
