"""Requests to a running server and its answers: one JSON value a line, each with its kind in `type`.

Every worker is asked, and answers for itself. An answer is any number of lines, of which the last is `End` or
`Failed`. Server and commands may be of different versions for a while: unknown fields are ignored, and fields are only
added, with a default.
"""

from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.world.shared.recent_events import RecentEvent
from pillarbox.world.shared.worker_table import WorkerRow


class Selection(Struct, frozen=True, omit_defaults=True):
    """Selects sessions: those that match every criterion given. Without criteria, all."""

    ids: tuple[str, ...] = ()
    login: str = ""
    """In the form for comparison (`directory.accounts.login_key`)."""
    service: str = ""
    """A service (`imaps`) or the beginning of the names of several (`imap`)."""
    network: str = ""
    """An address or a network of the other end."""


# --- requests


class GetStatus(Struct, frozen=True, tag="status"):
    """How the worker is."""


class GetSessions(Struct, frozen=True, tag="sessions"):
    """The sessions selected."""

    selection: Selection = Selection()


class Kick(Struct, frozen=True, tag="kick"):
    """End the sessions selected."""

    selection: Selection


Request = GetStatus | GetSessions | Kick


# --- answers


class WorkerStatus(Struct, frozen=True, tag="worker"):
    """One worker, and what it knows of the others."""

    worker: int
    pid: int
    version: str
    server_pid: int
    server_started_at_ms: int
    lag_s: float
    """How late its loop was when it last looked."""
    longest_lag_s: float
    """In the last minute."""
    memory_octets: int
    """Reserved in its memory budget."""
    memory_limit_octets: int
    resident_octets: int
    connections: dict[str, int]
    """By service."""
    logins: dict[str, int]
    """How many sessions of each account, of those that have most."""
    damaged: int
    """Damaged messages that it has come across."""
    workers: tuple[WorkerRow, ...]
    recent: tuple[RecentEvent, ...]
    """The last warnings and errors of all processes."""
    totals: dict[str, float]
    """What all workers have counted since the start, by the names of metrics and the values of labels."""


class Session(Struct, frozen=True, tag="session"):
    """One session. Texts are as clients wrote them."""

    id: str
    """Names it on this machine, as long as it lasts."""
    service: str
    address: str
    port: int
    login: str
    """Empty before login."""
    state: str
    command: str
    client: str
    tls: str
    """The version of TLS; empty in plain text."""
    open_s: float
    silent_s: float | None
    received_octets: int | None
    sent_octets: int | None


class Kicked(Struct, frozen=True, tag="kicked"):
    """So many sessions were told to end."""

    sessions: int


class End(Struct, frozen=True, tag="end"):
    """The answer is complete."""


class Failed(Struct, frozen=True, tag="failed"):
    """The request was not understood, or could not be carried out."""

    why: str


Answer = WorkerStatus | Session | Kicked | End | Failed

_encode: Final = msgspec.json.Encoder().encode
_request: Final = msgspec.json.Decoder(Request).decode
_answer: Final = msgspec.json.Decoder(Answer).decode


class NotUnderstood(Exception):
    """A line is no message of this protocol. The text says why."""


def written(message: Request | Answer) -> bytes:
    """The message as a line."""
    return _encode(message) + b"\n"


def read_request(line: bytes) -> Request:
    """Raises `NotUnderstood`."""
    try:
        request: Request = _request(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise NotUnderstood(str(failure)) from None
    return request


def read_answer(line: bytes) -> Answer:
    """Raises `NotUnderstood`."""
    try:
        answer: Answer = _answer(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise NotUnderstood(str(failure)) from None
    return answer
