"""Mail that comes is counted for reports, and reports of others are kept."""

import asyncio
from typing import Any

import pytest

from pillarbox.config.sections.authentication import Authentication, FailedDmarc
from pillarbox.config.sections.reports import Reports
from pillarbox.delivery.envelope import Origin, Source
from pillarbox.delivery.reception.reports import WAIT_S, ReportFinder
from pillarbox.mail.address import Address
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.reports import counting, observed, received
from pillarbox.reports.kind import ReportKind
from pillarbox.server.pump.eager import drive
from pillarbox.trust.dmarc_report import ReportRow, SignatureResult, report_xml
from pillarbox.trust.tls_report import ReportHead, report_json
from tests.kit.signed_mail import rsa_key, signed, zone
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp
from tests.unit.server.smtp.test_authentication import MESSAGE, REJECT, publish, sent
from tests.unit.trust.test_dmarc_report import REPORT

RUA = "v=DMARC1; p=reject; rua=mailto:r@example.org"


def counted(provider: SmtpProvider) -> dict[str, tuple[ReportRow, ...]]:
    """What is to be reported, by domain."""

    def read(tx: Any) -> dict[str, tuple[ReportRow, ...]]:
        return {one.domain: observed.messages(tx, one) for one in counting.before(tx, 2**40, limit=9)}

    return provider.database.read_now(read)


def test_a_message_that_passes_is_counted() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 ip4:192.0.2.7 -all", dmarc=RUA)
        for _ in range(2):
            assert (await sent(provider, signed(MESSAGE, rsa_key()))).startswith("250")
        (row,) = counted(provider)["example.org"]
        (signature,) = row.signatures
        assert row == ReportRow(
            source_ip="192.0.2.7",
            header_from="example.org",
            disposition="pass",
            dkim="pass",
            spf="pass",
            envelope_from="example.org",
            signatures=(SignatureResult("example.org", signature.selector, "pass"),),
            spf_domain="example.org",
            spf_result="pass",
            count=2,
        )

    run_with_smtp(test)


@pytest.mark.rfc("9990 §3.1", "MUST")
@pytest.mark.parametrize(
    ("mode", "disposition", "override"),
    [
        (FailedDmarc.REJECT, "reject", ""),
        (FailedDmarc.QUARANTINE, "quarantine", "local_policy"),
        (FailedDmarc.MARK, "none", "local_policy"),
    ],
)
def test_a_forgery_is_counted_also_where_it_is_refused(
    mode: FailedDmarc, disposition: str, override: str
) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 -all", dmarc=RUA)
        answered = await sent(provider, MESSAGE, authentication=Authentication(dmarc=mode))
        assert answered.startswith("550") == (mode is FailedDmarc.REJECT)
        (row,) = counted(provider)["example.org"]
        assert (row.dkim, row.spf, row.spf_result, row.count) == ("fail", "fail", "fail", 1)
        assert (row.disposition, row.override) == (disposition, override)

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("dmarc", "options"),
    [
        ("v=DMARC1; p=reject", {}),
        ("", {}),
        (RUA, {"reports": Reports(send=False)}),
    ],
)
def test_who_asks_for_nothing_is_not_counted(dmarc: str, options: dict[str, Any]) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 ip4:192.0.2.7 -all", dmarc=dmarc)
        assert (await sent(provider, MESSAGE, **options)).startswith("250")
        assert not counted(provider)

    run_with_smtp(test)


def test_what_is_deferred_is_counted_when_it_comes_again() -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 include:silent.test -all", dmarc=RUA, keys=False)
        assert (await sent(provider, MESSAGE, **REJECT)).startswith("451")
        assert not counted(provider)

    run_with_smtp(test)


# --- reports of others


def _report(attached: bytes) -> bytes:
    return (
        MESSAGE.partition(b"Subject")[0]
        + b"Subject: Report Domain: one.example\r\nContent-Type: text/xml\r\n\r\n"
        + attached.replace(b"\n", b"\r\n")
    )


async def reported(provider: SmtpProvider, message: bytes, to: str = "postmaster", **options: Any) -> str:
    client = provider.client(Role.MX, **options)
    await client.greet()
    await client.codes("MAIL FROM:<joe@example.org>", f"RCPT TO:<{to}@one.example>", "DATA")
    return await client.say(message + b".\r\n")


