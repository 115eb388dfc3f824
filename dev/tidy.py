"""House rules that no linter knows, checked by reading the source: `python dev/tidy.py`.

At most 600 lines a file, 70 lines and 8 parameters a function; a docstring on each module and on each public
class and function; no file name that says nothing; no call that belongs elsewhere; no leftovers. Of the tests only
that they patch no constant: a limit is passed to what it limits.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "pillarbox"
TESTS = ROOT / "tests"

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 70
MAX_PARAMETERS = 8

EMPTY_NAMES = {"utils", "util", "common", "helpers", "helper", "core", "misc", "base", "stuff", "tools"}

BANNED_CALLS = {
    "time.time": "use the clock of `world.clock`; tests set it",
    "time.time_ns": "use the clock of `world.clock`; tests set it",
    "time.sleep": "await the clock's `sleep`",
    "datetime.now": "use the clock of `world.clock`; tests set it",
    "datetime.utcnow": "use the clock of `world.clock`; tests set it",
    "secrets.token_bytes": "use `world.entropy`; a seed repeats a run",
    "random.random": "use `world.entropy`; a seed repeats a run",
    "os.urandom": "use `world.entropy`; a seed repeats a run",
    "unicodedata.normalize": "`pillarbox.mail.normalization` takes linear time",
    "ucd_3_2_0.normalize": "`pillarbox.mail.normalization` takes linear time",
    "casefold": "`pillarbox.mail.normalization` takes slices",
    "email.message_from_bytes": "`pillarbox.mail` parses messages",
    "logging.getLogger": "use `world.telemetry`",
    "print": "use `world.telemetry`, or click in the command line",
}
"""Calls that only one file may make, each with what to use instead."""

ALLOWED = {
    "world/clock.py",
    "world/entropy.py",
    "world/telemetry.py",
    "app/demo_requests.py",
    "testing/blocking.py",
    "world/signals.py",
    "mail/normalization.py",
}
"""The files that may make such a call. `testing` and the demo wait in another process, on real time; `signals` compares
with the file system's clock."""

LEFTOVERS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")

POSSESSIVE_GROUP = re.compile(r"\)[*+?]\+")

CONSTANT = re.compile(r"_*[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
PATCHING_CALLS = {"setattr", "patch", "object"}
"""The last part of the calls that patch: pytest's and Python's `setattr`, `mock.patch` and `mock.patch.object`."""


def findings() -> Iterator[str]:
    """Each broken rule in the source as `path:line: what`."""
    for path in sorted(SOURCE.rglob("*.py")):
        where = path.relative_to(SOURCE).as_posix()
        for line, what in check(where, path.read_text(encoding="utf-8")):
            yield f"src/pillarbox/{where}:{line}: {what}"
    for path in sorted(TESTS.rglob("*.py")):
        for line, what in check_test(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(ROOT).as_posix()}:{line}: {what}"


def check(where: str, text: str) -> Iterator[tuple[int, str]]:
    """Each broken rule in the text of one file: its line and what. `where`: the path below the package."""
    yield from _file(Path(where), text)
    tree = ast.parse(text)
    yield from _definitions(tree)
    if where not in ALLOWED:
        yield from _calls(tree)


def check_test(text: str) -> Iterator[tuple[int, str]]:
    """Each constant that a test patches: its line and what."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt | ast.expr):
            for name in filter(CONSTANT.fullmatch, _patched(node)):
                yield node.lineno, f"'{name}' is patched: make it a parameter, and pass another value"


def _patched(node: ast.AST) -> Iterator[str]:
    """The names that a statement or call sets on another module or object."""
    match node:
        case ast.Assign(targets=targets):
            yield from (target.attr for target in targets if isinstance(target, ast.Attribute))
        case ast.AugAssign(target=ast.Attribute(attr=name)):
            yield name
        case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called)) if called in PATCHING_CALLS:
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value.rpartition(".")[2]


def _file(path: Path, text: str) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), f"{len(lines)} lines; the limit is {MAX_FILE_LINES}"
    if path.stem in EMPTY_NAMES:
        yield 1, f"the name '{path.stem}' does not say what the module is about"
    for number, line in enumerate(lines, 1):
        if POSSESSIVE_GROUP.search(line):
            yield number, "a possessive quantifier after a group: matched wrongly before Python 3.11.5"
        if any(word in line for word in LEFTOVERS):
            yield number, "a leftover: finish it, or say why it stays"


def _definitions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    if ast.get_docstring(tree) is None:
        yield 1, "the module has no docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function(node)
    for node in _public(tree):
        if ast.get_docstring(node) is None:
            yield node.lineno, f"'{node.name}' is public and has no docstring"


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[int, str]]:
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > MAX_FUNCTION_LINES:
        yield node.lineno, f"'{node.name}' has {length} lines; the limit is {MAX_FUNCTION_LINES}"
    names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]]
    count = len([name for name in names if name not in ("self", "cls")])
    if count > MAX_PARAMETERS:
        yield node.lineno, f"'{node.name}' has {count} parameters; the limit is {MAX_PARAMETERS}"


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions and classes, and their public methods."""
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
    for finding in found:
        print(finding)
    sys.exit(bool(found))
