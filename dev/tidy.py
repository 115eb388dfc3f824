"""House rules that no linter knows, checked by reading the source: `python dev/tidy.py`.

A file of at most 600 lines, a function of at most 70 lines and 8 parameters, a docstring on each module
and on each public class and function, no name that tells nothing, and no call that has a better
place. The same rules run as an ordinary test (`tests/unit/test_tidy.py`).
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

FILE_LINES = 600
FUNCTION_LINES = 70
PARAMETERS = 8

EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "core", "misc", "base", "stuff", "tools"}

BANNED_CALLS = {
    "time.time": "world.clock tells the time, so that a test can pretend",
    "time.time_ns": "world.clock tells the time, so that a test can pretend",
    "time.sleep": "await the clock's sleep",
    "datetime.now": "world.clock tells the time, so that a test can pretend",
    "datetime.utcnow": "world.clock tells the time, so that a test can pretend",
    "secrets.token_bytes": "world.entropy gives chance, so that a seed can repeat a run",
    "random.random": "world.entropy gives chance, so that a seed can repeat a run",
    "os.urandom": "world.entropy gives chance, so that a seed can repeat a run",
    "email.message_from_bytes": "pillarbox.mail reads messages",
    "logging.getLogger": "world.telemetry tells what happened",
    "print": "world.telemetry tells what happened; the command line speaks through click",
}
"""Calls that belong to one door of `world`, each with where to go instead."""

DOORS = {
    "world/clock.py",
    "world/entropy.py",
    "world/telemetry.py",
    "testing/blocking.py",
    "world/signals.py",
}
"""The files in which such a call is at home; `testing` waits in somebody else's program, on real time,
and `signals` compares with the file system's clock."""

LEFTOVERS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")


POSSESSIVE_GROUP = re.compile(r"\)[*+?]\+")


def findings(root: Path = ROOT) -> Iterator[str]:
    """Each broken rule as `path:line: what`."""
    source = root / "src" / "pillarbox"
    for path in sorted(source.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(root).as_posix()
        yield from (f"{where}:{line}: {what}" for line, what in _file(path, text))
        tree = ast.parse(text)
        yield from (f"{where}:{line}: {what}" for line, what in _definitions(tree))
        if path.relative_to(source).as_posix() not in DOORS:
            yield from (f"{where}:{line}: {what}" for line, what in _calls(tree))


def _file(path: Path, text: str) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        yield len(lines), f"{len(lines)} lines; the limit is {FILE_LINES}"
    if path.stem in EMPTY_NAMES:
        yield 1, f"a module called '{path.stem}' does not say what it holds"
    for number, line in enumerate(lines, 1):
        if POSSESSIVE_GROUP.search(line):
            yield number, "a possessive quantifier after a group: Python before 3.11.5 matches it wrongly"
        if any(word in line for word in LEFTOVERS):
            yield number, "a leftover; finish it, or say why it is so"


def _definitions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    if ast.get_docstring(tree) is None:
        yield 1, "the module does not say what it holds"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(node)
    for node in _public(tree):
        if ast.get_docstring(node) is None:
            yield node.lineno, f"'{node.name}' is public and has no docstring"


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > FUNCTION_LINES:
        yield node.lineno, f"'{node.name}' has {length} lines; the limit is {FUNCTION_LINES}"
    names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    count = len([name for name in names if name not in ("self", "cls")])
    if count > PARAMETERS:
        yield node.lineno, f"'{node.name}' has {count} parameters; the limit is {PARAMETERS}"


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """What other modules may use: public functions and classes, and the public methods of those."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            yield node
            if isinstance(node, ast.ClassDef):
                methods = (m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef))
                yield from (method for method in methods if method.name[0] != "_")


def _calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            for banned, instead in BANNED_CALLS.items():
                if name == banned or name.endswith("." + banned):
                    yield node.lineno, f"{banned}: {instead}"


if __name__ == "__main__":
    found = list(findings())
    print("\n".join(found))
    sys.exit(bool(found))
