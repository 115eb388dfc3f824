"""Keywords and flags."""

import json
import string

import pytest

from pillarbox.protocol.jmap.email import keywords
from pillarbox.protocol.jmap.email.keywords import InvalidKeyword


@pytest.mark.rfc("8621 §4.1.1", "MUST")
@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("", ()),
        ("\\Answered \\Flagged \\Seen \\Draft", ("$answered", "$flagged", "$seen", "$draft")),
        ("\\Deleted \\Seen", ("$seen",)),
        ("\\Seen $Forwarded $MDNSent Foo", ("$seen", "$forwarded", "$mdnsent", "foo")),
        ("$Seen $DRAFT", ()),  # keywords of IMAP that only look like system flags
        ("$Deleted", ("$deleted",)),
    ],
)
def test_flags_are_shown_in_lower_case(stored: str, expected: tuple[str, ...]) -> None:
    assert keywords.keywords(stored) == expected
    assert json.loads(keywords.json_keywords(stored)) == dict.fromkeys(expected, True)


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_what_is_deleted_is_not_visible() -> None:
    assert keywords.is_visible("\\Seen $Deleted")
    assert not keywords.is_visible("\\Deleted \\Seen")


def test_an_email_has_what_any_of_its_messages_has() -> None:
    assert set(keywords.combined(["\\Seen Foo", "\\Flagged foo", ""])) == {"$seen", "foo", "$flagged"}
    assert keywords.combined([]) == ()


@pytest.mark.rfc("8621 §4.1.1", "MUST")
@pytest.mark.parametrize(
    ("keyword", "flag"),
    [
        ("$seen", "\\Seen"), ("$SEEN", "\\Seen"), ("$draft", "\\Draft"), ("$flagged", "\\Flagged"),
        ("$answered", "\\Answered"), ("$Forwarded", "$forwarded"), ("2026", "2026"), ("!#~", "!#~"),
        ("x" * 255, "x" * 255),
    ],
)  # fmt: skip
def test_a_keyword_has_a_flag(keyword: str, flag: str) -> None:
    assert keywords.flag_of(keyword) == flag


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_characters_that_are_not_allowed() -> None:
    allowed = {character for character in map(chr, range(0x21, 0x7F)) if character not in '(){]%*"\\'}
    for character in map(chr, range(0x100)):
        if character in allowed:
            keywords.flag_of(f"x{character}")
        else:
            with pytest.raises(InvalidKeyword):
                keywords.flag_of(f"x{character}")
    for wrong in ("", "x" * 256, "\\Seen", "\\Recent"):
        with pytest.raises(InvalidKeyword):
            keywords.flag_of(wrong)


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_keywords_of_a_new_email() -> None:
    assert keywords.flags_of({"$seen": True, "Foo": True, "$draft": True}) == "\\Seen \\Draft foo"
    for value in (False, "true", 1, None):
        with pytest.raises(InvalidKeyword):
            keywords.flags_of({"$seen": value})
    with pytest.raises(InvalidKeyword):
        keywords.flags_of(
            {f"{letter}{number}": True for letter in string.ascii_lowercase for number in range(10)}
        )
