"""`pillarbox fsck`: checks everything that must always be true of a data directory, and repairs what safely can be.

checking.py    the check
repairing.py   the repair
invariants.py  all invariants, in the order of repair
cross_room.py  invariants that join tables of several rooms
report.py      problems, as the operator sees them
loss.py        what is lost, and removing it once that is accepted
log_losses.py  what damage in the write-ahead log has cut off
context.py     what repairs need besides the rows
"""

from pillarbox.admin.fsck.checking import check
from pillarbox.admin.fsck.context import RepairContext
from pillarbox.admin.fsck.invariants import every_invariant
from pillarbox.admin.fsck.log_losses import accept_log_losses, log_losses
from pillarbox.admin.fsck.loss import LossRefused
from pillarbox.admin.fsck.repairing import repair
from pillarbox.admin.fsck.report import Problem, Report

__all__ = [
    "LossRefused",
    "Problem",
    "RepairContext",
    "Report",
    "accept_log_losses",
    "check",
    "every_invariant",
    "log_losses",
    "repair",
]
