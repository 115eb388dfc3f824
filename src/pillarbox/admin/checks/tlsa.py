"""Whether the TLSA records of this host are those of its certificates (DANE, RFC 7672).

Where a record does not match any more, as after a renewal with a new key, providers that use DANE do not deliver, and
nobody here notices.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from pillarbox.admin.checks.result import CheckResult, advice, ok, problem, unanswered, warning
from pillarbox.admin.dns_records import tlsa
from pillarbox.admin.permissions import OWNER, may
from pillarbox.dns import Answer, Failure, NoData, NxDomain, Tlsa
from pillarbox.trust.dane.certificate import dns_names, name_matches, parsed, public_key_octets
from pillarbox.trust.dane.chain import Mismatch, match_chain
from pillarbox.trust.dane.records import usable
from pillarbox.world.resolver import Resolver

PORT: Final = 25
"""Where other providers deliver."""


@may(OWNER)
async def check(
    resolver: Resolver, hostname: str, chains: Sequence[Sequence[bytes]], *, now_ms: int
) -> list[CheckResult]:
    """Compare the records with the certificates that are configured, each as DER with its issuers behind it.

    Nothing is found where the zone is not signed, or no trusted name server says that it is: DANE is off then.
    """
    addresses = await resolver.addresses(hostname)
    shown = _shown_for(hostname, chains)
    if not isinstance(addresses, Answer) or not addresses.authenticated or not shown:
        return []
    wanted = [tlsa(hostname, PORT, _digest(chain[0])).zone_line for chain in shown]
    match await resolver.tlsa(hostname, PORT):
        case Failure(reason):
            return [unanswered(f"_{PORT}._tcp.{hostname}", reason)]
        case Answer(records, authenticated=True):
            return _compared(hostname, usable(records), shown, wanted, now_ms / 1000)
        case Answer() | NoData() | NxDomain():
            what = "the zone is signed, but there is no TLSA record"
            why = "With one, other providers know this machine by its key (DANE). First see that renewals keep the key"
            return [advice(hostname, what, f"{why}, then set: {'; '.join(wanted)}")]


def _compared(
    hostname: str,
    records: Sequence[Tlsa],
    shown: Sequence[Sequence[bytes]],
    wanted: Sequence[str],
    now_s: float,
) -> list[CheckResult]:
    if not records:
        # RFC 7672 §2.2: then any certificate does
        return [warning(hostname, "there is no TLSA record that is usable", f"Set: {'; '.join(wanted)}")]
    results = []
    for chain, line in zip(shown, wanted, strict=True):
        found = match_chain(records, (hostname,), chain, now_s)
        if isinstance(found, Mismatch):
            what = f"the TLSA records do not match a certificate that is shown here: {found.reason}"
            remedy = f"Providers that use DANE do not deliver. Set at once: {line}"
            results.append(problem(hostname, what, remedy))
    return results or [ok(hostname, "TLSA: the records match the certificates")]


def _shown_for(hostname: str, chains: Sequence[Sequence[bytes]]) -> list[Sequence[bytes]]:
    """Those that clients get who ask for this name, of RSA and of others; without any, the first."""
    fitting = [chain for chain in chains if _is_for(hostname, chain[0])]
    return fitting or list(chains[:1])


def _is_for(hostname: str, certificate: bytes) -> bool:
    read = parsed(certificate)
    return read is not None and any(name_matches(name, hostname) for name in dns_names(read))


def _digest(certificate: bytes) -> str:
    return hashlib.sha256(public_key_octets(certificate)).hexdigest()
