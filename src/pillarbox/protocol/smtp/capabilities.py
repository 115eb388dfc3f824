"""What EHLO announces, from one table: by role, TLS and authentication.

A row holds the keyword, when it is offered, its value, and which parameters of MAIL and RCPT it brings. The
EHLO reply and the parameters that are accepted are derived from the rows, so that nothing is announced that
is refused (RFC 5321 §4.2.4) and nothing is accepted that was not announced (RFC 5321 §4.1.1.11).

ETRN is not offered: a submission server must not (RFC 6409 §7), and no mail is held for pickup here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from msgspec import Struct

from pillarbox.mail import internet_date


class Role(Enum):
    """What a service is for."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python

    MX = "smtp"
    """Mail from other providers, for our own recipients (RFC 5321)."""
    SUBMISSION = "submission"
    """Mail from our own users, STARTTLS (RFC 6409)."""
    SUBMISSIONS = "submissions"
    """The same with TLS from the first octet (RFC 8314 §3.3)."""
    LMTP = "lmtp"
    """Mail from a program nearby with a queue, one answer for each recipient (RFC 2033)."""

    @property
    def submits(self) -> bool:
        """Whether this role accepts mail from logged-in accounts, for any recipient."""
        return self in (Role.SUBMISSION, Role.SUBMISSIONS)


class Conditions(Struct, frozen=True, gc=False, kw_only=True):
    """What the offer depends on."""

    role: Role
    tls_active: bool = False
    tls_available: bool = False
    """A certificate is there and TLS is not active."""
    mechanisms: tuple[str, ...] = ()
    """SASL mechanisms that may be used now; empty where there are none, or after authentication."""
    message_octets: int
    """The largest message, as RFC 1870 counts: 552 5.3.4."""
    recipients: int
    """RCPT commands in a transaction (RFC 5321 §4.5.3.1.8 asks for 100 at least): 452 4.5.3."""
    transactions: int
    """MAIL commands in a session: 421 4.7.0."""
    max_hold_s: int = 0
    """How long a submitted message may be held at most (RFC 4865): 501 5.5.4."""
    latest_release_ms: int = 0
    """Until when, in ms since 1970."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A row of the table."""

    keyword: str
    offered: Callable[[Conditions], bool] = lambda _: True
    value: Callable[[Conditions], str] = lambda _: ""
    mail: frozenset[str] = frozenset()
    """Parameters that MAIL may carry where this is offered."""
    rcpt: frozenset[str] = frozenset()


def _size(conditions: Conditions) -> str:
    return str(conditions.message_octets)


def _limits(conditions: Conditions) -> str:
    # RFC 9422 §4: both count commands, whether they succeed or not
    return f"MAILMAX={conditions.transactions} RCPTMAX={conditions.recipients}"


def _release(conditions: Conditions) -> str:
    return f"{conditions.max_hold_s} {internet_date.written(conditions.latest_release_ms)}"


def _unbound(conditions: Conditions) -> str:
    return " ".join(name for name in conditions.mechanisms if not name.endswith("-PLUS"))


CAPABILITIES = (
    Extension("PIPELINING"),  # RFC 2920
    Extension("SIZE", value=_size, mail=frozenset({"SIZE"})),  # RFC 1870
    Extension("8BITMIME", mail=frozenset({"BODY"})),  # RFC 6152
    Extension("SMTPUTF8", mail=frozenset({"SMTPUTF8"})),  # RFC 6531
    Extension("ENHANCEDSTATUSCODES"),  # RFC 2034
    Extension("CHUNKING"),  # RFC 3030 §2
    Extension("BINARYMIME", mail=frozenset({"BODY"})),  # RFC 3030 §3
    # RFC 3461. Not for strangers: their reverse-path may be anybody's, and a report of success would go there
    Extension(
        "DSN",
        lambda c: c.role is not Role.MX,
        mail=frozenset({"RET", "ENVID"}),
        rcpt=frozenset({"NOTIFY", "ORCPT"}),
    ),
    # RFC 4865 §4.2: on submission only
    Extension(
        "FUTURERELEASE",
        lambda c: c.role.submits and c.max_hold_s > 0,
        _release,
        mail=frozenset({"HOLDFOR", "HOLDUNTIL"}),
    ),
    Extension("LIMITS", value=_limits),  # RFC 9422
    # RFC 8689 §2: only in a session that TLS protects
    Extension("REQUIRETLS", lambda c: c.tls_active, mail=frozenset({"REQUIRETLS"})),
    # RFC 3207 §4.2: not once TLS is active
    Extension("STARTTLS", lambda c: c.tls_available and not c.tls_active),
    Extension(
        "AUTH",  # RFC 4954
        lambda c: c.role.submits and bool(c.mechanisms),
        lambda c: " ".join(c.mechanisms),
        # RFC 4954 §5: understood where AUTH is announced, authenticated or not
        mail=frozenset({"AUTH"}),
    ),
    # mutt with GNU SASL takes a -PLUS mechanism wherever it sees one, cannot bind, and gives up. It reads the
    # last of several AUTH lines; clients that can bind read them all.
    Extension("AUTH", lambda c: c.role.submits and any(m.endswith("-PLUS") for m in c.mechanisms), _unbound),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """All that is offered under some conditions."""

    lines: tuple[str, ...]
    """EHLO lines after the greeting."""
    mail: frozenset[str]
    rcpt: frozenset[str]


@lru_cache(maxsize=256)
def offered(conditions: Conditions) -> Offer:
    """The table under these conditions."""
    rows = [row for row in CAPABILITIES if row.offered(conditions)]
    mail = frozenset().union(*(row.mail for row in rows))
    return Offer(
        lines=tuple(f"{row.keyword} {row.value(conditions)}".rstrip() for row in rows),
        # ... and after authentication, when AUTH itself is offered no more
        mail=mail | {"AUTH"} if conditions.role.submits else mail,
        rcpt=frozenset().union(*(row.rcpt for row in rows)),
    )
