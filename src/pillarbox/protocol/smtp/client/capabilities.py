"""The capabilities of a server: its reply to EHLO (RFC 5321 §4.1.1.1)."""

from dataclasses import dataclass

from pillarbox.protocol.smtp.client.replies import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The service extensions that a server offers, by keyword, with their parameters; none after HELO."""

    offered: dict[str, tuple[str, ...]]

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.offered

    @property
    def size_limit(self) -> int | None:
        """The largest message taken, in octets; `None` if the server has no limit, or gives none
        (RFC 1870 §4)."""
        words = self.offered.get("SIZE", ())
        return int(words[0]) or None if words and words[0].isdecimal() and len(words[0]) <= 20 else None

    @property
    def mechanisms(self) -> frozenset[str]:
        """SASL mechanisms (RFC 4954 §3)."""
        return frozenset(word.upper() for word in self.offered.get("AUTH", ()))

    @property
    def recipients_limit(self) -> int | None:
        """RCPTMAX: recipients of one message (RFC 9422 §4.2)."""
        return self._limit("RCPTMAX")

    @property
    def transactions_limit(self) -> int | None:
        """MAILMAX: messages on one connection (RFC 9422 §4.1)."""
        return self._limit("MAILMAX")

    def _limit(self, wanted: str) -> int | None:
        for word in self.offered.get("LIMITS", ()):
            name, _, value = word.partition("=")
            if name.upper() == wanted and value.isdecimal() and 0 < len(value) <= 6:
                return int(value) or None
        return None


NONE = Capabilities({})


def read(reply: Reply) -> Capabilities:
    """The capabilities in a reply to EHLO; malformed lines are skipped."""
    offered: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        # Old servers write "AUTH=LOGIN PLAIN", for the clients of their time.
        words = (
            line.replace("AUTH=", "AUTH ", 1).split() if line.upper().startswith("AUTH=") else line.split()
        )
        if words:
            offered.setdefault(words[0].upper(), []).extend(words[1:])
    return Capabilities({keyword: tuple(words) for keyword, words in offered.items()})
