"""What an organization's indicator is worth: found out once it was fetched, and kept for its messages (§7.4 to §7.6).

To read an image and certificates takes some hundredths of a second. A message is only compared with what is kept of
that (`evaluation.concluded`).
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.trust.bimi import indicator
from pillarbox.trust.questions import FetchFailed, Page
from pillarbox.trust.results import Result

VALID_S: Final = 24 * 3600
"""How long a verdict holds: the time between two fetches for one organization."""
VALID_AFTER_FAILURE_S: Final = 4 * 3600
"""The same where something could not be fetched."""


class Verdict(Struct, frozen=True, gc=False, kw_only=True):
    """What a message is compared with."""

    digest: str = ""
    """SHA-256 of the image without compression, in hexadecimal; empty where it may not be shown."""
    problem: str = ""
    """Why it may not be shown."""
    authority: Result = Result.NONE
    """`pass` or `fail` where there is a mark certificate and it was looked at."""
    names: tuple[str, ...] = ()
    """Those of the mark certificate that are the organization's, in lower case."""
    until_s: int
    """UNIX seconds at which all of it is to be fetched again."""


class Checked(Struct, frozen=True, gc=False):
    """A verdict with the image that it is about."""

    verdict: Verdict
    image: bytes = b""
    """The SVG; empty where it may not be shown."""


def check(
    page: Page | FetchFailed,
    evidence: Page | FetchFailed | None,
    *,
    organization: str,
    roots: Sequence[bytes],
    now_s: int,
) -> Checked:
    """Judge an indicator, and its mark certificate; `evidence` is None where there is none or it is not looked at.

    `organization`: the organizational domain. `roots`: certificates (DER) of the authorities that are believed.
    `now_s`: UNIX seconds. Takes up to some hundredths of a second.
    """
    failed = isinstance(page, FetchFailed) or isinstance(evidence, FetchFailed)
    until_s = now_s + (VALID_AFTER_FAILURE_S if failed else VALID_S)
    authority, names, proven = Result.NONE, tuple[str, ...](), b""
    if isinstance(evidence, FetchFailed):
        problem = f"the mark certificate could not be fetched: {evidence.reason}"
        return Checked(Verdict(problem=problem, authority=Result.FAIL, until_s=until_s))
    if evidence is not None:
        from pillarbox.trust.bimi.evidence import check as check_evidence  # X.509 is large and seldom needed

        proof = check_evidence(evidence.octets, organization, roots, now_s)
        if proof.problem:
            return Checked(Verdict(problem=proof.problem, authority=Result.FAIL, until_s=until_s))
        authority, names, proven = Result.PASS, proof.names, proof.image
        until_s = min(until_s, proof.until_s)
    image, problem = _image(page, proven)
    digest = "" if problem else hashlib.sha256(image).hexdigest()
    return Checked(
        Verdict(digest=digest, problem=problem, authority=authority, names=names, until_s=until_s), image
    )


def _image(page: Page | FetchFailed, proven: bytes) -> tuple[bytes, str]:
    """The image, or why it may not be shown. `proven`: the one of the mark certificate; empty for none."""
    if isinstance(page, FetchFailed):
        return b"", f"the indicator could not be fetched: {page.reason}"
    image = indicator.unpacked(page.octets)
    if image is None:
        return b"", "the indicator is too large or no gzip file"
    problem = indicator.problem(image)
    if not problem and proven and proven != image:
        problem = "the indicator is not the one of the mark certificate"
    return (b"", problem) if problem else (image, "")
