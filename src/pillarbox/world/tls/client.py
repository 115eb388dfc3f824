"""TLS contexts for outgoing connections, opportunistic or verified; and what a server has presented."""

import ssl
import sys
from functools import cache
from pathlib import Path

from pillarbox.world.tls import harden


@cache
def opportunistic() -> ssl.SSLContext:
    """Encrypts, and accepts any certificate: better than plain text to an unknown server (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    harden(context)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@cache
def verified(authorities: Path | None = None) -> ssl.SSLContext:
    """Accepts only a certificate for the server's name, from a trusted authority. Its names are those of its
    subjectAltName (RFC 8461 §4.2).

    `authorities`: a PEM file to trust besides the system's own list.
    """
    context = ssl.create_default_context(cafile=authorities)
    if authorities is not None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    context.hostname_checks_common_name = False
    harden(context)
    return context


def presented_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that the peer sent, in DER, its own first; whether or not they were verified."""
    if sys.version_info >= (3, 13):
        return tuple(tls.get_unverified_chain())
    # Python 3.11 and 3.12 have it behind the object only
    found = tls._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in found or ())