@pytest.mark.parametrize(
    ("spf", "authenticated"), [("v=spf1 ip4:192.0.2.7 -all", True), ("v=spf1 ?all", False)]
)
def test_a_report_is_kept_and_not_reported_on(spf: str, authenticated: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf=spf, dmarc="v=DMARC1; p=none; rua=mailto:r@example.org")
        assert (await reported(provider, _report(report_xml(REPORT)))).startswith("250")
        (kept,) = provider.database.read_now(received.listing, limit=9)
        assert (kept.kind, kept.domain, kept.total) == (ReportKind.DMARC, "one.example", 4)
        assert (kept.submitter, kept.authenticated) == ("example.org", authenticated)
        assert not counted(provider)

    run_with_smtp(test)


TLS_REPORT = (
    b"From: tlsrpt@example.org\r\nTo: postmaster@one.example\r\nSubject: Report Domain: one.example\r\n"
    b"TLS-Report-Domain: one.example\r\nTLS-Report-Submitter: example.org\r\n"
    b'Content-Type: multipart/report; report-type="tlsrpt"; boundary="b"\r\n\r\n--b\r\n\r\nA report\r\n'
    b"--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n"
    + report_json(ReportHead("One", "tlsrpt@example.org", "1", 0, 86_399), [])
    + b"\r\n--b--\r\n"
)


@pytest.mark.rfc("8460 §3", "SHOULD")
@pytest.mark.parametrize(
    ("message", "taken"), [(TLS_REPORT, True), (TLS_REPORT.replace(b"TLS-Report", b"X-Report"), False)]
)
def test_a_key_for_reports_about_tls_authenticates_one(message: bytes, taken: bool) -> None:
    async def test(provider: SmtpProvider) -> None:
        publish(provider, spf="v=spf1 -all", dmarc="v=DMARC1; p=reject")
        ((name, (record,)),) = zone(rsa_key()).items()
        provider.resolver.put(*name, record + b"; s=tlsrpt")
        said = await reported(provider, signed(message, rsa_key()), **REJECT)
        kept = provider.database.read_now(received.listing, limit=9)
        assert said.startswith("250") is taken
        assert [(one.kind, one.authenticated) for one in kept] == [(ReportKind.TLS, True)] * taken

    run_with_smtp(test)


def test_a_bad_report_never_refuses_mail() -> None:
    async def test(provider: SmtpProvider) -> None:
        bomb = b'<!DOCTYPE x [<!ENTITY a "aa">]><feedback>&a;</feedback>\r\n'
        assert (await reported(provider, _report(bomb))).startswith("250")
        (kept,) = provider.database.read_now(received.listing, limit=9)
        assert (kept.kind, kept.problem) == (ReportKind.UNREADABLE, "document type declaration")

    run_with_smtp(test)


def test_other_addresses_get_no_reports() -> None:
    async def test(provider: SmtpProvider) -> None:
        assert (await reported(provider, _report(report_xml(REPORT)), "anna")).startswith("250")
        assert not provider.database.read_now(received.listing, limit=9)

    run_with_smtp(test)


def test_who_sends_much_to_read_holds_up_no_mail() -> None:
    async def test(provider: SmtpProvider) -> None:
        finder = ReportFinder(provider.world)
        await finder._turn.acquire()  # as while another report is read
        origin = Origin(source=Source.PUBLIC, service="test", protocol="TEST", client_name="host.example")
        to = [Address("postmaster", "one.example")]
        finding = asyncio.ensure_future(finder.find(_report(report_xml(REPORT)), origin, to, ()))
        await asyncio.sleep(0)
        await provider.clock.advance(WAIT_S + 1)
        assert await finding is None
        finder._turn.release()
        assert await finder.find(_report(report_xml(REPORT)), origin, to, ())

    run_with_smtp(test)


def test_a_report_is_read_where_its_message_never_had_to_wait() -> None:
    async def test(provider: SmtpProvider) -> None:
        finder = ReportFinder(provider.world)
        origin = Origin(source=Source.TRUSTED, service="test", protocol="TEST", client_name="host.example")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[object] = loop.create_future()

        async def handle() -> None:
            try:
                to = [Address("postmaster", "one.example")]
                found.set_result(await finder.find(_report(report_xml(REPORT)), origin, to, ()))
            except Exception as error:
                found.set_exception(error)

        loop.call_soon(lambda: drive(handle(), loop))  # as sessions are: until it waits, in no task
        assert await found

    run_with_smtp(test)
