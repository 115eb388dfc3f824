"""What is not in the grammar, or not to be had, is answered so that a person understands, and nothing else happens."""

import pytest

from pillarbox.protocol.imap.events import MessageOffered, MessagesEnded, Received, Response
from pillarbox.protocol.imap.states import State
from tests.kit.imap.dialogue import Dialogue

NOBODY, MEMBER, READER = State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED

BAD = [
    (NOBODY, b"NOOP x"),
    (NOBODY, b"XYZZY"),
    (NOBODY, b"UID"),
    (NOBODY, b"NO-OP"),
    (NOBODY, b""),
    (NOBODY, b"LOGIN"),
    (NOBODY, b"LOGIN "),
    (NOBODY, b"LOGIN a"),
    (NOBODY, b"LOGIN a b c"),
    (NOBODY, b'LOGIN "a b'),
    (NOBODY, b'LOGIN "a\\b" c'),
    (NOBODY, b"LOGIN a\tb c"),
    (NOBODY, b"LOGIN a {2} b"),
    (NOBODY, b"LOGIN a {2} "),
    (NOBODY, b"LOGIN {999999999999999999999}"),
    (MEMBER, b"APPEND {2} "),
    (NOBODY, b"LOGIN a {2+} b"),
    (NOBODY, b"LOGIN a x{2+}\r\nbb"),
    (NOBODY, b'LOGIN "\xff" b'),
    (NOBODY, b"LOGIN {1+}\r\n\xff b"),
    (NOBODY, b"LOGIN {1+}\r\n\0 b"),
    (NOBODY, b"LOGIN ~{1+}\r\na b"),
    (NOBODY, b"LOGIN j\xc3\xb6 b"),
    (NOBODY, b"AUTHENTICATE"),
    (NOBODY, b"AUTHENTICATE PLAIN %%"),
    (NOBODY, b"AUTHENTICATE PLAIN abc"),
    (NOBODY, b"AUTHENTICATE PLAIN = ="),
    (NOBODY, b"ID"),
    (NOBODY, b'ID ("a")'),
    (NOBODY, b'ID (a "b")'),
    (NOBODY, b"ID (" + b'"a" NIL ' * 30 + b'"a" NIL)'),
    (MEMBER, b"ENABLE"),
    (MEMBER, b"ENABLE (CONDSTORE)"),
    (MEMBER, b"SELECT"),
    (MEMBER, b"SELECT a b"),
    (MEMBER, b"SELECT a ()"),
    (MEMBER, b"SELECT a (BLURDYBLOOP)"),
    (MEMBER, b"SELECT a (QRESYNC (1 1))"),
    (MEMBER, b"SELECT a (QRESYNC)"),
    (MEMBER, b"SELECT a%"),
    (MEMBER, b"CREATE a (USE)"),
    (MEMBER, b"CREATE a (USE (Sent))"),
    (MEMBER, b"CREATE a (COLOUR (x))"),
    (MEMBER, b"RENAME a"),
    (MEMBER, b"STATUS a"),
    (MEMBER, b"STATUS a ()"),
    (MEMBER, b"STATUS a MESSAGES"),
    (MEMBER, b"STATUS a (BEAUTY)"),
    (MEMBER, b'LIST ""'),
    (MEMBER, b'LIST "" ()'),
    (MEMBER, b'LIST (RECURSIVEMATCH) "" *'),
    (MEMBER, b'LIST (REMOTE RECURSIVEMATCH) "" *'),
    (MEMBER, b'LIST (SPECIAL-USE RECURSIVEMATCH) "" *'),
    (MEMBER, b'LIST (NICE) "" *'),
    (MEMBER, b'LIST "" * RETURN'),
    (MEMBER, b'LIST "" * RETURN (NICE)'),
    (MEMBER, b'LIST "" * RETURN (STATUS)'),
    (MEMBER, b'LIST "" (' + b"a " * 100 + b"a)"),
    (MEMBER, b'LSUB "" (a b)'),
    (MEMBER, b"APPEND"),
    (MEMBER, b"APPEND a"),
    (MEMBER, b'APPEND a "text"'),
    (MEMBER, b"APPEND a () text"),
    (READER, b"EXPUNGE 1"),
    (READER, b"UID EXPUNGE"),
    (READER, b"FETCH"),
    (READER, b"FETCH 1"),
    (READER, b"FETCH 0 FLAGS"),
    (READER, b"FETCH 01 FLAGS"),
    (READER, b"FETCH 1: FLAGS"),
    (READER, b"FETCH 1,,2 FLAGS"),
    (READER, b"FETCH 1:2:3 FLAGS"),
    (READER, b"FETCH ,1 FLAGS"),
    (READER, b"FETCH 4294967296 FLAGS"),
    (READER, b"FETCH 1:99999999999999999999 FLAGS"),
    (READER, b"FETCH x FLAGS"),
    (READER, b"FETCH 1 ()"),
    (READER, b"FETCH 1 (FLAGS"),
    (READER, b"FETCH 1 FLAGS)"),
    (READER, b"FETCH 1 (ALL)"),
    (READER, b"FETCH 1 ALLES"),
    (READER, b"FETCH 1 BODY["),
    (READER, b"FETCH 1 BODY[0]"),
    (READER, b"FETCH 1 BODY[1.]"),
    (READER, b"FETCH 1 BODY[.TEXT]"),
    (READER, b"FETCH 1 BODY[MIME]"),
    (READER, b"FETCH 1 BODY[HEADERS]"),
    (READER, b"FETCH 1 BODY[HEADER.FIELDS]"),
    (READER, b"FETCH 1 BODY[HEADER.FIELDS ()]"),
    (READER, b"FETCH 1 BODY[]<0>"),
    (READER, b"FETCH 1 BODY[]<0.0>"),
    (READER, b"FETCH 1 BODY[]<1.9999999999999999999>"),
    (READER, b"FETCH 1 BODYSTRUCTURE[1]"),
    (READER, b"FETCH 1 BINARY[TEXT]"),
    (READER, b"FETCH 1 BINARY"),
    (READER, b"FETCH 1 BINARY.SIZE[1]<0.1>"),
    (READER, b"FETCH 1 PREVIEW (EAGER)"),
    (READER, b"FETCH 1 FLAGS (CHANGEDSINCE)"),
    (READER, b"FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)"),
    (READER, b"FETCH 1 FLAGS (SOMEDAY)"),
    (READER, b"UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)"),
    (READER, b"FETCH 1 (" + b"UID " * 200 + b"UID)"),
    (READER, b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 500 + b"a)]"),
    (READER, b"STORE 1 FLAGS"),
    (READER, b"STORE 1 FLAG (a)"),
    (READER, b"STORE 1 FLAGS a)"),
    (READER, b"STORE 1 FLAGS (a b"),
    (READER, b"STORE 1 FLAGS (\\Recent)"),
    (READER, b"STORE 1 FLAGS (\\Nonsense)"),
    (READER, b"STORE 1 FLAGS (a])"),
    (READER, b"STORE 1 (UNCHANGEDSINCE) FLAGS (a)"),
    (READER, b"STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS (a)"),
    (READER, b"STORE 1 (SOMEDAY 1) FLAGS (a)"),
    (READER, b"COPY 1"),
    (READER, b"REPLACE 1:2 a {1+}\r\nx"),
    (READER, b"REPLACE $ a {1+}\r\nx"),
    (READER, b"SEARCH"),
    (READER, b"SEARCH ()"),
    (READER, b"SEARCH (ALL"),
    (READER, b"SEARCH ALL)"),
    (READER, b"SEARCH BEAUTY"),
    (READER, b"SEARCH BEAUTY x"),
    (READER, b"SEARCH NOT"),
    (READER, b"SEARCH OR ALL"),
    (READER, b"SEARCH SUBJECT"),
    (READER, b"SEARCH HEADER x"),
    (READER, b"SEARCH BEFORE 31-Feb-2024"),
    (READER, b"SEARCH BEFORE 1-Foo-2024"),
    (READER, b"SEARCH BEFORE 1-Feb-24"),
    (READER, b"SEARCH BEFORE 0-Feb-2024"),
    (READER, b"SEARCH ON 1-Feb-20245"),
    (READER, b"SEARCH ON 1-Feb-0000"),
    (READER, b"SEARCH LARGER x"),
    (READER, b"SEARCH LARGER 9223372036854775808"),
    (READER, b"SEARCH YOUNGER 0"),
    (READER, b"SEARCH KEYWORD \\Seen"),
    (READER, b"SEARCH UID x"),
    (READER, b"SEARCH MODSEQ"),
    (READER, b'SEARCH MODSEQ "/flags/x" mine 5'),
    (READER, b'SEARCH MODSEQ "/labels/x" all 5'),
    (READER, b"SEARCH RETURN (PRETTY) ALL"),
    (READER, b"SEARCH RETURN MIN ALL"),
    (READER, b"SEARCH CHARSET UTF-8"),
    (READER, b"SEARCH CHARSET UTF-8 TEXT {1+}\r\n\xff"),
]

