import pytest

from pillarbox.mail.address import Address, InvalidAddress


@pytest.mark.rfc("5321 §4.1.2", "MUST")
@pytest.mark.parametrize(
    ("local", "domain", "text"),
    [
        ("user", "one.example", "user@one.example"),
        ("User+tag", "One.Example", "User+tag@One.Example"),
        ("a.b", "c", "a.b@c"),
        ("o'neil!#$%&*-/=?^_`{|}~", "x.org", "o'neil!#$%&*-/=?^_`{|}~@x.org"),
        ("a b", "x.org", '"a b"@x.org'),
        ('a"\\b', "x.org", '"a\\"\\\\b"@x.org'),
        ("", "x.org", '""@x.org'),
        ("a@b", "x.org", '"a@b"@x.org'),
        ("a..b", "x.org", '"a..b"@x.org'),
        ("用户", "例子.广告", "用户@例子.广告"),
        ("u", "[127.0.0.1]", "u@[127.0.0.1]"),
        ("u", "[IPv6:::1]", "u@[IPv6:::1]"),
        ("u", "[tag:x.y]", "u@[tag:x.y]"),
        ("u", "_dmarc.x-y.org", "u@_dmarc.x-y.org"),
    ],
)
def test_read_and_written(local: str, domain: str, text: str) -> None:
    assert Address(local, domain) == Address.parse(text)
    assert text == str(Address(local, domain))


def test_quoting_that_is_not_needed_is_dropped() -> None:
    assert str(Address.parse('"user"@x.org')) == "user@x.org"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "user",
            "@x.org",
            "user@",
            "a b@x.org",
            ".a@x.org",
            "a.@x.org",
            "a..b@x.org",
            '"a@x.org',
            "a@b@c",
        ),
        *(
            "u@-x.org",
            "u@x-.org",
            "u@x..org",
            "u@x.org.",
            "u@.x",
            "u@[1.2.3]",
            "u@[ipv6:zz]",
            "u@[x",
            "u@x org",
        ),
        *("u@x\r\n", "u\r\n@x", '"a\r\nb"@x', '"a\x00"@x', "<u@x>", "u@x>", "\ud800@x", "u@\ud800"),
        *("u\x85@x", '"u\u202e"@x', "gro.knab\u202e@x", "u\u200f@x", "u@x\u2066", "u\u2028@x", "u\u061c@x"),
        *("u@" + "x" * 64, "u@" + ".".join(["x" * 60] * 5), "u" * 256 + "@x", "u@ü" + "x" * 70),
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(text)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("User@one.example", "User@ONE.example"),
        ("u@xn--bcher-kva.example", "u@Bücher.example"),
        ("u@xn--bcher-kva.example", "u@XN--bcher-kva.example"),
        ("\u00e9@x", "e\u0301@x"),
        ("u@[ipv6:::1]", "u@[IPv6:0:0:0:0:0:0:0:1]"),
        ("a b@x", '"a b"@x'),
    ],
)
def test_keys_for_looking_up(key: str, text: str) -> None:
    assert key == Address.parse(text).key


@pytest.mark.rfc("6531 §3.2", "MUST")
def test_the_form_for_a_peer_without_smtputf8() -> None:
    assert not Address.parse("u@bücher.example").needs_smtputf8
    assert str(Address.parse("u@bücher.example").with_ascii_domain()) == "u@xn--bcher-kva.example"
    assert Address.parse("ü@x.org").needs_smtputf8
