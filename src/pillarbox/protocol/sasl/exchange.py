"""The steps of a SASL exchange, and driving one on the server side (RFC 4422 §3).

A protocol feeds `Exchange.respond` with the client's octets and acts on the step that it returns:

- `Challenge`: send it; the client's answer goes into `respond`.
- `CheckPassword`, `NeedKeys`: look it up; the answer goes into `decide` or `supply`.
- `Success`, `Failure`: the exchange is over.

A client-first mechanism begins with an empty challenge; an initial response answers the first challenge,
whatever it was (RFC 4422 §5.1).
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from enum import Enum

from pillarbox.protocol.sasl.scram_keys import ScramKeys

MAX_RESPONSE_OCTETS = 8192
"""The longest decoded response. RFC 4954 §4 asks for base64 lines of 12288 octets, which hold 9216; no
mechanism here can fill even this."""


class Reason(Enum):
    """Why an exchange failed, as far as the client may know."""

    MALFORMED = "malformed"
    """The client broke the mechanism's grammar (SMTP 501, IMAP BAD)."""
    TOO_LONG = "too long"
    """A response was over its limit (SMTP 500 5.5.6)."""
    CREDENTIALS = "credentials"
    """Name, password or authorization identity was wrong; never which of them (SMTP 535 5.7.8)."""
    CHANNEL_BINDING = "channel binding"
    """Client and server are on different TLS connections, or the list of mechanisms was tampered with."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Octets to send to the client, not yet base64."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Whether this is the password of that login is to be checked. Both are prepared by SASLprep."""

    login: str
    password: str = field(repr=False)
    authorization: str = ""
    """The identity to act as; empty means the login's own (RFC 4422 §3.4.1)."""


@dataclass(frozen=True, slots=True)
class NeedKeys:
    """The SCRAM keys of this login are needed; for an unknown login, keys that match no password."""

    login: str


@dataclass(frozen=True, slots=True)
class Success:
    """The client proved to be `login` and asks to act as `authorization` (empty: as itself)."""

    login: str
    authorization: str = ""
    credential: int | None = None
    """Which of the login's SCRAM key pairs was used (`KeyPair.credential`)."""
    stored_key: bytes = field(default=b"", repr=False, compare=False)
    """That of this pair: it may have been withdrawn since the exchange began."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exchange failed. `detail` is for the log and holds no secret; the client gets the reason only."""

    reason: Reason
    detail: str = ""
    name: str = ""
    """Of the key pair whose proof was right, and refused (`KeyPair.name`)."""


Step = Challenge | CheckPassword | NeedKeys | Success | Failure
Question = Challenge | CheckPassword | NeedKeys
Answer = bytes | bool | ScramKeys

Mechanism = Generator[Question, Answer, Success]
"""The server side of a mechanism: yields questions, returns success, raises `AuthenticationFailed`."""


class AuthenticationFailed(Exception):
    """Raised inside a mechanism to end it; `Exchange` turns it into a `Failure`."""

    def __init__(self, reason: Reason, detail: str, name: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.name = name


class Exchange:
    """One authentication, server side. Not reusable: a new attempt is a new exchange."""

    __slots__ = ("_mechanism", "_question", "name")

    def __init__(self, name: str, mechanism: Mechanism) -> None:
        self.name = name
        self._mechanism = mechanism
        self._question: Question | None = next(mechanism)

    def respond(self, octets: bytes | None) -> Step:
        """Take the client's response; `None` if AUTH came without an initial response."""
        question = self._question
        assert isinstance(question, Challenge), "a response was given where none was expected"
        if octets is None:
            return question
        if len(octets) > MAX_RESPONSE_OCTETS:
            return self._fail(Reason.TOO_LONG, "response over the limit")
        return self._resume(octets)

    def decide(self, *, granted: bool) -> Step:
        """Answer `CheckPassword`."""
        assert isinstance(self._question, CheckPassword), "no password was to be checked"
        return self._resume(granted)

    def supply(self, keys: ScramKeys) -> Step:
        """Answer `NeedKeys`."""
        assert isinstance(self._question, NeedKeys), "no keys were asked for"
        return self._resume(keys)

    def _resume(self, answer: Answer) -> Step:
        try:
            self._question = self._mechanism.send(answer)
        except StopIteration as end:
            self._question = None
            success: Success = end.value
            return success
        except AuthenticationFailed as refused:
            return self._fail(refused.reason, refused.detail, refused.name)
        return self._question

    def _fail(self, reason: Reason, detail: str, name: str = "") -> Failure:
        self._question = None
        self._mechanism.close()
        return Failure(reason, detail, name)


def response_of(answer: Answer) -> bytes:
    """What a mechanism gets for a `Challenge`."""
    assert isinstance(answer, bytes)
    return answer


def granted_of(answer: Answer) -> bool:
    """What a mechanism gets for a `CheckPassword`."""
    assert isinstance(answer, bool)
    return answer


def keys_of(answer: Answer) -> ScramKeys:
    """What a mechanism gets for a `NeedKeys`."""
    assert isinstance(answer, ScramKeys)
    return answer
