"""`pillarbox reports`: what others report about authentication and TLS, and what was reported to them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pillarbox.app.commands.amounts import LARGEST_ID, moment
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pillarbox.reports.received import ListedReport

_LIMIT = click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help="List at most so many reports, the newest.",
)


@click.group("reports")
def command() -> None:
    """Show reports about authentication (DMARC) and TLS, and complaints.

    Reports of others are read when they come by mail to the postmaster of a domain, to abuse, or to addresses such as
    dmarc-reports and tls-reports. Reports of ours are sent once a day, to domains that ask for them.
    """


@command.command("list")
@click.argument("domain", required=False, default="")
@click.option(
    "--kind",
    type=click.Choice(("dmarc", "tls", "feedback", "unreadable")),
    default=None,
    help="Only reports of this kind.",
)
@_LIMIT
@on_installation
def list_reports(installation: Installation, domain: str, kind: str | None, limit: int) -> None:
    """List reports of others, about all domains or about one."""
    from pillarbox.admin import reports

    found = installation.read(reports.listing, domain, kind or "", limit=limit)
    heads = ("ID", "KIND", "DOMAIN", "FROM", "BY", "TOTAL", "FAILED", "NOTE")
    rows = (
        (one.id, one.kind.value, one.domain, _day(one.start_s), _by(one), one.total, one.failed, _note(one))
        for one in found
    )
    installation.show(
        found, f"{table(heads, rows)}\n\n{counted(len(found), 'report')}." if found else "No reports."
    )


@command.command("sent")
@click.argument("domain", required=False, default="")
@_LIMIT
@on_installation
def list_sent(installation: Installation, domain: str, limit: int) -> None:
    """List reports that were sent, to all domains or to one."""
    from pillarbox.admin import reports

    found = installation.read(reports.sent_listing, domain, limit=limit)
    heads = ("SENT", "KIND", "DOMAIN", "ABOUT", "TOTAL", "TO")
    rows = (
        (
            moment(one.sent_at_ms),
            one.kind.value,
            one.domain,
            _day(one.start_s),
            one.total,
            " ".join(one.recipients),
        )
        for one in found
    )
    installation.show(
        found, f"{table(heads, rows)}\n\n{counted(len(found), 'report')}." if found else "No reports."
    )


@command.command("show")
@click.argument("number", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@on_installation
def show(installation: Installation, number: int) -> None:
    """Show one report of somebody else."""
    from pillarbox.admin import reports

    try:
        found = installation.read(reports.details, number)
    except reports.NoSuchReport as missing:
        raise CommandFailed(str(missing)) from None
    report = found.report
    head = (
        f"Report {report.id} ({report.kind.value}) about {report.domain or 'no domain'}",
        f"By:       {_by(report)}{'' if report.authenticated else ' (not authenticated)'}",
        f"Name:     {report.organization}",
        f"Its ID:   {report.report_id}",
        f"From, to: {_time(report.start_s)}, {_time(report.end_s)}",
        f"Total:    {report.total}, of which {report.failed} failed",
        *((f"Problem:  {report.problem}",) if report.problem else ()),
    )
    installation.show(
        found, "\n".join((*head, "", *(line for row in found.rows for line in _lines(row)))).rstrip()
    )


@command.command("domain")
@click.argument("domain")
@click.option(
    "--days", type=click.IntRange(1, 400), default=30, show_default=True, help="Look at so many days."
)
@on_installation
def about_domain(installation: Installation, domain: str, days: int) -> None:
    """Show who sends in the name of DOMAIN, and how TLS to it went, as others report."""
    from pillarbox.admin import reports

    found = installation.read(reports.about, domain, days=days, now_ms=installation.now_ms)
    heads = ("SOURCE", "MESSAGES", "FAILED", "REFUSED", "REPORTED BY")
    rows = (
        (one.source_ip, one.total, one.failed, one.refused, " ".join(one.reporters)) for one in found.sources
    )
    text = table(heads, rows) if found.sources else f"Nobody has reported mail of {found.domain}."
    wrong = "".join(f"\n  {name}: {count}" for name, count in sorted(found.failures.items()))
    tls = f"Sessions with TLS: {found.sessions}, of which {found.failed_sessions} failed.{wrong}"
    installation.show(found, f"{text}\n\n{tls}")


def _lines(row: dict[str, Any]) -> "Iterator[str]":
    """A row as it came: its values that are told, one a line."""
    for name, value in row.items():
        if isinstance(value, list):
            for one in value:
                told = " ".join(f"{k}={v}" for k, v in one.items() if v) if isinstance(one, dict) else one
                yield f"  {name}: {told}"
        elif value not in ("", None):
            yield f"  {name}: {value}"
    yield ""


def _by(report: "ListedReport") -> str:
    return report.submitter or "unknown"


def _note(report: "ListedReport") -> str:
    return report.problem or ("" if report.authenticated else "not authenticated")


def _day(at_s: int) -> str:
    return _time(at_s)[:10]


def _time(at_s: int) -> str:
    # What others write may be any number
    return datetime.fromtimestamp(min(at_s, 253_402_300_799), UTC).strftime("%Y-%m-%d %H:%M:%S")
