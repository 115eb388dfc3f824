"""Answers of those who are away: when one is proper, and what they look like."""

import email
from email import policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.mail.vacation_reply import SubjectMessage, VacationReply, compose, subject_message

ANNA, BOB = Address("anna", "one.example"), Address("bob", "elsewhere.example")
FIELDS = "From: bob@elsewhere.example\nTo: Anna <anna@one.example>\nMessage-ID: <m@elsewhere.example>\nSubject: Plan\n"


def about(fields: str, sender: Address = BOB) -> SubjectMessage | None:
    return subject_message(Header.parse((fields + "\n").replace("\n", "\r\n").encode())[0], sender)


def reply(
    subject: str | None = None,
    text: str | None = "Away.\n",
    html: str | None = None,
    *,
    fields: str = FIELDS,
    name: str = "Anna",
) -> bytes:
    found = about(fields)
    assert found is not None
    return compose(VacationReply(ANNA, name, found, subject, text, html, "token-1", 1_700_000_000_000))


def test_what_a_person_has_written_to_another_is_answered() -> None:
    found = about(FIELDS + "Cc: c@x.example, nobody\nResent-To: d@x.example\nReferences: <a@x> <b@x>\n")
    assert found == SubjectMessage(
        BOB,
        (ANNA, Address("c", "x.example"), Address("d", "x.example")),
        "m@elsewhere.example",
        ("a@x", "b@x"),
        "Plan",
    )


@pytest.mark.rfc("3834 §2", "SHOULD NOT")
@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (cron); x=y",
        "auto-submitted:  yes",
        "Precedence: bulk",
        "Precedence: List",
        "Precedence: junk",
        "List-Id: <crew.x.example>",
        "List-Unsubscribe: <mailto:x@x.example>",
        "list-post: NO",
        "X-Auto-Response-Suppress: DR, OOF",
        "X-Auto-Response-Suppress: All",
        "Content-Type: multipart/report; boundary=b",
    ],
)
def test_what_a_program_or_a_list_has_sent_is_not(field: str) -> None:
    assert about(f"{FIELDS}{field}\n") is None


@pytest.mark.parametrize(
    "field", ["Auto-Submitted: no", "Auto-Submitted: NO (by hand)", "Precedence: first-class", "X-List: y"]
)
def test_what_only_looks_so_is(field: str) -> None:
    assert about(f"{FIELDS}{field}\n") is not None


@pytest.mark.rfc("3834 §2", "MAY")
@pytest.mark.parametrize(
    "local",
    [
        *("MAILER-DAEMON", "owner-crew", "crew-request", "crew-owner", "noreply", "No-Reply", "donotreply"),
        *("postmaster", "bounce+x=y", "crew-bounces", "listserv", "noreply-shop", "shop-noreply"),
    ],
)
def test_roles_are_not_answered(local: str) -> None:
    assert about(FIELDS, Address(local, "x.example")) is None


@pytest.mark.rfc("3834 §3.1.7", "SHOULD")
def test_the_fields_of_an_answer() -> None:
    octets = reply(fields=FIELDS + "References: <a@x>\n")
    message = email.message_from_bytes(octets, policy=policy.default)
    assert message["From"] == '"Anna" <anna@one.example>' or message["From"] == "Anna <anna@one.example>"
    assert message["To"] == "<bob@elsewhere.example>" or message["To"] == "bob@elsewhere.example"
    assert message["Subject"] == "Auto: Plan"
    assert message["Auto-Submitted"] == "auto-replied (vacation)"
    assert message["In-Reply-To"] == "<m@elsewhere.example>"
    assert message["References"] == "<a@x> <m@elsewhere.example>"
    assert message["Message-ID"] == "<token-1@one.example>"
    assert message["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert message.get_content() == "Away.\r\n"
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def test_text_and_html_are_alternatives() -> None:
    message = email.message_from_bytes(
        reply(text=None, html="<p>I am <b>away</b> – grüße</p>"), policy=policy.default
    )
    assert message.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in message.iter_parts())
    assert text.strip() == "I am away – grüße"
    assert html.strip() == "<p>I am <b>away</b> – grüße</p>"


def test_without_a_text_there_is_one() -> None:
    message = email.message_from_bytes(reply(text=None), policy=policy.default)
    assert "away" in message.get_content()


def test_without_a_subject_and_message_id() -> None:
    octets = reply(fields="To: anna@one.example\n")
    assert b"\r\nSubject: Auto: away\r\n" in octets
    assert b"In-Reply-To" not in octets
    assert b"References" not in octets


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_no_text_makes_a_field_of_its_own(subject: str, name: str, text: str) -> None:
    octets = reply(subject, text, name=name)
    header, _ = Header.parse(octets)
    assert [field.key for field in header.fields] == [
        *("from", "to", "subject", "date", "message-id", "in-reply-to", "references"),
        *("auto-submitted", "mime-version", "content-type", "content-transfer-encoding"),
    ]
    assert octets.isascii()


@given(st.binary(max_size=300))
def test_the_subject_of_others_makes_none_either(subject: bytes) -> None:
    header = Header.parse(b"To: anna@one.example\r\nSubject: " + subject.replace(b"\n", b"") + b"\r\n\r\n")[0]
    found = subject_message(header, BOB)
    if found is not None:
        made = compose(VacationReply(ANNA, "", found, None, "x", None, "t", 0))
        assert [field.key for field in Header.parse(made)[0].fields].count("bcc") == 0
        assert made.isascii()
