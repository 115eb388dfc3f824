"""A DMARC aggregate report as values (RFC 9990 §3.1.1); ours and those of others."""

from typing import Final

from msgspec import Struct

MAX_TEXT: Final = 1000
"""Characters of a text that are kept."""


class SignatureResult(Struct, frozen=True, gc=False):
    """What was found of one DKIM signature."""

    domain: str
    selector: str
    result: str
    reason: str = ""


class ReportRow(Struct, frozen=True):
    """So many messages that were judged alike. Texts are empty where they are not told; others' may be any text."""

    source_ip: str
    header_from: str
    disposition: str
    """`none`, `pass`, `quarantine` or `reject`."""
    dkim: str
    """Whether an aligned signature passed: `pass` or `fail`."""
    spf: str
    envelope_from: str = ""
    envelope_to: str = ""
    override: str = ""
    """Why the disposition is not what the policy asks for."""
    comment: str = ""
    signatures: tuple[SignatureResult, ...] = ()
    spf_domain: str = ""
    spf_result: str = ""
    count: int = 1


class PublishedPolicy(Struct, frozen=True, gc=False):
    """The policy record that was found."""

    domain: str
    """Where it stands."""
    policy: str = ""
    subdomain_policy: str = ""
    nonexistent_policy: str = ""
    dkim_alignment: str = ""
    """`r` or `s`."""
    spf_alignment: str = ""
    failure_options: str = ""
    testing: str = ""
    """`y` or `n`."""


class AggregateReport(Struct, frozen=True):
    """A report."""

    organization: str
    contact: str
    report_id: str
    start_s: int
    """UNIX seconds, as `end_s`."""
    end_s: int
    policy: PublishedPolicy
    rows: tuple[ReportRow, ...]
    error: str = ""
    skipped_rows: int = 0
    """Rows that could not be read; one more stands for all that were too many."""

    @property
    def submitter(self) -> str:
        """The reporting domain."""
        return self.contact.rpartition("@")[2]
