"""The table of services: one row for each protocol endpoint that Pillarbox can offer.

The `[listen]` options and their documentation, the demo's ports, the ready file, `check`, `pillarbox.testing` and
the tests derive from this table. How a session is made stands in `app.sessions`, since the configuration may
not import the server; mypy reports a protocol that is missing there.

To add a service: a row here, a member of `WireProtocol` if the protocol is new, and a case in `app.sessions`.
"""

from dataclasses import dataclass
from enum import Enum, unique
from typing import Final


@unique
class WireProtocol(Enum):
    """An application protocol; its value is the reply to a client when there are too many connections."""

    SMTP = b"421 4.3.2 Too many connections, try again later\r\n"
    """SMTP and LMTP."""
    IMAP = b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n"
    POP3 = b"-ERR [SYS/TEMP] Too many connections, try again later\r\n"
    METRICS = (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 22\r\nConnection: close\r\n\r\n"
        b"Too many connections\r\n"
    )
    """The text format of Prometheus over HTTP, on a port of its own."""
    HTTP = (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 22\r\nRetry-After: 30\r\n"
        b"Connection: close\r\n\r\nToo many connections\r\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """A service: a protocol at a port of its own."""

    name: str
    """Its name in the configuration, the ready file and the log."""
    protocol: WireProtocol
    port: int
    """The registered port, or the usual one."""
    demo_port: int
    """Where the demo listens if it can: a port that needs no privileges."""
    sentence: str
    """For the documentation of `[listen]`."""
    alpn: str = ""
    """The protocol's name in TLS (RFC 7301), where clients insist on it."""
    implicit_tls: bool = False
    """TLS starts with the connection, before any greeting (RFC 8314 §3)."""
    usual: str = ""
    """An endpoint to suggest, where there is no registered port."""
    enabled: bool = True
    """Whether it listens on its registered port unless the configuration says otherwise."""

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The default of its `[listen]` option."""
        return (f"*:{self.port}",) if self.enabled else ()


SERVICES: Final = {
    row.name: row
    for row in (
        ServiceRow(
            name="smtp",
            protocol=WireProtocol.SMTP,
            port=25,
            demo_port=2525,
            sentence="Mail from other servers (MX).",
        ),
        ServiceRow(
            name="submission",
            protocol=WireProtocol.SMTP,
            port=587,
            demo_port=2587,
            sentence="Message submission by users, with STARTTLS.",
        ),
        ServiceRow(
            name="submissions",
            protocol=WireProtocol.SMTP,
            port=465,
            demo_port=2465,
            sentence="Message submission by users, with implicit TLS.",
            implicit_tls=True,
        ),
        ServiceRow(
            name="lmtp",
            protocol=WireProtocol.SMTP,
            port=24,
            demo_port=2424,
            sentence="Mail from a trusted program nearby. LMTP has no authentication: never open it to the Internet.",
            enabled=False,
        ),
        ServiceRow(
            name="imap",
            protocol=WireProtocol.IMAP,
            port=143,
            demo_port=2143,
            sentence="IMAP, with STARTTLS.",
        ),
        ServiceRow(
            name="imaps",
            protocol=WireProtocol.IMAP,
            port=993,
            demo_port=2993,
            sentence="IMAP, with implicit TLS.",
            implicit_tls=True,
        ),
        ServiceRow(
            name="pop3",
            protocol=WireProtocol.POP3,
            port=110,
            demo_port=2110,
            sentence="POP3, with STARTTLS.",
        ),
        ServiceRow(
            name="pop3s",
            protocol=WireProtocol.POP3,
            port=995,
            demo_port=2995,
            sentence="POP3, with implicit TLS.",
            implicit_tls=True,
        ),
        ServiceRow(
            name="metrics",
            protocol=WireProtocol.METRICS,
            port=9464,
            demo_port=2964,
            sentence="Metrics for Prometheus, at /metrics, by HTTP without TLS or login: for this machine and others "
            "that you trust.",
            usual="127.0.0.1:9464",
            enabled=False,
        ),
        ServiceRow(
            name="http",
            protocol=WireProtocol.HTTP,
            port=80,
            demo_port=2080,
            sentence="HTTP without TLS: for a proxy in front that has it.",
            enabled=False,
        ),
        ServiceRow(
            name="https",
            protocol=WireProtocol.HTTP,
            port=443,
            demo_port=2443,
            sentence="HTTP, with implicit TLS.",
            alpn="http/1.1",
            implicit_tls=True,
            enabled=False,
        ),
    )
}
"""By name. The order is that of the ready file and of `--ports-from`, so new rows go to the end."""
