"""Which messages a query means, with an index that has caught up, has not, or only half."""

from datetime import date

import pytest

from pillarbox.mail.identifiers import EmailId, ThreadId
from pillarbox.mail.number_set import NumberSet
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
    HasAttachment,
    Larger,
    ModSeqAtLeast,
    Not,
    Older,
    Or,
    Query,
    ReceivedBefore,
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
from pillarbox.store import mailbox_cache, orphans, placements
from pillarbox.store.search import (
    NotInSession,
    TooMuch,
    candidates,
    evaluate,
    evaluate_in_memory,
    evaluate_little,
    feeding,
    may_be_quick,
    takes_long,
)
from pillarbox.store.search.cost import MAX_LITTLE_MESSAGES, MAX_NAMED_RUNS, rank
from pillarbox.store.search.evaluate import LITTLE_LINES_OCTETS, MAX_PLACES
from tests.kit.database import RecordingTransaction
from tests.kit.searching import BLOBS, catch_up, find, searchable
from tests.kit.stored_mail import ANNA, BOB, DAY_MS, NOW_MS, mailbox, octets, open_store, put


@pytest.mark.rfc("9051 §6.4.4", "MUST")
@pytest.mark.parametrize("fed", ["none", "half", "all"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Body("QUICK BROWN"), [1]),
        (Body("ick bro"), [1]),
        (Body("foxes"), []),
        (Text("foxes"), [1]),
        (Text("brown"), [1, 5]),
        (Body("STRASSE"), [2]),
        (Body("strasse und grüsse"), [2]),
        (Text("aus berlin"), [2]),
        (Body("東京"), [3]),
        (Body("京へ行"), [3]),
        (Text("東"), [3]),
        (Body("café"), [5]),
        (Body("CAFE\u0301"), [5]),
        (Body("héllo bold"), [6]),
        (Body("<b>"), []),
        (Body("äö"), [7]),
        (Body("fo"), [1]),
        (Body(""), list(range(1, 28))),
        (Text("chocolate"), [4]),
        (Body("chocolate"), []),
        (Field("Subject", "grüße AUS"), [2]),
        (Field("subject", "東"), [3]),
        (Field("SUBJECT", "folded over"), [5]),
        (Field("Subject", "fox"), [1]),
        (Field("To", "BOB@two"), [2]),
        (Field("Cc", "carol"), [4]),
        (Field("Cc", ""), [4]),
        (Field("X-Mood", "CHOC"), [4]),
        (Field("X-Mood", ""), [4]),
        (Field("X-Mood", "light"), []),
        (Field("X-Nothing", ""), []),
        (Field("Nö", ""), []),
        (Field("Bcc", "x"), []),
        (Field("From", "anna"), list(range(1, 28))),
        (Addresses("From", "anna <anna@one"), list(range(1, 28))),
        (Addresses("Cc", "THREE.example"), [4]),
        (Addresses("Cc", ""), [4]),
        (Addresses("Bcc", ""), []),
        (Text("no such text anywhere"), []),
        (And((Text("crowd"), Body("filler 7"))), [15]),
        (Or((Body("quick"), Body("東京"))), [1, 3]),
        (And((Not(Field("Subject", "crowd")), Not(Body("e")))), [3, 5, 6, 7]),
    ],
)
def test_text(query: Query, found: list[int], fed: str) -> None:
    with searchable(fed) as tx:
        assert find(tx, query) == found


@pytest.mark.rfc("9051 §6.4.4", "MUST")
@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("value", "found", "missed"),
    [
        (
            "ann@one.example (work phone)",
            ["work phone", "Ann@One", "work phone <ann@one.example>"],
            ["(work"],
        ),
        ("Ann (the first) <ann@one.example>", ["ann <ann@"], ["first", "(", "Ann (the"]),
        ('"Doe, John \\"JD\\"" <jd@one.example>', ['doe, john "jd" <jd@one', "doe, j"], ["\\"]),
        (
            "=?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?q?_M=C3=BCller?= <jm@one.example>",
            ["jörg müller <jm"],
            ["utf-8", "?="],
        ),
        ('"=?utf-8?b?SsO2cmc=?="   <jm@one.example>', ["JÖRG <jm"], ["SsO2"]),
        ("Team: ann@one.example, Bob <bob@two.example>;", ["team: ann@", "bob <bob@two"], ["ann@two"]),
        ("Jörg <jörg@example.org>", ["jörg <JÖRG@"], ["jorg"]),
        ("<@relay.example:ann@one.example>", ["ann@one.example"], ["<ann", ":ann"]),
        ("undisclosed-recipients:;", ["undisclosed-recipients"], ["@"]),
        ("ann@one.example\r\nTo: bob@two.example", ["ann@one", "bob@two", "one.example, bob"], ["To"]),
    ],
)
def test_addresses_are_those_of_the_envelope(
    value: str, found: list[str], missed: list[str], indexed: bool
) -> None:
    with open_store() as tx:
        put(
            tx,
            octets(
                "body", to=value, subject="first ( relay To ann@two :ann", cc="jorg SsO2 utf-8 ?= \\ (work"
            ),
        )
        for number in range(feeding.MAX_ATTEMPT_MESSAGES * 3):
            put(tx, octets(f"filler {number}"))
        if indexed:
            catch_up(tx)
        for text in found:
            assert find(tx, Addresses("To", text)) == [1], text
            assert find(tx, Addresses("From", text)) == [], text
        for text in missed:
            assert find(tx, Addresses("To", text)) == [], text


