"""Reports about one message (ARF): complaints of readers (RFC 5965), failures of authentication (RFC 6591).

They come from strangers: each input has a limit, what is missing is empty, and nothing is raised. Such reports are
only read; none is ever sent, since they tell others what is in somebody's mail.
"""

from typing import Final

from msgspec import Struct

from pillarbox.mail.header import Header
from pillarbox.trust.report_file import Unreadable

MAX_OCTETS: Final = 64 * 1024
"""Of the fields of the report, and of the header of the message that it is about."""
MAX_TEXT: Final = 1000
MAX_COUNT: Final = 2**53


class FeedbackReport(Struct, frozen=True):
    """A report; texts are as they stand, empty where they are not told."""

    kind: str
    """`abuse`, `auth-failure`, `fraud`, `not-spam`, `opt-out`, `virus`, `other`, or another word, in lower case."""
    user_agent: str = ""
    reported_domain: str = ""
    source_ip: str = ""
    mail_from: str = ""
    rcpt_to: str = ""
    arrival: str = ""
    incidents: int = 1
    auth_failure: str = ""
    """Which method has failed (RFC 6591 §3.1)."""
    delivery_result: str = ""
    dkim_domain: str = ""
    message_id: str = ""
    """Of the message that it is about, as its subject."""
    subject: str = ""


def read_report(fields: bytes, message: bytes = b"") -> FeedbackReport | Unreadable:
    """The report in the decoded body of a `message/feedback-report` part; `message`: the part that follows it."""
    found = Header.parse(fields[:MAX_OCTETS])[0]
    kind = _text(found, "feedback-type").lower()
    if not kind:
        return Unreadable("no feedback type")
    incidents = _text(found, "incidents")
    count = int(incidents) if incidents.isascii() and incidents.isdigit() and len(incidents) <= 15 else 1
    about = Header.parse(message[:MAX_OCTETS])[0]
    return FeedbackReport(
        kind=kind,
        user_agent=_text(found, "user-agent"),
        reported_domain=_text(found, "reported-domain").lower(),
        source_ip=_text(found, "source-ip"),
        mail_from=_text(found, "original-mail-from"),
        rcpt_to=_text(found, "original-rcpt-to"),
        arrival=_text(found, "arrival-date") or _text(found, "received-date"),
        incidents=min(max(count, 1), MAX_COUNT),
        auth_failure=_text(found, "auth-failure").lower(),
        delivery_result=_text(found, "delivery-result").lower(),
        dkim_domain=_text(found, "dkim-domain").lower(),
        message_id=_text(about, "message-id"),
        subject=_text(about, "subject"),
    )


def _text(header: Header, name: str) -> str:
    value = header.first(name)
    return value[: 4 * MAX_TEXT].decode("utf-8", "replace").strip()[:MAX_TEXT] if value else ""
