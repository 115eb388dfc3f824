"""DANE for SMTP (RFC 7672): the server is authenticated by TLSA records in the DNS, which DNSSEC protects.

    lookup.py         which TLSA records to ask for, and what they demand
    records.py        which records are usable, and what they match
    certificate.py    what is read of a certificate
    chain.py          whether the certificates that a server presented match the records

Public certificate authorities have no part in it.
"""

from pillarbox.trust.dane.chain import Matched, Mismatch, match_chain
from pillarbox.trust.dane.lookup import (
    Authenticate,
    DaneVerdict,
    Deferred,
    Encrypt,
    NextHop,
    NoDane,
    dane_verdict,
)

__all__ = [
    "Authenticate",
    "DaneVerdict",
    "Deferred",
    "Encrypt",
    "Matched",
    "Mismatch",
    "NextHop",
    "NoDane",
    "dane_verdict",
    "match_chain",
]
