"""The images that organizations ask to be shown beside their mail (BIMI), by organizational domain.

They outlive the process and are shared by the workers, so that each is fetched once a day and no more, whoever gets
its mail; and an image is there when the message is read. A row that is damaged counts as none.
"""

from typing import Final

from msgspec import Struct

from pillarbox.trust.bimi.verdict import VALID_S, Checked, Verdict
from pillarbox.trust.results import Result
from pillarbox.world.database import Transaction

MAX_ORGANIZATIONS: Final = 5_000
"""Organizations that something is kept of; of more, what would go first anyway."""
MAX_OCTETS: Final = 32 * 1024 * 1024
"""Of all images together."""
IMAGE_KEPT_S: Final = 90 * 24 * 3600
"""How long an image is kept after it was fetched last."""
CLAIMED_S: Final = 120
"""How long others leave it to one worker to fetch."""
FORGOTTEN_AT_ONCE: Final = 100
"""Rows that one `keep` or `claim` deletes."""


class Source(Struct, frozen=True, gc=False):
    """What an image was fetched from, and whom its mark certificate was compared with."""

    location: str
    evidence: str = ""
    """Where the mark certificate is; empty where none is looked at."""
    roots: str = ""
    """Names the authorities that are believed."""


class Known(Struct, frozen=True, gc=False):
    """What is known of an organization's image."""

    source: Source
    verdict: Verdict
    claimed_until_s: int = 0

    def holds(self, source: Source, now_s: int) -> bool:
        """Whether the verdict is one of now, by the same authorities."""
        return self.source.roots == source.roots and _lies_before(now_s, self.verdict.until_s, VALID_S)

    def is_claimed(self, now_s: int) -> bool:
        """Whether somebody is fetching it."""
        return _lies_before(now_s, self.claimed_until_s, CLAIMED_S)


def _lies_before(now_s: int, until_s: int, at_most_s: int) -> bool:
    """A time that is too far away was written before the clock was set back."""
    return now_s < until_s <= now_s + at_most_s


def known(tx: Transaction, organization: str) -> Known | None:
    """What is known, but the image itself: a short row."""
    found = tx.row(
        "SELECT location, evidence, roots, problem, authority, names, until_s, claimed_until_s, digest"
        " FROM indicators WHERE organization = ?",
        (organization,),
    )
    return _read(found) if found else None


def image(tx: Transaction, organization: str, digest: str) -> bytes | None:
    """The image that a message was found to have (`trust.bimi.image_of`); None where it is not kept any more.

    It is an SVG that nothing harmful was found in; whoever serves it says `image/svg+xml` all the same, and forbids
    scripts (Content-Security-Policy).
    """
    found = tx.value(
        "SELECT image FROM indicators WHERE organization = ? AND digest = ?", (organization, digest)
    )
    return found if isinstance(found, bytes) and found else None


def claim(tx: Transaction, organization: str, source: Source, *, now_s: int) -> bool:
    """Whether the caller is to fetch the image, and others leave it to it."""
    before = known(tx, organization)
    if before and (before.is_claimed(now_s) or before.holds(source, now_s)):
        return False
    until_s = now_s + CLAIMED_S
    tx.execute(
        "INSERT INTO indicators VALUES (?, '', '', '', '', '', '', 0, ?, ?, '', 0, ?)"
        " ON CONFLICT (organization) DO UPDATE SET claimed_until_s = excluded.claimed_until_s,"
        " kept_until_s = CASE WHEN excluded.kept_until_s > indicators.kept_until_s"
        " THEN excluded.kept_until_s ELSE indicators.kept_until_s END",
        (organization, until_s, until_s, b""),
    )
    _forget(tx, now_s)
    return True


def keep(tx: Transaction, organization: str, source: Source, checked: Checked, *, now_s: int) -> None:
    """Keep what was found instead of what was; forget others whose time is over, and those that are too many.

    Where there is no image now, the one before stays for the messages that had it.
    """
    verdict = checked.verdict
    tx.execute(
        "INSERT INTO indicators VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, '', 0, ?)"
        " ON CONFLICT (organization) DO UPDATE SET"
        " location = excluded.location, evidence = excluded.evidence, roots = excluded.roots,"
        " problem = excluded.problem, authority = excluded.authority, names = excluded.names,"
        " until_s = excluded.until_s, claimed_until_s = 0,"
        " kept_until_s = CASE WHEN excluded.kept_until_s > indicators.kept_until_s"
        " THEN excluded.kept_until_s ELSE indicators.kept_until_s END",
        (
            organization,
            source.location,
            source.evidence,
            source.roots,
            verdict.problem,
            verdict.authority.value,
            " ".join(verdict.names),
            verdict.until_s,
            now_s + IMAGE_KEPT_S if checked.image else verdict.until_s,
            b"",
        ),
    )
    if checked.image:
        tx.execute(
            "UPDATE indicators SET digest = ?, octets = ?, image = ? WHERE organization = ?",
            (verdict.digest, len(checked.image), checked.image, organization),
        )
    _forget(tx, now_s)


def _forget(tx: Transaction, now_s: int) -> None:
    """Delete what is over; then what is over soonest, until the rest is within bounds."""
    tx.execute(
        "DELETE FROM indicators WHERE organization IN"
        " (SELECT organization FROM indicators WHERE kept_until_s < ? LIMIT ?)",
        (now_s, FORGOTTEN_AT_ONCE),
    )
    # Of the index alone, which has some thousand entries
    rows, octets = tx.row("SELECT count(*), sum(octets) FROM indicators") or (0, 0)
    if not isinstance(rows, int) or (rows <= MAX_ORGANIZATIONS and (octets or 0) <= MAX_OCTETS):
        return
    oldest = tx.rows(
        "SELECT organization, octets FROM indicators ORDER BY kept_until_s LIMIT ?", (FORGOTTEN_AT_ONCE,)
    )
    for organization, size in oldest:
        if rows <= MAX_ORGANIZATIONS and octets <= MAX_OCTETS:
            break
        tx.execute("DELETE FROM indicators WHERE organization = ?", (organization,))
        rows, octets = rows - 1, octets - (size if isinstance(size, int) else 0)


def _read(row: tuple[object, ...]) -> Known | None:
    match row:
        case (
            str(location),
            str(evidence),
            str(roots),
            str(problem),
            str(authority),
            str(names),
            int(until_s),
            int(claimed_until_s),
            str(digest),
        ):
            return Known(
                Source(location, evidence, roots),
                Verdict(
                    digest="" if problem else digest,
                    problem=problem,
                    authority=Result(authority) if authority in tuple(Result) else Result.NONE,
                    names=tuple(names.split()),
                    until_s=until_s,
                ),
                claimed_until_s,
            )
    return None
