"""The identities of a session that are checked (RFC 7208 §2.3, §2.4)."""

from ipaddress import IPv4Address, IPv6Address

from msgspec.structs import replace

from pillarbox.mail.address import Address
from pillarbox.trust.questions import Asking
from pillarbox.trust.spf.evaluation import check_host
from pillarbox.trust.spf.result import Identity, SpfResult

POSTMASTER = "postmaster"


def check_mail_from(
    ip: IPv4Address | IPv6Address, mail_from: Address | None, helo: str, *, receiver: str, now: int
) -> Asking[SpfResult]:
    """The MAIL FROM identity. `mail_from` is None for the null reverse-path: it is postmaster at HELO then (§2.4).

    `helo` is what the client called itself at last; `receiver` the name of this server; `now` UNIX seconds.
    """
    if mail_from is None:
        found = yield from check_host(
            ip,
            helo,
            local=POSTMASTER,
            helo=helo,
            identity=Identity.MAIL_FROM,
            receiver=receiver,
            now=now,
        )
        return replace(found, null_sender=True)
    return (
        yield from check_host(
            ip,
            mail_from.domain,
            local=mail_from.local,
            helo=helo,
            identity=Identity.MAIL_FROM,
            receiver=receiver,
            now=now,
        )
    )


def check_helo(ip: IPv4Address | IPv6Address, helo: str, *, receiver: str, now: int) -> Asking[SpfResult]:
    """The HELO identity: `none` where it is an address literal, or no name of several labels (§2.3)."""
    return (
        yield from check_host(
            ip, helo, local=POSTMASTER, helo=helo, identity=Identity.HELO, receiver=receiver, now=now
        )
    )
