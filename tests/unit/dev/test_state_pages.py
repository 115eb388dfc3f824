"""The pages of transition tables are current."""

import pytest

from dev.state_pages import FOLDER, PAGES, StatePage


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_current(page: StatePage) -> None:
    assert page.path.read_text("utf-8") == page.text(), "run dev/fix"


def test_every_page_has_an_entry() -> None:
    assert {*FOLDER.glob("*.md")} - {FOLDER / "README.md"} == {page.path for page in PAGES}
