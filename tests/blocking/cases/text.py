"""Text that is dear to compare: runs of combining marks."""

from tests.blocking.case import Case
from tests.blocking.target import Target

MARKS = "a" + "\u0301" * 100_000 + "\u0323" * 100_000


def _marks_in_a_body(target: Target) -> str:
    header = b"Subject: marks\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    return target.deliver(header + MARKS.encode())


CASES = (
    Case(
        "200,000 combining marks in a body, by a stranger",
        "30 marks in a row are compared",
        _marks_in_a_body,
        settle_s=3.0,
    ),
)
