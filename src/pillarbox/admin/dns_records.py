"""The DNS records that a domain needs: `init` prints them and `check` looks for them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pillarbox.admin.dkim import KeyRecord
from pillarbox.config.services import SERVICES
from pillarbox.trust.dkim.keys import strings


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """One record to set."""

    name: str
    kind: str
    value: str
    why: str

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file."""
        return f"{self.name}. {self.kind} {self.value}"


SPF = "v=spf1 mx -all"
"""RFC 7208: only the hosts of the domain's MX records send for it."""

HOST_SPF = "v=spf1 a -all"
"""Only the host itself sends in its name."""


def for_host(hostname: str, *, is_domain: bool = False) -> tuple[WantedRecord, ...]:
    """The records for this host's name. `is_domain`: it is a domain as well, with an SPF record of its own."""
    own = () if is_domain else (spf_of_host(hostname),)
    return (
        WantedRecord(hostname, "A", "<this machine's IPv4 address>", "other servers find this machine"),
        WantedRecord(hostname, "AAAA", "<its IPv6 address, if it has one>", "by IPv6 as well"),
        *own,
        WantedRecord(
            "<each of these addresses>",
            "PTR",
            f"{hostname}.",
            "many providers refuse mail from an address without a PTR record; your network provider sets it",
        ),
    )


def for_domain(
    domain: str, hostname: str, ports: Mapping[str, int] | None = None
) -> tuple[WantedRecord, ...]:
    """The records of a domain whose mail this machine receives; `ports` of services, where not the usual ones."""
    port = {name: SERVICES[name].port for name in ("imaps", "submissions")} | dict(ports or {})
    return (
        WantedRecord(domain, "MX", f"10 {hostname}.", "mail for the domain is delivered here"),
        spf(domain),
        dmarc(domain),
        tls_reports(domain),
        # RFC 6186 §3.1, RFC 8314 §5.1: mail programs configure themselves
        WantedRecord(
            f"_imaps._tcp.{domain}",
            "SRV",
            f"0 1 {port['imaps']} {hostname}.",
            "mail programs find IMAP",
        ),
        WantedRecord(
            f"_submissions._tcp.{domain}",
            "SRV",
            f"0 1 {port['submissions']} {hostname}.",
            "mail programs find submission",
        ),
    )


def spf(domain: str) -> WantedRecord:
    """The SPF record: who may send for the domain."""
    return WantedRecord(domain, "TXT", f'"{SPF}"', "no other server may send as the domain (SPF)")


def spf_of_host(hostname: str) -> WantedRecord:
    """The SPF record of this host's name, which is judged by what it says in EHLO: reports have no sender
    (RFC 7208 §2.4)."""
    return WantedRecord(
        hostname, "TXT", f'"{HOST_SPF}"', "reports of this machine, such as bounces, pass (SPF)"
    )


def dkim_record(key: KeyRecord) -> WantedRecord:
    """The record of a key that signs."""
    value = " ".join(f'"{part}"' for part in strings(key.text))
    return WantedRecord(
        key.name, "TXT", value, f"others verify the domain's signatures (DKIM, {key.algorithm})"
    )


def dmarc(domain: str) -> WantedRecord:
    """The DMARC record: what others do with mail that falsely claims to come from the domain."""
    value = f'"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
    return WantedRecord(
        f"_dmarc.{domain}",
        "TXT",
        value,
        "others report mail that falsely claims to come from the domain (DMARC)",
    )


def tls_reports(domain: str) -> WantedRecord:
    """The record that asks others for reports on the TLS of their connections (RFC 8460 §3)."""
    value = f'"v=TLSRPTv1; rua=mailto:postmaster@{domain}"'
    return WantedRecord(
        f"_smtp._tls.{domain}", "TXT", value, "others report where TLS fails as they deliver (TLSRPT)"
    )


def tlsa(hostname: str, port: int, digest: str) -> WantedRecord:
    """The TLSA record of a key, by the SHA-256 of its SubjectPublicKeyInfo in hexadecimal (RFC 7672 §3.1)."""
    return WantedRecord(
        f"_{port}._tcp.{hostname}", "TLSA", f"3 1 1 {digest}", "others know this machine (DANE)"
    )
