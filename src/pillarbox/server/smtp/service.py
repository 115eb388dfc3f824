"""One SMTP service: MX, submission or LMTP. Its `session` is what a listener calls for each connection.

    SmtpService(world, authenticator, config, reception, role)

Services of a process share one `Reception`, and with it its caches.
"""

from dataclasses import dataclass

from pillarbox.server.connection import Connection
from pillarbox.server.smtp.context import Shared
from pillarbox.server.smtp.session import SmtpSession


@dataclass(frozen=True, slots=True)
class SmtpService(Shared):
    """See the module."""

    def session(self, connection: Connection) -> SmtpSession:
        """A session for a new connection."""
        return SmtpSession(self, connection)
