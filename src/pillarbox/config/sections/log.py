"""`[log]`: what is logged, and where."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from pillarbox.config.options import Description


class LogLevel(StrEnum):
    """How much is logged: this, and what is worse."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How an event is written."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log: one line for each event, on standard error (where systemd's journal takes it) or in a file, which
    `pillarbox log` shows."""

    level: Annotated[LogLevel, Description('Log events of this level and above. Each message is "info".')] = (
        LogLevel.INFO
    )
    format: Annotated[
        LogFormat,
        Description('JSON, or lines for people; "auto" is text on a terminal and JSON elsewhere.'),
    ] = LogFormat.AUTO
    file: Annotated[
        Path | None,
        Description(
            "Log to this file, in a folder in which the service's user may write. Only that user can read it. It is "
            "opened anew on SIGHUP.",
            example='"/var/log/pillarbox/pillarbox.log"',
        ),
    ] = None
    file_octets: Annotated[
        Annotated[int, Meta(ge=65_536)],
        Description("When the file is larger, it becomes FILE.1, in the place of an older one.", "octets"),
    ] = 64 * 1024 * 1024
