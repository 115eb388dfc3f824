"""Counts of a session's commands that carry no mail, each with its limit (421 4.7.0)."""

from msgspec import Struct


class SessionLimits(Struct, frozen=True, gc=False, kw_only=True):
    """What a client may do in one session.

    Not options of the configuration: no honest client comes near them, and no site needs others. What a
    site may decide is `config.limits`.
    """

    transactions: int = 100_000
    """MAIL commands; announced (RFC 9422 §4.1). A connection is worth keeping; this ends a runaway."""
    errors: int = 20
    """Refused commands since the last accepted message."""
    unknown_recipients: int = 100
    """Refused recipients since the last accepted message: against guessing of names."""
    idle_commands: int = 1000
    """Commands that carry no mail, since the last accepted message, of a client that has logged in."""
    strangers_idle_commands: int = 200
    """The same of one that has not."""
    authentications: int = 6
    """Failed AUTH commands; RFC 4954 §9 asks to allow three."""


class CommandCounts:
    """One session's counts. Each method counts once more, and returns a reason to end when it is enough."""

    __slots__ = ("_authentications", "_errors", "_idle", "_limits", "_recipients", "_transactions")

    def __init__(self, limits: SessionLimits) -> None:
        self._limits = limits
        self._errors = self._idle = self._recipients = 0
        self._authentications = self._transactions = 0

    def error(self) -> str | None:
        """A command was refused for good."""
        self._errors += 1
        return "Too many errors" if self._errors > self._limits.errors else None

    def unknown_recipient(self) -> str | None:
        """A recipient was refused for good: counted separately, since a list may hold many old addresses."""
        self._recipients += 1
        return "Too many unknown recipients" if self._recipients > self._limits.unknown_recipients else None

    def idle_command(self, *, stranger: bool) -> str | None:
        """A command that carries no mail."""
        self._idle += 1
        limit = self._limits.strangers_idle_commands if stranger else self._limits.idle_commands
        return "Too many non-mail commands" if self._idle > limit else None

    def failed_login(self) -> str | None:
        """An AUTH exchange failed."""
        self._authentications += 1
        enough = self._authentications >= self._limits.authentications
        return "Too many authentication failures" if enough else None

    def transaction(self) -> str | None:
        """A MAIL command, accepted or not (RFC 9422 §4.1)."""
        self._transactions += 1
        return "Too many transactions" if self._transactions > self._limits.transactions else None

    def accepted(self) -> None:
        """A message was accepted: the counts since the last one start again at zero."""
        self._errors = self._idle = self._recipients = 0
