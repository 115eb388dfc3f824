"""Transactions that damage in the write-ahead log has cut off, until the operator accepts the loss."""

from pathlib import Path

from pillarbox.admin.fsck import loss
from pillarbox.admin.fsck.report import Problem
from pillarbox.world.database.sqlite.log_damage import accept_losses, losses

_REMEDY = (
    "What they held may be in a backup: pillarbox restore BACKUP --account LOGIN. Then accept the loss, with the"
    f" server stopped: {loss.ACCEPT}"
)


def log_losses(database: Path | None) -> list[Problem]:
    """A problem for each damaged log. `database`: its path; `None` for one in memory."""
    found = losses(database) if database else []
    return [Problem("log", damage.text, _REMEDY, repairable=False) for damage in found]


def accept_log_losses(database: Path) -> bool:
    """Report them no more; whether there were any. The damaged logs stay."""
    return accept_losses(database) > 0