def test_search_of_a_text_with_many_trigrams() -> None:
    with searchable("all") as tx:
        long = "0123456789" * 30
        put(tx, octets("x" + long + "y"))
        catch_up(tx)
        assert find(tx, Body(long)) == [28]
        assert find(tx, Body(long + "z")) == []


def test_quotes_and_operators_are_only_text() -> None:
    with searchable("none") as tx:
        put(tx, octets('say "AND" OR (NOT) * ^col: -x'))
        catch_up(tx)
        for text in ('"and" or', "(NOT)", "* ^col:", '"', "- x", "-x"):
            assert find(tx, Body(text)) == ([] if text == "- x" else [28])


def test_nul_octets_do_not_hide_what_follows() -> None:
    with searchable("none") as tx:
        put(tx, octets("before\0hidden treasure"))
        catch_up(tx)
        assert find(tx, Body("hidden treasure")) == [28]


def test_a_message_with_too_much_text_is_found_all_the_same() -> None:
    with searchable("none") as tx:
        put(tx, octets("long " * 100 + "needle"))
        catch_up(tx, max_characters=300)
        assert tx.value("SELECT count(*) FROM search_unindexed") == 1
        assert find(tx, Body("needle")) == [28]


def test_a_lost_blob_hides_only_itself() -> None:
    with searchable("none") as tx:
        digest = tx.value("SELECT blob FROM emails ORDER BY id LIMIT 1")
        tx.execute("DELETE FROM blobs WHERE digest = ?", (digest,))
        assert find(tx, Or((Body("quick"), Body("東京")))) == [3]
        catch_up(tx)
        assert find(tx, Or((Body("quick"), Body("東京")))) == [3]


def test_other_accounts_and_mailboxes_are_not_searched() -> None:
    with open_store(ANNA, BOB) as tx:
        for _ in range(20):
            put(tx, octets("secret"), account=BOB)
            put(tx, octets("secret"), to="Sent")
            put(tx, octets("open"))
        catch_up(tx)
        assert find(tx, Body("secret")) == []
        assert len(find(tx, Body("secret"), name="Sent")) == 20


