import pytest

from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import InvalidMailboxName, ListPattern, canonical, decode, encode

UTF7 = [
    ("plain", b"plain"),
    ("Tom & Jerry", b"Tom &- Jerry"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
    ("台北日本語", b"&U,BTF2XlZyyKng-"),
    ("été", b"&AOk-t&AOk-"),
    ("😀&ü", b"&2D3eAA-&-&APw-"),
    ("&ü&", b"&-&APw-&-"),
    ("", b""),
]


@pytest.mark.rfc("3501 §5.1.3", "MUST")
@pytest.mark.parametrize(("name", "wire"), UTF7)
def test_modified_utf7(name: str, wire: bytes) -> None:
    assert wire == encode(name, utf8=False)
    assert name == decode(wire, utf8=False)


@pytest.mark.rfc("3501 §5.1.3", "SHOULD")
@pytest.mark.parametrize(
    "wire",
    [
        b"&",
        b"&Jjo!",  # no shift back
        b"&AOE",
        b"&x-",
        b"&U,BTFw-&ZeVnLIqe-",  # superfluous shift
        b"&AGE-",  # "a" stands for itself
        b"&2D0-",  # half a surrogate pair
        b"&AOF-",  # stray bits
        b"&AO//-",
        b"a\x01b",
        b"\xc3\xa4",
    ],
)
def test_no_modified_utf7(wire: bytes) -> None:
    with pytest.raises(InvalidMailboxName):
        decode(wire, utf8=False)


@pytest.mark.rfc("9051 §5.1", "MUST")
def test_utf8_names_stand_for_themselves() -> None:
    assert decode("a & ü".encode(), utf8=True) == "a & ü"
    assert encode("a & ü", utf8=True) == "a & ü".encode()
    with pytest.raises(InvalidMailboxName):
        decode(b"\xff", utf8=True)


@pytest.mark.rfc("5198 §2", "SHOULD")
@pytest.mark.parametrize(
    ("canonical_name", "given"),
    [
        ("INBOX", "inBox"),
        ("INBOX/Work", "inbox/Work"),
        ("Work/inbox", "Work/inbox"),
        ("INBOXES", "INBOXES"),
        ("a/b", "a/b/"),
        ("\u00e9", "e\u0301"),
        ("star*", "star*"),
    ],
)
def test_canonical(canonical_name: str, given: str) -> None:
    assert canonical_name == canonical(given)
    assert canonical_name == canonical(canonical_name)


@pytest.mark.rfc("5198 §2", "MUST NOT")
@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/a", "a//b", "a//", "a\x00b", "a\r", "a\x7f", "a\u0085b", "a\u2028", "\ud800"),
        *("x" * 256, "ü" * 128, "/".join("a" * 33), "/".join(["x" * 250] * 5)),
    ],
)
def test_impossible_names(name: str) -> None:
    with pytest.raises(InvalidMailboxName):
        canonical(name)


def test_longest_names() -> None:
    assert canonical("x" * mailbox_name.MAX_LEVEL_OCTETS)
    assert canonical("/".join("a" * mailbox_name.MAX_LEVELS))


def test_levels() -> None:
    assert mailbox_name.parent("a/b/c") == "a/b"
    assert mailbox_name.parent("a") is None
    assert mailbox_name.leaf("a/b/c") == "c"


@pytest.mark.rfc("9051 §6.3.9", "MUST")
@pytest.mark.parametrize(
    ("matches", "pattern", "name"),
    [
        (True, "*", "a/b"),
        (True, "%", "a"),
        (False, "%", "a/b"),
        (True, "a/%", "a/b"),
        (False, "a/%", "a/b/c"),
        (True, "%/%", "a/b"),
        (True, "%t*4", "test3/test4"),
        (True, "x/*test*", "x/test3/test4/test5"),
        (False, "x/%3/%", "x/test3"),
        (True, "x/%3/%", "x/test3/test4"),
        (True, "inbox", "INBOX"),
        (True, "InBoX/%", "INBOX/a"),
        (False, "Work", "work"),
        (True, "star*mailbox", "star*mailbox"),
        (True, "percent%mailbox", "percentmailbox"),
        (True, "*a*a*b", "xaayaab"),
        (False, "*a*b", "ba"),
        (True, "a%%*b", "a/b"),
        (False, "", "a"),
        (True, "a.c", "a.c"),
        (False, "a.c", "abc"),
    ],
)
def test_list_patterns(matches: bool, pattern: str, name: str) -> None:
    assert matches is ListPattern(pattern).matches(name)


def test_a_pattern_longer_than_any_name_matches_nothing() -> None:
    assert not ListPattern("*a" * 1_000_000).matches("a" * 1000)
    assert ListPattern("*%" * 1_000_000).matches("a/b")
    assert not ListPattern("%" * 1_000_000).matches("a/b")
    assert ListPattern("*" + "a*" * 1_000).matches("a" * 1000)


def test_a_name_is_refused_for_its_length_before_it_is_normalized() -> None:
    with pytest.raises(InvalidMailboxName, match="too long"):
        canonical("a" + "\u0301" * 1_000_000 + "\u0323" * 1_000_000)
    assert len(canonical("/".join(["u\u0308\u0304" * 127] * 3)).encode()) == 3 * 254 + 2


def test_a_pattern_full_of_wildcards_takes_no_time() -> None:
    assert not ListPattern("*a%" * 500 + "b").matches("a" * 1000)
