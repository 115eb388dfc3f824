"""The explanation that a domain gives to those that fail (RFC 7208 §6.2)."""

from typing import Final

from pillarbox.dns import Answer, Kind
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.spf.macros import TEXT_LETTERS, InvalidMacro, expand, parse_string
from pillarbox.trust.spf.mechanisms import client_name, target
from pillarbox.trust.spf.record import Record
from pillarbox.trust.spf.session import Session

MAX_EXPLANATION_OCTETS: Final = 400
"""What is longer is cut, so that it fits into a reply of 512 octets (RFC 5321 §4.5.3.1.5)."""
MAX_TEMPLATE_OCTETS: Final = 2048
"""What is longer is ignored."""


def explanation(session: Session, record: Record, domain: str) -> Asking[str]:
    """The text, in visible ASCII; empty where there is none, or it is in any way wrong."""
    if record.explanation is None:
        return ""
    name = yield from target(session, record.explanation, domain, counted=False)
    if not name:
        return ""
    outcome = yield Lookup(name, Kind.TXT)
    if not isinstance(outcome, Answer) or len(outcome.records) != 1:
        return ""
    template = outcome.records[0]
    if len(template) > MAX_TEMPLATE_OCTETS:
        return ""
    try:
        string = parse_string(template.decode("latin-1"), TEXT_LETTERS)
    except InvalidMacro:
        return ""
    values = session.values(domain)
    if "p" in string.letters:
        values["p"] = yield from client_name(session, domain, counted=False)
    text = expand(string, values, MAX_EXPLANATION_OCTETS)
    # A sender's local part, or what it calls itself, may be anything
    return text if text.isascii() and text.isprintable() else ""
