"""What is compiled in a wheel can be: the mistakes that mypyc does not report are found without a compiler."""

import importlib.util
import shutil
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from tests.kit.paths import ROOT

HOOKS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "hooks"
]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compiled", ROOT / "packaging" / "compiled.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in the current folder, which is a temporary one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pillarbox" / "mail").mkdir(parents=True)
    return tmp_path / "pillarbox"


def test_the_modules_that_are_named_can_be_compiled(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "src" / "pillarbox", tmp_path / "pillarbox")
    monkeypatch.chdir(tmp_path)
    modules = hook.chosen(HOOKS["custom"]["rooms"], HOOKS["custom"]["interpreted"])
    assert Path("pillarbox/mail/header.py") in modules
    hook.refuse_rebinding(modules)
    hook.give_bases(modules)


def test_an_exception_that_names_no_module_is_refused(hook: ModuleType, below: Path) -> None:
    (below / "mail" / "header.py").touch()
    assert hook.chosen(["mail"], []) == [Path("pillarbox/mail/header.py")]
    with pytest.raises(ValueError, match="mail/gone is not among"):
        hook.chosen(["mail"], ["mail/gone"])


def test_options_of_a_struct_are_inherited(hook: ModuleType, below: Path) -> None:
    path = below / "mail" / "value.py"
    path.write_text(
        "from msgspec import Struct\n\n\nclass Value(Struct, frozen=True, gc=False):\n    n: int\n"
    )
    hook.give_bases([path])
    assert "class Value(Struct0, frozen=True, gc=False):" in path.read_text()
    assert "class Struct0(Struct, frozen=True, gc=False):" in (below / "_structs.py").read_text()


def test_a_module_gets_the_bases_that_it_needs_and_no_other_name(hook: ModuleType, below: Path) -> None:
    """A class of its own may be called as something that bases need."""
    path = below / "mail" / "filters.py"
    path.write_text(
        "from msgspec import Struct\n\n\nclass Any(Struct, frozen=True):\n    n: int\n\n\n"
        "class All(Struct, frozen=True):\n    n: int\n"
    )
    other = below / "mail" / "value.py"
    other.write_text("from msgspec import Struct\n\n\nclass Value(Struct, gc=False):\n    n: int\n")
    hook.give_bases([path, other])
    assert path.read_text().splitlines()[:2] == [
        "from msgspec import Struct",
        "from pillarbox._structs import Struct0",
    ]
    assert "from pillarbox._structs import Struct1\n" in other.read_text()


def test_what_derives_from_a_base_of_keywords_has_keywords_only(hook: ModuleType, below: Path) -> None:
    """As mypyc makes classes: without the options of their heads."""
    path = below / "mail" / "value.py"
    path.write_text(
        "from msgspec import Struct\n\n\nclass Value(Struct, frozen=True, kw_only=True):\n    n: int\n"
    )
    hook.give_bases([path])
    assert "class Value(Struct0, frozen=True, kw_only=True):" in path.read_text()
    names: dict[str, Any] = {}
    exec((below / "_structs.py").read_text(), names)
    base = names["Struct0"]
    fields = {"__annotations__": {"before": int, "optional": int, "after": int}, "optional": 2}
    value = type(base)("Value", (base,), fields)
    assert msgspec.structs.asdict(value(before=1, after=3)) == {"before": 1, "optional": 2, "after": 3}
    with pytest.raises(TypeError, match="positional"):
        value(1, 2, 3)
    with pytest.raises(AttributeError, match="immutable"):
        value(before=1, after=3).after = 4


def test_options_that_would_be_lost_are_refused(hook: ModuleType, below: Path) -> None:
    path = below / "mail" / "value.py"
    path.write_text("import msgspec\n\n\nclass Value(Named, msgspec.Struct, frozen=True):\n    n: int\n")
    with pytest.raises(ValueError, match="mypyc would lose"):
        hook.give_bases([path])


def test_a_name_for_two_kinds_of_exceptions_is_refused(hook: ModuleType, below: Path) -> None:
    path = below / "mail" / "value.py"
    clauses = "    except {} as wrong:\n        print(wrong)\n"
    body = "def read():\n    try:\n        pass\n"
    path.write_text(body + clauses.format("ValueError") + clauses.format("ValueError"))
    hook.refuse_rebinding([path])
    path.write_text(body + clauses.format("ValueError") + clauses.format("KeyError"))
    with pytest.raises(ValueError, match="is another exception above"):
        hook.refuse_rebinding([path])
