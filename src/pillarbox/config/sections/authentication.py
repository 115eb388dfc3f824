"""`[authentication]`: what is asked of mail from others."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pillarbox.config.options import Description


class FailedDmarc(StrEnum):
    """What becomes of mail that fails DMARC, at most."""

    REJECT = "reject"
    QUARANTINE = "quarantine"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Whether mail from others is by whom it says (SPF, DKIM, ARC, DMARC)."""

    judge: Annotated[
        bool,
        Description(
            "Judge mail from others. Off only where another server stands before this one and has done so: "
            "what would be judged here is that server."
        ),
    ] = True
    dmarc: Annotated[
        FailedDmarc,
        Description(
            "What becomes of mail that fails DMARC where its author's domain asks for it: `reject` refuses it, "
            "`quarantine` puts into Junk what is to be refused as well, `mark` only writes down the result."
        ),
    ] = FailedDmarc.QUARANTINE
    trusted_sealers: Annotated[
        tuple[str, ...],
        Description(
            "Domains of mailing lists and forwarders that are believed, when they say that mail passed DMARC "
            "before they changed it (ARC).",
            "domains",
            example='["lists.example.org"]',
        ),
    ] = ()
    bimi: Annotated[
        bool,
        Description(
            "Look for the image that a domain asks to be shown beside its mail (BIMI) where DMARC has passed, and "
            "write down the result. The image is fetched from the sender's web server, at most once a day for each "
            "domain (every four hours where that fails), so that it learns that mail came."
        ),
    ] = False
    bimi_roots: Annotated[
        Path | None,
        Description(
            "A PEM file with the root certificates of authorities that are believed to know whose image is whose. "
            "With it, mark certificates (VMC, CMC) are fetched and checked, but not whether they were revoked. "
            "Without it, they are not looked at, and any domain may show any image.",
            example='"/etc/pillarbox/mark-authorities.pem"',
        ),
    ] = None
    smime_roots: Annotated[
        Path | None,
        Description(
            "A PEM file with the root certificates of authorities that are believed to know whose signatures are "
            "whose (S/MIME). Without it, those of the system are believed. Whether certificates were revoked is not "
            "asked.",
            example='"/etc/pillarbox/mail-authorities.pem"',
        ),
    ] = None
