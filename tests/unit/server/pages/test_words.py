"""All words are there in both languages, with the same places for values."""

import re
import string
from pathlib import Path

import pytest

from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.server.pages import rendering
from pillarbox.server.pages.language import Language
from pillarbox.server.pages.words import TABLE, account, frame, reset, sign_in, words_of

NAMED = re.compile(r"""\bt\((?P<quote>["'])(?P<key>[\w.+]+)(?P=quote)(?! ~)""")
"""Where a template names a text."""


def places(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("key", sorted(TABLE))
def test_a_text_is_there_in_both_languages(key: str) -> None:
    english, german = TABLE[key]
    assert english.strip()
    assert german.strip()
    assert set(places(english)) == set(places(german))


def test_no_text_shouts_or_has_two_homes() -> None:
    assert not [key for key, texts in TABLE.items() if any("!" in text for text in texts)]
    assert len(TABLE) == sum(len(part.WORDS) for part in (account, frame, reset, sign_in))


def test_there_is_nothing_but_english_and_german() -> None:
    assert words_of(Language.ENGLISH)("sign_in.submit") == "Sign in"
    assert words_of(Language.GERMAN)("sign_in.submit") == "Anmelden"
    assert words_of(Language.GERMAN)("time.minutes", number=3) == "vor 3 Minuten"


def test_the_keys_that_templates_name_are_in_the_table() -> None:
    named = set()
    for file in Path(rendering.FOLDER).rglob("*.html"):
        named |= {match["key"] for match in NAMED.finditer(file.read_text())}
    assert len(named) > 50
    assert named - set(TABLE) == set()


def test_all_reasons_of_failed_sign_ins_have_words() -> None:
    assert {key.partition(".")[2] for key in TABLE if key.startswith("why.")} == {
        why.name.lower() for why in Why if why is not Why.TOO_MANY
    }
