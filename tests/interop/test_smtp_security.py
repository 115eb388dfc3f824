"""What attackers send: at every door that speaks SMTP, on bare sockets.

One message in is one message out, whatever stands in it; what came before TLS is forgotten; nobody's mail is
relayed without authentication; commands out of order, too long or not well-formed are answered and affect no other session.
"""

import base64
import socket
import time
from collections.abc import Callable

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.reading import messages
from tests.interop.smtp import Smtp, connected, plain, submitting

pytestmark = pytest.mark.interop

END_OF_DATA = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CRLF.CR": b"\r\n.\r",
    "LF.CR": b"\n.\r",
    "CR.LF": b"\r.\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "NUL": b"\r\n\0.\r\n",
    "dot NUL": b"\r\n.\0\r\n",
    "CRLFCR.CRLF": b"\r\n\r.\r\n",
}
"""What some servers take for the end of a message, and ours must not: only CRLF.CRLF ends one."""
SECOND = "MAIL FROM:<evil@{0}>\r\nRCPT TO:<{1}>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n.\r\n"


def door_of(name: str, smtp: Smtp) -> None:
    smtp.hello("LHLO" if name == "lmtp" else "EHLO")


def wait_for(found: Callable[[], list[bytes]]) -> list[bytes]:
    """Wait until there is some mail; relaying takes some time."""
    for _ in range(200):
        if octets := found():
            return octets
        time.sleep(0.05)
    raise AssertionError("nothing came")


def assert_clean(octets: bytes) -> None:
    """Without a lone CR or LF: nothing for another server to take for an end."""
    assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")


@pytest.mark.rfc("5321 §4.1.1.4", "MUST NOT")
@pytest.mark.parametrize("door", ["smtp", "lmtp"])
@pytest.mark.parametrize("sequence", END_OF_DATA.values(), ids=END_OF_DATA)
def test_only_one_sequence_ends_a_message(provider: Demo, sequence: bytes, door: str) -> None:
    person = provider.newcomer()
    with connected(provider, door) as smtp:
        door_of(door, smtp)
        assert smtp.codes("MAIL FROM:<ann@two.example>", f"RCPT TO:<{person.address}>", "DATA") == [
            250,
            250,
            354,
        ]
        second = SECOND.format("two.example", person.address).encode()
        smtp.send(b"Subject: first\r\n\r\nbody" + sequence + second)
        assert smtp.reply().code in (250, 550, 554)
        assert smtp.silent(), "what followed was taken for commands"
    for octets in messages(provider, person):
        assert b"Subject: first" in octets
        assert_clean(octets)
    assert len(messages(provider, person)) <= 1


@pytest.mark.parametrize("sequence", END_OF_DATA.values(), ids=END_OF_DATA)
def test_what_is_sent_on_is_one_message_too(provider: Demo, sequence: bytes) -> None:
    """By submission to the other domain, which goes out over a connection of its own."""
    sender = provider.newcomer()
    receiver = next(person for person in provider.people if person.address == "dave@two.example")
    mark = f"sent on {sender.login}".encode()
    with submitting(provider, sender) as smtp:
        commands = (f"MAIL FROM:<{sender.address}>", f"RCPT TO:<{receiver.address}>", "DATA")
        assert smtp.codes(*commands) == [250, 250, 354]
        second = SECOND.format("one.example", receiver.address).replace(
            "smuggled", f"smuggled {mark.decode()}"
        )
        head = f"From: <{sender.address}>\r\nSubject: first {mark.decode()}\r\n\r\nbody".encode()
        smtp.send(head + sequence + second.encode())
        assert smtp.reply().code == 250
        assert smtp.silent()
    [octets] = wait_for(lambda: [one for one in messages(provider, receiver) if mark in one])
    assert b"Subject: first" in octets
    assert_clean(octets)


