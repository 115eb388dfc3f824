"""Background work: indexing for search, deleting what is no longer used, reports to other domains.

Each chore is a bounded piece of work in a short transaction that finds its own work, so a crash during it loses
nothing. One worker of a machine runs them. They yield to clients: after a piece of work under load the chores
rest for many times as long as it took.
"""

from pillarbox.server.chores.background import BackgroundWork
from pillarbox.server.chores.runner import Chores
from pillarbox.server.chores.table import CHORES, Chore

__all__ = ["CHORES", "BackgroundWork", "Chore", "Chores"]
