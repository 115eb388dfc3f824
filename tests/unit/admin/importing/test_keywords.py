"""Names of tags and labels become keywords, whatever they hold."""

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.admin.importing import maildir
from pillarbox.admin.importing.keywords import keyword_of, keywords_in
from pillarbox.mail import flags


@given(st.text(min_size=1, max_size=25))
def test_every_name_becomes_a_keyword(name: str) -> None:
    assert flags.canonical([keyword_of(name)])


@given(st.binary(max_size=40))
def test_every_list_becomes_keywords(field: bytes) -> None:
    assert len(flags.canonical(keywords_in(field)).split()) <= len(keywords_in(field))


def test_keywords_of_a_maildir() -> None:
    found = maildir.flags_of("Sab", {"a": "a b", "b": "Büro"}, ("(c)", "octets \udcff"))
    assert found == "\\Seen _c_ a_b B&APw-ro octets_&AP8-"
