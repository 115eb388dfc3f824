"""Every command, every alternative of its grammar: what was written and what is read."""

from datetime import date

import pytest

from pillarbox.mail.identifiers import EmailId, ModSeq, ThreadId
from pillarbox.mail.number_set import STAR, NumberSet
from pillarbox.mail.query import (
    NOTHING,
    Addresses,
    All,
    And,
    Body,
    Dated,
    EmailIs,
    Field,
    Flag,
    Larger,
    ModSeqAtLeast,
    Not,
    Older,
    Or,
    Query,
    Recent,
    Relation,
    SavedResult,
    Sequence,
    Smaller,
    Stamp,
    Text,
    ThreadIs,
    Uids,
    UidsWithStar,
    Younger,
)
from pillarbox.protocol.imap.commands import (
    Authenticate,
    Capability,
    Check,
    Close,
    Copy,
    Create,
    Delete,
    Enable,
    Expunge,
    Fetch,
    Id,
    Idle,
    List,
    ListReturn,
    ListSelect,
    Login,
    Logout,
    Lsub,
    Move,
    Namespace,
    Noop,
    Rename,
    Resynchronize,
    Search,
    SearchReturn,
    Select,
    StartTls,
    Status,
    StatusItem,
    Store,
    StoreMode,
    Subscribe,
    Unselect,
    Unsubscribe,
)
from pillarbox.protocol.imap.events import Received, Response
from pillarbox.protocol.imap.fetch_items import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    FetchItem,
    Partial,
    Preview,
    SectionText,
)
from pillarbox.protocol.imap.sequence_set import SequenceSet
from pillarbox.protocol.imap.states import State
from tests.kit.imap.dialogue import Dialogue

NOBODY, MEMBER, READER = State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED


def numbers(*runs: tuple[int, int], saved: bool = False) -> SequenceSet:
    return SequenceSet(NumberSet(runs), saved)


ONE = numbers((1, 1))
EVERY = numbers((1, STAR))

SESSION = [
    (NOBODY, b"CAPABILITY", Capability()),
    (NOBODY, b"capability ", Capability()),
    (NOBODY, b"NOOP  ", Noop()),
    (NOBODY, b"LOGOUT", Logout()),
    (NOBODY, b"STARTTLS", StartTls()),
    (NOBODY, b"ID NIL", Id(None)),
    (NOBODY, b"ID ()", Id(())),
    (NOBODY, b'ID ("name" "x y" "os" NIL)', Id((("name", "x y"), ("os", None)))),
    (NOBODY, b"AUTHENTICATE plain", Authenticate("PLAIN", None)),
    (NOBODY, b"AUTHENTICATE PLAIN ", Authenticate("PLAIN", None)),
    (NOBODY, b"AUTHENTICATE PLAIN =", Authenticate("PLAIN", b"")),
    (NOBODY, b"AUTHENTICATE SCRAM-SHA-256 biws", Authenticate("SCRAM-SHA-256", b"n,,")),
    (NOBODY, b"AUTHENTICATE PLAIN AGEAYg==", Authenticate("PLAIN", b"\0a\0b")),
    (NOBODY, b"LOGIN joe secret", Login("joe", "secret")),
    (NOBODY, b'LOGIN "j\\"o\\\\e" ""', Login('j"o\\e', "")),
    (NOBODY, b"LOGIN joe@one.example a]b+c", Login("joe@one.example", "a]b+c")),
    (NOBODY, b"LOGIN {3+}\r\njoe {6+}\r\nse\r\ncr", Login("joe", "se\r\ncr")),
    (NOBODY, 'LOGIN "jö" "p€"'.encode(), Login("jö", "p€")),
    (MEMBER, b"ENABLE CONDSTORE x-good-idea", Enable(("CONDSTORE", "X-GOOD-IDEA"))),
    (MEMBER, b"NAMESPACE", Namespace()),
    (MEMBER, b"IDLE", Idle()),
]

