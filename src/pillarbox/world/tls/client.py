"""TLS contexts for outgoing connections: opportunistic or verified."""

import ssl
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
    """Accepts only a certificate for the server's name, from a trusted authority.

    `authorities`: a PEM file to trust besides the system's own list.
    """
    context = ssl.create_default_context(cafile=authorities)
    if authorities is not None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    harden(context)
    return context
