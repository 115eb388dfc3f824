"""`pillarbox who`: see `sessions`."""

from pillarbox.app.commands.sessions import who as command

__all__ = ["command"]