MAILBOXES = [
    (MEMBER, b"SELECT inbox", Select("INBOX")),
    (READER, b'EXAMINE "a b"', Select("a b", read_only=True)),
    (MEMBER, b"SELECT {5+}\r\na/b]c", Select("a/b]c")),
    (MEMBER, b"SELECT a ", Select("a")),
    (MEMBER, b"SELECT Entw&APw-rfe", Select("Entwürfe")),
    (MEMBER, 'SELECT "Entwürfe"'.encode(), Select("Entwürfe")),
    (MEMBER, b"SELECT a (condstore)", Select("a", condstore=True)),
    (MEMBER, b"CREATE a/b/", Create("a/b")),
    (MEMBER, b"CREATE a (USE ())", Create("a", ())),
    (MEMBER, b"CREATE a (USE (\\sent \\Drafts))", Create("a", ("\\Sent", "\\Drafts"))),
    (MEMBER, b"DELETE a", Delete("a")),
    (MEMBER, b"RENAME a b/c", Rename("a", "b/c")),
    (MEMBER, b"SUBSCRIBE a", Subscribe("a")),
    (MEMBER, b"UNSUBSCRIBE a", Unsubscribe("a")),
    (MEMBER, b"STATUS a (MESSAGES)", Status("a", (StatusItem.MESSAGES,))),
    (
        MEMBER,
        b"STATUS a (recent UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID SIZE)",
        Status("a", tuple(StatusItem)[1:]),
    ),
]

LISTS = [
    (MEMBER, b'LIST "" *', List("", ("*",))),
    (MEMBER, b'LIST "" ""', List("", ("",))),
    (MEMBER, b'LIST a/ "%/x y"', List("a/", ("%/x y",))),
    (MEMBER, b'LIST "" {1+}\r\n%', List("", ("%",))),
    (MEMBER, b'LIST "" a&b*', List("", ())),
    (MEMBER, b"LIST a&b *", List("", ())),
    (MEMBER, b'LIST "" (a&b % &)', List("", ("%",), extended=True)),
    (MEMBER, b'LSUB "" &', Lsub("", ())),
    (MEMBER, b'LSUB "" a*', Lsub("", ("a*",))),
    (MEMBER, b'LIST () "" a', List("", ("a",), extended=True)),
    (MEMBER, b'LIST "" (a% "b*")', List("", ("a%", "b*"), extended=True)),
    (MEMBER, b'LIST (REMOTE) "" a', List("", ("a",), frozenset({ListSelect.REMOTE}), extended=True)),
    (
        MEMBER,
        b'LIST (SUBSCRIBED RECURSIVEMATCH REMOTE) "" (a) RETURN ()',
        List(
            "",
            ("a",),
            frozenset({ListSelect.SUBSCRIBED, ListSelect.RECURSIVEMATCH, ListSelect.REMOTE}),
            frozenset({ListReturn.SUBSCRIBED}),
            extended=True,
        ),
    ),
    (
        MEMBER,
        b'LIST (SPECIAL-USE) "" *',
        List(
            "",
            ("*",),
            frozenset({ListSelect.SPECIAL_USE}),
            frozenset({ListReturn.SPECIAL_USE}),
            extended=True,
        ),
    ),
    (
        MEMBER,
        b'list "" * return (children subscribed special-use status (messages unseen))',
        List(
            "",
            ("*",),
            frozenset(),
            frozenset(ListReturn),
            (StatusItem.MESSAGES, StatusItem.UNSEEN),
            extended=True,
        ),
    ),
]

MESSAGES = [
    (READER, b"CHECK", Check()),
    (READER, b"CLOSE", Close()),
    (READER, b"UNSELECT", Unselect()),
    (READER, b"EXPUNGE", Expunge()),
    (READER, b"UID EXPUNGE 5:7,1", Expunge(numbers((1, 1), (5, 7)))),
    (READER, b"uid expunge $", Expunge(SequenceSet(saved=True))),
    (READER, b"COPY 1:* a", Copy(EVERY, "a")),
    (READER, b"UID COPY 1,$ a", Copy(numbers((1, 1), saved=True), "a", uid=True)),
    (READER, b"MOVE 4:2 a", Move(numbers((2, 4)), "a")),
    (READER, b"UID MOVE * a", Move(numbers((STAR, STAR)), "a", uid=True)),
    (READER, b"STORE 1 FLAGS ()", Store(ONE, StoreMode.REPLACE, "")),
    (READER, b"STORE 1 +FLAGS (\\seen $x)", Store(ONE, StoreMode.ADD, "\\Seen $x")),
    (READER, b"STORE 1 -FLAGS.SILENT \\Deleted a", Store(ONE, StoreMode.REMOVE, "\\Deleted a", silent=True)),
    (
        READER,
        b"UID STORE 1 (unchangedsince 0) FLAGS.SILENT (a)",
        Store(ONE, StoreMode.REPLACE, "a", silent=True, uid=True, unchanged_since=0),
    ),
]

FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
FETCHES = [
    (b"FAST", FAST),
    (b"all", (*FAST, Attribute.ENVELOPE)),
    (b"FULL", (*FAST, Attribute.ENVELOPE, Attribute.BODY)),
    (b"(UID FLAGS uid)", (Attribute.UID, Attribute.FLAGS)),
    (
        b"(INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE SAVEDATE EMAILID THREADID)",
        (
            Attribute.INTERNALDATE,
            Attribute.SIZE,
            Attribute.ENVELOPE,
            Attribute.BODY,
            Attribute.BODYSTRUCTURE,
            Attribute.SAVEDATE,
            Attribute.EMAILID,
            Attribute.THREADID,
        ),
    ),
    (b"MODSEQ", (Attribute.MODSEQ,)),
    (b"RFC822", (BodySection(b"RFC822"),)),
    (b"RFC822.HEADER", (BodySection(b"RFC822.HEADER", text=SectionText.HEADER, peek=True),)),
    (b"RFC822.TEXT", (BodySection(b"RFC822.TEXT", text=SectionText.TEXT),)),
    (b"body[]", (BodySection(b"BODY[]"),)),
    (b"BODY.PEEK[]", (BodySection(b"BODY[]", peek=True),)),
    (b"BODY[]<0.100>", (BodySection(b"BODY[]<0>", partial=Partial(0, 100)),)),
    (b"BODY[text]", (BodySection(b"BODY[TEXT]", text=SectionText.TEXT),)),
    (b"BODY[HEADER]", (BodySection(b"BODY[HEADER]", text=SectionText.HEADER),)),
    (b"BODY[1.2]", (BodySection(b"BODY[1.2]", (1, 2)),)),
    (b"BODY[1.MIME]", (BodySection(b"BODY[1.MIME]", (1,), SectionText.MIME),)),
    (
        b"BODY.PEEK[2.HEADER]<5.1>",
        (BodySection(b"BODY[2.HEADER]<5>", (2,), SectionText.HEADER, (), Partial(5, 1), True),),
    ),
    (
        b'BODY[header.fields (Date "X y")]',
        (BodySection(b'BODY[HEADER.FIELDS (Date "X y")]', (), SectionText.HEADER_FIELDS, (b"date", b"x y")),),
    ),
    (
        b"(BODY.PEEK[3.HEADER.FIELDS.NOT (a {1+}\r\nB)]<9.9> UID)",
        (
            BodySection(
                b"BODY[3.HEADER.FIELDS.NOT (a B)]<9>",
                (3,),
                SectionText.HEADER_FIELDS_NOT,
                (b"a", b"b"),
                Partial(9, 9),
                peek=True,
            ),
            Attribute.UID,
        ),
    ),
    (b"BINARY[]", (BinarySection(b"BINARY[]"),)),
    (b"BINARY.PEEK[1]<2.3>", (BinarySection(b"BINARY[1]<2>", (1,), Partial(2, 3), peek=True),)),
    (b"BINARY.SIZE[1.2]", (BinarySize(b"BINARY.SIZE[1.2]", (1, 2)),)),
    (b"PREVIEW", (Preview(),)),
    (b"(PREVIEW (LAZY) FLAGS)", (Preview(lazy=True), Attribute.FLAGS)),
    (b"PREVIEW (LAZY)", (Preview(lazy=True),)),
]

