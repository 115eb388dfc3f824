"""Each argument has a limit of its own, looked at before work is done, and an honest client never meets it."""

from collections.abc import Callable

import pytest

from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import limits, responses
from pillarbox.protocol.imap.command_table import COMMANDS
from pillarbox.protocol.imap.commands import Fetch, Id, Noop, Search, Store
from pillarbox.protocol.imap.cursor import parse_sequence_set
from pillarbox.protocol.imap.events import Bye, Received, Response
from pillarbox.protocol.imap.fetch_items import BodySection
from pillarbox.protocol.imap.limits import Argument
from pillarbox.protocol.imap.receiver import MAX_SKIPPED_LITERALS, LiteralCount, Receiver, literal_count
from pillarbox.protocol.imap.states import State
from tests.kit.imap.dialogue import Dialogue
from tests.kit.linear import assert_linear

NOBODY, MEMBER, READER = State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED
NEXT = b"n NOOP\r\n"


def _sets(first: int, size: int, step: int = 2) -> bytes:
    """So many octets of numbers none of which touch."""
    numbers = range(first, first + size, step)
    return b",".join(b"%d" % number for number in numbers)[:size].rsplit(b",", 1)[0]


# --- an argument beyond its limit


ARGUMENTS: list[tuple[State, str, Argument]] = [
    (NOBODY, "LOGIN {} x", limits.MAX_USER_NAME),
    (NOBODY, "LOGIN x {}", limits.MAX_PASSWORD),
    (NOBODY, "ID ({} NIL)", limits.MAX_ID_FIELD),
    (NOBODY, 'ID ("x" {})', limits.MAX_ID_VALUE),
    *((MEMBER, f"{verb} {{}}", limits.MAX_MAILBOX) for verb in ("SELECT", "EXAMINE", "CREATE", "DELETE")),
    *((MEMBER, f"{verb} {{}}", limits.MAX_MAILBOX) for verb in ("SUBSCRIBE", "UNSUBSCRIBE")),
    (MEMBER, "RENAME {} x", limits.MAX_MAILBOX),
    (MEMBER, "RENAME x {}", limits.MAX_MAILBOX),
    (MEMBER, "STATUS {} (UNSEEN)", limits.MAX_MAILBOX),
    (MEMBER, "LIST {} *", limits.MAX_MAILBOX),
    (MEMBER, 'LIST "" {}', limits.MAX_PATTERN),
    (MEMBER, 'LIST "" (x {})', limits.MAX_PATTERN),
    (MEMBER, 'LSUB "" {}', limits.MAX_PATTERN),
    (READER, "COPY 1 {}", limits.MAX_MAILBOX),
    (READER, "UID MOVE 1 {}", limits.MAX_MAILBOX),
    (READER, "SEARCH TEXT {}", limits.MAX_SEARCH_TEXT),
    (READER, "UID SEARCH HEADER {} x", limits.MAX_FIELD_NAME),
    (READER, "SEARCH CHARSET {} ALL", limits.MAX_CHARSET),
    (READER, "FETCH 1 BODY[HEADER.FIELDS ({})]", limits.MAX_FIELD_NAME),
]


@pytest.mark.parametrize(("state", "command", "argument"), ARGUMENTS)
def test_an_argument_beyond_its_limit(state: State, command: str, argument: Argument) -> None:
    refusal = Response(
        b"a NO [LIMIT] %b longer than %d octets\r\n" % (argument.name.encode(), argument.octets)
    )
    plain = b"x" * (argument.octets + 1)
    escaped = b'\\"' * (argument.octets + 1)
    for quoted in (plain, escaped):
        line = b"a %b\r\n" % command.encode().replace(b"{}", b'"%b"' % quoted)
        assert Dialogue(state).send(line + NEXT)[0] == refusal
    literal = b"{%d+}\r\n%b" % (len(plain), plain)
    answer, *rest = Dialogue(state).send(b"a %b\r\n" % command.encode().replace(b"{}", literal) + NEXT)
    # Where the command has a larger one, the literal is read, and refused then
    assert answer in (refusal, Response(b"a NO [LIMIT] Literal too large\r\n"))
    assert [event.tag for event in rest if isinstance(event, Received)] == [b"n"]


