"""The mechanisms that ask for addresses (RFC 7208 §5.3 to §5.5, §5.7), and the names that a client really has."""

from pillarbox.dns import Answer, Kind, normal_name
from pillarbox.trust.questions import Asking, Lookup
from pillarbox.trust.results import Result
from pillarbox.trust.spf.macros import MacroString, is_name, target_name
from pillarbox.trust.spf.record import A, Exists, Mx, Ptr
from pillarbox.trust.spf.session import MAX_CLIENT_NAMES, MAX_EXCHANGES, Session, Stop, records

UNKNOWN_NAME = "unknown"
"""What `%{p}` is for a client without a name of its own (§7.3)."""


def matches(session: Session, mechanism: A | Mx | Ptr | Exists, domain: str) -> Asking[bool]:
    """Whether the mechanism matches. Raises `Stop`."""
    name = yield from target(session, mechanism.domain, domain)
    if not name:
        return False  # §4.8 leaves names that the DNS cannot hold to us; RFC 8616 §4 does not leave them
    match mechanism:
        case A():
            addresses = yield from records(name, session.host_kind)
            if not addresses:
                session.count_void()
            return session.is_near(addresses, mechanism.prefix4, mechanism.prefix6)
        case Mx():
            return (yield from _is_exchange(session, mechanism, name))
        case Ptr():
            return (yield from _is_within(session, name))
        case Exists():
            found = yield from records(name, Kind.A)
            if not found:
                session.count_void()
            return bool(found)


def target(
    session: Session, string: MacroString | None, domain: str, *, counted: bool = True
) -> Asking[str | None]:
    """The target-name (§4.8); empty for one that the DNS cannot hold, None for one that nothing may match.

    `counted`: a macro that asks for the name of the client counts as a term that asks. Raises `Stop`.
    """
    if string is None:
        return domain
    letters = string.letters
    if not letters:
        return string.name
    # RFC 8616 §4: a local part that is not ASCII is in no name
    if not session.local.isascii() and ("l" in letters or "s" in letters):
        return None
    values = session.values(domain)
    if "p" in letters:
        values["p"] = yield from client_name(session, domain, counted=counted)
    return target_name(string, values)


def client_name(session: Session, domain: str, *, counted: bool) -> Asking[str]:
    """`%{p}` (§7.3): a name that has the client's address, of this domain if possible. Raises `Stop`."""
    if counted and session.client_names is None:
        session.count_term()
    names = yield from _client_names(session)
    for name in sorted(names, key=lambda name: 0 if name == domain else 1 if _within(name, domain) else 2):
        if (yield from _is_valid(session, name)):
            return name
    return UNKNOWN_NAME


def _is_exchange(session: Session, mechanism: Mx, name: str) -> Asking[bool]:
    exchanges = yield from records(name, Kind.MX)
    if len(exchanges) > MAX_EXCHANGES:
        raise Stop(Result.PERMERROR, f"more than {MAX_EXCHANGES} mail exchangers at {name}")
    found = False
    # Sorted, so that the result does not depend on the order in which the DNS has them
    ordered = sorted(exchanges, key=lambda mx: (mx.preference, mx.exchange))
    for exchange in dict.fromkeys(mx.exchange for mx in ordered):
        if is_name(exchange):
            addresses = yield from records(exchange, session.host_kind)
            if session.is_near(addresses, mechanism.prefix4, mechanism.prefix6):
                return True
            found = found or bool(addresses)
    if not found:
        session.count_void()
    return False


def _is_within(session: Session, domain: str) -> Asking[bool]:
    names = yield from _client_names(session)
    if not names:
        session.count_void()
    for name in names:
        # The other way round, the names are asked for that cannot match, too
        if _within(name, domain) and (yield from _is_valid(session, name)):
            return True
    return False


def _client_names(session: Session) -> Asking[tuple[str, ...]]:
    """What the client is called, according to whoever has its address; none if that cannot be said (§5.5)."""
    if session.client_names is None:
        outcome = yield Lookup(session.ip.reverse_pointer, Kind.PTR)
        found = outcome.records[:MAX_CLIENT_NAMES] if isinstance(outcome, Answer) else ()
        names = (normal_name(name) for name in found)
        session.client_names = tuple(name for name in dict.fromkeys(names) if is_name(name))
    return session.client_names


def _is_valid(session: Session, name: str) -> Asking[bool]:
    """Whether the name has the client's address, too; not if that cannot be said (§5.5)."""
    if name not in session.validated:
        outcome = yield Lookup(name, session.host_kind)
        addresses = outcome.records if isinstance(outcome, Answer) else ()
        session.validated[name] = session.is_near(addresses, 32, 128)
    return session.validated[name]


def _within(name: str, domain: str) -> bool:
    domain = normal_name(domain)
    return name == domain or name.endswith(f".{domain}")
