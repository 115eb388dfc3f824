"""Each invariant of the architecture page names a test, and that test is there."""

import re

from tests.kit.paths import ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_invariant_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if re.match(r"\| \d+ \|", row)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        named = NAMED.search(row)
        assert named, row
        source = (ROOT / named[1]).read_text(encoding="utf-8")
        assert named[2] is None or re.search(rf"def {named[2]}\(", source), row