@pytest.mark.parametrize(("state", "command", "argument"), ARGUMENTS)
def test_an_argument_within_its_limit_is_not_too_long(state: State, command: str, argument: Argument) -> None:
    quoted = b"x" * argument.octets
    for given in (b'"%b"' % quoted, b"{%d+}\r\n%b" % (len(quoted), quoted)):
        answer = Dialogue(state).send(b"a %b\r\n" % command.encode().replace(b"{}", given))[0]
        assert not isinstance(answer, Response) or b"[LIMIT]" not in answer.octets


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (MEMBER, b"ENABLE %b"),
        (READER, b"STORE 1 FLAGS (%b)"),
        (READER, b"SEARCH KEYWORD %b"),
        (READER, b"SEARCH EMAILID %b"),
        (NOBODY, b"AUTHENTICATE %b"),
    ],
)
def test_an_atom_beyond_its_limit(state: State, command: bytes) -> None:
    (answer,) = Dialogue(state).send(b"a " + command % (b"x" * 256) + b"\r\n")
    assert isinstance(answer, Response)
    assert answer.octets.startswith(b"a NO [LIMIT] ")


@pytest.mark.parametrize(
    ("state", "command", "answer"),
    [
        (MEMBER, b"ENABLE" + b" X" * 51, b"BAD More than 50 names"),
        (MEMBER, b"SELECT x (" + b"CONDSTORE " * 30 + b"CONDSTORE)", b"BAD More than 30 options"),
        (MEMBER, b"CREATE x (" + b"USE () " * 30 + b"USE ())", b"BAD More than 30 options"),
        (MEMBER, b"STATUS x (" + b"UNSEEN " * 30 + b"UNSEEN)", b"BAD More than 30 options"),
        (MEMBER, b'LIST "" (' + b"x " * 100 + b"x)", b"BAD More than 100 patterns"),
        (MEMBER, b'LIST "" (' + b"% " * 10 + b"a*b)", b"NO [LIMIT] More than 10 patterns with wildcards"),
        (MEMBER, b'LIST (' + b"SUBSCRIBED " * 30 + b'SUBSCRIBED) "" *', b"BAD More than 30 options"),
        (READER, b"STORE 1 FLAGS (" + b"a " * 256 + b"a)", b"NO [LIMIT] More than 256 flags"),
        (READER, b"FETCH 1 (" + b"UID " * 200 + b"UID)", b"BAD More than 200 FETCH items"),
        (READER, b"FETCH 1 FLAGS (" + b"CHANGEDSINCE 1 " * 30 + b"X)", b"BAD More than 30 FETCH modifiers"),
        (READER, b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 500 + b"a)]", b"BAD More than 500 header fields"),
        (
            READER,
            b"FETCH 1 (" + (b"BODY[HEADER.FIELDS (" + b"a " * 250 + b"a)] ") * 2 + b"UID)",
            b"BAD More than 500 header fields",
        ),
        (READER, b"FETCH 1 BODY[" + b"1." * 100 + b"1]", b"BAD Unknown section"),
        (READER, b"SEARCH RETURN (" + b"ALL " * 30 + b"ALL) ALL", b"BAD More than 30 options"),
        (
            READER,
            b"FETCH " + _sets(1, limits.MAX_SEQUENCE_SET.octets + 20) + b" UID",
            b"NO [LIMIT] Sequence set longer than 98304 octets",
        ),
        (READER, b'SEARCH MODSEQ "' + b"x" * 513 + b'" ALL 1', b"NO [LIMIT] Entry name longer than 512 octets"),
        (READER, b"SEARCH " + b"TEXT {0+}\r\n " * 200 + b"TEXT {0+}\r\n", b"NO [LIMIT] Too many literals"),
    ],
)  # fmt: skip
def test_too_many_in_one_command(state: State, command: bytes, answer: bytes) -> None:
    assert Dialogue(state).send(b"a " + command + b"\r\n" + NEXT)[0] == Response(b"a " + answer + b"\r\n")


# --- literals


@pytest.mark.parametrize("verb", sorted(COMMANDS))
def test_a_literal_is_refused_when_it_is_announced(verb: bytes) -> None:
    argument = COMMANDS[verb].literal
    state = NOBODY if NOBODY in COMMANDS[verb].transitions else READER
    size = argument.octets + 1 if argument else 1
    # A synchronizing literal that is refused never comes (RFC 9051 §4.3), so there is nothing of it to keep
    dialogue = Dialogue(state)
    first = b" 1" if verb.endswith(b"REPLACE") else b""
    answer, *rest = dialogue.send(b"a %b%b {%d}\r\n" % (verb, first, size) + NEXT)
    assert isinstance(answer, Response)
    refused = answer.octets.removeprefix(responses.CLOSED)
    assert refused.startswith(b"a NO [LIMIT] Literal too large" if argument else b"a BAD ")
    assert rest
    assert dialogue.machine.buffered == 0


