"""The DNS records that a domain needs: what `init` tells and `check` looks for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WantedRecord:
    """One record to set."""

    name: str
    kind: str
    value: str
    why: str

    @property
    def zone_line(self) -> str:
        """As in a zone file."""
        return f"{self.name}. {self.kind} {self.value}"


SPF = "v=spf1 mx -all"
"""RFC 7208: only the domain's exchangers send for it."""


def for_host(hostname: str) -> tuple[WantedRecord, ...]:
    """What this machine's name needs."""
    return (
        WantedRecord(hostname, "A", "<this machine's IPv4 address>", "others find this machine"),
        WantedRecord(hostname, "AAAA", "<its IPv6 address, if it has one>", "by IPv6 as well"),
        WantedRecord(
            "<each of these addresses>",
            "PTR",
            f"{hostname}.",
            "many providers refuse mail from an address without a name; whoever gave you the address sets it",
        ),
    )


def for_domain(domain: str, hostname: str) -> tuple[WantedRecord, ...]:
    """What a domain needs whose mail this machine takes."""
    return (
        WantedRecord(domain, "MX", f"10 {hostname}.", "mail for the domain comes here"),
        spf(domain),
        dmarc(domain),
        # RFC 6186 §3.1, RFC 8314 §5.1: programs set themselves up
        WantedRecord(f"_imaps._tcp.{domain}", "SRV", f"0 1 993 {hostname}.", "programs find IMAP"),
        WantedRecord(f"_submissions._tcp.{domain}", "SRV", f"0 1 465 {hostname}.", "and where to send"),
    )


def spf(domain: str) -> WantedRecord:
    """Who may send for the domain."""
    return WantedRecord(domain, "TXT", f'"{SPF}"', "nobody else may send as the domain (SPF)")


def dmarc(domain: str) -> WantedRecord:
    """What others do with mail that only claims to come from the domain."""
    value = f'"v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
    return WantedRecord(f"_dmarc.{domain}", "TXT", value, "reports of forgeries (DMARC); tighten it later")
