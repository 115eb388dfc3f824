"""Replies of an SMTP server: three digits, an enhanced status code, a text (RFC 5321 §4.2, RFC 2034).

Always true: the class digit of the enhanced code *is* the first digit of the reply code, so it is
stored once; replies are ASCII (RFC 6531 §3.7.4.2) and no line of one exceeds 512 octets (RFC 5321
§4.5.3.1.5); a reply is rendered once, when it is made. Texts are those of other servers where these agree.
They reveal little; details are for the log.
"""

from dataclasses import dataclass, field

MAX_LINE_OCTETS = 512
"""The longest reply line with its CRLF (RFC 5321 §4.5.3.1.5)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer to one command.

    `status` is the enhanced code without its class, such as `"1.1"`; empty where RFC 2034 §4
    wants none (greetings, EHLO, 3yz).
    """

    code: int
    status: str
    text: str
    more: tuple[str, ...] = ()
    octets: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "octets", self._rendered())

    def _rendered(self) -> bytes:
        status = f"{self.code // 100}.{self.status} " if self.status else ""
        if not self.more:
            return _line(f"{self.code} {status}{self.text}")
        lines = (self.text, *self.more)
        last = len(lines) - 1
        return b"".join(
            _line(f"{self.code}{' ' if at == last else '-'}{status}{text}") for at, text in enumerate(lines)
        )

    @property
    def positive(self) -> bool:
        """Whether the command succeeded (2yz)."""
        return self.code < 300

    @property
    def transient(self) -> bool:
        """Whether the same command may succeed later (4yz)."""
        return 400 <= self.code < 500


def _line(text: str) -> bytes:
    # Nothing a peer sent may start a reply line of its own: control characters become "?".
    safe = text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
    return safe.encode("ascii", "replace")[: MAX_LINE_OCTETS - 2] + b"\r\n"


# Success
OK = Reply(250, "0.0", "OK")
SENDER_OK = Reply(250, "1.0", "Sender OK")
RECIPIENT_OK = Reply(250, "1.5", "Recipient OK")
RESET = Reply(250, "0.0", "Reset")
CANNOT_VERIFY = Reply(252, "5.1", "Cannot VRFY user, but will accept message and attempt delivery")
AUTHENTICATED = Reply(235, "7.0", "Authentication successful")
START_TLS = Reply(220, "0.0", "Ready to start TLS")
START_DATA = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
HELP = Reply(214, "0.0", "See RFC 5321", ("EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT",))

# The peer broke the protocol
UNRECOGNIZED = Reply(500, "5.1", "Command not recognized")
NOT_IMPLEMENTED = Reply(502, "5.1", "Command not implemented")
LINE_TOO_LONG = Reply(500, "5.2", "Line too long")
LINE_END = Reply(500, "5.2", "Bare <LF> received, closing connection")
FOREIGN = Reply(500, "5.1", "Non-SMTP command, closing connection")
NOT_UTF8 = Reply(500, "5.2", "Command is not UTF-8")
CONTROL = Reply(501, "5.2", "Control characters are not allowed in a command")
NO_ARGUMENT = Reply(501, "5.4", "No argument expected")
SYNTAX_HELLO = Reply(501, "5.4", "Syntax: EHLO hostname")
SYNTAX_MAIL = Reply(501, "5.4", "Syntax: MAIL FROM:<address>")
SYNTAX_RCPT = Reply(501, "5.4", "Syntax: RCPT TO:<address>")
SYNTAX_BDAT = Reply(501, "5.4", "Syntax: BDAT size [LAST], closing connection")
SYNTAX_AUTH = Reply(501, "5.4", "Syntax: AUTH mechanism [initial-response]")
SYNTAX_VRFY = Reply(501, "5.4", "Syntax: VRFY address")
SENDER_SYNTAX = Reply(501, "1.7", "Bad sender address syntax")
RECIPIENT_SYNTAX = Reply(501, "1.3", "Bad recipient address syntax")
PATH_TOO_LONG = Reply(501, "1.3", "Path too long")
PARAMETER_SYNTAX = Reply(501, "5.4", "Bad parameter syntax")
HOLD_TOO_LONG = Reply(501, "5.4", "Held for too long, or until a time that has passed")
PARAMETER_TWICE = Reply(501, "5.4", "Duplicate parameter")
PARAMETER_UNKNOWN = Reply(555, "5.4", "Unsupported parameter")
NEED_HELLO = Reply(503, "5.1", "Send HELO/EHLO first")
NEED_MAIL = Reply(503, "5.1", "Need MAIL command")
NEED_RECIPIENT = Reply(503, "5.1", "No valid recipients")
NESTED_MAIL = Reply(503, "5.1", "Nested MAIL command")
OUT_OF_ORDER = Reply(503, "5.1", "Bad sequence of commands")
MIXED_DATA = Reply(503, "5.1", "DATA and BDAT cannot be mixed")
NEED_RESET = Reply(503, "5.1", "Transaction failed, send RSET")
BINARY_NEEDS_CHUNKS = Reply(503, "5.1", "BODY=BINARYMIME requires BDAT")

