"""An IMAP client that keeps what it was sent, and raises `Broken` where that contradicts what came before.

It keeps what RFC 9051 lets a client conclude: how many messages there are, which UID each sequence number has,
which flags it was last sent. Every untagged response is checked against that: EXPUNGE only where it may
come, EXISTS never falling, UIDs rising and never changing under a number, VANISHED naming known messages
only, MODSEQ never falling for a message. What goes wrong raises `Broken`.
"""

from dataclasses import dataclass, field

from tests.kit.imap.responses import Atom, Data, Fetched, Numbered, Response, Status


class Broken(AssertionError):
    """The server contradicted itself."""


@dataclass
class Known:
    """What the client knows of one message; None until it was sent."""

    uid: int | None = None
    flags: frozenset[bytes] | None = None
    modseq: int = 0


@dataclass
class Belief:
    """A selected mailbox as one client sees it."""

    messages: list[Known] = field(default_factory=list)
    uid_next: int = 1
    uid_validity: int = 0
    highest_modseq: int = 0
    recent: int = 0
    names: frozenset[bytes] = frozenset()
    """Flags that the last FLAGS response named."""

    def receive(self, response: Response, *, expunges: bool) -> None:
        """Take in an untagged response; `expunges`: whether EXPUNGE may be sent now."""
        match response:
            case Numbered(number, b"EXISTS"):
                if number < len(self.messages):
                    raise Broken(f"EXISTS fell from {len(self.messages)} to {number}")
                self.messages += [Known() for _ in range(number - len(self.messages))]
            case Numbered(number, b"RECENT"):
                self.recent = number
            case Numbered(number, b"EXPUNGE"):
                if not expunges:
                    raise Broken("EXPUNGE where it must not be")
                self._at(number)
                del self.messages[number - 1]
            case Data(b"FLAGS", [list(names)]):
                self.names = frozenset(name.lower() for name in names)
            case Data(b"VANISHED", arguments):
                self._vanished(arguments, expunges=expunges)
            case Fetched(number, items):
                self._fetched(number, items)
            case Status(b"*", b"OK", code, arguments, _):
                self._code(code, arguments)
            case _:
                pass

    def _at(self, number: int) -> Known:
        if not 1 <= number <= len(self.messages):
            raise Broken(f"message {number} of {len(self.messages)}")
        return self.messages[number - 1]

    def _vanished(self, arguments: list[object], *, expunges: bool) -> None:
        if isinstance(arguments[0], list):
            return  # (EARLIER): what went before this mailbox was selected
        if not expunges:
            raise Broken("VANISHED where it must not be")
        named = arguments[0]
        assert isinstance(named, int | Atom)
        gone = {named} if isinstance(named, int) else set(numbers(named.decode()))
        for uid in sorted(gone):
            del self.messages[self._place(uid)]

    def _place(self, uid: int) -> int:
        """Where a message lies: by its UID, or among those between its neighbours whose UIDs were not sent yet.

        Of several such it is not known which one goes, so what was sent of them by number is forgotten.
        """
        places: list[int] = []
        for at, message in enumerate(self.messages):
            if message.uid is None:
                places.append(at)
            elif message.uid == uid:
                return at
            elif message.uid > uid:
                break
            else:
                places.clear()
        if not places:
            raise Broken(f"VANISHED names UID {uid}, which the client was never sent")
        if len(places) > 1:
            for at in places:
                self.messages[at] = Known()
        return places[-1]

    def _fetched(self, number: int, items: dict[bytes, object]) -> None:
        message = self._at(number)
        uid = items.get(b"UID")
        if isinstance(uid, int):
            self._uid(number, message, uid)
        flags = items.get(b"FLAGS")
        if isinstance(flags, list):
            message.flags = frozenset(flag.lower() for flag in flags) - {b"\\recent"}
            if not message.flags <= self.names:
                raise Broken(f"FLAGS did not name {message.flags - self.names}")
        modseq = items.get(b"MODSEQ")
        if isinstance(modseq, list):
            if modseq[0] < message.modseq:
                raise Broken(f"MODSEQ of message {number} fell from {message.modseq} to {modseq[0]}")
            message.modseq = modseq[0]

    def _uid(self, number: int, message: Known, uid: int) -> None:
        if message.uid not in (None, uid):
            raise Broken(f"message {number} had UID {message.uid} and now has {uid}")
        message.uid = uid
        before = [other.uid for other in self.messages[: number - 1] if other.uid]
        after = [other.uid for other in self.messages[number:] if other.uid]
        if (before and before[-1] >= uid) or (after and after[0] <= uid):
            raise Broken(f"UID {uid} of message {number} is out of order")

    def _code(self, code: bytes | None, arguments: bytes | None) -> None:
        match code:
            case b"UIDVALIDITY":
                self.uid_validity = int(arguments or b"0")
            case b"UIDNEXT":
                self.uid_next = int(arguments or b"0")
            case b"HIGHESTMODSEQ":
                self.highest_modseq = int(arguments or b"0")
            case _:
                pass


def numbers(text: str) -> list[int]:
    """The numbers of a set without `*`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found
