"""The commands of SMTP and LMTP as values (RFC 5321 §4.1.1 and its extensions).

Their syntax is in `grammar`, their meaning in `server/smtp`. There are several to each message, so they are
structs, which are made in a tenth of a dataclass's time.
"""

from enum import Enum, StrEnum

from msgspec import Struct

from pillarbox.protocol.smtp.path import ForwardPath, ReversePath
from pillarbox.protocol.smtp.replies import Reply


class Verb(Enum):
    """The verbs; the machine's table has a column for each."""

    __hash__ = object.__hash__  # C, where Enum hashes by name in Python: the table is asked twice a command

    HELO = "HELO"
    EHLO = "EHLO"
    LHLO = "LHLO"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    BDAT = "BDAT"
    RSET = "RSET"
    NOOP = "NOOP"
    VRFY = "VRFY"
    EXPN = "EXPN"
    HELP = "HELP"
    QUIT = "QUIT"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"


class Body(StrEnum):
    """What a message is made of (RFC 6152 §2, RFC 3030 §3)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Return(Enum):
    """How much of a message a failure report returns (RFC 3461 §4.3)."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(Enum):
    """When the sender wants a report about a recipient (RFC 3461 §4.1)."""

    NEVER = "NEVER"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DELAY = "DELAY"


class FutureRelease(Struct, frozen=True, gc=False):
    """How long a message is to be held before it is sent (RFC 4865 §3); one of the times is set."""

    for_s: int | None = None
    """Seconds after it was accepted."""
    until_ms: int | None = None
    """A time, in ms since 1970."""
    request: str = ""
    """As reports repeat it (§5.1.2): `for;60`, `until;2030-01-01T08:00:00Z`."""

    def at_ms(self, now_ms: int) -> int:
        """When a message that is accepted now may leave."""
        return now_ms + self.for_s * 1000 if self.for_s is not None else self.until_ms or now_ms


class Hello(Struct, frozen=True, gc=False):
    """HELO, EHLO or LHLO, with the client's name."""

    verb: Verb
    name: str


class Mail(Struct, frozen=True, gc=False):
    """MAIL: a transaction begins."""

    reverse_path: ReversePath
    size: int | None = None
    """Octets the message is said to have (RFC 1870 §3)."""
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    require_tls: bool = False
    returns: Return | None = None
    envelope_id: str | None = None
    """ENVID, as xtext (RFC 3461 §4.4)."""
    release: FutureRelease | None = None
    """HOLDFOR or HOLDUNTIL."""

    verb = Verb.MAIL


class Rcpt(Struct, frozen=True, gc=False):
    """RCPT: one more recipient."""

    forward_path: ForwardPath
    notify: frozenset[Notify] | None = None
    """`None` where it was not given."""
    original: str | None = None
    """ORCPT, `type;xtext` (RFC 3461 §4.2)."""

    verb = Verb.RCPT


class Auth(Struct, frozen=True, gc=False):
    """AUTH: an exchange begins."""

    mechanism: str
    initial: bytes | None
    """The initial response, decoded; `None` where there is none, empty for `=` (RFC 4954 §4)."""

    verb = Verb.AUTH


class Bdat(Struct, frozen=True, gc=False):
    """BDAT: a chunk of this many octets follows, whatever the answer will be (RFC 3030 §2)."""

    octets: int
    last: bool

    verb = Verb.BDAT


class Simple(Struct, frozen=True, gc=False):
    """A command that is its verb alone: DATA RSET NOOP VRFY EXPN HELP QUIT STARTTLS."""

    verb: Verb


class RejectedCommand(Struct, frozen=True, gc=False):
    """A line that is no acceptable command, and the answer to it; `fatal` where nothing that follows
    can be trusted."""

    reply: Reply
    fatal: bool = False


Command = Hello | Mail | Rcpt | Auth | Bdat | Simple
