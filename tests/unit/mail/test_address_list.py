import pytest

from pillarbox.mail import address_tokens
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.address_tokens import parse_tokens
from pillarbox.mail.name_addr import AddressItem, Group, NameAddr


def bare(local: bytes, domain: bytes) -> NameAddr:
    return NameAddr(None, None, local, domain)


def named(display: bytes, local: bytes, domain: bytes) -> NameAddr:
    return NameAddr(display, None, local, domain)


GRAMMATICAL = [
    (b"", []),
    (b"a@b", [bare(b"a", b"b")]),
    (b"<a@b>", [bare(b"a", b"b")]),
    (b"Fred Foobar <f@b.COM>", [named(b"Fred Foobar", b"f", b"b.COM")]),
    (b'"Bar, Fred" <f@b>, c@d', [named(b"Bar, Fred", b"f", b"b"), bare(b"c", b"d")]),
    (
        b'"Giant; \\"Big\\" Box" <sysservices@example.net>',
        [named(b'Giant; "Big" Box', b"sysservices", b"example.net")],
    ),
    (b"user@domain (Real Name)", [named(b"Real Name", b"user", b"domain")]),
    (
        b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
        [named(b"Pete", b"pete", b"silly.test")],
    ),
    (b"(a (nested) comment) x@y", [named(b"a (nested) comment", b"x", b"y")]),
    (b"<user-from (comment)@ (comment) domain.org>", [bare(b"user-from", b"domain.org")]),
    (b"<@route:user@domain>", [NameAddr(None, b"@route", b"user", b"domain")]),
    (
        b"Mary <@m.test,@n.test:mary@example.net>",
        [NameAddr(b"Mary", b"@m.test,@n.test", b"mary", b"example.net")],
    ),
    (
        b"Joe Q. Public <john.q.public@example.com>",
        [named(b"Joe Q. Public", b"john.q.public", b"example.com")],
    ),
    (b"john . q @ example . com", [bare(b"john.q", b"example.com")]),
    (b'"a b"@[192.0.2.1]', [bare(b"a b", b"[192.0.2.1]")]),
    (b"undisclosed-recipients:;", [Group(b"undisclosed-recipients", ())]),
    (
        b"A Group: Ed Jones <joe@where.test>, one@y.test;, z@z",
        [
            Group(b"A Group", (named(b"Ed Jones", b"joe", b"where.test"), bare(b"one", b"y.test"))),
            bare(b"z", b"z"),
        ],
    ),
    (b'"My, group": a@b, c@d;', [Group(b"My, group", (bare(b"a", b"b"), bare(b"c", b"d")))]),
    (b",, a@b ,,c@d,", [bare(b"a", b"b"), bare(b"c", b"d")]),
    (b"=?utf-8?q?J=C3=BCrgen?= M. <j@x>", [named(b"=?utf-8?q?J=C3=BCrgen?= M.", b"j", b"x")]),
    (
        "Jürgen <jürgen@bücher.example>".encode(),
        [named("Jürgen".encode(), "jürgen".encode(), "bücher.example".encode())],
    ),
]


@pytest.mark.rfc("822 §6.1", "MUST")
@pytest.mark.rfc("5322 §3.4", "MUST")
@pytest.mark.parametrize(("items", "value"), [(items, value) for value, items in GRAMMATICAL])
def test_what_the_grammar_allows(items: list[AddressItem], value: bytes) -> None:
    assert items == parse_address_list(value)
    assert items == parse_tokens(value)
    assert not parse_address_list(value).cut


CARELESS = [
    (b"=?utf-8?Q?Foo,_Bar_(x)?= <x@y>", [named(b"=?utf-8?Q?Foo,_Bar_(x)?=", b"x", b"y")]),
    (b"a@b; c@d", [bare(b"a", b"b"), bare(b"c", b"d")]),
    (b"<a@b> Foo <c@d>", [bare(b"a", b"b"), named(b"Foo", b"c", b"d")]),
    (b"root", [bare(b"root", b"")]),
    (b"John Doe", [named(b"John Doe", b"", b"")]),
    (b'"John"', [named(b"John", b"", b"")]),
    (b"John Doe jd@x.org", [named(b"John Doe", b"jd", b"x.org")]),
    (b"jd@x.org John Doe", [bare(b"jd", b"x.org")]),
    (b"Name <>", [named(b"Name", b"", b"")]),
    (b"<>", []),
    (b"a@b@c", [bare(b"a@b", b"c")]),
    (b"<a@b, c@d", [bare(b"a", b"b"), bare(b"c", b"d")]),
    (b'"unclosed <a@b>', [named(b"unclosed", b"a", b"b")]),
    (b"John :-( <a@b>", [Group(b"John", (named(b"-(", b"a", b"b"),))]),
    (b"x ( <a@b>", [named(b"x (", b"a", b"b")]),
    (b"group: a@b", [Group(b"group", (bare(b"a", b"b"),))]),
    (b"<<a@b>>", [bare(b"a", b"b")]),
    (b"a\x00b <c@d>", [named(b"a b", b"c", b"d")]),
    (b"<a@>", [bare(b"a", b"")]),
    (b"[list] <a@b>", [named(b"[list]", b"a", b"b")]),
    (b"\\ <a@b>", [named(b"\\", b"a", b"b")]),
]


@pytest.mark.parametrize(("items", "value"), [(items, value) for value, items in CARELESS])
def test_what_it_does_not(items: list[AddressItem], value: bytes) -> None:
    assert items == parse_address_list(value)


def test_the_number_of_addresses_is_limited() -> None:
    limit = address_tokens.MAX_ADDRESSES
    for value in (b"a@b," * limit, b"a@b (c)," * limit, b"g:" + b"a@b," * (limit - 1)):
        whole = parse_address_list(value)
        more = parse_address_list(value + b"c@d")
        assert len(mailboxes(whole)) in (limit, limit - 1)  # a group counts as well
        assert not whole.cut
        assert more.cut
        assert more == whole


def test_the_words_of_what_is_no_address_are_limited() -> None:
    words = parse_address_list(b"a@" * address_tokens.MAX_TOKENS)
    (item,) = words
    assert words.cut
    assert isinstance(item, NameAddr)
    assert len(item.local) <= address_tokens.MAX_TOKENS * 2
    full = b"Ann Other <ann.other@mail.one.example> (at work), " * address_tokens.MAX_ADDRESSES
    assert len(parse_address_list(full)) == address_tokens.MAX_ADDRESSES


@pytest.mark.parametrize(
    "piece", [b"(", b'"', b'\\"', b"<", b"[", b"=?", b"a ", b":", b"a:;", b"(a", b"(a)", b"@,", b"<@"]
)
def test_time_is_linear(piece: bytes) -> None:
    parse_address_list(piece * 50_000)  # quadratic reading would take minutes


def test_mailboxes_of_groups_and_all() -> None:
    assert mailboxes(parse_address_list(b"a@b, g: c@d, e@f;")) == [
        bare(b"a", b"b"),
        bare(b"c", b"d"),
        bare(b"e", b"f"),
    ]
