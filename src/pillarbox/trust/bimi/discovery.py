"""Which assertion record counts for a message (§7.2)."""

from typing import Any, Final

from msgspec import Struct

from pillarbox.dns import Answer, Failure, Kind, Outcome
from pillarbox.trust.bimi.record import Assertion, local_part_selector, parse
from pillarbox.trust.questions import Asking, look_up

MAX_RECORDS: Final = 32
"""TXT records looked at under one name."""


class Found(Struct, frozen=True, gc=False):
    """An assertion record and where it stands."""

    assertion: Assertion
    domain: str
    selector: str


def discover(
    author_domain: str, organizational_domain: str, selector: str, local_part: str
) -> Asking[Found | Failure | None]:
    """The record for a message; None where there is none, or several. At most four look-ups."""
    for domain in dict.fromkeys((author_domain, organizational_domain)):
        outcome = yield from look_up(f"{selector}._bimi.{domain}", Kind.TXT)
        if isinstance(outcome, Failure):
            return outcome
        assertions = _assertions(outcome)
        if len(assertions) > 1:
            return None
        if assertions:
            found = Found(assertions[0], domain, selector)
            return (yield from _for_local_part(found, local_part))
    return None


def _for_local_part(found: Found, local_part: str) -> Asking[Found | Failure]:
    """The record of the local part where the domain has one for it (§4.5), else the one that was found."""
    prefixes = found.assertion.prefixes
    selector = "" if prefixes is None else local_part_selector(local_part, prefixes)
    if not selector or selector == found.selector:
        return found
    outcome = yield from look_up(f"{selector}._bimi.{found.domain}", Kind.TXT)
    if isinstance(outcome, Failure):
        return outcome
    assertions = _assertions(outcome)
    if len(assertions) != 1 or assertions[0].problem:
        return found
    return Found(assertions[0], found.domain, selector)


def _assertions(outcome: Outcome[Any]) -> list[Assertion]:
    texts = outcome.records[:MAX_RECORDS] if isinstance(outcome, Answer) else ()
    return [found for text in texts if isinstance(text, bytes) and (found := parse(text))]