SEEN = Flag("\\Seen")
SEARCHES = [
    (b"ALL", All()),
    (b"1,3:*", Sequence(NumberSet(((1, 1), (3, STAR))))),
    (b"$", SavedResult()),
    (b"$,4", Or((Sequence(NumberSet(((4, 4),))), SavedResult()))),
    (b"UID 4:9", Uids(NumberSet(((4, 9),)))),
    (b"UID 4:*", UidsWithStar(NumberSet(((4, STAR),)))),
    (b"UID $", SavedResult()),
    (b"UID 1,$", Or((Uids(NumberSet(((1, 1),))), SavedResult()))),
    (
        b"ANSWERED DELETED DRAFT FLAGGED SEEN",
        And(tuple(map(Flag, ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")))),
    ),
    (
        b"UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN",
        And(tuple(Not(Flag(name)) for name in ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"))),
    ),
    (b"NEW", And((Recent(), Not(SEEN)))),
    (b"OLD RECENT", And((Not(Recent()), Recent()))),
    (b"KEYWORD $Forwarded", Flag("$Forwarded")),
    (b"UNKEYWORD x", Not(Flag("x"))),
    (b'KEYWORD "$Forwarded" UNKEYWORD "x"', And((Flag("$Forwarded"), Not(Flag("x"))))),
    (
        b"BCC a CC b FROM c SUBJECT d TO e",
        And(
            (
                Addresses("Bcc", "a"),
                Addresses("Cc", "b"),
                Addresses("From", "c"),
                Field("Subject", "d"),
                Addresses("To", "e"),
            )
        ),
    ),
    (b'HEADER X-Foo ""', Field("X-Foo", "")),
    (b'BODY "x y"', Body("x y")),
    (b"TEXT {3+}\r\na\r\n", Text("a\r\n")),
    ('TEXT "é"'.encode(), Text("é")),
    (b"BEFORE 1-Feb-2024", Dated(Stamp.RECEIVED, Relation.BEFORE, date(2024, 2, 1))),
    (b'ON "29-feb-2024"', Dated(Stamp.RECEIVED, Relation.ON, date(2024, 2, 29))),
    (b"SINCE 01-JAN-1970", Dated(Stamp.RECEIVED, Relation.SINCE, date(1970, 1, 1))),
    (b"(SENTBEFORE 1-Jan-2024)", Dated(Stamp.SENT, Relation.BEFORE, date(2024, 1, 1))),
    (b"SENTON 1-Jan-2024", Dated(Stamp.SENT, Relation.ON, date(2024, 1, 1))),
    (b"SENTSINCE 1-Jan-2024", Dated(Stamp.SENT, Relation.SINCE, date(2024, 1, 1))),
    (b"SAVEDBEFORE 1-Jan-2024", Dated(Stamp.SAVED, Relation.BEFORE, date(2024, 1, 1))),
    (b"SAVEDON 1-Jan-2024", Dated(Stamp.SAVED, Relation.ON, date(2024, 1, 1))),
    (b"SAVEDSINCE 1-Jan-2024", Dated(Stamp.SAVED, Relation.SINCE, date(2024, 1, 1))),
    (b"SAVEDATESUPPORTED", All()),
    (b"LARGER 0 SMALLER 9000000000", And((Larger(0), Smaller(9000000000)))),
    (b"YOUNGER 60 OLDER 1", And((Younger(60), Older(1)))),
    (b"NOT NOT SEEN", Not(Not(SEEN))),
    (b"OR SEEN OR 1 ALL", Or((SEEN, Sequence(NumberSet(((1, 1),))), All()))),
    (b"OR OR SEEN 1 ALL", Or((SEEN, Sequence(NumberSet(((1, 1),))), All()))),
    (b"or OR SEEN SEEN oR ALL NOT OR ALL SEEN", Or((SEEN, SEEN, All(), Not(Or((All(), SEEN)))))),
    (b"OR (OR SEEN ALL) (SEEN ALL) ALL", And((Or((Or((SEEN, All())), And((SEEN, All())))), All()))),
    (b"OR SEEN " * 499 + b"ALL", Or((SEEN,) * 499 + (All(),))),
    (b"OR " * 499 + b"SEEN " * 499 + b"ALL", Or((SEEN,) * 499 + (All(),))),
    (b"(SEEN (ALL 1))", And((SEEN, And((All(), Sequence(NumberSet(((1, 1),)))))))),
    (b"MODSEQ 0", ModSeqAtLeast(ModSeq(0))),
    (b'MODSEQ "/flags/\\\\draft" all 620162338', ModSeqAtLeast(ModSeq(620162338))),
    (b"EMAILID M17", EmailIs(EmailId(17))),
    (b"EMAILID T17", NOTHING),
    (b"THREADID T9", ThreadIs(ThreadId(9))),
    (b"CHARSET UTF-8 TEXT {2+}\r\n\xc3\xa9", Text("é")),
    (b'CHARSET "iso-8859-1" TEXT {1+}\r\n\xe9', Text("é")),
    (b"CHARSET US-ASCII SEEN", SEEN),
    (b"CHARSET koi8-r SUBJECT {2+}\r\n\xc4\xc1", Field("Subject", "да")),
]


def read(state: State, octets: bytes) -> object:
    events = Dialogue(state).send(b"a1 " + octets + b"\r\n")
    received = [event for event in events if isinstance(event, Received)]
    assert len(received) == 1, events
    assert received[0].tag == b"a1"
    return received[0].command


@pytest.mark.parametrize(("state", "octets", "command"), SESSION + MAILBOXES + LISTS + MESSAGES)
def test_command_is_read(state: State, octets: bytes, command: object) -> None:
    assert read(state, octets) == command


@pytest.mark.parametrize(("octets", "items"), FETCHES)
def test_fetch_items_are_read(octets: bytes, items: tuple[FetchItem, ...]) -> None:
    assert read(READER, b"FETCH 1 " + octets) == Fetch(ONE, items)


@pytest.mark.parametrize(("octets", "query"), SEARCHES)
def test_search_keys_are_read(octets: bytes, query: Query) -> None:
    assert read(READER, b"SEARCH " + octets) == Search(query)
    assert read(READER, b"UID SEARCH " + octets) == Search(query, uid=True)


@pytest.mark.rfc("9051 §6.4.9", "MUST")
def test_uid_fetch_always_has_the_uid() -> None:
    assert read(READER, b"UID FETCH 1 FLAGS") == Fetch(ONE, (Attribute.UID, Attribute.FLAGS), uid=True)


@pytest.mark.rfc("7162 §3.1.4.1", "MUST")
def test_changedsince_implies_modseq() -> None:
    command = Fetch(EVERY, (Attribute.FLAGS, Attribute.MODSEQ), changed_since=12345)
    assert read(READER, b"FETCH 1:* FLAGS (CHANGEDSINCE 12345)") == command


def test_changes_since_0_are_all_there_are() -> None:
    dialogue = Dialogue(READER)
    dialogue.send(b"e ENABLE QRESYNC\r\n")
    fetch, select = dialogue.commands(
        b"a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 0 VANISHED)\r\nb SELECT b (QRESYNC (0 0))\r\n"
    )
    assert isinstance(fetch, Fetch)
    assert fetch.changed_since == 0
    assert select == Select("b", resynchronize=Resynchronize(0, 0))


@pytest.mark.rfc("4731 §3.1", "MUST")
def test_search_return_options() -> None:
    assert read(READER, b"SEARCH RETURN () ALL") == Search(All(), returns=frozenset({SearchReturn.ALL}))
    assert read(READER, b"SEARCH RETURN (MIN max COUNT ALL SAVE) ALL") == Search(
        All(), returns=frozenset(SearchReturn)
    )
    with_charset = read(READER, b"UID SEARCH RETURN (SAVE) CHARSET UTF-8 ALL")
    assert with_charset == Search(All(), uid=True, returns=frozenset({SearchReturn.SAVE}))


@pytest.mark.rfc("9051 §6.4.4", "MUST")
def test_an_unknown_charset_is_no_with_badcharset() -> None:
    assert Dialogue(READER).send(b"a SEARCH CHARSET x-klingon TEXT a\r\n") == [
        Response(b"a NO [BADCHARSET (US-ASCII UTF-8)] Unknown charset\r\n")
    ]


def test_qresync_parameter() -> None:
    dialogue = Dialogue(MEMBER)
    dialogue.send(b"e ENABLE QRESYNC\r\n")

    def ask(octets: bytes) -> object:
        return dialogue.commands(b"a SELECT b (QRESYNC (" + octets + b"))\r\n")[0]

    known, match = numbers((41, 211)), (numbers((5, 5), (9, 10)), numbers((7, 7), (20, 21)))
    assert ask(b"67890007 20") == Select("b", resynchronize=Resynchronize(67890007, 20))
    assert ask(b"1 20 41:211") == Select("b", resynchronize=Resynchronize(1, 20, known))
    assert ask(b"1 20 41:211 (5,9:10 7,20:21)") == Select(
        "b", resynchronize=Resynchronize(1, 20, known, match)
    )
    assert ask(b"1 20 (5,9:10 7,20:21)") == Select("b", resynchronize=Resynchronize(1, 20, None, match))
    vanished = dialogue.commands(b"a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5 VANISHED)\r\n")[0]
    assert vanished == Fetch(
        EVERY, (Attribute.UID, Attribute.FLAGS, Attribute.MODSEQ), True, 5, vanished=True
    )


@pytest.mark.rfc("9051 §5.1", "MUST")
def test_mailbox_names_are_utf8_once_rev2_is_enabled() -> None:
    dialogue = Dialogue(MEMBER)
    assert dialogue.commands(b"a CREATE a&-b\r\n") == [Create("a&b")]
    dialogue.send(b"b ENABLE IMAP4rev2\r\n")
    assert dialogue.commands(b"a CREATE a&-b\r\n") == [Create("a&-b")]
    assert dialogue.commands('a CREATE "ü&"\r\n'.encode()) == [Create("ü&")]


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Login("joe", "secret"))


def test_what_clients_repeat_is_read_once() -> None:
    one, other = read(READER, b"FETCH 1 (FLAGS UID)"), read(READER, b"FETCH 1 (FLAGS UID)")
    assert isinstance(one, Fetch)
    assert isinstance(other, Fetch)
    assert one.items is other.items
