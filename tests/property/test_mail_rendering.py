"""For any octets: rendered data matches the grammar, and each fast path gives the same result as the slow one."""

import gzip
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail import (
    address_list,
    address_tokens,
    date,
    flags,
    mailbox_name,
    parameter,
    part_parser,
    subject,
    text,
)
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.collation import collate
from pillarbox.mail.imap_string import string
from pillarbox.mail.mailbox_name import InvalidMailboxName, ListPattern
from pillarbox.mail.mbox import Entry, messages
from pillarbox.mail.summary import summarize
from pillarbox.mail.threading import message_ids
from tests.kit.imap.grammar import Reader
from tests.kit.mail.rendering import check_rendering
from tests.kit.paths import CORPORA

examples = settings(max_examples=150, deadline=None)

PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b"\0",
        b'"',
        b"\\",
        b"(",
        b")",
        b"<",
        b">",
        b"@",
        b",",
        b";",
        b":",
        b".",
    ),
    *(
        b"a",
        b"b.c",
        b"=?utf-8?q?a=20,b=00?=",
        b"\xc3\xa4",
        b"\xff",
        b"[1.2.3.4]",
        b"[",
        b"]",
        b"=",
        b"*",
        b"x" * 1001,
    ),
]
FIELDS = [
    *(
        b"From: ",
        b"Sender: ",
        b"Reply-To: ",
        b"To: ",
        b"Cc: ",
        b"Bcc: ",
        b"Subject: ",
        b"Date: ",
        b"Message-ID: ",
    ),
    *(b"In-Reply-To: ", b"References: ", b"Content-Type: ", b"Content-Disposition: ", b"Content-Language: "),
    *(b"Content-Location: ", b"Content-Transfer-Encoding: ", b"Content-ID: ", b"Content-MD5: "),
]
VALUES = [
    *(b"multipart/mixed; boundary=x", b"multipart/digest; boundary=x", b"message/rfc822", b"message/global"),
    *(
        b"text/html",
        b"base64",
        b"attachment; filename*0=a; filename*1*=%20",
        b"--x",
        b"--x--",
        b"g: a@b, c@d;",
    ),
]
noise = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)
lines = st.one_of(
    st.tuples(st.sampled_from(FIELDS), st.one_of(noise, st.sampled_from(VALUES))).map(b"".join),
    st.sampled_from([b"", b"--x", b"--x--", b"text"]),
    noise,
)
mail = st.one_of(
    st.binary(max_size=200),
    st.tuples(st.lists(lines, max_size=30), st.sampled_from([b"\r\n", b"\n"])).map(
        lambda drawn: drawn[1].join(drawn[0])
    ),
)


@examples
@given(mail)
@pytest.mark.rfc("9051 §9", "MUST")
def test_any_octets_render_well_formed(octets: bytes) -> None:
    check_rendering(octets)


@pytest.mark.skipif(not CORPORA.exists(), reason="no public test mail beside the checkout")
def test_every_message_of_the_corpora() -> None:
    for path in sorted(CORPORA.rglob("*")):
        if path.is_file():
            check_rendering(path.read_bytes())


@pytest.mark.skipif(not CORPORA.exists(), reason="no public test mail beside the checkout")
def test_every_message_of_a_mailing_list() -> None:
    with gzip.open(CORPORA / "dovecot-list.mbox.gz") as archive:
        entries = [entry for entry in messages([archive.read()]) if isinstance(entry, Entry)]
    assert len(entries) > 3000
    for entry in entries:
        check_rendering(entry.message)
        summary = summarize(entry.message)
        assert summary.sent_at_ms is not None
        assert summary.message_id is not None
        assert summary.sort_from


@examples
@given(
    st.lists(st.sampled_from([*PIECES, b"Joe Doe <", b"a@b", b'"q"', b"g:", b"\x7f"]), max_size=15).map(
        b"".join
    )
)
def test_the_short_way_through_an_address_list_is_the_long_way(value: bytes) -> None:
    assert address_tokens.parse_tokens(value) == address_list.parse_address_list(value)


simple_word = st.text("abcXYZ019!#$%&'*+-/=?^_`{|}~ä.", min_size=1, max_size=8).map(str.encode)
simple_address = st.one_of(
    st.tuples(simple_word, simple_word).map(b"@".join),
    st.tuples(simple_word, simple_word, simple_word).map(lambda drawn: b"%b <%b@%b>" % drawn),
    st.tuples(simple_word, simple_word, simple_word, simple_word).map(
        lambda drawn: b'"%b, %b" <%b@%b>' % drawn
    ),
    st.tuples(simple_word, simple_word, simple_word, simple_word).map(
        lambda drawn: b"%b  %b <%b@%b>" % drawn
    ),
)


@examples
@given(st.lists(simple_address, max_size=4), st.sampled_from([b",", b", ", b" ,\t"]))
def test_the_same_for_simple_addresses(addresses: list[bytes], comma: bytes) -> None:
    value = comma.join(addresses)
    assert address_tokens.parse_tokens(value) == address_list.parse_address_list(value)


@examples
@given(
    st.sampled_from([b"Mon, ", b"", b"mon, ", b"Mo, "]),
    st.integers(0, 40),
    st.sampled_from([b"Jan", b"Feb", b"Dec", b"Foo", b"feb"]),
    st.sampled_from([b"1", b"99", b"107", b"0000", b"1900", b"2024", b"9999"]),
    st.sampled_from([b"00:00:00", b"23:59:59", b"24:00:00", b"01:60:00", b"1:02", b"23:59:60"]),
    st.sampled_from(
        [b" +0000", b" -0130", b" +9959", b" +0160", b" GMT", b" +0200 (EET)", b" +0200 (a b)", b""]
    ),
)
def test_the_usual_date_is_read_as_any_date(
    weekday: bytes, day: int, month: bytes, year: bytes, time: bytes, zone: bytes
) -> None:
    value = b"%b%d %b %b %b%b" % (weekday, day, month, year, time, zone)
    assert date.parse_any(value) == date.parse_sent(value)


