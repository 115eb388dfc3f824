"""`[http]`: where clients of HTTP reach us."""

from dataclasses import dataclass
from typing import Annotated

from pillarbox.config.options import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """HTTP and HTTPS."""

    url: Annotated[
        str,
        Description(
            "Where web clients reach this server: what IMAP clients are told of JMAP (RFC 9698), and what links lead "
            "to where the host that was asked is not one of ours. By default HTTPS at `hostname`.",
            example='"https://mail.example.org"',
        ),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Description(
            "Proxies whose word is taken for who asks, for what host, and whether with TLS (Forwarded, or "
            "X-Forwarded-For, -Host and -Proto). They must set these fields, and pass on none of a client's. "
            "Their connections are not limited by address.",
            "networks",
            example='["127.0.0.1", "10.1.0.0/24"]',
        ),
    ] = ()
    passkey_domain: Annotated[
        str,
        Description(
            "The domain that passkeys are made for: the host of `url`, which is the default, or a domain above it in "
            "which all hosts are yours. When it changes, all passkeys that people have made are of no use any more.",
            example='"example.org"',
        ),
    ] = ""
