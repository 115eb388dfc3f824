import pytest

from pillarbox.mail import flags
from pillarbox.mail.flags import InvalidFlag, TooManyFlags, canonical


def test_of_any_words_those_are_kept_that_can_be_flags() -> None:
    words = ["b", "\\seen", "\\Recent", "no)thing", "", "\\Odd", "x" * 1_000, "a", "B"]
    assert flags.known(words) == "\\Seen a b"
    many = flags.known(f"k{number:03}" for number in range(1_000))
    assert many == " ".join(f"k{number:03}" for number in range(flags.MAX_KEYWORDS))


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("", []),
        (
            "\\Answered \\Flagged \\Deleted \\Seen \\Draft",
            ["\\draft", "\\SEEN", "\\Deleted", "\\flagged", "\\Answered"],
        ),
        ("\\Seen $Forwarded Zebra", ["Zebra", "\\seen", "$Forwarded"]),
        ("\\Seen", ["\\Seen", "\\SEEN"]),
        ("apple Banana", ["Banana", "apple", "BANANA"]),
        ("$MDNSent NonJunk", ["NonJunk", "$MDNSent"]),
    ],
)
def test_canonical_form(stored: str, given: list[str]) -> None:
    assert stored == canonical(given)
    assert stored == canonical(stored.split())


@pytest.mark.rfc("9051 §9", "MUST")
@pytest.mark.parametrize(
    "flag",
    ["", "a b", "(", ")", "{x", "a%", "a*", 'a"', "a\\b", "a]", "ä", "a\x7f", "a\x00", "\\", "\\*", "\\Foo"],
)
def test_what_is_no_flag(flag: str) -> None:
    with pytest.raises(InvalidFlag):
        canonical([flag])


@pytest.mark.rfc("3501 §2.3.2", "MUST")
def test_recent_is_not_to_be_set() -> None:
    with pytest.raises(InvalidFlag):
        canonical(["\\Recent"])


def test_limits() -> None:
    assert canonical(["k" * flags.MAX_KEYWORD_OCTETS])
    with pytest.raises(TooManyFlags):
        canonical(["k" * (flags.MAX_KEYWORD_OCTETS + 1)])
    many = [f"k{n:03}" for n in range(flags.MAX_KEYWORDS)]
    assert canonical([*many, "\\Seen"]) == " ".join(["\\Seen", *many])
    with pytest.raises(TooManyFlags):
        canonical([*many, "one-more"])
    long = [letter * flags.MAX_KEYWORD_OCTETS for letter in "abcd"]
    assert len(canonical(long)) < flags.MAX_TEXT_OCTETS
    with pytest.raises(TooManyFlags):
        canonical([*long, "ee"])
    long = [letter * flags.MAX_KEYWORD_OCTETS for letter in "abcd"]
    assert len(canonical(long)) < flags.MAX_TEXT_OCTETS
    with pytest.raises(TooManyFlags):
        canonical([*long, "ee"])
    long = [letter * flags.MAX_KEYWORD_OCTETS for letter in "abcd"]
    assert len(canonical(long)) < flags.MAX_TEXT_OCTETS
    with pytest.raises(TooManyFlags):
        canonical([*long, "ee"])


def test_add_keeps_the_first_spelling() -> None:
    assert flags.add("\\Seen work", "WORK \\Answered") == "\\Answered \\Seen work"
    assert flags.add("\\Seen", "") == "\\Seen"


def test_remove_in_any_case() -> None:
    assert flags.remove("\\Answered \\Seen Work", "WORK \\Seen") == "\\Answered"
    assert flags.remove("\\Seen", "\\Draft") == "\\Seen"


def test_contains_whole_flags_only() -> None:
    assert flags.contains("\\Seen $Junk", "$junk")
    assert not flags.contains("\\Seen $NotJunk", "Junk")
    assert not flags.contains("", "x")


def test_keywords() -> None:
    assert flags.keywords("\\Seen $Junk a") == ("$Junk", "a")


def test_keywords_of_a_mailbox() -> None:
    known = flags.NO_KEYWORDS.including(["\\Seen b", "\\Seen $A b", ""])
    assert list(known) == ["$A", "b"]
    assert known.including(["B $a", "\\Deleted"]) is known
    more = known.including(["c B"])
    assert list(more) == ["$A", "b", "c"]
    assert (len(known), known <= more, more <= known) == (2, True, False)


def test_damaged_flags_keep_what_are_flags_however_many() -> None:
    assert flags.mended("b \\Flafged \\seen a(b x\r\n* a  B") == "\\Seen a b"
    many = " ".join(f"k{number:03}" for number in range(1_000))
    assert flags.mended(many) == many
