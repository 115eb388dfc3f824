"""BIMI: the brand indicator that a sender asks to be shown beside its mail.

    record.py       assertion records, and the selector that a message asks for
    discovery.py    which record counts for a message
    indicator.py    whether an image is an SVG Tiny PS that is safe to show
    evidence.py     mark certificates: their chain, their names, the image in them
    logotype.py     the image in a certificate's logotype extension
    verdict.py      what an indicator and its mark certificate are worth, found out once for an organization
    evaluation.py   the result of a message, by its record and that

Sections are those of draft-brand-indicators-for-message-identification-12. Nothing is asked before DMARC has passed
with a policy that is enforced.
"""

from pillarbox.trust.bimi.discovery import Found
from pillarbox.trust.bimi.evaluation import Bimi, Image, Sender, concluded, image_of, look, sender
from pillarbox.trust.bimi.indicator import MAX_OCTETS as MAX_IMAGE_OCTETS
from pillarbox.trust.bimi.logotype import MAX_FILE_OCTETS as MAX_EVIDENCE_OCTETS
from pillarbox.trust.bimi.verdict import Checked, Verdict, check

__all__ = [
    "FIELDS_ONLY_WE_WRITE",
    "MAX_EVIDENCE_OCTETS",
    "MAX_IMAGE_OCTETS",
    "Bimi",
    "Checked",
    "Found",
    "Image",
    "Sender",
    "Verdict",
    "check",
    "concluded",
    "image_of",
    "look",
    "sender",
]

FIELDS_ONLY_WE_WRITE = frozenset({"bimi-location", "bimi-indicator", "bimi-logo-preference"})
"""Fields to be removed from what comes from outside (§5.6), in lower case."""
