"""Checks of the certificates that are shown to TLS clients."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pillarbox.admin.checks.result import CheckResult, ok, problem, warning
from pillarbox.world.tls.certificate import CertificateFacts, read_all_facts, read_chain, read_facts
from pillarbox.world.tls.server import CertificateFiles, CertificateUnusable, ServerTls

DAY_MS = 86_400_000
SOON_DAYS = 14
"""A certificate with less time left should have been renewed."""


def certificates(files: Sequence[CertificateFiles], hostname: str, *, now_ms: int) -> Iterator[CheckResult]:
    """Check each certificate, and that one of them is valid for this host's name."""
    if not files:
        yield warning(
            "certificate",
            "none is configured: Pillarbox uses a self-signed one, of which mail programs warn",
            f"Get one for {hostname} (certbot certonly --standalone -d {hostname}) and name it under "
            "[[certificates]]: chain, key.",
        )
        return
    shown: list[CertificateFacts] = []
    for pair in files:
        try:
            ServerTls((pair,))
            facts = read_facts(pair.chain)
        except CertificateUnusable as failure:
            remedy = "Check that both files belong together and that the service's user may read them."
            yield problem(str(pair.chain), str(failure), remedy)
            continue
        shown.append(facts)
        yield _validity(str(pair.chain), facts, now_ms)
    if shown and not any(facts.holds_for(hostname) for facts in shown):
        names = ", ".join(name for facts in shown for name in facts.names)
        yield problem(
            "certificate",
            f"none is valid for {hostname}, only for {names}",
            f"Get one that names {hostname}.",
        )


def mark_authorities(roots: Path, *, now_ms: int) -> Iterator[CheckResult]:
    """Check the roots of authorities that certify the images of senders (BIMI)."""
    try:
        found = read_all_facts(roots)
    except CertificateUnusable as failure:
        yield problem(str(roots), str(failure), "Check that the service's user may read it.")
        return
    expired = [facts.issuer for facts in found if facts.valid_until_ms < now_ms]
    if expired:
        yield warning(
            str(roots), f"expired: {'; '.join(expired)}", "Get the authority's new root certificate."
        )
    if valid := len(found) - len(expired):
        yield ok(str(roots), f"mark certificates by {valid} root{'s'[: valid != 1]} are believed")


def chains(files: Sequence[CertificateFiles]) -> list[tuple[bytes, ...]]:
    """The certificates in DER, each with its issuers behind it; those that cannot be read are told of by the others."""
    found = []
    for pair in files:
        try:
            found.append(read_chain(pair.chain))
        except CertificateUnusable:
            continue
    return found


def _validity(subject: str, facts: CertificateFacts, now_ms: int) -> CheckResult:
    left_days = (facts.valid_until_ms - now_ms) // DAY_MS
    renewed = "Renew it, then reload: systemctl reload pillarbox"
    if now_ms < facts.valid_from_ms:
        return problem(subject, "it is not valid yet", "Check this machine's clock.")
    if left_days < 0:
        return problem(subject, f"it expired {-left_days} days ago", renewed)
    if left_days < SOON_DAYS:
        return warning(subject, f"it expires in {left_days} days", renewed)
    if facts.self_issued:
        return warning(
            subject,
            "it is self-signed",
            "Mail programs warn of it; get one from a certificate authority.",
        )
    return ok(subject, f"it is valid for {', '.join(facts.names)}, {left_days} more days")
