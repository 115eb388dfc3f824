"""Joins the state of each RFC (`docs/rfcs.toml`), where the code cites it and which tests prove it into one page.

`python dev/rfc_coverage.py` writes `docs/rfc-coverage.md`; `--check` tells whether it is current. Both report
an RFC that is cited or proven but has no entry, and one that is called "full" without a test that proves it.
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rfc-coverage.md"
TABLE = ROOT / "docs" / "rfcs.toml"

CITED = re.compile(r"RFCs? (\d{3,5})((?:,? (?:and |or )?§§?[\d.]+[\d]*)*)")
SECTION = re.compile(r"§§?([\d.]*\d)")
PROVEN = re.compile(r'mark\.rfc\(\s*"(\d{3,5})(?: §([^"]+))?",\s*"([A-Z ]+)"')
PROVEN_BY_TRANSCRIPT = re.compile(r"^rfc: (\d{3,5})(?: §(\S+))? ([A-Z ]+)$", re.MULTILINE)
PROVEN_BY_JSON = re.compile(r'"(\d{3,5})(?: §(\S+))? (MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)"')
STATUS = ("full", "partial", "planned", "no")


def read_table() -> dict[str, dict[str, str]]:
    """RFC number -> its title, status and note."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def cited() -> dict[str, dict[str, set[str]]]:
    """RFC number -> file -> sections cited there."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in sorted((ROOT / "src").rglob("*.py")):
        where = path.relative_to(ROOT / "src" / "pillarbox").as_posix()
        for match in CITED.finditer(path.read_text(encoding="utf-8")):
            found[match[1]][where].update(SECTION.findall(match[2]))
    return found


def proven() -> dict[str, list[str]]:
    """RFC number -> the marks of tests and the heads of transcripts, as `§section LEVEL`."""
    found: dict[str, list[str]] = defaultdict(list)
    kinds = (("*.py", PROVEN), ("*.txt", PROVEN_BY_TRANSCRIPT), ("transcripts/**/*.json", PROVEN_BY_JSON))
    for suffix, pattern in kinds:
        for path in sorted((ROOT / "tests").rglob(suffix)):
            for number, section, level in pattern.findall(path.read_text(encoding="utf-8")):
                found[number].append(f"§{section} {level}" if section else level)
    return found


def in_order(section: str) -> list[int]:
    """Sections sort as numbers: 6.10 after 6.9."""
    return [int(part) for part in section.split(".") if part.isdigit()]


def render(table: dict[str, dict[str, str]]) -> str:
    """The page."""
    code, tests = cited(), proven()
    lines = [
        "# RFC coverage",
        "",
        "Written by `dev/rfc_coverage.py`; the state of each RFC is kept in `docs/rfcs.toml`.",
        "",
        "| RFC | title | status | what is supported | cited in | proven by |",
        "|---|---|---|---|---|---|",
    ]
    for number, entry in sorted(table.items(), key=lambda item: int(item[0])):
        places = "<br>".join(
            f"`{where}`" + (" §" + ", §".join(sorted(sections, key=in_order)) if sections else "")
            for where, sections in sorted(code.get(number, {}).items())
        )
        marks = tests.get(number, [])
        proof = f"{len(marks)} test{'s' * (len(marks) > 1)}" if marks else ""
        lines.append(
            f"| {number} | {entry['title']} | {entry['status']} | {entry['note']} | {places} | {proof} |"
        )
    return "\n".join(lines) + "\n"


def problems(table: dict[str, dict[str, str]]) -> list[str]:
    """What is missing or wrong in the table."""
    code, tests = cited(), proven()
    wrong = [f"RFC {n}: status '{e['status']}'" for n, e in table.items() if e["status"] not in STATUS]
    wrong += [
        f"RFC {n} is 'full' in docs/rfcs.toml, but no test is marked with it"
        for n, e in table.items()
        if e["status"] == "full" and n not in tests
    ]
    return wrong + [
        f"RFC {n} is cited but has no entry in docs/rfcs.toml"
        for n in sorted({*code, *tests} - set(table), key=int)
    ]


def main() -> int:
    """Write or check the page. The exit code is 1 if there are problems."""
    table = read_table()
    found = problems(table)
    page = render(table)
    if "--check" not in sys.argv:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        found.append("docs/rfc-coverage.md is not current: run dev/fix")
    for problem in found:
        print(problem)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
