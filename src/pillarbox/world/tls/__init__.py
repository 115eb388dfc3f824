"""The door to TLS: contexts for what we serve and for what we connect to.

    server.py      certificates by name, reloadable while connections live
    client.py      opportunistic and verified contexts for connecting to others
    binding.py     channel binding data of a connection (RFC 5929, RFC 9266)
    exporter.py    keying material exporters, which the standard library does not reach
    authority.py   a certificate authority of our own, for the demo and for tests

Always true: TLS 1.2 or later, forward secrecy and authenticated ciphers only, no compression and no
renegotiation (RFC 9325 §3, §4). Session tickets stay on: resuming is what makes a mail client's tenth
connection cheap.
"""

import ssl

CIPHERS_TLS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""RFC 9325 §4.2: forward secrecy and AEAD only. TLS 1.3 has nothing else."""


def harden(context: ssl.SSLContext) -> None:
    """Settings that hold for every context we make."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_TLS_1_2)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
