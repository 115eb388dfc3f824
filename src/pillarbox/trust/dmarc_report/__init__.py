"""DMARC aggregate reports (RFC 9990, read as draft-ietf-dmarc-aggregate-reporting-32).

report.py        a report as values
writing.py       as XML
reading.py       one of somebody else
observation.py   what one says of a message that was judged
destinations.py  where one may be sent
"""

from pillarbox.trust.dmarc_report.destinations import Destination, destinations
from pillarbox.trust.dmarc_report.reading import read_report
from pillarbox.trust.dmarc_report.report import AggregateReport, PublishedPolicy, ReportRow, SignatureResult
from pillarbox.trust.dmarc_report.writing import file_name, report_xml, subject

__all__ = [
    "AggregateReport",
    "Destination",
    "PublishedPolicy",
    "ReportRow",
    "SignatureResult",
    "destinations",
    "file_name",
    "read_report",
    "report_xml",
    "subject",
]