@pytest.mark.rfc("7888 §4", "MAY")
def test_a_stranger_whose_refused_literal_is_large_is_left() -> None:
    size = limits.BEFORE_LOGIN.skipped_octets
    answers = Dialogue().send(b"a NOOP {%d+}\r\n" % size + b"x" * size + b"\r\n" + NEXT)
    assert answers[1] == Received(b"n", Noop())
    (event,) = Dialogue().send(b"a NOOP {%d+}\r\n" % (size + 1) + b"x" * size)
    assert isinstance(event, Bye)


def test_a_refused_command_that_goes_on_with_literals_ends_the_connection() -> None:
    (answer, ended) = Dialogue(READER).send(b"a XYZZY" + b" {1+}\r\nx" * (MAX_SKIPPED_LITERALS + 1))
    assert answer == Response(b"a BAD Unknown command\r\n")
    assert ended == Bye(b"* BYE Too many literals\r\n")
    dialogue = Dialogue(READER)
    for _ in range(3):
        answers = dialogue.send(b"a XYZZY" + b" {1+}\r\nx" * MAX_SKIPPED_LITERALS + b"\r\n" + NEXT)
        assert [type(event) for event in answers] == [Response, Received]


def test_literals_before_login_are_few_and_small() -> None:
    for command, few in ((b"LOGIN", 10), (b"ID", 60)):
        dialogue = Dialogue()
        (answer, *_) = dialogue.send(b"a " + command + b" {1+}\r\nx" * (few + 1) + b"\r\n" + NEXT)
        assert answer == Response(b"a NO [LIMIT] Too many literals\r\n")
    (answer, *_) = Dialogue().send(b"a ID" + (b" {1024+}\r\n" + b"x" * 1024) * 33 + b"\r\n")
    assert answer == Response(b"a NO [LIMIT] Literal too large\r\n")


@pytest.mark.rfc("2971 §3.3", "MUST")
@pytest.mark.parametrize("form", [b'"%b"', b"{%d+}\r\n%b"])
def test_id_is_as_large_before_login_as_it_may_be(form: bytes) -> None:
    def string(octets: bytes) -> bytes:
        return form % octets if form.startswith(b'"') else form % (len(octets), octets)

    fields = [(b"%030d" % number, b"x" * 1024) for number in range(30)]
    line = b"a ID (%b)\r\n" % b" ".join(string(name) + b" " + string(value) for name, value in fields)
    for pieces in ([line], [line[at : at + 100] for at in range(0, len(line), 100)]):
        dialogue = Dialogue()
        (event,) = [event for piece in pieces for event in dialogue.send(piece)]
        assert isinstance(event, Received)
        assert event.command == Id(tuple((name.decode(), value.decode()) for name, value in fields))
        # what follows has the limits of all commands before login again
        (refused,) = dialogue.send(b"b LOGIN x " + b"y" * 20_000 + b"\r\n")
        assert refused == Response(b"b BAD [LIMIT] Line too long\r\n")
    (refused,) = Dialogue().send(b"a ID (" + b"x" * 34 * 1024 + b"\r\n")
    assert refused == Response(b"a BAD [LIMIT] Line too long\r\n")


def test_refusals_before_login_are_counted() -> None:
    events = Dialogue().send(b"a LOGIN {5000}\r\n" * 20)
    assert len(events) == limits.BEFORE_LOGIN.bad_commands + 1
    assert isinstance(events[-1], Bye)


# --- honest clients


def test_a_set_of_64_kilobytes() -> None:
    octets = _sets(1, 70_000)
    (command,) = Dialogue(READER).commands(b"a UID FETCH " + octets + b" (FLAGS)\r\n")
    assert isinstance(command, Fetch)
    assert command.numbers.numbers == NumberSet.of(map(int, octets.split(b",")))


def test_dozens_of_fields_keywords_and_words() -> None:
    names = b" ".join(b"X-Field-%d" % number for number in range(80))
    words = b" ".join(b"$Label%d" % number for number in range(100))
    fetch, store, search = Dialogue(READER).commands(
        b"a FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (" + names + b")])\r\n"
        b"b STORE 1:5 +FLAGS (" + words + b")\r\n"
        b"c SEARCH " + b"OR TEXT word " * 40 + b"TEXT {6000+}\r\n" + b"x" * 6000 + b"\r\n"
    )
    assert isinstance(fetch, Fetch)
    assert isinstance(fetch.items[-1], BodySection)
    assert len(fetch.items[-1].fields) == 80
    assert isinstance(store, Store)
    assert len(store.flags.split()) == 100
    assert isinstance(search, Search)


# --- the cost


