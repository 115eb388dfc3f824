"""BIMI: the brand indicator that a sender asks to be shown beside its mail.

    record.py       assertion records, and the selector that a message asks for
    discovery.py    which record counts for a message
    indicator.py    whether an image is an SVG Tiny PS that is safe to show
    evidence.py     mark certificates: their chain, their names, the image in them
    logotype.py     the image in a certificate's logotype extension
    evaluation.py   the result, and the fields that tell mail programs of it

Sections are those of draft-brand-indicators-for-message-identification-12. Nothing is asked before DMARC has passed
with a policy that is enforced.
"""

from pillarbox.trust.bimi.evaluation import Bimi, Sender, evaluate, sender

__all__ = ["FIELDS_ONLY_WE_WRITE", "Bimi", "Sender", "evaluate", "sender"]

FIELDS_ONLY_WE_WRITE = frozenset({"bimi-location", "bimi-indicator", "bimi-logo-preference"})
"""Fields to be removed from what comes from outside (§5.6), in lower case."""
