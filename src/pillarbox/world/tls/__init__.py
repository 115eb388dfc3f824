"""TLS contexts for servers and clients.

    server.py      certificates by name, reloadable while connections stay open
    client.py      opportunistic and verified contexts for outgoing connections
    binding.py     channel binding data of a connection (RFC 5929, RFC 9266)
    exporter.py    keying material exporters, which the standard library lacks
    certificate.py what a certificate file says, for administration
    authority.py   a certificate authority for the demo and for tests

Always true: TLS 1.2 or later, forward secrecy and authenticated ciphers only, no compression and no
renegotiation (RFC 9325 §3, §4). Session tickets stay on: resumption makes a mail client's further
connections cheap.
"""

import ssl

CIPHERS_TLS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""RFC 9325 §4.2: forward secrecy and AEAD only. TLS 1.3 has nothing else."""


def harden(context: ssl.SSLContext) -> None:
    """Apply the settings of every context."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_TLS_1_2)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
