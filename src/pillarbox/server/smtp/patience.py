"""How much of a client is too much: counts of what carries no mail, each with its limit and reason."""

from pillarbox.protocol.smtp.capabilities import Limits


class Patience:
    """One session's counts. Each verb counts once more, and says why to end when it is enough."""

    __slots__ = ("_errors", "_idle", "_limits", "_logins", "_recipients", "_transactions")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._errors = self._idle = self._recipients = 0
        self._logins = self._transactions = 0

    def error(self) -> str | None:
        """A command was refused for good."""
        self._errors += 1
        return "Too many errors" if self._errors > self._limits.errors else None

    def unknown_recipient(self) -> str | None:
        """A recipient was refused for good: counted apart, since a list may have many who left."""
        self._recipients += 1
        return "Too many unknown recipients" if self._recipients > self._limits.unknown_recipients else None

    def idle_command(self) -> str | None:
        """A command that carries no mail."""
        self._idle += 1
        return "Too many commands without mail" if self._idle > self._limits.idle_commands else None

    def failed_login(self) -> str | None:
        """An AUTH exchange failed."""
        self._logins += 1
        return "Too many failed logins" if self._logins >= self._limits.authentications else None

    def transaction(self) -> str | None:
        """A MAIL command, whatever its fate (RFC 9422 §4.1)."""
        self._transactions += 1
        return "Too many transactions" if self._transactions > self._limits.transactions else None

    def accepted(self) -> None:
        """A message was accepted: the client is worth our time again."""
        self._errors = self._idle = self._recipients = 0
