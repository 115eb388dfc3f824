"""ARC: what those who handed a message on found when they received it (RFC 8617).

    chain.py         the sets of a message: instances, their order, what seals say
    verification.py  whether the chain holds
    sealing.py       a set of our own

What it shares with DKIM is `trust/signatures/`. A chain that holds says who handled the message and what they claim,
not that this is true: whom to believe is up to policy, and a result of DMARC is never changed by it (RFC 8617 §7.2).
"""

from pillarbox.trust.arc.sealing import seal
from pillarbox.trust.arc.verification import METHOD, ChainOutcome, Verification, verify

__all__ = ["METHOD", "ChainOutcome", "Verification", "seal", "verify"]