@examples
@given(st.one_of(noise, st.binary(max_size=60)))
def test_small_readers_take_anything(value: bytes) -> None:
    date.parse(value)
    for each in message_ids(value):
        assert message_ids(f"<{each}>".encode()) in ([each], []) or '"' in each or "\\" in each or ">" in each


@examples
@given(st.integers(-(2**60), 2**60))
def test_every_time_has_a_rendering(at_ms: int) -> None:
    assert len(date.imap_date_time(at_ms)) == 28


@examples
@given(st.datetimes().map(lambda moment: int((moment - moment.replace(1970, 1, 1)).total_seconds())))
def test_a_written_date_reads_the_same(seconds: int) -> None:
    assert date.parse(date.rfc5322(seconds * 1000).encode()) == seconds * 1000


@examples
@given(st.one_of(noise, st.binary(max_size=60)))
def test_strings_hold_their_octets(octets: bytes) -> None:
    reader = Reader(string(octets))
    assert reader.string() == octets.replace(b"\0", b"?")
    reader.end()


@examples
@given(
    st.lists(
        st.sampled_from(["re:", "Re[x] :", "fwd:", "[a]", "[", "]", "(fwd)", "[fwd:", " ", "x", "ä"]),
        max_size=10,
    )
)
@pytest.mark.rfc("5256 §2.1", "MUST")
def test_a_base_subject_has_no_more_to_lose(pieces: list[str]) -> None:
    base = subject.base_subject("".join(pieces))
    assert base == subject.base_subject(base)
    assert base == base.strip(" ")


@examples
@given(st.text(max_size=20))
@pytest.mark.rfc("5051 §2", "MUST")
def test_collated_text_is_decomposed(text: str) -> None:
    assert unicodedata.is_normalized("NFKD", collate(text))
    assert collate(text + "é") == collate(text + "e\u0301")


keywords = st.text("abAB$-_19", min_size=1, max_size=4)
flag = st.one_of(st.sampled_from([*flags.SYSTEM_FLAGS, "\\SEEN", "\\draft"]), keywords)


@examples
@given(st.lists(flag, max_size=8), st.lists(flag, max_size=8))
def test_flags_are_sets_without_case(some: list[str], others: list[str]) -> None:
    left, right = flags.canonical(some), flags.canonical(others)
    as_set = {each.lower() for each in some}
    other_set = {each.lower() for each in others}
    assert flags.canonical(left.split()) == left
    assert set(left.lower().split()) == as_set
    assert set(flags.add(left, right).lower().split()) == as_set | other_set
    assert set(flags.remove(left, right).lower().split()) == as_set - other_set
    assert flags.canonical(flags.add(left, right).split()) == flags.add(left, right)
    assert all(flags.contains(left, each.upper()) for each in some)


@examples
@given(st.text(max_size=30), st.booleans())
def test_mailbox_names_cross_the_wire(text: str, utf8: bool) -> None:
    try:
        name = mailbox_name.canonical(text)
    except InvalidMailboxName:
        return
    wire = mailbox_name.encode(name, utf8=utf8)
    assert utf8 or wire.isascii()
    assert mailbox_name.decode(wire, utf8=utf8) == name
    assert mailbox_name.canonical(name) == name
    assert ListPattern("*").matches(name)


@examples
@given(st.binary(max_size=30))
@pytest.mark.rfc("3501 §5.1.3", "SHOULD")
def test_each_name_has_one_spelling(wire: bytes) -> None:
    try:
        name = mailbox_name.decode(wire, utf8=False)
    except InvalidMailboxName:
        return
    assert mailbox_name.encode(name, utf8=False) == wire


@examples
@given(st.one_of(st.emails(), st.text(max_size=20), st.text('ab"\\@. ', max_size=10)))
def test_addresses_read_as_they_are_written(text: str) -> None:
    try:
        address = Address.parse(text)
    except InvalidAddress:
        return
    assert Address.parse(str(address)) == address
    assert Address.parse(str(address.with_ascii_domain())).key == address.key


token = st.text("abcXYZ019/.+-=*", max_size=8).map(str.encode)
parameter_piece = st.one_of(
    token,
    st.sampled_from(
        [b"; ", b";", b"=", b'"', b'="', b'";', b" ", b"\t", b"(", b")", b"\\", b"\xff", b",", b"'"]
    ),
)


@examples
@given(
    st.one_of(
        st.lists(parameter_piece, max_size=14).map(b"".join),
        st.tuples(
            token,
            st.lists(st.tuples(token, st.sampled_from([b"=", b'="']), token, parameter_piece), max_size=3),
        ).map(lambda drawn: drawn[0] + b"".join(b"; " + b"".join(pair) for pair in drawn[1])),
    )
)
def test_the_short_way_through_parameters_is_the_long_way(value: bytes) -> None:
    assert parameter.parse(value) == parameter.parse_any(value)


@examples
@given(
    st.lists(
        st.sampled_from(
            ["\r\n", "\n", "> ", "word ", "word " * 40, "On x ", " wrote:", ":", "\x1c", "\0", "é", " "]
        ),
        max_size=40,
    ),
    st.integers(1, 60),
)
def test_the_fast_preview_equals_the_full_one_for_any_text(pieces: list[str], times: int) -> None:
    octets = b"\r\n" + ("".join(pieces) * times).encode()
    root = part_parser.parse(octets)
    fast = text._fast_preview(octets, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_fast_preview", lambda *_: None)
        assert fast in (None, text.preview(octets, root))