def test_a_copy_is_found_where_it_is() -> None:
    with searchable("all") as tx:
        placements.copy(tx, ANNA, mailbox(tx), NumberSet.of([1]), to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        assert find(tx, Body("quick"), name="Sent") == [1]


@pytest.mark.rfc("8514 §4.3", "MUST")
@pytest.mark.rfc("5032 §2", "MUST")
@pytest.mark.rfc("9051 §6.4.4", "MUST")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        (All(), [1, 2, 3]),
        (And(()), [1, 2, 3]),
        (NOTHING, []),
        (Not(All()), []),
        (Flag("\\seen"), [1, 3]),
        (Not(Flag("\\Seen")), [2]),
        (Not(Flag("\\Draft")), [1, 2, 3]),
        (And((Not(Flag("$Work")), Flag("\\Seen"))), [1]),
        (Flag("$WORK"), [3]),
        (Flag("\\Draft"), []),
        (Uids(NumberSet.of([1, 3, 9])), [1, 3]),
        (Uids(NumberSet()), []),
        (Uids(NumberSet(((1, 99),))), [1, 2, 3]),
        (Or((Flag("$Work"), Uids(NumberSet.of([1])))), [1, 3]),
        (Not(Or((Flag("$Work"), Uids(NumberSet.of([1]))))), [2]),
        (Dated(Stamp.RECEIVED, Relation.BEFORE, date(2023, 11, 14)), [1]),
        (Dated(Stamp.RECEIVED, Relation.ON, date(2023, 11, 14)), [2]),
        (Dated(Stamp.RECEIVED, Relation.SINCE, date(2023, 11, 14)), [2, 3]),
        (Dated(Stamp.SENT, Relation.ON, date(2023, 11, 1)), [1]),
        (Dated(Stamp.SENT, Relation.ON, date(2023, 11, 2)), []),
        (Dated(Stamp.SENT, Relation.BEFORE, date(2023, 11, 5)), [1]),
        (Dated(Stamp.SENT, Relation.SINCE, date(1900, 1, 1)), [1, 2]),
        (Dated(Stamp.SAVED, Relation.ON, date(2023, 11, 14)), [1, 2, 3]),
        (Dated(Stamp.SAVED, Relation.BEFORE, date(2023, 11, 14)), []),
        (Younger(DAY_MS // 1000), [1, 2, 3]),
        (Younger(DAY_MS // 1000 - 1), [2, 3]),
        (Older(DAY_MS // 1000), [1]),
        (Older(DAY_MS // 1000 + 1), []),
        (ReceivedBefore(NOW_MS), [1]),
        (ReceivedBefore(NOW_MS + 1), [1, 2]),
        (Not(ReceivedBefore(NOW_MS)), [2, 3]),
        (Larger(300), [3]),
        (Smaller(300), [1, 2]),
    ],
)
def test_flags_dates_and_sizes(query: Query, found: list[int]) -> None:
    with open_store() as tx:
        # The day as written, 1 November, is 2 November in UTC: what is written counts
        one = octets(date="Wed, 1 Nov 2023 23:30:00 -0500")
        put(tx, one, flags="\\Seen", received_at_ms=NOW_MS - DAY_MS)
        put(tx, octets(date="Mon, 6 Nov 2023 00:30:00 +0900"), received_at_ms=NOW_MS)
        put(tx, octets("x" * 300), flags="\\Seen $Work", received_at_ms=NOW_MS + DAY_MS)
        assert find(tx, query) == found


@pytest.mark.rfc("8621 §4.4.1", "MUST")
def test_attachments() -> None:
    with open_store() as tx:
        parts = "--b\r\n\r\ntext\r\n--b\r\nContent-Type: image/png; name=a.png\r\n\r\nx\r\n--b--\r\n"
        put(tx, octets(parts, content_type="multipart/mixed; boundary=b"))
        put(tx)
        assert find(tx, HasAttachment()) == [1]
        assert find(tx, Not(HasAttachment())) == [2]
        assert takes_long(HasAttachment(), messages=1)


@pytest.mark.rfc("8474 §5.3", "MUST")
def test_ids_and_modseq() -> None:
    with open_store(ANNA, BOB) as tx:
        first = put(tx, octets(subject="a", message_id="<1@x>"))
        second = put(tx, octets(subject="Re: a", message_id="<2@x>", references="<1@x>"))
        his = put(tx, account=BOB)
        assert find(tx, EmailIs(second.email_id)) == [2]
        assert find(tx, EmailIs(his.email_id)) == find(tx, EmailIs(EmailId(5))) == []
        assert find(tx, ThreadIs(first.thread_id)) == [1, 2]
        assert find(tx, ThreadIs(ThreadId(5))) == []
        assert find(tx, ModSeqAtLeast(second.modseq)) == [2]


@pytest.mark.parametrize(
    "query",
    [Recent(), SavedResult(), Sequence(NumberSet.of([1])), Not(UidsWithStar(NumberSet.of([1])))],
)
def test_terms_that_only_a_session_resolves_are_refused(query: Query) -> None:
    with open_store() as tx:
        put(tx)
        with pytest.raises(NotInSession):
            find(tx, query)


def test_an_empty_mailbox() -> None:
    with open_store() as tx:
        assert find(tx, Or((All(), Body("x")))) == []


def test_which_queries_belong_in_a_thread() -> None:
    assert takes_long(And((All(), Not(Or((Body("x"), Flag("y")))))), messages=1)
    assert takes_long(Field("Subject", "x"), messages=1)
    assert takes_long(Addresses("From", "x"), messages=1)
    usual = And((Flag("x"), Not(Flag("y")), Larger(5)))
    assert not takes_long(usual, messages=30_000)
    assert takes_long(And((usual,) * 100), messages=30_000)
    assert takes_long(Or((Flag("x"),) * 1000), messages=1_000)
    sparse = Uids(NumberSet.of(range(1, 16_000, 2)))
    assert not takes_long(And((sparse, Not(Flag("x")))), messages=1_000)
    assert takes_long(And((sparse, Not(sparse), Or((sparse, sparse)))), messages=1_000)


def test_a_query_among_named_messages_looks_at_no_others() -> None:
    uids = [1, 2, 3, 5, 8, 9]
    seen, some = Flag("\\Seen"), Uids(NumberSet(((2, 4), (9, 20))))
    assert candidates(seen, uids) == candidates(Not(some), uids) == candidates(Or((some, seen)), uids) == 6
    assert candidates(some, uids) == candidates(And((seen, some)), uids) == 3
    assert candidates(And((Uids(NumberSet(((1, 3),))), And((seen, some)))), uids) == 3
    assert candidates(And(()), uids) == 6
    # a query may have hundreds of sets of thousands of runs: these are not counted
    many = Uids(NumberSet(tuple((uid, uid) for uid in range(1, 2 * MAX_NAMED_RUNS + 3, 2))))
    assert candidates(many, uids) == 6
    terms: list[Query] = [Larger(1), seen, some, Body("x")]
    assert sorted(terms, key=rank) == [some, seen, Larger(1), Body("x")]


def test_of_few_named_messages_no_rows_between_them_are_read() -> None:
    with open_store() as tx:
        for number in range(400):
            put(tx, octets(str(number)))
        cached, recording = mailbox_cache.load(tx, ANNA, mailbox(tx)), RecordingTransaction(tx)
        named = And((Uids(NumberSet.of([2, 200, 399])), Larger(1)))
        assert evaluate(recording, BLOBS, cached, named, now_ms=NOW_MS).tolist() == [2, 200, 399]
        assert recording.read == 3


@pytest.mark.parametrize("named", [(1, 2**32 - 1), (3, 5), (MAX_PLACES - 1, MAX_PLACES + 3)])
def test_flags_and_narrow_rows_of_many_messages_are_looked_at_in_parts(named: tuple[int, int]) -> None:
    with open_store() as tx:
        put(tx)
        put(tx, flags="\\Seen")
        cached = mailbox_cache.load(tx, ANNA, mailbox(tx))
        cached.uids.extend(range(3, 2 * MAX_PLACES + 10))
        cached.flags += ["", "", "\\Seen"] * (len(cached.uids) // 3)
        del cached.flags[len(cached.uids) :]
        rows = zip(cached.uids, cached.flags, strict=True)
        expected = [uid for uid, text in rows if text and named[0] <= uid <= named[1]]
        among = Uids(NumberSet((named,)))
        assert evaluate_in_memory(cached, And((Flag("\\Seen"), among))).tolist() == expected
        parts: list[int] = []
        found = evaluate(
            tx, BLOBS, cached, And((among, Larger(1))), now_ms=NOW_MS, interlude=lambda: parts.append(1)
        )
        assert found.tolist() == [uid for uid in (1, 2) if named[0] <= uid <= named[1]]
        assert len(parts) >= (5 if named[0] == 1 else 3)


def test_which_queries_may_be_quick() -> None:
    cached = And((Field("Subject", "x"), Not(Addresses("From", "y")), Flag("z")))
    assert may_be_quick(cached, messages=MAX_LITTLE_MESSAGES)
    assert not may_be_quick(cached, messages=MAX_LITTLE_MESSAGES + 1)
    assert not may_be_quick(Or((cached, Field("X-Own", "x"))), messages=1)
    assert not may_be_quick(Not(Body("x")), messages=1)
    sparse = Uids(NumberSet.of(range(1, 40_000, 2)))
    assert not may_be_quick(And((cached, sparse)), messages=1)


def test_a_quick_search_finds_the_same_and_gives_up_where_there_is_much_to_read() -> None:
    queries: list[Query] = [
        Field("Subject", "fox"),
        Addresses("To", "two.example"),
        Not(Field("Cc", "")),
        Field("To", "bob"),
    ]
    with searchable("all") as tx:
        cached = mailbox_cache.load(tx, ANNA, mailbox(tx, "INBOX"))
        for query in queries:
            found = evaluate(tx, BLOBS, cached, query, now_ms=NOW_MS)
            assert evaluate_little(tx, cached, query, now_ms=NOW_MS) == found
        with pytest.raises(TooMuch):
            evaluate_little(tx, cached, Addresses("To", "bob"), now_ms=NOW_MS, max_octets=100)
        put(tx, octets("x", to="<a@b>, " * (LITTLE_LINES_OCTETS // 7)))
        cached = mailbox_cache.load(tx, ANNA, mailbox(tx, "INBOX"))
        with pytest.raises(TooMuch):
            evaluate_little(tx, cached, Addresses("To", "bob"), now_ms=NOW_MS)


def test_a_search_can_be_ended_between_two_messages() -> None:
    class Cancelled(Exception):
        pass

    def interlude() -> None:
        called.append(len(called))
        if len(called) == 5:
            raise Cancelled

    called: list[int] = []
    with searchable("none") as tx:
        cached = mailbox_cache.load(tx, ANNA, mailbox(tx))
        with pytest.raises(Cancelled):
            evaluate(tx, BLOBS, cached, Body("no such text"), now_ms=NOW_MS, interlude=interlude)
    assert len(called) == 5


def test_messages_that_went_meanwhile_are_not_found() -> None:
    with searchable("all") as tx:
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([1]), deleted_only=False)
        while orphans.sweep(tx):
            pass
        assert evaluate(tx, BLOBS, known, Text("fox"), now_ms=NOW_MS).tolist() == [5]
