"""Header fields as they are written: what others read of them is what was given."""

from collections.abc import Callable
from email.headerregistry import HeaderRegistry
from email.parser import BytesHeaderParser
from email.policy import default
from typing import Any

import pytest

from pillarbox.mail import encoded_word, parameter
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.composing import parameters, values, words
from pillarbox.mail.composing.addresses import (
    MAX_ADDRESS_OCTETS,
    MAX_LIST_CHARACTERS,
    Mailbox,
    MailboxGroup,
    addr_spec,
    address_list,
)
from pillarbox.mail.composing.folding import (
    FOLDED_OCTETS,
    MAX_FIELD_OCTETS,
    MAX_LINE_OCTETS,
    NotWritable,
    field,
    is_field_name,
    raw_field,
)
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.name_addr import Group

TEXTS = [
    "",
    "a",
    "Re: [list] Grüße",
    "Hello  world",
    " leading and trailing ",
    "   ",
    "=?utf-8?q?not_encoded?=",
    "= ? =?",
    "日本語" * 60,
    "👩‍👩‍👧" * 30,
    "word " * 60 + "end",
    "x" * 900,
    "x" * 5000,
    "é " * 300 + "é",
    'quotes " and \\ and (comments) <b@c>, d: e;',
    "Re: a é b é c",
    "é a  é",
    "a" * 60 + " é",
    "\u202e right to left",
]


def body(octets: bytes) -> bytes:
    """The unfolded body of the only field."""
    assert octets.endswith(b"\r\n")
    (found,) = Header.parse(octets + b"\r\n")[0].fields
    return found.body


def lines(octets: bytes) -> list[bytes]:
    return octets.removesuffix(b"\r\n").split(b"\r\n")


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_read_as_it_was_written(text: str) -> None:
    octets = field("Subject", words.text(text, len("Subject: ")))
    assert octets.isascii()
    assert encoded_word.decode(body(octets)) == text
    message = BytesHeaderParser(policy=default).parsebytes(octets + b"\r\n")
    assert " ".join(str(message["Subject"]).split()) == " ".join(text.split())


@pytest.mark.rfc("2047 §2", "MUST")
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["Subject", "X-" + "Long" * 15, "X"])
def test_lines_with_encoded_words(text: str, name: str) -> None:
    octets = field(name, words.text(text, len(name) + 2))
    for line in lines(octets):
        assert len(line) <= MAX_LINE_OCTETS
        assert line.strip()
        for word in line.split():
            if word.startswith(b"=?"):
                assert len(word) <= words.MAX_WORD_OCTETS
                word.split(b"?")[3].decode()
        if b"=?utf-8?" in line:
            assert len(line) <= FOLDED_OCTETS or len(name) > 40


def test_only_what_needs_it_is_encoded() -> None:
    (before, *encoded, after) = words.text("Re: grün und schön bitte", 9)
    assert (before, after) == ("Re:", "bitte")
    assert all(word.startswith("=?utf-8?") for word in encoded)


@pytest.mark.rfc("5322 §2.1.1", "SHOULD")
def test_plain_text_is_folded_and_comes_back_whole() -> None:
    octets = field("Subject", words.text("word " * 60 + "end", 9))
    assert max(map(len, lines(octets))) <= FOLDED_OCTETS
    assert unfold(octets[8:]) == b"word " * 60 + b"end"


