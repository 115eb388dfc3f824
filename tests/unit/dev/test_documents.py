"""Indexes list what they are about, and links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.kit.paths import ROOT

DECISIONS = ROOT / "docs" / "decisions"
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)?(#[^)\s]+)?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "tests/transcripts/README.md",
]


def test_the_index_lists_every_decision_in_order() -> None:
    listed = re.findall(
        r"^\| \[(\d{4})\]\(([\w-]+\.md)\) \|", (DECISIONS / "README.md").read_text("utf-8"), re.MULTILINE
    )
    pages = sorted(path.name for path in DECISIONS.glob("*.md") if path.name != "README.md")
    assert [name for _number, name in listed] == pages
    assert all(name.startswith(number) for number, name in listed)


INDEXES = sorted((ROOT / "docs").rglob("README.md"))


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: str(index.relative_to(ROOT)))
def test_an_index_lists_every_page_of_its_folder(index: Path) -> None:
    listed = {(index.parent / target).resolve() for target, _anchor in LINK.findall(index.read_text("utf-8"))}
    pages = {
        *(path for path in index.parent.glob("*.md") if path != index),
        *index.parent.glob("*/README.md"),
    }
    assert pages <= listed


def test_every_folder_of_pages_has_an_index() -> None:
    assert {path.parent for path in (ROOT / "docs").rglob("*.md")} == {path.parent for path in INDEXES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        path = (page.parent / target) if target else page
        assert path.exists(), target
        if anchor:
            assert anchor[1:] in anchors(path), target + anchor


def anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_glossary_is_in_order() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert words == sorted(words, key=str.lower)
