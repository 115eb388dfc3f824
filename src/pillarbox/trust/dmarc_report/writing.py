"""A report as XML, and its names (RFC 9990 §3.1.1, §3.5.2; the schema is in appendix A)."""

from collections.abc import Iterator

from pillarbox.trust.dmarc_report.report import MAX_TEXT, AggregateReport, PublishedPolicy, ReportRow

NAMESPACE = "urn:ietf:params:xml:ns:dmarc-2.0"


def report_xml(report: AggregateReport, generator: str = "") -> bytes:
    """The report, in UTF-8. `generator`: name and version of the program."""
    return "".join(_lines(report, generator)).encode()


def file_name(report: AggregateReport) -> str:
    """The name of the compressed report (RFC 9990 §3.5.2)."""
    return f"{report.submitter}!{report.policy.domain}!{report.start_s}!{report.end_s}.xml.gz"


def subject(report: AggregateReport) -> str:
    """The subject of the message that carries it (RFC 9990 §3.5.2)."""
    return (
        f"Report Domain: {report.policy.domain} Submitter: {report.submitter} Report-ID: <{report.report_id}>"
    )


def _lines(report: AggregateReport, generator: str) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<feedback xmlns="{NAMESPACE}">\n<version>1.0</version>\n'
    yield "<report_metadata>\n"
    yield _element("org_name", report.organization)
    yield _element("email", report.contact)
    yield _element("report_id", report.report_id)
    yield f"<date_range><begin>{report.start_s}</begin><end>{report.end_s}</end></date_range>\n"
    yield _told("error", report.error)
    yield _told("generator", generator)
    yield "</report_metadata>\n"
    yield from _policy(report.policy)
    for row in report.rows:
        yield from _record(row)
    yield "</feedback>\n"


def _policy(policy: PublishedPolicy) -> Iterator[str]:
    yield "<policy_published>\n"
    yield _element("domain", policy.domain)
    yield _element("p", policy.policy or "none")
    yield _told("sp", policy.subdomain_policy)
    yield _told("np", policy.nonexistent_policy)
    yield _told("adkim", policy.dkim_alignment)
    yield _told("aspf", policy.spf_alignment)
    yield "<discovery_method>treewalk</discovery_method>\n"
    yield _told("fo", policy.failure_options)
    yield _told("testing", policy.testing)
    yield "</policy_published>\n"


def _record(row: ReportRow) -> Iterator[str]:
    yield "<record>\n<row>\n"
    yield _element("source_ip", row.source_ip)
    yield f"<count>{row.count}</count>\n<policy_evaluated>\n"
    yield _element("disposition", row.disposition)
    yield _element("dkim", row.dkim)
    yield _element("spf", row.spf)
    if row.override:
        yield f"<reason>{_element('type', row.override)}{_told('comment', row.comment)}</reason>\n"
    yield "</policy_evaluated>\n</row>\n<identifiers>\n"
    yield _element("header_from", row.header_from)
    # It may be there and empty, for a null reverse-path
    yield _element("envelope_from", row.envelope_from)
    yield _told("envelope_to", row.envelope_to)
    yield "</identifiers>\n<auth_results>\n"
    for one in row.signatures:
        yield "<dkim>\n"
        yield _element("domain", one.domain)
        yield _element("selector", one.selector)
        yield _element("result", one.result)
        yield f"{_told('human_result', one.reason)}</dkim>\n"
    if row.spf_domain:
        yield "<spf>\n"
        yield _element("domain", row.spf_domain)
        yield "<scope>mfrom</scope>\n"
        yield f"{_element('result', row.spf_result)}</spf>\n"
    yield "</auth_results>\n</record>\n"


def _told(name: str, text: str) -> str:
    return _element(name, text) if text else ""


def _element(name: str, text: str) -> str:
    return f"<{name}>{_escaped(text[:MAX_TEXT])}</{name}>\n"


def _escaped(text: str) -> str:
    if not text.isprintable():
        # XML 1.0 has no way to write most control characters
        text = "".join([letter if letter.isprintable() else "?" for letter in text])
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
