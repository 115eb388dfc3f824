"""Which parts are shown and which are offered."""

import pytest

from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.email.body_lists import body_lists
from pillarbox.protocol.jmap.email.body_part import BodyPart, tree
from tests.kit.mail.messages import multipart, part

PLAIN, HTML, JPEG = part("text/plain"), part("text/html"), part("image/jpeg")
INLINE, ATTACHMENT = "Content-Disposition: inline", "Content-Disposition: attachment"


def lists(octets: bytes) -> tuple[list[str], list[str], list[str]]:
    """The partIds of textBody, htmlBody and attachments."""
    found = body_lists(tree(parse(octets)))
    return _numbers(found.text_body), _numbers(found.html_body), _numbers(found.attachments)


def _numbers(parts: list[BodyPart]) -> list[str]:
    return [one.number or "multipart" for one in parts]


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_the_rfcs_example() -> None:
    alternative = multipart(
        "alternative",
        multipart(
            "mixed", part("text/plain", INLINE), part("image/jpeg", INLINE), part("text/plain", INLINE),
            boundary="text",
        ),
        multipart("related", HTML, JPEG, boundary="html"),
        boundary="alternative",
    )  # fmt: skip
    inner = multipart(
        "mixed",
        alternative,
        part("image/jpeg", ATTACHMENT),
        part("application/x-excel"),
        part("message/rfc822", body=b"Subject: J\r\n\r\nx"),
        boundary="inner",
    )
    message = multipart(
        "mixed", part("text/plain", INLINE), inner, part("text/plain", INLINE), boundary="outer"
    )
    a, b, c, d, e, f, g, h, j, k = [
        "1",
        "2.1.1.1",
        "2.1.1.2",
        "2.1.1.3",
        "2.1.2.1",
        "2.1.2.2",
        "2.2",
        "2.3",
        "2.4",
        "3",
    ]

    assert lists(message) == ([a, b, c, d, k], [a, e, k], [c, f, g, h, j])


@pytest.mark.rfc("8621 §4.1.4", "SHOULD")
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"\r\nx", (["1"], ["1"], []), id="text alone"),
        pytest.param(HTML, (["1"], ["1"], []), id="HTML alone"),
        pytest.param(JPEG, (["1"], ["1"], []), id="image alone"),
        pytest.param(part("application/pdf"), ([], [], ["1"]), id="file alone"),
        pytest.param(part("text/plain", ATTACHMENT), ([], [], ["1"]), id="text that is an attachment"),
        pytest.param(part("text/calendar"), ([], [], ["1"]), id="other text"),
        pytest.param(multipart("alternative", PLAIN, HTML), (["1"], ["2"], []), id="alternative"),
        pytest.param(multipart("alternative", HTML), (["1"], ["1"], []), id="only HTML"),
        pytest.param(multipart("alternative", PLAIN), (["1"], ["1"], []), id="only text"),
        pytest.param(
            multipart("mixed", PLAIN, JPEG, PLAIN), (["1", "2", "3"], ["1", "2", "3"], []), id="Apple's"
        ),
        pytest.param(
            multipart("mixed", PLAIN, part("text/plain; name=a.txt", INLINE)),
            (["1"], ["1"], ["2"]),
            id="named text",
        ),
        pytest.param(
            multipart("mixed", part("text/plain; name=a.txt"), PLAIN),
            (["1", "2"], ["1", "2"], []),
            id="named first",
        ),
        pytest.param(
            multipart("mixed", HTML, part("text/plain", ATTACHMENT)), (["1"], ["1"], ["2"]), id="text file"
        ),
        pytest.param(
            multipart("related", multipart("alternative", PLAIN, HTML, boundary="i"), JPEG),
            (["1.1"], ["1.2"], ["2"]),
            id="alternative in related",
        ),
        pytest.param(
            multipart("alternative", PLAIN, multipart("related", HTML, JPEG, boundary="i")),
            (["1"], ["2.1"], ["2.2"]),
            id="related in alternative",
        ),
        pytest.param(
            multipart(
                "mixed",
                multipart("alternative", PLAIN, HTML, part("text/calendar; method=REQUEST"), boundary="i"),
                part("application/ics; name=invite.ics"),
            ),
            (["1.1"], ["1.2"], ["1.3", "2"]),
            id="invitation",
        ),
        pytest.param(
            multipart("mixed", PLAIN, JPEG, fields=b"Content-Disposition: inline\r\n"),
            (["1", "2"], ["1", "2"], []),
            id="root that says inline",
        ),
        pytest.param(
            multipart("mixed", PLAIN, part("image/pjpeg")), (["1", "2"], ["1", "2"], []), id="image/pjpeg"
        ),
        pytest.param(
            multipart("alternative", multipart("alternative", PLAIN, HTML, boundary="i"), HTML),
            (["1.1"], ["1.2", "2"], []),
            id="alternative in alternative",
        ),
        pytest.param(
            multipart(
                "alternative",
                multipart("mixed", PLAIN, multipart("alternative", PLAIN, HTML, boundary="j"), boundary="i"),
                HTML,
            ),
            (["1.1", "1.2.1"], ["2"], ["1.2.2"]),
            id="alternative in the text of an alternative",
        ),
        pytest.param(
            multipart("alternative", multipart("mixed", PLAIN, HTML, boundary="i"), HTML),
            (["1.1"], ["2"], ["1.2"]),
            id="both in the text of an alternative",
        ),
        pytest.param(
            multipart(
                "alternative",
                multipart("mixed", HTML, multipart("alternative", PLAIN, HTML, boundary="j"), boundary="i"),
            ),
            (["1.1", "1.2.2"], ["1.1", "1.2.2"], ["1.2.1"]),
            id="alternative in the HTML of an alternative",
        ),
        pytest.param(
            multipart("digest", b"\r\nSubject: x\r\n\r\ny"),
            ([], [], ["1"]),
            id="digest: messages are attachments",
        ),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\nall of it",
            (["1"], ["1"], []),
            id="without parts",
        ),
    ],
)
def test_lists(octets: bytes, expected: tuple[list[str], list[str], list[str]]) -> None:
    assert lists(octets) == expected


@pytest.mark.rfc("8621 §4.1.4", "MUST")
def test_every_part_is_shown_or_offered() -> None:
    parts = (PLAIN, HTML, JPEG, part("application/pdf"), part("text/calendar"))
    for subtype in ("mixed", "related", "alternative", "report"):
        for first in parts:
            for second in parts:
                message = multipart(subtype, first, second)
                assert {number for numbers in lists(message) for number in numbers} == {"1", "2"}
