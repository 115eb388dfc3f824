"""Reports about the TLS of deliveries (RFC 8460): who wants them, ours from counted sessions, and those of others.

record.py     who wants reports
writing.py    a report as JSON, from counted sessions
reading.py    a report of somebody else, as tolerantly as such reports need
"""

from pillarbox.trust.report_file import Unreadable
from pillarbox.trust.tls_report.reading import FailureDetail, PolicyReport, TlsReport, read_report
from pillarbox.trust.tls_report.record import ReportTargets, read_report_record
from pillarbox.trust.tls_report.writing import (
    ReportedPolicy,
    ReportHead,
    SessionCount,
    file_name,
    report_json,
    reported_policy,
    subject,
)

__all__ = [
    "FailureDetail",
    "PolicyReport",
    "ReportHead",
    "ReportTargets",
    "ReportedPolicy",
    "SessionCount",
    "TlsReport",
    "Unreadable",
    "file_name",
    "read_report",
    "read_report_record",
    "report_json",
    "reported_policy",
    "subject",
]
