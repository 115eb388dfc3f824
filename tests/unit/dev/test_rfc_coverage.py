"""The page about RFCs is current, and each rule of its table reports what it is for."""

from dev import rfc_coverage


def test_the_page_is_current_and_complete() -> None:
    table = rfc_coverage.read_table()
    assert rfc_coverage.problems(table) == []
    assert rfc_coverage.PAGE.read_text("utf-8") == rfc_coverage.render(table), "run dev/fix"


def test_full_needs_a_test() -> None:
    entry = {"title": "Unheard of", "status": "full", "note": ""}
    table = rfc_coverage.read_table()
    assert rfc_coverage.problems(table | {"99999": entry}) == [
        "RFC 99999 is 'full' in docs/rfcs.toml, but no test is marked with it"
    ]
    assert rfc_coverage.problems(table | {"99999": entry | {"status": "planned"}}) == []
    assert rfc_coverage.problems(table | {"99999": entry | {"status": "some"}}) == [
        "RFC 99999: status 'some'"
    ]


def test_what_is_cited_needs_an_entry() -> None:
    table = rfc_coverage.read_table()
    del table["9051"]
    assert rfc_coverage.problems(table) == ["RFC 9051 is cited but has no entry in docs/rfcs.toml"]


def test_heads_of_transcripts_are_marks() -> None:
    assert "§4.2 MUST" in rfc_coverage.proven()["2033"]
