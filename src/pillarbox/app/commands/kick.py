"""`pillarbox kick`: see `sessions`."""

from pillarbox.app.commands.sessions import kick as command

__all__ = ["command"]
