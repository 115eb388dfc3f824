"""Every attack, with the bounds that are meant: how long anybody else waits, and what memory it costs.

    python -m tests.blocking                       # all, against one worker
    python -m tests.blocking --workers 2 marks     # those whose name has "marks", against two
    python -m tests.blocking --write               # against one and two workers, into docs/security.md
    python -m tests.blocking --write text signed   # the same of these modules; the other rows stay as they are

Exits with 1 where somebody waited longer than the bound. Run it on a machine that does nothing else.
"""

import argparse
import sys

from tests.blocking.case import Case
from tests.blocking.cases import by_module, every_case
from tests.blocking.measure import Measured, measure
from tests.kit.paths import ROOT

BOUND_MS = 250.0
"""A wait that anybody would notice. The goal is 50 ms."""
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"
ANSWER_CHARACTERS = 90


def main() -> int:
    """Run the cases that were asked for; an exit code."""
    options = _options()
    cases = [
        case
        for module, cases in by_module().items()
        for case in cases
        if not options.names or module in options.names or any(name in case.name for name in options.names)
    ]
    rows, over = [], 0
    for case in cases:
        measured = [
            measure(case, workers=workers) for workers in ((1, 2) if options.write else (options.workers,))
        ]
        over += any(_is_over(case, one, options.bound) for one in measured)
        rows.append(_row(case, measured))
        writes = " / ".join(f"{one.longest_write_ms:.0f}" for one in measured)
        print(f"{rows[-1]} a write: {writes} ms", flush=True)
    if options.write:
        _write(rows)
    print(f"{len(cases)} cases, {over} over the bound of {options.bound:.0f} ms or of memory")
    return 1 if over else 0


def _is_over(case: Case, measured: Measured, bound_ms: float) -> bool:
    longest_ms = max(measured.longest_ms, measured.longest_write_ms)
    return longest_ms > bound_ms or measured.memory_mib > case.memory_mib


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", help="a module of tests/blocking/cases, or a part of a case's name"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--bound", type=float, default=BOUND_MS, help="milliseconds")
    parser.add_argument("--write", action="store_true", help="write the table in docs/security.md")
    return parser.parse_args()


def _row(case: Case, measured: list[Measured]) -> str:
    waits = " / ".join(f"{one.longest_ms:.0f}" for one in measured)
    memory = " / ".join(f"{max(0, one.memory_mib):.0f}" for one in measured)
    return f"| {case.name} | {case.limit} | {_shown(measured[0].answer)} | {waits} | {memory} |"


def _shown(answer: str) -> str:
    answer = answer if len(answer) <= ANSWER_CHARACTERS else answer[:ANSWER_CHARACTERS] + "…"
    return answer.replace("|", "\\|").replace("<", "&lt;")


def _write(rows: list[str]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    head = "| sent | limit | answer | longest wait, ms | memory, MiB |\n|---|---|---|---|---|\n"
    there = text.partition(BEGIN + head)[2].partition(END)[0].splitlines()
    known = {_title(row): row for row in (*there, *rows)}
    kept = [known[case.name] for case in every_case() if case.name in known]
    PAGE.write_text(before + BEGIN + head + "\n".join(kept) + "\n" + END + after, encoding="utf-8")


def _title(row: str) -> str:
    return row.removeprefix("| ").partition(" | ")[0]


if __name__ == "__main__":
    sys.exit(main())