NO = [
    (MEMBER, b"CREATE a//b", b"[CANNOT] "),
    (MEMBER, b"CREATE &AAA-", b"[CANNOT] "),
    (MEMBER, b"SELECT a&b", b"[CANNOT] "),
    (MEMBER, b'CREATE "\x01"', b"[CANNOT] "),
    (MEMBER, b"CREATE " + b"a" * 300, b"[CANNOT] "),
    (MEMBER, b"CREATE a (USE (\\Purple))", b"[USEATTR] "),
    (READER, b"STORE 1 FLAGS (" + b" ".join(b"k%d" % n for n in range(200)) + b")", b"[LIMIT] "),
    (READER, b"SEARCH " + b" ".join([b"NOT ALL"] * 501), b"[LIMIT] "),
    (READER, b"SEARCH " + b"NOT " * 52 + b"ALL", b"[LIMIT] "),
    (READER, b"SEARCH " + b"(" * 52 + b"ALL" + b")" * 52, b"[LIMIT] "),
    (READER, b"SEARCH " + b"OR ALL " * 500 + b"ALL", b"[LIMIT] "),
    (NOBODY, b"AUTHENTICATE CRAM-MD5", b""),
]


@pytest.mark.parametrize(("state", "octets"), BAD)
def test_bad_with_its_tag_and_nothing_else(state: State, octets: bytes) -> None:
    dialogue = Dialogue(state)
    (event,) = dialogue.send(b"a1 " + octets + b"\r\n")
    assert isinstance(event, Response), event
    assert event.octets.startswith(b"a1 BAD ")
    assert event.octets.endswith(b"\r\n")
    assert event.octets.isascii()
    assert dialogue.machine.state is state
    # and the connection is none the worse
    assert isinstance(dialogue.send(b"a2 NOOP\r\n")[0], Received)