HOSTILE = ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b", "\x0b", "\x1b[2J", "\x7f", "\x85", "\ud800"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_can_end_a_field(text: str) -> None:
    writers: list[Callable[[], object]] = [
        lambda: words.text(text, 0),
        lambda: words.phrase(text),
        lambda: address_list([MailboxGroup(None, [Mailbox(text, "a@b")])]),
        lambda: address_list([MailboxGroup(None, [Mailbox(None, text)])]),
        lambda: address_list([MailboxGroup(text, [])]),
        lambda: values.message_ids([text]),
        lambda: values.urls([text]),
        lambda: parameters.value_words("a/b", [("name", text)]),
        lambda: parameters.value_words("a/b", [("filename", text)]),
    ]
    for write in writers:
        with pytest.raises(NotWritable):
            write()


@pytest.mark.parametrize("text", HOSTILE)
def test_nor_a_raw_one(text: str) -> None:
    with pytest.raises(NotWritable):
        raw_field("X", text)


def test_a_raw_field_keeps_its_folding() -> None:
    assert raw_field("X", " a\r\n\tb\n c") == b"X: a\r\n\tb\r\n c\r\n"
    assert raw_field("X", "grün") == "X:grün\r\n".encode()
    assert raw_field("X", "") == b"X:\r\n"


@pytest.mark.rfc("5322 §2.1.1", "MUST")
def test_a_raw_field_that_is_too_long_is_folded() -> None:
    octets = raw_field("X", " " + "word " * 1000)
    assert max(map(len, lines(octets))) <= MAX_LINE_OCTETS
    assert unfold(octets[2:]) == (b"word " * 1000).strip()


@pytest.mark.parametrize(
    "value",
    [
        "a\r\n\r\n b",
        "a\r\n \r\n b",
        "a\r\n",
        "x" * 999,
        " " * 2000,
        "x " * 40_000,
        "a" + " " * 998 + "b" * 998,
    ],
)
def test_a_raw_field_that_cannot_be_written(value: str) -> None:
    with pytest.raises(NotWritable):
        raw_field("X", value)


def test_names_of_fields() -> None:
    assert is_field_name("X-A!")
    assert not any(map(is_field_name, ("", "a b", "a:", "é", "a\n", "x" * 129)))


def read(octets: bytes) -> list[tuple[str | None, str, str]]:
    """Names and addresses of a list, as our parser reads them."""
    return [
        (
            None if each.display is None else encoded_word.decode(each.display),
            each.local.decode(),
            each.domain.decode(),
        )
        for each in mailboxes(parse_address_list(body(octets)))
    ]


NAMES = [
    None, "Ann", "Doe, John", 'A "B" C', "back\\slash", "Jörg Müller", "日本語" * 20, "a@b", "x" * 200, "(comment)",
    "=?utf-8?q?a?=", "a  b", "D. E. Knuth", "a:b;c", "'quoted'", "<c@d>", "é" * 100,
]  # fmt: skip


@pytest.mark.rfc("5322 §3.4", "MUST")
@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back(name: str | None) -> None:
    octets = field(
        "To", address_list([MailboxGroup(None, [Mailbox(name, "a.b@x.example"), Mailbox(name, "c@d")])])
    )
    assert octets.isascii()
    assert read(octets) == [(name, "a.b", "x.example"), (name, "c", "d")]
    assert max(map(len, lines(octets))) <= FOLDED_OCTETS
    other: Any = HeaderRegistry()("to", body(octets).decode())
    # Python keeps spaces between encoded words
    assert [(each.display_name.replace(" ", ""), each.addr_spec) for each in other.addresses] == [
        ((name or "").replace(" ", ""), "a.b@x.example"),
        ((name or "").replace(" ", ""), "c@d"),
    ]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("a@b.example", "a@b.example"),
        ("  a@b ", "a@b"),
        ('"a b"@c', '"a b"@c'),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("", ""),
        ("joe", "joe"),
        ("joe smith", '"joe smith"'),
        ("a@b, c@d", '"a@b, c@d"'),
        ("Ann <a@b>", '"Ann <a@b>"'),
        ('a"b', '"a\\"b"'),
        ("jürgen", '"jürgen"'),
        ("a\tb", '"a b"'),
        ("a@b;", '"a@b;"'),
        ("Friends: a@b;", '"Friends: a@b;"'),
        ("(c)", '"(c)"'),
        ("a@", '"a@"'),
        ("@b", '"@b"'),
        ("a@b@c", '"a@b@c"'),
    ],
)
def test_an_address_or_what_stands_in_its_place(address: str, written: str) -> None:
    assert addr_spec(address) == written


@pytest.mark.parametrize(
    "address", ["joe", "joe smith", "a@b, c@d", "Ann <a@b>", "Friends: a@b;", "(c)", "@b", "a@", "é,"]
)
@pytest.mark.parametrize("name", [None, "Ann"])
def test_what_is_no_address_is_read_as_one_and_whole(address: str, name: str | None) -> None:
    octets = field("To", address_list([MailboxGroup(None, [Mailbox(name, address), Mailbox(None, "z@z")])]))
    assert read(octets) == [(name, address, ""), (None, "z", "z")]