# TLS and authentication
TLS_ACTIVE = Reply(503, "5.1", "TLS already active")
TLS_NOT_AVAILABLE = Reply(454, "7.0", "TLS not available")
TLS_FIRST = Reply(530, "7.0", "Must issue a STARTTLS command first")
AUTH_FIRST = Reply(530, "7.0", "Authentication required")
AUTH_TWICE = Reply(503, "5.1", "Already authenticated")
AUTH_NEEDS_TLS = Reply(538, "7.11", "Encryption required for authentication")
AUTH_MECHANISM = Reply(504, "5.4", "Unrecognized authentication type")
AUTH_CANCELLED = Reply(501, "7.0", "Authentication aborted")
AUTH_BASE64 = Reply(501, "5.2", "Invalid base64 data")
AUTH_TOO_LONG = Reply(500, "5.6", "Authentication exchange line is too long")
AUTH_FAILED = Reply(535, "7.8", "Authentication failed")
AUTH_LATER = Reply(454, "7.0", "Temporary authentication failure")

# Policy: refusals are values
RELAY_DENIED = Reply(550, "7.1", "Relay access denied")
TOO_MUCH_HELD = Reply(552, "7.16", "Too much mail is held for future release already")
USER_UNKNOWN = Reply(550, "1.1", "Recipient address rejected: User unknown")
MAILBOX_FULL = Reply(452, "2.2", "Quota exceeded (mailbox is full)")
MAILBOX_DISABLED = Reply(550, "2.1", "Mailbox disabled, not accepting messages")
SENDER_NOT_OWNED = Reply(550, "7.1", "Sender address rejected: not owned by user")
FROM_NOT_OWNED = Reply(550, "7.1", "From address rejected: not owned by user")
SENDER_NON_ASCII = Reply(550, "6.7", "SMTPUTF8 is required for this sender address")
RECIPIENT_NON_ASCII = Reply(553, "6.7", "SMTPUTF8 is required for this recipient address")
TOO_MANY_RECIPIENTS = Reply(452, "5.3", "Too many recipients")
TOO_LARGE = Reply(552, "3.4", "Message size exceeds fixed limit")
TOO_MANY_HOPS = Reply(554, "4.6", "Too many hops")
NO_FROM = Reply(554, "6.0", "Message has no valid From header field")
HEADER_TOO_LARGE = Reply(554, "6.0", "Message header is too large")
HEADER_AMBIGUOUS = Reply(554, "6.0", "Message header is malformed")
SYSTEM_FULL = Reply(452, "3.1", "Insufficient system storage")
SYSTEM_BUSY = Reply(452, "3.1", "Insufficient system resources, try again later")
LOCAL_ERROR = Reply(451, "3.0", "Local error in processing")


def accepted(identifier: str) -> bytes:
    """The octets of the answer to a message that was accepted; its identifier is ASCII."""
    return b"250 2.0.0 OK %b\r\n" % identifier.encode("ascii")


def greeting(hostname: str, protocol: str) -> Reply:
    """The first line of a connection (RFC 5321 §4.3.1)."""
    return Reply(220, "", f"{hostname} {protocol} Pillarbox")


def goodbye(hostname: str) -> Reply:
    """The answer to QUIT (RFC 5321 §4.1.1.10)."""
    return Reply(221, "0.0", f"{hostname} closing connection")


def closing(hostname: str, status: str, why: str) -> Reply:
    """421: the server must end the connection by itself (RFC 5321 §3.8)."""
    return Reply(421, status, f"{hostname} {why}, closing connection")


def insufficient(why: str) -> Reply:
    """A login that is right, and may not send. RFC 4954 §6: 535 is for "invalid or insufficient" credentials, and makes
    programs ask for others; a 5yz that is not about them (550) would be taken for the refusal of a message."""
    return Reply(AUTH_FAILED.code, AUTH_FAILED.status, f"{AUTH_FAILED.text}: {why}")


def too_weak(why: str) -> Reply:
    """A password that is right, and is not enough for who has a second factor. RFC 4954 §6: 534 is for what is "weaker
    than server policy permits for that user"; large providers answer with it, and programs show what it says."""
    return Reply(534, "7.9", why)


def challenge(base64: str) -> Reply:
    """A server challenge of an AUTH exchange; "334 " alone where it is empty (RFC 4954 §4)."""
    return Reply(334, "", base64)
