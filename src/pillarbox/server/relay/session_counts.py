"""What a session says for reports about TLS (RFC 8460 §4): counted where a connection is made, once for each."""

from typing import Final

from pillarbox.queue.schedule import Job
from pillarbox.server.relay.host_finder import Host
from pillarbox.trust.mta_sts import KnownPolicy, Mode, StsPolicy
from pillarbox.trust.tls_policy import NOT_AS_DEMANDED, HostRefused, Level, TlsPolicy
from pillarbox.trust.tls_report import ReportedPolicy, SessionCount, reported_policy
from pillarbox.trust.tls_result import TlsResult

MAX_REASON: Final = 120
"""Characters: what servers say differs, and each text is a row."""


class SessionCounts:
    """The sessions of one job with the hosts of its destination."""

    def __init__(self) -> None:
        self.found: list[SessionCount] = []

    def not_fetched(self, known: KnownPolicy, job: Job) -> None:
        """The domain's MTA-STS policy could not be fetched for this job (RFC 8461 §6)."""
        policy = ReportedPolicy("sts", job.destination)
        if known.policy is not None:
            if known.policy.mode is Mode.NONE:
                return
            policy = reported_policy(TlsPolicy(job.destination, Level.MTA_STS, ""), known.policy)
        reason = known.failure_reason[:MAX_REASON]
        self.found.append(SessionCount(policy, 1, known.failure, reason=reason))

    def refused(self, refused: HostRefused, job: Job, host: Host, sts: StsPolicy | None) -> None:
        """There is no session, for the host must not be given the message."""
        if host.configured or refused.status == NOT_AS_DEMANDED:
            return  # the operator or the message demands it, not the domain
        if refused.result is TlsResult.DNSSEC_INVALID or sts is None:
            policy = ReportedPolicy("tlsa", job.destination)
        else:
            policy = reported_policy(TlsPolicy(job.destination, Level.MTA_STS, host.name), sts)
        reason = refused.reason[:MAX_REASON]
        self.found.append(SessionCount(policy, 1, refused.result, mx_host=host.name, reason=reason))

    def session(self, policy: TlsPolicy, host: Host, address: str, sts: StsPolicy | None) -> "CountedSession":
        """A session that is to be counted."""
        if host.configured or host.address or policy.level is Level.VERIFIED:
            return NOT_COUNTED
        unusable = policy.level is Level.ENCRYPTED
        return CountedSession(self.found, reported_policy(policy, sts), host, address, sts, unusable=unusable)


class CountedSession:
    """One attempt to have a session; its first failure counts, else its success."""

    def __init__(
        self,
        found: list[SessionCount] | None,
        policy: ReportedPolicy | None = None,
        host: Host | None = None,
        address: str = "",
        sts: StsPolicy | None = None,
        *,
        unusable: bool = False,
    ) -> None:
        self._unusable = unusable
        """There are TLSA records, and none is of any use."""
        self._found = found
        self._policy = policy
        self._host = host.name if host else ""
        self._address = address
        self._allowed = sts is None or sts.allows(self._host)
        self.testing = (
            policy is not None and policy.kind == "sts" and sts is not None and sts.mode is Mode.TESTING
        )
        """A policy is only tested: its failures count, and mail goes on (RFC 8461 §5)."""

    def failed(self, result: TlsResult, reason: str = "") -> None:
        """It is not as the policy demands, or TLS has failed."""
        self._count(result, reason)

    def succeeded(self, *, encrypted: bool) -> None:
        """There is a session."""
        if not encrypted:
            self._count(TlsResult.STARTTLS_NOT_SUPPORTED, "")
        elif self._unusable:
            self._count(TlsResult.TLSA_INVALID, "no TLSA record is usable")
        elif self.testing and not self._allowed:
            self._count(TlsResult.VALIDATION_FAILURE, "the policy does not allow this host")
        else:
            self._count(None, "")

    def _count(self, result: TlsResult | None, reason: str) -> None:
        if self._found is None or self._policy is None:
            return
        counted = SessionCount(self._policy, 1)
        if result is not None:
            counted = SessionCount(
                self._policy, 1, result, "", self._host, self._address, reason[:MAX_REASON]
            )
        self._found.append(counted)
        self._found = None


NOT_COUNTED: Final = CountedSession(None)
