"""check_host() (RFC 7208 §4).

Terms are evaluated in their order, and nothing is asked before it is that term's turn: an error behind the term that
matches is never met, and one that is met ends the evaluation.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.dns import Kind
from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.trust.questions import Asking
from pillarbox.trust.results import Result
from pillarbox.trust.spf.explanation import explanation
from pillarbox.trust.spf.macros import MacroString, is_name
from pillarbox.trust.spf.mechanisms import matches, target
from pillarbox.trust.spf.parsing import is_record, parse
from pillarbox.trust.spf.record import All, Directive, Include, Network, Record
from pillarbox.trust.spf.result import Identity, SpfResult
from pillarbox.trust.spf.session import MAX_TERMS_THAT_ASK, Session, Stop, records

MAX_HELO_CHARACTERS: Final = 255
"""Of what a macro may put into a name."""


class _Verdict(Struct, frozen=True, gc=False):
    """What a record says of the client."""

    result: Result
    term: str
    """What matched; empty if nothing did."""
    record: Record
    domain: str
    """Where the record is: not where it began, after a redirect."""
    everybody: bool
    """The records that were read let (nearly) everybody pass."""


def check_host(
    ip: IPv4Address | IPv6Address,
    domain: str,
    *,
    local: str,
    helo: str,
    identity: Identity,
    receiver: str,
    now: int,
) -> Asking[SpfResult]:
    """Whether the domain lets the client send mail as `local`@`domain`; whatever the DNS says, never an error.

    `domain` as it was given, which may be anything; `receiver`: the name of this server, for explanations;
    `now`: UNIX seconds. The caller bounds the time (§4.6.4: 20 seconds at least; then it is a `temperror`).
    """
    checked = ascii_name(domain)
    if not checked:
        return SpfResult(Result.NONE, identity, "", "no domain that could have an SPF record")
    session = Session(
        ip,
        (local or "postmaster", checked),
        helo[:MAX_HELO_CHARACTERS] if helo.isascii() else ascii_name(helo),
        receiver,
        now,
    )
    try:
        found = yield from _evaluate(session, checked)
    except Stop as stop:
        return SpfResult(stop.result, identity, checked, stop.reason, lookups=session.lookups)
    if found is None:
        reason = f"{checked} does not designate permitted sender hosts"
        return SpfResult(Result.NONE, identity, checked, reason)
    explained = ""
    if found.result is Result.FAIL:
        explained = yield from explanation(session, found.record, found.domain)
    return SpfResult(
        found.result,
        identity,
        checked,
        _reason(found.result, checked, session.ip, everybody=found.everybody),
        found.term,
        explained,
        session.lookups,
        found.everybody,
    )


def ascii_name(domain: str) -> str:
    """A name of several labels as lower-case A-labels (§4.3, RFC 8616 §4); empty for anything else."""
    if domain.startswith("["):
        return ""
    try:
        name = domain_key(domain.removesuffix("."))
    except InvalidAddress:
        return ""
    _, dot, top = name.rpartition(".")
    # An address without brackets is no name either
    return name if dot and not top.isdigit() and is_name(name) else ""


def _evaluate(session: Session, domain: str) -> Asking[_Verdict | None]:
    """What the record of the domain says; None without one. Raises `Stop`."""
    record = yield from _record_of(session, domain)
    if record is None:
        return None
    everybody, pending = record.permits_everybody, _pending(session, record)
    # While the DNS is asked, hundreds of terms would take twenty times the octets of the record
    record = replace(record, directives=(), unknown=())
    for directive in pending:
        mechanism = directive.mechanism
        if isinstance(mechanism, Network | All):
            matched = True  # the others are not pending
        else:
            session.count_term()
            if isinstance(mechanism, Include):
                included = yield from _other(session, mechanism.domain, domain, directive.text)
                matched = included is not None and included.result is Result.PASS
                if included is not None and included.everybody and directive.result is Result.PASS:
                    everybody = True
            else:
                matched = yield from matches(session, mechanism, domain)
        if matched:
            return _Verdict(directive.result, directive.text, record, domain, everybody)
    if record.redirect is not None:
        session.count_term()
        other = yield from _other(session, record.redirect, domain, "redirect")
        if other is not None:
            everybody = everybody or other.everybody
            return _Verdict(other.result, other.term, other.record, other.domain, everybody)
    return _Verdict(Result.NEUTRAL, "", record, domain, everybody)


def _pending(session: Session, record: Record) -> tuple[Directive, ...]:
    """The directives that may decide: those that ask, as many as may, up to the first that matches without asking."""
    found, left = list[Directive](), 1 + MAX_TERMS_THAT_ASK - session.lookups
    for directive in record.directives:
        mechanism = directive.mechanism
        if isinstance(mechanism, Network):
            if not session.is_in(mechanism):
                continue
            left = 0
        elif isinstance(mechanism, All):
            left = 0
        found.append(directive)
        left -= 1
        if left <= 0:
            break
    return tuple(found)


def _other(session: Session, string: MacroString, domain: str, term: str) -> Asking[_Verdict | None]:
    """What another record says (§5.2, §6.1); None if the term does not apply. Raises `Stop`."""
    name = yield from target(session, string, domain)
    if name is None:
        return None
    # As for the first domain (§4.3), but names with other characters are published, too
    found = (yield from _evaluate(session, name)) if "." in name else None
    if found is None:
        raise Stop(Result.PERMERROR, f"{term}: no SPF record at {name or 'what is no domain'}")
    return found


def _record_of(session: Session, domain: str) -> Asking[Record | None]:
    """§4.4 and §4.5. Raises `Stop`."""
    found = [octets for octets in (yield from records(domain, Kind.TXT)) if is_record(octets)]
    if not found:
        return None
    if len(found) > 1:
        raise Stop(Result.PERMERROR, f"more than one SPF record at {domain}")
    session.count_octets(len(found[0]))
    parsed = parse(found[0].decode("latin-1"))
    if not isinstance(parsed, Record):
        raise Stop(Result.PERMERROR, f"invalid SPF record at {domain}: {parsed[0]}")
    return parsed


def _reason(result: Result, domain: str, ip: IPv4Address | IPv6Address, *, everybody: bool) -> str:
    match result:
        case Result.PASS:
            others = ", as nearly every address" if everybody else ""
            return f"{domain} designates {ip} as permitted sender{others}"
        case Result.FAIL:
            return f"{domain} does not designate {ip} as permitted sender"
        case Result.SOFTFAIL:
            return f"{domain}, which is in transition, does not designate {ip} as permitted sender"
        case _:
            return f"{ip} is neither permitted nor denied by {domain}"