SETS: list[Callable[[int], bytes]] = [
    lambda size: _sets(1, size),
    lambda size: b",".join(reversed(_sets(1, size).split(b","))),
    lambda size: b"1," * (size // 2) + b"1",
    lambda size: b"*," * (size // 2) + b"*",
    lambda size: b"9:1," * (size // 4) + b"1",
    lambda size: b",".join(b"%d:*" % number for number in range(1, size // 8)),
    lambda size: b",".join(b"%d:1" % number for number in range(size // 8, 1, -1)),
    lambda size: b"$," * (size // 2) + b"$",
]


@pytest.mark.parametrize("make", SETS)
def test_a_set_costs_its_length(make: Callable[[int], bytes]) -> None:
    assert_linear(parse_sequence_set, make, limits.MAX_SEQUENCE_SET.octets, within_s=0.25)


LINES: list[tuple[bytes, bytes, bytes]] = [
    (b"FETCH 1 (", b"UID ", b"UID)"), (b"FETCH 1 BODY[HEADER.FIELDS (", b"a ", b"a)]"),
    (b"FETCH 1 BODY[", b"1.", b"1]"),
    (b"FETCH 1 PREVIEW (LAZY", b" LAZY", b")"), (b"FETCH 1 (", b"BODY[] ", b""),
    (b"FETCH 1 (", b"BODY[1]<0.1> ", b""),
    (b"STORE 1 FLAGS (", b"a ", b"a)"), (b"STORE 1 FLAGS (", b"\\a ", b""), (b"STORE 1 FLAGS ", b"a", b""),
    (b"SEARCH ", b"(", b""), (b"SEARCH ", b"NOT ", b""), (b"SEARCH ", b"OR ", b""), (b"SEARCH ", b"ALL ", b"ALL"),
    (b"SEARCH ", b"OR 1 ", b"1"),
    (b"SEARCH ", b"1 ", b"1"), (b'SEARCH TEXT "', b"x", b'"'), (b'SEARCH TEXT "', b'\\"', b'"'),
    (b'SEARCH TEXT "', b"x", b""),
    (b'SEARCH TEXT "', b'\\"', b""), (b"SEARCH ", b'TEXT "a" ', b"ALL"), (b"SEARCH ", b"TEXT {0+}\r\n ", b"ALL"),
    (b"SEARCH ", b"TEXT {1+}\r\na ", b"ALL"), (b"SEARCH HEADER ", b"x", b" y"), (b"SEARCH ON ", b"1", b""),
    (b"ENABLE ", b"X ", b"X"), (b"STATUS x (", b"UNSEEN ", b"UNSEEN)"),
    (b"SELECT x (", b"CONDSTORE ", b"CONDSTORE)"),
    (b"CREATE x (", b"USE () ", b"USE ())"), (b"SELECT ", b"a/", b""), (b"SELECT ", b"&AOQ-a", b""),
    (b'SELECT "', b"&", b'"'),
    (b'LIST "" ', b"a%", b""), (b'LIST "" (', b"% ", b"%)"),
    (b'LIST "" * RETURN (', b"STATUS (UNSEEN) ", b"CHILDREN)"),
    (b"APPEND x (", b"a ", b"a) {3}"), (b'APPEND x "', b" ", b'" {3}'), (b"COPY 1 ", b"x", b""),
    (b"NOOP ", b"{1", b"}"),
    (b"", b"{", b"}"), (b"", b"{1", b"}"), (b"", b" ", b""), (b"", b"UID ", b""), (b"IDLE", b" ", b""),
    (b"ID (", b'"a" NIL ', b")"),
    (b"SELECT x", b" ", b"("), (b"SELECT x", b"( ", b""), (b"SELECT x  ", b'\\"', b""), (b'SELECT  "', b'\\"', b""),
    (b"NAMESPACE", b"(", b""), (b"SELECT x (QRESYNC (1 1 ", b"1,", b"1))"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "repeated", "end"), LINES)
def test_any_line_costs_its_length(start: bytes, repeated: bytes, end: bytes) -> None:
    def line(size: int) -> bytes:
        return b"a " + start + repeated * (size // len(repeated)) + end + b"\r\n"

    def send(octets: bytes) -> None:
        Dialogue(READER).send(octets)

    assert_linear(send, line, limits.AFTER_LOGIN.line_octets - 100, within_s=0.25)


def test_a_line_in_the_smallest_chunks_is_searched_once() -> None:
    def send(octets: bytes) -> None:
        receiver = Receiver()
        for place in range(len(octets)):
            receiver.feed(octets[place : place + 1])
            receiver.line(limits.AFTER_LOGIN.line_octets)

    assert_linear(send, lambda size: b"x" * size, limits.BEFORE_LOGIN.line_octets)


def test_a_count_is_found_at_the_end_of_a_line_only() -> None:
    assert literal_count(b"x {12+}") == LiteralCount(12, synchronizing=False)
    assert literal_count(b"{1}" * 100_000 + b"{%d}" % 10**19) == LiteralCount(10**19, synchronizing=True)
