"""The contract between a protocol's session and the pump that carries it.

A connection is carried by one `Pump`. Octets go into the session's
*machine* (pure, sans-IO), events come out, and the *session* handles them one after another. The
session answers through its `Connection`.

What is always true:

1. `opened()` runs first, then `handle()` for each event; never two of them at once.
2. `closed()` is called exactly once, after the last `handle()` has ended.
3. `machine.receive()` is called only when every event returned before has been handled. So a machine
   that cannot tell what comes next until an event was handled (a literal that may be refused, an
   exchange of SASL responses, STARTTLS) returns that event last and holds the rest back; when it is
   handled the pump calls `receive(b"")` for as long as something is `buffered` and events come.
4. What the peer sent in plain text after STARTTLS is never looked at (RFC 3207 §6, RFC 9051 §6.2.1).
5. An exception in one session ends that connection only, and is reported once.

A handler that does not wait runs without a task of its own, inside the callback that brought the
octets, so `asyncio.current_task()` may be `None` in it and `asyncio.timeout()` needs a task
made by the handler. Long calculations belong in a thread or process, as everywhere in a loop.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from pillarbox.directory.sign_in.credential_marks import Login
from pillarbox.mail.identifiers import AccountId

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class Machine(Protocol[E_co]):
    """A protocol without a socket: octets in, events out."""

    @property
    def buffered(self) -> int:
        """Octets received that are part of no event yet."""

    def receive(self, octets: bytes) -> Sequence[E_co]:
        """Take a chunk of any size; return every event that is now complete. Never raises.

        `receive(b"")` goes on with what is buffered, now that the earlier events are handled.
        """

    def discard(self) -> int:
        """Forget what is buffered (TLS begins); return how many octets that were."""


class Session(Protocol[E]):
    """One protocol's behaviour on one connection; may hold state, owns no socket."""

    @property
    def machine(self) -> Machine[E]:
        """The machine that reads this connection; the same object for the connection's life."""

    async def opened(self) -> None:
        """The connection is open (TLS included, where it is implicit): greet."""

    async def handle(self, event: E) -> None:
        """Answer one event. May wait; the next event waits meanwhile."""

    def timed_out(self) -> bytes:
        """What to say when the deadline has passed; empty where the protocol says nothing."""

    def scarce(self) -> bytes:
        """What to say when memory is scarce, and what the peer has sent of a command must be dropped."""

    def failed(self) -> bytes:
        """What to say when `opened()` or `handle()` raised: 421, `* BYE`, `-ERR`."""

    def ending(self) -> bytes:
        """What to say when the server goes away."""

    @property
    def accounts(self) -> Collection[AccountId]:
        """The accounts that this session acts for: none before login, more than one where requests of
        several users share a connection (HTTP)."""

    @property
    def logins(self) -> Collection[Login]:
        """The same, each with the password that it was logged in to with."""

    def revoked(self) -> bytes:
        """What to say when one of `logins` is no longer good."""

    def kicked(self) -> bytes:
        """What to say when an operator ends the session."""

    def activity(self) -> "Activity":
        """What the session is doing, for an operator who looks at it."""

    def closed(self) -> None:
        """The connection is gone: release and unsubscribe. Must not raise, cannot write."""


class Activity(Struct, frozen=True, gc=False):
    """What a session is doing. Texts are as the client wrote them: `mail.visible` shows them."""

    login: str = ""
    """Who has logged in."""
    state: str = ""
    """In the protocol's words, with what it is about: `selected INBOX`."""
    command: str = ""
    """The last command, or the one at work."""
    client: str = ""
    """What the client calls itself."""


class Peer(Struct, frozen=True, gc=False):
    """One end of a connection. `address` is an IP address as text, `port` 0 for a unix socket."""

    address: str
    port: int


LOGIN_ENDED: Final = "This login is no longer valid: log in again"
"""What clients of all protocols are told: the reason is for who logs in again with the right password."""
NOBODY: Final = Peer("", 0)
"""Where the transport tells nothing: a unix socket, or not connected yet."""


@dataclass(frozen=True, slots=True)
class TlsState:
    """The TLS layer of a connection."""

    version: str
    """As OpenSSL writes it: `TLSv1.3`."""
    cipher: str
    """As OpenSSL writes it: `TLS_AES_256_GCM_SHA384`."""
    bits: int
    """Secret bits of the cipher."""
    bindings: Callable[[str], bytes | None]
    """`channel_binding`."""
    alpn: str | None = None
    """The protocol agreed on by ALPN (RFC 7301), or `None` where none was."""

    def channel_binding(self, kind: str) -> bytes | None:
        """Channel binding data of this `kind` (`tls-exporter`, `tls-server-end-point`), or
        `None` where it cannot be had (RFC 5929, RFC 9266)."""
        return self.bindings(kind)


class ConnectionGone(Exception):
    """The peer left while we waited for it. A handler that lets it pass ends its connection, unreported."""


class Connection(Protocol):
    """What a session may do with its connection. All of it belongs to the loop's thread."""

    @property
    def peer(self) -> Peer:
        """The other side."""

    @property
    def local(self) -> Peer:
        """Our side."""

    @property
    def tls(self) -> TlsState | None:
        """The TLS layer, or `None` in plain text."""

    @property
    def tls_available(self) -> bool:
        """Whether `start_tls()` can be offered: a certificate is there and TLS is not yet on."""

    @property
    def gone(self) -> bool:
        """Whether nothing written will arrive any more."""

    @property
    def half_closed(self) -> bool:
        """Whether the peer has sent all it will. In plain text it may as well be gone: writing shows it."""

    @property
    def ending(self) -> bool:
        """Whether the connection ends after the event at work: the server goes away, or the session was ended."""

    def write(self, octets: bytes) -> None:
        """Send; never waits. After bulk output await `drain`. Nothing happens once gone."""

    async def drain(self) -> None:
        """Wait while the peer reads slower than we write.

        Raises `ConnectionGone` when the connection is lost.
        """

    async def give_way(self) -> None:
        """Let other connections be served, between the slices (of a few milliseconds) of what takes long."""

    async def start_tls(self) -> int:
        """Begin TLS; the go-ahead has just been written, with no waiting in between.

        Returns the octets that were received too early, dropped unread: more than zero is an
        attempt at injection or a broken client. Raises `ConnectionGone` when the handshake
        fails.
        """

    def post(self, event: object) -> None:
        """Queue an event of our own for `handle()` (a mailbox has changed)."""

    def set_deadline(self, seconds: float) -> None:
        """From now on the peer must send something (a whole event, or bulk octets) this often.

        Time spent in a handler does not count, except while it waits in `drain`.
        """

    def close(self) -> None:
        """Send what was written, then close. Events not yet handled are dropped."""

    def abort(self) -> None:
        """Close at once; what was written may be lost."""


SessionFactory = Callable[[Connection], Session[E]]
