"""The log: events with fields, as JSON lines or as lines that people read.

There is an event for every message, so the lines of events of one turn of the loop are written together at its end;
those of warnings and errors at once. structlog, which describes the stack of an error, is loaded when there is one.
Metrics are not here: `world.shared.metrics`.

Always true: no credential is written; a field whose name says that it holds one is replaced first.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import Final, Protocol, TextIO

import msgspec

from pillarbox.config.sections.log import Log, LogFormat
from pillarbox.mail.visible import visible_json
from pillarbox.world.log_output import FileOutput, GatheredOutput, StreamOutput
from pillarbox.world.log_text import fields_text, text_line
from pillarbox.world.shared.recent_events import RecentEvent, RecentEvents

REDACTED = "[not logged]"
_json = msgspec.json.Encoder(enc_hook=str).encode
_SECRET_NAMES = ("password", "passwd", "secret", "token", "credential", "proof", "authorization", "nonce")


class _Level(IntEnum):
    """By name, as in the configuration."""

    INFO = 0
    WARNING = 1
    ERROR = 2


_INFO, _WARNING, _ERROR = _Level
_NAMES: Final = {level: level.name.lower() for level in _Level}


class Telemetry(Protocol):
    """The interface to the log. No method ever raises or waits."""

    def event(self, name: str, /, **fields: object) -> None:
        """Log that something happened: `event("message accepted", account=7, size_octets=2048)`."""

    def warning(self, name: str, /, **fields: object) -> None:
        """Log something that an operator should examine."""

    def failure(self, name: str, error: BaseException, /, **fields: object) -> None:
        """Log an internal error with its traceback; called once, where it is caught."""


def without_secrets(fields: dict[str, object]) -> dict[str, object]:
    """The fields, with those that would hold a credential replaced."""
    secret = _secret(tuple(fields))
    return {**fields, **dict.fromkeys(secret, REDACTED)} if secret else fields


@lru_cache(maxsize=512)
def _secret(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if any(part in name for part in _SECRET_NAMES))


class SystemTelemetry:
    """Writes events to standard error, or to the file of the configuration."""

    def __init__(
        self, log: Log | None = None, *, stream: TextIO | None = None, recent: RecentEvents | None = None
    ) -> None:
        """`stream` stands for standard error; `recent` keeps warnings and errors. Raises OSError."""
        self._stream = stream or sys.stderr
        self._recent = recent
        self._log = log or Log()
        self._output = self._opened(self._log)
        self._apply(self._log)

    def reconfigure(self, log: Log) -> None:
        """Log by this configuration from now on, to a file that is opened anew.

        Raises OSError; then nothing has changed.
        """
        if (log.file, log.file_octets) == (self._log.file, self._log.file_octets):
            self._output.reopen()
        else:
            opened = self._opened(log)
            self._output.close()
            self._output = opened
        self._log = log
        self._apply(log)

    def close(self) -> None:
        """Log nothing more."""
        self._output.close()

    def event(self, name: str, /, **fields: object) -> None:
        """See `Telemetry`."""
        if self._level is _INFO:
            self._write(_INFO, name, without_secrets(fields))

    def warning(self, name: str, /, **fields: object) -> None:
        """See `Telemetry`."""
        fields = without_secrets(fields)
        self._keep(_WARNING, name, fields)
        if self._level <= _WARNING:
            self._write(_WARNING, name, fields)

    def failure(self, name: str, error: BaseException, /, **fields: object) -> None:
        """See `Telemetry`."""
        fields = without_secrets(fields)
        self._keep(_ERROR, name, {**fields, "error": f"{type(error).__name__}: {_text(error)}"})
        self._write(_ERROR, name, {**fields, "exception": _stacks(error)})

    def _opened(self, log: Log) -> GatheredOutput:
        output = FileOutput(log.file, log.file_octets) if log.file else StreamOutput(self._stream)
        return GatheredOutput(output)

    def _apply(self, log: Log) -> None:
        self._level = _Level[log.level.name]
        on_terminal = log.format is LogFormat.AUTO and log.file is None and self._stream.isatty()
        self._readable = on_terminal or log.format is LogFormat.TEXT

    def _write(self, level: _Level, name: str, fields: dict[str, object]) -> None:
        entry = {**fields, "event": name, "level": _NAMES[level], "timestamp": datetime.now(UTC)}
        line = text_line(entry) if self._readable else _json_line(entry)
        (self._output.line if level is _INFO else self._output.urgent_line)(f"{line}\n")

    def _keep(self, level: _Level, name: str, fields: Mapping[str, object]) -> None:
        if self._recent is not None:
            at_ms = int(datetime.now(UTC).timestamp() * 1000)
            self._recent.add(RecentEvent(at_ms, _NAMES[level], name, fields_text(fields)))


def _json_line(entry: dict[str, object]) -> str:
    """One line; characters that hide are escapes."""
    try:
        text = _json(entry).decode()
    except (TypeError, ValueError):  # half a surrogate pair, keys that JSON does not have
        text = json.dumps(entry, default=str, skipkeys=True)
    return visible_json(text)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _stacks(error: BaseException) -> list[object]:
    """The error and its causes with their calls, without the values of variables: one may be a password."""
    from structlog.tracebacks import ExceptionDictTransformer

    return [*ExceptionDictTransformer(show_locals=False)((type(error), error, error.__traceback__))]


@dataclass(slots=True)
class MemoryTelemetry:
    """Keeps everything in memory, for tests."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)

    def event(self, name: str, /, **fields: object) -> None:
        """See `Telemetry`."""
        self.events.append((name, without_secrets(fields)))

    def warning(self, name: str, /, **fields: object) -> None:
        """See `Telemetry`."""
        self.events.append((name, without_secrets(fields)))

    def failure(self, name: str, error: BaseException, /, **fields: object) -> None:
        """See `Telemetry`."""
        self.failures.append((name, error))
        self.event(name, **fields)
