"""DKIM: who takes responsibility for a message (RFC 6376, 8301, 8463, 8616).

    verification.py  the signatures of a message, verified as it comes
    outcome.py       what was found of one signature
    field.py         a DKIM-Signature field as a value
    signing.py       signatures of our own
    keys.py          keys as PEM, and as records for the DNS

What it shares with ARC is `trust/signatures/`; `world.signing_keys` makes keys, and `mail.seven_bit.in_final_form` says
whether a message can be signed.
"""

from pillarbox.trust.dkim.outcome import SignatureOutcome, method_results
from pillarbox.trust.dkim.signing import sign
from pillarbox.trust.dkim.verification import Verification, verify
from pillarbox.trust.signatures.signing_key import SigningKey

__all__ = ["SignatureOutcome", "SigningKey", "Verification", "method_results", "sign", "verify"]