def test_groups() -> None:
    groups = [
        MailboxGroup(None, [Mailbox("Ann", "a@b")]),
        MailboxGroup("undisclosed-recipients", []),
        MailboxGroup("Freunde äöü", [Mailbox(None, "c@d"), Mailbox("É", "e@f")]),
        MailboxGroup("Empty é", []),
        MailboxGroup("A, B", [Mailbox(None, "g@h")]),
        MailboxGroup("", [Mailbox(None, "i@j")]),
    ]
    items = parse_address_list(body(field("To", address_list(groups))))
    assert [
        (encoded_word.decode(item.name), len(item.members)) if isinstance(item, Group) else item.local
        for item in items
    ] == [b"a", ("undisclosed-recipients", 0), ("Freunde äöü", 2), ("Empty é", 0), ("A, B", 1), b"i"]


def test_a_name_without_an_address_and_nothing_at_all() -> None:
    words_of = address_list([MailboxGroup(None, [Mailbox("Ann", ""), Mailbox("", ""), Mailbox(None, " ")])])
    assert words_of == ["Ann", "<>"]


def test_limits_of_addresses() -> None:
    many = [Mailbox(None, f"a{n}@b") for n in range(4095)]
    assert len(parse_address_list(body(field("To", address_list([MailboxGroup(None, many)]))))) == 4095
    with pytest.raises(NotWritable):
        address_list([MailboxGroup(None, [*many, Mailbox(None, "x@y")])])
    with pytest.raises(NotWritable):
        addr_spec("x" * (MAX_ADDRESS_OCTETS + 1))
    long = [Mailbox("x" * 1000, "a@b")] * (MAX_LIST_CHARACTERS // 1003)
    address_list([MailboxGroup(None, long)])
    with pytest.raises(NotWritable):
        address_list([MailboxGroup(None, [*long, long[0]])])
    longest = '"' * MAX_ADDRESS_OCTETS
    with pytest.raises(NotWritable):
        field("To", address_list([MailboxGroup(None, [Mailbox(None, longest)])]))
    with pytest.raises(NotWritable):
        words.text("x" * (MAX_FIELD_OCTETS + 1), 0)


def test_ids_and_urls() -> None:
    assert field("References", values.message_ids(["a@b", "c@d"])) == b"References: <a@b> <c@d>\r\n"
    assert field("List-Post", values.urls(["mailto:a@b", "https://c/d,e"])) == (
        b"List-Post: <mailto:a@b>, <https://c/d,e>\r\n"
    )
    assert values.location("https://a/b") == "https://a/b"
    assert values.message_ids([]) == values.urls([]) == []
    for wrong in ("", "<a@b>", "a b", "a>b", "x" * 901):
        with pytest.raises(NotWritable):
            values.message_ids([wrong])
        with pytest.raises(NotWritable):
            values.urls([wrong])


FILES = [
    "a.txt", "a b.txt", 'a"b.txt', "a\\b.txt", "grün.txt", "日本語" * 30 + ".txt", "x" * 150, "x" * 500, "it's.txt",
    "100%.txt", "a;b=c.txt", "=?utf-8?q?a?=", "a.tar.gz", " edge ", "(1).txt", "é" * 600, "a/b", "..",
]  # fmt: skip


@pytest.mark.rfc("2231 §4", "MUST")
@pytest.mark.parametrize("name", FILES)
def test_a_file_name_comes_back(name: str) -> None:
    octets = field("Content-Disposition", parameters.value_words("attachment", [("filename", name)]))
    assert octets.isascii()
    assert max(map(len, lines(octets))) <= max(FOLDED_OCTETS, 170)
    token, pairs = parameter.parse(body(octets))
    assert (token, parameter.decode(pairs)) == ("attachment", {"filename": name})
    if name != " edge ":  # Python strips it
        other = BytesHeaderParser(policy=default).parsebytes(octets + b"\r\n")
        assert other.get_filename() == name


@pytest.mark.parametrize("name", FILES)
def test_and_as_the_name_of_a_type(name: str) -> None:
    octets = field("Content-Type", parameters.value_words("a/b", [("name", name), ("x", "y")]))
    token, pairs = parameter.parse(body(octets))
    assert (token, parameter.decode(pairs)) == ("a/b", {"name": name, "x": "y"})


def test_what_is_no_parameter() -> None:
    assert parameters.is_media_type("text/plain")
    assert not any(
        map(parameters.is_media_type, ("text", "text/", "a/b; c=d", "a b/c", "a/b\n", "é/a", "*/*"))
    )
    assert not parameters.is_token("a b")
    for name, value in (("a b", "c"), ("", "c"), ("a", "x" * 2049)):
        with pytest.raises(NotWritable):
            parameters.value_words("a/b", [(name, value)])
