"""Reading the log: entries of its file, or of another program's output, that match what is asked for.

Lines that are no entries (a traceback of the interpreter, lines for people) are texts of their own, without time or
level: they are shown where nothing in particular is asked for.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from pillarbox.admin import concerns
from pillarbox.admin.concerns import Concern, OfDomain, OfProvider, Thing
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, may
from pillarbox.directory import domains
from pillarbox.world.database import Transaction
from pillarbox.world.log_output import older

MAX_LINE_OCTETS: Final = 256 * 1024
"""What is longer is read in pieces, none of which is an entry."""
LEVELS: Final = ("info", "warning", "error")
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the log."""

    line: str
    fields: dict[str, Any] | None
    """`None` where the line is no entry."""

    @property
    def at_ms(self) -> int | None:
        """Its time in ms since 1970."""
        try:
            return int(datetime.fromisoformat(str((self.fields or {})["timestamp"])).timestamp() * 1000)
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class LogScope:
    """Some domains, and their accounts by number: what their administrators may see of the log (`log_scope`)."""

    domains: frozenset[str]
    accounts: frozenset[int] = field(repr=False)

    def holds(self, fields: dict[str, Any]) -> bool:
        """Whether an entry is about one of them. One that names an account is about that, whoever else is in it."""
        account = fields.get("account")
        if account is not None:
            return account in self.accounts
        texts = (value for value in fields.values() if isinstance(value, str))
        return any(_domain(text) in self.domains for text in texts)


def _domain(text: str) -> str:
    return text.strip("<>").rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which entries are asked for: those that match every criterion given."""

    level: str = LEVELS[0]
    """This level and above."""
    event: str = ""
    """A part of what happened: `damaged`."""
    about: str = ""
    """An account, address or host that one of the fields has as its value."""
    account_id: int | None = None
    """The number of that account, which entries may have instead."""
    since_ms: int | None = None
    scope: LogScope | None = None
    """Only entries about these domains."""

    @property
    def everything(self) -> bool:
        """Whether nothing in particular is asked for."""
        return self == LogQuery()

    def matches(self, entry: LogEntry) -> bool:
        """Whether it is one of those."""
        fields = entry.fields
        if fields is None:
            return self.everything
        return (
            _rank(fields.get("level")) >= _rank(self.level)
            and self.event.lower() in str(fields.get("event", "")).lower()
            and (not self.about or self._is_about(fields))
            and (self.since_ms is None or (entry.at_ms or 0) >= self.since_ms)
            and (self.scope is None or self.scope.holds(fields))
        )

    def _is_about(self, fields: dict[str, Any]) -> bool:
        if self.account_id is not None and fields.get("account") == self.account_id:
            return True
        wanted = self.about.lower()
        texts = (value for value in fields.values() if isinstance(value, str))
        return any(text.lower().strip("<>") == wanted for text in texts)


def _rank(level: object) -> int:
    return LEVELS.index(level) if level in LEVELS else 0


def entry_of(octets: bytes) -> LogEntry:
    """The entry that stands in a line."""
    try:
        fields = _decode(octets)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        fields = None
    if fields is not None and "event" not in fields:
        fields = None
    return LogEntry(octets.decode("utf-8", "backslashreplace"), fields)


def entries(lines: Iterable[bytes], query: LogQuery) -> Iterator[LogEntry]:
    """Those that match."""
    return filter(query.matches, map(entry_of, lines))


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain_names("names", "the domains"))
def log_scope(tx: Transaction, names: Sequence[str]) -> LogScope:
    """The part of the log that is about these domains, by their names or those of their aliases.

    Raises `NameRefused` where one is not served.
    """
    own = {domains.served(tx, name).name for name in names}
    aliases = {one.name for one in domains.listing(tx) if one.alias_of in own}
    accounts = (number for name in own for number in domains.account_numbers(tx, name))
    return LogScope(frozenset(own | aliases), frozenset(accounts))


def _asked(tx: Transaction, query: LogQuery) -> list[Thing]:
    if query.scope is None:
        return [OfProvider("the whole log")]
    return [OfDomain(name, concerns.served(tx, name)) for name in query.scope.domains]


@may(DOMAIN_ADMINISTRATOR, of=Concern("the domains of its scope", ("query",), _asked))
def last_entries(file: Path, query: LogQuery, *, limit: int) -> deque[LogEntry]:
    """The last ones of a log file that match, oldest first. Raises OSError."""
    found: deque[LogEntry] = deque(maxlen=limit)
    for path in (older(file), file):
        if path != file and not path.exists():
            continue
        with path.open("rb") as log:
            found.extend(entries(_lines(log), query))
    return found


def _lines(log: Any) -> Iterator[bytes]:
    while line := log.readline(MAX_LINE_OCTETS):
        yield line.rstrip(b"\r\n")


class LogFollower:
    """What is added to a log file from now on, also when it is replaced by a new one."""

    def __init__(self, file: Path) -> None:
        """Raises OSError."""
        self._file = file
        self._log = file.open("rb")
        self._log.seek(0, 2)
        self._begun = b""

    def added(self) -> Iterator[bytes]:
        """The whole lines that were added since the last call. Raises OSError, but not where the file is missing."""
        yield from self._read()
        if self._replaced():
            yield from self._read()  # what was written between
            self._log.close()
            self._log = self._file.open("rb")
            yield from self._read()

    def close(self) -> None:
        """Follow no longer."""
        self._log.close()

    def _read(self) -> Iterator[bytes]:
        while octets := self._log.read(64 * 1024):
            *lines, self._begun = (self._begun + octets).split(b"\n")
            yield from lines
            self._begun = self._begun[-MAX_LINE_OCTETS:]

    def _replaced(self) -> bool:
        try:
            there, open_now = self._file.stat(), os.fstat(self._log.fileno())
        except FileNotFoundError:
            return False
        if there.st_size < self._log.tell() and os.path.samestat(there, open_now):
            self._log.seek(0)  # it was emptied
        return not os.path.samestat(there, open_now)


def utc_ms(text: str) -> int:
    """A time as people write it, `2026-11-30` or `2026-11-30T09:14`, in UTC unless it says otherwise.

    Raises ValueError.
    """
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
