"""How safe a connection to one host has to be, for the mail of one domain: DANE, MTA-STS and REQUIRETLS together.

DANE comes before MTA-STS (RFC 8461 §2): its failure is not made good by a policy, and where it authenticates the host
as one of the domain's, no policy is needed. Where the MX records are not signed, DANE authenticates the host only, and
who lies in the DNS may have named one of his own: so there the policy still says which hosts there are.

`REQUIRETLS` makes both of them, or a public authority for a name that is certain, a condition of the message;
`TLS-Required: No` sets both of them aside (RFC 8689 §4.2).
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.dns import Tlsa
from pillarbox.mail.header import Header
from pillarbox.trust.dane import Authenticate, DaneVerdict, Deferred, Encrypt, NextHop
from pillarbox.trust.mta_sts import Mode, StsPolicy
from pillarbox.trust.tls_result import TlsResult

MAX_HEADER_OCTETS: Final = 256 * 1024
"""Of a message, in which the TLS-Required field is looked for."""


NOT_AS_DEMANDED: Final = "5.7.10"
"""The status where a host is not what REQUIRETLS demands (RFC 8689 §4.2.1)."""


class Level(StrEnum):
    """What a connection has to be."""

    __hash__ = str.__hash__

    OPPORTUNISTIC = "opportunistic"
    """Encrypted where the server offers it (RFC 7435)."""
    ENCRYPTED = "encrypted"
    """With any certificate: TLSA records of which none is usable."""
    DANE = "dane"
    """The certificates match TLSA records."""
    MTA_STS = "mta-sts"
    """A public authority certifies the host, which a policy allows."""
    VERIFIED = "verified"
    """A public authority certifies the host, since the message demands it."""


class TlsPolicy(Struct, frozen=True):
    """What a connection to one host has to be, and for whom."""

    domain: str
    """The recipients'."""
    level: Level
    server_name: str
    """For SNI, and for the certificate where a public authority vouches for it."""
    dane: Authenticate | None = None
    """With `Level.DANE`: what the certificates have to match."""
    unusable: tuple[Tlsa, ...] = ()
    """With `Level.ENCRYPTED`: the TLSA records that there are."""

    @property
    def demanded_by(self) -> str:
        """Who demands it, in words."""
        match self.level:
            case Level.DANE | Level.ENCRYPTED:
                unsigned = self.dane is not None and not self.dane.domain_secure
                more = " (host authenticated, MX not)" if unsigned else ""
                return f"the TLSA records of {self.server_name}{more}"
            case Level.MTA_STS:
                return f"the MTA-STS policy of {self.domain}"
            case Level.VERIFIED:
                return "REQUIRETLS"
            case Level.OPPORTUNISTIC:
                return "nobody"

    @property
    def certain(self) -> bool:
        """Whether a connection that satisfies it is one to the domain's own host, for REQUIRETLS (RFC 8689 §4.2.1)."""
        if self.dane is not None:
            return self.dane.domain_secure
        return self.level in (Level.MTA_STS, Level.VERIFIED)

    @property
    def achieved(self) -> str:
        """What a connection is that satisfies it, for the log."""
        if self.dane is not None and not self.dane.domain_secure:
            # RFC 7672 §2.2.1: not to be mistaken for secure delivery to the domain
            return "dane: host authenticated, MX not"
        return self.level.value


class HostRefused(Struct, frozen=True, gc=False):
    """The host must not be given the message; another host may."""

    status: str
    """An enhanced status code: 4.x.y is tried again later, 5.x.y is final if no other host will do."""
    reason: str
    result: TlsResult


def tls_policy(
    hop: NextHop,
    host: str,
    dane: DaneVerdict,
    sts: StsPolicy | None,
    *,
    require_tls: bool = False,
    tls_optional: bool = False,
) -> TlsPolicy | HostRefused:
    """What a connection to a host of `hop.domain` has to be. `sts`: the policy in force.

    `require_tls`: the message has REQUIRETLS. `tls_optional`: it has `TLS-Required: No`, which counts only without
    (RFC 8689 §4.1).
    """
    if tls_optional and not require_tls:
        return TlsPolicy(hop.domain, Level.OPPORTUNISTIC, host)
    if isinstance(dane, Deferred):
        return HostRefused("4.7.5", f"{host}: {dane.reason}", TlsResult.DNSSEC_INVALID)
    policy = _of_domain(hop, host, dane, sts)
    return _with_require_tls(policy, hop, host, sts) if require_tls else policy


def failure(policy: TlsPolicy, result: TlsResult, what: str) -> HostRefused:
    """What it means that a connection is not what the policy demands: `what` says it in words."""
    if policy.level is Level.VERIFIED:
        return HostRefused(NOT_AS_DEMANDED, what, result)
    status = "4.7.10" if result is TlsResult.STARTTLS_NOT_SUPPORTED else "4.7.5"
    return HostRefused(status, f"{what}, as {policy.demanded_by} demand{_s(policy.level)}", result)


def asks_for_no_tls(octets: bytes) -> bool:
    """Whether a message says `TLS-Required: No` (RFC 8689 §3); who says it twice has said nothing."""
    found = Header.parse(octets[:MAX_HEADER_OCTETS])[0].all("TLS-Required")
    return len(found) == 1 and found[0].strip().lower() == b"no"


def _of_domain(hop: NextHop, host: str, dane: DaneVerdict, sts: StsPolicy | None) -> TlsPolicy | HostRefused:
    """What the domain demands by what it publishes."""
    certain = isinstance(dane, Authenticate) and dane.domain_secure
    enforced = sts is not None and sts.mode is Mode.ENFORCE
    if enforced and not certain and sts and not sts.allows(host):
        return HostRefused(
            "4.7.5",
            f"{host} is no host that the MTA-STS policy of {hop.domain} allows",
            TlsResult.VALIDATION_FAILURE,
        )
    if isinstance(dane, Authenticate):
        return TlsPolicy(hop.domain, Level.DANE, dane.base, dane)
    if enforced:
        return TlsPolicy(hop.domain, Level.MTA_STS, host)
    if isinstance(dane, Encrypt):
        return TlsPolicy(hop.domain, Level.ENCRYPTED, dane.base, unusable=dane.records)
    return TlsPolicy(hop.domain, Level.OPPORTUNISTIC, host)


def _with_require_tls(
    policy: TlsPolicy | HostRefused, hop: NextHop, host: str, sts: StsPolicy | None
) -> TlsPolicy | HostRefused:
    """RFC 8689 §4.2.1: the name of the host is certain, and its certificate is verified."""
    if isinstance(policy, HostRefused):
        return policy
    if not hop.secure and not (sts and sts.allows(host)):
        return HostRefused(
            NOT_AS_DEMANDED,
            f"REQUIRETLS: the name {host} is authenticated neither by DNSSEC nor by an MTA-STS policy of {hop.domain}",
            TlsResult.VALIDATION_FAILURE,
        )
    if policy.level in (Level.OPPORTUNISTIC, Level.ENCRYPTED):
        return TlsPolicy(hop.domain, Level.VERIFIED, host)
    return policy


def _s(level: Level) -> str:
    return "s" if level is Level.MTA_STS else ""
