"""The architecture page names tests that exist, and no module imports itself by way of others."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.kit.paths import ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
SOURCE = ROOT / "src"


def test_every_invariant_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [row for row in page.splitlines() if re.match(r"\| \d+ \|", row)]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        named = NAMED.search(row)
        assert named, row
        source = (ROOT / named[1]).read_text(encoding="utf-8")
        assert named[2] is None or re.search(rf"def {named[2]}\(", source), row


# --- imports: all of them count, those inside functions and for type checkers too

Graph = dict[str, set[str]]


def _module(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Module, and the name taken from it (empty: the module itself)."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                yield from ((name.name, "") for name in names)
            case ast.ImportFrom(str(module), names, 0):
                yield from ((module, name.name) for name in names)
            case ast.ImportFrom():
                raise AssertionError("imports are absolute")


def imports_of_the_house() -> Graph:
    trees = {_module(path): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    graph: Graph = {}
    for module, tree in trees.items():
        imported = (
            f"{other}.{name}" if f"{other}.{name}" in trees else other for other, name in _imports(tree)
        )
        graph[module] = {other for other in imported if other in trees}
    return graph


def cycle(graph: Graph) -> list[str] | None:
    """The modules of one circle of imports, if there is any."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as failure:
        return list(failure.args[1])
    return None


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = imports_of_the_house()
    assert len(graph) > 300
    assert cycle(graph) is None


def test_a_circle_is_seen() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) is not None
    assert cycle({"a": {"b"}, "b": {"c"}, "c": set()}) is None


# --- who serves awaits the database


def test_the_server_awaits_the_database() -> None:
    server = SOURCE / "pillarbox" / "server"
    blocking = {
        path.relative_to(server).as_posix()
        for path in server.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("read_now", "write_now")
    }
    assert not blocking
