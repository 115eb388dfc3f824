import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.address import Address
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Role, offered
from pillarbox.protocol.smtp.commands import (
    Auth,
    Bdat,
    Body,
    Hello,
    Mail,
    Rcpt,
    RejectedCommand,
    Simple,
    Verb,
)
from pillarbox.protocol.smtp.grammar import decode_response, read
from pillarbox.protocol.smtp.path import NULL, POSTMASTER
from tests.kit.smtp.conditions import conditions

OFFER = offered(conditions(Role.SUBMISSION, tls_active=True, tls_available=True, mechanisms=("PLAIN",)))


def command(line: str, role: Role = Role.SUBMISSION) -> object:
    return read(line.encode(), OFFER, role)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("EHLO mx.example", Hello(Verb.EHLO, "mx.example")),
        ("helo [192.0.2.1] and more", Hello(Verb.HELO, "[192.0.2.1]")),
        ("MAIL FROM:<a@example.org>", Mail(Address("a", "example.org"))),
        ("mail from: <a@example.org>  ", Mail(Address("a", "example.org"))),
        ("MAIL FROM:<> BODY=8BITMIME", Mail(NULL, body=Body.EIGHT_BIT)),
        ("RCPT TO:<b@example.org>", Rcpt(Address("b", "example.org"))),
        ("RCPT TO:<Postmaster>", Rcpt(POSTMASTER)),
        ("DATA", Simple(Verb.DATA)),
        ("data  ", Simple(Verb.DATA)),
        ("NOOP whatever", Simple(Verb.NOOP)),
        ("HELP", Simple(Verb.HELP)),
        ("VRFY a", Simple(Verb.VRFY)),
        ("BDAT 10", Bdat(10, last=False)),
        ("bdat 0 last", Bdat(0, last=True)),
        ("AUTH PLAIN", Auth("PLAIN", None)),
        ("AUTH plain =", Auth("PLAIN", b"")),
        ("AUTH PLAIN AGEAYg==", Auth("PLAIN", b"\0a\0b")),
        ("STARTTLS", Simple(Verb.STARTTLS)),
        ("QUIT", Simple(Verb.QUIT)),
    ],
)
def test_commands(line: str, expected: object) -> None:
    assert command(line) == expected


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("", replies.UNRECOGNIZED),
        ("XYZZY", replies.UNRECOGNIZED),
        ("LHLO a.example", replies.UNRECOGNIZED),
        ("ETRN example.org", replies.NOT_IMPLEMENTED),
        ("EHLO", replies.SYNTAX_HELLO),
        ("EHLO " + "x" * 256, replies.SYNTAX_HELLO),
        ("MAIL", replies.SYNTAX_MAIL),
        ("MAIL TO:<a@b.example>", replies.SYNTAX_MAIL),
        ("MAIL FROM:<a>", replies.SENDER_SYNTAX),
        ("MAIL FROM:<a\x9b@b.example>", replies.SENDER_SYNTAX),
        ("MAIL FROM:<knab\u202e@b.example> SMTPUTF8", replies.SENDER_SYNTAX),
        ("RCPT TO:<a..\u2066b@b.example>", replies.RECIPIENT_SYNTAX),
        ('RCPT TO:<"a\u200e"@b.example>', replies.RECIPIENT_SYNTAX),
        ("MAIL FROM:<a@b.example>SIZE=1", replies.PARAMETER_SYNTAX),
        ("MAIL FROM:<a@b.example> FOO", replies.PARAMETER_UNKNOWN),
        ("RCPT TO:", replies.RECIPIENT_SYNTAX),
        ("RCPT TO:<>", replies.RECIPIENT_SYNTAX),
        ("RCPT FROM:<a@b.example>", replies.SYNTAX_RCPT),
        ("RCPT TO:<a@b.example> SIZE=1", replies.PARAMETER_UNKNOWN),
        ("DATA now", replies.NO_ARGUMENT),
        ("RSET x", replies.NO_ARGUMENT),
        ("QUIT x", replies.NO_ARGUMENT),
        ("STARTTLS x", replies.NO_ARGUMENT),
        ("VRFY", replies.SYNTAX_VRFY),
        ("AUTH", replies.SYNTAX_AUTH),
        ("AUTH PLAIN a b", replies.SYNTAX_AUTH),
        ("AUTH PLAIN =AAA", replies.AUTH_BASE64),
        ("NOOP a\x00b", replies.CONTROL),
        ("MAIL FROM:<a\x01@b.example>", replies.CONTROL),
        ("EHLO a\rb", replies.CONTROL),
    ],
)
def test_what_is_no_command(line: str, reply: replies.Reply) -> None:
    assert command(line) == RejectedCommand(reply)


@pytest.mark.rfc("6531 §3.3", "MUST")
def test_lines_are_utf8() -> None:
    assert command("RCPT TO:<jörg@example.org>") == Rcpt(Address("jörg", "example.org"))
    assert read(b"RCPT TO:<j\xf6rg@example.org>", OFFER, Role.MX) == RejectedCommand(replies.NOT_UTF8)


def test_a_computer_may_have_any_name() -> None:
    assert read(b"EHLO B\xfcro-PC", OFFER, Role.MX) == Hello(Verb.EHLO, "Büro-PC")
    assert read(b"EHLO my_laptop", OFFER, Role.MX) == Hello(Verb.EHLO, "my_laptop")
    assert read(b"EHLO \xfc\x85", OFFER, Role.MX) == Hello(Verb.EHLO, "ü")


@pytest.mark.rfc("2033 §4.1", "MUST NOT")
def test_lmtp_greets_with_lhlo_alone() -> None:
    assert command("LHLO a.example", Role.LMTP) == Hello(Verb.LHLO, "a.example")
    assert command("EHLO a.example", Role.LMTP) == RejectedCommand(replies.UNRECOGNIZED)
    assert command("HELO a.example", Role.LMTP) == RejectedCommand(replies.UNRECOGNIZED)


def test_a_chunk_of_unknown_size_is_fatal() -> None:
    for line in ("BDAT", "BDAT x", "BDAT -1", "BDAT 1 FIRST", "BDAT 1 LAST x", "BDAT " + "9" * 21, "BDAT 1x"):
        assert command(line) == RejectedCommand(replies.SYNTAX_BDAT, fatal=True), line


def test_a_browser_is_shown_the_door() -> None:
    assert command("POST / HTTP/1.1") == RejectedCommand(replies.FOREIGN, fatal=True)


@pytest.mark.rfc("4954 §4", "MUST")
@pytest.mark.parametrize("line", [b"=AAA", b"AAA=BBB", b"A", b"AA A", b"A\xff==", b"AA", b"QUJD="])
def test_base64_is_taken_by_the_letter(line: bytes) -> None:
    assert decode_response(line) is None


@given(st.binary(max_size=80))
def test_any_line_gets_an_answer(line: bytes) -> None:
    for verb in (b"", b"MAIL FROM:", b"RCPT TO:", b"AUTH ", b"BDAT ", b"EHLO "):
        for role in Role:
            read(verb + line, OFFER, role)


def test_only_space_and_tab_part_words() -> None:
    """Unicode knows more spaces; none of them is one in SMTP."""
    assert read("EHLO a\u0085b".encode(), OFFER, Role.MX) == Hello(Verb.EHLO, "a\u0085b")
    assert isinstance(
        read("MAIL FROM:<a@b.example> SIZE=1\u00a0SMTPUTF8".encode(), OFFER, Role.MX), RejectedCommand
    )