@pytest.mark.parametrize(("state", "octets", "code"), NO)
def test_no_with_its_code(state: State, octets: bytes, code: bytes) -> None:
    (event,) = Dialogue(state).send(b"a1 " + octets + b"\r\n")
    assert isinstance(event, Response)
    assert event.octets.startswith(b"a1 NO " + code)


@pytest.mark.parametrize(
    ("state", "octets", "meant"),
    [
        (NOBODY, b" NOOP", b"NOOP"),
        (NOBODY, b"LOGIN a  b", b"LOGIN a b"),
        (NOBODY, b"LOGIN  {1+}\r\na  {1+}\r\nb", b"LOGIN a b"),
        (NOBODY, b'ID ( "a"  "b  c" )', b'ID ("a" "b  c")'),
        (MEMBER, b"SELECT INBOX  ( CONDSTORE )", b"SELECT INBOX (CONDSTORE)"),
        (MEMBER, b"STATUS a (MESSAGES  UNSEEN )", b"STATUS a (MESSAGES UNSEEN)"),
        (MEMBER, b'LIST  "" *  RETURN (CHILDREN )', b'LIST "" * RETURN (CHILDREN)'),
        (READER, b" UID  FETCH 1  (FLAGS  UID)", b"UID FETCH 1 (FLAGS UID)"),
        (READER, b"FETCH 1 FLAGS  (CHANGEDSINCE  5)", b"FETCH 1 FLAGS (CHANGEDSINCE 5)"),
        (READER, b"FETCH 1 BODY[HEADER.FIELDS ( a b )]", b"FETCH 1 BODY[HEADER.FIELDS (a b)]"),
        (READER, b"STORE 4  FLAGS (a  b )", b"STORE 4 FLAGS (a b)"),
        (READER, b"STORE 4 +FLAGS.SILENT  a", b"STORE 4 +FLAGS.SILENT a"),
        (READER, b'SEARCH  SUBJECT "a  ( b"  UNSEEN', b'SEARCH SUBJECT "a  ( b" UNSEEN'),
        (READER, b'COPY 1  "a  b"', b'COPY 1 "a  b"'),
        (READER, b"NOOP  ", b"NOOP"),
    ],
)
def test_spaces_that_cannot_be_misread_are_forgiven(state: State, octets: bytes, meant: bytes) -> None:
    (event,) = Dialogue(state).send(b"a1 " + octets + b"\r\n")
    assert [event] == Dialogue(state).send(b"a1 " + meant + b"\r\n")
    assert isinstance(event, Received)


@pytest.mark.parametrize(
    "parameters", [b"  (\\Seen  x ) {1+}", b' (\\Seen x)  "30-Nov-2026 00:00:00 +0000"  {1+}']
)
def test_spaces_before_a_message_are_forgiven(parameters: bytes) -> None:
    offered, *_, ended = Dialogue(MEMBER).send(b"a APPEND  INBOX" + parameters + b"\r\nx  {1+}\r\ny\r\n")
    assert isinstance(offered, MessageOffered)
    assert offered.message.flags == "\\Seen x"
    assert isinstance(ended, MessagesEnded)


def test_tabs_and_spaces_before_the_tag_are_not_forgiven() -> None:
    for line in (b" a NOOP", b"a\tNOOP", b"a LOGIN\ta b", b"a LOGIN a \tb"):
        (event,) = Dialogue().send(line + b"\r\n")
        assert isinstance(event, Response)
        assert b" BAD " in event.octets


@pytest.mark.parametrize(
    "line", [b"", b"+ NOOP", b"a+b NOOP", b"* NOOP", b"(a) NOOP", b"\xff\xfe", b'"a" NOOP', b"a" * 300]
)
@pytest.mark.rfc("9051 §7.1.3", "MUST")
def test_an_unreadable_tag_is_answered_untagged(line: bytes) -> None:
    assert Dialogue().send(line + b"\r\n") == [Response(b"* BAD Expected a tag and a command\r\n")]


def test_control_octets_of_the_client_are_not_given_back() -> None:
    (event,) = Dialogue().send(b"a1\x1b[2J NOOP\r\n")
    assert event == Response(b"* BAD Expected a tag and a command\r\n")
