"""The DNS tree walk (RFC 9989 §4.10): the policy records from a domain up to its top-level domain.

From what is found the organizational domain (§4.10.2) and the record that counts (§4.10.1) are read. One `Walker`
serves all walks of a message, and asks for each name once.
"""

from typing import Any, Final

from msgspec import Struct

from pillarbox.dns import Answer, Failure, Kind, Outcome
from pillarbox.trust.dmarc.record import Record, parse
from pillarbox.trust.questions import Asking, look_up

MAX_QUESTIONS: Final = 8
"""Names asked in one walk (RFC 9989 §4.10, step 4)."""
MAX_RECORDS: Final = 32
"""TXT records looked at under one name; a name with more of them has no policy record."""


class Found(Struct, frozen=True, gc=False):
    """A policy record and the domain that it is published for."""

    domain: str
    record: Record


class Walk(Struct, frozen=True):
    """What one walk found."""

    start: str
    found: tuple[Found, ...]
    """From the longest name to the shortest."""
    failure: str = ""
    """Why the walk could not go on; a record may stand where it was not seen."""
    failed_at_start: bool = False

    @property
    def own(self) -> Found | None:
        """The record of the domain itself."""
        return self.found[0] if self.found and self.found[0].domain == self.start else None

    @property
    def organization(self) -> str:
        """The organizational domain (RFC 9989 §4.10.2); empty where a failure leaves it unknown."""
        for found in self.found:
            if found.record.psd == "n":
                return found.domain
            if found.record.psd == "y":
                # One label below it, or itself where the walk began there
                return _labels(self.start, found.domain.count(".") + 2)
        if self.failure and not self._failed_above_organization:
            return ""
        return self.found[-1].domain if self.found else self.start

    @property
    def applied(self) -> Found | None:
        """The record that counts: of the domain, of its organization, or of its public suffix (§4.10.1)."""
        organization = self.organization
        by_domain = {found.domain: found for found in self.found}
        suffix = next((found for found in self.found if found.record.psd == "y"), None)
        return self.own or by_domain.get(organization) or suffix

    @property
    def _failed_above_organization(self) -> bool:
        # Of a top-level domain nothing but `psd=y` could be learned, which leaves the name below it what it is
        return bool(self.found) and self.found[-1].domain.count(".") == 1


def names(domain: str) -> tuple[str, ...]:
    """The domains whose records are asked for, in order; at most `MAX_QUESTIONS`."""
    count = domain.count(".") + 1
    shorter = range(min(count, MAX_QUESTIONS) - 1, 0, -1)
    return (domain, *(_labels(domain, labels) for labels in shorter))


def _name(domain: str) -> str:
    return f"_dmarc.{domain}"


def _labels(domain: str, count: int) -> str:
    return ".".join(domain.split(".")[-count:])


class Walker:
    """Walks for one message."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[str, Kind], Outcome[Any]] = {}

    def walk(self, domain: str) -> Asking[Walk]:
        """The walk from `domain` (A-labels), until a record says where the organization ends."""
        found: list[Found] = []
        for name in names(domain):
            outcome = yield from self.look_up(_name(name), Kind.TXT)
            if isinstance(outcome, Failure):
                return Walk(domain, tuple(found), outcome.reason or "no answer", name == domain)
            record = only_record(outcome)
            if record:
                found.append(Found(name, record))
                if record.psd != "u":
                    break
        return Walk(domain, tuple(found))

    def look_up(self, name: str, kind: Kind) -> Asking[Outcome[Any]]:
        """The outcome of a question, which is asked once."""
        if (name, kind) not in self._outcomes:
            self._outcomes[name, kind] = yield from look_up(name, kind)
        return self._outcomes[name, kind]


def only_record(outcome: Outcome[Any]) -> Record | None:
    """The policy record in an answer; several are as good as none (RFC 9989 §4.10, steps 2 and 6)."""
    texts = outcome.records if isinstance(outcome, Answer) else ()
    if len(texts) > MAX_RECORDS:
        return None
    records = [record for text in texts if isinstance(text, bytes) and (record := parse(text))]
    return records[0] if len(records) == 1 else None