@pytest.mark.rfc("5321 §4.5.2", "MUST")
def test_dots_are_doubled_once(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>", "DATA")
        smtp.send(b"Subject: dots\r\n\r\n..\r\n...\r\n..a\r\n. \r\n.\r\n")
        assert smtp.reply().code == 250
    assert messages(provider, person)[0].endswith(b"\r\n\r\n.\r\n..\r\n.a\r\n \r\n")


def test_an_end_in_pieces_is_an_end(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>", "DATA")
        for octet in b"Subject: slow\r\n\r\nbody\r\n.\r\n":
            smtp.send(bytes([octet]))
            time.sleep(0.001)
        assert smtp.reply().code == 250
    assert messages(provider, person)[0].endswith(b"\r\n\r\nbody\r\n")


# BDAT


@pytest.mark.rfc("3030 §2", "MUST")
def test_chunks_are_counted_and_never_searched_for_an_end(provider: Demo) -> None:
    person = provider.newcomer()
    first, second = b"Subject: chunks\r\n\r\n\r\n.\r\nMAIL FROM:<evil@two.example>\r\n", b"QUIT\r\n"
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>")
        smtp.send(b"BDAT %d\r\n%bBDAT %d LAST\r\n%b" % (len(first), first, len(second), second))
        assert [smtp.reply().code, smtp.reply().code] == [250, 250]
        assert smtp.silent()
    assert messages(provider, person)[0].endswith(
        b"\r\n\r\n\r\n.\r\nMAIL FROM:<evil@two.example>\r\nQUIT\r\n"
    )


@pytest.mark.parametrize(
    "size", ["x", "-1", "1x", "", "+5", "0x10", "99999999999999999999999", "1 FIRST", "1 LAST LAST"]
)
def test_a_chunk_of_no_size_delivers_nothing(provider: Demo, size: str) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>")
        assert smtp.say(f"BDAT {size}").code in (501, 552)
        # Where the chunk ends cannot be known: nothing that follows may be taken for a command
        smtp.send(b"Subject: x\r\n\r\nRSET\r\nMAIL FROM:<evil@two.example>\r\n")
        assert b"250" not in smtp.left()
    assert messages(provider, person) == []


@pytest.mark.rfc("3030 §2", "MUST")
def test_data_and_chunks_do_not_mix(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>")
        smtp.send(b"BDAT 12\r\nSubject: x\r\n")
        assert smtp.reply().code == 250
        assert smtp.codes("DATA") == [503]
        assert smtp.codes("RSET", "NOOP") == [250, 250]
    assert messages(provider, person) == []


def test_a_chunk_without_a_transaction_is_swallowed(provider: Demo) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        octets = b"MAIL FROM:<evil@two.example>\r\n"
        smtp.send(b"BDAT %d LAST\r\n%b" % (len(octets), octets))
        assert smtp.reply().code == 503
        assert smtp.silent()


def test_a_chunk_that_never_ends_delivers_nothing(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>")
        smtp.send(b"BDAT 1000 LAST\r\nSubject: half\r\n\r\n")
    assert messages(provider, person) == []


# STARTTLS


@pytest.mark.rfc("3207 §6", "MUST")
@pytest.mark.parametrize("door", ["smtp", "submission", "lmtp"])
@pytest.mark.parametrize(
    "injected", [b"RSET\r\n", b"NOOP\r\nMAIL FROM:<evil@one.example>\r\n", b"EHLO x.example\r\n"]
)
def test_nothing_sent_in_clear_survives_starttls(provider: Demo, door: str, injected: bytes) -> None:
    with connected(provider, door) as smtp:
        door_of(door, smtp)
        smtp.send(b"STARTTLS\r\n" + injected)
        assert smtp.reply().code == 220
        smtp.handshake()
        assert smtp.codes("MAIL FROM:<ann@two.example>") == [503], "the greeting of before counts"
        assert smtp.silent()


def test_a_transaction_of_before_is_forgotten(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        assert smtp.codes("MAIL FROM:<evil@two.example>", f"RCPT TO:<{person.address}>") == [250, 250]
        smtp.start_tls()
        smtp.hello()
        assert smtp.codes("DATA", f"RCPT TO:<{person.address}>") == [503, 503]


def test_starttls_comes_once_and_alone(provider: Demo) -> None:
    with connected(provider) as smtp:
        assert "STARTTLS" in smtp.hello()
        assert smtp.codes("STARTTLS now") == [501]
        smtp.start_tls()
        assert "STARTTLS" not in smtp.hello()
        assert smtp.codes("STARTTLS") == [503]


def test_what_is_no_handshake_ends_the_connection(provider: Demo) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        smtp.say("STARTTLS")
        smtp.send(b"MAIL FROM:<evil@two.example>\r\n" * 3)
        assert b"250" not in smtp.left()


# Relaying


ELSEWHERE = [
    "bob@elsewhere.example",
    "bob%elsewhere.example@one.example",
    "elsewhere.example!bob@one.example",
    '"bob@elsewhere.example"@one.example',
    "@one.example:bob@elsewhere.example",
    "@one.example,@two.example:bob@elsewhere.example",
    "bob@[192.0.2.1]",
    "bob@one.example.elsewhere.example",
    "bob@elsewhere.example@one.example",
    "bob",
    "bob@localhost",
]


@pytest.mark.parametrize("address", ELSEWHERE)
@pytest.mark.parametrize("door", ["smtp", "lmtp"])
def test_nothing_is_relayed_without_authentication(provider: Demo, address: str, door: str) -> None:
    with connected(provider, door) as smtp:
        door_of(door, smtp)
        assert smtp.say("MAIL FROM:<ann@two.example>").code == 250
        assert smtp.say(f"RCPT TO:<{address}>").code in (501, 550, 553)
        assert smtp.codes("DATA", "RSET") == [503, 250]


@pytest.mark.parametrize(
    "sender", ["<>", "<alice@one.example>", "<postmaster@one.example>", "<root@localhost>"]
)
def test_nothing_is_relayed_for_a_forged_sender(provider: Demo, sender: str) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        assert smtp.say(f"MAIL FROM:{sender}").code == 250
        assert smtp.say("RCPT TO:<bob@elsewhere.example>").code == 550


def test_no_mail_is_submitted_without_a_password(provider: Demo) -> None:
    for door in ("submission", "submissions"):
        with connected(provider, door) as smtp:
            smtp.hello()
            assert smtp.codes("MAIL FROM:<alice@one.example>", "RCPT TO:<alice@one.example>") == [530, 503]


@pytest.mark.rfc("6409 §6.1", "MAY")
def test_the_sender_must_belong_to_the_account(provider: Demo) -> None:
    mine, other = provider.newcomer(), provider.newcomer()
    with submitting(provider, mine) as smtp:
        assert smtp.codes(f"MAIL FROM:<{other.address}>") == [550]
        smtp.codes(f"MAIL FROM:<{mine.address}>", f"RCPT TO:<{other.address}>", "DATA")
        smtp.send(f"From: <{other.address}>\r\n\r\nx\r\n.\r\n".encode())
        assert smtp.reply().code == 550
    assert messages(provider, other) == []


# AUTH


def test_a_mechanism_that_is_not_offered_is_refused(provider: Demo) -> None:
    with connected(provider, "submissions") as smtp:
        smtp.hello()
        assert smtp.codes("AUTH CRAM-MD5", "AUTH ANONYMOUS", "AUTH X", "AUTH") == [504, 504, 504, 501]


def test_an_exchange_can_be_left_and_nonsense_is_not_understood(provider: Demo) -> None:
    with connected(provider, "submissions") as smtp:
        smtp.hello()
        assert smtp.codes("AUTH PLAIN", "*", "AUTH PLAIN", "not base64!", "AUTH PLAIN =", "NOOP") == [
            334, 501, 334, 501, 501, 250,
        ]  # fmt: skip
        assert smtp.codes("MAIL FROM:<alice@one.example>") == [530]


def test_authentication_needs_its_place(provider: Demo) -> None:
    person = provider.newcomer()
    auth = f"AUTH PLAIN {plain(person)}"
    with connected(provider, "submissions") as smtp:
        assert smtp.codes(auth) == [503]  # before EHLO
        smtp.hello()
        assert smtp.codes(auth, auth) == [235, 503]
        assert smtp.codes(f"MAIL FROM:<{person.address}>", auth) == [250, 503]


def test_after_tls_one_must_log_in_again(plain_provider: Demo) -> None:
    person = plain_provider.newcomer()
    with connected(plain_provider, "submission") as smtp:
        smtp.hello()
        smtp.log_in(person)
        if smtp.say("STARTTLS").code == 220:
            smtp.handshake()
            smtp.hello()
            assert smtp.codes(f"MAIL FROM:<{person.address}>") == [530]


def test_an_authorization_identity_of_another_account_is_refused(provider: Demo) -> None:
    mine, other = provider.newcomer(), provider.newcomer()
    with connected(provider, "submissions") as smtp:
        smtp.hello()
        assert smtp.say(f"AUTH PLAIN {plain(mine, authorization=other.address)}").code == 535


def test_nothing_of_a_password_or_a_login_comes_back(provider: Demo) -> None:
    wrong = Person("u0@one.example", "u0", "hush hush")
    unknown = Person("x@one.example", "no such login", "hush hush")
    said = []
    for person in (wrong, unknown):
        with connected(provider, "submissions") as smtp:
            smtp.hello()
            said.append(smtp.say(f"AUTH PLAIN {plain(person)}"))
    assert said[0] == said[1]
    assert said[0].code == 535


def test_guessing_ends_the_connection(plain_provider: Demo) -> None:
    codes: list[int] = []
    with connected(plain_provider, "submissions") as smtp:
        smtp.hello()
        while codes[-1:] != [421] and len(codes) < 30:
            codes.append(
                smtp.say("AUTH PLAIN " + base64.b64encode(b"\0nobody%d\0x" % len(codes)).decode()).code
            )
        assert smtp.left() == b""
    assert codes[-1] == 421
    assert 3 <= codes.count(535) <= 10


# Order and form of commands


def test_commands_out_of_order(provider: Demo) -> None:
    with connected(provider) as smtp:
        assert smtp.codes("MAIL FROM:<ann@two.example>", "RCPT TO:<alice@one.example>", "DATA") == [503] * 3
        smtp.hello()
        assert smtp.codes("RCPT TO:<alice@one.example>", "DATA", "BDAT 0 LAST") == [503] * 3
        assert smtp.codes("MAIL FROM:<ann@two.example>", "MAIL FROM:<ann@two.example>", "DATA") == [
            250,
            503,
            503,
        ]
        assert smtp.codes("RSET", "RCPT TO:<alice@one.example>") == [250, 503]
        assert smtp.codes("MAIL FROM:<ann@two.example>", "EHLO client.example", "RCPT TO:<alice@one.example>") == [
            250, 250, 503,
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b"MAIL FROM:<ann@two.example> SIZE=99999999999", {552}),
        (b"MAIL FROM:<ann@two.example> SIZE=x", {501}),
        (b"MAIL FROM:<ann@two.example> FROBNICATE=1", {555}),
        (b"MAIL FROM:<ann@two.example> BODY=9BIT", {501, 504, 555}),
        (b"MAIL FROM:ann@two.example", {250, 501}),
        (b"MAIL FROM:<ann@two.example", {501}),
        (b"MAIL FROM:<" + b"a" * 65 + b"@" + b"b" * 300 + b".example>", {501, 553}),
        (b"MAIL FROM:<ann@two.example> BODY=8BITMIME BODY=8BITMIME", {501}),
        (b"MAIL FROM:<a\0b@two.example>", {501}),
        (b"MAIL FROM:<\xff@two.example>", {500, 501, 553}),
        (b"MAIL FROM:<ann@two.example>\rRCPT TO:<alice@one.example>", {500, 501}),
        (b"VRFY alice", {252}),
        (b"EXPN staff", {252, 502, 550}),
        (b"TURN", {500, 502}),
        (b"WIZ", {500}),
        (b"DEBUG", {500}),
        (b"", {500}),
        (b"NOOP " + b"x" * 2000, {500, 250}),
        (b"X" * 100_000, {500}),
        (b"HELO", {501}),
        (b"DATA now", {501, 503}),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else "",
)
def test_odd_commands_are_answered(provider: Demo, line: bytes, codes: set[int]) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        assert smtp.say(line).code in codes
        assert smtp.silent()


@pytest.mark.parametrize(
    "line", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.0\r\n\r\nMAIL FROM:<>\r\n"]
)
def test_a_browser_cannot_be_made_to_send_mail(provider: Demo, line: bytes) -> None:
    with connected(provider) as smtp:
        smtp.send(line + b"HELO x.example\r\nMAIL FROM:<evil@two.example>\r\n")
        assert b"250" not in smtp.left()


def test_commands_end_with_crlf_only(provider: Demo) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        smtp.send(b"MAIL FROM:<evil@two.example>\nRCPT TO:<alice@one.example>\n")
        assert b"250" not in smtp.left()


def test_a_client_that_speaks_first_is_still_answered_in_order(provider: Demo) -> None:
    with socket.create_connection((provider.host, provider.ports["smtp"]), timeout=30) as stream:
        stream.sendall(b"EHLO client.example\r\nNOOP\r\nQUIT\r\n")
        said = b""
        while octets := stream.recv(65536):
            said += octets
    codes = [line[:3] for line in said.split(b"\r\n") if line[3:4] == b" "]
    assert codes in ([b"220", b"250", b"250", b"221"], [b"554"], [b"220", b"554"])


# Limits


def test_a_loop_is_noticed(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>", "DATA")
        smtp.send(b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n" * 150 + b"\r\nx\r\n.\r\n")
        assert smtp.reply().code == 554
        assert smtp.silent()
    assert messages(provider, person) == []


def test_a_message_beyond_the_announced_size_is_refused(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        reply = smtp.say("EHLO client.example")
        size = next(int(line.split()[1]) for line in reply.lines if line.startswith("SIZE"))
        assert smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>", "DATA") == [250, 250, 354]
        piece = b"x" * 998 + b"\r\n"
        smtp.send(b"Subject: large\r\n\r\n")
        for _ in range(size // (1000 * 1000) + 2):
            smtp.send(piece * 1000)
        smtp.send(b".\r\n")
        assert smtp.reply().code == 552
        assert smtp.silent()
    assert messages(provider, person) == []


def test_recipients_have_a_limit_and_the_first_hundred_are_always_taken(provider: Demo) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        smtp.say("MAIL FROM:<>")
        smtp.send(b"".join(b"RCPT TO:<u%d@one.example>\r\n" % number for number in range(250)))
        codes = [smtp.reply().code for _ in range(250)]
    assert codes[:100] == [250] * 100
    assert set(codes) <= {250, 452}


def test_who_guesses_names_is_stopped(provider: Demo) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        smtp.say("MAIL FROM:<>")
        smtp.send(b"".join(b"RCPT TO:<guess%d@one.example>\r\n" % number for number in range(500)))
        said = smtp.left()
    assert said.count(b"550 5.1.1") <= 200
    assert said.splitlines()[-1].startswith(b"421")


def test_nonsense_has_an_end(provider: Demo) -> None:
    with connected(provider) as smtp:
        smtp.hello()
        smtp.send(b"NONSENSE\r\n" * 200)
        assert smtp.left().splitlines()[-1].startswith(b"421")


def test_a_long_line_in_a_message_arrives_whole(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>", "DATA")
        smtp.send(b"Subject: long\r\n\r\n" + b"y" * 200_000 + b"\r\n.\r\n")
        assert smtp.reply().code == 250
    assert messages(provider, person)[0].endswith(b"\r\n\r\n" + b"y" * 200_000 + b"\r\n")


def test_a_message_cut_off_is_not_delivered(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<>", f"RCPT TO:<{person.address}>", "DATA")
        smtp.send(b"Subject: half\r\n\r\nbody\r\n")
    assert messages(provider, person) == []


def test_forged_trace_fields_do_not_pass_for_ours(provider: Demo) -> None:
    person = provider.newcomer()
    with connected(provider) as smtp:
        smtp.hello()
        smtp.codes("MAIL FROM:<ann@two.example>", f"RCPT TO:<{person.address}>", "DATA")
        smtp.send(b"Return-Path: <forged@two.example>\r\nSubject: x\r\n\r\nx\r\n.\r\n")
        assert smtp.reply().code == 250
    [octets] = messages(provider, person)
    assert octets.startswith(b"Return-Path: <ann@two.example>\r\nAuthentication-Results: mail.one.example;")
    assert octets.index(b"\r\nReceived: from client.example ([127.0.0.1])") < octets.index(b"\r\nSubject:")
    assert octets.count(b"Return-Path:") == 1
