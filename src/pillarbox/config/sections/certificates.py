"""`[[certificates]]`: files for TLS."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pillarbox.config.options import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate and its key for TLS, as PEM files that the service's user can read. Clients that send no
    server name, or an unknown one, get the first. Without any, Pillarbox makes one itself: it protects
    against eavesdroppers only, and mail programs warn about it.
    """

    chain: Annotated[
        Path,
        Description(
            "The certificate, followed by the intermediate certificates.",
            example='"/etc/letsencrypt/live/mail.example.org/fullchain.pem"',
        ),
    ]
    key: Annotated[
        Path, Description("Its private key.", example='"/etc/letsencrypt/live/mail.example.org/privkey.pem"')
    ]
    names: Annotated[
        tuple[str, ...],
        Description("Server names to use it for; without them, the names in the certificate."),
    ] = ()
