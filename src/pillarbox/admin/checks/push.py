"""Whether push services take notifications from here."""

from collections.abc import Iterator

from pillarbox.admin.checks.result import CheckResult, advice
from pillarbox.protocol.webpush import subject
from pillarbox.protocol.webpush.subject import SubjectRefused


def reachable(push_subject: str) -> Iterator[CheckResult]:
    """Advise where push services may refuse whom they may write to: one that the configuration does not name."""
    try:
        subject.check(push_subject)
    except SubjectRefused as refused:
        yield advice(
            push_subject,
            f"push services such as Apple's may refuse notifications: the subject {refused}",
            "Set [push] subject to an address or page on the Internet.",
        )
