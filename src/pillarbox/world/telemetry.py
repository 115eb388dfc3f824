"""Logs and metrics.

An event is a name and fields, written as one JSON line (or, on a terminal, as one readable line) by structlog; a
counter is a prometheus_client counter. Both libraries are loaded when first needed, never at start. There is an
event for every message, so a JSON line of plain values bypasses structlog, at a quarter of its time.

Always true: no credential is written; a field whose name says that it holds one is replaced first.
"""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Protocol, TextIO, cast

import msgspec

from pillarbox.mail.visible import visible, visible_json, visible_lines

REDACTED = "[not logged]"
_json = msgspec.json.Encoder().encode
_SECRET_NAMES = ("password", "passwd", "secret", "token", "credential", "proof", "authorization", "nonce")


class Telemetry(Protocol):
    """The interface to logs and metrics. No method ever raises or waits."""

    def event(self, name: str, /, **fields: object) -> None:
        """Log that something happened: `event("message accepted", account=7, size_octets=2048)`."""

    def warning(self, name: str, /, **fields: object) -> None:
        """Log something that an operator should examine."""

    def failure(self, name: str, error: BaseException, /, **fields: object) -> None:
        """Log an internal error with its traceback; called once, where it is caught."""

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """Add to a counter, named as Prometheus does (`messages_accepted`). Label values are few and fixed."""


def without_secrets(fields: dict[str, object]) -> dict[str, object]:
    """The fields, with those that would hold a credential replaced."""
    secret = _secret(tuple(fields))
    return {**fields, **dict.fromkeys(secret, REDACTED)} if secret else fields


@lru_cache(maxsize=512)
def _secret(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if any(part in name for part in _SECRET_NAMES))


class _Lossy:
    """A stream that never fails: what can't be written, say to a full disk, is dropped.

    Characters that hide are written as escapes, of which JSON has its own.
    """

    def __init__(self, stream: TextIO, *, readable: bool) -> None:
        self._stream = stream
        self._shown = visible_lines if readable else visible_json

    def line(self, text: str) -> None:
        """Write a whole line at once."""
        with suppress(OSError, ValueError):  # ValueError: the stream has been closed
            self._stream.write(self._shown(text))
            self._stream.flush()

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(self._shown(text))

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


class SystemTelemetry:
    """Writes events to a stream, standard error by default, and keeps counters for `/metrics`."""

    def __init__(self, *, stream: TextIO | None = None, readable: bool | None = None) -> None:
        stream = stream or sys.stderr
        self._readable = stream.isatty() if readable is None else readable
        self._stream = _Lossy(stream, readable=self._readable)
        self._log: Any = None
        self._counters: dict[str, Any] = {}
        self._children: dict[tuple[str, tuple[tuple[str, str], ...]], Callable[[int], None]] = {}
        self._registry: Any = None

    def event(self, name: str, /, **fields: object) -> None:
        """See `Telemetry`."""
        if not self._write_json("info", name, fields):
            self._logger().info(name, **without_secrets(fields))

    def warning(self, name: str, /, **fields: object) -> None:
        """See `Telemetry`."""
        if not self._write_json("warning", name, fields):
            self._logger().warning(name, **without_secrets(fields))

    def failure(self, name: str, error: BaseException, /, **fields: object) -> None:
        """See `Telemetry`."""
        self._logger().error(name, exc_info=error, **without_secrets(fields))

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """See `Telemetry`. There is a child for each set of labels: finding it costs one dict look-up."""
        key = (name, tuple(sorted(labels.items())))
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._child(name, labels)
        child(amount)

    def exposition(self) -> bytes:
        """All counters in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self._prometheus())

    def _write_json(self, level: str, name: str, fields: dict[str, object]) -> bool:
        """Write a line of plain values; false if they are not plain, or the stream is a terminal."""
        if self._readable:
            return False
        try:
            line = _json(
                {**without_secrets(fields), "event": name, "level": level, "timestamp": datetime.now(UTC)}
            )
        except (TypeError, ValueError):
            return False
        self._stream.line(line.decode() + "\n")
        return True

    def _logger(self) -> Any:
        if self._log is None:
            self._log = _structlog(self._stream, readable=self._readable)
        return self._log

    def _child(self, name: str, labels: dict[str, str]) -> Callable[[int], None]:
        from prometheus_client import Counter as PrometheusCounter

        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = PrometheusCounter(
                f"pillarbox_{name}", name.replace("_", " "), sorted(labels), registry=self._prometheus()
            )
        increment: Callable[[int], None] = (counter.labels(**labels) if labels else counter).inc
        return increment

    def _prometheus(self) -> Any:
        if self._registry is None:
            from prometheus_client import CollectorRegistry

            self._registry = CollectorRegistry()
        return self._registry


def _structlog(stream: _Lossy, *, readable: bool) -> Any:
    import structlog
    from structlog.tracebacks import ExceptionDictTransformer

    # A traceback without the values of variables: one may be a password.
    traceback = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    final: list[Any] = (
        [_in_one_line, plain] if readable else [traceback, structlog.processors.JSONRenderer(default=str)]
    )
    return structlog.wrap_logger(
        structlog.PrintLogger(cast("TextIO", stream)),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *final,
        ],
        wrapper_class=structlog.BoundLogger,
    )


def _in_one_line(_logger: Any, _method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """No value looks like a line of its own."""
    return {name: visible(value) if isinstance(value, str) else value for name, value in fields.items()}


@dataclass(slots=True)
class MemoryTelemetry:
    """Keeps everything in memory, for tests."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)
    counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = field(default_factory=Counter)

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

    def count(self, name: str, amount: int = 1, /, **labels: str) -> None:
        """See `Telemetry`."""
        self.counts[name, tuple(sorted(labels.items()))] += amount
