"""Waiting for a message, one poll at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pillarbox.testing.message import Message
from pillarbox.testing.reader import Reader

POLL_S = 0.02
"""How often to look."""


@dataclass(slots=True)
class Watch:
    """A search for the first message that matches."""

    readers: dict[Reader, int]
    """The mailboxes to look in, each with the last UID that was seen."""
    mailbox: str
    subject: str | None
    where: Callable[[Message], bool]
    others: list[str] = field(default_factory=list)
    """Messages that did not match, for the error message."""

    def look(self) -> Message | None:
        """The first match among the messages that are new since the last look."""
        for reader, last in self.readers.items():
            for message in reader.messages(self.mailbox, after_uid=last):
                self.readers[reader] = message.uid
                if self.subject in (None, message.subject) and self.where(message):
                    return message
                self.others.append(self.told(message))
        return None

    @staticmethod
    def told(message: Message) -> str:
        """The message, in an error message."""
        return f"'{message.subject}' for {message.address}"

    def timed_out(self, seconds: float, elsewhere: Sequence[str]) -> TimeoutError:
        """The exception for a message that did not arrive. `elsewhere`: what did, in other accounts."""
        wanted = "" if self.subject is None else f" with the subject '{self.subject}'"
        there = ", ".join(self.others) or "nothing"
        in_others = f"; in other accounts: {', '.join(elsewhere)}" if elsewhere else ""
        return TimeoutError(f"no message{wanted} came in {seconds} s; there was: {there}{in_others}")
