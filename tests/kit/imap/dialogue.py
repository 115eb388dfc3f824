"""A bare IMAP machine and the simplest session there can be, for tests: what a dialogue gives, without a server.

The session accepts everything: every login, every message, and selects a mailbox of the
UIDs it was sent. `send` returns what a server would have done, as one list of events.
"""

from collections.abc import Iterable

from pillarbox.mail.identifiers import MailboxId, ModSeq, UidValidity
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import commands
from pillarbox.protocol.imap.capabilities import Conditions
from pillarbox.protocol.imap.commands import (
    Authenticate,
    Close,
    Enable,
    Idle,
    Login,
    Logout,
    Select,
    StartTls,
    Unselect,
)
from pillarbox.protocol.imap.events import Bye, Event, MessageOffered, Received, SaslResponse
from pillarbox.protocol.imap.machine import Machine
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.protocol.imap.states import State

CONDITIONS = Conditions(tls_available=True, passwords_allowed=True, mechanisms=("PLAIN", "SCRAM-SHA-256"))

COMMAND_TYPES = {
    kind
    for kind in vars(commands).values()
    if isinstance(kind, type) and issubclass(kind, commands.Command) and kind is not commands.Command
}
"""Every command's type."""


RECENT = NumberSet(((8, 8),))


def view(uids: Iterable[int] = (1, 2, 3, 5, 8), *, recent: NumberSet = RECENT) -> SelectedMailbox:
    """A selected mailbox."""
    return SelectedMailbox(
        mailbox=MailboxId(7),
        name="INBOX",
        uid_validity=UidValidity(42),
        uids=uids,
        modseq=ModSeq(100),
        recent=recent,
    )


class Dialogue:
    """One machine and its obliging session."""

    def __init__(
        self,
        state: State = State.NOT_AUTHENTICATED,
        *,
        conditions: Conditions = CONDITIONS,
        append_limit: int = 1000,
    ) -> None:
        self.machine = Machine(conditions, append_limit=append_limit)
        self.written = b""
        if state is not State.NOT_AUTHENTICATED:
            self.send(b"login LOGIN a b\r\n")
        if state is State.SELECTED:
            self.send(b"select SELECT INBOX\r\n")
        if state is State.LOGOUT:
            self.send(b"logout LOGOUT\r\n")

    def send(self, octets: bytes) -> list[Event]:
        """Feed octets; all events, carried out one by one as a pump would."""
        found: list[Event] = []
        events = list(self.machine.receive(octets))
        while events:
            for event in events:
                found.append(event)
                self._carry_out(event)
            events = list(self.machine.receive(b""))
        return found

    def commands(self, octets: bytes) -> list[object]:
        """The commands among the events."""
        return [event.command for event in self.send(octets) if isinstance(event, Received)]

    def _carry_out(self, event: Event) -> None:
        machine = self.machine
        match event:
            case Received(_, Login()) | SaslResponse():
                machine.authenticated()
            case Received(_, Authenticate()):
                self.written += machine.challenge(b"")
            case Received(_, Select()):
                machine.deselect()
                machine.select(view())
            case Received(_, Close() | Unselect()):
                machine.deselect()
            case Received(_, Enable(names)):
                machine.enable(names)
            case Received(_, Idle()):
                self.written += machine.begin_idle()
            case Received(_, Logout()) | Bye():
                machine.logged_out()
            case Received(_, StartTls()):
                machine.discard()
                machine.tls_started(Conditions(mechanisms=("PLAIN",)))
            case MessageOffered():
                self.written += machine.accept_message()
            case _:
                pass
